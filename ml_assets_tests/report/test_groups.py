"""Groups are named alike everywhere, and those that are not shown are listed."""

from ml_assets.report.groups import hidden_note, mark, name_of, suppressed_note
from ml_assets_tests.report.planted import estimate, words


def test_names_and_marks() -> None:
    assert name_of({"attribute": "sex", "group": "f"}) == "sex = f"
    assert (mark("f", estimate(0.5)).low, mark("f", estimate(0.5), strong=True).strong) == (0.4, True)


def test_hidden_groups_are_listed() -> None:
    rows: list[dict[str, object]] = [
        {"attribute": "sex", "group": "x", "suppressed": True},
        {"attribute": "sex", "group": "f"},
    ]
    assert (
        words(suppressed_note(rows, 10)) == "Suppressed, fewer than 10 people or needed to hide such a group: sex = x."
    )
    assert hidden_note([], 10) == ""
