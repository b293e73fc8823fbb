"""How a group and its figure are shown, and how the groups that may not be shown are listed."""

from ml_assets.pictures import Mark
from ml_assets.report.disclosure import suppressed
from ml_assets.report.markup import Html, note
from ml_assets.resources.store import Facts


def name_of(row: Facts) -> str:
    """``sex = female``."""
    return f"{row['attribute']} = {row['group']}"


def mark(label: str, estimate: Facts, *, strong: bool = False) -> Mark:
    """A recorded figure on an axis."""
    return Mark(label, estimate["value"], estimate["low"], estimate["high"], strong)


def hidden_note(names: list[str], least: int) -> Html:
    """The groups that are not shown; nothing where there are none."""
    if not names:
        return Html("")
    return note(f"Suppressed, fewer than {least} people or needed to hide such a group: ", ", ".join(names), ".")


def suppressed_note(rows: list[Facts], least: int) -> Html:
    """The same for the masked ones among rows."""
    return hidden_note(suppressed(rows), least)
