"""Part 4: who must be represented, what gap is tolerated, and what is done about a finding."""

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from ml_assets.declaration._base import Declaration


class GroupRule(Declaration):
    """A group made from a column; from a number, by the edges between its bands."""

    column: str
    edges: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _edges_rise(self) -> "GroupRule":
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"edges: got {list(self.edges)}; allowed: numbers that rise, each once")
        return self


class Tolerance(Declaration):
    """How far the data may be from even before it is a finding."""

    representation_ratio: float = Field(default=0.8, gt=0, le=1)
    """Share of a group against its share in the reference population; the same distance is allowed upwards."""
    label_rate_difference: float = Field(default=0.1, gt=0, le=1)
    """Label rate of a group less that of the rest (regression: in standard deviations)."""


class PlanEntry(Declaration):
    """What was decided about a finding; a finding without an approved entry stays open."""

    finding: str
    """``attribute=group`` as the report names it, or ``attribute`` for all of its groups."""
    action: Literal["reweigh", "collect_data", "accept", "drop_column", "group_thresholds"]
    reason: str
    approved_by: str
    expires: date


class DataBias(Declaration):
    """Bias in the data: audit attributes, expectations, remedies."""

    groups: dict[str, GroupRule] = {}
    """Named groups made from columns; a column used as it stands needs no entry."""
    protected: tuple[str, ...] = ()
    """Attributes for audit. They, and the columns they are made from, are never inputs unless ``as_input`` says why."""
    as_input: dict[str, str] = {}
    """protected column → the reason why the model may see it."""
    reference_population: dict[str, dict[str, float]] = {}
    """attribute → share of each group among the people the solution is for."""
    tolerance: Tolerance = Tolerance()
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
        unknown = [
            c for c in self.as_input if c not in self.protected and c not in {g.column for g in self.groups.values()}
        ]
        if unknown:
            raise ValueError(f"as_input: got {', '.join(unknown)}; allowed: protected attributes and their columns")
        return self

    def columns_of(self, attribute: str) -> str:
        """The raw column an attribute is made from."""
        rule = self.groups.get(attribute)
        return rule.column if rule else attribute

    @property
    def hidden_columns(self) -> frozenset[str]:
        """Raw columns a model may not see because they are, or make, a protected attribute."""
        made_of = {self.columns_of(a): a for a in self.protected}
        return frozenset(c for c, a in made_of.items() if c not in self.as_input and a not in self.as_input)
