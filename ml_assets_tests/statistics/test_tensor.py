"""The count tensor: any batching and merging gives the same counts, counts agree with counting one by one, JSON."""

import json
import math
from collections import Counter
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.tensor import CountTensor, class_codes

rows = st.lists(
    st.tuples(
        st.sampled_from(["f", "m", None]),
        st.sampled_from(["black", "white", "asian", "unknown", ""]),
        st.sampled_from([0.0, 1.0, 2.0, math.nan]),
        st.integers(0, 2),
    ),
    max_size=30,
)


def tensor_of(some: list[Any], *, categories: bool = False) -> CountTensor:
    columns = [list(column) for column in zip(*some, strict=True)] if some else [[], [], [], []]
    groups = pd.DataFrame({"sex": columns[0], "race": columns[1]}, dtype=object)
    if categories:
        groups = groups.astype("category")
    return CountTensor.of(groups, np.array(columns[2], dtype=float), np.array(columns[3], dtype=np.int64))


def counted(tensor: CountTensor) -> dict[tuple[object, ...], int]:
    """The cells by name."""
    return {
        (*(tensor.levels[place][code] for place, code in enumerate(cell[:-2])), *cell[-2:]): count
        for cell, count in zip(tensor.cells.tolist(), tensor.counts.tolist(), strict=True)
    }


@settings(max_examples=40, deadline=None)
@given(rows, st.lists(st.integers(0, 30), max_size=4), st.randoms(use_true_random=False), st.booleans())
def test_any_split_of_the_rows_and_any_merge_order_give_one_tensor(
    some: list[Any], cuts: list[int], random: Any, categories: bool
) -> None:
    whole = tensor_of(some)
    edges = [0, *sorted(min(cut, len(some)) for cut in cuts), len(some)]
    parts = [tensor_of(some[a:b], categories=categories) for a, b in pairwise(edges)]
    random.shuffle(parts)
    assert reduce(CountTensor.merge, parts) == whole
    assert parts[0].merge(reduce(CountTensor.merge, parts[::-1][:-1], tensor_of([]))) == whole


@settings(max_examples=40, deadline=None)
@given(rows)
def test_counts_agree_with_counting_one_by_one(some: list[Any]) -> None:
    expected = Counter(
        (sex or "unknown", race or "unknown", -1 if math.isnan(label) else int(label), decision)
        for sex, race, label, decision in some
    )
    tensor = tensor_of(some)
    assert counted(tensor) == expected
    assert tensor.n == len(some)


@settings(max_examples=40, deadline=None)
@given(rows)
def test_marginals_commute_and_survive_json(some: list[Any]) -> None:
    tensor = tensor_of(some)
    assert tensor.marginal(["race", "sex"]).marginal(["sex"]) == tensor.marginal(["sex"])
    assert tensor.marginal(["race", "sex"]).marginal(["sex", "race"]) == tensor
    assert tensor.marginal(["sex"]).marginal([]) == tensor.marginal([])
    assert CountTensor.from_dict(json.loads(json.dumps(tensor.to_dict(), allow_nan=False))) == tensor


def test_merging_takes_attributes_in_any_order() -> None:
    some = [("f", "black", 1.0, 1), ("m", "white", 0.0, 1)]
    tensor = tensor_of(some)
    assert tensor.merge(tensor.marginal(["race", "sex"])) == tensor_of(some * 2)


def test_a_hand_counted_batch() -> None:
    groups = pd.DataFrame({"sex": ["f", "f", "m", None, "f"]})
    tensor = CountTensor.of(groups, np.array([1, 1, 0, 1, math.nan]), [True, True, False, True, False])
    assert tensor.levels == (("f", "m", "unknown"),)
    assert tensor.cells.tolist() == [[0, -1, 0], [0, 1, 1], [1, 0, 0], [2, 1, 1]]
    assert tensor.counts.tolist() == [1, 2, 1, 1]
    assert tensor.classes == (0, 1)


def test_an_attribute_missing_for_half_of_the_rows_is_counted_as_unknown() -> None:
    groups = pd.DataFrame({"race": ["a", None, "b", np.nan]})
    assert counted(CountTensor.of(groups, None, [0, 1, 0, 1])) == {
        ("a", -1, 0): 1,
        ("b", -1, 0): 1,
        ("unknown", -1, 1): 2,
    }


def test_whole_number_groups_keep_their_name_on_the_day_of_the_first_gap() -> None:
    one = CountTensor.of(pd.DataFrame({"area": [1, 2]}), [0, 1], [0, 1])
    other = CountTensor.of(pd.DataFrame({"area": [1.0, math.nan]}), [0, 1], [0, 1])
    assert one.merge(other).levels == (("1", "2", "unknown"),)


def test_a_level_seen_only_later_merges_as_if_it_had_been_there() -> None:
    early, late = [("f", "black", 1.0, 1)], [("x", "aboriginal", 0.0, 2)]
    assert tensor_of(early).merge(tensor_of(late)) == tensor_of(early + late)


