"""The layout holds: one name everywhere, one direction of imports, every module with its mirror."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ml_assets
from ml_assets.declaration import SECTIONS, Solution
from ml_assets.stages import STAGES

PACKAGE = Path(ml_assets.__file__).parent
TESTS = Path(__file__).parent
# Shop windows and modules that are exercised by the tests of what assembles them.
WITHOUT_MIRROR = {"definitions.py", "demo.py", "servers.py"}


def test_stages_are_the_sections_in_order() -> None:
    assert tuple(s.__name__.rsplit(".", 1)[-1] for s in STAGES) == SECTIONS


def test_sections_are_fields_of_the_solution_in_order() -> None:
    assert tuple(Solution.model_fields)[1:3] == ("business_case", "success_criteria")
    assert set(SECTIONS) == set(Solution.model_fields) - {"name"}


@pytest.mark.parametrize("section", SECTIONS)
def test_each_part_is_found_under_its_own_name(section: str) -> None:
    assert (PACKAGE / "declaration" / f"{section}.py").exists()
    stages = PACKAGE / "stages"
    assert (stages / f"{section}.py").exists() or (stages / section / "__init__.py").exists()
    tests = TESTS / "stages"
    assert (
        (tests / f"test_{section}.py").exists() or (tests / section).is_dir() or list(tests.glob(f"test_{section}*.py"))
    )


@pytest.mark.parametrize("folder", ["statistics", "learning", "declaration", "resources", "local"])
def test_every_module_has_its_mirror(folder: str) -> None:
    modules = {p.stem for p in (PACKAGE / folder).glob("*.py")} - {"__init__"}
    mirrors = {p.stem.removeprefix("test_") for p in (TESTS / folder).glob("test_*.py")}
    assert modules - mirrors == set()


def test_every_top_level_module_has_its_mirror() -> None:
    modules = {p.name for p in PACKAGE.glob("*.py")} - {"__init__.py"} - WITHOUT_MIRROR
    mirrors = {p.name.removeprefix("test_") for p in TESTS.glob("test_*.py")}
    assert modules - mirrors == set()


def test_statistics_alone_load_neither_dagster_nor_learning_libraries() -> None:
    names = sorted(p.stem for p in (PACKAGE / "statistics").glob("*.py") if p.stem != "__init__")
    code = "import sys, importlib\n" + "\n".join(f"importlib.import_module('ml_assets.statistics.{n}')" for n in names)
    code += "\nprint([m for m in ('dagster', 'mlflow', 'sklearn', 'xgboost', 'scipy', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_future_annotations_where_dagster_reads_types() -> None:
    for file in (PACKAGE / "stages").rglob("*.py"):
        imports = [n.module for n in ast.parse(file.read_text()).body if isinstance(n, ast.ImportFrom)]
        assert "__future__" not in imports, file
