"""Small groups: masked in tables and sentences, with another where one alone could be told; nothing else is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.report.disclosure import (
    WITHHELD,
    disclosed,
    disclosed_text,
    masked,
    shown,
    small_groups,
    suppressed,
    threshold,
)
from ml_assets_tests.report.planted import estimate
from ml_assets_tests.stages.declarations import STREAM, declared


def _row(group: str, n: int, **more: Any) -> dict[str, Any]:
    return {"attribute": "sex", "group": group, "n": n, **more}


def test_a_small_cell_takes_the_smallest_other_with_it() -> None:
    counts = {"a": 3, "b": 50, "c": 20, "d": 90}
    assert masked(counts, [list(counts)], 10) == {"a", "c"}


def test_two_small_cells_need_another_only_while_they_hold_too_few() -> None:
    assert masked({"a": 3, "b": 4, "c": 20, "d": 90}, [["a", "b", "c", "d"]], 10) == {"a", "b", "c"}
    assert masked({"a": 6, "b": 7, "c": 20, "d": 90}, [["a", "b", "c", "d"]], 10) == {"a", "b"}


def test_zero_is_shown_and_large_cells_stay() -> None:
    assert masked({"a": 0, "b": 20}, [["a", "b"]], 10) == frozenset()


def test_rows_and_columns_of_a_crossing_are_protected() -> None:
    counts = {("f", "x"): 2, ("f", "y"): 30, ("m", "x"): 40, ("m", "y"): 50}
    lines = [[c for c in counts if c[i] == v] for i, v in ((0, "f"), (0, "m"), (1, "x"), (1, "y"))]
    assert masked(counts, lines, 10) == set(counts)


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 60), min_size=1), st.integers(1, 20))
def test_no_small_cell_is_shown_and_none_stands_alone(counts: dict[str, int], least: int) -> None:
    hidden = masked(counts, [list(counts)], least)
    assert {c for c, n in counts.items() if 0 < n < least} <= hidden
    open_cells = [c for c in counts if c not in hidden and counts[c]]
    if hidden and open_cells:
        assert len(hidden) > 1
        assert sum(counts[c] for c in hidden) >= least


def test_rows_of_small_groups_lose_their_figures() -> None:
    facts = {
        "disparities": [_row("f", 200, sentence="sex = f: 0.4"), _row("x", 4, sentence="sex = x: 0.9"), _row("m", 300)]
    }
    found = disclosed(facts, 10)["disparities"]
    assert suppressed(found) == ["sex = f", "sex = x"]
    assert [r["group"] for r in shown(found)] == ["m"]
    assert "0.9" not in str(found)


def test_counts_inside_of_a_group_count_too() -> None:
    rows = [_row("f", 200, positives=4), _row("m", 300, positives=90), _row("d", 250, positives=80)]
    assert suppressed(disclosed({"gaps": rows}, 10)["gaps"]) == ["sex = f", "sex = d"]
    none = [_row("f", 200, positives=0), _row("m", 300, positives=90)]
    assert len(suppressed(disclosed({"gaps": none}, 10)["gaps"])) == 2


def test_few_missing_values_hide_their_own_row_only() -> None:
    rows = [_row("f", 200, missing=4, column="age"), _row("m", 300, missing=90, column="age")]
    assert len(suppressed(disclosed({"missing": rows}, 10)["missing"])) == 2
    assert small_groups({"missing": rows}, 10) == frozenset()


def test_each_kind_of_figure_is_a_total_of_its_own() -> None:
    rows = [
        {"attribute": "sex", "group": g, "metric": m, "estimate": estimate(0.5, n)}
        for g, m, n in (("f", "recall", 5), ("m", "recall", 60), ("f", "accuracy", 50), ("m", "accuracy", 90))
    ]
    found = disclosed({"slices": rows}, 10)["slices"]
    assert [r["metric"] for r in shown(found)] == ["accuracy", "accuracy"]


def test_a_single_figure_of_a_masked_group_goes_with_its_list() -> None:
    rows = [_row("f", 200), _row("x", 4), _row("m", 300)]
    found = disclosed({"list": rows, "worst": _row("f", 200, value=1)}, 10)
    assert found["worst"] == {"attribute": "sex", "group": "f", "suppressed": True}


def test_groups_that_the_document_masks_itself_are_masked() -> None:
    rows = [_row("f", 200), _row("m", 300), _row("d", 400)]
    found = disclosed({"gaps": rows, "masked": {"sex": {"d": "complementary"}}}, 10)
    assert suppressed(found["gaps"]) == ["sex = d"]


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("sex = x: rate 0.9 (n = 400)", WITHHELD),
        ("sex=x gap 0.2; sex = f: fine (n = 90)", f"{WITHHELD}; sex = f: fine (n = 90)"),
        ("sex = xy: rate 0.9 (n = 400)", "sex = xy: rate 0.9 (n = 400)"),
        ("f: recall 0.5 (n = 7); m: recall 0.6 (n = 1,007)", f"{WITHHELD}; m: recall 0.6 (n = 1,007)"),
        ("not estimable (n = 0)", "not estimable (n = 0)"),
    ],
)
def test_sentences(sentence: str, left: str) -> None:
    assert disclosed_text(sentence, 10, {("sex", "x")}) == left


def test_what_a_plan_expects_of_a_small_group_is_withheld() -> None:
    entry = {"finding": "sex=x", "evidence": "gap 0.2", "expected_effect": "about 6 more rows", "status": "open"}
    found = disclosed({"entries": [entry]}, 10, {("sex", "x")})["entries"][0]
    assert found == {"finding": "sex=x", "evidence": WITHHELD, "expected_effect": WITHHELD, "status": "open"}


def test_the_declared_threshold_is_kept() -> None:
    assert threshold(declared(STREAM)) == 10
