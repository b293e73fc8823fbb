"""Who owns which rows, group by group: sides of rates and means, alone and crossed."""

import math

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.clustered import clustered_mean
from ml_assets.statistics.clustered_gaps import OwnedMoments
from ml_assets.statistics.clustered_rates import SharedRows
from ml_assets.statistics.tensor_metrics import COUNT_METRICS

_RNG = np.random.default_rng(0)
GROUPS = pd.DataFrame(
    {
        "sex": _RNG.choice(["f", "m"], 600),
        "age": np.array(["<30", ">=30", None], dtype=object)[_RNG.integers(0, 3, 600)],
    }
)
TRUTH, DECISION, OWNER = _RNG.integers(0, 2, 600), _RNG.integers(0, 2, 600), _RNG.integers(0, 90, 600)
ROWS = SharedRows.of(GROUPS, OWNER.astype(str), truth=TRUTH, decision=DECISION)


@pytest.mark.parametrize(
    ("metric", "among", "held"),
    [
        ("selection_rate", np.ones(600, dtype=bool), DECISION == 1),
        ("true_positive_rate", TRUTH == 1, DECISION == 1),
        ("false_omission_rate", DECISION == 0, TRUTH == 1),
        ("accuracy", np.ones(600, dtype=bool), TRUTH == DECISION),
    ],
)
def test_both_sides_of_a_rate_are_clustered_means_of_its_denominator(
    metric: str, among: np.ndarray, held: np.ndarray
) -> None:
    (share,) = COUNT_METRICS[metric].shares
    found = ROWS.rates(("sex", "age"), share, positive=1)
    assert set(found) == {(s, a) for s in "fm" for a in ("<30", ">=30", "unknown")}
    for (sex, age), sides in found.items():
        own = ((GROUPS["sex"] == sex) & (GROUPS["age"].fillna("unknown") == age)).to_numpy()
        for side, rows in zip(sides, (own & among, ~own & among), strict=True):
            mean = clustered_mean(held[rows].astype(float), OWNER[rows])
            assert side.mean == pytest.approx(mean.value)
            assert isinstance(side, OwnedMoments)
            assert math.sqrt(side.alone / side.n) == pytest.approx(mean.error)
            assert side.n == mean.freedom + 1


def test_a_rate_by_hand() -> None:
    """Three women: one owns two rows that are selected, one a row that is, one two that are not: 3 of 5.

    Away from 0.6 the owners sum to 0.8, 0.4 and -1.2; the squared error is 3/2 · (0.64 + 0.16 + 1.44) / 25 = 0.1344.
    """
    groups = pd.DataFrame({"sex": ["f"] * 5 + ["m"] * 2})
    rows = SharedRows.of(groups, np.array(list("aabccde")), truth=[0] * 7, decision=[1, 1, 1, 0, 0, 1, 0])
    (share,) = COUNT_METRICS["selection_rate"].shares
    own, rest = rows.rates(("sex",), share, positive=1)[("f",)]
    assert own.n == 3
    assert [own.mean, own.variance / own.n] == pytest.approx([0.6, 0.1344])
    assert (rest.n, rest.mean) == (2, 0.5)


def test_a_group_without_a_row_of_the_denominator_has_no_side() -> None:
    groups = pd.DataFrame({"sex": ["f", "m", "m"]})
    rows = SharedRows.of(groups, np.array([0, 1, 1]), truth=[0, 1, 1], decision=[1, 1, 0])
    (share,) = COUNT_METRICS["true_positive_rate"].shares
    own, rest = rows.rates(("sex",), share, positive=1)[("f",)]
    assert (own.n, rest.n) == (0, 1)
    assert math.isnan(own.mean)
    assert math.isnan(rest.variance)


def test_clusters_of_other_rows_are_refused() -> None:
    with pytest.raises(DataError, match="Clusters do not match the rows"):
        SharedRows.of(GROUPS, OWNER[:5])


def test_crossed_groups_are_made_once_for_all_metrics_and_in_the_order_that_is_asked_for() -> None:
    names, table = ROWS.crossed(["sex", "age"])
    assert ROWS.crossed(("sex", "age"))[1] is table
    turned, other = ROWS.crossed(("age", "sex"))
    assert {(s, a) for a, s in turned} == set(names)
    assert [turned[code][::-1] for code in other.codes] == [names[code] for code in table.codes]
