"""Each rule against a column: silent on a sound column, speaking on its own planted fault."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.columns import read_column
from ml_assets.statistics.dates import DateLikeText
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.leakage import Leak
from ml_assets.statistics.objections import ColumnFacts, Context, Measured, Screened, objections
from ml_assets.statistics.proxies import Proxy

_NOTHING = Context("target", frozenset(), {})
_SOUND = Measured(
    column=read_column(pd.Series(np.arange(100) % 7 + 0.5, name="x")),
    facts=ColumnFacts(),
    missing_share=0.0,
    distinct=7,
    running=False,
    usefulness=Estimate("roc_auc", 0.7, 0.65, 0.75, 100),
    stale=0.2,
    stale_before=0.2,
    unseen=0.0,
    proxy=Proxy("sex", 0.1),
)


def _verdicts(one: Measured, context: Context = _NOTHING) -> list[Screened]:
    return [finding.verdict for finding in objections(one, context)]


def test_nothing_speaks_against_a_sound_column() -> None:
    assert _verdicts(_SOUND) == []
    unmeasured = replace(_SOUND, stale=math.nan, stale_before=math.nan, unseen=math.nan, proxy=Proxy(None, math.nan))
    assert _verdicts(unmeasured) == []


def test_text_that_looks_like_dates_is_told_with_what_to_do_and_asks_for_nothing() -> None:
    (other,) = objections(replace(_SOUND, dates=DateLikeText(100, 40, 30, "31.01.2024")), _NOTHING)
    assert other.verdict == "use"
    assert other.sentence == (
        "70 of 100 values look like dates and stay categories, where each new date is unseen, since '31.01.2024' is no "
        "ISO-8601 date: have the source write each as 2024-01-31, or make numbers of them in data_pipeline.features."
    )
    (whole,) = objections(replace(_SOUND, dates=DateLikeText(100, 100, 0, None)), _NOTHING)
    assert whole.sentence.endswith("unseen: declare its type, datetime64, in data_pipeline.contract.")
    # selection reads reasons for these words: a date is no suspicion
    for sentence in (other.sentence, whole.sentence):
        assert not any(word in sentence.lower() for word in ("too good", "outcome", "leak", "sum", "marks the time"))
    for few in (DateLikeText(100, 20, 30, "soon"), DateLikeText(9, 9, 0, None), None):
        assert _verdicts(replace(_SOUND, dates=few)) == []


_OUTCOME = ColumnFacts(available="after_outcome", reason="Call length")
_DEAR = replace(_SOUND, facts=ColumnFacts(cost=2.5), usefulness=Estimate("roc_auc", 0.51, 0.47, 0.55, 100))


@pytest.mark.parametrize(
    ("faulty", "verdict", "words"),
    [
        (replace(_SOUND, missing_share=0.96), "drop", "96.0% of 100 rows"),
        (replace(_SOUND, distinct=1), "drop", "one value in all 100 rows"),
        (replace(_SOUND, distinct=100, running=True), "drop", "100 different values in 100 rows"),
        (replace(_SOUND, facts=_OUTCOME), "drop", "the outcome: Call length"),
        (replace(_SOUND, stale=1.0), "review", "stands still: one value fills 100.0%"),
        (replace(_SOUND, unseen=0.99), "review", "marks the time: 99.0%"),
        (replace(_SOUND, proxy=Proxy("sex", 0.65)), "review", "stands in for sex: Cramér's V 0.65"),
        (_DEAR, "review", "costs 2.5 per row"),
    ],
)
def test_each_planted_fault_is_named(faulty: Measured, verdict: Screened, words: str) -> None:
    (finding,) = objections(faulty, _NOTHING)
    assert finding.verdict == verdict
    assert words in finding.sentence


def test_faults_that_are_none() -> None:
    # Distinct decimals are measurements, a value that always filled the column is no change, a dear column may pay.
    assert _verdicts(replace(_SOUND, distinct=100)) == []
    assert _verdicts(replace(_SOUND, stale=1.0, stale_before=0.99)) == []
    assert _verdicts(replace(_SOUND, facts=ColumnFacts(cost=2.5))) == []
    assert _verdicts(replace(_SOUND, distinct=1, missing_share=0.4)) == []


def test_target_and_protected_columns() -> None:
    assert _verdicts(_SOUND, Context("x", frozenset(), {})) == ["drop"]
    strong = replace(_SOUND, proxy=Proxy("sex", 1.0))
    assert _verdicts(strong, Context("y", frozenset({"x"}), {})) == ["review"]


@pytest.mark.parametrize(
    ("available", "certain", "verdict"),
    [
        ("unknown", True, "drop"),
        ("unknown", False, "review"),
        ("at_prediction", True, "review"),
        ("at_prediction", False, "use"),
    ],
)
def test_a_person_can_answer_a_suspicion(available: str, certain: bool, verdict: Screened) -> None:
    facts = ColumnFacts(available="at_prediction") if available == "at_prediction" else ColumnFacts()
    context = Context("target", frozenset(), {"x": Leak("x", certain, "Too good.")})
    assert _verdicts(replace(_SOUND, facts=facts), context) == [verdict]
