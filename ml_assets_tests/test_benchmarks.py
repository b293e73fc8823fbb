"""The benchmarks share one way to report and to run what they measure; every script has the same two options."""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = sorted(p.name for p in FOLDER.glob("*.py") if p.name != "measuring.py")


@pytest.fixture(scope="module")
def measuring() -> dict[str, Any]:
    return runpy.run_path(str(FOLDER / "measuring.py"))


def test_report_prints_a_line_per_goal_and_writes_rows_and_goals(
    measuring: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    goal, path = measuring["Goal"], tmp_path / "found.json"
    goals = (goal("speed", "at most 2 s", "1.5 s", True), goal("size", "1", "2", False), goal("peer", "3", "-", None))
    measuring["report"]("trial", [{"rows": 10, "cpu": 1.5}], iter(goals), path)
    assert capsys.readouterr().out.splitlines() == [
        "goal: speed: target at most 2 s, measured 1.5 s: met",
        "goal: size: target 1, measured 2: NOT met",
        "goal: peer: target 3, measured -: not judged",
    ]
    found = json.loads(path.read_text())
    assert (found["name"], found["rows"]) == ("trial", [{"rows": 10, "cpu": 1.5}])
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in found["machine"]
    assert found["goals"][1] == {"name": "size", "target": "1", "measured": "2", "met": False}


def test_a_fresh_process_measures_itself_and_says_why_it_failed(measuring: dict[str, Any]) -> None:
    work = "x = bytearray(80 << 20); begun = cpu()\nwhile cpu() - begun < 0.05: pass\n"
    said = "print('noise'); print(json.dumps([cpu() - begun, megabytes(), sys.argv[1]]))"
    cpu, peak, given = measuring["fresh"](sys.executable, measuring["METER"] + work + said, "given")
    assert 0.05 <= cpu < 1
    assert 80 < peak < 400
    assert given == "given"
    with pytest.raises(measuring["ToolError"], match="ended with 1: ValueError: no rows"):
        measuring["fresh"](sys.executable, "raise ValueError('no rows')")


def test_a_slow_tool_is_not_run_again(measuring: dict[str, Any]) -> None:
    repeated = measuring["repeated"]
    assert len(repeated(lambda: {"cpu": 5.0}, repeats=5, enough=20.0)) == 4
    assert len(repeated(lambda: {"cpu": 50.0}, repeats=5, enough=20.0)) == 1
    runs = repeated(iter([{"cpu": 3.0}, {"cpu": 1.0}, {"cpu": 2.0}]).__next__, repeats=3, enough=20.0)
    assert measuring["middle"](runs, "cpu") == 2.0


def test_a_failing_peer_is_skipped_and_our_own_failure_is_not(
    measuring: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = (measuring["Tool"](name, sys.executable, "") for name in ("ours", "theirs"))

    def fails_for(tool: Any) -> Any:
        def measured(one: Any) -> str:
            if one == tool:
                raise measuring["ToolError"]("no memory")
            return str(one.name)

        return measured

    lines = measuring["lines"]
    assert list(lines(1_000, (ours, theirs), fails_for(theirs), own=(ours,), say=str)) == ["ours"]
    assert "skipped: theirs at 1,000 rows: no memory" in capsys.readouterr().out
    with pytest.raises(measuring["ToolError"], match="no memory"):
        list(lines(1_000, (ours, theirs), fails_for(ours), own=(ours,), say=str))


def test_an_environment_is_found_kept_and_never_put_over_something_else(
    measuring: dict[str, Any], tmp_path: Path
) -> None:
    environment, place = measuring["environment"], tmp_path / "peer"
    assert environment(place, ("one==1",), make=False) is None
    place.mkdir()
    (place / "precious.txt").write_text("kept")
    with pytest.raises(measuring["ToolError"], match="no environment"):
        environment(place, ("one==1",), make=True)
    assert (place / "precious.txt").read_text() == "kept"
    (place / ".made").write_text("one==1")
    assert environment(place, ("one==1",), make=True) == environment(place, ("one==1",), make=False)
    with pytest.raises(measuring["ToolError"], match=r"needs Python 2\.4"):
        environment(tmp_path / "other", ("one==1",), make=True, pythons=("2.4",))


@pytest.mark.slow
def test_an_environment_is_made_anew_for_other_packages_and_once(measuring: dict[str, Any], tmp_path: Path) -> None:
    environment, place = measuring["environment"], tmp_path / "peer"
    here = (f"{sys.version_info.major}.{sys.version_info.minor}",)
    place.mkdir()
    (place / "pyvenv.cfg").touch()
    (place / ".made").write_text("another==1")
    # a package every environment has, so nothing is fetched
    python = environment(place, ("pip",), make=True, pythons=here)
    assert measuring["fresh"](python, "import json, sys; print(json.dumps(sys.prefix))") == str(place)
    (place / "mine").touch()
    assert environment(place, ("pip",), make=True, pythons=here) == python
    assert (place / "mine").exists()


def test_a_file_is_written_in_pieces(measuring: dict[str, Any], tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file, asked = tmp_path / "rows.parquet", []

    def make(start: int, n: int) -> Any:
        asked.append((start, n))
        return pa.table({"row": list(range(start, start + n))})

    measuring["write_parquet"](file, 7, piece=3, make=make)
    assert asked == [(0, 3), (3, 3), (6, 1)]
    assert pq.read_table(file)["row"].to_pylist() == list(range(7))


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_reports_alike_and_is_named_in_the_readme(script: str) -> None:
    text = (FOLDER / script).read_text()
    assert f'report("{script.removesuffix(".py")}", ' in text
    assert "arguments(__doc__" in text
    assert f"benchmarks/{script}" in (FOLDER.parent / "README.md").read_text()


def test_a_script_runs_from_anywhere(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "load.py"), "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert "--quick" in said
    assert "--json" in said
