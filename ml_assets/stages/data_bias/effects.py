"""What the plan promised, and whether it came: of the data when the weights are made, of the decisions when they are judged."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from ml_assets.declaration import Solution
from ml_assets.declaration.data_bias import DATA_EFFECTS, ExpectedEffect, PlanEntry
from ml_assets.evidence import Verdict
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts
from ml_assets.stages.data_bias.findings import LABEL_KINDS, Finding
from ml_assets.stages.data_bias.showing import name_of
from ml_assets.statistics.promises import Answer, Measured, Outcome, Promise, decision_outcomes, figures, outcomes
from ml_assets.statistics.weighted_gaps import WeightedGap


def effects_of(solution: Solution, finding: Finding, entry: PlanEntry | None, action: str) -> tuple[Promise, ...]:
    """The promises about one finding: those declared, else that of the action where it has a measure in the data."""
    if entry is not None and entry.expected_effect:
        # A crossed group that the entry answers as a part is held by what was promised of the whole.
        whole = finding.group if entry.finding in (finding.id, finding.group, finding.attribute) else entry.finding
        return tuple(_promise(finding.id, e, whole) for e in entry.expected_effect)
    if action == "reweigh" and finding.kind in LABEL_KINDS and not finding.parents:
        limit = solution.data_bias.tolerance.label_rate_difference
        return (Promise(finding.id, "label_rate_difference", finding.group, at_most=limit),)
    return ()


def binding(solution: Solution, found: Sequence[Finding], today: date) -> tuple[Promise, ...]:
    """The promises of approved entries: also of those whose finding is gone, for the remedy may be why."""
    plan = solution.data_bias.plan
    return tuple(p for entry in plan if entry.state(today) == "approved" for p in _of_entry(solution, entry, found))


def _of_entry(solution: Solution, entry: PlanEntry, found: Sequence[Finding]) -> Iterator[Promise]:
    answered = [f for f in found if f.answered_by(solution.data_bias.plan) == entry]
    promised = [p for finding in answered for p in effects_of(solution, finding, entry, entry.action)]
    yield from {(p.metric, p.group, p.at_most, p.at_least): p for p in reversed(promised)}.values()
    if not answered:
        target = entry.finding.removeprefix("D-").partition("-")[2] if entry.finding.startswith("D-") else entry.finding
        for effect in entry.expected_effect:
            yield _promise(entry.finding, effect, target.partition(":")[0].partition("#")[0])


def _promise(finding: str, effect: ExpectedEffect, group: str) -> Promise:
    metric = f"{effect.metric}[{effect.column}]" if effect.column else effect.metric
    return Promise(finding, metric, effect.group or group, effect.at_most, effect.at_least)


def promises(store: SolutionStore) -> tuple[Promise, ...]:
    """The stored promises of approved entries."""
    return tuple(Promise(**p) for p in store.read_facts("bias_remediation_plan")["promises"])


def of_data(store: SolutionStore, gaps: Sequence[WeightedGap]) -> tuple[Outcome, ...]:
    """Promises about the data against the report and the weighted label gaps of training."""
    mine = [p for p in promises(store) if p.metric.partition("[")[0] in DATA_EFFECTS]
    return outcomes(mine, _data_figures(store.read_facts("data_bias_report"), gaps))


def _data_figures(report: Facts, gaps: Sequence[WeightedGap]) -> Mapping[tuple[str, str], Measured]:
    found = {
        ("label_rate_difference", f"{g.attribute}={g.group}"): Measured(
            g.difference.value, g.difference.low, g.difference.high, g.difference.n
        )
        for g in gaps
    }
    rows: list[tuple[str, str, Any]] = [("representation_ratio", name_of(s), s["ratio"]) for s in report["shares"]]
    rows += [(f"missing_share_difference[{m['column']}]", name_of(m), m["difference"]) for m in report["missing"]]
    rows += [("proxy_auc", p["attribute"], p["auc"]) for p in report["proxies"]]
    return found | figures(rows)


def of_decisions(store: SolutionStore) -> tuple[Outcome, ...]:
    """Promises about the decisions against the gaps of the final model on the test part."""
    report = store.read_facts("model_bias_report")
    return decision_outcomes(promises(store), [*report["disparities"], *report.get("promised", ())])


def last_said(store: SolutionStore) -> dict[str, tuple[Answer, str]]:
    """Finding → the worst answer about its promises, and its sentence, as the last training left them; nothing before it."""
    weighed, judged = store.find_facts("sample_weights"), store.find_facts("model_bias_report")
    said = [(o["promise"]["finding"], o["answer"], o["sentence"]) for o in (weighed or {}).get("effects", ())]
    if judged is not None and store.find_facts("bias_remediation_plan") is not None:
        said += [(o.promise.finding, o.answer, o.sentence) for o in of_decisions(store)]
    worst_last = sorted(said, key=lambda one: _BADNESS[one[1]])
    return {finding: (answer, sentence) for finding, answer, sentence in worst_last}


_BADNESS: Mapping[Answer, int] = {"met": 0, "not measured": 1, "not met": 2}


def data_effects_met(store: SolutionStore) -> Verdict:
    return _verdict(store.read_facts("sample_weights")["effects"])


def decision_effects_met(store: SolutionStore) -> Verdict:
    found = [{"answer": o.answer, "sentence": o.sentence} for o in of_decisions(store)]
    return _verdict(found)


def _verdict(found: Sequence[Facts]) -> Verdict:
    if not found:
        return Verdict(True, "no approved entry promises an effect here", {"promises": 0})
    broken = [f for f in found if f["answer"] != "met"]
    counts = {
        f"effects_{a.replace(' ', '_')}": sum(f["answer"] == a for f in found)
        for a in ("met", "not met", "not measured")
    }
    sentence = "; ".join(str(f["sentence"]) for f in (broken or found)[:4])
    rows = [{"answer": f["answer"], "effect": f["sentence"]} for f in found]
    return Verdict(not broken, sentence, counts, rows, act=any(f["answer"] == "not met" for f in broken))
