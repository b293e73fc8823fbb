"""The solution artifact: everything that turns a raw row into a decision, in one directory that proves it is intact."""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.errors import ArtifactError, DataError
from ml_assets.learning.group_thresholds import GroupThresholds
from ml_assets.learning.predictors import Predictor
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray
from ml_assets.learning.reading import load_predictor
from ml_assets.learning.storage import read_verified, write_atomically
from ml_assets.statistics.calibration import Calibration
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.value import BinaryValue, MulticlassValue, RegressionValue, Value, expected_decision

SOLUTION_JSON = "solution.json"
DEFAULT_THRESHOLD = 0.5
_FORMAT = 1
_FORMAT_WITH_GROUPS = 2
"""A version that knows no group thresholds must refuse such an artifact, not decide without them."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Answers for n rows: ``score`` (n,) or (n, K), and the final ``decision`` (n,): 0/1, class code, or value."""

    score: FloatArray
    decision: NDArray[Any]


@dataclass(frozen=True, eq=False)
class SolutionArtifact:
    """A model with everything that belongs to its answers.

    ``calibration`` (binary; default: none) and ``threshold`` (binary; None = 0.5) were chosen on
    validation rows. ``value`` is the money of right and wrong: a multiclass decision is the class with the highest
    expected money (without it, the most probable class). ``excluded_groups`` names the protected columns that must
    never be an input. ``facts`` are JSON values that travel with the model (reference profile, hashes, figures).
    ``specs`` are the predictor's own when left empty. ``group_thresholds`` (binary) take the place of ``threshold`` for
    the groups they name; they need ``group_at_decision`` "allowed", and then ``predict`` needs ``groups``.

    Raises ``ArtifactError`` when a protected column is an input, when group thresholds are there though the group is
    forbidden at decision time, or when the parts contradict each other.
    """

    solution: str
    task: Task
    classes: tuple[str, ...]
    predictor: Predictor
    specs: tuple[FeatureSpec, ...] = ()
    calibration: Calibration = field(default_factory=Calibration)
    threshold: float | None = None
    value: Value | None = None
    excluded_groups: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    group_thresholds: GroupThresholds | None = None
    group_at_decision: Literal["forbidden", "allowed"] = "forbidden"

    def __post_init__(self) -> None:
        if not self.specs:
            object.__setattr__(self, "specs", self.predictor.specs)
        inputs = [spec.name for spec in self.specs]
        if self.specs != self.predictor.specs:
            allowed = [spec.name for spec in self.predictor.specs]
            raise ArtifactError("Inputs are not the model's", got=inputs, allowed=allowed, do="Leave specs out")
        if used := sorted(set(inputs) & set(self.excluded_groups)):
            do = "Train again without them"
            raise ArtifactError("Protected columns are inputs", got=used, allowed="none of them", do=do)
        if self.threshold is not None and math.isnan(self.threshold):
            raise ArtifactError("Threshold is not a number", got="nan", allowed="a number", do="Choose one by value")
        self._refuse_groups()

    def _refuse_groups(self) -> None:
        if self.group_thresholds is None:
            return
        if self.group_at_decision != "allowed":
            raise ArtifactError(
                "Group thresholds where the group is forbidden at decision time",
                got=f"thresholds by {self.group_thresholds.attribute}, group_at_decision {self.group_at_decision}",
                allowed="no group thresholds, or group_at_decision: allowed",
                do="Use a remedy that does not read the group",
            )
        if self.task != "binary":
            got = f"task {self.task}"
            do = "Leave them out"
            raise ArtifactError("Group thresholds need a score to cut", got=got, allowed="binary", do=do)

    def score(self, frame: pd.DataFrame) -> FloatArray:
        """Calibrated P(positive) (n,), class probabilities (n, K) or values (n,) of raw rows.

        Raises ``DataError`` when an input column is missing, or when an answer is not a finite number.
        """
        score = _numbers(self.predictor.predict(frame))
        # before calibration, which would speak of rows to leave out: a model that overflows is the model's fault
        return _numbers(self.calibration.apply(score)) if self.task == "binary" else score

    def decide(self, score: FloatArray, groups: pd.DataFrame | None = None) -> NDArray[Any]:
        """The decision that follows from scores: 1 where score >= threshold, a class code, or the score itself.

        ``groups`` are read by group thresholds alone, which raise ``DataError`` when they are missing.
        """
        if self.task == "regression":
            return score
        if self.group_thresholds is not None:
            return self.group_thresholds.decide(score, groups)
        if self.task == "binary":
            limit = DEFAULT_THRESHOLD if self.threshold is None else self.threshold
            return (score >= limit).astype(np.int64)
        if isinstance(self.value, MulticlassValue):
            return np.asarray(expected_decision(score, self.value), dtype=np.int64)
        return np.asarray(score.argmax(axis=1), dtype=np.int64)

    def predict(self, frame: pd.DataFrame, *, groups: pd.DataFrame | None = None) -> Prediction:
        """Score and decision of raw rows.

        ``groups``: text labels of the same rows, one column per attribute, as ``group_frame`` makes them. Only a
        solution with group thresholds reads them; it raises ``DataError`` without them.
        """
        score = self.score(frame)
        return Prediction(score, self.decide(score, groups))


