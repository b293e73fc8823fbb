"""Runs started warm: real processes of a real instance, ended, killed and interrupted."""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus

from ml_assets.local.launcher import WORKER_TAG, LaunchError, WarmRunLauncher, Zygote

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")]
YAML = """telemetry: {enabled: false}
run_launcher: {module: ml_assets.local, class: WarmRunLauncher}
"""
JOBS = """
import time
import dagster as dg

@dg.op
def wait(context):
    for _ in range(600):
        time.sleep(0.1)

@dg.op
def work():
    import os
    assert os.read(0, 1) == b""  # the next run's line is not this run's to read

@dg.op
def break_():
    raise ValueError("broken on purpose")

@dg.job
def waits():
    wait()

@dg.job
def works():
    work()

@dg.job
def breaks():
    break_()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "dagster.yaml").write_text(YAML)
    (folder / "jobs.py").write_text(JOBS)
    return folder


@pytest.fixture(scope="module")
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made


@pytest.fixture(scope="module")
def launcher(instance: dg.DagsterInstance) -> WarmRunLauncher:
    assert isinstance(instance.run_launcher, WarmRunLauncher)
    return instance.run_launcher


def _launch(instance: dg.DagsterInstance, launcher: WarmRunLauncher, home: Path, name: str) -> str:
    job = ReconstructableJob.for_file(str(home / "jobs.py"), name)
    run = instance.create_run_for_job(
        job.get_definition(), job_code_origin=job.get_python_origin(), status=dg.DagsterRunStatus.STARTING
    )
    launcher.launch_run(LaunchRunContext(run, workspace=None))
    return run.run_id


def _run(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    found = instance.get_run_by_id(run_id)
    assert found is not None
    return found


def _until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end, "not within 60 s"
        time.sleep(0.1)


@pytest.mark.parametrize(("name", "status"), [("works", "SUCCESS"), ("breaks", "FAILURE")])
def test_a_run_ends_as_its_code_does(
    name: str, status: str, instance: dg.DagsterInstance, launcher: WarmRunLauncher, home: Path
) -> None:
    run_id = _launch(instance, launcher, home, name)
    _until(lambda: _run(instance, run_id).is_finished)
    assert _run(instance, run_id).status.value == status
    worker = json.loads(_run(instance, run_id).tags[WORKER_TAG])
    assert worker["host"] == socket.gethostname()
    assert worker["pid"] != os.getpid()
    _until(lambda: not Path(f"/proc/{worker['pid']}").exists())


def test_a_run_that_works_is_alive_and_one_whose_process_was_killed_is_not(
    instance: dg.DagsterInstance, launcher: WarmRunLauncher, home: Path
) -> None:
    run_id = _launch(instance, launcher, home, "waits")
    _until(lambda: _run(instance, run_id).status == dg.DagsterRunStatus.STARTED)
    assert launcher.supports_check_run_worker_health
    assert launcher.check_run_worker_health(_run(instance, run_id)).status == WorkerStatus.RUNNING
    pid = int(json.loads(_run(instance, run_id).tags[WORKER_TAG])["pid"])
    os.kill(pid, signal.SIGKILL)
    _until(lambda: launcher.check_run_worker_health(_run(instance, run_id)).status == WorkerStatus.NOT_FOUND)
    assert not launcher.terminate(run_id)
    assert _run(instance, run_id).status == dg.DagsterRunStatus.CANCELED


def test_a_run_is_interrupted(instance: dg.DagsterInstance, launcher: WarmRunLauncher, home: Path) -> None:
    run_id = _launch(instance, launcher, home, "waits")
    _until(lambda: _run(instance, run_id).status == dg.DagsterRunStatus.STARTED)
    assert launcher.terminate(run_id)
    _until(lambda: _run(instance, run_id).is_finished)
    assert _run(instance, run_id).status == dg.DagsterRunStatus.CANCELED
    assert not launcher.terminate(run_id)


def test_an_id_used_again_is_not_taken_for_the_run_and_of_another_host_nothing_is_said(
    launcher: WarmRunLauncher,
) -> None:
    here, elsewhere = (
        dg.DagsterRun(job_name="j", tags={WORKER_TAG: json.dumps({"host": host, "pid": os.getpid(), "started": "1"})})
        for host in (socket.gethostname(), "elsewhere")
    )
    assert launcher.check_run_worker_health(here).status == WorkerStatus.NOT_FOUND
    assert launcher.check_run_worker_health(elsewhere).status == WorkerStatus.RUNNING
    assert launcher.check_run_worker_health(dg.DagsterRun(job_name="j")).status == WorkerStatus.NOT_FOUND


def test_a_run_on_another_host_is_not_ended_from_here(instance: dg.DagsterInstance, launcher: WarmRunLauncher) -> None:
    tags = {WORKER_TAG: json.dumps({"host": "elsewhere", "pid": os.getpid(), "started": "1"})}
    run = instance.add_run(dg.DagsterRun(job_name="j", tags=tags, status=dg.DagsterRunStatus.STARTED))
    assert not launcher.terminate(run.run_id)
    assert _run(instance, run.run_id).status == dg.DagsterRunStatus.STARTED


def test_the_warm_process_is_replaced_when_it_has_gone_and_ends_when_closed() -> None:
    zygote = Zygote()
    first = zygote.fork(["--version"])
    process = zygote._process
    assert process is not None
    process.kill()
    process.wait()
    assert zygote.fork(["--version"]) != first
    second = zygote._process
    assert second is not None
    assert second.pid != process.pid
    zygote.close()
    assert second.returncode == 0


def test_a_warm_process_that_dies_while_asked_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    zygote = Zygote()
    monkeypatch.setattr("ml_assets.local.launcher.MODULE", "ml_assets.errors")
    with pytest.raises(LaunchError, match="the process that starts runs has ended"):
        zygote.fork(["--version"])
    zygote.close()
