import json
import math

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import ArtifactError, DataError
from ml_assets.learning.group_thresholds import GroupThresholds

BY_SEX = GroupThresholds("sex", {"f": 0.3, "m": 0.6}, 0.5)
SCORE = np.array([0.3, 0.29, 0.6, 0.59, 0.5, 0.49, 0.5])
GROUPS = pd.DataFrame({"sex": ["f", "f", "m", "m", "other", "unknown", None]})


def test_each_group_has_its_threshold_and_all_others_the_common_one() -> None:
    assert BY_SEX.of(GROUPS["sex"]).tolist() == [0.3, 0.3, 0.6, 0.6, 0.5, 0.5, 0.5]
    assert BY_SEX.decide(SCORE, GROUPS).tolist() == [1, 0, 1, 0, 1, 0, 1]


def test_it_survives_json_even_with_a_threshold_nobody_reaches() -> None:
    never = GroupThresholds("sex", {"f": math.inf, "m": 0.6}, 0.5)
    for one in (BY_SEX, never):
        again = GroupThresholds.from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False)))
        assert again == one


@pytest.mark.parametrize(
    ("groups", "got"),
    [
        (None, "no groups"),
        (pd.DataFrame({"race": ["a"] * 7}), "7 rows of race"),
        (GROUPS.head(3), "3 rows of sex"),
    ],
)
def test_missing_groups_are_an_error_that_says_what_to_do(groups: pd.DataFrame | None, got: str) -> None:
    with pytest.raises(DataError, match=r"allowed: a column 'sex' of group labels for 7 rows.*predict\(frame, groups"):
        BY_SEX.decide(SCORE, groups)
    with pytest.raises(DataError, match=got):
        BY_SEX.decide(SCORE, groups)


@pytest.mark.parametrize(
    ("attribute", "thresholds", "fallback"),
    [("", {"f": 0.5}, 0.5), ("sex", {}, 0.5), ("sex", {"f": math.nan}, 0.5), ("sex", {"f": 0.5}, math.nan)],
)
def test_incomplete_thresholds_are_refused(attribute: str, thresholds: dict[str, float], fallback: float) -> None:
    with pytest.raises(ArtifactError, match="incomplete"):
        GroupThresholds(attribute, thresholds, fallback)
