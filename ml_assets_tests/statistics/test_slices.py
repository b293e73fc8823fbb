"""Slices that do worse: planted ones by name, none in noise, promises taken off, Holm against a published table."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.stats import binom, t, ttest_ind

from ml_assets.errors import DataError
from ml_assets.statistics.slices import LossRows, worst_slices

Floats = npt.NDArray[np.float64]


def inputs(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "purpose": rng.choice(["car", "house", "other"], n, p=[0.4, 0.4, 0.2]),
            "x": rng.normal(size=n),
        }
    )


def young_with_car(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    return np.asarray((frame["age"] < 30) & (frame["purpose"] == "car"))


def sides(seed: int, n: int, *, extra: float = 0.0, only: int = 3) -> tuple[LossRows, LossRows]:
    """Losses with mean 1 (skewed, as losses are), ``extra`` where young people buy cars; ``only``: 1 search, 2 test, 3 both."""
    rng = np.random.default_rng(seed)
    made = []
    for side in (1, 2):
        frame = inputs(rng, n)
        loss = rng.exponential(1.0, n) + extra * young_with_car(frame) * bool(side & only)
        made.append(LossRows(frame, loss))
    return made[0], made[1]


def test_a_planted_slice_is_found_named_and_proven() -> None:
    search, test = sides(0, 3000, extra=2.0)
    found = worst_slices(search, test)
    (worse,) = found.worse
    words = worse.words.split(" and ")
    assert words[1] == "purpose = car"
    assert words[0].startswith("age < ")
    assert 26 <= float(words[0].removeprefix("age < ")) <= 34
    assert worse.columns == ("age", "purpose")
    assert worse.p_value < 1e-6
    assert worse.loss > 2
    assert found.sentence.startswith(worse.words)
    assert f"n = {worse.n:,}" in found.sentence


def test_the_figures_are_those_of_the_test_rows_by_hand() -> None:
    rng = np.random.default_rng(1)
    made = [pd.DataFrame({"job": np.repeat(["driver", "clerk"], [300, 700])}) for _ in range(2)]
    losses = [rng.exponential(1.0, 1000) + 3.0 * (frame["job"] == "driver").to_numpy() for frame in made]
    found = worst_slices(*(LossRows(frame, loss) for frame, loss in zip(made, losses, strict=True)), margin=0.25)
    (one,) = found.slices
    here, rest = losses[1][:300], losses[1][300:]
    assert (one.words, one.n, one.verdict) == ("job = driver", 300, "worse")
    assert (one.loss, one.rest) == pytest.approx((here.mean(), rest.mean()))
    assert found.margin == pytest.approx(0.25 * losses[1].mean())
    assert one.difference.value == pytest.approx(here.mean() - rest.mean())
    welch = ttest_ind(here, rest, equal_var=False)
    interval = welch.confidence_interval()
    assert (one.difference.low, one.difference.high) == pytest.approx((interval.low, interval.high))
    shifted = ttest_ind(here - found.margin, rest, equal_var=False, alternative="greater")
    assert one.p_value == pytest.approx(shifted.pvalue)


def test_noise_alone_names_no_slice_more_often_than_alpha() -> None:
    named = sum(bool(worst_slices(*sides(seed, 600), margin=0.0).worse) for seed in range(80))
    assert named <= binom.ppf(0.999, 80, 0.05)


def test_a_slice_at_the_margin_itself_is_named_no_more_often_than_alpha() -> None:
    # mean loss of the test rows m = 1 + 0.3·d, so that a difference d is the margin for share d / (1 + 0.3·d)
    d, named, tested = 1.0, 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        made = [pd.DataFrame({"job": rng.choice(["driver", "clerk"], 800, p=[0.3, 0.7])}) for _ in range(2)]
        rows = [LossRows(f, rng.exponential(1.0, 800) + d * (f["job"] == "driver").to_numpy()) for f in made]
        found = worst_slices(*rows, margin=d / (1 + 0.3 * d))
        tested += len(found.slices)
        named += bool(found.worse)
    assert tested >= 55
    assert named <= binom.ppf(0.999, 60, 0.05)


@pytest.mark.parametrize("only", [1, 2])
def test_what_one_side_alone_shows_is_not_proven(only: int) -> None:
    assert not worst_slices(*sides(3, 3000, extra=2.0, only=only), margin=0.5).worse


def test_better_slices_are_no_finding() -> None:
    search, test = sides(4, 3000)
    good = [np.asarray(s.loss) * np.where(young_with_car(s.frame), 0.1, 1.0) for s in (search, test)]
    found = worst_slices(LossRows(search.frame, good[0]), LossRows(test.frame, good[1]))
    assert not found.worse
    assert all("<" not in s.words or "car" not in s.words for s in found.slices)


def test_a_promise_kept_is_no_fault_and_a_promise_broken_is() -> None:
    rng = np.random.default_rng(5)

    def rows(true_when_young: float) -> LossRows:
        frame = inputs(rng, 4000)
        young = (frame["age"] < 35).to_numpy()
        said = np.where(young, 0.5, 0.05)  # hard for the young, and the model says so
        truth = rng.random(4000) < np.where(young, true_when_young, true_when_young - 0.45)
        loss = -np.log(np.where(truth, said, 1 - said))
        return LossRows(frame, loss, -(said * np.log(said) + (1 - said) * np.log(1 - said)))

    honest = worst_slices(rows(0.5), rows(0.5))
    assert any(one.loss > one.rest + honest.margin and "age" in one.words for one in honest.slices)
    assert not honest.worse
    bare = [LossRows(r.frame, r.loss) for r in (rows(0.5), rows(0.5))]
    assert worst_slices(*bare).worse
    wrong = worst_slices(rows(0.85), rows(0.85))  # of those over 35 it says 5 %, and it is 40 %
    assert wrong.worse
    assert wrong.worse[0].words.startswith("age >=")
    assert "promised 0.1" in wrong.sentence


def test_a_slice_with_few_test_rows_says_so_and_costs_the_others_nothing() -> None:
    rng = np.random.default_rng(6)
    search = pd.DataFrame({"job": np.repeat(["driver", "pilot", "clerk"], [300, 300, 400])})
    test = pd.DataFrame({"job": np.repeat(["driver", "pilot", "clerk"], [300, 20, 680])})
    losses = [rng.exponential(1.0, 1000) + 4.0 * (f["job"] != "clerk").to_numpy() for f in (search, test)]
    found = worst_slices(LossRows(search, losses[0]), LossRows(test, losses[1]), depth=1)
    by_name = {one.words: one for one in found.slices}
    assert by_name["job = pilot"].verdict == "too few rows"
    assert math.isnan(by_name["job = pilot"].p_value)
    assert not by_name["job = pilot"].difference.estimable
    alone = ttest_ind(losses[1][:300] - found.margin, losses[1][300:], equal_var=False, alternative="greater")
    assert by_name["job = driver"].p_value == pytest.approx(alone.pvalue)


def test_too_few_rows_and_constant_losses_are_no_finding() -> None:
    assert "too few rows to search (100 are needed on either side" in worst_slices(*sides(7, 90)).sentence
    flat = LossRows(inputs(np.random.default_rng(0), 500), np.ones(500))
    assert worst_slices(flat, flat).slices == ()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"margin": -1.0}, "margin from 0"),
        ({"fewest": 5}, "fewest from 10"),
        ({"depth": 3}, "depth 1 or 2"),
    ],
)
def test_options_out_of_bounds(how: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        worst_slices(*sides(0, 200), **how)


def test_rows_that_do_not_fit() -> None:
    search, test = sides(0, 200)
    with pytest.raises(DataError, match="losses of other rows"):
        worst_slices(LossRows(search.frame, np.ones(3)), test)
    with pytest.raises(DataError, match="half a promise"):
        worst_slices(LossRows(search.frame, search.loss, np.ones(200)), test)
    with pytest.raises(DataError, match="columns to search"):
        worst_slices(search, LossRows(test.frame.drop(columns="age"), test.loss))


def customers(seed: int, *, shared: bool) -> tuple[LossRows, LossRows]:
    """120 customers with ten rows each and a temper of their own, in six regions none of which is worse."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(2):
        owner = np.repeat(np.arange(120), 10)
        region = rng.integers(0, 6, 120)[owner]
        loss = 3 + rng.normal(0, 1, 120)[owner] + rng.normal(0, 0.5, 1200)
        frame = pd.DataFrame({"region": pd.Categorical([f"r{i}" for i in region]), "x": rng.normal(size=1200)})
        made.append(LossRows(frame, loss, cluster=owner if shared else None))
    return made[0], made[1]


