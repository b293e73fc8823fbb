"""One history, trained and served once per session; every test that changes something works on a copy of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml_assets.running import LIVE_ASSETS, REPLAY_ASSETS, ROW_ASSETS, TRAINING_ASSETS
from ml_assets_tests.stages import world
from ml_assets_tests.stages.declarations import CLASSES, STREAM, TABLE, declared, signed
from ml_assets_tests.stages.lab import SERVED, Lab, days, open_instance


@pytest.fixture(autouse=True)
def _no_world_left() -> Iterator[None]:
    before = os.environ.get(world.VARIABLE)
    yield
    if before is None:
        os.environ.pop(world.VARIABLE, None)
    else:
        os.environ[world.VARIABLE] = before


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Fourteen good days, a first model, then two days of service. Read only."""
    folder = tmp_path_factory.mktemp("stream")
    lab = Lab(signed(declared(STREAM)), open_instance(folder), folder)
    lab.plan()
    lab.ok(*ROW_ASSETS, batches=days(1, 14))
    lab.ok(*TRAINING_ASSETS, *REPLAY_ASSETS, reason="first model")
    lab.plan(now=SERVED)
    lab.ok(*ROW_ASSETS, batches=days(14, 15))
    lab.ok(*LIVE_ASSETS, batches=days(15, 15))
    return lab


@pytest.fixture
def stream(made: Lab) -> Lab:
    """The served stream, to look at."""
    made.plan(now=SERVED)
    return made


@pytest.fixture
def fork(made: Lab, tmp_path: Path) -> Iterator[Lab]:
    """The served stream, to break."""
    made.plan(now=SERVED)
    lab = made.fork(tmp_path / "fork")
    yield lab
    lab.instance.dispose()


@pytest.fixture
def empty(tmp_path: Path) -> Callable[..., Lab]:
    """A stream that has not begun, with whatever is different about its declaration."""

    def make(**changes: object) -> Lab:
        lab = Lab(declared(STREAM, **changes), open_instance(tmp_path / "empty"), tmp_path / "empty")
        lab.plan()
        return lab

    return make


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A number predicted on a single table, trained and scored once. Read only."""
    folder = tmp_path_factory.mktemp("table")
    lab = Lab(declared(TABLE), open_instance(folder), folder)
    lab.ok(*ROW_ASSETS)
    lab.ok(*TRAINING_ASSETS, *REPLAY_ASSETS)
    lab.ok(*LIVE_ASSETS)
    return lab


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Three classes on a single table without ids, trained and scored once. Read only."""
    folder = tmp_path_factory.mktemp("classes")
    lab = Lab(declared(CLASSES), open_instance(folder), folder)
    lab.ok(*ROW_ASSETS)
    lab.ok(*TRAINING_ASSETS, *REPLAY_ASSETS)
    lab.ok(*LIVE_ASSETS)
    return lab
