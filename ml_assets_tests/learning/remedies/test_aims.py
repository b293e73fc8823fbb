import numpy as np
import pandas as pd

from ml_assets.learning.remedies.aims import STRATUM_OF, Aim, aim_of, among, event, named
from ml_assets.statistics.disparity import FAIRNESS_METRICS, Disparity
from ml_assets.statistics.estimate import Estimate

GROUPS = pd.DataFrame({"sex": ["f", "m", "f"], "age": ["old", "old", "unknown"]})


def finding(metric: str, attribute: str = "sex") -> Disparity:
    value = Estimate(metric, 0.2, 0.1, 0.3, 100)
    return Disparity(metric, attribute, "f", 100, "rows", value, 0.1, "fail", "", True, 0.05)


def test_every_aim_is_a_known_metric() -> None:
    assert set(STRATUM_OF) < set(FAIRNESS_METRICS)


def test_findings_become_strata_and_attributes_and_what_is_close_is_watched() -> None:
    found = [finding("equal_opportunity_difference"), finding("calibration_difference", "age")]
    assert aim_of(found) == Aim(("sex",), ("favourable",))
    close = [finding("false_positive_rate_difference"), finding("selection_rate_ratio", "age")]
    assert aim_of(found, close) == Aim(("sex",), ("favourable", "unfavourable"))


def test_a_finding_that_is_no_gap_of_a_rate_has_no_strata() -> None:
    assert aim_of([finding("predictive_parity_difference")], [finding("selection_rate_ratio")]) == Aim(("sex",), ())


def test_labels_join_attributes_and_unknown_is_no_group() -> None:
    assert Aim(("sex", "age"), ()).labels(GROUPS).tolist() == ["f & old", "m & old", "f & unknown"]
    assert Aim(("sex",), ()).labels(GROUPS).name == "sex"
    assert named(GROUPS["age"]) == ["old"]


def test_strata_by_hand_for_either_favourable_code() -> None:
    truth, decision = np.array([1, 1, 0, 0]), np.array([1, 0, 1, 0])
    assert among(truth, "favourable", favourable=1).tolist() == [True, True, False, False]
    assert among(truth, "favourable", favourable=0).tolist() == [False, False, True, True]
    assert among(truth, "everyone", favourable=0).all()
    assert event(truth, decision, "unfavourable", favourable=0).tolist() == [False, True, False, True]
    assert event(truth, decision, "right", favourable=0).tolist() == [True, False, False, True]