def test_rows_of_one_customer_are_one_draw() -> None:
    """Row by row, the customers that happen to live in a region make it a bad one; by customer hardly ever."""
    by_row, whole = (
        sum(bool(worst_slices(*customers(seed, shared=s), margin=0.0, fewest=10).worse) for seed in range(120))
        for s in (False, True)
    )
    allowed = binom.ppf(0.999, 120, 0.05)
    assert whole <= allowed
    assert by_row > 2 * allowed


def test_the_error_of_clusters_by_hand_and_that_of_rows_alone() -> None:
    rng = np.random.default_rng(3)
    frames = [pd.DataFrame({"job": np.repeat(["driver", "clerk"], [400, 600])}) for _ in range(2)]
    losses = [rng.exponential(1.0, 1000) + 2.0 * (frame["job"] == "driver").to_numpy() for frame in frames]
    owner = np.arange(1000) // 4
    made = [LossRows(f, x, cluster=owner) for f, x in zip(frames, losses, strict=True)]
    (one,) = worst_slices(*made).slices
    sums = [side.reshape(-1, 4).mean(axis=1) for side in (losses[1][:400], losses[1][400:])]
    variance = sum(((s - s.mean()) ** 2).sum() / len(s) ** 2 for s in sums) * 250 / 249
    half = t.ppf(0.975, 99) * math.sqrt(variance)  # 100 clusters of drivers
    assert one.difference.value == pytest.approx(losses[1][:400].mean() - losses[1][400:].mean())
    assert one.difference.high - one.difference.value == pytest.approx(half)
    alone = [LossRows(f, x, cluster=np.arange(1000)) for f, x in zip(frames, losses, strict=True)]
    (single,) = worst_slices(*alone).slices
    (plain,) = worst_slices(*(LossRows(f, x) for f, x in zip(frames, losses, strict=True))).slices
    assert single.difference.low == pytest.approx(plain.difference.low, rel=0.02)


