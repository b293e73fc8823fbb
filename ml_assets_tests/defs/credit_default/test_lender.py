"""The played lender: what its rows promise, and that every planted fault is there on its days and on no other."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.defs.credit_default import lender
from ml_assets.errors import SourceError

NEVER = lender.Event("never", 10**6, 10**6, "")
CALM, CRISIS = range(4, 24), range(56, 76)


def on(offset: int) -> date:
    return lender.START + timedelta(days=offset)


def table(read: Callable[[date], pd.DataFrame], offsets: range) -> pd.DataFrame:
    return pd.concat([read(on(offset)) for offset in offsets], ignore_index=True)


def everything(offsets: range) -> pd.DataFrame:
    rows = table(lender.applications, offsets).merge(table(lender.outcomes, offsets), on="application_id")
    return rows.merge(table(lender.true_outcomes, offsets), on="application_id")


@pytest.fixture(scope="module")
def calm() -> pd.DataFrame:
    return everything(CALM)


@pytest.fixture(scope="module")
def crisis() -> pd.DataFrame:
    return everything(CRISIS)


def auc(truth: "pd.Series[bool]", score: "pd.Series[float]") -> float:
    """Share of pairs (positive, negative) in which the positive has the higher score; ties count half."""
    ranks, positives = score.rank(), int(truth.sum())
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * (len(truth) - positives)))


def cramers_v(a: "pd.Series[str]", b: "pd.Series[str]") -> float:
    from scipy.stats.contingency import association

    return float(association(pd.crosstab(a, b).to_numpy(), method="cramer"))


# --- rows


@settings(max_examples=15, deadline=None)
@given(offset=st.integers(0, 400), seed=st.integers(0, 2**32), other=st.integers(0, 400))
def test_a_day_depends_on_seed_and_day_alone(offset: int, seed: int, other: int) -> None:
    first = lender.applications(on(offset), seed=seed, per_day=50)
    lender.applications(on(other), seed=seed, per_day=50)
    np.random.default_rng(0).random()
    pd.testing.assert_frame_equal(first, lender.applications(on(offset), seed=seed, per_day=50))


def test_another_seed_or_day_is_another_world() -> None:
    incomes = [lender.applications(on(d), seed=s)["income"].head(50).tolist() for d, s in ((3, 7), (3, 8), (4, 7))]
    assert incomes[0] != incomes[1]
    assert incomes[0] != incomes[2]


def test_ids_are_unique_and_tell_the_day(calm: pd.DataFrame) -> None:
    assert calm["application_id"].is_unique
    assert calm["application_id"].str.fullmatch(r"A-\d{8}-\d{6}").all()
    assert lender.applications(lender.START)["application_id"].iloc[0] == "A-20260101-000001"
    assert (calm["application_id"].str[2:10] == calm["applied_at"].dt.strftime("%Y%m%d")).all()


@pytest.mark.parametrize("offset", [0, 51, 53, 90])
def test_columns_and_types_are_the_same_every_day(offset: int) -> None:
    usual = lender.applications(on(5))
    assert tuple(usual.columns) == lender.COLUMNS
    pd.testing.assert_series_equal(lender.applications(on(offset)).dtypes, usual.dtypes)


def test_times_lie_within_the_day_in_order() -> None:
    times = lender.applications(on(9))["applied_at"]
    assert times.is_monotonic_increasing
    assert set(times.dt.date) == {on(9)}


def test_values_keep_to_their_ranges(calm: pd.DataFrame) -> None:
    assert calm["age"].replace(0, 18).between(18, 85).all()
    assert calm["bureau_score"].dropna().between(300, 850).all()
    assert calm["utilisation"].between(0, 1).all()
    assert calm["income"].dropna().between(350, 30_000).all()
    assert (calm["employment_years"] <= (calm["age"] - 17).clip(lower=0))[calm["age"] > 0].all()
    assert set(calm["employment"]) == set(lender.EMPLOYMENTS)
    assert set(calm["district"]) == set(lender.DISTRICTS)


def test_missing_and_dirty_shares(calm: pd.DataFrame) -> None:
    missing = calm.isna().mean()
    assert missing["income"] == pytest.approx(0.03, abs=0.005)
    assert missing["bureau_score"] == pytest.approx(0.015, abs=0.005)
    assert missing["origin"] == pytest.approx(0.06, abs=0.01)
    assert missing.drop(["income", "bureau_score", "origin"]).max() == 0.0
    dirty = (calm["age"] == 0) | (calm["amount"] <= 0)
    assert 0.0005 < dirty.mean() < 0.004


def test_weekends_are_quieter_and_online() -> None:
    days = [lender.applications(on(offset)) for offset in range(4, 32)]
    weekend = [on(offset).weekday() >= 5 for offset in range(4, 32)]
    sizes = np.array([len(rows) for rows in days])
    web = np.array([(rows["channel"] == "web").mean() for rows in days])
    assert sizes[weekend].mean() / sizes[np.invert(weekend)].mean() == pytest.approx(0.6, abs=0.05)
    assert web[weekend].min() > web[np.invert(weekend)].max()


def test_per_day_is_the_volume_of_a_weekday() -> None:
    assert len(lender.applications(on(5), per_day=100)) == pytest.approx(100, rel=0.15)
    assert len(lender.applications(on(5))) == pytest.approx(2000, rel=0.15)


# --- outcomes


def test_base_rate_before_and_in_the_recession(calm: pd.DataFrame, crisis: pd.DataFrame) -> None:
    assert 0.12 <= calm["defaulted"].mean() <= 0.16
    assert 0.20 <= crisis["defaulted"].mean() <= 0.24


def test_outcomes_are_known_three_days_later() -> None:
    rows, known = lender.applications(on(8)), lender.outcomes(on(8))
    assert known.columns.tolist() == ["application_id", "defaulted", "collected_at"]
    assert known["application_id"].tolist() == rows["application_id"].tolist()
    assert known["defaulted"].dtype == bool
    assert set(known["collected_at"].dt.date) == {on(11)}


def test_calls_are_written_after_the_outcome() -> None:
    early, late = (lender.applications(on(8), seen_on=on(8 + wait)) for wait in (2, 3))
    assert early["collections_calls"].isna().all()
    pd.testing.assert_frame_equal(late, lender.applications(on(8)))
    pd.testing.assert_frame_equal(early.drop(columns="collections_calls"), late.drop(columns="collections_calls"))


def test_calls_give_the_outcome_away_and_nothing_else_does(calm: pd.DataFrame) -> None:
    assert auc(calm["defaulted"], calm["collections_calls"]) > 0.98
    honest = calm.dropna().select_dtypes("number").drop(columns="collections_calls")
    strengths = {column: auc(calm["defaulted"].loc[honest.index], honest[column]) for column in honest}
    assert max(max(value, 1 - value) for value in strengths.values()) < 0.78


def test_channel_and_purpose_have_no_effect(calm: pd.DataFrame) -> None:
    for column in ("channel", "purpose"):
        rates = calm.groupby(column)["defaulted_in_truth"].mean()
        assert rates.max() - rates.min() < 0.02


# --- what is unfair


def test_proxies_give_the_groups_away(calm: pd.DataFrame) -> None:
    known = calm.dropna(subset="origin")
    assert cramers_v(known["district"], known["origin"]) > 0.5
    assert cramers_v(calm["occupation_code"], calm["sex"]) > 0.6
    assert cramers_v(calm["occupation_code"], calm["district"]) < 0.05


def test_labels_are_worse_than_the_truth_for_some_only(calm: pd.DataFrame) -> None:
    wrong = calm["defaulted"] & ~calm["defaulted_in_truth"]
    assert (calm["defaulted"] | ~calm["defaulted_in_truth"]).all()
    assert calm.loc[wrong, "paid_late"].all()
    native, migrant, female = calm["origin"] == "native", calm["origin"] == "migrant", calm["sex"] == "female"
    assert not wrong[native & ~female].any()
    assert 0.002 < wrong[native & female].mean() < 0.02 < wrong[migrant].mean() < 0.08


def test_few_migrants_with_a_good_profile(calm: pd.DataFrame) -> None:
    earned = calm["bureau_score"] + lender.BUREAU_PENALTY * (calm["origin"] == "migrant")
    migrant = (calm["origin"] == "migrant")[calm["origin"].notna()]
    assert migrant[earned > 700].mean() < 0.7 * migrant[earned < 600].mean()


def test_at_the_same_score_migrants_repay_better(calm: pd.DataFrame) -> None:
    known = calm.dropna(subset=["origin", "bureau_score"])
    bands = pd.cut(known["bureau_score"], range(500, 721, 20))
    rates = known.groupby([bands, "origin"], observed=True)["defaulted_in_truth"].agg(["mean", "size"]).unstack()
    gap = (rates["mean", "migrant"] - rates["mean", "native"]) * rates["size", "migrant"]
    assert gap.sum() / rates["size", "migrant"].sum() < -0.01


# --- events


def without(monkeypatch: pytest.MonkeyPatch, event: str, day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Applications and outcomes of a day as they would have been, had the event not happened."""
    with monkeypatch.context() as patch:
        patch.setattr(lender, event, NEVER)
        return lender.applications(day), lender.outcomes(day)


