"""Dagster's webserver and daemon on loopback, started for a while and stopped again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_assets.errors import MLAssetsError
from ml_assets.resources.pages import UI_VARIABLE

HOST = "127.0.0.1"
LOCATION = "ml_assets"
WORKSPACE = f"""load_from:
  - python_module:
      module_name: ml_assets.definitions
      location_name: {LOCATION}
"""


class ServerError(MLAssetsError):
    """The webserver or the daemon did not come up, or went away."""


@dataclass(frozen=True)
class Servers:
    """A running ``dagster dev``: webserver and daemon over one code location."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Address of the UI."""
        return f"http://{HOST}:{self.port}"

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """Ask the webserver's GraphQL."""
        body = json.dumps({"query": text, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)["data"]
        return found

    def _ticks(self, sensor: str, most: int) -> list[dict[str, Any]]:
        text = """query T($s: SensorSelector!, $n: Int!) { sensorOrError(sensorSelector: $s) { ... on Sensor { sensorState {
            ticks(limit: $n) { timestamp status skipReason runIds error { message } } } } } }"""
        selector = {"repositoryName": "__repository__", "repositoryLocationName": LOCATION, "sensorName": sensor}
        found: list[dict[str, Any]] = (
            self.query(text, s=selector, n=most)["sensorOrError"].get("sensorState", {}).get("ticks", [])
        )
        return found

    def last_ticks(self, sensor: str, most: int) -> list[str]:
        """What a sensor said in its newest looks, newest first: why it skipped, or that it requested a run."""
        return [_said(t) for t in self._ticks(sensor, most)] or ["no look yet"]

    def last_look(self, sensor: str) -> float:
        """When the newest look of a sensor that has ended began, in seconds since 1970; 0.0 before the first, or without an answer."""
        try:
            ticks = self._ticks(sensor, 2)
        except OSError:  # a busy machine answers late; whether it lives is asked elsewhere
            return 0.0
        return max((float(t["timestamp"]) for t in ticks if t["status"] != "STARTED"), default=0.0)

    def require_alive(self) -> None:
        """Raise with the end of the log when the process has gone."""
        if self.process.poll() is not None:
            raise _dead(self.log, f"exit code {self.process.returncode}")


def _said(tick: dict[str, Any]) -> str:
    requested = f"requested run {tick['runIds'][0][:8]}" if tick["runIds"] else str(tick["status"]).lower()
    return str(tick["skipReason"] or requested)


def _dead(log: Path, got: str) -> ServerError:
    tail = " / ".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else "no log"
    return ServerError(
        "dagster dev did not run", got=f"{got}: {tail}", allowed="a webserver that answers", do=f"Read {log}"
    )


def free_port(wanted: int) -> int:
    """The wanted port if it is free, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerError("no port is free", got=wanted, allowed="a free port on loopback", do="Free a port")


@contextmanager
def running(home: Path, *, port: int = 3000, timeout: float = 120.0) -> Iterator[Servers]:
    """``dagster dev`` over the shipped solutions, with ``home`` as DAGSTER_HOME; ended with everything it started."""
    workspace = home / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    log = home / "dagster-dev.log"
    chosen = free_port(port)
    command = [
        sys.executable,
        "-m",
        "dagster",
        "dev",
        "-h",
        HOST,
        "-p",
        str(chosen),
        "-w",
        str(workspace),
        "--log-level",
        "warning",
    ]
    address = {UI_VARIABLE: f"http://{HOST}:{chosen}"} | os.environ
    environment = address | {"DAGSTER_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    with log.open("wb") as stream:
        # a session of its own, so that one signal reaches the webserver, the daemon and the code server
        process = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    servers = Servers(process, chosen, log)
    try:
        _wait_until_up(servers, timeout)
        yield servers
    finally:
        _stop(process)


def _wait_until_up(servers: Servers, timeout: float) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        servers.require_alive()
        try:
            with urllib.request.urlopen(f"{servers.url}/server_info", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise _dead(servers.log, f"no answer within {timeout:.0f} s")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask the whole group to end, and end what does not."""
    for how, patience in ((signal.SIGINT, 12), (signal.SIGTERM, 6), (signal.SIGKILL, 6)):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            continue
        if not _group_lives(process.pid):
            break
        time.sleep(1.0)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
