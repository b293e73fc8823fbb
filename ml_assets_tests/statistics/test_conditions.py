"""Conditions in words: cut by hand, and true of exactly the rows they hold for; sums over pairs against brute force."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.conditions import (
    Condition,
    PairGaps,
    Rows,
    cut_columns,
    known_rows,
    priced,
    require_columns,
)


def words(frame: pd.DataFrame, reference: pd.DataFrame | None = None) -> list[str]:
    return [one.words for one in cut_columns(frame, reference)[1]]


def test_frequent_categories_by_hand() -> None:
    frame = pd.DataFrame({"job": ["a", "b", "a", "c", "a", "b"]})
    cells, conditions = cut_columns(frame)
    assert cells[:, 0].tolist() == [0, 1, 0, 2, 0, 1]
    assert [(one.words, one.name, one.column) for one in conditions] == [
        ("job = a", "job", 0),
        ("job = b", "job", 0),
        ("job = c", "job", 0),
    ]
    assert conditions[0].price == pytest.approx(2 * math.log(3))
    assert conditions[1].holds(cells).tolist() == [False, True, False, False, False, True]


def test_only_the_12_most_frequent_categories_are_spoken_of() -> None:
    values = [f"v{i}" for i in range(20) for _ in range(20 - i)]
    cells, conditions = cut_columns(pd.DataFrame({"shop": values}))
    assert [one.words for one in conditions] == [f"shop = v{i}" for i in range(12)]
    assert int((cells[:, 0] == 12).sum()) == sum(range(1, 9))  # the other eight, of no condition


def test_few_numbers_are_named_as_they_are() -> None:
    cells, conditions = cut_columns(pd.DataFrame({"x": [0, 1, 2, 1]}))
    assert cells[:, 0].tolist() == [0, 1, 2, 1]
    assert [one.words for one in conditions] == ["x = 0", "x < 2", "x = 1", "x >= 1", "x = 2"]
    assert {one.price for one in conditions} == {2 * math.log(5)}
    assert words(pd.DataFrame({"x": [3.0] * 50})) == []  # one value, no condition


def test_many_numbers_are_cut_at_round_tenths() -> None:
    cells, conditions = cut_columns(pd.DataFrame({"x": np.arange(1_000)}))
    assert np.bincount(cells[:, 0]).tolist() == [100] * 10
    # 9 runs from either end; in the middle 8 bands alone, 7 pairs and 6 triples of neighbours
    assert len(conditions) == 9 + 9 + 8 + 7 + 6
    by_words = {one.words: one for one in conditions}
    assert by_words["x < 100"].price == pytest.approx(2 * math.log(18))
    assert by_words["200 <= x < 500"].price == pytest.approx(2 * math.log(39))
    assert "100 <= x < 500" not in by_words
    assert by_words["x >= 900"].holds(cells).sum() == 100


def test_a_pile_of_equal_values_is_a_cell_of_its_own() -> None:
    said = words(pd.DataFrame({"paid": np.r_[np.zeros(500), np.arange(1.0, 501.0)]}))
    assert "paid < 1" in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, 2.0, None], "c is missing"),
        ([1.0, math.inf, 2.0], "c is missing or infinite"),
        (["u", None, "v"], "c is missing"),
        ([True, False, True], "c = true"),
        (pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-02"]), "c = 2024-01-02"),
    ],
)
def test_missing_values_booleans_and_dates_are_named(values: Any, said: str) -> None:
    assert said in words(pd.DataFrame({"c": values}))


def test_a_reference_is_cut_where_the_batch_is() -> None:
    batch, reference = pd.DataFrame({"k": ["a", "b", "b"]}), pd.DataFrame({"k": ["c", "a", None]})
    cells, conditions = cut_columns(batch, reference)
    assert cells[:, 0].tolist() == [1, 0, 0, 2, 1, 3]  # "c" is no category of the batch; missing is never spoken of
    assert [one.words for one in conditions] == ["k = b", "k = a"]
    assert known_rows(cells, 3).tolist() == [True, False, False]  # no reference row holds "b"
    assert known_rows(cells[:3], 3).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-50_000, 50_000) | st.none(), min_size=1, max_size=300), st.sampled_from([1.0, 1_000.0]))
def test_words_are_true_of_exactly_the_rows_they_hold_for(values: list[int | None], scale: float) -> None:
    frame = pd.DataFrame({"x": [math.nan if value is None else value / scale for value in values]})
    cells, conditions = cut_columns(frame)
    for condition in conditions:
        told = condition.words.replace(" = ", " == ").replace("x is missing", "x != x")
        assert np.flatnonzero(condition.holds(cells)).tolist() == frame.query(told).index.tolist()


def test_rows_meet_every_condition_by_hand() -> None:
    cells = np.array([[0, 1], [1, 1], [2, 0]], dtype=np.int64)
    low, one = Condition("a", 0, 0, 1, "a < 2", 0.0), Condition("b", 1, 1, 1, "b = 1", 0.0)
    rows = Rows(cells, np.array([5.0, 6.0, 7.0]))
    assert rows.inside([]).tolist() == [True, True, True]
    assert rows.inside([low]).tolist() == [True, True, False]
    assert rows.take(np.array([1, 2])).inside([low, one]).tolist() == [True, False]
    assert rows.take(rows.inside([one])).figure.tolist() == [5.0, 6.0]


def test_halves_are_disjoint_and_hold_all_rows() -> None:
    rows = Rows(np.zeros((101, 1), dtype=np.int64), np.arange(101.0))
    first, second = rows.halves(np.random.default_rng(0), most=30)
    assert (first.figure.size, second.figure.size) == (30, 71)
    assert sorted([*first.figure, *second.figure]) == list(range(101))
    assert rows.halves(np.random.default_rng(0), most=100)[0].figure.size == 50


def test_clarity_by_hand() -> None:
    cells = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int64)
    rows = Rows(cells, np.array([1.0, 1.0, -1.0, -1.0]))
    # column 0: (2² / 2 + 2² / 2) / 1 is 4 where 1 is expected, with a standard deviation of √2; column 1: 0
    assert rows.clarity(0) == pytest.approx(3 / math.sqrt(2))
    assert rows.clarity(1) == pytest.approx(-1 / math.sqrt(2))
    assert Rows(np.zeros((4, 1), dtype=np.int64), rows.figure).clarity(0) == -math.inf
    assert Rows(cells, np.ones(4)).clarity(0) == -math.inf


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 200))
def test_gaps_of_all_pairs_are_those_of_one_pair_after_another(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.integers(0, 5, n), "k": rng.choice(["a", "b", "c"], n)})
    cells, conditions = cut_columns(frame)
    rows = Rows(cells, rng.normal(3, 1, n))
    pairs = PairGaps(rows, conditions)
    inside, gap = pairs.gaps(rows.figure)
    filled = pairs.filled(2)
    for i, one in enumerate(conditions):
        for j, other in enumerate(conditions):
            mask: npt.NDArray[np.bool_] = rows.inside([one, other])
            assert (pairs.n[i, j], pairs.rest[i, j]) == (mask.sum(), (~mask).sum())
            assert filled[i, j] == (min(mask.sum(), (~mask).sum()) >= 2)
            if filled[i, j]:
                mean, rest = rows.figure[mask].mean(), rows.figure[~mask].mean()
                assert inside[i, j] == pytest.approx(mean, abs=1e-4)
                assert gap[i, j] == pytest.approx(mean - rest, abs=1e-4)
    assert (pairs.variance() > 0).all()


def test_the_variance_of_a_gap_by_hand() -> None:
    cells = np.repeat([[0], [1]], 200, axis=0).astype(np.int64)
    rows = Rows(cells, np.tile([-1.0, 1.0], 200))
    pairs = PairGaps(rows, [Condition("a", 0, 0, 0, "a = 0", 0.0)])
    assert pairs.variance()[0, 0] == pytest.approx(1 / 200 + 1 / 200)


def test_prices_by_hand_and_the_clearest_column_alone() -> None:
    figure = np.array([1.0, 1.0, -1.0, -1.0])
    rows = Rows(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int64), figure)
    conditions = [Condition("a", 0, 0, 0, "a = 0", 1.0), Condition("b", 1, 0, 0, "b = 0", 3.0)]
    both, price = priced(conditions, rows, depth=2, most_columns=30)
    assert both == conditions
    of_columns = 2 * math.log(2)
    assert price.tolist() == [[1 + of_columns, 4 + 2 * of_columns], [math.inf, 3 + of_columns]]
    assert np.isinf(priced(conditions, rows, depth=1, most_columns=30)[1][0, 1])
    clearest, price = priced(conditions, rows, depth=2, most_columns=1)
    assert [one.words for one in clearest] == ["a = 0"]
    assert price.tolist() == [[1 + of_columns]]  # the choice among two columns is paid for


def test_columns_that_cannot_be_cut_are_refused() -> None:
    frame = pd.DataFrame({"a": [1], "b": [2]})
    require_columns(frame, None)
    require_columns(frame[["a"]], frame)
    for batch, reference in ((frame, frame[["a"]]), (frame[[]], None), (pd.concat([frame, frame], axis=1), None)):
        with pytest.raises(DataError, match="columns to search"):
            require_columns(batch, reference)
