"""The warm process by itself: it answers with process ids, imports libraries only, and ends with its input."""

import json
import subprocess
import sys

import pytest

from ml_assets.local import zygote

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")]


def test_it_answers_each_line_with_a_process_and_ends_with_its_input() -> None:
    """A copy that nobody sets off begins when the original has ended."""
    lines = "".join(json.dumps({"arguments": ["--version"]}) + "\n" for _ in range(2))
    done = subprocess.run(
        [sys.executable, "-m", "ml_assets.local.zygote"],
        input=lines,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    pids = [json.loads(line)["pid"] for line in done.stdout.splitlines()]
    assert len(set(pids)) == 2
    assert done.stderr.count("dagster, version") == 2


def test_it_loads_no_solution_and_starts_no_thread() -> None:
    """A copy reads declarations and functions as they are when it starts; threads would be lost in it."""
    code = f"""
import importlib, sys, threading
for name in {zygote.LIBRARIES!r}:
    importlib.import_module(name)
print([m for m in sys.modules if m.startswith(("ml_assets.defs", "ml_assets.definitions"))], threading.active_count())
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[] 1"


def test_a_copy_that_breaks_says_why() -> None:
    lines = json.dumps({"arguments": ["api", "execute_run", "not a run"]}) + "\n"
    done = subprocess.run(
        [sys.executable, "-m", "ml_assets.local.zygote"],
        input=lines,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "Traceback" in done.stderr
    assert "JSONDecodeError" in done.stderr
