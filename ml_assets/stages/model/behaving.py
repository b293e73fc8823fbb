"""Declared behaviour (model.monotone, invariant, cases): refused where it cannot be tried, and tried on the test part."""

from ml_assets.declaration import Solution
from ml_assets.history import Learned
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.behaviour import (
    Behaviour,
    Expected,
    KnownCase,
    direction,
    invariance,
    known_case,
    sampled,
    typical,
)
from ml_assets.resources import SolutionStore


def expected(solution: Solution) -> Expected:
    """What the declaration says of behaviour."""
    cases = tuple(KnownCase(**dict(case)) for case in solution.model.cases)
    return Expected(solution.model.monotone, solution.model.invariant, cases)


def require_behaviour(solution: Solution, store: SolutionStore) -> None:
    """Raise ``DeclarationError`` before anything is trained when declared behaviour names what does not exist."""
    facts, left_out = store.read_facts("training_set"), store.read_facts("selected_columns")["dropped"]
    expected(solution).require(
        inputs=facts["features"],
        groups=solution.group_names,
        hidden=sorted({*solution.never_inputs, *left_out}),
        classes=facts["classes"],
    )


def behaviour_of(solution: Solution, artifact: SolutionArtifact, test: Learned, *, train: Learned) -> list[Behaviour]:
    """Every declared behaviour, tried on at most 2,000 test rows; cases are completed from the training rows."""
    wanted, seed = expected(solution), solution.model.seed
    rows = test.rows(sampled(len(test.table), seed=seed))
    features, groups = rows.table.features, rows.groups
    tried = [direction(artifact, features, name, sign) for name, sign in wanted.monotone.items()]
    tried += [invariance(artifact, features, groups, name, seed=seed) for name in wanted.invariant]
    if wanted.cases:
        usual = typical(train.table.features, train.groups, artifact.specs)
        tried += [known_case(artifact, case, usual) for case in wanted.cases]
    return tried
