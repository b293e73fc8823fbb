"""What the benchmarks share: goals and their report, fresh processes that are measured, peers in environments of their own.

A script prints its table as it measures; ``report`` then prints one line per goal and writes the file of ``--json``.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

NANNYML = (
    "nannyml==0.13.1",
    "pandas==2.3.3",
    "scikit-learn==1.9.1",
    "statsmodels==0.15.0",
    "numpy==2.4.6",
    "scipy==1.17.1",
    "pyarrow==25.0.1",
)
METER = """
import json, resource, sys, time, warnings
warnings.filterwarnings("ignore")
def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)
def megabytes(what="VmHWM"):
    # the kernel's own high-water mark; ru_maxrss of a child begins with what its parent held when it forked
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith(what))
"""
"""The head of a script that measures itself: ``cpu()`` in seconds so far, ``megabytes()`` at its peak."""

# one thread, nothing sent to anybody
_QUIET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "DO_NOT_TRACK": "1",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "GX_ANALYTICS_ENABLED": "0",
    "DISABLE_DEEPCHECKS_ANONYMOUS_TELEMETRY": "1",
    "PYTHONWARNINGS": "ignore",
}

Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class Goal:
    """What is aimed at and what was measured; ``met`` is None where this run could not tell."""

    name: str
    target: str
    measured: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Peer:
    """A package measured in an environment of its own: what it needs, and a script for each way it is run."""

    folder: str
    packages: tuple[str, ...]
    pythons: tuple[str, ...]
    scripts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Tool:
    """A script and the Python that runs it."""

    name: str
    python: str
    script: str


class ToolError(Exception):
    """Why a tool is not measured."""


def arguments(text: str | None, *, quick: str) -> argparse.ArgumentParser:
    """The options every benchmark has; ``quick`` says what ``--quick`` leaves out."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, help="write rows and goals there")
    return parser


def peer_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a benchmark with several peers."""
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="measure the peers whose environments are there")
    parser.add_argument("--make-peers", type=Path, metavar="FOLDER", help="make the peers' environments there first")


def report(name: str, rows: Sequence[Mapping[str, Any]], goals: Iterable[Goal], json_path: Path | None) -> None:
    """One line per goal; rows and goals as JSON where a path is given."""
    judged = list(goals)
    answer = {True: "met", False: "NOT met", None: "not judged"}
    for goal in judged:
        print(f"goal: {goal.name}: target {goal.target}, measured {goal.measured}: {answer[goal.met]}")
    if json_path:
        facts = {"rows": [*rows], "goals": [asdict(goal) for goal in judged]}
        json_path.write_text(json.dumps({"name": name, "machine": machine(), **facts}, indent=1))


def machine() -> str:
    """On what this runs."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def fresh(python: str, script: str, *given: str) -> Any:
    """What a script says as JSON in its last line, run in a process of its own; ``ToolError`` when it fails."""
    # without stored bytecode every run would pay for compiling what it imports
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [python, "-c", script, *given], capture_output=True, text=True, check=False, env=kept | _QUIET
    )
    if done.returncode:
        raise ToolError(f"ended with {done.returncode}: {_last_line(done.stderr)}")
    return json.loads(done.stdout.splitlines()[-1])


def repeated(once: Callable[[], dict[str, Any]], *, repeats: int, enough: float) -> list[dict[str, Any]]:
    """Up to so many runs; none more once they took ``enough`` seconds of ``cpu`` together."""
    runs: list[dict[str, Any]] = []
    while len(runs) < repeats and sum(run["cpu"] for run in runs) < enough:
        runs.append(once())
    return runs


def middle(runs: Sequence[Mapping[str, Any]], name: str) -> float:
    """The median of one figure."""
    return float(statistics.median(run[name] for run in runs))


def lines(
    size: int,
    tools: Iterable[Tool],
    measured: Callable[[Tool], Line],
    *,
    own: Collection[Tool],
    say: Callable[[Line], str],
) -> Iterator[Line]:
    """What each tool measures of so many rows, said as it comes; a peer that fails is skipped, one of our own is not."""
    for tool in tools:
        try:
            line = measured(tool)
        except ToolError as why:
            if tool in own:
                raise
            print(f"skipped: {tool.name} at {size:,} rows: {why}", flush=True)
        else:
            print(say(line), flush=True)
            yield line


def ready(peers: Iterable[Peer], folder: Path, *, make: bool, trial: Callable[[Tool], object]) -> Iterator[Tool]:
    """The ways the peers are run that a trial shows to work; a line for each that does not."""
    for peer in peers:
        for name, script in peer.scripts.items():
            try:
                python = environment(folder / peer.folder, peer.packages, make=make, pythons=peer.pythons)
                if python is None:
                    raise ToolError(f"not in {folder}; --make-peers {folder} makes it")
                tool = Tool(name, python, script)
                trial(tool)
            except ToolError as why:
                print(f"skipped: {name}: {why}", flush=True)
            else:
                yield tool


def environment(
    place: Path, requirements: Sequence[str], *, make: bool, pythons: Sequence[str] = ("3.11", "3.12")
) -> str | None:
    """The Python of the environment at ``place``; None where there is none and none may be made.

    It is made anew when other packages are asked for. ``ToolError`` when it cannot be made.
    """
    python, made, wanted = str(place / "bin" / "python"), place / ".made", "\n".join(requirements)
    if not make:
        return python if made.exists() else None
    if not made.exists() or made.read_text() != wanted:
        if place.exists() and not (place / "pyvenv.cfg").exists():
            raise ToolError(f"{place} is there and is no environment; name another folder")
        shutil.rmtree(place, ignore_errors=True)
        print(f"making {place}", flush=True)
        for command in (
            [_interpreter(pythons), "-m", "venv", str(place)],
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise ToolError(f"{' '.join(command[1:4])} failed: {_last_line(done.stderr)}")
        made.write_text(wanted)
    return python


def _interpreter(versions: Sequence[str]) -> str:
    """A Python of one of the versions: this one, or one on the path."""
    if any(platform.python_version().startswith(f"{version}.") for version in versions):
        return sys.executable
    for version in versions:
        found = shutil.which(f"python{version}")
        if found and not subprocess.run([found, "--version"], capture_output=True, check=False).returncode:
            return found
    raise ToolError(f"needs Python {' or '.join(versions)} on the path")


def write_parquet(path: Path, rows: int, *, piece: int, make: Callable[[int, int], Any]) -> None:
    """A file of any size: ``make(start, n)`` gives the table of the rows from ``start`` on, ``piece`` at a time."""
    import pyarrow.parquet as pq

    first = make(0, min(piece, rows))
    with pq.ParquetWriter(path, first.schema) as writer:
        writer.write_table(first)
        for start in range(piece, rows, piece):
            writer.write_table(make(start, min(piece, rows - start)))


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "it said nothing")
