"""The loop closes on the real webserver and the real daemon, unattended."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ml_assets.demo import MARKER, prepare
from ml_assets.servers import HOST, free_port


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_story_happens(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "ml_assets.cli",
        "demo",
        "--json",
        "--home",
        str(tmp_path / "home"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=880, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    story = json.loads(done.stdout[done.stdout.index("{") :])
    assert story["missing"] == []
    assert "first model" in story["first_release"]
    assert "channel" in story["harmless_shift"]
    assert "blocked" in story["broken_feed"]
    assert "performance" in story["retraining"]
    assert story["money"]["with"] > story["money"]["without"]


def test_fresh_removes_only_what_a_demo_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "elsewhere")
    for name in ("storage", "lender", "mine"):
        (tmp_path / name).mkdir()
    prepare(tmp_path, fresh=True)
    assert (tmp_path / "storage").exists()  # no marker: not a demo's folder
    (tmp_path / MARKER).touch()
    prepare(tmp_path, fresh=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".nux", "dagster.yaml", "mine"]


def test_a_port_in_use_is_passed_over() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        assert free_port(port) != port
