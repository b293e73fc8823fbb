"""One training as MLflow records it: parameters, figures with their bounds, pictures, the rows it learned from, and links."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

LONGEST_PARAMETER, LONGEST_TAG, LONGEST_NAME = 5900, 4900, 36


@dataclass(frozen=True)
class LearnedFrom:
    """The rows of a training: their digest, how many, and where they are kept."""

    name: str
    digest: str
    rows: int
    source: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Training:
    """What is logged of one training, released or refused.

    ``metrics``: figures by name, bounds as ``name_low`` and ``name_high``; those that are not finite are left out.
    ``plots``: file name → SVG text. ``note``: Markdown shown on top of the run.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    plots: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    data: LearnedFrom | None = None


def log_training(client: "MlflowClient", experiment: str, training: Training) -> str:
    """Write a run with everything but the model; its id. The run is left open."""
    from mlflow.entities import Metric, Param, RunTag

    run = client.create_run(experiment, run_name=training.tags.get("ml.dagster_run", "")[:8] or None)
    run_id, now = str(run.info.run_id), int(time.time() * 1000)
    tags = {**training.tags, **({"mlflow.note.content": training.note} if training.note else {})}
    client.log_batch(
        run_id,
        metrics=[Metric(k, float(v), now, 0) for k, v in training.metrics.items() if math.isfinite(v)],
        params=[Param(k, json.dumps(v, default=str)[:LONGEST_PARAMETER]) for k, v in training.parameters.items()],
        tags=[RunTag(k, str(v)[:LONGEST_TAG]) for k, v in tags.items()],
    )
    if training.data is not None:
        _log_data(client, run_id, training.data)
    for name, picture in training.plots.items():
        client.log_text(run_id, picture, f"plots/{name}.svg")
    return run_id


def _log_data(client: "MlflowClient", run_id: str, data: LearnedFrom) -> None:
    """The training set as a dataset of the run. MLflow allows a digest of 36 characters; the whole one is in the profile."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=data.name,
        digest=data.digest[:LONGEST_NAME],
        source_type="local",
        source=json.dumps({"uri": data.source}),
        schema=json.dumps({"columns": list(data.columns)}),
        profile=json.dumps({"num_rows": data.rows, "sha256": data.digest}),
    )
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def run_link(uri: str, experiment: str, run_id: str) -> str:
    """Where a person finds the run: its page on a tracking server, else the command that opens one on the store."""
    if uri.startswith("http"):
        return f"{uri.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"
    return f"run {run_id}: mlflow ui --backend-store-uri {uri}"
