"""Every gate a model passes before it may go live: what was asked, what was found, by how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from ml_assets.declaration import Solution
from ml_assets.history import PART, Learned, training_rows
from ml_assets.inputs import judge_inputs
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.releases import Live, challenger
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts
from ml_assets.statistics.comparison import PairedComparison, paired_comparison
from ml_assets.statistics.promises import Promise, decision_outcomes
from ml_assets.statistics.value import policies

PLANNED = "proven findings in the data have a plan"
PROMISED = "promised effects on decisions came"
ABSENT = "no protected column or proxy among the inputs"
TOO_GOOD_GATE = ("roc_auc", 0.985)


@dataclass(frozen=True)
class Gate:
    """One condition of a release."""

    name: str
    passed: bool
    sentence: str


def gates(
    solution: Solution, store: SolutionStore, live: Live | None
) -> tuple[tuple[Gate, ...], PairedComparison | None]:
    """All gates, and the comparison with the champion when there is one."""
    comparison = compare(solution, store, live) if live is not None else None
    found = [
        *_case_gates(store),
        *(
            Gate(f"criterion: {c['criterion']}", c["met"], c["sentence"])
            for c in store.read_facts("evaluation")["criteria"]
        ),
        _baseline_gate(solution, store),
        _stability_gate(store),
        *_behaviour_gates(store),
        _fairness_gate(solution, store),
        _plan_gate(solution, store),
        _promise_gate(solution, store),
        _input_gate(solution, store),
    ]
    if live is not None:
        found.append(_champion_gate(solution, comparison))
    return tuple(found), comparison


def _case_gates(store: SolutionStore) -> list[Gate]:
    case = store.read_facts("business_case")
    objections = [*case["prohibited"], *([case["understated_risk"]] if case["understated_risk"] else [])]
    found = [
        Gate("use is allowed", not objections, "; ".join(objections) or f"area {case['area']!r}, risk {case['risk']!r}")
    ]
    if case["risk"] == "high":
        signed = case["signed_version"] == case["version"]
        found.append(
            Gate(
                "case is signed",
                signed,
                f"{case['signed_by'] or 'nobody'} signed {case['signed_version'] or 'nothing'}; version {case['version']} runs",
            )
        )
    return found


def _baseline_gate(solution: Solution, store: SolutionStore) -> Gate:
    """More money than knowing nothing and than the simple rule, and not shown to earn less than one feature alone."""
    facts = store.read_facts("evaluation")
    own = _per_decision(facts["metrics"])
    rivals = {n: _per_decision(m) for n, m in facts["baselines"].items() if not n.startswith("simpler_model")}
    unit = solution.business_case.currency
    found = ", ".join(f"{n} {v:.4g}" for n, v in rivals.items())
    sentence = f"{own:.4g} {unit} per decision against {found}; n = {facts['rows']:,}"
    lost = facts["lost_to"]
    return Gate("beats the baselines", not lost, sentence + (f"; does not beat {', '.join(lost)}" if lost else ""))


def _per_decision(metrics: list[Facts]) -> float:
    return next(float(m["value"]) for m in metrics if m["name"] == "value_per_decision")


def _stability_gate(store: SolutionStore) -> Gate:
    constant = store.read_facts("evaluation")["constant_scores"]
    return Gate(
        "scores differ",
        not constant,
        "every row gets the same score" if constant else "scores are finite and differ between rows",
    )


def _behaviour_gates(store: SolutionStore) -> list[Gate]:
    """Directions, invariances and known cases, where any are declared."""
    tried = store.read_facts("evaluation")["behaviour"]
    broken = [b["sentence"] for b in tried if not b["holds"]]
    sentence = "; ".join(broken[:3]) or f"all {len(tried)} declared behaviours are kept"
    return [Gate("declared behaviour is kept", not broken, sentence)] if tried else []


def _fairness_gate(solution: Solution, store: SolutionStore) -> Gate:
    """A proven gap blocks, and in a high-risk case a suspected one too, unless an approved, unexpired plan accepts it.

    So does, in a high-risk case, an attribute of which no gap can be estimated, such as one that nobody knows yet in the
    test rows: nothing was shown of it. Elsewhere that is told.
    """
    facts = store.read_facts("model_bias_report")
    strict = solution.business_case.risk == "high"
    blocking = [d for d in facts["disparities"] if d["verdict"] == "fail" or (strict and d["verdict"] == "suspect")]
    accepted = {
        p.finding for p in solution.data_bias.plan if p.action == "accept" and p.state(date.today()) == "approved"
    }
    open_gaps = [d for d in blocking if not {d["attribute"], f"{d['attribute']}={d['group']}"} & accepted]
    unseen = sorted(_unseen(facts["disparities"]) - accepted)
    told = [d["sentence"] for d in open_gaps[:3]]
    if unseen:
        told.append(f"no gap of {', '.join(unseen)} can be estimated on {facts['rows']:,} rows: nothing is shown of it")
    audit = facts.get("audit") or {"decided": 0, "rows": 0}
    larger = f", {audit['decided']} of {len(facts['disparities'])} gaps by {audit['rows']:,} rows out of fold"
    on_rows = f"verdict {facts['verdict']} on {facts['rows']:,} rows{larger if audit['decided'] else ''}"
    sentence = "; ".join(told) or on_rows
    if len(open_gaps) < len(blocking):
        sentence += f"; {len(blocking) - len(open_gaps)} accepted by plan"
    return Gate("gaps between groups inside tolerance", not open_gaps and not (strict and unseen), sentence)


def _unseen(found: Sequence[Facts]) -> set[str]:
    """Attributes of which no gap at all can be estimated."""
    return {d["attribute"] for d in found} - {d["attribute"] for d in found if d["verdict"] != "not_estimable"}


def _plan_gate(solution: Solution, store: SolutionStore) -> Gate:
    """No proven finding in the data without an approved entry, no expired one, and every promised effect of the data came.

    A promise that was not measured is treated as :func:`_promise_gate` treats it.
    """
    plan, today = store.read_facts("bias_remediation_plan"), date.today().isoformat()
    ended = [f["id"] for f in plan["findings"] if f["covered_until"] and f["covered_until"] < today]
    stopping = sorted({*plan["blocking"], *ended})
    effects = [(o["answer"], o["sentence"]) for o in store.read_facts("sample_weights")["effects"]]
    kept, said = _kept(effects, strict=solution.business_case.risk == "high")
    told = [f"without an approved, unexpired entry: {', '.join(stopping[:4])}"] if stopping else []
    none = f"{len(plan['findings'])} findings, {plan['open']} open, none proven"
    return Gate(PLANNED, not stopping and kept, "; ".join([*told, *said]) or none)


def _promise_gate(solution: Solution, store: SolutionStore) -> Gate:
    """What approved entries of the plan promised of the decisions, against the gaps of the model to be released.

    "not met" blocks: the promise was the ground of the approval. "not measured" is no success, for nothing was shown. In a
    high-risk case it blocks, because there whoever releases has to show that the remedy works, and an entry that nobody can
    check is none. Elsewhere it is told and lets pass: a group of a few rows would hold back every model, also one that
    is better for that group, and the day on which the entry expires asks the question again. The promises are those of the
    stored plan and the gaps those of the stored report of this very model, so a promise that was approved after the report
    is held by it too.
    """
    stored = [Promise(**p) for p in store.read_facts("bias_remediation_plan")["promises"]]
    report = store.read_facts("model_bias_report")
    found = decision_outcomes(stored, [*report["disparities"], *report.get("promised", ())])
    kept, said = _kept([(o.answer, o.sentence) for o in found], strict=solution.business_case.risk == "high")
    met = f"{len(found)} of {len(found)} promises met" if found else "no approved entry promises an effect on decisions"
    return Gate(PROMISED, kept, "; ".join(said) or met)


def _kept(effects: Sequence[tuple[str, str]], *, strict: bool) -> tuple[bool, list[str]]:
    """Whether promised effects let a release pass, and the sentences of those that are not shown to have come."""
    broken = [s for answer, s in effects if answer == "not met"]
    unknown = [s for answer, s in effects if answer == "not measured"]
    said = broken[:2]
    if unknown:
        asked = "a high-risk case must show it" if strict else "no success, but no ground to refuse below high risk"
        said.append(f"{len(unknown)} of {len(effects)} promises not measured ({asked}): {' '.join(unknown[:2])}")
    return not broken and not (strict and unknown), said


def _input_gate(solution: Solution, store: SolutionStore) -> Gate:
    """Nothing a model may not see is among the inputs of the very artifact that would go live."""
    found = judge_inputs(solution, store, [s.name for s in challenger(store).specs])
    return Gate(ABSENT, not found.found, found.sentence)


def _champion_gate(solution: Solution, comparison: PairedComparison | None) -> Gate:
    if comparison is None:
        return Gate(
            "not worse than the champion",
            False,
            f"fewer than {solution.deployment.minimum_rows} rows that neither model was trained on",
        )
    return Gate("not worse than the champion", comparison.verdict in ("better", "not_worse"), comparison.sentence)


def compare(solution: Solution, store: SolutionStore, live: Live) -> PairedComparison | None:
    """Challenger and champion in money on the same rows, none of which either was trained or tuned on.

    What a row can lose follows from the declared value; nothing where the two are one model, byte by byte. Rows that share a
    cause (``model.cluster``) are one draw.
    """
    rows = unseen_rows(solution, store, live)
    if len(rows.table) < solution.deployment.minimum_rows:
        return None
    money = solution.business_case.money(rows.table.classes)
    truth = rows.table.truth
    new, old = (decisions(model, rows) for model in (challenger(store), live.artifact()))
    same = live.facts["digest"] == store.read_facts("mitigation")["digest"]
    by_name = {p.name: p.per_decision.value for p in policies(truth, money)}
    attainable = by_name.pop("perfect") - max(by_name.values())
    return paired_comparison(
        money.money(truth, new),
        money.money(truth, old),
        margin=solution.deployment.non_inferiority * max(attainable, 0.0),
        lowest=0.0 if same else money.least_difference(new, old),
        declared=same or money.bounded,
        cluster=rows.cluster,
        unit=solution.business_case.currency,
    )


def decisions(model: SolutionArtifact, rows: Learned) -> Any:
    """A model's decisions on rows."""
    return model.predict(rows.table.features, groups=rows.groups).decision


