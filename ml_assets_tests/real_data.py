"""What the solutions on real data need beyond their files: event times, clocks, rules, and a run from history to reports."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ml_assets.components import definitions_of
from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import WHOLE_TABLE
from ml_assets.graph import key
from ml_assets.resources.store import Facts, SolutionStore, Store
from ml_assets.running import (
    LIVE_ASSETS,
    REPLAY_ASSETS,
    ROW_ASSETS,
    Finished,
    run_assets,
    run_history,
    run_training,
)

DATA_VARIABLE = "ML_ASSETS_DATA"
ELECTRICITY_START = datetime(1996, 5, 7)
CONTRACT_ASSETS = (
    "business_case", "baseline_value", "success_criteria", "column_screening", "selected_columns",
    "data_bias_report", "bias_remediation_plan", "sample_weights",
    "raw_data", "valid_data", "quarantined_data", "features", "labels", "profile", "training_set",
    "baselines", "candidates", "model", "evaluation", "explanation", "champion", "predictions",
    "model_bias_report", "mitigation",
    "drift_report", "performance_report", "performance_estimate", "fairness_report", "value_report",
    "policy_backtest", "retraining_log", "data_worth",
)  # fmt: skip
"""Every asset the ten parts promise."""

_PRESENT: dict[str, datetime] = {}


def data_path(*parts: str) -> str:
    """A file of the real data sets; outside of a machine that has them, the tests that call this are skipped."""
    return str(Path(os.environ.get(DATA_VARIABLE, "."), *parts))


def set_present(stream: str, moment: datetime) -> None:
    """Move the clock of a replayed stream."""
    _PRESENT[stream] = moment


def electricity_now() -> datetime:
    """The present of the electricity market."""
    return _PRESENT["electricity"]


def bikes_now() -> datetime:
    """The present of the bike sharing system."""
    return _PRESENT["bikes"]


def with_half_hours(frame: pd.DataFrame) -> pd.DataFrame:
    """Electricity: row order is time, one row per half hour from 7 May 1996 on; the running number is the id."""
    number = np.arange(len(frame))
    return frame.assign(
        reading=[f"nsw-{i:06d}" for i in number], measured_at=ELECTRICITY_START + pd.to_timedelta(30 * number, "min")
    )


def with_hours(frame: pd.DataFrame) -> pd.DataFrame:
    """Bikes: the day and its hour as one moment."""
    return frame.assign(rented_at=pd.to_datetime(frame["dteday"]) + pd.to_timedelta(frame["hr"], unit="h"))


def dear_price_rule(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Electricity: a price above what was usual in the first weeks is called UP."""
    return frame["nswprice"] > 0.06


def mean_of_hour_rule(frame: pd.DataFrame) -> "np.ndarray[Any, Any]":
    """Bikes: a table of hours that a dispatcher would keep on paper, from the winter of 2011."""
    hour = frame["hr"].to_numpy(int)
    return np.where(hour < 6, 15.0, np.where((hour < 10) | ((hour > 15) & (hour < 20)), 180.0, 110.0))


def earlier_success_rule(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Bank: call those who bought in an earlier campaign."""
    return frame["poutcome"] == "success"


def no_account_rule(frame: pd.DataFrame) -> "pd.Series[bool]":
    """German credit: refuse who is overdrawn."""
    return frame["checking_status"] == "<0 DM"


def degree_rule(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Adult: a bachelor's degree or more."""
    return frame["education_num"] >= 13


@dataclass
class Journey:
    """A solution on the way from its history to its reports, with every run it took."""

    solution: Solution
    defs: dg.Definitions
    instance: dg.DagsterInstance
    batches: list[str] = field(default_factory=lambda: [WHOLE_TABLE])
    runs: dict[str, Finished] = field(default_factory=dict)
    decisions: list[Facts] = field(default_factory=list)
    before_labels: dict[str, Facts] = field(default_factory=dict)
    wall: float = 0.0
    cpu: float = 0.0

    @property
    def store(self) -> SolutionStore:
        """What the assets left behind."""
        return Store().for_instance(self.instance, self.solution.name)

    def facts(self, asset: str, batch: str = "all") -> Facts:
        """The document of an asset."""
        return self.store.read_facts(asset, batch)

    def run(self, name: str, assets: Sequence[str], *, batches: Sequence[str] = ()) -> Finished:
        """Materialize assets and keep the outcome under a name."""
        began, used = time.perf_counter(), time.process_time()
        self.runs[name] = run_assets(self.defs, self.instance, self.solution, assets, batches=batches)
        self.wall, self.cpu = self.wall + time.perf_counter() - began, self.cpu + time.process_time() - used
        return self.runs[name]

    def learn(self, batches: Sequence[str] = ()) -> None:
        """History, then training up to the release decision, then the policy on the past."""
        began, used = time.perf_counter(), time.process_time()
        self.runs["history"] = run_history(self.defs, self.instance, self.solution, batches)
        self.runs["training"] = run_training(self.defs, self.instance, self.solution)
        self.wall, self.cpu = self.wall + time.perf_counter() - began, self.cpu + time.process_time() - used
        self.run("backtest", REPLAY_ASSETS)

    def serve(self, batch: str | None = None) -> None:
        """A later batch: its rows, then predictions and reports; a table has one batch, which has its rows already."""
        if batch is None:
            self.run("live", LIVE_ASSETS)
        else:
            self.run(f"rows {batch}", ROW_ASSETS, batches=[batch])
            self.run(f"live {batch}", LIVE_ASSETS, batches=[batch])

    def mature(self, batch: str) -> None:
        """The labels of a batch have become known."""
        self.run(
            f"mature {batch}", ("labels", "performance_report", "fairness_report", "value_report"), batches=[batch]
        )

    def metric(self, name: str) -> Facts:
        """A figure of the test part."""
        found: Facts = next(m for m in self.facts("evaluation")["metrics"] if m["name"] == name)
        return found

    def screened(self, column: str) -> Facts:
        """What the screening said of a column."""
        found: Facts = next(c for c in self.facts("column_screening")["columns"] if c["column"] == column)
        return found

    def never_materialized(self) -> list[str]:
        """Assets of the contract without a materialization."""
        return [
            a for a in CONTRACT_ASSETS
            if self.instance.get_latest_materialization_event(key(self.solution, a)) is None
        ]  # fmt: skip

    def counts(self, batch: str) -> tuple[int, int, int]:
        """Rows that came in, kept the contract, and were set apart."""
        valid = self.facts("valid_data", batch)
        return self.facts("raw_data", batch)["rows"], valid["rows"], valid["quarantined"]


def journey(declared: dict[str, Any], instance: dg.DagsterInstance) -> Journey:
    """A declaration, as YAML would hold it, ready to run."""
    solution = Solution.model_validate(declared)
    return Journey(solution, definitions_of(solution), instance)


def weeks(start: datetime, count: int) -> list[str]:
    """Keys of weekly batches."""
    return [f"{start + timedelta(weeks=i):%Y-%m-%d}" for i in range(count)]


def days(start: datetime, count: int) -> list[str]:
    """Keys of daily batches."""
    return [f"{start + timedelta(days=i):%Y-%m-%d}" for i in range(count)]
