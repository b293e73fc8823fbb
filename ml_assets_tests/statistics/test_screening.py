"""Screening: planted faults in made-up tables, known traps in public ones, and its cost."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.groups import GroupRule, group_frame
from ml_assets.statistics.intervals import delong
from ml_assets.statistics.screening import ColumnFacts, ColumnScreening, screen


def _by_name(found: tuple[ColumnScreening, ...]) -> dict[str, ColumnScreening]:
    return {one.column: one for one in found}


def _faulty(n: int = 3_000) -> tuple[pd.DataFrame, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    rng = np.random.default_rng(0)
    truth = (rng.random(n) < 0.3).astype(np.float64)
    frame = pd.DataFrame(
        {
            "sound": truth + rng.normal(0, 2, size=n),
            "group": rng.choice(["a", "b", "c"], size=n),
            "empty": np.where(rng.random(n) < 0.01, 1.0, np.nan),
            "flat": "x",
            "serial": rng.permutation(n) + 10_000,
            "uuid": [f"u{row:x}" for row in rng.permutation(n)],
            "copy": truth + rng.normal(0, 0.01, size=n),
            "length": truth * 2.0 + rng.normal(0, 1.5, size=n),
            "later": rng.normal(size=n),
            "clock": np.arange(n) / 7,
            "frozen": np.where(np.arange(n) < n * 0.6, rng.normal(size=n), 1.0),
            "dear": rng.normal(size=n),
        }
    )
    return frame, truth


def test_planted_faults_get_their_verdicts_and_sound_columns_none() -> None:
    frame, truth = _faulty()
    declared = {"later": ColumnFacts(available="after_outcome"), "dear": ColumnFacts(cost=3.0)}
    order = np.arange(len(frame)) // 100
    found = _by_name(screen(frame, truth, task="binary", declared=declared, order=order))
    assert {name: one.verdict for name, one in found.items()} == {
        "sound": "use",
        "group": "use",
        "empty": "drop",
        "flat": "drop",
        "serial": "drop",
        "uuid": "drop",
        "copy": "drop",
        "length": "review",
        "later": "drop",
        "clock": "review",
        "frozen": "review",
        "dear": "review",
    }
    assert "Nothing against it" in found["sound"].reasons[0]
    assert found["sound"].missing_share == 0
    assert found["group"].distinct == 3
    assert found["dear"].cost == 3.0
    assert list(found) == list(frame.columns)


def test_the_target_left_in_the_table_is_dropped_and_hides_no_other_leak() -> None:
    frame, truth = _faulty()
    found = _by_name(screen(frame[["sound", "copy"]].assign(y=truth), truth, task="binary", target="y"))
    assert (found["y"].verdict, found["y"].reasons[0]) == ("drop", "It is the target itself.")
    assert (found["copy"].verdict, found["sound"].verdict) == ("drop", "use")


def test_test_rows_do_not_teach() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, size=2_000).astype(np.float64)
    parts = np.where(np.arange(2_000) < 1_000, "train", "test")
    betrays_in_test = np.where(parts == "test", truth, rng.normal(size=2_000))
    frame = pd.DataFrame({"x": betrays_in_test})
    assert screen(frame, truth, task="binary", parts=parts)[0].usefulness.value < 0.6
    assert screen(frame, truth, task="binary", parts=parts)[0].usefulness.n == 1_000


def test_parts_of_a_total_are_dropped() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"cash": rng.poisson(20, 900), "card": rng.poisson(60, 900), "hour": rng.integers(0, 24, 900)})
    found = _by_name(screen(frame, frame["cash"] + frame["card"], task="regression"))
    assert {name: one.verdict for name, one in found.items()} == {"cash": "drop", "card": "drop", "hour": "use"}
    assert "cash, card" in found["cash"].reasons[-1]


def test_a_proxy_is_reviewed_with_its_figure_and_never_dropped() -> None:
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], size=2_000)
    frame = pd.DataFrame({"title": np.where(sex == "f", "Ms", "Mr"), "sex": sex, "age": rng.integers(18, 80, 2_000)})
    groups = group_frame(frame, groups={"sex": GroupRule("sex")})
    truth = rng.integers(0, 2, size=2_000)
    found = _by_name(screen(frame, truth, task="binary", groups=groups, protected=("sex",)))
    assert (found["title"].verdict, found["title"].proxy_of) == ("review", "sex")
    assert found["title"].proxy_strength == pytest.approx(1.0)
    assert found["sex"].reasons == ("It is a protected attribute itself.",)
    assert found["age"].verdict == "use"


def test_multiclass_and_rows_without_truth() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, size=1_500).astype(np.float64)
    frame = pd.DataFrame({"code": truth.astype(int).astype(str), "noise": rng.normal(size=1_500)})
    truth[:100] = np.nan
    found = _by_name(screen(frame, truth, task="multiclass"))
    assert (found["code"].verdict, found["noise"].verdict) == ("drop", "use")
    assert found["noise"].usefulness.n == 1_400


def test_one_in_ten_thousand_is_measured_on_all_its_rows_and_sound_columns_are_not_accused() -> None:
    """200,000 rows, 20 of them positive: a random sample of 20,000 would hold two."""
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=200_000), rng.normal(size=200_000)
    noise = 0.7 * x - 0.5 * z + rng.logistic(size=200_000)
    truth = (noise >= np.sort(noise)[-20]).astype(float)
    copy = truth + 0.1 * rng.normal(size=200_000)
    found = {one.column: one for one in screen(pd.DataFrame({"x": x, "z": z}), truth, task="binary")}
    assert {name: one.verdict for name, one in found.items()} == {"x": "use", "z": "use"}
    whole = delong(truth, x)
    assert found["x"].usefulness.value == pytest.approx(whole.value, abs=0.02)
    assert found["x"].usefulness.high - found["x"].usefulness.low < 1.3 * (whole.high - whole.low)
    (leak,) = screen(pd.DataFrame({"copy": copy}), truth, task="binary")
    assert leak.verdict == "drop"


def test_the_same_seed_gives_the_same_answer_and_no_rows_none() -> None:
    frame, truth = _faulty()
    # Text, because nan is not equal to itself.
    assert str(screen(frame, truth, task="binary")) == str(screen(frame, truth, task="binary"))
    assert len(screen(frame[:0], truth[:0], task="binary")) == frame.shape[1]
    assert screen(pd.DataFrame(index=range(5)), truth[:5], task="binary") == ()


def test_facts_about_unknown_columns_and_unequal_rows_are_refused() -> None:
    frame, truth = _faulty(50)
    with pytest.raises(DataError, match="got soundd"):
        screen(frame, truth, task="binary", declared={"soundd": ColumnFacts()})
    with pytest.raises(DataError, match="different length"):
        screen(frame, truth[:-1], task="binary")
    with pytest.raises(DataError, match="different length"):
        screen(frame, truth, task="binary", parts=["train"])
    with pytest.raises(DataError, match="different length"):
        screen(frame, truth, task="binary", order=[0, 1])
    with pytest.raises(DataError, match="different length"):
        screen(frame, truth, task="binary", groups=pd.DataFrame({"sex": ["f"]}))
    with pytest.raises(DataError, match="same name"):
        screen(pd.concat([frame, frame[["flat"]]], axis=1), truth, task="binary")


_ROOT = os.environ.get("ML_ASSETS_DATA", "")
public = pytest.mark.skipif(not _ROOT, reason="ML_ASSETS_DATA does not point at the public tables")


def _public(path: str) -> pd.DataFrame:
    return pd.read_csv(Path(_ROOT) / path)


@public
def test_bank_marketing_duration_is_too_good_and_nothing_else_is() -> None:
    bank = _public("bank_marketing_full/bank_marketing_full.csv.gz")
    found = screen(bank, bank["y"] == "yes", task="binary", target="y", order=np.arange(len(bank)) // 1_000)
    assert {one.column: one.verdict for one in found if one.verdict != "use"} == {"duration": "review", "y": "drop"}
    duration = _by_name(found)["duration"]
    assert "Too good to be true" in duration.reasons[0]
    assert duration.usefulness.value == pytest.approx(0.81, abs=0.01)


@public
def test_adult_has_proxies_and_no_leak() -> None:
    adult = _public("adult/adult.csv.gz")
    groups = group_frame(adult, groups={"sex": GroupRule("sex"), "race": GroupRule("race")})
    truth = adult["income"].astype(str).str.contains(">50K")
    found = _by_name(screen(adult, truth, task="binary", target="income", groups=groups, protected=("sex", "race")))
    assert {name for name, one in found.items() if one.verdict == "drop"} == {"income"}
    assert {name for name, one in found.items() if one.verdict == "review"} == {"relationship", "sex", "race"}
    assert found["relationship"].proxy_of == "sex"
    assert found["relationship"].proxy_strength == pytest.approx(0.65, abs=0.02)
    assert not any("too good" in reason.lower() for one in found.values() for reason in one.reasons)


@public
def test_bike_sharing_parts_of_the_total_are_dropped() -> None:
    bikes = _public("bike_sharing_hourly/bike_sharing_hourly.csv")
    order = pd.factorize(bikes["dteday"].str[:7])[0]
    found = _by_name(screen(bikes, bikes["cnt"], task="regression", target="cnt", order=order))
    assert {name for name, one in found.items() if one.verdict == "drop"} == {"instant", "casual", "registered", "cnt"}
    assert {name for name, one in found.items() if one.verdict == "review"} == {"dteday", "yr"}


@public
def test_electricity_date_marks_the_time() -> None:
    market = _public("electricity/electricity.csv.gz")
    order = np.arange(len(market)) // 336
    found = _by_name(screen(market, market["class"] == "UP", task="binary", target="class", order=order))
    assert {name: one.verdict for name, one in found.items() if one.verdict != "use"} == {
        "date": "review",
        "class": "drop",
    }
    assert "marks the time" in found["date"].reasons[0]


@public
def test_german_credit_has_no_leak_and_names_the_column_that_holds_sex() -> None:
    credit = _public("german_credit/german_credit.csv").drop(columns="sex")
    sex = _public("german_credit/german_credit.csv")[["sex"]]
    found = _by_name(screen(credit, credit["credit_risk"] == "bad", task="binary", target="credit_risk", groups=sex))
    assert {name for name, one in found.items() if one.verdict != "use"} == {"personal_status_sex", "credit_risk"}
