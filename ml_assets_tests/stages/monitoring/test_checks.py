"""Every check of part 9 passes on good data and fails on a planted fault."""

import dagster as dg
import pytest

from ml_assets.running import ROW_ASSETS
from ml_assets.stages import monitoring
from ml_assets_tests.stages.lab import NEXT, Lab, Planted, checks_of, days, said

DAY = "2026-01-15"


def _drifted(lab: Lab) -> dg.AssetCheckEvaluation:
    lab.plant(rows={NEXT: "drift"})
    lab.ok(*ROW_ASSETS, "predictions", "drift_report", batches=[NEXT])
    return lab.verdict("drift_report", "drift", NEXT)


def _inverted(asset: str, check: str, lab: Lab) -> dg.AssetCheckEvaluation:
    lab.plant(labels={DAY: "inverted"})
    lab.ok("labels", asset, batches=[DAY])
    return lab.verdict(asset, check, DAY)


def _unfair(lab: Lab) -> dg.AssetCheckEvaluation:
    lab.plant(now="2026-01-18T06:00:00", rows={NEXT: "unfair"})
    lab.ok(*ROW_ASSETS, "predictions", "fairness_report", batches=[NEXT])
    return lab.verdict("fairness_report", "fairness", NEXT)


def _old(lab: Lab) -> dg.AssetCheckEvaluation:
    lab = lab.but(monitoring={"freshness": "1 hour"})
    lab.ok("drift_report", batches=[DAY])
    return lab.verdict("drift_report", "freshness", DAY)


def _skewed(lab: Lab) -> dg.AssetCheckEvaluation:
    lab.plant(features="rounded")
    lab.ok("features", batches=[DAY])
    return lab.check("predictions", "skew", DAY)


PLANTED: Planted = {
    ("drift_report", "drift"): _drifted,
    ("drift_report", "freshness"): _old,
    ("performance_report", "performance"): lambda lab: _inverted("performance_report", "performance", lab),
    ("performance_report", "concept"): lambda lab: _inverted("performance_report", "concept", lab),
    ("value_report", "value"): lambda lab: _inverted("value_report", "value", lab),
    ("fairness_report", "fairness"): _unfair,
    ("predictions", "skew"): _skewed,
}
FIGURES = {
    "drift": "income",
    "freshness": "allowed 0.0 days",
    "performance": "released with",
    "concept": "the same rows turn out differently",
    "value": "of the best constant decision",
    "fairness": "sex",
    "skew": "300 of 300 rows",
}


def test_every_check_has_a_planted_fault() -> None:
    assert set(PLANTED) == checks_of(monitoring)


@pytest.mark.parametrize(("asset", "check"), sorted(PLANTED))
def test_a_check_passes_on_good_data_and_fails_on_a_planted_fault(
    stream: Lab, fork: Lab, asset: str, check: str
) -> None:
    assert stream.verdict(asset, check, DAY).passed, said(stream.verdict(asset, check, DAY))
    found = PLANTED[asset, check](fork)
    assert not found.passed
    assert FIGURES[check] in said(found)
    watched = check in ("drift", "freshness", "performance", "fairness")
    assert (found.severity == dg.AssetCheckSeverity.ERROR) is watched


def test_what_cannot_be_judged_is_a_warning_and_not_a_pass(fork: Lab) -> None:
    """Before a batch is scored, before its labels come, and when they are too few, nothing is said to be well."""
    fork.plant()
    fork.ok(*ROW_ASSETS, batches=[NEXT])
    fork.ok("drift_report", "performance_report", batches=days(10, 10))
    for asset, check in (("drift_report", "drift"), ("performance_report", "performance")):
        found = fork.verdict(asset, check, "2026-01-10")
        assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert "no model was live" in said(found)
    fork.ok("predictions", "performance_report", batches=[NEXT])
    found = fork.verdict("performance_report", "performance", NEXT)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "at least 100" in said(found)
