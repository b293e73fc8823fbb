"""The search by cluster: copies of rows add nothing, few customers are no segment, and what is worse for all is found."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics import segment_search
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.conditions import Rows, cut_columns
from ml_assets.statistics.segment_search import Rule, clustered_gap, draws, find_segments

RULE = Rule(depth=2, alpha=0.05, fewest=30, most=5)


def found(frame: pd.DataFrame, figure: FloatArray, cluster: IntArray | None = None, rule: Rule = RULE) -> list[str]:
    cells, conditions = cut_columns(frame)
    segments, _ = find_segments([Rows(cells, figure - figure.mean(), cluster)], conditions, rule, upward=True)
    return [" and ".join(one.words for one in segment) for segment in segments]


def customers(seed: int, n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"town": rng.choice(list("abcde"), n), "age": rng.integers(18, 80, n), "x": rng.normal(size=n)})


def test_ten_copies_of_a_row_find_what_one_finds() -> None:
    by = {"one": 0, "clusters": 0, "rows": 0}
    for seed in range(20):
        frame, noise = customers(seed), np.random.default_rng(seed + 100).normal(size=300)
        copies = np.repeat(np.arange(300), 10)
        many = frame.iloc[copies].reset_index(drop=True)
        by["one"] += len(found(frame, noise))
        by["clusters"] += len(found(many, noise[copies], copies))
        by["rows"] += len(found(many, noise[copies]))
    assert by["clusters"] <= by["one"] + 4
    assert by["rows"] >= 40  # row by row noise stands out everywhere


def test_a_planted_segment_is_found_as_by_single_rows() -> None:
    frame, rng = customers(1, 1500), np.random.default_rng(5)
    figure = rng.normal(size=1500) + 1.5 * (frame["town"] == "c").to_numpy()
    copies = np.repeat(np.arange(1500), 4)
    many = frame.iloc[copies].reset_index(drop=True)
    assert found(frame, figure)[0] == found(many, figure[copies], copies)[0] == "town = c"
    assert found(frame, figure, np.arange(1500)) == found(frame, figure)


def test_segments_with_few_customers_are_not_looked_for() -> None:
    frame = pd.DataFrame({"town": np.repeat(["a", "b"], [400, 2000])})
    figure = np.random.default_rng(0).normal(size=2400) + 3.0 * (frame["town"] == "a").to_numpy()
    owner = np.arange(2400) // 20  # twenty in town a, a hundred elsewhere
    assert found(frame, figure, owner) == []
    assert found(frame, figure, owner, Rule(2, 0.05, 20, 5)) == ["town = a"]
    assert found(frame, figure) == ["town = a"]


def test_a_search_that_asks_too_much_ends_with_the_clearest(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, rng = customers(2, 1500), np.random.default_rng(5)
    figure, owner = rng.normal(size=1500) + 1.5 * (frame["town"] == "c").to_numpy(), np.arange(1500) // 2
    monkeypatch.setattr(segment_search, "_MOST_BY_CLUSTER", 50)
    monkeypatch.setattr(segment_search, "_AT_ONCE", 10)
    assert found(frame, figure, owner)[0] == "town = c"
    monkeypatch.setattr(segment_search, "_MOST_BY_CLUSTER", 0)
    assert found(frame, figure, owner) == ["town = c"]  # of single conditions all are read


def test_a_gap_by_hand_with_a_cluster_on_both_sides() -> None:
    figure, inside = np.array([1.0, 3.0, 2.0, 0.0, 4.0, 2.0]), np.array([True, True, True, False, False, False])
    one = clustered_gap(figure, inside, np.array([0, 0, 1, 1, 2, 2]))
    # pulls: -1/3, 1/3, 0 inside; 2/3, -2/3, 0 outside (with the sign of the difference): sums 0, 2/3, -2/3
    assert (one.value, one.freedom) == (0.0, 1.0)
    assert one.variance == pytest.approx(8 / 9 * 3 / 2)
    assert np.isnan(clustered_gap(figure, np.ones(6, dtype=bool), np.arange(6)).value)
    assert (draws(np.array([4, 4, 1])), draws(np.array([], dtype=np.int64))) == (2, 0)
