"""Every check of part 5 passes on good data and fails on a planted fault; the blocking ones stop the batch."""

import dagster as dg
import pytest

from ml_assets.running import ROW_ASSETS
from ml_assets.stages import data_pipeline
from ml_assets_tests.stages.lab import NEXT, Lab, Planted, checks_of, days, said


def _rows(fault: str, asset: str, check: str, lab: Lab) -> dg.AssetCheckEvaluation:
    lab.plant(rows={NEXT: fault})
    lab.run(*ROW_ASSETS, batches=[NEXT])
    return lab.verdict(asset, check, NEXT)


def _protected(lab: Lab) -> dg.AssetCheckEvaluation:
    lab.plant(features="names_protected")
    lab.run("features", batches=days(15, 15))
    return lab.verdict("features", "protected_absent", "2026-01-15")


def _no_labels(lab: Lab) -> dg.AssetCheckEvaluation:
    lab.plant(labels={"2026-01-14": "none_come"})
    lab.run("labels", batches=days(14, 14))
    return lab.verdict("labels", "label_arrival", "2026-01-14")


def _silence(lab: Lab) -> dg.AssetCheckEvaluation:
    lab.plan(now="2026-01-25T00:00:00")
    lab.run("raw_data", batches=days(15, 15))
    return lab.verdict("raw_data", "data_time_freshness", "2026-01-15")


PLANTED: Planted = {
    ("raw_data", "not_empty"): lambda lab: _rows("empty", "raw_data", "not_empty", lab),
    ("raw_data", "volume"): lambda lab: _rows("many", "raw_data", "volume", lab),
    ("raw_data", "data_time_freshness"): _silence,
    ("valid_data", "contract"): lambda lab: _rows("words", "valid_data", "contract", lab),
    ("valid_data", "unique_ids"): lambda lab: _rows("yesterdays_ids", "valid_data", "unique_ids", lab),
    ("valid_data", "no_new_columns"): lambda lab: _rows("extra_column", "valid_data", "no_new_columns", lab),
    ("features", "protected_absent"): _protected,
    ("labels", "label_arrival"): _no_labels,
}
FIGURES = {
    "not_empty": "delivered nothing",
    "volume": "1,800 rows, 6.00 times",
    "data_time_freshness": "9.0 days old",
    "contract": "120 of 300 rows (40.00%)",
    "unique_ids": "300 of 300 ids",
    "no_new_columns": "shoe_size",
    "protected_absent": "sex is one of them",
    "label_arrival": "0 of 300 labels",
}


def test_every_check_has_a_planted_fault() -> None:
    assert set(PLANTED) == checks_of(data_pipeline)


@pytest.mark.parametrize(("asset", "check"), sorted(PLANTED))
def test_a_check_passes_on_good_data(stream: Lab, asset: str, check: str) -> None:
    found = stream.verdict(asset, check, "2026-01-15")
    assert found.passed, found.description


@pytest.mark.parametrize(("asset", "check"), sorted(PLANTED))
def test_a_check_fails_on_a_planted_fault_and_says_by_how_much(fork: Lab, asset: str, check: str) -> None:
    found = PLANTED[asset, check](fork)
    assert not found.passed
    assert FIGURES[check] in said(found) or check == "data_time_freshness"
    assert found.partition == (found.metadata["batch"].value)


@pytest.mark.parametrize("fault", ["empty", "words"])
def test_a_blocking_check_stops_the_batch(fork: Lab, fault: str) -> None:
    fork.plant(rows={NEXT: fault})
    run = fork.run(*ROW_ASSETS, "predictions", batches=[NEXT])
    assert not run.success
    for asset in ("features", "profile", "predictions"):
        assert NEXT not in fork.loaded(asset)


def test_a_feature_that_repeats_a_protected_column_under_another_name_stops_the_batch(fork: Lab) -> None:
    fork.plant(rows={NEXT: "salutation"}, features="repeats_protected")
    run = fork.run(*ROW_ASSETS, batches=[NEXT])
    assert not run.success
    assert "code repeats sex" in said(fork.verdict("features", "protected_absent", NEXT))
    assert NEXT not in fork.loaded("profile")


def test_labels_that_come_by_half_are_a_warning_and_by_none_an_error(fork: Lab) -> None:
    fork.plant(labels={"2026-01-14": "half_come", "2026-01-15": "all_null"})
    fork.ok("labels", batches=days(14, 15))
    half, none = (fork.verdict("labels", "label_arrival", b) for b in days(14, 15))
    assert (half.passed, half.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (none.passed, none.severity) == (False, dg.AssetCheckSeverity.ERROR)


def test_labels_that_are_not_due_are_not_missed(fork: Lab) -> None:
    fork.plant(labels={NEXT: "none_come"})
    fork.ok(*ROW_ASSETS, batches=[NEXT])
    found = fork.verdict("labels", "label_arrival", NEXT)
    assert found.passed
    assert "not due yet" in said(found)


def test_a_declared_proxy_is_looked_for_by_name_and_by_value(fork: Lab) -> None:
    batch = "2026-01-15"
    assert fork.but(data_bias={"proxies": {"age": "sex"}}).check("features", "protected_absent", batch).passed
    lab = fork.but(data_bias={"proxies": {"job": "sex"}})
    assert "job is one of them (declared proxy of sex)" in said(lab.check("features", "protected_absent", batch))
    made = lab.store.read_frame("features", batch)
    other = made.assign(code=made["job"].map({"clerk": 3, "cook": 1, "driver": 2})).drop(columns="job")
    lab.store.write_frame("features", other, batch)
    found = lab.check("features", "protected_absent", batch)
    assert not found.passed
    assert "code repeats job (declared proxy of sex)" in said(found)
    allowed = lab.but(data_bias={"as_input": {"job": "the work is the risk"}})
    assert allowed.check("features", "protected_absent", batch).passed


def test_a_feature_function_cannot_reach_a_declared_proxy(fork: Lab) -> None:
    lab = fork.but(data_bias={"proxies": {"job": "sex"}})
    assert not lab.run("features", batches=days(15, 15)).success
