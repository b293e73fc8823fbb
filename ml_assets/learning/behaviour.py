"""Behaviour that was declared, tried on a fitted solution: directions, invariances, and cases whose answer is known."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.errors import DataError, DeclarationError
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray, label_text, prepare, texts

Value = float | int | str | bool | None

AGAINST = 0.05
"""Share of rows whose score may move against a declared direction."""
MOVED = 0.01
"""Share of exchanges that may move the decision of an invariant: rows on the very edge of the threshold."""
MATERIAL = 0.01
"""A predicted number has moved when it changes by more than this many standard deviations of the predictions."""
ROUNDING = 1e-6
_NO_INPUT = "; it is no input of this model"
MAX_ROWS, EXCHANGES = 2000, 5


@dataclass(frozen=True, slots=True)
class KnownCase:
    """A row whose answer is known without data; what ``row`` leaves out is typical of the training rows.

    Bounds are of P(positive), of the predicted value or, for several classes, of the probability of ``decision``.
    """

    name: str
    row: Mapping[str, Value]
    at_least: float | None = None
    at_most: float | None = None
    decision: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """All behaviour declared of one solution; ``monotone``: feature → +1 (may only rise with it) or -1."""

    monotone: Mapping[str, int] = field(default_factory=dict)
    invariant: tuple[str, ...] = ()
    cases: tuple[KnownCase, ...] = ()

    def require(
        self, *, inputs: Collection[str], groups: Collection[str], hidden: Collection[str], classes: Collection[str]
    ) -> None:
        """Raise ``DeclarationError``, naming the field, for a column or a decision that does not exist.

        ``inputs``: what a model may see; ``groups``: attributes that group thresholds may read; ``hidden``: columns that
        exist and are kept from models, by declaration or by a finding. What is hidden cannot move an answer; a training
        that runs unattended must not stop because a column was found unfit.
        """
        known = list(dict.fromkeys([*inputs, *groups, *hidden]))
        _require("model.monotone", self.monotone, list(dict.fromkeys([*inputs, *hidden])), "column")
        _require("model.invariant", self.invariant, known, "column")
        for case in self.cases:
            _require(f"model.cases, row of {case.name!r}", case.row, known, "column")
            decided = () if case.decision is None else (case.decision,)
            _require(f"model.cases, decision of {case.name!r}", decided, classes, "label")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What became of one declared behaviour on ``rows`` rows.

    ``broken_share``: of rows (of exchanges, for an invariant) that went against it, 0..1. ``largest``: by how much at
    most, in units of the score. ``holds``: whether the share is allowed. ``sentence``: the same in words.
    """

    kind: Literal["monotone", "invariant", "case"]
    name: str
    holds: bool
    broken_share: float
    largest: float
    rows: int
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Typical:
    """The commonest category and the median of every input and group of some rows: what a case leaves out."""

    row: Mapping[str, Value]
    groups: Mapping[str, str]


def typical(features: pd.DataFrame, groups: pd.DataFrame, specs: Collection[FeatureSpec]) -> Typical:
    """The typical row of ``features`` (the training rows); ties go to the first in the order of the categories."""
    prepared = prepare(features, tuple(specs))
    row = {spec.name: _middle(prepared[spec.name], spec) for spec in specs}
    return Typical(row, {str(name): str(groups[name].mode().iloc[0]) for name in groups.columns if len(groups)})


