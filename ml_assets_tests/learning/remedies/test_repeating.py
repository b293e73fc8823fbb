"""A remedy done again from its description is the same model, and on other rows it uses those alone."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ml_assets.errors import DataError
from ml_assets.learning.remedies.aims import Aim
from ml_assets.learning.remedies.repeating import UNTREATED, Penalised, Reweighed, restored, stored
from ml_assets.learning.remedies.rungs import RUNGS
from ml_assets.statistics.representation import reweighing
from ml_assets.statistics.value import RegressionValue
from ml_assets_tests.learning.worlds import world

REWEIGH, ADAPTIVE, PENALTY, THRESHOLDS = RUNGS
UNFAIR = world(2.0, n=1_500, allowed="allowed")
AIM = Aim(("sex",), ("everyone",))


def test_every_remedy_that_is_a_fit_can_be_done_again_from_its_facts() -> None:
    made = dict(REWEIGH.make(UNFAIR, AIM, {}))
    made |= dict(ADAPTIVE.make(UNFAIR, AIM, made))
    boosted = world(2.0, n=1_500, family="xgboost")
    pairs = [(UNFAIR, one) for one in made.values()]
    pairs += [(boosted, one) for one in dict(PENALTY.make(boosted, AIM, {})).values()]
    assert len(pairs) == 1 + 5 + 4
    for situation, one in pairs:
        assert one.remedy is not None
        again = restored(json.loads(json.dumps(stored(one.remedy))))
        assert again == one.remedy
        features = situation.rows.features
        assert (again.fit(situation).score(features) == one.artifact.score(features)).all()
        assert again.fit(situation).threshold == one.artifact.threshold


def test_group_thresholds_cannot() -> None:
    assert {one.remedy for one in dict(THRESHOLDS.make(UNFAIR, AIM, {})).values()} == {None}


def test_no_remedy_is_the_base_and_a_remedy_is_not() -> None:
    features = UNFAIR.rows.features
    base = UNFAIR.base.score(features)
    assert (UNTREATED.fit(UNFAIR).score(features) == base).all()
    assert (Reweighed(("sex",), plain=True).fit(UNFAIR).score(features) != base).any()


def test_weights_are_made_of_the_teaching_rows_alone() -> None:
    at = UNFAIR.part("train")
    factors = Reweighed(("sex",), plain=True).factors(UNFAIR)
    assert factors[at] == pytest.approx(reweighing(UNFAIR.groups["sex"].iloc[at], UNFAIR.rows.truth[at]))
    turned = UNFAIR.rows.truth.copy()
    others = UNFAIR.part("validation")
    turned[others] = 1 - turned[others]
    changed = replace(UNFAIR, rows=replace(UNFAIR.rows, truth=turned))
    assert (Reweighed(("sex",), plain=True).factors(changed)[at] == factors[at]).all()
    assert (UNTREATED.factors(UNFAIR) == np.ones(len(UNFAIR.rows))).all()


def test_what_cannot_be_repeated_is_refused() -> None:
    with pytest.raises(DataError, match="weights, penalty"):
        restored({"kind": "thresholds"})
    amounts = replace(UNFAIR, value=RegressionValue(-1.0, -1.0))
    with pytest.raises(DataError, match="binary"):
        Penalised(("sex",), ("everyone",), 2.0).fit(amounts)
