"""The optional rung: absent it says what to install, present it yields one deterministic model."""

import sys

import numpy as np
import pytest

from ml_assets.errors import DeclarationError
from ml_assets.learning.ladder import climb
from ml_assets.learning.remedies.aims import Aim
from ml_assets.learning.remedies.gradient import GRADIENT, NAME
from ml_assets.learning.remedies.rungs import RUNGS
from ml_assets_tests.learning.worlds import world

UNFAIR = world(4.0, n=3_000)
AIM = Aim(("sex",), ("favourable",))


def test_it_is_not_climbed_by_itself() -> None:
    assert GRADIENT not in RUNGS


def test_without_fairlearn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fairlearn.reductions", None)
    with pytest.raises(DeclarationError, match=r"Install ml-assets\[fairness\]"):
        next(GRADIENT.make(UNFAIR, AIM, {}))
    found = climb(UNFAIR, rungs=(GRADIENT,), most_fits=100)
    assert found.table.chosen == "none"
    assert "fairlearn >= 0.15" in found.skipped[NAME]


def test_with_fairlearn_it_is_one_model_that_narrows_the_gap() -> None:
    ((name, made),) = GRADIENT.make(UNFAIR, AIM, {})
    table, groups = UNFAIR.judged
    women = (groups["sex"] == "f").to_numpy()
    gaps = []
    for artifact in (UNFAIR.base, made.artifact):
        hit = (artifact.predict(table.features).decision == 1)[table.truth == 1]
        own = women[table.truth == 1]
        gaps.append(abs(float(np.mean(hit[own]) - np.mean(hit[~own]))))
    assert name == NAME
    assert gaps[1] < gaps[0]


def test_it_refuses_what_it_cannot_move() -> None:
    assert GRADIENT.refusal(UNFAIR, Aim(("sex",), ("right",)))
    assert GRADIENT.refusal(UNFAIR, AIM) is None
