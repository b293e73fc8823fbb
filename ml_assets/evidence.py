"""A statistics result → what the Dagster UI shows: metadata, tables, pictures, check results. The only translator."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import dagster as dg

from ml_assets.statistics.estimate import Estimate

Rows = Sequence[Mapping[str, object]]
BLUE, GREY, RED = "#3b6fb6", "#b8bfc9", "#c8453b"


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


def _image(svg: str, title: str) -> str:
    return f"![{title}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _frame(body: str, title: str, width: int, height: int) -> str:
    style = "font-family:Inter,Arial,sans-serif;font-size:11px"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" style="{style}">'
        f'<rect width="100%" height="100%" fill="white"/><text x="8" y="16" font-weight="600" fill="#333">{escape(title)}</text>{body}</svg>'
    )


def bars(
    title: str, before: Mapping[str, float], now: Mapping[str, float], *, names: tuple[str, str] = ("reference", "now")
) -> str:
    """Two distributions side by side, as an inline picture: shares by category or band."""
    labels = list(dict.fromkeys((*before, *now)))[:24]
    top = max((*before.values(), *now.values(), 1e-12))
    width, height, base = max(260, 30 * len(labels) + 40), 170, 135
    body = f'<rect x="{width - 150}" y="8" width="9" height="9" fill="{GREY}"/><text x="{width - 137}" y="16" fill="#333">{escape(names[0])}</text>'
    body += f'<rect x="{width - 70}" y="8" width="9" height="9" fill="{BLUE}"/><text x="{width - 57}" y="16" fill="#333">{escape(names[1])}</text>'
    for i, label in enumerate(labels):
        x = 20 + 30 * i
        for offset, value, colour in ((0, before.get(label, 0.0), GREY), (11, now.get(label, 0.0), BLUE)):
            h = 100 * value / top
            body += f'<rect x="{x + offset}" y="{base - h:.1f}" width="10" height="{h:.1f}" fill="{colour}"/>'
        body += f'<text x="{x + 10}" y="{base + 12}" fill="#555" text-anchor="end" transform="rotate(-35 {x + 10} {base + 12})">{escape(label[:9])}</text>'
    return _image(_frame(body, title, width, height), title)


def intervals(title: str, estimates: Sequence[Estimate], *, limit: float | None = None) -> str:
    """Estimates with their intervals on one axis, and the limit they are held to."""
    known = [e for e in estimates if e.estimable][:30]
    values = [v for e in known for v in (e.low, e.high) if math.isfinite(v)] + ([limit] if limit is not None else [])
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    span = (high - low) or 1.0
    width, height = 560, 34 + 20 * len(known)

    def x(v: float) -> float:
        return 190 + 350 * (v - low) / span

    body = ""
    for i, e in enumerate(known):
        y = 36 + 20 * i
        body += f'<text x="8" y="{y + 4}" fill="#333">{escape(e.name[:30])}</text>'
        body += f'<line x1="{x(e.low):.1f}" x2="{x(e.high):.1f}" y1="{y}" y2="{y}" stroke="{BLUE}" stroke-width="2"/>'
        body += f'<circle cx="{x(e.value):.1f}" cy="{y}" r="3.5" fill="{BLUE}"/>'
    if limit is not None:
        body += f'<line x1="{x(limit):.1f}" x2="{x(limit):.1f}" y1="24" y2="{height - 4}" stroke="{RED}" stroke-dasharray="4 3"/>'
    return _image(_frame(body, title, width, height), title)


def curve(
    title: str, points: Sequence[tuple[float, float]], *, mark: float | None = None, diagonal: bool = False
) -> str:
    """A line through points, with a vertical mark or the diagonal."""
    if not points:
        return ""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    lx, hx = (0.0, 1.0) if diagonal else (min(xs), max(xs))
    ly, hy = (0.0, 1.0) if diagonal else (min(ys), max(ys))

    def at(px: float, py: float) -> str:
        return f"{50 + 290 * (px - lx) / ((hx - lx) or 1):.1f},{190 - 150 * (py - ly) / ((hy - ly) or 1):.1f}"

    body = f'<polyline points="{" ".join(at(*p) for p in points)}" fill="none" stroke="{BLUE}" stroke-width="2"/>'
    for value, y in ((ly, 190), (hy, 44)):
        body += f'<text x="45" y="{y}" text-anchor="end" fill="#555">{value:.3g}</text>'
    for value, px in ((lx, 50), (hx, 340)):
        body += f'<text x="{px}" y="206" text-anchor="middle" fill="#555">{value:.3g}</text>'
    if diagonal:
        body += f'<polyline points="{at(0, 0)} {at(1, 1)}" stroke="{GREY}" stroke-dasharray="4 3"/>'
    if mark is not None:
        body += f'<polyline points="{at(mark, ly)} {at(mark, hy)}" stroke="{RED}" stroke-dasharray="4 3"/>'
    return _image(_frame(body, title, 360, 215), title)


def counted(n: int, what: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"
