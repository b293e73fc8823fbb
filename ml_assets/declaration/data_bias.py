"""Part 4: who must be represented, what gap is tolerated, and what is done about a finding."""

import math
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from ml_assets.declaration._base import Declaration
from ml_assets.statistics.disparity import FAIRNESS_METRICS

DATA_EFFECTS = ("label_rate_difference", "representation_ratio", "missing_share_difference", "proxy_auc")
"""What an expected effect can be measured by in the data, before any model."""


class GroupRule(Declaration):
    """A group made from a column; from a number, by the edges between its bands."""

    column: str
    edges: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _edges_rise(self) -> "GroupRule":
        if list(self.edges) != sorted(set(self.edges)) or not all(map(math.isfinite, self.edges)):
            raise ValueError(f"edges: got {list(self.edges)}; allowed: numbers that rise, each once")
        return self


class Tolerance(Declaration):
    """How far the data may be from even before it is a finding."""

    representation_ratio: float = Field(default=0.8, gt=0, le=1)
    """Share of a group against its share in the reference population; the same distance is allowed upwards."""
    label_rate_difference: float = Field(default=0.1, gt=0, le=1)
    """Label rate of a group less that of the rest (regression: in standard deviations)."""
    proxy_auc: float = Field(default=0.8, gt=0.5, le=1)
    """How well all inputs together may tell a protected attribute before it is a finding: 0.5 not at all, 1 perfectly."""


class ExpectedEffect(Declaration):
    """What a remedy must come to: the acceptance test of the next training."""

    metric: str
    """Of the data: label_rate_difference (weighted, in training), representation_ratio, missing_share_difference, proxy_auc.
    Of the decisions: any fairness metric of part 8."""
    group: str | None = None
    """``attribute=group``, or an attribute for its worst group; by default that of the finding."""
    column: str | None = None
    """The column, for missing_share_difference."""
    at_most: float | None = None
    """Bound of a difference, held by its size, or of an area."""
    at_least: float | None = None
    """Bound of a ratio."""

    @model_validator(mode="after")
    def _is_measurable(self) -> "ExpectedEffect":
        allowed = (*DATA_EFFECTS, *FAIRNESS_METRICS)
        if self.metric not in allowed:
            raise ValueError(f"metric: got {self.metric!r}; allowed: {', '.join(allowed)}")
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("expected_effect: got no bound or two; allowed: at_most or at_least")
        if (self.metric == "missing_share_difference") != (self.column is not None):
            raise ValueError(
                f"column: got {self.column!r} for {self.metric}; allowed: a column for missing_share_difference alone"
            )
        return self


class ResidualRisk(Declaration):
    """What is left after the remedy, and who carries it."""

    text: str
    severity: Literal["low", "medium", "high"]
    accepted_by: str
    """Someone other than who decided."""
    expires: date
    """After that day the risk is no longer accepted, and the finding is open again."""


class SignOff(Declaration):
    """One signature under an entry."""

    role: str
    by: str
    date: date


class PlanEntry(Declaration):
    """What was decided about a finding; a finding without an approved entry stays open."""

    finding: str
    """``attribute=group`` as the report names it, ``attribute`` for all of its groups, or the id of one finding."""
    action: Literal["reweigh", "collect_data", "accept", "drop_column", "group_thresholds"]
    reason: str
    columns: tuple[str, ...] = ()
    """For ``drop_column``: the raw columns that go. Of an entry that was approved they are never inputs, also after it
    expired: what was dropped comes back by a new decision only."""
    approved_by: str | None = None
    """Nobody: the entry is a proposal and covers nothing."""
    expires: date
    suspected_cause: str = ""
    rejected_because: dict[str, str] = {}
    """action that was not chosen → why"""
    decided_by: str | None = None
    """By default who approved."""
    decided_on: date | None = None
    expected_effect: tuple[ExpectedEffect, ...] = ()
    residual_risk: ResidualRisk | None = None
    signoff: tuple[SignOff, ...] = ()

    @model_validator(mode="after")
    def _risk_is_accepted_by_another(self) -> "PlanEntry":
        decider, risk = self.decided_by or self.approved_by, self.residual_risk
        if risk and decider and risk.accepted_by.strip().lower() == decider.strip().lower():
            raise ValueError(
                f"residual_risk.accepted_by: got {risk.accepted_by!r}, who decided; allowed: someone other than the decider"
            )
        return self

    @model_validator(mode="after")
    def _columns_are_dropped(self) -> "PlanEntry":
        if self.columns and self.action != "drop_column":
            raise ValueError(
                f"columns: got {', '.join(self.columns)} for {self.action}; allowed: with drop_column alone"
            )
        return self

    def state(self, today: date) -> Literal["proposed", "expired", "approved"]:
        """Whether the entry covers its finding on a day; it never does without an approval in a person's name."""
        if not self.was_approved:
            return "proposed"
        return "expired" if self.ends < today else "approved"

    @property
    def was_approved(self) -> bool:
        """Whether a person's name stands under it."""
        return bool((self.approved_by or "").strip())

    @property
    def ends(self) -> date:
        """The last day of the approval, or of the acceptance of what is left, whichever comes first."""
        return min(self.expires, self.residual_risk.expires) if self.residual_risk else self.expires


