"""A date in a CSV is a date from the contract to the score: learned from, profiled, quarantined when broken, scored as text."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.declaration.contract import BROKEN
from ml_assets.errors import DataError
from ml_assets.history import ID
from ml_assets.releases import require_live
from ml_assets.resources.registry import TRACKING_VARIABLE
from ml_assets.running import LIVE_ASSETS, ROW_ASSETS, TRAINING_ASSETS
from ml_assets_tests.stages.declarations import STREAM, declared, signed
from ml_assets_tests.stages.lab import Lab, days, open_instance, said

DAILY, SERVED = 150, "2026-01-19T06:00:00"
NEW, EMPTY, BROKEN_DAY = days(15, 17)
OWN = {"available": "at_prediction", "reason": "written at the counter"}
DECLARED: dict[str, Any] = {
    "name": "accounts",
    "success_criteria!": [{"metric": "roc_auc", "at_least": 0.6}],
    "data_bias!": {},
    "data_selection": {"columns": {"opened": OWN, "closes": OWN}},
    "model": {"candidates": ["logistic_regression", "xgboost"], "monotone!": {}},
}


def accounts(first: int, last: int) -> pd.DataFrame:
    """Loans of January days: young accounts default. ``opened`` is written by day, ``called`` by day, month and year; 9999 says never."""
    rng = np.random.default_rng(first)
    n = DAILY * (last - first + 1)
    age, income = rng.integers(30, 3650, n), rng.normal(30, 8, n)
    opened = pd.Timestamp("2025-12-01") - pd.to_timedelta(age, unit="D")
    at = pd.Timestamp(f"2026-01-{first:02d}") + pd.to_timedelta(np.arange(n) // DAILY, unit="D")
    risk = 1 / (1 + np.exp((age - 900) / 500 + (income - 30) / 8))
    return pd.DataFrame(
        {
            "row": [f"{first}-{i}" for i in range(n)],
            "at": (at + pd.to_timedelta(rng.integers(0, 86_000, n), unit="s")).strftime("%Y-%m-%d %H:%M:%S"),
            "opened": opened.strftime("%Y-%m-%d"),
            "called": (at - pd.to_timedelta(rng.integers(1, 300, n), unit="D")).strftime("%d.%m.%Y"),
            "closes": np.where(
                rng.random(n) < 0.3, "9999-12-31", (at + pd.to_timedelta(age + 60, unit="D")).strftime("%Y-%m-%d")
            ),
            "income": income.round(2),
            "defaulted": (rng.random(n) < risk).astype(int),
        }
    )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Trained on fourteen days of one CSV and released; then a day of new dates, one without any, one with a broken one."""
    folder = tmp_path_factory.mktemp("accounts")
    file = folder / "accounts.csv"
    pipeline = {"source!": {"type": "files", "path": str(file)}, "labels!": None, "features!": None}
    made = Lab(signed(declared(STREAM, **DECLARED, data_pipeline=pipeline)), open_instance(folder), folder)
    broken = accounts(17, 17)
    broken.loc[3, "opened"] = "31.01.2024"
    later = [accounts(15, 15), accounts(16, 16).assign(opened=None), broken]
    pd.concat([accounts(1, 14), *later]).to_csv(file, index=False)
    made.plan()
    made.ok(*ROW_ASSETS, batches=days(1, 14))
    made.ok(*TRAINING_ASSETS, reason="first model")
    made.plan(now=SERVED)
    made.ok(*ROW_ASSETS, batches=[NEW, EMPTY, BROKEN_DAY])
    made.ok(*LIVE_ASSETS, batches=[NEW, EMPTY, BROKEN_DAY])
    yield made
    made.instance.dispose()


