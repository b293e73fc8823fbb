"""Remedies for a finding: those that were tried, with their measured effects, and those that could be."""

from collections.abc import Iterator
from typing import Any

from ml_assets.declaration import Solution
from ml_assets.resources.store import Facts
from ml_assets.stages.data_bias.document import Option
from ml_assets.stages.data_bias.findings import LABEL_KINDS, Finding

_PROPOSED: dict[str, tuple[str, ...]] = {
    "representation": ("collect_data", "accept"),
    "missingness": ("collect_data", "drop_column", "accept"),
    "unknown": ("collect_data", "accept"),
    "proxy": ("drop_column", "accept"),
}
_OF_LABELS = ("reweigh", "group_thresholds", "collect_data", "accept")
_EFFECTS = {
    "reweigh": "group and label become independent in the weighted training rows; the decisions may still differ",
    "group_thresholds": "the gap of the decisions narrows; the group has to be known at decision time",
    "collect_data": "the interval narrows until the gap is proven or gone",
    "drop_column": "the column no longer tells the group apart; others may",
    "accept": "none: the risk is accepted",
}


def suggested(solution: Solution, finding: Finding) -> str:
    """The action a draft suggests."""
    if finding.kind in LABEL_KINDS:
        return "reweigh" if solution.data_bias.mitigation == "reweigh" else "collect_data"
    return _PROPOSED[finding.kind][0]


def options(finding: Finding, mitigation: Facts | None) -> tuple[Option, ...]:
    """Tried remedies first, as the last comparison of part 8 measured them; then what has not been tried."""
    tried = tuple(_tried(mitigation, finding)) if mitigation and finding.kind in LABEL_KINDS else ()
    done = {option.action for option in tried}
    actions = _OF_LABELS if finding.kind in LABEL_KINDS else _PROPOSED[finding.kind]
    return (
        *tried,
        *(Option(action=a, tried=False, effect=_EFFECTS[a], need=_need(a, finding)) for a in actions if a not in done),
    )


def _need(action: str, finding: Finding) -> str | None:
    if action == "collect_data" and finding.rows_needed:
        return f"about {finding.rows_needed:,} more rows of this group bring it to its share"
    if action == "group_thresholds":
        return "leave to use the group at decision time (model_bias.group_at_decision)"
    return None


def _tried(mitigation: Facts, finding: Finding) -> Iterator[Option]:
    """One option per remedy; whatever a row does not hold is left empty, for its shape is part 8's."""
    for row in mitigation.get("rows") or ():
        name = row.get("name")
        if not name or name == "none":
            continue
        worst = row.get("worst") or {}
        gap, money = worst.get("value") or {}, row.get("money_lost") or {}
        yield Option(
            action=str(name),
            tried=True,
            effect=str(row.get("reason") or ""),
            verdict=row.get("verdict"),
            gap_after=gap.get("value"),
            gap_low=gap.get("low"),
            gap_high=gap.get("high"),
            gap_of=f"{worst.get('metric')} {worst.get('attribute')}={worst.get('group')}" if worst else None,
            money_lost=money.get("value"),
            lost_share=row.get("lost_share"),
            side_effects=tuple(_side_effects(row, finding)),
            needs_group_at_decision=row.get("needs_group"),
            chosen=name == mitigation.get("chosen"),
        )


def _side_effects(row: Facts, finding: Finding) -> Iterator[str]:
    if row.get("worsened"):
        yield f"worse verdict: {', '.join(row['worsened'])}"
    if row.get("widened"):
        yield f"wider gap: {', '.join(row['widened'])}"
    if row.get("levels_down"):
        yield "levels down: a gap narrows and no group gains"
    for effect in row.get("effects") or ():
        before, after = (_value(effect.get(side)) for side in ("before", "after"))
        own = f"{effect.get('attribute')}={effect.get('group')}" == finding.group
        if own and before is not None and after is not None:
            yield f"{effect.get('rate')} of {finding.group}: {before:.3f} → {after:.3f}"


def _value(estimate: Any) -> float | None:
    return estimate.get("value") if isinstance(estimate, dict) else None
