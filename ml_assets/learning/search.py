"""Parameters looked for within a budget: Optuna proposes, folds of the training part judge, the hopeless are not finished."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ml_assets.errors import DeclarationError, MLAssetsError
from ml_assets.learning.candidates import family, fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.losses import row_loss
from ml_assets.learning.predictors import Parameters
from ml_assets.learning.resampling import Fold, fold_table
from ml_assets.learning.search_spaces import SPACES, Space
from ml_assets.learning.table import TrainingTable

State = Literal["complete", "pruned", "failed"]
BEFORE_PRUNING = 4
"""Finished trials of a family before another one is held against their median."""


@dataclass(frozen=True)
class Trial:
    """One set of parameters: mean loss per row over the folds that were done, and how it ended."""

    family: str
    parameters: Parameters
    loss: float
    folds: int
    state: State
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class SearchResult:
    """Every trial in the order they were made, and the parameters found for each family.

    ``found`` holds what differs from the family's defaults; a family without a finished trial keeps its declared ones.
    """

    trials: tuple[Trial, ...]
    found: Mapping[str, Parameters]
    sentence: str

    def best_so_far(self, name: str) -> tuple[tuple[int, float], ...]:
        """(trial, lowest loss until then) over the finished trials of one family: a curve that only falls."""
        points: list[tuple[int, float]] = []
        for number, trial in enumerate(t for t in self.trials if t.family == name):
            if trial.state == "complete":
                points.append((number, min(trial.loss, points[-1][1] if points else math.inf)))
        return tuple(points)


@dataclass(frozen=True)
class Budget:
    """Trials or seconds over all families, whichever ends first; ``pruning`` ends a trial that is behind."""

    trials: int | None = None
    seconds: float | None = None
    pruning: bool = True

    def __post_init__(self) -> None:
        if self.trials is None and self.seconds is None:
            raise DeclarationError("a search needs a budget", got="none", allowed="trials or seconds", do="Give one")


@dataclass(eq=False)
class _Study:
    """One family being searched."""

    name: str
    recipe: Recipe
    space: Space
    study: Any
    trials: list[Trial] = field(default_factory=list)

    @property
    def best(self) -> Trial | None:
        done = [t for t in self.trials if t.state == "complete"]
        return min(done, key=lambda t: t.loss, default=None)


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

    ``recipes``: family → its declared recipe; declared parameters are left as they are. Families take turns. Each begins
    with its defaults, then with ``warm`` (such as those of the live model), then Optuna's tree-structured Parzen estimator
    proposes; a trial behind the median of the finished ones after the same number of folds is pruned. A trial that cannot
    be fitted is recorded as failed with its reason, and the search goes on. With a budget of trials the same table,
    recipes, folds and warm start give the same answer; with one of seconds, on the same machine at best.

    Raises ``DeclarationError`` where no trial of any family could be fitted.
    Sources: Bergstra and others, Algorithms for hyper-parameter optimization, NIPS 2011; Golovin and others, Google
    Vizier, KDD 2017 (median rule).
    """
    studies = [
        _begin(name, recipe, budget, (warm or {}).get(name)) for name, recipe in recipes.items() if name in SPACES
    ]
    parts = [fold_table(table, fold) for fold in folds]
    begun, made = time.perf_counter(), list[Trial]()
    while studies and not _spent(budget, len(made), time.perf_counter() - begun):
        one = studies[len(made) % len(studies)]
        left = None if budget.seconds is None else budget.seconds - (time.perf_counter() - begun)
        trial = _try(one, parts, left if one.best else None)
        one.trials.append(trial)
        made.append(trial)
        log(_line(len(made), trial, one.best))
    return _result(studies, tuple(made), len(folds), time.perf_counter() - begun)


def _begin(name: str, recipe: Recipe, budget: Budget, warm: Parameters | None) -> _Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=recipe.seed, n_startup_trials=8)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=BEFORE_PRUNING, n_warmup_steps=0)
    study = optuna.create_study(sampler=sampler, pruner=pruner if budget.pruning else optuna.pruners.NopPruner())
    space = SPACES[name].without(recipe.parameters)
    points = [space.begin(family(name).defaults), *([space.begin(warm)] if warm else [])]
    for point in {tuple(sorted(p.items())): p for p in points}.values():
        study.enqueue_trial(point)
    return _Study(name, recipe, space, study)