@pytest.mark.parametrize("values", [3, 100])
def test_a_hundred_values_by_three_attributes_stay_as_small_as_the_rows(values: int) -> None:
    rng = np.random.default_rng(0)
    names = np.array([f"v{i}" for i in range(values)])
    groups = pd.DataFrame({name: pd.Categorical(names[rng.integers(0, values, 20_000)]) for name in "abc"})
    truth, decision = rng.integers(0, 2, 20_000), rng.integers(0, 2, 20_000)
    tensor = CountTensor.of(groups, truth, decision)
    assert tensor.counts.size <= min(20_000, values**3 * 4)
    expected = groups.assign(t=truth, d=decision).groupby(["b", "t", "d"], observed=True).size()
    assert counted(tensor.marginal(["b"])) == expected.to_dict()
    halves = [CountTensor.of(groups[s], truth[s], decision[s]) for s in (slice(0, 7_000), slice(7_000, None))]
    assert halves[1].merge(halves[0]) == tensor


def test_more_combinations_than_a_key_holds() -> None:
    rng = np.random.default_rng(1)
    names = np.array([f"v{i}" for i in range(100)])
    groups = pd.DataFrame({f"a{i}": names[rng.integers(0, 100, 300)] for i in range(11)})
    tensor = CountTensor.of(groups, None, np.zeros(300, dtype=int))
    assert tensor.n == 300
    parts = [CountTensor.of(groups[s], None, np.zeros(150, dtype=int)) for s in (slice(0, 150), slice(150, None))]
    assert parts[1].merge(parts[0]) == tensor


def test_an_empty_batch_merges_as_nothing() -> None:
    empty, full = tensor_of([]), tensor_of([("f", "black", 1.0, 1)])
    assert empty.n == 0
    assert empty.merge(full) == full.merge(empty) == full
    assert empty.draws(3).shape == (3, 0)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.uint64, np.float32, bool, "Int64", object])
def test_codes_of_every_type_count_alike(kind: Any) -> None:
    codes = pd.Series([0, 1, 1, 0]).astype(kind)
    assert class_codes(codes, "truth", gaps=True).tolist() == [0, 1, 1, 0]


def test_gaps_of_every_type_are_an_unknown_label() -> None:
    kinds: list[Any] = [[1, None], [1.0, math.nan], pd.array([1, None], dtype="Int64")]
    for values in kinds:
        assert class_codes(values, "truth", gaps=True).tolist() == [1, -1]


@pytest.mark.parametrize(
    ("truth", "decision", "words"),
    [
        ([0, -1], [0, 1], "truth is not made of class codes"),
        ([0, math.inf], [0, 1], "truth has gaps"),
        ([0, 0.5], [0, 1], "truth is not made of class codes"),
        (["yes", "no"], [0, 1], "truth is not numeric"),
        ([0, 1], [0, math.nan], "decision has gaps"),
        ([0, 1, 1], [0, 1], "arrays of different length"),
    ],
)
def test_what_is_no_code_is_refused_with_what_to_do(truth: list[Any], decision: list[Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        CountTensor.of(pd.DataFrame({"sex": ["f", "m"]}), truth, decision)


def test_what_cannot_be_merged_or_read_is_refused() -> None:
    tensor = tensor_of([("f", "black", 1.0, 1)])
    with pytest.raises(DataError, match="missing column"):
        tensor.merge(tensor.marginal(["sex"]))
    with pytest.raises(DataError, match="sex, race"):
        tensor.marginal(["age"])
    with pytest.raises(DataError, match="every name once"):
        CountTensor.of(pd.DataFrame([["a", "b"]], columns=["sex", "sex"]), [1], [1])
    facts = tensor.to_dict()
    wrong: list[dict[str, Any]] = [
        {"version": 9},
        {"counts": [0]},
        {"counts": [1, 2]},
        {"levels": [["f"]]},
        {"cells": [[5], [0], [1], [1]]},
    ]
    for change in wrong:
        with pytest.raises(DataError):
            CountTensor.from_dict(facts | change)


def test_draws_are_the_bootstrap_over_rows() -> None:
    rng = np.random.default_rng(2)
    groups = pd.DataFrame({"sex": rng.choice(["f", "m"], 60, p=[0.2, 0.8])})
    truth, decision = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    tensor = CountTensor.of(groups, truth, decision)
    drawn = tensor.draws(4_000, seed=3)
    assert (drawn.sum(axis=1) == 60).all()
    where = {cell: place for place, cell in enumerate(counted(tensor))}
    of_row = np.array([where[cell] for cell in zip(groups.sex, truth.tolist(), decision.tolist(), strict=True)])
    again = of_row[rng.integers(0, 60, (4_000, 60))]
    by_rows = np.stack([(again == place).sum(axis=1) for place in range(tensor.counts.size)], axis=1)
    assert np.abs(drawn.mean(axis=0) - by_rows.mean(axis=0)).max() < 0.3
    assert np.cov(drawn.T) == pytest.approx(np.cov(by_rows.T), abs=0.9)
    assert (tensor.draws(5, seed=1) == tensor.draws(5, seed=1)).all()


def test_draws_that_would_not_fit_are_refused_with_a_way_out() -> None:
    tensor = tensor_of([("f", "black", 1.0, 1), ("m", "white", 0.0, 1)])
    with pytest.raises(DataError, match="Take a marginal"):
        tensor.draws(10**9)
