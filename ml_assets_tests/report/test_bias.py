"""Bias: every gap with its verdict, as recorded; small groups nowhere."""

from collections.abc import Callable
from pathlib import Path

from ml_assets.report.bias import build
from ml_assets.report.recorded import Recorded
from ml_assets_tests.report.planted import estimate, numbers, planted, words
from ml_assets_tests.stages.declarations import TABLE, declared


def _gap(group: str, n: int, value: float) -> dict[str, object]:
    return {
        "metric": "selection_rate_ratio", "attribute": "sex", "group": group, "n": n, "denominator": "rows", "limit": 0.8,
        "value": estimate(value, n), "verdict": "pass", "sentence": f"sex = {group}: {value} (n = {n})", "resolvable": True,
    }  # fmt: skip


def test_the_stream(of_stream: Recorded) -> None:
    page, store = build(of_stream), of_stream.store
    found, text = numbers(page), words(page)
    for gap in (*store.read_facts("data_bias_report")["gaps"],):
        assert gap["difference"]["value"] in found
    report = store.read_facts("model_bias_report")
    for gap in report["disparities"]:
        assert gap["value"]["value"] in found
        assert gap["verdict"] in text
    assert store.read_facts("mitigation")["sentence"] in text


def test_small_groups_are_nowhere(hand_made: Callable[..., Recorded]) -> None:
    report = {
        "disparities": [_gap("f", 90, 0.91), _gap("m", 120, 1.11), _gap("x", 4, 0.77)],
        "verdict": "pass",
        "rows": 214,
        "digest": "d",
    }
    text = words(build(hand_made({"model_bias_report": report})))
    assert "sex = m 1.11" in text
    assert "0.77" not in text
    assert "sex = f, sex = x." in text


def test_the_smallest_gap_is_shown_where_it_is_recorded(hand_made: Callable[..., Recorded]) -> None:
    gaps = [_gap("f", 90, 0.9) | {"detectable": 0.123}, _gap("m", 90, 1.1) | {"detectable": 0.124}]
    report = {"disparities": gaps, "verdict": "pass", "rows": 180, "digest": "d"}
    assert 0.123 in numbers(build(hand_made({"model_bias_report": report})))
    without = {"disparities": [_gap("f", 90, 0.9), _gap("m", 90, 1.1)], "verdict": "pass", "rows": 180, "digest": "d"}
    assert "its fact detectable" in words(build(hand_made({"model_bias_report": without})))


def test_both_audits_are_shown_with_their_rows_and_which_one_counts(hand_made: Callable[..., Recorded]) -> None:
    more = {"test_verdict": "inconclusive", "out_of_fold_verdict": "pass", "contradicted": False}
    rests = more | {"basis": "out of fold", "out_of_fold": estimate(0.957, 640)}
    stays = more | {"basis": "test part", "contradicted": True, "out_of_fold": estimate(0.531, 4)}
    audit = {
        "made": True, "why": "", "rows": 1_280, "fits": 5, "folds": "cross-validation", "decided": 1, "contradicted": 1,
    }  # fmt: skip
    report = {
        "disparities": [_gap("f", 90, 0.9) | rests, _gap("m", 90, 1.1) | stays],
        "verdict": "inconclusive", "rows": 180, "digest": "d", "audit": audit,
    }  # fmt: skip
    text = words(build(hand_made({"model_bias_report": report})))
    assert "0.957 [0.857, 1.057] (n = 640) out of fold" in text
    assert "test part, which contradicts out of fold" in text
    assert "1 of 2 comparisons rest on 1,280 training and validation rows" in text
    assert "0.531" not in text, "four people are told of nowhere"


def test_a_solution_without_protected_attributes_says_so(tmp_path: Path) -> None:
    assert "No attribute is declared protected" in words(build(planted(declared(TABLE), tmp_path, {})))
