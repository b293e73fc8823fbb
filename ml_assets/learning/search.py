"""Parameters looked for within a budget: Optuna proposes, folds of the training part judge, the hopeless are not finished."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_assets.errors import DeclarationError, MLAssetsError
from ml_assets.learning.blending import (
    BLEND,
    EACH,
    MEMBERS,
    WHO,
    blend_of,
    declared_over,
    family_of,
    labels_of,
    numbered,
    of_member,
)
from ml_assets.learning.candidates import family, fit_candidate
from ml_assets.learning.held_out import held_out_losses
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import Parameters
from ml_assets.learning.resampling import Fold, fold_table
from ml_assets.learning.search_spaces import SPACES, Space
from ml_assets.learning.table import TrainingTable
from ml_assets.learning.trials import SearchResult, State, Trial, line, told
from ml_assets.statistics.clustered import clustered_mean

BEHIND = 2.0
"""Standard errors behind, on the same rows, from which a trial is not finished, and a family gets fewer turns."""
FEWEST = 10
"""Held-out rows of every class from which a trial can be behind."""
FIRST = 4
"""Trials of a family before its own results say where to look."""
LATE = 0.6
"""Share of the budget after which the best of a family is tried with smaller steps."""
FEWER = 5
"""Turns of the other families for one of a family that is behind."""


@dataclass(frozen=True)
class Budget:
    """Trials or seconds over all families, whichever ends first; ``pruning`` ends a trial that is behind."""

    trials: int | None = None
    seconds: float | None = None
    pruning: bool = True

    def __post_init__(self) -> None:
        if self.trials is None and self.seconds is None:
            raise DeclarationError("a search needs a budget", got="none", allowed="trials or seconds", do="Give one")


@dataclass(frozen=True, eq=False)
class _Held:
    """The held-out rows of a fold: weighted loss of each, what they share, and how many are of the rarest class (all of a number)."""

    lost: NDArray[np.float64]
    weight: float
    cluster: NDArray[Any] | None
    rarest: int


@dataclass(eq=False)
class _Study:
    """One family being searched: its best trials, and what each lost on each fold."""

    name: str
    recipe: Recipe
    space: Space
    study: Any
    trials: list[Trial] = field(default_factory=list)
    leading: list[tuple[Trial, tuple[_Held, ...]]] = field(default_factory=list)
    refined: bool = False

    @property
    def best(self) -> Trial | None:
        return self.leading[0][0] if self.leading else None

    @property
    def kept(self) -> tuple[_Held, ...]:
        return self.leading[0][1] if self.leading else ()

    @property
    def failed(self) -> bool:
        """Whether every trial failed, one at least."""
        return bool(self.trials) and all(trial.state == "failed" for trial in self.trials)

    def add(self, trial: Trial, held: Sequence[_Held]) -> None:
        self.trials.append(trial)
        if trial.state == "complete" and all(trial.parameters != other.parameters for other, _ in self.leading):
            self.leading = sorted([*self.leading, (trial, tuple(held))], key=lambda one: one[0].loss)[:EACH]

    def refine(self) -> None:
        """Next, and once: its best with smaller steps, which takes more rounds and is mostly better by a little."""
        if self.refined or self.best is None:
            return
        self.refined = True
        best = {**family(self.name).defaults, **self.best.parameters}
        if (finer := self.space.finer(best)) is not None:
            self.study.enqueue_trial(finer)

    def spent(self, budget: Budget) -> float:
        """Of a budget of seconds the seconds, else the trials: those must not depend on a clock."""
        return float(len(self.trials)) if budget.seconds is None else sum(t.seconds for t in self.trials)


def search(
    recipes: Mapping[str, Recipe],
    table: TrainingTable,
    folds: Sequence[Fold],
    *,
    budget: Budget,
    warm: Mapping[str, Parameters] | None = None,
    log: Callable[[str], None] = lambda _: None,
) -> SearchResult:
    """The parameters with the lowest mean loss per row over ``folds`` of ``table``, for every family of ``recipes``.

    ``recipes``: family → its declared recipe; declared parameters are left as they are. A blend is looked for by its
    members, each judged alone; it averages the two best trials of each family, without one that is clearly behind the
    other. Each family begins with its defaults, then with ``warm`` (such as those of the live model), then with the
    starts of its space; then Optuna's tree-structured Parzen estimator proposes, and once 60 % of
    the budget is spent the best so far is tried with a third of its step. After every fold a trial is raced against the
    best of its family: it is pruned when the mean difference of their losses, on the rows held out so far, is above two
    standard errors (paired; rows of a cluster count as one). A trial that cannot be fitted is recorded as failed with its
    reason, and the search goes on.

    The family that has spent least is next; one whose best is behind the best of all by more than two standard errors
    pays fivefold. With a budget of trials the same table, recipes, folds and warm start give the same answer; with one of
    seconds, on the same machine at best.

    Raises ``DeclarationError`` where no trial of any family could be fitted.
    Sources: Bergstra and others, Algorithms for hyper-parameter optimization, NIPS 2011; Maron and Moore, The racing
    algorithm, Artificial Intelligence Review 11 (1997) 193.
    """
    live = warm or {}
    studies = [_begin(name, recipe, _warm(name, live)) for name, recipe in _searched(recipes).items()]
    parts = [fold_table(table, fold) for fold in folds]
    begun, made = time.perf_counter(), list[Trial]()
    while studies and (share := _spent(budget, len(made), time.perf_counter() - begun)) < 1:
        one = _next(studies, budget)
        if share >= LATE:
            one.refine()
        left = None if budget.seconds is None else budget.seconds - (time.perf_counter() - begun)
        trial = _try(one, parts, left if one.best else None, budget.pruning)
        made.append(trial)
        log(line(len(made), trial, one.best))
    found = {one.name: one.best.parameters for one in studies if one.best is not None}
    if BLEND in recipes:
        found[BLEND] = _blended(studies, recipes[BLEND].parameters)
    return SearchResult(tuple(made), found, told(made, len(folds), time.perf_counter() - begun))


def _searched(recipes: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """The families with something to look for; a blend is looked for by its members."""
    blend = recipes.get(BLEND)
    labels = labels_of(blend.parameters) if blend is not None else ()
    members = {m: blend.given(of_member(blend.parameters, m)) for m in map(family_of, labels)} if blend else {}
    return {name: recipe for name, recipe in {**members, **recipes}.items() if name in SPACES}


def _warm(name: str, live: Mapping[str, Parameters]) -> list[Parameters]:
    """What the live model has for a family: its own parameters, or those of every member of a blend that is of it."""
    if name in live:
        return [live[name]]
    blend = live.get(BLEND)
    return [of_member(blend, label) for label in labels_of(blend) if family_of(label) == name] if blend else []


def _begin(name: str, recipe: Recipe, warm: Sequence[Parameters]) -> _Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = SPACES[name].without(recipe.parameters)
    points = [space.begin(p) for p in (family(name).defaults, *warm, *space.starts)]
    distinct = {tuple(sorted(p.items())): p for p in points}.values()
    sampler = optuna.samplers.TPESampler(seed=recipe.seed, n_startup_trials=max(FIRST, len(distinct)))
    study = optuna.create_study(sampler=sampler, pruner=optuna.pruners.NopPruner())
    for point in distinct:
        study.enqueue_trial(point)
    return _Study(name, recipe, space, study)


def _spent(budget: Budget, made: int, seconds: float) -> float:
    """Share of the budget; 1 and more where it has ended."""
    shares = (made / budget.trials if budget.trials else 0.0, seconds / budget.seconds if budget.seconds else 0.0)
    return max(shares)


def _next(studies: Sequence[_Study], budget: Budget) -> _Study:
    """The family that has spent least, a family that is behind paying more; the first named of several."""
    lead = min(studies, key=lambda one: one.best.loss if one.best else math.inf)
    price = [FEWER if one.best and _behind(one.kept, lead.kept) else 1 for one in studies]
    return min(zip(studies, price, strict=True), key=lambda pair: pair[0].spent(budget) * pair[1])[0]


def _behind(own: Sequence[_Held], other: Sequence[_Held]) -> bool:
    """Whether the first lose more than the second, by more than two standard errors, on the folds that both have.

    Never with fewer than ten rows of a class: without them, whoever promises that class less is ahead.
    """
    pairs = list(zip(own, other, strict=False))
    if sum(one.rarest for one, _ in pairs) < FEWEST:
        return False
    cluster = [one.cluster for one, _ in pairs if one.cluster is not None]
    mean = clustered_mean(
        np.concatenate([one.lost - two.lost for one, two in pairs]), np.concatenate(cluster) if cluster else None
    )
    return mean.freedom > 0 and mean.value > BEHIND * mean.error


def _try(one: _Study, parts: Sequence[TrainingTable], left: float | None, pruning: bool) -> Trial:
    """One trial, told to Optuna and kept; one that outlasts the seconds that are left is not finished."""
    trial, begun = one.study.ask(), time.perf_counter()
    asked = {d.name: d.ask(trial) for d in one.space.dimensions}
    # The first trial is what would be trained without a search, its ceilings included.
    parameters = {**one.recipe.parameters, **(one.space.settled(asked) if one.trials else {})}
    ends = math.inf if left is None else begun + left
    held, state, why = _race(one, parts, one.recipe.given(parameters), ends, pruning)
    for step in range(len(held)):
        trial.report(_loss(held[: step + 1]), step)
    loss = math.nan if state == "failed" else _loss(held)
    one.study.tell(trial, loss if state == "complete" else None, state=_ended(state))
    found = Trial(one.name, parameters, loss, len(held), state, time.perf_counter() - begun, why)
    one.add(found, held)
    return found


def _race(
    one: _Study, parts: Sequence[TrainingTable], recipe: Recipe, ends: float, pruning: bool
) -> tuple[list[_Held], State, str]:
    """Fold by fold, until it fails, is late, or is behind the best of its family; the reason where it was not finished."""
    held = list[_Held]()
    for part in parts:
        try:
            held.append(_held_out(one.name, part, recipe))
        except (MLAssetsError, ValueError, ArithmeticError) as error:
            return held, "failed", str(error)[:300]
        if len(held) == len(parts):
            break
        if time.perf_counter() > ends:
            return held, "pruned", "the budget ended"
        if pruning and _behind(held, one.kept):
            return held, "pruned", f"behind the best after {len(held)} folds"
    return held, "complete", ""


def _held_out(name: str, part: TrainingTable, recipe: Recipe) -> _Held:
    """What the held-out rows of a fold lose."""
    held = part.take("test")
    lost = held.weight * held_out_losses(fit_candidate(name, part, recipe=recipe).predict, held, recipe)
    if not math.isfinite(lost.sum()):
        raise ArithmeticError(f"the loss of {len(held)} held-out rows is {lost.sum()}")
    counts = (
        [len(held)] if part.task == "regression" else [int((held.truth == c).sum()) for c in range(len(part.classes))]
    )
    return _Held(lost, float(held.weight.sum()), held.cluster, min(counts))


def _ended(state: State) -> Any:
    from optuna.trial import TrialState

    return {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[state]


def _loss(held: Sequence[_Held]) -> float:
    """Mean per row."""
    return float(sum(one.lost.sum() for one in held) / sum(one.weight for one in held)) if held else math.nan


def _blended(studies: Sequence[_Study], declared: Parameters) -> Parameters:
    """The best trials of each family as one blend, its defaults where none was finished; what is declared of it is held.

    Declared members take part even where they are behind. A family that could not be fitted does not.
    """
    members: dict[str, Parameters] = {}
    for one in studies:
        leading = one.leading if one.name in MEMBERS else []
        near = [trial.parameters for trial, held in leading if WHO in declared or not _behind(held, one.kept)]
        if one.name in MEMBERS and not near and not one.failed:
            near = [{}]
        members |= dict(zip(numbered(one.name, len(near)), near, strict=True))
    return declared_over(blend_of(members) if members else {}, declared)