def _numbers(score: Any) -> FloatArray:
    """The scores; ``DataError`` when one of them is missing or infinite."""
    found = np.asarray(score, dtype=np.float64)
    if not np.isfinite(found).all():
        bad = int((~np.isfinite(found)).sum())
        do = "Look at the rows and the model before using either"
        raise DataError("Model answered with no number", got=f"{bad:,} of {found.size:,}", allowed="none", do=do)
    return found


def save(artifact: SolutionArtifact, directory: str | Path, *, overwrite: bool = False) -> str:
    """Write the artifact as a new directory, whole or not at all; returns its digest.

    Files: ``solution.json``, ``model.json``, for trees ``model.ubj`` or ``model.skops``, and ``MANIFEST.json`` with
    the sha256 of each. The digest is the sha256 of the manifest. Nothing in it is executable.

    Raises ``ArtifactError`` when other content is there already (unless ``overwrite``), when a fact is not JSON, or
    when the model could not be loaded again.
    """
    content = _solution_json(artifact)

    def write(target: Path) -> None:
        artifact.predictor.save(target)
        (target / SOLUTION_JSON).write_text(content, encoding="utf-8")

    return write_atomically(Path(directory), write, overwrite=overwrite)


def load(directory: str | Path, *, digest: str | None = None, trusted: Collection[str] = ()) -> SolutionArtifact:
    """The artifact of a directory, only if it is exactly what was saved there (and released, when ``digest`` is given).

    ``trusted`` names types of a user's own estimator that its skops file may hold.
    Raises ``ArtifactError`` on a changed, missing or extra file, another digest, an untrusted type, another format.
    """
    files = read_verified(Path(directory), digest=digest)
    predictor = load_predictor(files, trusted=trusted)
    try:
        return _artifact(json.loads(files[SOLUTION_JSON]), predictor)
    except (KeyError, TypeError, ValueError, DataError) as error:
        raise ArtifactError(
            f"{SOLUTION_JSON} cannot be read",
            got=f"{type(error).__name__}: {error}",
            allowed=f"format {_FORMAT} or {_FORMAT_WITH_GROUPS}",
            do="Release again, or load it with the version that wrote it",
        ) from error


def _artifact(state: Mapping[str, Any], predictor: Predictor) -> SolutionArtifact:
    if state["format"] not in (_FORMAT, _FORMAT_WITH_GROUPS):
        raise ValueError(f"format {state['format']}")
    threshold, grouped = state["threshold"], state.get("group_thresholds")
    return SolutionArtifact(
        solution=state["solution"],
        task=state["task"],
        classes=tuple(state["classes"]),
        predictor=predictor,
        calibration=Calibration.from_dict(state["calibration"]),
        threshold=None if threshold is None else float(threshold),
        value=_value(state["value"]),
        excluded_groups=tuple(state["excluded_groups"]),
        facts=state["facts"],
        group_thresholds=None if grouped is None else GroupThresholds.from_dict(grouped),
        group_at_decision=state.get("group_at_decision", "forbidden"),
    )


def _solution_json(artifact: SolutionArtifact) -> str:
    threshold = artifact.threshold
    if threshold is not None and not math.isfinite(threshold):
        threshold_state: float | str | None = str(threshold)  # "inf" (never positive) is no JSON number
    else:
        threshold_state = threshold
    state = {
        "format": _FORMAT,
        "solution": artifact.solution,
        "task": artifact.task,
        "classes": list(artifact.classes),
        "calibration": artifact.calibration.to_dict(),
        "threshold": threshold_state,
        "value": _value_state(artifact.value),
        "excluded_groups": list(artifact.excluded_groups),
        "facts": artifact.facts,
    }
    if artifact.group_thresholds is not None:
        state |= {
            "format": _FORMAT_WITH_GROUPS,
            "group_thresholds": artifact.group_thresholds.to_dict(),
            "group_at_decision": artifact.group_at_decision,
        }
    try:
        return json.dumps(_finite(state), sort_keys=True, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        do = "Turn dates, arrays and frames into text, lists and records"
        raise ArtifactError("Facts cannot be stored", got=str(error), allowed="JSON values", do=do) from error


def _finite(value: Any) -> Any:
    """The same JSON value with nan and infinity as null, which JSON has no word for."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


_BINARY = ("true_positive", "false_positive", "false_negative", "true_negative")
_REGRESSION = ("per_unit_over", "per_unit_under")


def _value_state(value: Value | None) -> dict[str, Any] | None:
    if value is None:
        return None
    if isinstance(value, MulticlassValue):
        return {"type": "multiclass", "matrix": np.asarray(value.matrix, dtype=np.float64).tolist()}
    if isinstance(value, BinaryValue):
        return {"type": "binary", **{name: float(getattr(value, name)) for name in _BINARY}}
    return {"type": "regression", **{name: float(getattr(value, name)) for name in _REGRESSION}}


def _value(state: Mapping[str, Any] | None) -> Value | None:
    if state is None:
        return None
    if state["type"] == "multiclass":
        return MulticlassValue(tuple(tuple(float(cell) for cell in row) for row in state["matrix"]))
    if state["type"] == "binary":
        return BinaryValue(**{name: float(state[name]) for name in _BINARY})
    return RegressionValue(**{name: float(state[name]) for name in _REGRESSION})
