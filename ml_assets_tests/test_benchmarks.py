"""The benchmarks share one way to report and to run what they measure; every script has the same two options."""

import json
import math
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = sorted(p.name for p in FOLDER.glob("*.py") if p.name not in ("held_out.py", "measuring.py"))


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


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(FOLDER))
    return runpy.run_path(str(FOLDER / "fairness_gate.py"))


def test_coverage_is_summed_over_the_counts_whose_interval_holds_the_truth(gate: dict[str, Any]) -> None:
    # of 12 rows at a rate of 0.25 Wilson's interval misses it at 0 and from 6 on: 0/12 ends at 0.242, 6/12 begins at 0.254
    held = sum(math.comb(12, x) * 0.25**x * 0.75 ** (12 - x) for x in range(1, 6))
    assert gate["coverage"](gate["RATE"], 12, 0.25, None).coverage == pytest.approx(held, abs=1e-8)
    for kind in (gate["DIFFERENCE"], gate["RATIO"]):
        assert gate["coverage"](kind, 500, 0.3, 0.3).coverage == pytest.approx(0.95, abs=0.01)


def test_the_common_rules_on_a_worked_table(gate: dict[str, Any]) -> None:
    few = gate["common"](np.array([500.0, 500.0, 10.0]), np.array([150.0, 155.0, 6.0]), np.random.default_rng(0))
    assert few == {
        "max - min": True,
        "max - min, n >= 30": False,
        "max - min, >= 2 % of rows": False,
        "p < 0.05 and gap > 0.10": True,
        "bootstrap of max - min": False,
    }


def test_the_gate_judges_the_rows_of_a_scenario(gate: dict[str, Any]) -> None:
    scenario = gate["Scenario"]("T", "two groups", (1_000, 1_000), 400, -0.2)
    chosen = [np.arange(1_000) < 300, np.arange(1_000) < 300]
    wronged = np.concatenate([*chosen, np.arange(400) < 40]).astype(np.int64)
    alike = np.concatenate([*chosen, np.arange(400) < 120]).astype(np.int64)
    assert scenario.rates.tolist() == pytest.approx([0.3, 0.3, 0.1])
    assert (gate["gate"](scenario, wronged), gate["gate"](scenario, alike)) == ("fail", "pass")


def test_a_goal_stays_open_where_the_simulation_cannot_tell(gate: dict[str, Any]) -> None:
    def goals(*counts: int, of: int) -> list[bool | None]:
        asked = (("B", "fail"), ("B", "pass"), ("D", "fail"), ("C", "pass"))
        shares = [
            gate["share"](letter, gate["OURS"], answer, n, of)
            for (letter, answer), n in zip(asked, counts, strict=True)
        ]
        return [goal.met for goal in gate["_gate_goals"](shares)]

    assert goals(1, 160, 200, 22, of=200) == [None, None, None, None]
    assert goals(10, 16_000, 19_950, 2_200, of=20_000) == [True, True, True, True]
    assert goals(300, 14_000, 19_000, 2_600, of=20_000) == [False, False, False, False]


@pytest.fixture
def held_out(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(FOLDER))
    return runpy.run_path(str(FOLDER / "held_out.py"))


def table_of(held_out: dict[str, Any], folder: Path, rows: int, **options: Any) -> Any:
    """A table of rows that all differ, the first of them twice."""
    numbers = [*range(rows), 0]
    lines = [f"{i},{'odd' if i % 2 else 'even'},{'yes' if i % 5 == 0 else 'no'},{i * 7}" for i in numbers]
    (folder / "rows.csv").write_text("\n".join(["number,kind,bought,receipt", *lines]))
    return held_out["Data"]("rows", "rows.csv", "bought", "binary", "yes", ("receipt",), **options)


def test_a_table_is_read_without_its_target_what_may_not_be_known_and_repeated_rows(
    held_out: dict[str, Any], tmp_path: Path
) -> None:
    frame, truth = held_out["read"](table_of(held_out, tmp_path, 50), tmp_path)
    assert list(frame.columns) == ["number", "kind"]
    assert str(frame["kind"].dtype) == "category"
    assert frame["number"].tolist() == list(range(50))
    assert truth.tolist() == [float(i % 5 == 0) for i in range(50)]


def test_rows_in_order_are_held_out_from_the_end_and_others_at_random_several_times(
    held_out: dict[str, Any], tmp_path: Path
) -> None:
    (ordered,) = held_out["splits"](table_of(held_out, tmp_path, 50, ordered=True), tmp_path, 3)
    assert ordered.held["number"].tolist() == list(range(40, 50))
    assert ordered.dev["number"].tolist() == list(range(40))
    drawn = list(held_out["splits"](table_of(held_out, tmp_path, 50), tmp_path, 3))
    assert [one.number for one in drawn] == [0, 1, 2]
    assert len({tuple(one.held["number"]) for one in drawn}) == 3
    for one in drawn:
        assert sorted([*one.dev["number"], *one.held["number"]]) == list(range(50))
        assert one.hidden.tolist() == [float(i % 5 == 0) for i in one.held["number"]]
        assert one.truth.tolist() == [float(i % 5 == 0) for i in one.dev["number"]]


def test_a_table_of_many_rows_is_split_once(held_out: dict[str, Any], tmp_path: Path) -> None:
    assert len(list(held_out["splits"](table_of(held_out, tmp_path, held_out["SMALL"]), tmp_path, 3))) == 1


def test_every_row_is_held_out_by_one_fold(held_out: dict[str, Any], tmp_path: Path) -> None:
    found = list(held_out["folds"](table_of(held_out, tmp_path, 53, folds=10), tmp_path))
    assert len(found) == 10
    assert sorted(i for one in found for i in one.held["number"]) == list(range(53))
    assert all(not set(one.held["number"]) & set(one.dev["number"]) for one in found)


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
