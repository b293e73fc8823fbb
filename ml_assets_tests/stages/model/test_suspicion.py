"""Figures too good to be true, and which column is behind them."""

from typing import Any

import pytest

from ml_assets.resources.store import Facts
from ml_assets.stages.model.suspicion import TOO_GOOD, beyond, in_use, suspects, too_good
from ml_assets.statistics.metrics import Task
from ml_assets_tests.stages.lab import Lab, days, said

RETRAINED = ("training_set", "sample_weights", "baselines", "candidates", "model", "mitigation", "evaluation")


def metric(name: str, value: float | None) -> Facts:
    return {"name": name, "value": value}


def column(name: str, value: float | None) -> Facts:
    around = (None, None) if value is None else (value - 0.01, value + 0.01)
    return {"column": name, "usefulness": {"value": value, "low": around[0], "high": around[1], "n": 1_200}}


def judged(own: float, alone: float, *columns: Facts, task: Task = "binary", **more: Any) -> tuple[bool, str]:
    baselines = {"dummy": [metric("roc_auc", 0.5)], "single_feature": [metric("roc_auc", alone)]}
    found = too_good([metric("roc_auc", own)], baselines, TOO_GOOD, feature="bill", columns=columns, task=task, **more)
    return found.passed, found.sentence


def test_ordinary_figures_pass_and_are_given_with_their_limit() -> None:
    assert judged(0.8, 0.7, column("income", 0.7)) == (True, "roc_auc 0.8 (limit 0.985)")


def test_a_feature_that_alone_is_beyond_the_limit_fails_and_is_named() -> None:
    passed, sentence = judged(0.98, 0.99, column("income", 0.7))
    assert not passed
    assert sentence == "bill alone reaches roc_auc 0.99 on the test part; roc_auc 0.98 (limit 0.985)"


def test_the_column_behind_a_suspicious_figure_is_named_and_the_others_not() -> None:
    passed, sentence = judged(0.99, 0.9, column("income", 0.7), column("duration", 0.96), column("empty", None))
    assert not passed
    assert "roc_auc 0.99 is beyond 0.985" in sentence
    assert "column duration alone has roc_auc 0.96 [0.95, 0.97] in screening (n = 1,200)" in sentence
    assert "income" not in sentence


def test_a_strong_column_below_every_limit_is_named_and_fails_nothing() -> None:
    passed, sentence = judged(0.97, 0.96, column("duration", 0.96))
    assert passed
    assert "column duration alone" in sentence


def test_what_a_model_that_knows_nothing_reaches_is_no_suspicion() -> None:
    """One class in 10,000 rows: everybody is 99.99 % accurate."""
    rare = [metric("accuracy", 0.9999), metric("roc_auc", 0.8)]
    dummy = {"dummy": [metric("accuracy", 0.9999), metric("roc_auc", 0.5)]}
    found = too_good(rare, dummy, TOO_GOOD, feature=None, columns=[], task="binary")
    assert (found.passed, found.sentence) == (True, "roc_auc 0.8 (limit 0.985)")
    balanced = {"dummy": [metric("accuracy", 0.5)]}
    assert not too_good(rare, balanced, TOO_GOOD, feature=None, columns=[], task="binary").passed


@pytest.mark.parametrize(("value", "out"), [(0.1, True), (0.3, False)])
def test_an_error_is_too_good_where_it_is_too_small(value: float, out: bool) -> None:
    assert bool(beyond([metric("root_mean_squared_error", value)], {"root_mean_squared_error": 0.2})) is out


def test_columns_are_held_against_the_lower_of_strong_and_limit_best_first() -> None:
    columns = [column("a", 0.91), column("b", 0.97), column("c", 0.8)]
    assert [one["column"] for one in suspects(columns, task="binary", limit=0.9)] == ["b", "a"]
    assert [one["column"] for one in suspects(columns, task="binary", limit=0.985)] == ["b"]
    assert [one["column"] for one in suspects(columns, task="regression", limit=0.5)] == ["b"]
    assert [one["column"] for one in in_use(columns, {"a", "z"})] == ["a"]


def test_no_limit_that_applies_is_said() -> None:
    found = too_good([metric("mae", 1.0)], {}, TOO_GOOD, feature=None, columns=[], task="regression")
    assert (found.passed, found.sentence) == (True, "no limit applies")


def test_a_planted_leak_column_is_named_by_the_check(fork: Lab) -> None:
    """``hint`` is the outcome with noise; the declaration says it is known in time, so it is used."""
    assert "alone" not in said(fork.verdict("evaluation", "not_too_good"))
    fork.plant(rows=dict.fromkeys(days(7, 15), "hints"), features="with_hints")
    fork.ok("raw_data", "valid_data", "quarantined_data", "features", batches=days(7, 15))
    columns = {"hint": {"available": "at_prediction"}}
    lab = fork.but(data_selection={"columns": columns}, model={"window": "9 days", "too_good": 0.85})
    lab.ok("column_screening", "selected_columns", *RETRAINED)
    found = lab.verdict("evaluation", "not_too_good")
    assert not found.passed
    assert "hint alone reaches roc_auc 0." in said(found)
    assert "column hint alone has roc_auc 0." in said(found)
    assert "income" not in said(found)
