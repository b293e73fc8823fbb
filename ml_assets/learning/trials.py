"""What a search tried: every set of parameters with what it lost and how it ended, and the search told in a line."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ml_assets.errors import DeclarationError
from ml_assets.learning.predictors import Parameters

State = Literal["complete", "pruned", "failed"]


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
    A blend gets the two best trials of each of its families, or of those that are declared its members.
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


def line(made: int, trial: Trial, best: Trial | None) -> str:
    """One trial as the log tells it: how it ended, what it lost, the best of its family so far, its parameters, and why."""
    own = {k: f"{v:.3g}" if isinstance(v, float) else str(v) for k, v in trial.parameters.items()}
    said = f"trial {made}: {trial.family} {trial.state}, loss {trial.loss:.5g} on {trial.folds} folds, {trial.seconds:.1f} s"
    known = f"; its best so far {best.loss:.5g}" if best else ""
    return (
        f"{said}{known} ({', '.join(f'{k} {v}' for k, v in own.items())}){f': {trial.reason}' if trial.reason else ''}"
    )


def told(trials: Sequence[Trial], folds: int, seconds: float) -> str:
    """The search in a sentence; ``DeclarationError`` where no trial could be fitted."""
    failed = [t for t in trials if t.state == "failed"]
    if trials and len(failed) == len(trials):
        got = "; ".join(sorted({f"{t.family}: {t.reason}" for t in failed})[:3])
        do = "Correct the data or the parameters; the reasons are those of the fits"
        raise DeclarationError("no trial of the search could be fitted", got=got, allowed="one at least", do=do)
    counts = {s: sum(t.state == s for t in trials) for s in ("complete", "pruned", "failed")}
    ended = ", ".join(f"{n} {s}" for s, n in counts.items())
    families = dict.fromkeys(t.family for t in trials if t.state == "complete")
    gains = "; ".join(_gain([t for t in trials if t.family == name]) for name in families)
    return f"{len(trials)} trials on {folds} folds in {seconds:.0f} s ({ended}).{f' {gains}' if gains else ''}"


def _gain(trials: Sequence[Trial]) -> str:
    """Of one family, one of its trials finished at least."""
    first, best = trials[0], min((t for t in trials if t.state == "complete"), key=lambda t: t.loss)
    if best is first or first.state != "complete":
        return f"{best.family}: loss {best.loss:.5g}" + (", its defaults are best" if best is first else "")
    return f"{best.family}: loss {best.loss:.5g} against {first.loss:.5g} of its defaults"
