"""Verdicts under wrong labels: a borderline one breaks, a wide one withstands, the counts are by hand."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.label_flips import FlipStress, flip_stress


def stressed(*rates: tuple[str, int, int], favourable: int = 1) -> dict[tuple[str, float], FlipStress]:
    """(group, favourable labels, rows) → stress by group and share."""
    groups = pd.DataFrame({"g": np.repeat([r[0] for r in rates], [r[2] for r in rates])})
    good = np.concatenate([np.arange(n) < x for _, x, n in rates])
    truth = np.where(good, favourable, 1 - favourable)
    return {(f.group, f.share): f for f in flip_stress(groups, truth, favourable=favourable)}


def test_the_flipped_labels_by_hand() -> None:
    found = stressed(("a", 400, 1_000), ("b", 500, 1_000))
    assert [found["a", s].flipped for s in (0.01, 0.05, 0.10)] == [6, 30, 60]
    assert found["a", 0.10].gap.value == pytest.approx(0.46 - 0.5)


def test_a_borderline_verdict_breaks_and_says_where() -> None:
    found = stressed(("a", 300, 2_000), ("b", 620, 2_000))
    assert found["a", 0.01].changed == ()
    assert "no verdict changes" in found["a", 0.01].sentence
    last = found["a", 0.10]
    assert (last.before, last.after) == ("fail", "pass")
    assert "g = a: fail → pass" in last.changed
    assert "g = b: fail → pass" in last.changed


@pytest.mark.parametrize("favourable", [0, 1])
def test_a_wide_gap_withstands(favourable: int) -> None:
    found = stressed(("a", 200, 2_000), ("b", 1_400, 2_000), favourable=favourable)
    assert all(not f.changed and f.after == "fail" for f in found.values() if f.group == "a")


def test_equal_groups_can_fail_by_wrong_labels() -> None:
    found = stressed(("a", 0, 3_000), ("b", 0, 3_000))
    assert found["a", 0.10].before == "pass"
    assert found["a", 0.10].after != "pass"


@pytest.mark.parametrize(("good", "n"), [(1, 1), (5, 5), (0, 1)])
def test_tiny_groups_and_groups_of_one_class(good: int, n: int) -> None:
    found = stressed(("tiny", good, n), ("b", 150, 300))
    assert found["tiny", 0.05].flipped == 0
    assert found["tiny", 0.05].before == found["tiny", 0.05].after


def test_of_a_hundred_groups_the_largest_are_stressed() -> None:
    groups = pd.DataFrame({"zip": [f"z{i % 100:02d}" for i in range(3_000)] + ["z00"] * 50})
    found = flip_stress(groups, np.arange(3_050) % 2, shares=(0.1,))
    assert len(found) == 30
    assert "z00" in {f.group for f in found}


def test_ten_rows_of_a_customer_withstand_no_more_than_one() -> None:
    """A verdict that 400 customers carry through any tenth of wrong labels; forty with ten rows each prove nothing."""
    groups = pd.DataFrame({"g": np.repeat(["a", "b"], 200)})
    truth = np.concatenate([np.arange(200) < 20, np.arange(200) < 90]).astype(int)
    owner = np.arange(400) // 10
    by_row = flip_stress(groups, truth, shares=(0.05,))
    shared = flip_stress(groups, truth, shares=(0.05,), cluster=owner)
    assert {f.before for f in by_row} == {"fail"}
    assert {f.before for f in shared} == {"suspect"}
    for one, other in zip(by_row, shared, strict=True):
        assert one.flipped == other.flipped
        assert one.gap.value == pytest.approx(other.gap.value)
        assert other.gap.high - other.gap.low > 2 * (one.gap.high - one.gap.low)
    assert flip_stress(groups, truth, cluster=np.array([f"c{i}" for i in range(400)])) != ()
