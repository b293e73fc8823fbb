"""Entries for findings that nobody decided about, as YAML to copy into the declaration and to complete by hand."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import yaml

from ml_assets.declaration import Solution
from ml_assets.stages.data_bias.document import PlanFinding

REVIEW = timedelta(days=180)
TO_WRITE = "TO WRITE"
_HEAD = """\
# Drafted from the findings; nothing here is approved. Copy under data_bias.plan, complete what says TO WRITE, and put the
# name of who approves in approved_by: until then an entry is a proposal and covers nothing.
"""


def draft_yaml(solution: Solution, found: Sequence[PlanFinding], *, today: date) -> str:
    """One entry for each finding that is open or expired; empty when there is none."""
    entries = [_entry(f, today) for f in found if f.status in ("open", "expired")]
    if not entries:
        return ""
    document = {"data_bias": {"plan": entries}}
    return f"# {solution.name}\n{_HEAD}" + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=118)


def _entry(finding: PlanFinding, today: date) -> dict[str, Any]:
    effects = [
        {k: v for k, v in e.model_dump(exclude={"binding"}).items() if v is not None} for e in finding.expected_effect
    ]
    going = finding.column.split(", ") if finding.column and finding.decision.chosen == "drop_column" else []
    return {
        "finding": finding.id,
        "action": finding.decision.chosen,
        **({"columns": going} if going else {}),
        "reason": f"{TO_WRITE}: {finding.evidence.sentence}",
        "suspected_cause": TO_WRITE,
        "decided_by": None,
        "approved_by": None,
        "expires": today + REVIEW,
        **({"expected_effect": effects} if effects else {}),
    }
