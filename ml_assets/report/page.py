"""The sections put together into one file that needs nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.errors import MLAssetsError
from ml_assets.report import (
    ai_act,
    bias,
    datasheet,
    impact_ratios,
    model_card,
    monitoring,
    provenance,
    retraining,
    rubric,
    summary,
)
from ml_assets.report.markup import Html, html, note, tag
from ml_assets.report.recorded import Recorded, read_recorded
from ml_assets.report.style import STYLE


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: where links find it, its title, and what makes it from the facts."""

    anchor: str
    title: str
    build: Callable[[Recorded], Html]


SECTIONS = (
    Section("summary", "Summary", summary.build),
    Section("model_card", "Model card", model_card.build),
    Section("datasheet", "Datasheet", datasheet.build),
    Section("bias", "Bias", bias.build),
    Section("impact_ratios", "Impact ratios (Local Law 144)", impact_ratios.build),
    Section("ai_act", "EU AI Act outline", ai_act.build),
    Section("monitoring", "Monitoring", monitoring.build),
    Section("retraining", "Retraining", retraining.build),
    Section("test_score", "ML Test Score", rubric.build),
    Section("provenance", "Provenance", provenance.build),
)


def page(recorded: Recorded) -> str:
    """The whole report as HTML."""
    name = recorded.solution.name
    head = tag(
        "head",
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", f"{name}: report"),
        Html(f"<style>{STYLE}</style>"),
    )
    body = tag("body", tag("header", tag("h1", name), _subtitle(recorded)), _contents(), tag("main", *(_section(s, recorded) for s in SECTIONS)))  # fmt: skip
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _subtitle(recorded: Recorded) -> Html:
    made = f"{recorded.made_at:%Y-%m-%d %H:%M} UTC"
    rule = f"Figures of groups of fewer than {recorded.least} people are suppressed, with a second group where one alone could be told from the rest."
    return tag("p", f"Made on {made} from recorded facts alone. {rule}", class_="note")


def _contents() -> Html:
    return tag("nav", tag("ol", *(tag("li", tag("a", s.title, href=f"#{s.anchor}")) for s in SECTIONS)), aria_label="Contents")  # fmt: skip


def _section(section: Section, recorded: Recorded) -> Html:
    return tag("section", tag("h2", section.title), _built(section, recorded), id=section.anchor)


def _built(section: Section, recorded: Recorded) -> Html:
    """The section's body; facts of another shape than this version reads are said to be so, and the other sections stay."""
    try:
        return section.build(recorded)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, MLAssetsError) as error:
        return note(
            tag("strong", "This section cannot be read: "),
            html(f"{type(error).__name__}: {error}"),
            ". Its facts were recorded by another version of the package: materialize its assets again.",
        )


def write_report(
    solution: Solution,
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    *,
    out: Path,
    law144: Path | None = None,
) -> list[Path]:
    """Write the report, and the impact ratios as CSV where a file is named for them; returns what was written."""
    recorded = read_recorded(solution, defs, instance)
    written = [_write(out, page(recorded))]
    if law144 is not None:
        written.append(_write(law144, impact_ratios.as_csv(recorded)))
    return written


def _write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file
