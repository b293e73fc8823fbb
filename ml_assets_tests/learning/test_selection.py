import numpy as np
import pytest

from ml_assets.errors import DataError
from ml_assets.learning.selection import Scored, select
from ml_assets.statistics.estimate import Estimate

RNG = np.random.default_rng(3)
HARD = RNG.gamma(2.0, size=400)  # rows differ much more than candidates do


def test_the_simplest_within_one_standard_error_wins() -> None:
    noise = RNG.normal(scale=0.2, size=400)
    noise -= noise.mean()
    result = select([Scored("big", 5, HARD), Scored("small", 2, HARD + 0.005 + noise)])
    # standard error of the difference: 0.2 / 20 = 0.01 > 0.005
    assert result.chosen == "small"
    assert "simplest of 2" in result.sentence
    assert "n = 400" in result.sentence
    assert [row.name for row in result.table] == ["big", "small"]
    assert [row.chosen for row in result.table] == [False, True]


def test_pairing_sees_a_difference_smaller_than_the_spread_of_rows() -> None:
    better = HARD - 0.05 + RNG.normal(scale=0.1, size=400)
    result = select([Scored("simple", 1, HARD), Scored("complex", 9, better)])
    assert result.chosen == "complex"
    # unpaired, the standard error (about 0.07) would have hidden it
    estimates = [
        Scored("simple", 1, Estimate("loss", 2.0, 1.86, 2.14, 400)),
        Scored("complex", 9, Estimate("loss", 1.95, 1.81, 2.09, 400)),
    ]
    assert select(estimates).chosen == "simple"


def test_standard_error_by_hand() -> None:
    result = select([Scored("a", 1, np.array([0.0, 0.0, 0.0, 0.0])), Scored("b", 0, np.array([0.0, 2.0, 0.0, 2.0]))])
    row = next(row for row in result.table if row.name == "b")
    assert row.behind == pytest.approx(1.0)
    assert row.error == pytest.approx((4 / 3) ** 0.5 / 2)
    assert not row.eligible


def test_the_rule_best_takes_the_lowest_loss_whatever_its_complexity() -> None:
    candidates = [Scored("a", 9, HARD), Scored("b", 1, HARD + 1e-6)]
    assert select(candidates).chosen == "a"  # the difference is constant: no error, no doubt
    assert select(candidates, rule="best").chosen == "a"


def test_exact_ties_go_to_the_simpler_then_to_the_name() -> None:
    assert select([Scored("z", 1, HARD), Scored("a", 2, HARD)]).chosen == "z"
    assert select([Scored("z", 1, HARD), Scored("a", 1, HARD)]).chosen == "a"


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ([], "Nothing to select"),
        ([Scored("a", 1, HARD), Scored("a", 2, HARD)], "Nothing to select"),
        ([Scored("a", 1, HARD), Scored("b", 2, HARD[1:])], "row by row"),
        ([Scored("a", 1, np.array([np.nan, 1.0]))], "not a number"),
    ],
)
def test_what_cannot_be_compared_is_refused(candidates: list[Scored], words: str) -> None:
    with pytest.raises(DataError, match=words):
        select(candidates)


def test_ten_rows_of_a_customer_tell_no_more_than_one() -> None:
    """The complex model is ahead of the simple one by 1.5 standard errors of rows, by 0.5 of customers."""
    rng = np.random.default_rng(2)
    gap = rng.normal(size=60)
    gap = (gap - gap.mean()) / gap.std(ddof=1) + 0.5 / np.sqrt(60)
    loss, who = np.repeat(rng.normal(5.0, 1.0, 60), 10), np.repeat(np.arange(60), 10)
    pair = [Scored("simple", 1, loss + np.repeat(gap, 10)), Scored("complex", 3, loss)]
    assert select(pair).chosen == "complex"
    found = select(pair, cluster=who)
    assert found.chosen == "simple"
    assert found.table[1].error == pytest.approx(1 / np.sqrt(60))
    assert found.table[0].loss.high - found.table[0].loss.low > 2.5 * (
        select(pair).table[0].loss.high - select(pair).table[0].loss.low
    )