def test_the_type_is_one_in_every_batch(lab: Lab) -> None:
    for batch in (*days(1, 14), NEW, EMPTY, BROKEN_DAY):
        for asset in ("valid_data", "features"):
            frame = lab.store.read_frame(asset, batch)
            assert frame["opened"].dtype == "datetime64[us]", (asset, batch)
            assert frame["called"].dtype == object
    assert lab.store.read_frame("valid_data", EMPTY)["opened"].isna().all()
    assert lab.store.read_frame("raw_data", NEW)["opened"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()
    grid = lab.store.read_facts("grid")
    assert "opened" in grid["edges"]
    assert "opened" not in grid["categories"]


def test_a_date_that_says_never_is_a_date_too(lab: Lab) -> None:
    never = lab.store.read_frame("valid_data", NEW)["closes"].dt.year == 9999
    assert 0.15 < never.mean() < 0.45
    assert lab.store.read_frame("quarantined_data", NEW).empty
    assert lab.store.read_facts("profile", NEW)["numeric"]["closes"]["maximum"] == pytest.approx(253402214400)


def test_the_time_and_the_id_of_a_row_stay_the_text_they_were(lab: Lab) -> None:
    raw, valid = (lab.store.read_frame(asset, NEW) for asset in ("raw_data", "valid_data"))
    assert valid["at"].tolist() == raw["at"].tolist()
    assert valid[ID].tolist() == raw["row"].tolist()


def test_a_broken_date_is_set_apart_with_its_reason(lab: Lab) -> None:
    apart = lab.store.read_frame("quarantined_data", BROKEN_DAY)
    assert apart["opened"].tolist() == ["31.01.2024"]
    assert apart[BROKEN].tolist() == ["opened: coerce_dtype('ISO-8601 date or time, such as 2024-01-31')"]
    assert lab.store.read_facts("valid_data", BROKEN_DAY)["rows"] == DAILY - 1
    assert lab.verdict("valid_data", "contract", EMPTY).passed


def test_dates_in_another_form_stay_categories_and_that_is_told(lab: Lab) -> None:
    told = {c["column"]: c for c in lab.store.read_facts("column_screening")["columns"]}
    assert told["opened"]["kind"] == "datetime"
    assert not any("look like dates" in reason for c in ("opened", "at", "income") for reason in told[c]["reasons"])
    (sentence,) = (reason for reason in told["called"]["reasons"] if "look like dates" in reason)
    assert "1,950 of 1,950 values look like dates and stay categories" in sentence
    assert "is no ISO-8601 date: have the source write each as 2024-01-31" in sentence
    shown = lab.metadata("column_screening")["columns"]
    assert "look like dates" in str(shown)


def test_dates_never_seen_are_neither_drift_nor_unknown(lab: Lab) -> None:
    seen = {day for b in days(1, 14) for day in lab.store.read_frame("features", b)["opened"]}
    unseen = ~lab.store.read_frame("features", NEW)["opened"].isin(seen)
    assert unseen.mean() > 0.3
    columns = {c["column"]: c for c in lab.store.read_facts("drift_report", NEW)["columns"]}
    assert (columns["opened"]["kind"], columns["opened"]["verdict"]) == ("numeric", "stable")
    assert columns["opened"]["new_share"] < 0.05
    assert lab.verdict("drift_report", "drift", NEW).passed
    # the model tells rows of unseen dates apart: the young accounts among them score higher
    scored = lab.store.read_frame("predictions", NEW).set_index(ID).loc[lab.store.read_frame("features", NEW)[ID]]
    young = lab.store.read_frame("features", NEW)["opened"] > pd.Timestamp("2023-06-01")
    score = scored["ml:score"].to_numpy()
    assert score[young & unseen].mean() > score[~young & unseen].mean() + 0.2


def test_a_day_without_dates_is_told_as_missing_values(lab: Lab) -> None:
    columns = {c["column"]: c for c in lab.store.read_facts("drift_report", EMPTY)["columns"]}
    assert columns["opened"]["missing_change"] == 1.0
    assert "opened" in said(lab.verdict("drift_report", "drift", EMPTY))


@pytest.mark.parametrize("spelt", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.000Z", "%Y-%m-%dT%H:%M+00:00"])
def test_text_scores_as_the_time_it_spells(lab: Lab, spelt: str) -> None:
    artifact = require_live(lab.models, lab.solution.name).artifact()
    rows = lab.store.read_frame("features", NEW).drop(columns=[ID])
    written = rows.assign(opened=rows["opened"].dt.strftime(spelt))
    np.testing.assert_array_equal(artifact.score(written), artifact.score(rows))
    assert len(np.unique(artifact.score(rows.assign(income=30.0)))) > 20  # the date itself moves the score


@pytest.mark.parametrize("value", ["01/02/2024", "31.01.2024", "20240131", 20240131, "2024-02-30", "soon"])
def test_what_is_no_date_is_refused_in_a_row_to_score(lab: Lab, value: Any) -> None:
    artifact = require_live(lab.models, lab.solution.name).artifact()
    row = lab.store.read_frame("features", NEW).drop(columns=[ID]).head(1)
    with pytest.raises(DataError, match="'opened' has no usable value"):
        artifact.score(row.assign(opened=[value]))


@pytest.mark.filterwarnings("ignore:.*AnyType:UserWarning")  # MLflow warns of types of its own agents
def test_mlflow_answers_text_as_the_store_does(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv(TRACKING_VARIABLE, lab.models.uri)
    rows = lab.store.read_frame("features", NEW)
    written = rows.drop(columns=[ID]).assign(**{c: rows[c].dt.strftime("%Y-%m-%d") for c in ("opened", "closes")})
    found = mlflow.pyfunc.load_model("models:/accounts@champion").predict(written)
    stored = lab.store.read_frame("predictions", NEW).set_index(ID).loc[rows[ID], "ml:score"]
    np.testing.assert_array_equal(found["score"], stored)