def direction(artifact: SolutionArtifact, features: pd.DataFrame, feature: str, sign: int) -> Behaviour:
    """Whether the score moves as declared when ``feature`` is raised by one standard deviation in every row.

    ``broken_share`` may be 5 %; rows without a value count as they are: nothing can be raised there. A feature that the
    model does not use moves nothing. Raises ``DeclarationError`` for a category, which cannot be raised.
    Source: directional expectation tests of Ribeiro and others, Beyond Accuracy (CheckList), ACL 2020.
    """
    spec = next((one for one in artifact.specs if one.name == feature), None)
    if spec is not None and spec.kind == "categorical":
        do, got = "Leave it out, or deliver it as a number", f"{feature!r}, a category"
        raise DeclarationError("model.monotone cannot be tried", got=got, allowed="numbers and dates", do=do)
    rows = prepare(features, artifact.specs)
    change = np.zeros(len(rows))
    if spec is not None and len(rows):
        before = artifact.score(rows)
        step = float(rows[feature].std()) if rows[feature].notna().sum() > 1 else 0.0
        wrong = -sign * (artifact.score(rows.assign(**{feature: rows[feature] + step})) - before)
        change = np.where(wrong > _rounding(artifact, before), wrong, 0.0)
    share = float(np.mean(change > 0)) if len(rows) else 0.0
    sentence = (
        f"raising {feature} by one spread moves the score the wrong way in {share:.1%} of {len(rows):,} rows"
        f" (by {change.max(initial=0.0):.3g} at most; allowed {AGAINST:.0%}){'' if spec else _NO_INPUT}"
    )
    return Behaviour("monotone", feature, share <= AGAINST, share, float(change.max(initial=0.0)), len(rows), sentence)


def invariance(
    artifact: SolutionArtifact, features: pd.DataFrame, groups: pd.DataFrame, column: str, *, seed: int = 0
) -> Behaviour:
    """Whether decisions stay when the values of ``column`` are exchanged between real rows, five times.

    ``column`` may be a feature, or a group that group thresholds read. ``broken_share``: exchanges that moved the
    decision (a predicted number: by more than 1 % of the standard deviation of all), allowed is 1 %. It is a figure
    about this column alone: what other columns say of it stays where it was.
    Source: invariance tests of Ribeiro and others, ACL 2020.
    """
    before = artifact.predict(features, groups=groups)
    rng, moved, largest = np.random.default_rng(seed), list[float](), 0.0
    for _ in range(EXCHANGES if len(features) else 0):
        order = rng.permutation(len(features))
        after = artifact.predict(_exchanged(features, column, order), groups=_exchanged(groups, column, order))
        largest = max(largest, float(np.abs(after.score - before.score).max()))
        moved.append(float(np.mean(_moved(artifact, before.decision, after.decision))))
    share = float(np.mean(moved)) if moved else 0.0
    what = "the answer materially" if artifact.task == "regression" else "the decision"
    sentence = (
        f"exchanging {column} between {len(features):,} rows, {EXCHANGES} times, moves {what} in {share:.1%}"
        f" and the score by {largest:.3g} at most (allowed {MOVED:.0%}){'' if column in _read_by(artifact) else _NO_INPUT}"
    )
    return Behaviour("invariant", column, share <= MOVED, share, largest, len(features), sentence)


def known_case(artifact: SolutionArtifact, case: KnownCase, usual: Typical) -> Behaviour:
    """Whether one case gets the answer that is known; the sentence names what was taken from the typical row.

    ``broken_share`` is 0 or 1; ``largest``: how far the score is beyond the bound. A category that the model does not
    know is read as missing, and said.
    """
    given = {name: value for name, value in case.row.items() if name not in usual.groups or name in usual.row}
    frame = pd.DataFrame([{**usual.row, **given}], dtype=object)
    groups = {name: label_text(case.row.get(name, label)) for name, label in usual.groups.items()}
    answer = artifact.predict(_read(frame, artifact, case), groups=pd.DataFrame([groups]))
    decided = artifact.classes[int(answer.decision[0])] if artifact.classes else None
    score = _of_case(artifact, case, answer.score)
    beyond = max(
        0.0 if case.at_least is None else case.at_least - score, 0.0 if case.at_most is None else score - case.at_most
    )
    holds = beyond <= 0 and case.decision in (None, decided)
    sentence = f"case {case.name}: {_told(case, score, decided)}{_assumed(artifact, case, usual)}"
    return Behaviour("case", case.name, holds, float(not holds), max(beyond, 0.0), 1, sentence)