def unseen_rows(solution: Solution, store: SolutionStore, live: Live) -> Learned:
    """Test rows of the challenger, without batches the champion learned from; with every feature either model needs."""
    test = training_rows(solution, store, weights=False).part("test")
    if solution.time_split:
        learned = set(live.facts["learned_batches"])
        at = np.flatnonzero([b not in learned for b in test.batch])
        test = test.rows(at)
    needed = [f for f in live.facts["features"] if f not in test.table.features.columns]
    return _with_features(store, test, needed) if needed and len(test.table) else test


def _with_features(store: SolutionStore, rows: Learned, names: list[str]) -> Learned:
    """The same rows with further columns of the feature tables."""
    from dataclasses import replace

    import pandas as pd

    from ml_assets.history import ID, read_batches

    more = (
        read_batches(store, "features", sorted(set(rows.batch)), [*names, ID])
        .set_index(ID)
        .loc[rows.table.ids, names]
        .reset_index(drop=True)
    )
    features = pd.concat([rows.table.features.reset_index(drop=True), more], axis=1)
    return replace(rows, table=replace(rows.table, features=features))


def learned_batches(store: SolutionStore) -> list[str]:
    """Batches of the training and validation parts of the present training set."""
    frame = store.read_frame("training_set", columns=[PART, "ml:batch"])
    return sorted(frame.loc[frame[PART] != "test", "ml:batch"].unique())
