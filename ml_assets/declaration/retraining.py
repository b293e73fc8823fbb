"""Part 10: when to train again."""

from datetime import timedelta
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from ml_assets.declaration._base import Declaration
from ml_assets.declaration._types import Duration, Rate

Trigger = Literal["drift", "performance", "freshness", "fairness", "age"]


def _any_key(schema: dict[str, Any]) -> None:
    """``dg check yaml`` reads YAML 1.1, where the bare key ``on`` is true; keys are checked when the solution is loaded."""
    schema.pop("additionalProperties", None)


class Retraining(Declaration):
    """The trigger policy."""

    model_config = ConfigDict(json_schema_extra=_any_key)

    on: tuple[Trigger, ...] = ("drift", "performance", "freshness", "age")
    """``age``: the last training is as many batches old as the back-test found worth a retraining; silent where it found none."""
    k_of_n: tuple[int, int] = (2, 3)
    """How many of the newest batches must fail a check of drift, performance or fairness."""
    cool_down: Duration = timedelta(days=1)
    at_most: Rate = (4, timedelta(days=30))
    cost: float = Field(default=0.0, ge=0)
    """Money one retraining costs: what the back-test deducts, and what the trigger ``age`` weighs losses by age against."""
    poll: Duration = timedelta(seconds=30)
    """How often the sensors look."""

    @model_validator(mode="before")
    @classmethod
    def _on_is_a_word(cls, values: object) -> object:
        """YAML 1.1 reads the bare key ``on`` as true."""
        if isinstance(values, dict) and True in values:
            return {("on" if k is True else k): v for k, v in values.items()}
        return values

    @model_validator(mode="after")
    def _k_of_n(self) -> "Retraining":
        k, n = self.k_of_n
        if not 1 <= k <= n <= 50:
            raise ValueError(f"k_of_n: got {[k, n]}; allowed: 1 ≤ k ≤ n ≤ 50")
        return self