def test_few_customers_are_too_few_however_many_rows_they_have() -> None:
    frames = [pd.DataFrame({"job": np.repeat(["driver", "clerk"], [400, 600])}) for _ in range(2)]
    rng = np.random.default_rng(0)
    losses = [rng.exponential(1.0, 1000) + 3.0 * (f["job"] == "driver").to_numpy() for f in frames]
    owner = np.arange(1000) // 20
    search, test = (LossRows(f, loss, cluster=owner) for f, loss in zip(frames, losses, strict=True))
    assert worst_slices(search, test, fewest=25).slices == ()  # twenty customers are no slice to look for
    (one,) = worst_slices(LossRows(frames[0], losses[0]), test, fewest=25).slices
    assert (one.verdict, one.n) == ("too few rows", 400)  # nor enough to test one
    few = worst_slices(LossRows(frames[0], losses[0], cluster=owner), LossRows(frames[1], losses[1]), fewest=26)
    assert (few.searched, few.slices) == (0, ())
    assert (
        "too few clusters to search (52 are needed on either side; test clusters: 50)"
        in worst_slices(search, test, fewest=26).sentence
    )
    with pytest.raises(DataError, match="Clusters do not match the rows"):
        worst_slices(search, LossRows(frames[1], losses[1], cluster=owner[:10]))


def test_customers_of_a_bad_temper_do_not_hide_the_slice_that_is_worse() -> None:
    """Four regions of customers whose tempers vary, and one hour of the day that is worse for all of them: by row the
    tempers stand out most, and the slots of the search are theirs."""
    proven = {True: 0, False: 0}
    for seed in range(12):
        for shared in proven:
            rng, made = np.random.default_rng(seed), []
            for _ in range(2):
                owner = np.repeat(np.arange(200), 10)
                frame = pd.DataFrame({f"town{k}": (rng.integers(0, 6, 200)[owner]).astype(str) for k in range(4)})
                frame["hour"] = rng.integers(0, 5, 2000).astype(str)
                loss = (
                    20 + rng.normal(0, 3, 200)[owner] + rng.normal(0, 1, 2000) + 1.0 * (frame["hour"] == "3").to_numpy()
                )
                made.append(LossRows(frame, loss, cluster=owner))
            search = made[0] if shared else LossRows(made[0].frame, made[0].loss)
            worse = worst_slices(search, made[1], margin=0.0, fewest=20, most=2).worse
            proven[shared] += any(one.words == "hour = 3" for one in worse)
    assert proven[True] >= 10
    assert proven[False] <= proven[True] - 4


@pytest.mark.parametrize(("shift", "spread", "said"), [(2.0, 1.0, "biased"), (0.0, 3.0, "noisier, no bias shown")])
def test_a_worse_slice_says_whether_it_is_biased_or_only_noisier(shift: float, spread: float, said: str) -> None:
    rng = np.random.default_rng(4)
    made = []
    for _ in range(2):
        frame = inputs(rng, 3000)
        at = young_with_car(frame)
        residual = rng.normal(size=3000) * np.where(at, spread, 1.0) + shift * at
        made.append(LossRows(frame, residual**2, residual=residual))
    found = worst_slices(*made)
    (worse,) = found.worse
    assert worse.why.startswith(said)
    assert worse.why in found.sentence
    assert worst_slices(*sides(0, 3000, extra=2.0)).worse[0].why == ""