def sampled(rows: int, *, seed: int, most: int = MAX_ROWS) -> NDArray[np.int64]:
    """Positions of at most ``most`` of ``rows`` rows, in order; 2,000 are enough to see one row in a hundred."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _require(where: str, names: Collection[str], allowed: Collection[str], noun: str) -> None:
    if unknown := [name for name in names if name not in allowed]:
        got = ", ".join(repr(name) for name in unknown)
        do = f"Correct the {noun}, or leave it out"
        raise DeclarationError(f"{where} names an unknown {noun}", got=got, allowed=", ".join(allowed), do=do)


def _middle(column: "pd.Series[Any]", spec: FeatureSpec) -> Value:
    if not column.notna().any():
        return None
    return str(column.mode().iloc[0]) if spec.kind == "categorical" else float(column.median())


def _rounding(artifact: SolutionArtifact, score: FloatArray) -> float:
    return ROUNDING * (float(np.abs(score).max(initial=0.0)) if artifact.task == "regression" else 1.0)


def _read_by(artifact: SolutionArtifact) -> set[str]:
    """Columns that an answer can depend on."""
    by_group = artifact.group_thresholds
    return {spec.name for spec in artifact.specs} | ({by_group.attribute} if by_group is not None else set())


def _exchanged(frame: pd.DataFrame, column: str, order: NDArray[np.int64]) -> pd.DataFrame:
    return frame.assign(**{column: frame[column].array[order]}) if column in frame.columns else frame


def _moved(artifact: SolutionArtifact, before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.bool_]:
    if artifact.task != "regression":
        return np.asarray(before != after, dtype=np.bool_)
    limit = max(MATERIAL * float(np.std(before)), _rounding(artifact, before))
    return np.asarray(np.abs(after - before) > limit, dtype=np.bool_)


def _read(frame: pd.DataFrame, artifact: SolutionArtifact, case: KnownCase) -> pd.DataFrame:
    try:
        return prepare(frame, artifact.specs)
    except DataError as error:
        where = f"model.cases, row of {case.name!r} cannot be read"
        raise DeclarationError(where, got=error.got, allowed=error.allowed, do="Correct the value") from error


def _of_case(artifact: SolutionArtifact, case: KnownCase, score: FloatArray) -> float:
    if score.ndim == 1:
        return float(score[0])
    return float(score[0].max() if case.decision is None else score[0, artifact.classes.index(case.decision)])


def _told(case: KnownCase, score: float, decided: str | None) -> str:
    bounds = [f"at least {case.at_least:g}"] if case.at_least is not None else []
    bounds += [f"at most {case.at_most:g}"] if case.at_most is not None else []
    said = f"score {score:.4g}" + (f" (allowed {' and '.join(bounds)})" if bounds else "")
    if case.decision is None:
        return said
    return f"{said}, decision {decided}" + (f" instead of {case.decision}" if decided != case.decision else "")


def _assumed(artifact: SolutionArtifact, case: KnownCase, usual: Typical) -> str:
    read_as_missing = [
        f"{spec.name} = {case.row[spec.name]}"
        for spec in artifact.specs
        if spec.kind == "categorical" and case.row.get(spec.name) is not None and not _knows(spec, case.row[spec.name])
    ]
    unknown = f"; unknown to the model and read as missing: {', '.join(read_as_missing)}" if read_as_missing else ""
    unread = [name for name in case.row if name not in _read_by(artifact)]
    unknown += f"; no input of this model and not read: {', '.join(unread)}" if unread else ""
    left = {name: value for name, value in usual.row.items() if name not in case.row}
    if artifact.group_thresholds is not None:
        own = artifact.group_thresholds.attribute
        left |= {name: value for name, value in usual.groups.items() if name == own and name not in case.row}
    words = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in left.items()
    )
    return unknown + (f"; typical of the training rows: {words}" if words else "")


def _knows(spec: FeatureSpec, value: Value) -> bool:
    return str(texts(pd.Series([value], dtype=object)).iloc[0]) in spec.categories