def test_events_are_named_and_told() -> None:
    names = [event.name for event in lender.EVENTS]
    assert names == ["partner_campaign", "broken_feed", "recession", "feed_stops"]
    assert all(event.summary and event.first_day > lender.HISTORY_DAYS for event in lender.EVENTS)


@pytest.mark.parametrize(
    ("event", "inside", "outside"),
    [
        ("PARTNER_CAMPAIGN", (47, 48, 49), (46, 50)),
        ("BROKEN_FEED", (51,), (50, 52)),
        ("RECESSION", (53, 54, 300), (51, 52)),
        ("FEED_STOPS", (90, 91, 92), (89, 93)),
    ],
)
def test_an_event_changes_its_days_and_no_other(
    event: str, inside: tuple[int, ...], outside: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for offset in inside + outside:
        rows, _ = without(monkeypatch, event, on(offset))
        assert rows.equals(lender.applications(on(offset))) == (offset in outside)


def test_campaign_moves_the_channel_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, known = without(monkeypatch, "PARTNER_CAMPAIGN", on(48))
    campaign = lender.applications(on(48))
    assert (rows["channel"] == "partner").mean() == pytest.approx(0.15, abs=0.03)
    assert (campaign["channel"] == "partner").mean() == pytest.approx(0.65, abs=0.04)
    pd.testing.assert_frame_equal(rows.drop(columns="channel"), campaign.drop(columns="channel"))
    pd.testing.assert_frame_equal(known, lender.outcomes(on(48)))


def test_broken_feed_spoils_the_table_not_the_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, known = without(monkeypatch, "BROKEN_FEED", on(51))
    broken = lender.applications(on(51))
    pd.testing.assert_series_equal(broken["income"], rows["income"] * 100)
    assert broken["bureau_score"].isna().mean() == pytest.approx(1 / 3, abs=0.05)
    assert 0.02 < (broken["amount"] < 0).mean() < 0.08
    spoilt = ["income", "bureau_score", "amount"]
    pd.testing.assert_frame_equal(rows.drop(columns=spoilt), broken.drop(columns=spoilt))
    pd.testing.assert_frame_equal(known, lender.outcomes(on(51)))


def test_recession_leaves_every_input_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, known = without(monkeypatch, "RECESSION", on(60))
    written_later = ["collections_calls"]
    crisis = lender.applications(on(60))
    pd.testing.assert_frame_equal(rows.drop(columns=written_later), crisis.drop(columns=written_later))
    assert lender.outcomes(on(60))["defaulted"].mean() > known["defaulted"].mean() + 0.04


def test_recession_hits_some_and_spares_others(calm: pd.DataFrame, crisis: pd.DataFrame) -> None:
    before, after = (rows.groupby("employment")["defaulted"].mean() for rows in (calm, crisis))
    assert (after - before)[["self_employed", "temporary"]].min() > 0.15
    assert (after - before)[["permanent", "retired"]].max() < 0.01
    full, free = (
        (rows[rows["utilisation"] > 0.6]["defaulted"].mean(), rows[rows["utilisation"] <= 0.6]["defaulted"].mean())
        for rows in (crisis, calm)
    )
    assert full[0] - full[1] > free[0] - free[1] + 0.03


def test_no_rows_while_the_feed_stops_and_before_the_start() -> None:
    for day in (on(90), on(92), on(-1)):
        assert lender.applications(day).empty
        assert lender.outcomes(day).empty


def test_an_old_model_loses_and_three_new_days_bring_most_of_it_back(calm: pd.DataFrame, crisis: pd.DataFrame) -> None:
    from sklearn.ensemble import RandomForestClassifier as Forest

    inputs = ["income", "bureau_score", "utilisation", "employment_years", "existing_loans", "amount", "term_months"]

    def design(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[inputs].join(pd.get_dummies(rows["employment"]))

    def trained(rows: pd.DataFrame, weight: "pd.Series[float] | None" = None) -> Forest:
        model = Forest(n_estimators=25, min_samples_leaf=40, random_state=0)
        return model.fit(design(rows), rows["defaulted"], sample_weight=weight)

    def strength(model: Forest, rows: pd.DataFrame) -> float:
        return auc(rows["defaulted"], pd.Series(model.predict_proba(design(rows))[:, 1], rows.index))

    old = trained(calm)
    recent = everything(range(43, 56)).query("amount > 0 and income < 50000")
    age = (recent["applied_at"].max() - recent["applied_at"]).dt.total_seconds() / 86_400
    new = trained(recent, 0.5 ** (age / 3))
    later = crisis[crisis["applied_at"] >= pd.Timestamp(on(56))]
    assert 0.76 < strength(old, everything(range(24, 30))) < 0.83
    assert strength(old, later) < 0.75
    assert strength(new, later) > strength(old, later) + 0.05


# --- clock


def test_the_clock_stands_at_the_end_of_history_until_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert lender.today() == date(2026, 2, 15)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert lender.today() == date(2026, 2, 15)
    lender.set_today(date(2026, 3, 1))
    lender.set_today(date(2026, 2, 28))
    assert lender.today() == date(2026, 2, 28)
    assert [path.name for path in (tmp_path / "lender").iterdir()] == ["clock.json"]
    assert (tmp_path / "lender" / "clock.json").read_text() == '{"today": "2026-02-28"}'


def test_now_is_the_end_of_today_in_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    lender.set_today(date(2026, 2, 28))
    assert lender.now().isoformat() == "2026-03-01T00:00:00+00:00"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"today": 3}', '{"today": "soon"}'])
def test_a_broken_clock_says_so(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "lender").mkdir()
    (tmp_path / "lender" / "clock.json").write_text(text)
    with pytest.raises(SourceError, match=r"clock cannot be read.*YYYY-MM-DD"):
        lender.today()


def test_the_clock_needs_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(SourceError, match="DAGSTER_HOME"):
        lender.set_today(date(2026, 2, 28))
