import dataclasses
import math

import pytest

from ml_assets.statistics.estimate import Estimate, not_estimable


def test_an_estimate_reads_as_one_sentence_with_interval_and_rows() -> None:
    assert str(Estimate("roc_auc", 0.781, 0.77, 0.792, 12_000)) == "roc_auc 0.781 [0.77, 0.792] (n = 12,000)"
    assert str(Estimate("error", 3.5, 3.0, 4.0, 9, "days")) == "error 3.5 days [3, 4] (n = 9)"


def test_an_estimate_becomes_one_flat_record() -> None:
    row = Estimate("recall", 0.5, 0.2, 0.8, 10, level=0.9).as_row()
    assert row == {"name": "recall", "value": 0.5, "low": 0.2, "high": 0.8, "n": 10, "unit": "", "level": 0.9}


def test_what_has_no_denominator_is_not_estimable_and_never_zero() -> None:
    nothing = not_estimable("recall", unit="x", level=0.9)
    assert not nothing.estimable
    assert (nothing.n, nothing.unit, nothing.level) == (0, "x", 0.9)
    assert all(math.isnan(value) for value in (nothing.value, nothing.low, nothing.high))
    assert "not estimable (n = 0)" in str(nothing)
    assert Estimate("recall", 0.0, 0.0, 0.3, 10).estimable


def test_an_estimate_cannot_be_changed() -> None:
    estimate = Estimate("recall", 0.5, 0.2, 0.8, 10)
    for field in dataclasses.fields(estimate):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(estimate, field.name, 1.0)
