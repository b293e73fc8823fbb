"""The README is true: its YAML loads, and it names every asset, check, command and setting."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_assets.cli import _parser
from ml_assets.declaration import SECTIONS, Solution
from ml_assets.learning.candidates import family
from ml_assets_tests.test_defs import ASSETS, STREAM_CHECKS, TABLE_CHECKS

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_declaration_of_the_readme_is_valid_and_short() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    document, model = blocks
    solution = Solution.model_validate(yaml.safe_load(document)["attributes"])
    assert solution.task == "binary"
    lines = [line for line in document.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 15
    more = Solution.model_validate(yaml.safe_load(document)["attributes"] | yaml.safe_load(model)).model
    assert more.search is not None
    assert more.cases[0].decision == "no"
    for name in more.candidates or ():
        assert family(name).name == name


@pytest.mark.parametrize("section", SECTIONS)
def test_every_part_and_asset_is_named(section: str) -> None:
    assert f"`{section}`" in README
    for asset in ASSETS[section]:
        assert f"`{asset}`" in README, asset


@pytest.mark.parametrize("check", sorted(TABLE_CHECKS | STREAM_CHECKS | {"evaluation:behaviour"}))
def test_every_check_is_named(check: str) -> None:
    assert f"`{check.split(':')[1]}`" in README


def test_every_command_is_named() -> None:
    choices: Any = next(a.choices for a in _parser()._actions if a.choices)
    for command in choices:
        assert f"`ml-assets {command}" in README, command


@pytest.mark.parametrize(
    "variable", ["DAGSTER_HOME", "ML_ASSETS_STORE", "MLFLOW_TRACKING_URI", "ML_ASSETS_ALERTS", "ML_ASSETS_DATA"]
)
def test_every_setting_is_named(variable: str) -> None:
    assert f"`{variable}`" in README


def test_pictures_exist() -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (Path(__file__).parent.parent / path).exists(), path


def test_the_changelog_has_an_entry_for_what_is_unreleased() -> None:
    text = (Path(__file__).parent.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"## \[Unreleased\]\n+### Added\n+- ", text)
