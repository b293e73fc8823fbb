"""The remediation plan as a document: what it must hold, one entry per finding. Drafted by machine, decided by people."""

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["open", "proposed", "expired", "approved"]
"""``open``: nobody decided. ``proposed``: decided, not approved. ``expired``: approved until a day that is past."""


class _Part(BaseModel):
    """A part of the document: frozen, nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Evidence(_Part):
    """The figure behind a finding; empty where a count may not be shown."""

    metric: str
    estimate: float | None
    low: float | None
    high: float | None
    level: float = 0.95
    n: int | None
    minimum_detectable_gap: float | None
    """Smallest gap that the rows could rule out; a ratio's is its natural logarithm."""
    verdict: str
    q: float | None
    sentence: str


class Option(_Part):
    """A remedy: tried, with what was measured on validation rows, or proposed, with what it needs."""

    action: str
    tried: bool
    effect: str
    verdict: str | None = None
    gap_after: float | None = None
    gap_low: float | None = None
    gap_high: float | None = None
    gap_of: str | None = None
    money_lost: float | None = None
    lost_share: float | None = None
    side_effects: tuple[str, ...] = ()
    needs_group_at_decision: bool | None = None
    chosen: bool = False
    need: str | None = None


class Decision(_Part):
    """What was chosen, why, and by whom; of an open finding only what is suggested."""

    chosen: str
    reason: str | None
    rejected_because: dict[str, str] = {}
    decided_by: str | None
    decided_on: dt.date | None = None
    approved_by: str | None
    expires: dt.date | None


class Effect(_Part):
    """A promise the next training is held to. ``binding``: of an approved entry."""

    metric: str
    group: str
    at_most: float | None = None
    at_least: float | None = None
    binding: bool


class Risk(_Part):
    """What is left, carried by someone other than who decided."""

    text: str
    severity: Literal["low", "medium", "high"]
    accepted_by: str
    expires: dt.date


class Verification(_Part):
    """Which check tells whether the promise was kept, and what it last said."""

    asset_check: str
    status: Literal["open", "met", "not met", "not measured"]
    sentence: str = ""


class Signature(_Part):
    """One signature."""

    role: str
    by: str
    on: dt.date


class PlanFinding(_Part):
    """One finding with all that was decided about it."""

    id: str
    stage: Literal["data"] = "data"
    kind: Literal[
        "representation", "label", "conditional_label", "label_distribution", "missingness", "unknown", "proxy"
    ]
    groups: tuple[str, ...]
    column: str | None
    evidence: Evidence
    suspected_cause: str
    """Written by a person; empty until then."""
    options: tuple[Option, ...]
    decision: Decision
    expected_effect: tuple[Effect, ...]
    expectation: str
    """The expected effect in words."""
    residual_risk: Risk | None
    verification: Verification
    signoff: tuple[Signature, ...]
    status: Status
    covered_until: dt.date | None
    """Last day on which the approval, and the acceptance of what is left, hold."""
    blocks: bool
    """Whether it stops a release: proven and without an approved entry, or under an expired one."""


class RemediationPlan(_Part):
    """The whole plan of one report."""

    plan_id: str
    solution: str
    declaration: str
    as_of: dt.date
    rows: int
    group_at_decision: str
    findings: tuple[PlanFinding, ...]
    open: int = Field(ge=0)
    blocking: tuple[str, ...]
    promises: tuple[dict[str, str | float | None], ...]
    draft: str
    """Entries for the findings nobody decided about, as YAML to copy under ``data_bias.plan`` and to complete."""
