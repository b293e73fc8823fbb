"""``ml-assets``: parses, calls, prints."""

import argparse
import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.errors import MLAssetsError

if TYPE_CHECKING:
    import dagster as dg
    from rich.console import Console

    from ml_assets.declaration import Solution
    from ml_assets.demo import Story
    from ml_assets.resources import SolutionStore

COLOURS = {
    "released": "green",
    "refused": "yellow",
    "blocked": "red",
    "event": "magenta",
    "retrained": "cyan",
    "shift": "blue",
    "drift": "yellow",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    # Dagster marks what it may still change; that is this project's care, not its users'
    warnings.filterwarnings("ignore", message=r".* is currently in (beta|preview)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped on the way out
    try:
        code: int = chosen.run(chosen)
    except MLAssetsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ml-assets", description="One declaration of an ML solution becomes its whole lifecycle in Dagster."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="play the story of credit_default on real servers")
    demo.add_argument(
        "--exit", action="store_true", help="stop everything at the end; exit 0 only if all of the story happened"
    )
    demo.add_argument("--json", action="store_true", help="print one JSON document instead of the story")
    demo.add_argument("--fresh", action="store_true", help="remove what an earlier demo left in its folder first")
    demo.add_argument("--port", type=int, default=3000, help="port of the UI (default 3000, or any free one)")
    demo.add_argument(
        "--home", type=Path, default=None, help="folder of the instance (default DAGSTER_HOME, or ./ml_assets_home)"
    )
    demo.set_defaults(run=_demo)
    for name, run, text in (
        ("plan", _plan, "print the resolved declaration and the assets, checks and sensors it builds"),
        ("run", _run, "materialize a solution here: history, training, and the newest batch"),
        ("status", _status, "the live model, the last decision and the newest findings"),
        ("monitoring", _monitoring, "print everything monitoring found as one table (CSV)"),
        ("report", _report, "write everything recorded of a solution as one HTML file"),
        ("approve", _approve, "make the version that waits for approval the live one"),
        ("rollback", _rollback, "make an earlier version the live one again"),
        ("mute", _mute, "acknowledge an alarm until a date, with a reason; without a check: list what is muted"),
        ("unmute", _unmute, "let a muted alarm ask for action again"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("name", help="name of the solution")
        command.add_argument(
            "--project", type=Path, default=None, help="folder of a dg project (default: the shipped solutions)"
        )
        if name == "rollback":
            command.add_argument("--to", type=int, default=None, help="version (default: the one before)")
        if name == "report":
            command.add_argument("--out", type=Path, default=None, help="file (default NAME_report.html, here)")
            command.add_argument("--law144", type=Path, default=None, help="also write the impact ratios to this CSV")
        if name in ("mute", "unmute"):
            command.add_argument("check", nargs="?" if name == "mute" else None, help="name of the check")
            command.add_argument("--column", default=None, help="only this column of drift")
        if name == "mute":
            command.add_argument("--until", type=date.fromisoformat, default=None, help="first day it alarms again")
            command.add_argument("--reason", default="", help="why it may be ignored")
        if name in ("plan", "status"):
            command.add_argument("--json", action="store_true")
        command.set_defaults(run=run)
    commands.add_parser("schema", help="print the JSON Schema of defs.yaml for editors").set_defaults(run=_schema)
    return parser


def _home(given: Path | None) -> Path:
    return (given or Path(os.environ.get("DAGSTER_HOME") or "ml_assets_home")).resolve()


def _demo(chosen: argparse.Namespace) -> int:
    from rich.console import Console

    from ml_assets.demo import as_json, play

    console = Console(highlight=False, quiet=chosen.json)
    begun = time.monotonic()

    def tell(kind: str, text: str) -> None:
        console.print(f"[dim]{time.monotonic() - begun:6.1f} s[/]  [{COLOURS.get(kind, 'white')}]{kind:>9}[/]  {text}")

    def stay(story: "Story", url: str) -> None:
        _summary(console, story)
        console.print(f"\nThe UI stays open on [bold]{url}[/]; Ctrl-C ends it. History stays in {_home(chosen.home)}.")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            console.print("stopping")

    console.rule("ml-assets demo: a lender's credit decisions, day by day")
    leave = chosen.exit or chosen.json
    story = play(_home(chosen.home), port=chosen.port, tell=tell, stay=None if leave else stay, fresh=chosen.fresh)
    if chosen.json:
        print(as_json(story))
    elif leave:
        _summary(console, story)
    return 1 if story.missing() else 0


def _summary(console: "Console", story: "Story") -> None:
    from rich.table import Table

    shown = Table(title=f"what happened, in {story.seconds:.0f} s", show_lines=True)
    shown.add_column("part")
    shown.add_column("as recorded by the assets")
    for name, text in (
        ("first model", story.first_release), ("harmless shift", f"{story.harmless_shift}\nsensor: {story.harmless_sensor}"),
        ("broken feed", f"{story.broken_feed}\nsensor: {story.broken_sensor}"), ("decay", story.decay), ("retraining", story.retraining),
        ("refused on the way", "\n".join(story.refused) or "none"), ("release", story.decision),
    ):  # fmt: skip
        shown.add_row(name, text)
    money = story.money
    if money:
        shown.add_row(
            "money",
            f"{money['days']:.0f} days, {money['decisions']:,.0f} decisions: {money['with']:,.0f} EUR with the retraining, "
            f"{money['without']:,.0f} EUR with the model before on the same rows: {money['gained']:+,.0f} EUR",
        )
    console.print(shown)
    if story.missing():
        console.print(f"[red]did not happen:[/] {', '.join(story.missing())}")


def _component(chosen: argparse.Namespace) -> "tuple[Solution, dg.Definitions, Path]":
    """A solution of a project by its name, with what it builds."""
    from ml_assets.components import find_solution

    return find_solution(chosen.name, chosen.project)


def _plan(chosen: argparse.Namespace) -> int:
    from ml_assets.plan import plan_of

    solution, defs, file = _component(chosen)
    plan = plan_of(solution, defs, file)
    print(json.dumps(plan.as_dict(), indent=1) if chosen.json else plan.as_text())
    return 0


def _instance() -> "dg.DagsterInstance":
    import dagster as dg

    home = _home(None)
    home.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(home)
    return dg.DagsterInstance.get()


def _run(chosen: argparse.Namespace) -> int:
    import logging

    from ml_assets.running import run_everything

    solution, defs, _ = _component(chosen)
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    failed = False
    with _instance() as instance:
        for label, done in run_everything(defs, instance, solution):
            print(f"{label}: {'done' if done.success else 'failed: ' + done.error}")
            for check, sentence in done.failed_checks:
                print(f"  check {check}: {sentence}")
            failed |= not done.success
    return 1 if failed else 0


def _status(chosen: argparse.Namespace) -> int:
    from ml_assets.plan import status_of

    solution, _, _ = _component(chosen)
    with _instance() as instance:
        found = status_of(solution, instance)
    print(json.dumps(found, indent=1) if chosen.json else "\n".join(f"{k}: {v}" for k, v in found.items()))
    return 0


def _approve(chosen: argparse.Namespace) -> int:
    from ml_assets.approval import approve

    solution, _, _ = _component(chosen)
    with _instance() as instance:
        print(approve(solution, instance))
    return 0


def _rollback(chosen: argparse.Namespace) -> int:
    from ml_assets.approval import rollback

    solution, _, _ = _component(chosen)
    with _instance() as instance:
        print(rollback(solution, instance, to=chosen.to))
    return 0


def _mute(chosen: argparse.Namespace) -> int:
    from ml_assets.mutes import mute, mutes
    from ml_assets.plan import mutable_checks

    solution, defs, _ = _component(chosen)
    with _instance() as instance:
        store = _store(instance, solution.name)
        if chosen.check is None:
            print("\n".join(m.sentence for m in mutes(store)) or "nothing is muted")
        elif chosen.until is None:
            print("error: a mute needs its end: --until YYYY-MM-DD", file=sys.stderr)
            return 2
        else:
            given = {"until": chosen.until, "reason": chosen.reason, "column": chosen.column}
            print(mute(store, chosen.check, allowed=mutable_checks(solution, defs), **given).sentence)
    return 0


def _unmute(chosen: argparse.Namespace) -> int:
    from ml_assets.mutes import unmute

    solution, _, _ = _component(chosen)
    with _instance() as instance:
        taken = unmute(_store(instance, solution.name), chosen.check, column=chosen.column)
        print(f"taken back: {taken.sentence}")
    return 0


def _store(instance: "dg.DagsterInstance", solution: str) -> "SolutionStore":
    from ml_assets.resources import STORE

    return STORE.for_instance(instance, solution)


def _monitoring(chosen: argparse.Namespace) -> int:
    from ml_assets.stages.monitoring.table import monitoring_table

    solution, _, _ = _component(chosen)
    with _instance() as instance:
        print(monitoring_table(solution, _store(instance, solution.name)).to_csv(index=False), end="")
    return 0


def _report(chosen: argparse.Namespace) -> int:
    from ml_assets.report import write_report

    solution, defs, _ = _component(chosen)
    out = chosen.out or Path(f"{solution.name}_report.html")
    with _instance() as instance:
        for file in write_report(solution, defs, instance, out=out, law144=chosen.law144):
            print(file)
    return 0


def _schema(_: argparse.Namespace) -> int:
    from ml_assets.declaration.schema import solution_schema

    print(json.dumps(solution_schema(), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
