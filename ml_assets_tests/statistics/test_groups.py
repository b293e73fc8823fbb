"""Group labels from columns of every kind, and their counting."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.groups import GroupRule, group_frame, grouping, intersections


def _labels(values: object, edges: tuple[float, ...] = ()) -> list[str]:
    frame = pd.DataFrame({"x": values})
    return list(group_frame(frame, groups={"g": GroupRule("x", edges)})["g"])


def test_bands_hold_their_lower_edge() -> None:
    ages = [18, 24, 25, 39, 40, 59, 60, 99, None]
    expected = ["<25", "<25", "25-39", "25-39", "40-59", "40-59", ">=60", ">=60", "unknown"]
    assert _labels(ages, (25, 40, 60)) == expected


def test_bands_of_fractions_and_single_values_have_readable_names() -> None:
    assert _labels([0.1, 0.5, 2.0], (0.5, 1)) == ["<0.5", "0.5 to 1", ">=1"]
    assert _labels([2, 3, 4], (3, 4)) == ["<3", "3", ">=4"]
    assert _labels([Decimal("30"), Decimal("70")], (60,)) == ["<60", ">=60"]


def test_values_are_the_same_group_whatever_the_type_of_the_column() -> None:
    assert _labels([1, 2]) == ["1", "2"]
    assert _labels([1.0, None]) == ["1", "unknown"]
    assert _labels(["1", " 2 "]) == ["1", "2"]
    assert _labels(pd.array([1, None], dtype="Int64")) == ["1", "unknown"]
    assert _labels(pd.Categorical(["a", None])) == ["a", "unknown"]
    assert _labels([True, False]) == ["True", "False"]


def test_blank_and_missing_are_one_counted_group() -> None:
    assert _labels(["", "  ", None, "a"]) == ["unknown", "unknown", "unknown", "a"]


def test_the_index_of_the_frame_is_kept() -> None:
    frame = pd.DataFrame({"x": ["a", "b"]}, index=[7, 3])
    assert list(group_frame(frame, groups={"g": GroupRule("x")}).index) == [7, 3]


def test_a_label_spelled_unknown_and_a_missing_one_are_one_group() -> None:
    table = grouping(pd.Series(["unknown", None, "a", np.nan], name="g", dtype=object))
    assert (table.labels, list(table.counts), list(table.codes)) == (("a", "unknown"), [1, 3], [1, 1, 0, 1])
    assert grouping(pd.Series([], name="g", dtype=object)).labels == ()


def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(DataError, match=r"got z; allowed: x"):
        group_frame(pd.DataFrame({"x": [1]}), groups={"g": GroupRule("z")})
    with pytest.raises(DataError, match="do not rise"):
        _labels([1], (3, 2))
    with pytest.raises(DataError, match="bands over column 'x'"):
        _labels(["old"], (3,))


def test_intersections_are_pairs_of_labels() -> None:
    pairs = intersections(pd.DataFrame({"sex": ["f", "m"], "race": ["b", "w"], "age": ["<25", ">=25"]}))
    assert list(pairs.columns) == ["sex", "race", "age", "sex & race", "sex & age", "race & age"]
    assert list(pairs["sex & race"]) == ["f & b", "m & w"]


@given(st.lists(st.sampled_from(["a", "b", None, "c"]), min_size=1, max_size=50), st.integers(0, 9))
def test_counts_sums_and_moments_agree_with_pandas(labels: list[str | None], seed: int) -> None:
    values = np.random.default_rng(seed).normal(1e6, 1, size=len(labels))
    table = grouping(pd.Series(labels, name="g", dtype=object))
    by = pd.Series(values).groupby(np.array(table.labels)[table.codes])
    assert dict(zip(table.labels, table.counts, strict=True)) == by.size().to_dict()
    assert table.counts.sum() == len(labels)
    for code, (group, rest) in enumerate(table.moments(values)):
        inside = table.codes == code
        assert (group.n, rest.n) == (inside.sum(), (~inside).sum())
        assert group.mean == pytest.approx(values[inside].mean())
        if group.n > 1:
            assert group.variance == pytest.approx(values[inside].var(ddof=1), rel=1e-6, abs=1e-9)
        assert np.isnan(rest.variance) == (rest.n < 2)
