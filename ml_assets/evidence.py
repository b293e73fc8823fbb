"""A statistics result → what the Dagster UI shows: metadata, tables, pictures, check results. The only translator."""

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from ml_assets import pictures
from ml_assets.pictures import Drawing, Mark
from ml_assets.statistics.estimate import Estimate

Rows = Sequence[Mapping[str, object]]


@dataclass(frozen=True)
class Verdict:
    """What a check found. ``act`` tells an alarm that asks for action (ERROR) from one that asks for a look (WARN)."""

    passed: bool
    sentence: str
    figures: Mapping[str, float] = field(default_factory=dict)
    table: Rows = ()
    picture: str = ""
    act: bool = True


def check_result(verdict: Verdict, *, batch: str | None = None) -> dg.AssetCheckResult:
    """The verdict as Dagster records it: one sentence, the figures by name, the table, the picture."""
    shown: dict[str, Any] = {"sentence": verdict.sentence, **numbers(verdict.figures)}
    if batch is not None:
        shown["batch"] = batch
    if verdict.picture:
        shown["picture"] = dg.MetadataValue.md(verdict.picture)
    if verdict.table:
        shown["table"] = dg.MetadataValue.md(markdown_table(verdict.table))
    severity = dg.AssetCheckSeverity.ERROR if verdict.act else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(passed=verdict.passed, severity=severity, description=verdict.sentence, metadata=shown)


def summary_result(verdicts: Mapping[str, Verdict]) -> dg.AssetCheckResult:
    """The verdicts of a range of batches in one evaluation; its severity never stops the batches that passed."""
    failed = {b: v for b, v in verdicts.items() if not v.passed}
    sentence = f"{len(verdicts) - len(failed)} of {len(verdicts)} batches pass"
    if failed:
        sentence += "; failed: " + "; ".join(f"{b} ({v.sentence})" for b, v in list(failed.items())[:5])
    all_failed = len(failed) == len(verdicts) and any(v.act for v in failed.values())
    severity = dg.AssetCheckSeverity.ERROR if all_failed else dg.AssetCheckSeverity.WARN
    rows = [{"batch": b, "passed": v.passed, "sentence": v.sentence} for b, v in verdicts.items()]
    metadata: dict[str, Any] = {
        "sentence": sentence,
        "failed": len(failed),
        "batches": len(verdicts),
        "table": dg.MetadataValue.md(markdown_table(rows)),
    }
    return dg.AssetCheckResult(passed=not failed, severity=severity, description=sentence, metadata=metadata)


def numbers(figures: Mapping[str, float]) -> dict[str, dg.MetadataValue]:
    """Figures as plain numbers, which the UI plots over time; what is not estimable is left out rather than shown as zero."""
    return {k: dg.MetadataValue.float(float(v)) for k, v in figures.items() if v is not None and math.isfinite(v)}


def estimate_figures(estimates: Sequence[Estimate]) -> dict[str, float]:
    """Value, bounds and n of each estimate under stable names."""
    figures: dict[str, float] = {}
    for e in estimates:
        figures |= {e.name: e.value, f"{e.name}_low": e.low, f"{e.name}_high": e.high, f"{e.name}_n": float(e.n)}
    return figures


def estimate_rows(estimates: Sequence[Estimate]) -> list[dict[str, object]]:
    """Estimates as table rows."""
    return [
        {"metric": e.name, "value": e.value, "low": e.low, "high": e.high, "n": e.n, "unit": e.unit} for e in estimates
    ]


def show(value: object) -> str:
    """A cell: numbers short, missing ones as a dash."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}" if math.isfinite(value) else "–"
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def markdown_table(rows: Rows, *, most: int = 40) -> str:
    """Records as a table; the UI sanitises Markdown, so no HTML is used."""
    if not rows:
        return "nothing to show"
    heads = list(dict.fromkeys(k for row in rows for k in row))
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(show(row.get(h)) for h in heads) + " |" for row in rows[:most]]
    if len(rows) > most:
        lines.append(f"\n… and {len(rows) - most} more")
    return "\n".join(lines)


def table(rows: Rows, *, most: int = 40) -> dg.MarkdownMetadataValue:
    """Records as metadata."""
    return dg.MetadataValue.md(markdown_table(rows, most=most))


def image(drawing: Drawing | None) -> str:
    """A drawing as an image in Markdown, which the UI shows; nothing where there is none."""
    if drawing is None:
        return ""
    return f"![{drawing.title}](data:image/svg+xml;base64,{base64.b64encode(drawing.svg().encode()).decode()})"


def images(drawings: Iterable[Drawing | None]) -> str:
    """Several drawings one under the other, without those of nothing."""
    return "\n\n".join(image(drawing) for drawing in drawings if drawing is not None)


def bars(
    title: str, before: Mapping[str, float], now: Mapping[str, float], *, names: tuple[str, str] = ("reference", "now")
) -> str:
    """Two distributions side by side, as an inline picture: shares by category or band."""
    return image(pictures.bars(title, before, now, names=names))


def intervals(title: str, estimates: Sequence[Estimate], *, limit: float | None = None) -> str:
    """Estimates with their intervals on one axis, and the limit they are held to."""
    marks = [Mark(e.name, e.value, e.low, e.high) for e in estimates if e.estimable][:30]
    return image(pictures.forest(title, marks, limits=[] if limit is None else [limit]))


def curve(
    title: str, points: Sequence[tuple[float, float]], *, mark: float | None = None, diagonal: bool = False
) -> str:
    """A line through points, with a vertical mark or the diagonal."""
    return image(pictures.curves(title, {title: points}, mark=mark, diagonal=diagonal))


def band(
    title: str, points: Sequence[tuple[float, float, float, float]], *, limits: Sequence[float] = (), across: str = ""
) -> str:
    """A line through (x, y), within the band from low to high of each point (x, y, low, high), and limits."""
    return image(pictures.band(title, points, limits=limits, across=across))


def counted(n: int, what: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"
