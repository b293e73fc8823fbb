"""The model card tells the recorded figures, all of them, for the live model."""

from collections.abc import Callable

import pandas as pd

from ml_assets.report.model_card import build
from ml_assets.report.recorded import Recorded
from ml_assets_tests.report.planted import numbers, words
from ml_assets_tests.report.test_rates import BIASED, counted


def test_every_recorded_figure_is_shown_in_full(of_stream: Recorded) -> None:
    found, store = numbers(build(of_stream)), of_stream.store
    evaluation = store.read_facts("evaluation")
    figures = [
        *store.read_facts("releases", "1")["metrics"],
        *(s["estimate"] for s in evaluation["slices"]),
        *(r["loss"] for r in store.read_facts("model")["selection"]["table"]),
        *(f["importance"] for f in store.read_facts("explanation")["importance"]),
        *(c[figure] for c in store.read_facts("data_worth")["columns"] for figure in ("loss", "money")),
    ]
    for figure in figures:
        for key in ("value", "low", "high", "n"):
            assert figure[key] is None or figure[key] in found, figure
    assert store.read_facts("model")["threshold"] in found


def test_whether_more_rows_would_help_is_told(of_stream: Recorded) -> None:
    assert of_stream.store.read_facts("data_worth")["sentence"] in words(build(of_stream))


def test_criteria_and_span_of_the_training_data(of_stream: Recorded) -> None:
    text, store = words(build(of_stream)), of_stream.store
    for criterion in store.read_facts("evaluation")["criteria"]:
        assert criterion["sentence"] in text
    batches = store.read_facts("releases", "1")["batches"]
    assert f"{batches[0]} to {batches[-1]} ({len(batches)})" in text


def test_intersections_from_counts(hand_made: Callable[..., Recorded]) -> None:
    groups = pd.DataFrame({"sex": list("ffmm") * 20, "job_group": ["a", "b"] * 40})
    report = counted(groups, [0] * 80, [0, 1, 0, 0] * 20)
    text = words(build(hand_made({"model_bias_report": report}, data_bias=BIASED)))
    assert "sex = f and job_group = b selection_rate 0 [0, 0.1611] 20" in text or "job_group = b and sex = f" in text


def test_without_counts_the_intersections_are_missing(hand_made: Callable[..., Recorded]) -> None:
    text = words(build(hand_made(data_bias=BIASED)))
    assert "not recorded: materialize model_bias_report (its fact counts: people per group, label and decision)" in text
