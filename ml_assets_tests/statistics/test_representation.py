"""Shares against a reference, reweighing and missingness: worked cases, properties, planted faults."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.representation import missingness, representation, reweighing, share_contrasts


def _groups(**counts: int) -> "pd.Series[str]":
    return pd.Series([name for name, count in counts.items() for _ in range(count)], name="sex", dtype=object)


def test_a_group_at_half_its_reference_fails_and_its_complement_too() -> None:
    shares = {share.group: share for share in representation(_groups(f=250, m=750), reference={"f": 0.5, "m": 0.5})}
    assert shares["f"].share.value == 0.25
    assert shares["f"].ratio is not None
    assert shares["f"].ratio.value == pytest.approx(0.5)
    assert (shares["f"].verdict, shares["m"].verdict) == ("fail", "fail")
    assert "0.50" in shares["f"].sentence
    assert "fail" in shares["f"].sentence


def test_the_same_share_passes_with_many_rows_and_not_with_few() -> None:
    reference = {"f": 0.5, "m": 0.5}
    assert {share.verdict for share in representation(_groups(f=500, m=500), reference=reference)} == {"pass"}
    assert {share.verdict for share in representation(_groups(f=5, m=5), reference=reference)} == {"inconclusive"}


def test_without_reference_nothing_passes() -> None:
    found = representation(_groups(f=500, m=500), reference=None)
    assert [share.verdict for share in found] == ["not declared", "not declared"]
    assert all(share.reference is None and share.ratio is None for share in found)


def test_a_group_that_is_absent_is_listed_and_fails() -> None:
    found = {share.group: share for share in representation(_groups(m=1_000), reference={"f": 0.5, "m": 0.5})}
    assert (found["f"].n, found["f"].share.value, found["f"].verdict) == (0, 0.0, "fail")


def test_unknown_is_counted_but_does_not_dilute_the_known() -> None:
    found = {s.group: s for s in representation(_groups(f=400, m=400, unknown=200), reference={"f": 0.5, "m": 0.5})}
    assert found["f"].share.value == 0.5
    assert (found["unknown"].share.value, found["unknown"].verdict) == (0.2, "not declared")


@pytest.mark.parametrize("reference", [{"f": 0.5, "m": 0.6}, {"f": 1.0, "m": 0.0}, {}])
def test_reference_must_be_a_population(reference: dict[str, float]) -> None:
    with pytest.raises(DataError, match="reference shares"):
        representation(_groups(f=1, m=1), reference=reference)


def test_reweighing_of_a_worked_case() -> None:
    # f: 1 of 4 positive, m: 3 of 4; overall half positive, half f. w(f, 1) = 0.5·0.5 / (1/8) = 2, w(f, 0) = 2/3.
    groups = _groups(f=4, m=4)
    weights = reweighing(groups, [1, 0, 0, 0, 1, 1, 1, 0])
    assert weights == pytest.approx([2, 2 / 3, 2 / 3, 2 / 3, 2 / 3, 2 / 3, 2 / 3, 2])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1)), min_size=1, max_size=60))
def test_reweighing_has_mean_one_and_makes_the_rates_equal(rows: list[tuple[str, int]]) -> None:
    groups = pd.Series([group for group, _ in rows], name="g")
    truth = np.array([label for _, label in rows])
    weights = reweighing(groups, truth)
    assert weights.mean() == pytest.approx(1)
    assert (weights > 0).all()
    full = pd.crosstab(groups, truth).to_numpy()
    if full.shape[1] == 2 and (full > 0).all():
        rates = [np.average(truth[groups == g], weights=weights[groups == g]) for g in groups.unique()]
        assert rates == pytest.approx([truth.mean()] * len(rates))


def test_reweighing_a_number_balances_its_quintiles() -> None:
    rng = np.random.default_rng(0)
    groups = pd.Series(rng.choice(["a", "b"], size=4_000), name="g")
    truth = rng.normal(size=4_000) + (groups == "b")
    weights = reweighing(groups, truth, task="regression")
    a, b = (np.average(truth[groups == g], weights=weights[groups == g]) for g in ("a", "b"))
    plain = truth[groups == "b"].mean() - truth[groups == "a"].mean()
    assert abs(b - a) < 0.2 * plain
    assert reweighing(groups[:0], truth[:0]).size == 0


def test_planted_missingness_is_found_in_its_group_only() -> None:
    rng = np.random.default_rng(1)
    groups = pd.DataFrame({"sex": rng.choice(["f", "m"], size=3_000), "site": rng.choice(["x", "y"], size=3_000)})
    income = np.where((groups["sex"] == "f") & (rng.random(3_000) < 0.4), np.nan, 1.0)
    found = missingness(pd.DataFrame({"income": income, "whole": 1}), groups)[0]
    assert {gap.column for gap in found} == {"income"}
    verdicts = {(gap.attribute, gap.group): gap.verdict for gap in found}
    assert verdicts == {("sex", "f"): "fail", ("sex", "m"): "fail", ("site", "x"): "pass", ("site", "y"): "pass"}
    women = next(gap for gap in found if gap.group == "f")
    assert women.share.value == pytest.approx(0.4, abs=0.05)
    assert women.rest_share == 0
    assert math.isclose(women.difference.value, women.share.value)
    assert "missing share of income" in women.sentence


def test_no_gaps_no_findings() -> None:
    assert missingness(pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"g": ["a", "b"]})) == ((), ())


def test_a_value_that_a_customer_never_gives_is_missing_once_and_not_ten_times() -> None:
    """Ten rows each of 80 customers, 30 % of whom give no income, in either group alike."""
    rng, owner, held = np.random.default_rng(1), np.repeat(np.arange(80), 10), {"rows": 0, "customers": 0}
    groups = pd.DataFrame({"sex": np.where(owner % 2 == 0, "f", "m")})
    for _ in range(300):
        frame = pd.DataFrame({"income": np.where((rng.random(80) < 0.3)[owner], np.nan, 1.0)})
        for name, cluster in (("rows", None), ("customers", owner)):
            gap = missingness(frame, groups, cluster=cluster)[0][0].difference
            held[name] += gap.low <= 0 <= gap.high
    assert 0.92 <= held["customers"] / 300 <= 0.98
    assert held["rows"] / 300 < 0.7


def test_missing_shares_of_customers_of_one_row_are_those_of_rows() -> None:
    rng = np.random.default_rng(2)
    groups = pd.DataFrame({"sex": rng.choice(["f", "m"], 200), "age": rng.choice(["<30", ">=30"], 200)})
    frame = pd.DataFrame({"income": np.where(rng.random(200) < 0.3, np.nan, 1.0), "full": 1.0})
    rows = missingness(frame, groups)[0]
    alone = missingness(frame, groups, cluster=rng.permutation(200))[0]
    for one, other in zip(rows, alone, strict=True):
        assert (other.verdict, other.n, other.missing) == (one.verdict, one.n, one.missing)
        ends = [(g.share.low, g.share.high, g.difference.low, g.difference.high) for g in (one, other)]
        assert ends[1] == pytest.approx(ends[0])


def test_shares_of_customers_hold_as_often_as_they_say_and_those_of_rows_do_not() -> None:
    rng, held, reference = np.random.default_rng(3), {"rows": 0, "customers": 0}, {"f": 0.4, "m": 0.6}
    owner = np.repeat(np.arange(100), 10)
    for _ in range(300):
        groups = pd.Series(np.where((rng.random(100) < 0.4)[owner], "f", "m"), name="sex")
        for name, cluster in (("rows", None), ("customers", owner)):
            ratio = representation(groups, reference=reference, cluster=cluster)[0].ratio
            assert ratio is not None
            held[name] += ratio.low <= 1 <= ratio.high
    assert 0.92 <= held["customers"] / 300 <= 0.98
    assert held["rows"] / 300 < 0.65


def test_shares_of_customers_of_one_row_are_those_of_rows_and_unknown_and_absent_groups_stay() -> None:
    rng = np.random.default_rng(4)
    groups = pd.Series(np.array(["f", "m", None], dtype=object)[rng.integers(0, 3, 300)], name="sex")
    reference = {"f": 0.5, "m": 0.4, "x": 0.1}
    rows = representation(groups, reference=reference)
    alone = representation(groups, reference=reference, cluster=rng.permutation(300))
    few = representation(groups, reference=reference, cluster=np.arange(300) // 30)
    assert [one.group for one in alone] == ["f", "m", "unknown", "x"]
    for one, other, wide in zip(rows, alone, few, strict=True):
        assert (other.verdict, other.n) == (one.verdict, one.n)
        assert (other.share.low, other.share.high) == pytest.approx((one.share.low, one.share.high))
        assert (wide.n, wide.share.value) == (one.n, one.share.value)
    assert few[3].share.high > rows[3].share.high  # ten customers without one tell less than 200 rows without one


def test_the_comparisons_behind_the_shares() -> None:
    groups = _groups(f=60, m=40)
    found = share_contrasts(groups, reference={"f": 0.5, "m": 0.5})
    shares = representation(groups, reference={"f": 0.5, "m": 0.5})
    assert [found["sex", s.group].value for s in shares] == [s.ratio.value for s in shares if s.ratio]
    owned = share_contrasts(groups, reference={"f": 0.5, "m": 0.5}, cluster=np.arange(100) // 5)
    assert owned["sex", "f"].detectable > 2 * found["sex", "f"].detectable
    assert share_contrasts(groups, reference=None) == {}