class DataBias(Declaration):
    """Bias in the data: audit attributes, expectations, remedies."""

    groups: dict[str, GroupRule] = {}
    """Named groups made from columns; a column used as it stands needs no entry."""
    protected: tuple[str, ...] = ()
    """Attributes for audit. They, and the columns they are made from, are never inputs unless ``as_input`` says why."""
    proxies: dict[str, str] = {}
    """raw column → the protected attribute it stands in for: never an input either, unless ``as_input`` says why."""
    as_input: dict[str, str] = {}
    """protected column or proxy → the reason why the model may see it."""
    reference_population: dict[str, dict[str, float]] = {}
    """attribute → share of each group among the people the solution is for."""
    tolerance: Tolerance = Tolerance()
    depth: int | None = Field(default=None, ge=1, le=3)
    """How many protected attributes are crossed with each other: 1 none, 2 pairs; by default pairs where several are protected."""
    intersections: tuple[tuple[str, ...], ...] = ()
    """Only these crossings, such as ``[[sex, origin]]``."""
    legitimate: tuple[str, ...] = ()
    """Columns in which people may differ for good reasons: label gaps are also told among people alike in them."""
    disclosure: int = Field(default=10, ge=1)
    """Counts below it are not shown, nor those that would give them away; 1 shows all. What is decided does not depend on it."""
    mitigation: Literal["none", "reweigh"] = "reweigh"
    plan: tuple[PlanEntry, ...] = ()

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> "DataBias":
        for attribute, shares in self.reference_population.items():
            if attribute not in self.protected:
                raise ValueError(
                    f"reference_population: got {attribute!r}; allowed: {', '.join(self.protected) or 'no attribute is protected'}"
                )
            if abs(sum(shares.values()) - 1) > 0.01:
                raise ValueError(
                    f"reference_population.{attribute}: shares sum to {sum(shares.values()):g}; allowed: 1"
                )
        return self

    @model_validator(mode="after")
    def _names_are_known(self) -> "DataBias":
        known = {*self.protected, *self.proxies, *(g.column for g in self.groups.values())}
        unknown = [c for c in self.as_input if c not in known]
        if unknown:
            raise ValueError(
                f"as_input: got {', '.join(unknown)}; allowed: protected attributes, their columns, and proxies"
            )
        for parts in self.intersections:
            if len(set(parts)) < 2 or not set(parts) <= set(self.protected):
                allowed = ", ".join(self.protected) or "no attribute is protected"
                raise ValueError(f"intersections: got {list(parts)}; allowed: two or more of {allowed}")
        own = sorted({*self.protected, *(self.columns_of(a) for a in self.protected)} & set(self.legitimate))
        if own:
            raise ValueError(f"legitimate: got {', '.join(own)}; allowed: columns that are not protected")
        return self

    @model_validator(mode="after")
    def _proxies_stand_for_protected(self) -> "DataBias":
        allowed = ", ".join(self.protected) or "no attribute is protected"
        for column, attribute in self.proxies.items():
            if attribute not in self.protected:
                raise ValueError(f"proxies.{column}: got {attribute!r}; allowed: {allowed}")
        silent = [c for c, why in self.as_input.items() if not why.strip()]
        if silent:
            raise ValueError(f"as_input: got no reason for {', '.join(silent)}; allowed: a reason in words")
        both = sorted(self._dropped.keys() & self.as_input.keys())
        if both:
            raise ValueError(f"as_input: got {', '.join(both)}, which the plan drops; allowed: one of the two")
        return self

    @property
    def crossing_depth(self) -> int:
        """How many attributes are crossed."""
        return self.depth or (2 if len(self.protected) > 1 else 1)

    def columns_of(self, attribute: str) -> str:
        """The raw column an attribute is made from."""
        rule = self.groups.get(attribute)
        return rule.column if rule else attribute

    @property
    def _dropped(self) -> dict[str, str]:
        """Column → the approved entry of the plan that drops it."""
        dropping = [e for e in self.plan if e.action == "drop_column" and e.was_approved]
        return {c: f"dropped by the plan about {e.finding}" for e in dropping for c in e.columns}

    @property
    def hidden(self) -> dict[str, str]:
        """Raw columns a model may not see, and what they are: protected, a declared proxy, or dropped by the plan."""
        found = self._dropped | {c: f"declared proxy of {a}" for c, a in self.proxies.items() if c not in self.as_input}
        for attribute in self.protected:
            column = self.columns_of(attribute)
            if column not in self.as_input and attribute not in self.as_input:
                found[column] = "protected" if column == attribute else f"protected as {attribute}"
        return found

    @property
    def hidden_columns(self) -> frozenset[str]:
        """The names of the hidden columns."""
        return frozenset(self.hidden)
