"""Words and quantities: what is read, what is refused, and that what is written is read again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from ml_assets.declaration._types import Duration, FunctionPath, Rate, Share, Span, SpanField, load_function, spell
from ml_assets.errors import DeclarationError
from ml_assets_tests.declaration import minimal
from ml_assets_tests.declaration.minimal import HERE, refusal

DAY = timedelta(days=1)
UNITS = "second, minute, hour, day, week, month, year"


class Words(BaseModel):
    """One field of each kind."""

    duration: Duration = DAY
    share: Share = 0.0
    rate: Rate = (1, DAY)
    span: SpanField = None
    function: FunctionPath = ""


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("14 days", 14 * DAY),
        ("1 day", DAY),
        ("6 hours", timedelta(hours=6)),
        ("90 minutes", timedelta(minutes=90)),
        ("1.5 weeks", 10.5 * DAY),
        ("2 months", 60 * DAY),
        ("1 year", 365 * DAY),
        ("  30seconds ", timedelta(seconds=30)),
        (timedelta(hours=2), timedelta(hours=2)),
    ],
)
def test_durations_are_read(written: Any, meant: timedelta) -> None:
    assert Words(duration=written).duration == meant


@pytest.mark.parametrize("written", ["soon", "3", "-1 day", "3 fortnights", "1,5 days", ""])
def test_durations_say_what_is_allowed(written: str) -> None:
    assert refusal(Words, {"duration": written}) == [
        f"duration: got {written!r}; allowed: a number and a unit, such as '14 days' (units: {UNITS})"
    ]


def test_a_duration_of_nothing_is_refused() -> None:
    assert refusal(Words, {"duration": "0 days"}) == [
        "duration: got 0 seconds; allowed: more than nothing, such as '14 days'"
    ]


@pytest.mark.parametrize(
    ("value", "words"),
    [(7 * DAY, "1 week"), (21 * DAY, "3 weeks"), (DAY, "1 day"), (1.5 * DAY, "36 hours"), (DAY / 24, "1 hour"),
     (timedelta(minutes=90), "90 minutes"), (timedelta(seconds=0.5), "0.5 seconds"), (timedelta(0), "0 seconds")],
)  # fmt: skip
def test_spelling_uses_the_largest_whole_unit(value: timedelta, words: str) -> None:
    assert spell(value) == words


@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=40_000)))
def test_every_duration_is_read_as_it_was_spelt(value: timedelta) -> None:
    """Else two declarations that differ would have one version, or a declaration could not be loaded again."""
    assert abs(Words(duration=spell(value)).duration - value) <= timedelta(microseconds=1)


def test_neighbouring_durations_have_different_words() -> None:
    assert spell(timedelta(seconds=1_234_567)) == "1234567 seconds"
    assert spell(timedelta(seconds=1_234_568)) == "1234568 seconds"


@pytest.mark.parametrize(("written", "meant"), [("2 %", 0.02), ("12.5%", 0.125), (0.3, 0.3), (0, 0.0), ("100 %", 1.0)])
def test_shares_are_read(written: Any, meant: float) -> None:
    assert Words(share=written).share == pytest.approx(meant)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [("150 %", "Input should be less than or equal to 1"),
     (-0.1, "Input should be greater than or equal to 0"),
     ("half", "Input should be a valid number, unable to parse string as a number")],
)  # fmt: skip
def test_shares_are_refused(written: Any, sentence: str) -> None:
    assert refusal(Words, {"share": written}) == [f"share: {sentence}"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("4 per month", (4, 30 * DAY)), ("1 per 2 weeks", (1, 14 * DAY)), ("3/day", (3, DAY)), ((2, DAY), (2, DAY))],
)
def test_rates_are_read(written: Any, meant: tuple[int, timedelta]) -> None:
    assert Words(rate=written).rate == meant


def test_rates_are_written_as_they_are_read() -> None:
    words = Words(rate="4 per month").model_dump(mode="json")["rate"]
    assert words == "4 per 30 days"
    assert Words(rate=words).rate == (4, 30 * DAY)


@pytest.mark.parametrize("written", ["often", "4 month", "per month", "4 per blink"])
def test_rates_say_what_is_allowed(written: str) -> None:
    assert refusal(Words, {"rate": written}) == [
        f"rate: got {written!r}; allowed: a count and a unit, such as '4 per month' (units: {UNITS})"
    ]


def test_spans_are_batches_or_time() -> None:
    by_count, by_time = Words(span="20 batches").span, Words(span="60 days").span
    assert (by_count, str(by_count)) == (Span((20, "batches")), "20 batches")
    assert (by_time, by_time[1]) == (Span((60 * 86400.0, "seconds")), "seconds")
    assert Words(span="1 batch").span == Span((1, "batches"))
    assert Words(span=by_time).span is by_time
    assert by_count.batches(None) == 20
    assert by_time.batches(DAY) == 60
    assert by_time.batches(7 * DAY) == 9  # 8.57 weeks, to the nearest
    assert Span((60.0, "seconds")).batches(DAY) == 1  # never none at all


def test_time_cannot_be_counted_in_batches_without_a_period() -> None:
    with pytest.raises(DeclarationError) as caught:
        Words(span="60 days").span.batches(None)
    assert str(caught.value) == (
        "a stretch of time cannot be counted in batches here: got 60 days; allowed: a number of batches, such as '20 batches'. "
        "Files and single tables have no fixed period; count in batches."
    )


@pytest.mark.parametrize("written", [12, "0 days"])
def test_spans_say_what_is_allowed(written: object) -> None:
    assert refusal(Words, {"span": written}) == [
        f"span: got {written!r}; allowed: '20 batches' or a duration such as '60 days'"
    ]


@given(st.integers(min_value=1, max_value=10**6))
def test_spans_are_read_as_they_were_written(count: int) -> None:
    for written in (f"{count} batches", f"{count} hours"):
        span = TypeAdapter(SpanField).validate_python(written)
        assert TypeAdapter(SpanField).validate_python(str(span)) == span


@pytest.mark.parametrize(
    "name", ["rows", "Applicants", "STRICT", "conditional", "imported", "first", "second", "annotated", "pd"]
)
def test_paths_lead_to_anything_a_module_binds(name: str) -> None:
    path = f"{HERE}.{name}"
    assert Words(function=path).function == path


def test_paths_lead_into_compiled_modules_and_packages() -> None:
    for path in ("math.sqrt", "json.loads", "sklearn.linear_model.Ridge"):
        assert Words(function=path).function == path


@pytest.mark.parametrize("path", ["rows", "", ".rows", "a-b.rows", "ml assets.rows", "../x.rows"])
def test_paths_are_absolute_and_dotted(path: str) -> None:
    assert refusal(Words, {"function": path}) == [
        f"function: got {path!r}; allowed: an absolute dotted path such as 'my_project.churn.functions.load'"
    ]


@pytest.mark.parametrize(
    ("path", "module"),
    [("no_such_package.rows", "no_such_package"), ("no_such_package.deep.rows", "no_such_package"),
     ("ml_assets.nothing.rows", "ml_assets.nothing"), ("ml_assets.errors.deep.rows", "ml_assets.errors.deep")],
)  # fmt: skip
def test_a_module_that_is_not_there_is_named(path: str, module: str) -> None:
    assert refusal(Words, {"function": path}) == [
        f"function: got {path!r}, but module {module!r} does not exist; allowed: an importable module"
    ]


def test_a_name_that_is_not_there_comes_with_those_that_are() -> None:
    found = refusal(Words, {"function": "ml_assets.declaration._base.Declaratoin"})
    assert found == [
        "function: got 'ml_assets.declaration._base.Declaratoin', but ml_assets.declaration._base has no 'Declaratoin'; "
        "allowed: BaseModel, ConfigDict, Declaration"
    ]


def test_a_module_is_read_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "explosive_functions.py").write_text("from os.path import *\nraise SystemExit('was run')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert Words(function="explosive_functions.join").function == "explosive_functions.join"


def test_functions_are_loaded() -> None:
    assert load_function(f"{HERE}.rows") is minimal.rows


def test_a_function_that_cannot_be_imported_says_why() -> None:
    with pytest.raises(DeclarationError) as caught:
        load_function("ml_assets.errors.Nothing")
    assert str(caught.value) == (
        "a function named in the declaration could not be imported: got ml_assets.errors.Nothing (module 'ml_assets.errors' has no "
        "attribute 'Nothing'); allowed: an absolute dotted path to a function or class. Correct the path, or the import that fails."
    )
    assert isinstance(caught.value.__cause__, AttributeError)
