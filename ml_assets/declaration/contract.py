"""The contract on rows: a pandera model, or one drafted from the first batch; broken rows are kept apart with their reasons."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ml_assets.declaration._types import load_function
from ml_assets.errors import DataError, DeclarationError

if TYPE_CHECKING:
    import pandas as pd
    from pandera.pandas import DataFrameSchema

Kind = Literal["number", "time", "text", "flag"]
BROKEN = "ml:broken_rules"
WIDENING = 10.0
"""A drafted range reaches this many times the observed span beyond what was seen: it catches a change of units, not a tail."""


@dataclass(frozen=True, slots=True)
class ColumnDraft:
    """What the first batch says of a column."""

    column: str
    kind: Kind
    lowest: float | None = None
    highest: float | None = None


@dataclass(frozen=True, slots=True)
class Validated:
    """Rows that keep the contract (coerced to its types), rows that do not with the rules they broke, and what was odd."""

    valid: "pd.DataFrame"
    broken: "pd.DataFrame"
    rules: dict[str, int]
    missing_columns: tuple[str, ...]
    extra_columns: tuple[str, ...]


def draft(frame: "pd.DataFrame", *, as_text: Collection[str] = ()) -> tuple[ColumnDraft, ...]:
    """Types and wide ranges of the columns of a first batch; text is taken for dates where every value is one.

    ``as_text`` names columns whose text stays text, dates or not.
    """
    return tuple(_draft_column(str(name), frame[name], str(name) not in as_text) for name in frame.columns)


def _draft_column(name: str, values: "pd.Series[Any]", dated: bool) -> ColumnDraft:
    import pandas as pd
    from pandas.api import types

    from ml_assets.statistics.dates import date_like

    if types.is_bool_dtype(values.dtype):
        return ColumnDraft(name, "flag")
    if types.is_datetime64_any_dtype(values.dtype):
        return ColumnDraft(name, "time")
    if types.is_timedelta64_dtype(values.dtype):
        return ColumnDraft(name, "text")
    if not types.is_numeric_dtype(values.dtype):
        numbers = pd.to_numeric(values, errors="coerce")
        known = values.notna()
        if not known.any() or numbers[known].notna().mean() < 0.95:
            told = date_like(values) if dated else None
            return ColumnDraft(name, "time" if told is not None and told.all_iso else "text")
        values = numbers
    finite = values.astype(float).replace([float("inf"), float("-inf")], float("nan")).dropna()
    if finite.empty:
        return ColumnDraft(name, "number")
    low, high = float(finite.min()), float(finite.max())
    margin = WIDENING * max(high - low, abs(high), abs(low), 1.0)
    return ColumnDraft(name, "number", low - margin, high + margin)


def drafted_schema(drafts: tuple[ColumnDraft, ...], *, nullable: bool = True) -> "DataFrameSchema":
    """The pandera schema a draft stands for."""
    import pandera.pandas as pa

    from ml_assets.declaration.moments import MOMENTS

    def column(d: ColumnDraft) -> pa.Column:
        checks = []
        if d.kind == "number":
            checks.append(pa.Check(lambda s: s.isna() | s.abs().ne(float("inf")), name="finite", element_wise=False))
            if d.lowest is not None and d.highest is not None:
                # infinite values are the business of the rule above
                checks.append(
                    pa.Check.in_range(d.lowest, d.highest, name=f"between {d.lowest:.6g} and {d.highest:.6g}")
                )
        kinds = {"number": float, "time": MOMENTS, "text": str, "flag": "boolean"}
        return pa.Column(kinds[d.kind], checks, nullable=nullable, coerce=True, required=True)

    return pa.DataFrameSchema(
        {d.column: column(d) for d in drafts if d.kind != "text"} | _text_columns(drafts), strict=False
    )


def _text_columns(drafts: tuple[ColumnDraft, ...]) -> dict[str, Any]:
    """Text is any value that reads as text: only its presence is asked for."""
    import pandera.pandas as pa

    return {d.column: pa.Column(None, nullable=True, required=True) for d in drafts if d.kind == "text"}


def declared_schema(path: str) -> "DataFrameSchema":
    """The schema behind a dotted path: a pandera model or schema."""
    import pandera.pandas as pa

    found = load_function(path)
    if isinstance(found, pa.DataFrameSchema):
        return found
    if isinstance(found, type) and issubclass(found, pa.DataFrameModel):
        return found.to_schema()
    raise DeclarationError(
        "a contract is no pandera schema",
        got=type(found).__name__,
        allowed="a DataFrameModel or a DataFrameSchema",
        do=f"Make {path} one of the two",
    )


def validate(frame: "pd.DataFrame", schema: "DataFrameSchema") -> Validated:
    """Divide a batch by its contract.

    Every rule is tried on every row; a row that breaks any is kept apart with the names of all rules it broke. A missing
    column breaks every row of the batch.
    """
    frame = frame.reset_index(drop=True)
    missing = tuple(c for c, spec in schema.columns.items() if spec.required and c not in frame.columns)
    extra = tuple(str(c) for c in frame.columns if c not in schema.columns)
    if missing:
        rules = {f"missing column {c}": len(frame) for c in missing}
        broken = frame.assign(**{BROKEN: "; ".join(rules)})
        return Validated(frame.iloc[0:0], broken, rules, missing, extra)
    reasons: dict[int, list[str]] = {}
    kept = frame
    for _ in range(4):  # coercion may surface in one round and the rules on the coerced values in the next
        checked, failures, uncoerced = _try(kept, schema)
        for index, reason in failures:
            found = reasons.setdefault(index, [])
            if reason not in found:
                found.append(reason)
        # rows that coerce stay for another round, so that each is told every rule it breaks
        kept = kept.drop(index=sorted(uncoerced)) if uncoerced else frame.drop(index=list(reasons))
        if checked is not None or kept.empty:  # without a row left there is nothing to coerce
            valid = kept if checked is None else checked
            return _divided(frame, valid.drop(index=valid.index.intersection(list(reasons))), reasons, extra)
    raise DataError(
        "rows still break the contract after the broken ones were set apart",
        got=f"{len(kept)} rows",
        allowed="rules that judge rows",
        do="A rule over the whole table cannot be met by leaving rows out; make it a rule on rows",
    )


def _divided(
    frame: "pd.DataFrame", valid: "pd.DataFrame", reasons: dict[int, list[str]], extra: tuple[str, ...]
) -> Validated:
    broken = frame.loc[sorted(reasons)]
    broken = broken.assign(**{BROKEN: ["; ".join(reasons[i]) for i in broken.index]})
    counts = Counter(rule for found in reasons.values() for rule in found)
    return Validated(valid.reset_index(drop=True), broken.reset_index(drop=True), dict(counts), (), extra)


def _try(
    frame: "pd.DataFrame", schema: "DataFrameSchema"
) -> tuple["pd.DataFrame | None", list[tuple[int, str]], set[int]]:
    """The coerced rows when none breaks a rule; else who broke what, and which rows could not be coerced."""
    from pandera.errors import SchemaErrors

    try:
        return schema.validate(frame, lazy=True), [], set()
    except SchemaErrors as error:
        cases = error.failure_cases
    by_row = cases[cases["index"].notna()]
    # a rule that stumbled over a value that could not be coerced says nothing about the other rows; they are tried again
    uncoerced = by_row[by_row["check"].astype(str).str.startswith("coerce_dtype")]
    # that such a value is not of the type either says nothing more
    twice = by_row["check"].astype(str).str.startswith("dtype(") & by_row["column"].isin(uncoerced["column"])
    by_row = by_row[~twice]
    whole = cases[cases["index"].isna() & ~cases["column"].isin(uncoerced["column"])]
    if by_row.empty or len(whole):
        sentence = "; ".join(sorted({f"{c}: {k}" for c, k in zip(whole["column"], whole["check"], strict=True)}))
        return None, [(int(i), f"whole batch: {sentence}") for i in frame.index], set()
    names = by_row["column"].astype(str) + ": " + by_row["check"].astype(str).str.slice(0, 80)
    failures = [(int(i), n) for i, n in zip(by_row["index"], names, strict=True)]
    return None, failures, {int(i) for i in uncoerced["index"]}
