"""The ladder of remedies: nothing where nothing can be told, then what needs no group, then thresholds by group.

It climbs only to the first rung that holds a candidate which passes every gate, reads training and validation rows alone
and keeps every one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ml_assets.errors import DataError, DeclarationError
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.frontier import FINDING, SEVERITY, Candidate, Judging, in_limits
from ml_assets.learning.mitigation import NONE, MitigationTable, compare_remedies
from ml_assets.learning.remedies.aims import Aim, aim_of
from ml_assets.learning.remedies.evidence import Evidence, evidence
from ml_assets.learning.remedies.rungs import PLAIN, RUNGS, Rung
from ml_assets.learning.remedies.situation import Situation
from ml_assets.statistics.disparity import Disparity

MOST_FITS = 15
"""Ten for all remedies that need no group, five to cross-fit group thresholds."""
CLOSE = 0.5
"""From half its tolerance on, a gap without a finding is aimed at too: narrowing one rate alone widens the next."""
_SHOWN = 4


@dataclass(frozen=True, eq=False)
class Climb:
    """What the ladder came to.

    ``table``: the comparison and the choice; ``candidates``: every one of them by name; ``fits``: models fitted;
    ``skipped``: rung → why it was not tried; ``evidence``: rows at hand and rows needed of every comparison.
    """

    table: MitigationTable
    candidates: Mapping[str, Candidate]
    fits: int
    skipped: Mapping[str, str]
    evidence: tuple[Evidence, ...]

    @property
    def chosen(self) -> SolutionArtifact:
        """The solution to use."""
        return self.candidates[self.table.chosen].artifact


@dataclass
class _Trial:
    candidates: dict[str, Candidate]
    skipped: dict[str, str] = field(default_factory=dict)
    fits: int = 0


def climb(
    situation: Situation,
    *,
    planned: Mapping[str, SolutionArtifact] | None = None,
    most_fits: int = MOST_FITS,
    rungs: Sequence[Rung] = RUNGS,
) -> Climb:
    """Try remedies rung by rung until one passes every gate; choose by the rule of ``compare_remedies``.

    0. No finding that is proven, or that the rows at hand (train and validation) could decide: nothing is done. The outcome
       is ``not_resolvable``, with the rows still needed, when there is a finding all the same, or a metric that these
       rows cannot decide for any group of an attribute.
    1. ``reweigh``: Kamiran and Calders' weights. 2. ``adaptive 1`` …: weights of the cells group x label moved towards
       the aim, at most 5 fits. 3. ``penalty 2`` …: boosting charged for gaps, at most 4 strengths.
    4. ``thresholds 0.05`` …: a threshold per group at the tolerances 0.05, 0.02 and 0, judged by cross-fitting; only
       where ``group_at_decision`` is "allowed".

    ``planned``: remedies that exist already, by name; they are compared with the rest. At most ``most_fits`` models are
    fitted; ``rungs`` are climbed in order. Every candidate is one deterministic model; ``skipped`` says what does not apply to this task or aim.
    """
    trial = _Trial({NONE: Candidate(situation.marked(situation.base, NONE))})
    trial.candidates |= {name: Candidate(artifact) for name, artifact in (planned or {}).items()}
    found, known = _first_look(situation, trial.candidates[NONE])
    findings = [f for f in found if SEVERITY[f.verdict] >= FINDING]
    table = _compare(situation, trial)
    enough = {(e.metric, e.attribute, e.group) for e in known if e.enough}
    real = [f for f in findings if f.verdict == "fail" or (f.metric, f.attribute, f.group) in enough]
    if not real:
        told = {(metric, attribute) for metric, attribute, _ in enough}
        untold = bool(findings) or any((e.metric, e.attribute) not in told for e in known)
        return Climb(_left_alone(table, known, untold), trial.candidates, 0, {}, known)
    aim = aim_of(real, [f for f in found if in_limits(f) >= CLOSE])
    for rung in rungs:
        if table.outcome == "remedied":
            trial.skipped[rung.name] = f"{table.chosen} already passes"
        elif _try(rung, situation, aim, trial, most_fits):
            table = _compare(situation, trial)
    return Climb(_explained(table, trial.skipped), trial.candidates, trial.fits, trial.skipped, known)


def _first_look(situation: Situation, base: Candidate) -> tuple[list[Disparity], tuple[Evidence, ...]]:
    """The comparisons of the solution as it is, worst first, and what the rows at hand could tell at all."""
    table, groups = situation.judged
    judging = Judging(table, groups, situation.value, situation.favourable, situation.metrics)
    measured = judging.measure(NONE, base)
    known = evidence(
        groups,
        table.truth,
        measured.decision,
        metrics=situation.metrics,
        task=table.task,
        favourable=situation.favourable,
        score=base.artifact.score(table.features) if table.task == "binary" else None,
        times=len(situation.rows) / len(table),
    )
    return sorted(measured.found, key=lambda f: (-SEVERITY[f.verdict], -in_limits(f))), known


def _try(rung: Rung, situation: Situation, aim: Aim, trial: _Trial, most_fits: int) -> bool:
    """Whether a rung added candidates; what it could not do is written down."""
    why = (
        "planned already" if PLAIN in trial.candidates and rung.make is RUNGS[0].make else rung.refusal(situation, aim)
    )
    if why is None and trial.fits + rung.once + rung.fits > most_fits:
        why = f"{trial.fits} of {most_fits} fits are used up"
    if why is not None:
        trial.skipped[rung.name] = why
        return False
    before = len(trial.candidates)
    try:
        for name, candidate in rung.make(situation, aim, trial.candidates):
            trial.fits += rung.fits + (rung.once if len(trial.candidates) == before else 0)
            trial.candidates[name] = candidate
            if trial.fits + rung.fits > most_fits:
                break
    except (DataError, DeclarationError) as error:
        trial.skipped[rung.name] = str(error)
    return len(trial.candidates) > before


def _compare(situation: Situation, trial: _Trial) -> MitigationTable:
    table, groups = situation.judged
    return compare_remedies(
        trial.candidates,
        table,
        groups,
        value=situation.value,
        favourable=situation.favourable,
        metrics=situation.metrics,
        accuracy_budget=situation.accuracy_budget,
    )


def _left_alone(table: MitigationTable, known: Sequence[Evidence], untold: bool) -> MitigationTable:
    """Nothing new is tried; a planned remedy that was chosen stays."""
    if table.chosen != NONE:
        return table
    if untold:
        short = sorted((e for e in known if not e.enough), key=lambda e: (e.needed is None, e.needed or 0))
        wanted = "; ".join(str(e) for e in short[:_SHOWN]) + ("; …" if len(short) > _SHOWN else "")
        text = f"Not resolvable: too few rows to tell, so nothing is changed. Still needed: {wanted}."
        return replace(table, sentence=text, outcome="not_resolvable")
    text = f"No gap is shown to be beyond its limit (verdict {table.row(NONE).verdict}): nothing is changed."
    return replace(table, sentence=text, outcome="no_finding")


def _explained(table: MitigationTable, skipped: Mapping[str, str]) -> MitigationTable:
    if table.outcome != "infeasible":
        return table
    why = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in skipped.items())
    text = f"Infeasible: none of {len(table.rows) - 1} remedies ends the findings within the budget; none is used."
    return replace(table, sentence=f"{text} Not tried: {why}." if why else text)
