"""Plans in both recorded shapes, and remedies with price, frontier and what they do to whom."""

from collections.abc import Callable
from typing import Any

from ml_assets.report.recorded import Recorded
from ml_assets.report.remedies import build
from ml_assets_tests.report.planted import estimate, numbers, words

ENTRY = {
    "finding": "sex=f", "kind": "label gap", "evidence": "gap 0.2", "verdict": "fail", "action": "reweigh", "expected_effect": "0",
    "status": "approved", "approved_by": "risk", "expires": "2099-01-01", "reason": "known",
}  # fmt: skip
FINDING = {
    "groups": ["sex=f"], "kind": "label", "evidence": {"verdict": "suspect", "sentence": "gap 0.3"}, "expectation": "gap falls to 0",
    "decision": {"chosen": "reweigh", "reason": "known", "approved_by": None, "expires": None}, "status": "open", "blocks": True,
    "residual_risk": {"severity": "low", "text": "some", "accepted_by": "ann", "expires": "2099-01-01"},
    "verification": {"status": "met"}, "signoff": [{"role": "owner", "by": "bob", "on": "2026-01-01"}],
}  # fmt: skip


def _remedy(name: str, money: float, distance: float, after: float) -> dict[str, Any]:
    effect = {"attribute": "sex", "rate": "selection rate", "before": estimate(0.4, 90)}
    return {
        "name": name, "verdict": "pass", "distance": distance, "money_per_decision": estimate(money, 180), "lost_share": 0.01,
        "worst": {"metric": "selection_rate_ratio", "attribute": "sex", "group": "f", "n": 90, "value": estimate(0.91, 90)},
        "changed": estimate(0.05, 180), "levels_down": False, "needs_group": False, "reason": "it passes",
        "effects": [effect | {"group": g, "after": estimate(after, 90)} for g in "fm"],
    }  # fmt: skip


def _facts(chosen: str) -> dict[str, Any]:
    rows = [_remedy("none", 8.25, 1.5, 0.4), _remedy("reweigh", 7.75, 0.5, 0.55)]
    return {
        "rows": rows,
        "chosen": chosen,
        "sentence": f"{chosen} is used",
        "skipped": {"thresholds": "forbidden"},
        "frontier": ["none"],
        "refit": {"made": True, "sentence": "learned in the end from 480 rows instead of 360"},
    }


def test_plans(hand_made: Callable[..., Recorded]) -> None:
    old = words(build(hand_made({"bias_remediation_plan": {"entries": [ENTRY], "open": 0, "as_of": "2026-01-01"}})))
    assert "sex=f label gap fail reweigh 0 approved risk 2099-01-01 known gap 0.2" in old
    new = words(build(hand_made({"bias_remediation_plan": {"findings": [FINDING], "open": 1, "as_of": "2026-01-01"}})))
    assert "low: some (accepted by ann until 2099-01-01)" in new
    assert "bob (owner, 2026-01-01)" in new
    assert "1 of 1 findings are open" in new


def test_remedies_and_their_frontier(hand_made: Callable[..., Recorded]) -> None:
    page = build(hand_made({"mitigation": _facts("reweigh")}))
    assert {8.25, 7.75, 0.91, 0.55} <= set(numbers(page))
    assert "reweigh (chosen)" in page
    text = words(page)
    assert "thresholds forbidden" in text
    assert "Last fit: learned in the end from 480 rows instead of 360." in text
    assert "What the chosen remedy does to every group" in text


def test_without_a_remedy_nothing_changed(hand_made: Callable[..., Recorded]) -> None:
    assert "no decision was changed by one" in words(build(hand_made({"mitigation": _facts("none")})))
