"""The ten sections together, and what follows from them: defaults, versions. The rules that span them are in ``spanning``."""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from ml_assets.declaration._base import Declaration
from ml_assets.declaration._types import Span
from ml_assets.declaration.business_case import BusinessCase, RegressionValue
from ml_assets.declaration.data_bias import DataBias
from ml_assets.declaration.data_pipeline import DataPipeline
from ml_assets.declaration.data_selection import DataSelection
from ml_assets.declaration.deployment import Deployment
from ml_assets.declaration.model import Model, QuantileLoss
from ml_assets.declaration.model_bias import ModelBias
from ml_assets.declaration.monitoring import Monitoring
from ml_assets.declaration.retraining import Retraining
from ml_assets.declaration.spanning import SPANNING_RULES
from ml_assets.declaration.success_criteria import Criterion
from ml_assets.learning.losses import Loss, money_loss
from ml_assets.statistics.alarms import per_look
from ml_assets.statistics.metrics import Task

SECTIONS: tuple[str, ...] = (
    "business_case", "success_criteria", "data_selection", "data_bias", "data_pipeline",
    "model", "deployment", "model_bias", "monitoring", "retraining",
)  # fmt: skip
DEFAULT_METRIC: dict[Task, str] = {
    "binary": "roc_auc",
    "multiclass": "accuracy",
    "regression": "root_mean_squared_error",
}
DEFAULT_FAIRNESS: dict[Task, tuple[str, ...]] = {
    "binary": ("selection_rate_ratio", "equal_opportunity_difference"),
    "multiclass": ("accuracy_difference",),
    "regression": ("mean_residual_difference",),
}
FAIRNESS_LIMITS = {"selection_rate_ratio": 0.8, "mean_residual_difference": 0.2}
"""Default limits; every other metric is a difference of rates with 0.1."""


class _Listed(GenerateJsonSchema):
    """Pairs say what their items are in a second way: ``dg`` makes its sample declaration from ``items`` alone."""

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        found = super().tuple_schema(schema)
        if found.get("prefixItems"):
            found.setdefault("items", found["prefixItems"][0])
        return found


class Solution(Declaration):
    """One ML solution, declared."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    business_case: BusinessCase
    success_criteria: tuple[Criterion, ...] = ()
    data_selection: DataSelection = DataSelection()
    data_bias: DataBias = DataBias()
    data_pipeline: DataPipeline
    model: Model = Model()
    deployment: Deployment = Deployment()
    model_bias: ModelBias = ModelBias()
    monitoring: Monitoring = Monitoring()
    retraining: Retraining = Retraining()

    _written_at: Mapping[str, tuple[str, int]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _sections_agree(self) -> "Solution":
        problems = [problem for rule in SPANNING_RULES for problem in rule(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """JSON Schema of the attributes, as ``dg`` reads it; editors get :mod:`ml_assets.declaration.schema`."""
        return super().model_json_schema(*args, **{"schema_generator": _Listed, **options})

    def written_at(self, lines: Mapping[str, tuple[str, int]]) -> "Solution":
        """The same solution that knows the file and line of each of its sections."""
        located = self.model_copy()
        located._written_at = dict(lines)
        return located

    def line_of(self, section: str) -> tuple[str, int] | None:
        """File and line of a section, where the declaration was read from a file."""
        return self._written_at.get(section)

    @property
    def task(self) -> Task:
        return self.business_case.target.task

    @property
    def target(self) -> str:
        return self.business_case.target.column

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """The declared criteria; without any: better than a model that knows nothing."""
        return self.success_criteria or (Criterion(metric=DEFAULT_METRIC[self.task], better_than="dummy"),)

    @property
    def main_metric(self) -> str:
        """The metric that is watched in production and plotted: the declared one, else that of the first criterion."""
        return self.monitoring.performance.metric or self.criteria[0].metric

    @property
    def fairness_metrics(self) -> tuple[str, ...]:
        return self.model_bias.metrics or DEFAULT_FAIRNESS[self.task]

    @property
    def fairness_limits(self) -> dict[str, float]:
        """Fairness metrics that gate a release and alarm in production, with their limits."""
        declared = self.model_bias.tolerance
        return {m: declared.get(m, FAIRNESS_LIMITS.get(m, 0.1)) for m in self.fairness_metrics}

    @property
    def favourable_code(self) -> int:
        """The code of the decision that is good for the person it is about."""
        return 1 if self.business_case.favourable == "positive" else 0

    @property
    def time_split(self) -> bool:
        """Streams by event time are split by time unless the declaration says hash."""
        arrival = self.data_pipeline.arrival
        if self.model.split is not None:
            return self.model.split == "time"
        return arrival is not None

    @property
    def window_batches(self) -> int | None:
        """Newest batches a model learns from; None: all."""
        span = self.model.window
        return span.batches(self.data_pipeline.period) if isinstance(span, Span) else None

    @property
    def stale_after(self) -> timedelta | None:
        """Age of the champion's newest training row at which it is stale."""
        if not self.data_pipeline.is_stream or self.data_pipeline.period is None:
            return self.monitoring.freshness
        return self.monitoring.freshness or 6 * (self.window_batches or 30) * self.data_pipeline.period

    @property
    def alarm_error(self) -> float:
        """The error one look of a check may have, so that a month of looks keeps ``monitoring.false_alarms``.

        A month has as many looks as batches; thirty for files, whose rhythm nobody declared, one for a single table.
        """
        period = self.data_pipeline.period
        looks = max(1.0, timedelta(days=30) / period) if period else 30.0 if self.data_pipeline.is_stream else 1.0
        return per_look(self.monitoring.false_alarms, looks)

    @property
    def training_loss(self) -> Loss:
        """What a regression model minimises, in the words of ``ml_assets.learning.losses``."""
        declared, value = self.model.loss, self.business_case.value
        if isinstance(declared, QuantileLoss):
            return Loss("quantile", declared.quantile)
        if isinstance(value, RegressionValue) and declared in (None, "money"):
            return money_loss(value.per_unit_over, value.per_unit_under)
        return Loss("absolute", 0.5) if declared == "absolute" else Loss("squared")

    @property
    def group_names(self) -> tuple[str, ...]:
        """Every attribute by which figures are broken down."""
        return tuple(dict.fromkeys((*self.data_bias.protected, *self.data_bias.groups)))

    @property
    def never_inputs(self) -> frozenset[str]:
        """Raw columns no model of this solution may see."""
        pipeline = self.data_pipeline
        late = {c for c, r in self.data_selection.columns.items() if r.available == "after_outcome"}
        own = {self.target, *self.data_selection.exclude, *late, *((pipeline.id,) if pipeline.id else ())}
        return frozenset(own) | self.data_bias.hidden_columns

    def version(self, *sections: str) -> str:
        """Hash of the named sections (all of them when none is named): changes when, and only when, they do."""
        whole = self.model_dump(mode="json", by_alias=True, include=set(sections) or None)
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def case_version(self) -> str:
        """Version of what is signed: the case without its signature, and the criteria."""
        case = self.business_case.model_dump(mode="json", exclude={"signed_off"})
        criteria = [c.model_dump(mode="json") for c in self.success_criteria]
        return hashlib.sha256(json.dumps([case, criteria], sort_keys=True).encode()).hexdigest()[:12]
