"""The trained labs of the stages, as they are recorded, and solutions of which nothing or hand-made facts are recorded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ml_assets.report.recorded import Recorded, read_recorded
from ml_assets_tests.report.planted import Documents, planted
from ml_assets_tests.stages.conftest import _no_world_left as _no_world_left
from ml_assets_tests.stages.conftest import classes as classes
from ml_assets_tests.stages.conftest import empty as empty
from ml_assets_tests.stages.conftest import fork as fork
from ml_assets_tests.stages.conftest import made as made
from ml_assets_tests.stages.conftest import stream as stream
from ml_assets_tests.stages.conftest import table as table
from ml_assets_tests.stages.declarations import STREAM, declared
from ml_assets_tests.stages.lab import Lab


@pytest.fixture(scope="session")
def of_stream(made: Lab) -> Recorded:
    """What the served stream left behind. Read only."""
    return read_recorded(made.solution, made.defs, made.instance)


@pytest.fixture
def hand_made(tmp_path: Path) -> Callable[..., Recorded]:
    """A solution with hand-made documents, and what is different about its declaration."""

    def make(documents: Documents | None = None, **changes: object) -> Recorded:
        return planted(declared(STREAM, **changes), tmp_path / "store", documents or {})

    return make
