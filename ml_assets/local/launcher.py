"""Runs on this machine start warm: a run launcher that forks a process which has already imported the libraries.

Named in ``dagster.yaml``::

    run_launcher: {module: ml_assets.local, class: WarmRunLauncher}

Beside the seconds it saves per run it answers Dagster's run monitoring, so that a run whose process has died is marked as
failed instead of looking alive for ever (a sensor that waits for it would wait for ever too).
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dagster._config.config_schema import UserConfigSchema
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun
from dagster._serdes import ConfigurableClass
from dagster._serdes.config_class import ConfigurableClassData

from ml_assets.automation import run_command
from ml_assets.errors import MLAssetsError

WORKER_TAG = ".dagster/ml_assets_worker"
MODULE = "ml_assets.local.zygote"
PATIENCE = 30.0
"""Seconds the warm process has to notice that its input has ended; it looks between two imports."""


class LaunchError(MLAssetsError):
    """A run's process could not be started."""


class Zygote:
    """The warm process, started at the first run and again if it has gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def fork(self, arguments: Sequence[str]) -> int:
        """Start ``dagster`` with these arguments in a copy of the warm process; returns the copy's process id."""
        with self._lock:
            process = self._alive()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps({"arguments": list(arguments)}) + "\n")
                process.stdin.flush()
                answer = process.stdout.readline()
            except BrokenPipeError:
                answer = ""
        if not answer:
            raise LaunchError(
                "the process that starts runs has ended",
                got=f"exit code {process.wait()}",
                allowed="a process id",
                do="Look at the daemon's log above; without the launcher in dagster.yaml runs start cold",
            )
        return int(json.loads(answer)["pid"])

    def go(self, pid: int) -> None:
        """Set a copy off."""
        with self._lock:
            process = self._process
            if process is None or process.stdin is None:
                return
            process.stdin.write(json.dumps({"go": pid}) + "\n")
            process.stdin.flush()

    def _alive(self) -> "subprocess.Popen[str]":
        if self._process is not None and self._process.poll() is not None:
            self._end(self._process)
            self._process = None
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},  # it would start threads, which a fork loses
            )
        return self._process

    def close(self) -> None:
        """Let the warm process end; copies run on."""
        with self._lock:
            if self._process is not None:
                self._end(self._process)
            self._process = None

    def _end(self, process: "subprocess.Popen[str]") -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class WarmRunLauncher(RunLauncher[Any], ConfigurableClass):
    """Each run is a process of its own on this machine: forked warm on Linux, started cold elsewhere."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._zygote = Zygote()
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> "WarmRunLauncher":
        return cls(inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run's process, and tag the run with where it is."""
        run = context.dagster_run
        interpreter, arguments = run_command(self._instance, run)
        # libraries of macOS break in forked copies; another interpreter's run needs that interpreter
        warm = sys.platform == "linux" and interpreter == sys.executable
        pid = self._zygote.fork(arguments) if warm else _start([interpreter, "-m", "dagster", *arguments])
        worker = {"host": socket.gethostname(), "pid": pid, "started": _started(pid)}
        try:
            # before the run begins to write: Dagster rewrites a run's tags and its progress in one place
            self._instance.add_run_tags(run.run_id, {WORKER_TAG: json.dumps(worker)})
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            raise
        if warm:
            self._zygote.go(pid)

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run's process; False when it has ended or runs on another machine."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        worker = _worker(run)
        if worker.get("host") not in (None, socket.gethostname()):
            return False
        self._instance.report_run_canceling(run)
        if not _lives(worker):
            self._instance.report_run_canceled(run, message="The run's process had already gone.")
            return False
        os.kill(int(worker["pid"]), signal.SIGINT)
        return True

    def dispose(self) -> None:
        self._zygote.close()

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process lives; of a run on another machine nothing is known here, so nothing is said against it."""
        worker = _worker(run)
        if worker.get("host") not in (None, socket.gethostname()):
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"on {worker['host']}: not to be seen from here")
        if _lives(worker):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"no process {worker.get('pid')} on {worker.get('host')}")


def _start(command: Sequence[str]) -> int:
    """A cold process, waited for by a thread so that its end is seen."""
    process = subprocess.Popen(command)
    threading.Thread(target=process.wait, daemon=True).start()
    return process.pid


def _worker(run: DagsterRun) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.tags.get(WORKER_TAG, "{}"))
    return found


def _lives(worker: Mapping[str, Any]) -> bool:
    """Whether it is the same process still: ids are used again, starting times are not."""
    if "pid" not in worker:
        return False
    try:
        os.kill(int(worker["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is there, and somebody else's: its starting time tells
    return bool(_started(int(worker["pid"])) == worker["started"])


def _started(pid: int) -> str | None:
    """Starting time of a process in ticks since boot, where the system tells it (Linux)."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    return status.rpartition(")")[2].split()[19]
