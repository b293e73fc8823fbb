"""Words and quantities a declaration is written in: durations, shares, rates, spans of batches, dotted paths."""

import ast
import importlib
import importlib.util
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from ml_assets.errors import DeclarationError

SECONDS = {
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86400.0,
    "week": 7 * 86400.0,
    "month": 30 * 86400.0,
    "year": 365 * 86400.0,
}
_QUANTITY = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*$")
_SHARE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*%\s*$")
_RATE = re.compile(r"^\s*(\d+)\s*(?:per|/)\s*(\d+)?\s*([a-z]+?)s?\s*$")
UNITS = ", ".join(SECONDS)


def _duration(value: object) -> object:
    """``14 days`` → timedelta; a month is 30 days and a year 365."""
    if not isinstance(value, str):
        return value
    found = _QUANTITY.match(value)
    if found is None or found[2] not in SECONDS:
        raise ValueError(f"got {value!r}; allowed: a number and a unit, such as '14 days' (units: {UNITS})")
    return timedelta(seconds=float(found[1]) * SECONDS[found[2]])


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError(f"got {spell(value)}; allowed: more than nothing, such as '14 days'")
    return value


def spell(value: timedelta) -> str:
    """A timedelta in the words a declaration uses, largest whole unit first."""
    seconds = value.total_seconds()
    for unit in ("week", "day", "hour", "minute"):
        if seconds and seconds % SECONDS[unit] == 0:
            count = int(seconds // SECONDS[unit])
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{seconds:f}".rstrip("0").rstrip(".") + " seconds"


def _share(value: object) -> object:
    """``2 %`` → 0.02."""
    found = _SHARE.match(value) if isinstance(value, str) else None
    return float(found[1]) / 100 if found else value


def _rate(value: object) -> object:
    """``4 per month`` → (4, timedelta(days=30)); ``4 per 2 weeks`` → (4, timedelta(days=14))."""
    if not isinstance(value, str):
        return value
    found = _RATE.match(value)
    if found is None or found[3] not in SECONDS:
        raise ValueError(f"got {value!r}; allowed: a count and a unit, such as '4 per month' (units: {UNITS})")
    return (int(found[1]), timedelta(seconds=int(found[2] or 1) * SECONDS[found[3]]))


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    AfterValidator(_positive),
    PlainSerializer(spell, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _QUANTITY.pattern, "examples": ["14 days", "6 hours"]}),
]
Share = Annotated[
    float,
    BeforeValidator(_share),
    Field(ge=0, le=1),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": _SHARE.pattern}]}
    ),
]
Rate = Annotated[
    tuple[int, timedelta],
    BeforeValidator(_rate),
    PlainSerializer(lambda r: f"{r[0]} per {spell(r[1])}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": _RATE.pattern, "examples": ["4 per month"]}),
]


class Span(tuple[float, Literal["batches", "seconds"]]):
    """A stretch of the stream: so many batches, or so much time."""

    def batches(self, period: timedelta | None) -> int:
        """The same stretch counted in batches of one ``period`` (None: batches have no fixed length)."""
        amount, unit = self
        if unit == "batches":
            return int(amount)
        if period is None:
            raise DeclarationError(
                "a stretch of time cannot be counted in batches here",
                got=spell(timedelta(seconds=amount)),
                allowed="a number of batches, such as '20 batches'",
                do="Files and single tables have no fixed period; count in batches",
            )
        return max(1, round(amount / period.total_seconds()))

    def __str__(self) -> str:
        amount, unit = self
        return f"{int(amount)} batches" if unit == "batches" else spell(timedelta(seconds=amount))


def _span(value: object) -> object:
    if isinstance(value, Span):
        return value
    found = re.match(r"^\s*(\d+)\s*batch(?:es)?\s*$", value) if isinstance(value, str) else None
    if found:
        return Span((int(found[1]), "batches"))
    length = _duration(value)
    if not isinstance(length, timedelta) or length <= timedelta(0):
        raise ValueError(f"got {value!r}; allowed: '20 batches' or a duration such as '60 days'")
    return Span((length.total_seconds(), "seconds"))


SpanField = Annotated[
    Any,
    BeforeValidator(_span),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["60 days", "20 batches"]}),
]


def _top_level_names(path: Path) -> set[str]:
    """Names a module binds at its top level, read without running it; ``*`` when a star import hides which."""
    return _bound_names(ast.parse(path.read_text(encoding="utf-8")).body)


def _bound_names(body: list[ast.stmt]) -> set[str]:
    names: set[str] = set()
    for node in body:
        match node:
            case ast.If() | ast.Try() | ast.With():
                blocks = [getattr(node, part, []) for part in ("body", "orelse", "finalbody")]
                blocks += [handler.body for handler in getattr(node, "handlers", [])]
                names.update(*(_bound_names(block) for block in blocks))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Assign(targets=targets):
                names.update(n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update((a.asname or a.name).split(".")[0] for a in aliases)
    return names


def _exists(path: str) -> str:
    """Refuse a dotted path that leads nowhere, without running the module: loading a graph must stay fast."""
    module, _, name = path.rpartition(".")
    if not module or not all(part.isidentifier() for part in path.split(".")):
        raise ValueError(f"got {path!r}; allowed: an absolute dotted path such as 'my_project.churn.functions.load'")
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"got {path!r}, but module {error.name!r} does not exist; allowed: an importable module"
        ) from error
    if spec is None or spec.origin is None:
        raise ValueError(f"got {path!r}, but module {module!r} does not exist; allowed: an importable module")
    if not spec.origin.endswith(".py"):
        names = set(dir(importlib.import_module(module)))
    else:
        names = _top_level_names(Path(spec.origin))
    if name not in names and not names & {"__getattr__", "*"} and not spec.origin.endswith("__init__.py"):
        public = ", ".join(sorted(n for n in names if not n.startswith("_"))) or "nothing"
        raise ValueError(f"got {path!r}, but {module} has no {name!r}; allowed: {public}")
    return path


FunctionPath = Annotated[
    str,
    AfterValidator(_exists),
    WithJsonSchema(
        {"type": "string", "pattern": r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$", "description": "absolute dotted path"}
    ),
]


def load_function(path: str) -> Callable[..., Any]:
    """The object behind a dotted path, imported now."""
    module, _, name = path.rpartition(".")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DeclarationError(
            "a function named in the declaration could not be imported",
            got=f"{path} ({error})",
            allowed="an absolute dotted path to a function or class",
            do="Correct the path, or the import that fails",
        ) from error
    return found


Label = bool | int | float | str
"""A value of the target as it stands in the data."""
