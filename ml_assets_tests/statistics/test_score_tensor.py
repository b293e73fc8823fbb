"""Score histograms: any batching gives the same one, every threshold decides as the rows do, scores that are none."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.score_tensor import BINS, ScoreTensor, middles
from ml_assets.statistics.tensor import CountTensor
from ml_assets.statistics.value import NEVER

rows = st.lists(
    st.tuples(
        st.sampled_from(["f", "m", None]),
        st.sampled_from([0.0, 1.0, math.nan]),
        st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    ),
    min_size=1,
    max_size=30,
)


def tensor_of(some: list[Any]) -> ScoreTensor:
    groups = pd.DataFrame({"sex": [row[0] for row in some]}, dtype=object)
    return ScoreTensor.of(groups, np.array([row[1] for row in some]), np.array([row[2] for row in some]))


@settings(max_examples=30, deadline=None)
@given(rows, rows, rows)
def test_merging_in_any_order_is_the_tensor_of_the_whole(a: list[Any], b: list[Any], c: list[Any]) -> None:
    parts = [tensor_of(part) for part in (a, b, c)]
    whole = tensor_of([*a, *b, *c])
    assert parts[0].merge(parts[1]).merge(parts[2]) == parts[2].merge(parts[0].merge(parts[1])) == whole
    assert ScoreTensor.from_dict(json.loads(json.dumps(whole.to_dict(), allow_nan=False))) == whole
    assert whole.marginal([]).n == whole.n == len(a) + len(b) + len(c)


@settings(max_examples=30, deadline=None)
@given(rows, st.sampled_from([0.0, 0.25, 0.5, 700 / 1024, 1.0, NEVER]))
def test_a_threshold_on_the_grid_decides_as_the_rows_do(some: list[Any], threshold: float) -> None:
    groups = pd.DataFrame({"sex": [row[0] for row in some]}, dtype=object)
    decision = np.array([row[2] for row in some]) >= threshold
    assert tensor_of(some).decided(threshold) == CountTensor.of(groups, [row[1] for row in some], decision)


def test_a_threshold_off_the_grid_is_moved_to_it() -> None:
    tensor = tensor_of([("f", 1.0, 0.5), ("f", 0.0, 0.4999)])
    assert tensor.decided(0.5003) == tensor.decided(0.5)


def test_histograms_hold_every_labelled_row_once() -> None:
    tensor = tensor_of([("f", 1.0, 0.5), ("m", 0.0, 0.9999), ("m", 0.0, 1.0), ("m", math.nan, 0.1)])
    (some,) = tensor.histograms()
    assert some.groups == (("f",), ("m",))
    assert (some.counts[0, 1, 512], some.counts[1, 0, BINS - 1], some.counts[1, 0, BINS]) == (1, 1, 1)
    assert some.counts.sum() == some.total.sum() == 3
    parts = list(tensor.histograms(at_once=1))
    assert [part.groups for part in parts] == [(("f",),), (("m",),)]
    assert (np.concatenate([part.counts for part in parts]) == some.counts).all()


def test_a_class_is_read_against_the_others() -> None:
    groups = pd.DataFrame({"g": ["a"] * 3})
    tensor = ScoreTensor.of(groups, [0, 1, 2], [0.1, 0.2, 0.9])
    (some,) = tensor.histograms(positive=2)
    assert some.counts.sum(axis=2).tolist() == [[2, 1]]
    assert tensor.decided(0.5, positive=2) == CountTensor.of(groups, [0, 0, 1], [0, 0, 1])


def test_middles_are_off_by_half_a_cell_at_most() -> None:
    score = np.random.default_rng(0).random(1_000)
    assert np.abs(middles()[(score * BINS).astype(int)] - score).max() <= 0.5 / BINS
    assert middles()[BINS] == 1.0


@pytest.mark.parametrize(
    ("score", "words"),
    [
        ([0.1, math.inf], "1 of 2 missing or infinite.*Leave those rows out"),
        ([0.1, math.nan], "1 of 2 missing or infinite.*Leave those rows out"),
        ([0.1, 2.0], "Pass calibrated probabilities"),
        ([0.1, -1.0], "Pass calibrated probabilities"),
        ([[0.5, 0.5], [0.1, 0.9]], "Pass those of one class"),
        (["a", "b"], "not numeric"),
    ],
)
def test_scores_that_are_none_are_refused_with_what_to_do(score: list[Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        ScoreTensor.of(pd.DataFrame({"g": ["a", "b"]}), [0, 1], score)


def test_facts_of_another_histogram_are_refused() -> None:
    facts = tensor_of([("f", 1.0, 0.5)]).to_dict()
    with pytest.raises(DataError, match="1024"):
        ScoreTensor.from_dict(facts | {"bins": 100})
    with pytest.raises(DataError, match="unchanged"):
        ScoreTensor.from_dict(facts | {"cells": facts["cells"] | {"cells": [[0], [1], [2_000]]}})
    with pytest.raises(DataError, match="probability"):
        tensor_of([("f", 1.0, 0.5)]).decided(math.nan)
