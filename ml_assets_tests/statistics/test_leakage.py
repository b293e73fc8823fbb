"""Columns that know the outcome: planted ones are found, strong honest ones are not accused."""

import numpy as np
import pandas as pd

from ml_assets.statistics.columns import read_column
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.leakage import exact_sum_leaks, single_column_leaks


def _figures(**values: float) -> dict[str, Estimate]:
    return {name: Estimate("roc_auc", value, value - 0.01, value + 0.01, 1_000) for name, value in values.items()}


def _found(**values: float) -> dict[str, bool]:
    return {leak.column: leak.certain for leak in single_column_leaks(_figures(**values))}


def test_a_lone_leader_is_suspicious_and_a_leading_pack_is_not() -> None:
    assert _found(duration=0.81, month=0.65, age=0.6) == {"duration": False}
    assert _found(relationship=0.80, married=0.79, job=0.74, age=0.70) == {}
    assert _found(best=0.79, other=0.5) == {}


def test_two_leaders_are_found_together() -> None:
    assert _found(registered=0.96, casual=0.85, hour=0.76) == {"registered": False, "casual": False}


def test_practically_the_target_is_certain() -> None:
    assert _found(copy=0.995, good=0.97, other=0.96) == {"copy": True, "good": False, "other": False}
    few = {"copy": Estimate("roc_auc", 1.0, 0.9, 1.0, 20)}
    assert [leak.certain for leak in single_column_leaks(few)] == [False]


def test_a_lead_that_may_be_chance_accuses_nobody() -> None:
    wide = {"x": Estimate("roc_auc", 0.87, 0.71, 1.0, 20_000), "y": Estimate("roc_auc", 0.6, 0.5, 0.7, 20_000)}
    assert single_column_leaks(wide) == ()
    narrow = wide | {"x": Estimate("roc_auc", 0.87, 0.8, 0.94, 20_000)}
    assert [(leak.column, leak.certain) for leak in single_column_leaks(narrow)] == [("x", False)]


def test_a_perfect_order_of_two_rows_is_not_certain() -> None:
    perfect = _figures(copy=1.0, other=0.6)
    assert [leak.certain for leak in single_column_leaks(perfect, rarer=2)] == [False]
    assert [leak.certain for leak in single_column_leaks(perfect, rarer=10)] == [True]


def test_a_single_column_and_unknown_figures() -> None:
    assert _found(only=0.85) == {"only": False}
    assert single_column_leaks({"x": not_estimable("roc_auc")}) == ()
    assert single_column_leaks({}) == ()


def test_the_sentence_has_the_figure_and_the_rest() -> None:
    (leak,) = single_column_leaks(_figures(duration=0.81, month=0.65))
    assert "0.81 [0.8, 0.82] (n = 1,000)" in leak.sentence
    assert "0.650 for the others" in leak.sentence


def _sums(frame: pd.DataFrame, truth: "np.typing.ArrayLike") -> set[str]:
    columns = [read_column(frame[name]) for name in frame.columns]
    return {leak.column for leak in exact_sum_leaks(columns, np.asarray(truth, dtype=np.float64))}


def test_parts_of_a_total_are_found_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(500, 6)), columns=list("abcdef")).assign(text="x", flat=3, gaps=np.nan)
    assert _sums(frame, 2 * frame["a"] - frame["d"] + 7) == {"a", "d"}
    assert _sums(frame, frame["a"] + rng.normal(0, 0.01, size=500)) == set()
    assert _sums(frame, frame["a"] * frame["b"]) == set()


def test_too_few_rows_or_columns_say_nothing() -> None:
    frame = pd.DataFrame({"a": [1.0, 2, 3], "b": [2.0, 1, 5]})
    assert _sums(frame, frame["a"]) == set()
    assert _sums(pd.DataFrame({"text": ["a"] * 50}), np.arange(50)) == set()
    assert _sums(pd.DataFrame({"a": np.arange(50.0)}), np.ones(50)) == set()
