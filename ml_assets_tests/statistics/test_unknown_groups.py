"""Whose group nobody knows: half of them, none, and an attribute that comes later."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.unknown_groups import UnknownShare, unknown_shares


def found(known: list[bool], batches: int = 1) -> UnknownShare:
    groups = pd.DataFrame({"sex": ["f" if k else "unknown" for k in known]})
    return unknown_shares(groups, np.repeat([f"b{i:02d}" for i in range(batches)], len(known) // batches))[0]


@pytest.mark.parametrize(("share", "verdict"), [(0.0, "pass"), (0.1, "pass"), (0.2, "inconclusive"), (0.5, "suspect")])
def test_verdicts(share: float, verdict: str) -> None:
    one = found([i >= share * 400 for i in range(400)])
    assert one.verdict == verdict
    assert one.share.value == pytest.approx(share)
    assert one.n == share * 400


def test_few_rows_prove_nothing() -> None:
    assert found([False, True, False]).verdict == "inconclusive"
    assert found([False]).verdict == "inconclusive"


def test_an_attribute_that_comes_later() -> None:
    one = found([i < 300 for i in range(400)], batches=4)
    assert (one.blind, one.newest_blind, one.batches) == (1, 1, 4)
    assert "may only be known later" in one.sentence


def test_an_attribute_that_was_not_asked_for_at_first_and_one_never() -> None:
    early = found([i >= 100 for i in range(400)], batches=4)
    assert (early.blind, early.newest_blind) == (1, 0)
    assert "later" not in early.sentence
    never = found([False] * 40, batches=4)
    assert (never.blind, never.newest_blind) == (4, 4)
    assert "later" not in never.sentence