def _spent(budget: Budget, made: int, seconds: float) -> bool:
    return (budget.trials is not None and made >= budget.trials) or (
        budget.seconds is not None and seconds >= budget.seconds
    )


def _try(one: _Study, parts: Sequence[TrainingTable], left: float | None) -> Trial:
    """One trial, told to Optuna; one that outlasts the seconds that are left is not finished."""
    import optuna

    trial, begun = one.study.ask(), time.perf_counter()
    asked = {d.name: d.ask(trial) for d in one.space.dimensions}
    # The first trial is what would be trained without a search, its ceilings included.
    parameters = {**one.recipe.parameters, **({**one.space.fixed, **asked} if one.trials else {})}
    losses, rows = 0.0, 0.0
    for step, part in enumerate(parts):
        try:
            lost, held = _held_out(one.name, part, one.recipe.given(parameters))
        except (MLAssetsError, ValueError, ArithmeticError) as error:
            one.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return Trial(one.name, parameters, math.nan, step, "failed", time.perf_counter() - begun, str(error)[:300])
        losses, rows = losses + lost, rows + held
        trial.report(losses / rows, step)
        late = left is not None and time.perf_counter() - begun > left
        if step + 1 < len(parts) and (late or trial.should_prune()):
            one.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            why = "the budget ended" if late else f"behind the median after {step + 1} folds"
            return Trial(one.name, parameters, losses / rows, step + 1, "pruned", time.perf_counter() - begun, why)
    one.study.tell(trial, losses / rows)
    return Trial(one.name, parameters, losses / rows, len(parts), "complete", time.perf_counter() - begun)


def _held_out(name: str, part: TrainingTable, recipe: Recipe) -> tuple[float, float]:
    """Summed weighted loss and weight of the held-out rows of a fold."""
    predictor, held = fit_candidate(name, part, recipe=recipe), part.take("test")
    score = np.asarray(predictor.predict(held.features), dtype=np.float64)
    lost = float(held.weight @ row_loss(held.truth, score, task=part.task, loss=recipe.loss))
    if not math.isfinite(lost):
        raise ArithmeticError(f"the loss of {len(held)} held-out rows is {lost}")
    return lost, float(held.weight.sum())


def _line(made: int, trial: Trial, best: Trial | None) -> str:
    own = {k: f"{v:.3g}" if isinstance(v, float) else str(v) for k, v in trial.parameters.items()}
    said = f"trial {made}: {trial.family} {trial.state}, loss {trial.loss:.5g} on {trial.folds} folds, {trial.seconds:.1f} s"
    known = f"; its best so far {best.loss:.5g}" if best else ""
    return (
        f"{said}{known} ({', '.join(f'{k} {v}' for k, v in own.items())}){f': {trial.reason}' if trial.reason else ''}"
    )


def _result(studies: Sequence[_Study], trials: tuple[Trial, ...], folds: int, seconds: float) -> SearchResult:
    found = {one.name: one.best.parameters for one in studies if one.best is not None}
    failed = [t for t in trials if t.state == "failed"]
    if trials and len(failed) == len(trials):
        got = "; ".join(sorted({f"{t.family}: {t.reason}" for t in failed})[:3])
        do = "Correct the data or the parameters; the reasons are those of the fits"
        raise DeclarationError("no trial of the search could be fitted", got=got, allowed="one at least", do=do)
    counts = {s: sum(t.state == s for t in trials) for s in ("complete", "pruned", "failed")}
    told = ", ".join(f"{n} {s}" for s, n in counts.items())
    gains = "; ".join(_gain(one) for one in studies if one.best is not None)
    return SearchResult(trials, found, f"{len(trials)} trials on {folds} folds in {seconds:.0f} s ({told}). {gains}")


def _gain(one: _Study) -> str:
    first, best = one.trials[0], one.best
    assert best is not None
    if best is first or first.state != "complete":
        return f"{one.name}: loss {best.loss:.5g}" + (", its defaults are best" if best is first else "")
    return f"{one.name}: loss {best.loss:.5g} against {first.loss:.5g} of its defaults"
