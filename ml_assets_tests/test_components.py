"""YAML to graph: what loads, what is refused and where, and what loading costs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox
from dagster.components.testing.utils import DefsFolderSandbox, component_defs

import ml_assets
from ml_assets import MLSolution
from ml_assets.components import definitions_of
from ml_assets.declaration import SECTIONS, Solution
from ml_assets.graph import STAGE_TAG

YAML = """\
type: ml_assets.MLSolution

attributes:
  name: churn
  business_case:
    decision: whom to call before they leave
    owner: team:crm
    prediction: probability that a customer leaves
    target: {column: left}

  success_criteria:
    - {metric: roc_auc, at_least: 0.7}

  data_pipeline:
    source: {type: files, path: customers.csv}

  retraining:
    on: [drift, freshness]
    cool_down: 2 days
"""


def line_of(text: str, part: str) -> int:
    """The line, counted from 1, on which something stands."""
    return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)


def place(sandbox: DefsFolderSandbox, text: str, folder: str = "churn") -> Path:
    file = sandbox.defs_folder_path / folder / "defs.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


@contextmanager
def loaded(*texts: str) -> Iterator[tuple[dg.Definitions, list[Path]]]:
    """The texts, each a solution's file in a project of its own, loaded as Dagster does."""
    with create_defs_folder_sandbox() as sandbox:
        files = [place(sandbox, text, f"solution_{i}") for i, text in enumerate(texts)]
        with sandbox.build_all_defs() as defs:
            yield defs, files


def refusal(*texts: str) -> tuple[str, str]:
    """The innermost sentence that loading ends with, and the first file's name."""
    with create_defs_folder_sandbox() as sandbox:
        files = [place(sandbox, text, f"solution_{i}") for i, text in enumerate(texts)]
        with pytest.raises(Exception) as caught, sandbox.build_all_defs():  # noqa: PT011
            pass
    error: BaseException = caught.value
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error), str(files[0])


def keys(defs: dg.Definitions) -> set[str]:
    return {k.to_user_string() for k in defs.resolve_asset_graph().get_all_asset_keys()}


def test_a_declaration_becomes_the_assets_of_ten_stages() -> None:
    with loaded(YAML) as (defs, _):
        specs = list(defs.resolve_all_asset_specs())
        assert {s.tags[STAGE_TAG] for s in specs} == set(SECTIONS)
        assert {"churn/raw_data", "churn/model", "churn/champion", "churn/drift_report"} <= keys(defs)
        assert {s.group_name for s in specs} <= {f"churn__{s}" for s in SECTIONS}


@pytest.mark.parametrize(
    ("old", "new", "where", "sentence"),
    [
        ("  retraining:", "  retrain:", "attributes.retrain", "Extra inputs are not permitted"),
        ("    cool_down: 2 days", "    cooldown: 2 days", "attributes.retraining.cooldown", "Extra inputs are not permitted"),
        ("    cool_down: 2 days", "    cool_down: soon", "attributes.retraining.cool_down", "got 'soon'; allowed: a number and a unit"),
        ("owner: team:crm", "owner: crm", "attributes.business_case.owner", "String should match pattern"),
        ("at_least: 0.7", "at_least: high", "attributes.success_criteria.0.at_least", "Input should be a valid number"),
        ("name: churn", "name: ../x", "attributes.name", "String should match pattern"),
        ("path: customers.csv", "path: 3", "attributes.data_pipeline.source.files.path", "Input should be a valid string"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_file_and_line(old: str, new: str, where: str, sentence: str) -> None:
    text = YAML.replace(old, new)
    found, file = refusal(text)
    assert f"{where} at {file}:{line_of(text, new.strip())}" in found
    assert sentence in found


@pytest.mark.parametrize(
    ("left_out", "where", "near"),
    [("    owner: team:crm\n", "attributes.business_case.owner", "  business_case:"), ("  name: churn\n", "attributes.name", "attributes:"),
     ("{type: files, path: customers.csv}", "attributes.data_pipeline.source", "    source:")],
)  # fmt: skip
def test_a_missing_key_is_named_with_the_line_of_its_section(left_out: str, where: str, near: str) -> None:
    text = YAML.replace(left_out, "\n" if left_out.endswith("\n") else "")
    found, file = refusal(text)
    assert f"{where} at {file}:{line_of(text, near)}" in found


def test_a_rule_across_sections_names_the_file_and_both_sides() -> None:
    text = YAML.replace("metric: roc_auc", "metric: r2")
    found, file = refusal(text)
    assert f"attributes at {file}:{line_of(text, 'attributes:')}" in found
    assert "success_criteria: got metric 'r2' for a binary target; allowed: accuracy, average_precision" in found


def test_without_attributes_it_says_what_belongs_there() -> None:
    found, _ = refusal("type: ml_assets.MLSolution\n")
    assert found.startswith("a solution has no attributes: got nothing; allowed: name, business_case, success_criteria")


def test_two_solutions_of_one_name_are_refused_with_their_files() -> None:
    found, _ = refusal(YAML, YAML.replace("customers", "others"))
    assert found == (
        "two solutions have the same name: got 'churn' in solution_0/defs.yaml and solution_1/defs.yaml; allowed: each name once. "
        "Rename one of them."
    )


def test_two_solutions_of_two_names_stand_side_by_side() -> None:
    with loaded(YAML, YAML.replace("name: churn", "name: upsell")) as (defs, _):
        found = keys(defs)
    assert {k.split("/")[0] for k in found} == {"churn", "upsell"}
    assert len(found) == 2 * len([k for k in found if k.startswith("churn/")])


def test_two_solutions_in_one_file() -> None:
    with loaded(f"{YAML}---\n{YAML.replace('name: churn', 'name: upsell')}") as (defs, files):
        assert {k.split("/")[0] for k in keys(defs)} == {"churn", "upsell"}
        lines = declared_lines(defs, "upsell")
        second = YAML.count("\n") + 1
        assert lines["business_case"] == (str(files[0]), second + line_of(YAML, "  business_case:"))
    assert "'churn' in solution_0/defs.yaml and solution_0/defs.yaml#2" in refusal(f"{YAML}---\n{YAML}")[0]


def test_a_name_is_free_again_after_a_rename_in_the_same_process() -> None:
    """A code server reloads in its own process: what was seen before must not be remembered."""
    for _ in range(3):
        refusal(YAML, YAML)
        with loaded(YAML) as (defs, _files):
            assert "churn/model" in keys(defs)


def test_templates_are_filled_in_strings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_FOLDER", "/data/churn")
    with create_defs_folder_sandbox() as sandbox:
        file = place(sandbox, YAML.replace("customers.csv", "'{{ env.CHURN_FOLDER }}/customers.csv'"))
        with sandbox.load_component_and_build_defs(file.parent) as (component, _):
            assert isinstance(component, MLSolution)
            source = component.solution.data_pipeline.source
            assert source.model_dump()["path"] == "/data/churn/customers.csv"


def test_python_equals_yaml() -> None:
    solution = Solution.model_validate(yaml.safe_load(YAML)["attributes"])
    from_python = definitions_of(solution)
    with create_defs_folder_sandbox() as sandbox:
        file = place(sandbox, YAML)
        with sandbox.load_component_and_build_defs(file.parent) as (component, from_yaml):
            assert isinstance(component, MLSolution)
            assert component.solution == solution
            assert component.name == "churn"
            assert shape(from_yaml) == shape(from_python) == shape(component_defs(component=MLSolution(solution)))


def shape(defs: dg.Definitions) -> list[Any]:
    """Everything of a graph but where it was written."""
    graph = defs.resolve_asset_graph()
    specs = sorted(defs.resolve_all_asset_specs(), key=lambda s: s.key)
    assets = [
        (
            s.key,
            sorted(d.asset_key for d in s.deps),
            s.group_name,
            s.code_version,
            sorted(s.tags.items()),
            s.description,
        )
        for s in specs
    ]
    checks = sorted((k.asset_key, k.name) for k in graph.asset_check_keys)
    sensors = sorted(s.name for s in defs.sensors or [])
    return [assets, checks, sensors]


def declared_lines(defs: dg.Definitions, solution: str) -> dict[str, tuple[str, int | None]]:
    """Stage → file and line of the reference labelled ``declaration``; every asset of a stage has the same one."""
    found: dict[str, set[tuple[str, int | None]]] = {}
    for spec in defs.resolve_all_asset_specs():
        if spec.key.path[0] != solution:
            continue
        for reference in spec.metadata["dagster/code_references"].code_references:
            if reference.label == "declaration":
                found.setdefault(spec.tags[STAGE_TAG], set()).add((reference.file_path, reference.line_number))
    assert all(len(places) == 1 for places in found.values())
    return {stage: places.pop() for stage, places in found.items()}


def test_every_asset_points_to_the_line_of_its_section() -> None:
    with loaded(YAML) as (defs, files):
        found = declared_lines(defs, "churn")
    declared = ("business_case", "success_criteria", "data_pipeline", "retraining")
    for section in declared:
        assert found[section] == (str(files[0]), line_of(YAML, f"  {section}:"))
    for section in set(found) - set(declared):  # left out: where it would be written
        file, line = found[section]
        assert (file, line) in {
            (str(files[0]), line_of(YAML, "attributes:")),
            (str(files[0]), line_of(YAML, "  name:")),
        }


CHANGES = {
    "deployment": "  deployment: {approval: manual}\n",
    "model": "  model: {seed: 3}\n",
    "monitoring": "  monitoring: {freshness: 3 days}\n",
}


@pytest.mark.parametrize("section", sorted(CHANGES))
def test_a_changed_section_changes_the_versions_of_its_stage(section: str) -> None:
    def versions(text: str) -> dict[tuple[str, str], str | None]:
        with loaded(text) as (defs, _):
            return {(s.tags[STAGE_TAG], s.key.path[-1]): s.code_version for s in defs.resolve_all_asset_specs()}

    before, after = versions(YAML), versions(YAML + CHANGES[section])
    assert versions(YAML.replace("  success_criteria:", "  # a comment\n  success_criteria:")) == before
    changed = {asset for asset in before if before[asset] != after[asset]}
    assert {asset for asset in before if asset[0] == section} <= changed
    assert not {asset for asset in changed if asset[0] in ("business_case", "success_criteria")}


HEAVY = "mlflow xgboost sklearn scipy pandera matplotlib skops apprise sqlalchemy.dialects.postgresql"
LOADING = f"""
import sys
from ml_assets.definitions import defs
found = defs()
assert len(list(found.resolve_asset_graph().get_all_asset_keys())) > 50
print([m for m in {HEAVY.split()} if m in sys.modules])
"""


def test_loading_imports_nothing_heavy() -> None:
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", LOADING], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_package_itself_loads_no_dagster() -> None:
    code = "import sys, ml_assets, ml_assets.statistics; print('dagster' in sys.modules, 'pandas' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split()[0] == "False"
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        ml_assets.__getattr__("Nothing")


def test_the_two_hooks_of_dagster_this_rests_on() -> None:
    """``get_model_cls`` and ``load`` are how a Component takes a plain pydantic model; a Dagster that renames them fails here."""
    from dagster.components.core.context import ComponentLoadContext

    assert set(vars(MLSolution)) & {"get_model_cls", "load"} == {"get_model_cls", "load"}
    assert "get_model_cls" in vars(dg.Component)
    assert "load" in vars(dg.Component)
    assert MLSolution.get_model_cls() is Solution
    with create_defs_folder_sandbox() as sandbox:
        place(sandbox, YAML)
        with sandbox.build_component_tree() as tree:
            assert isinstance(tree.load_context, ComponentLoadContext)
            model = Solution.model_validate(yaml.safe_load(YAML)["attributes"])
            assert MLSolution.load(model, tree.load_context).solution == model


@pytest.mark.slow
def test_dg_knows_the_component_and_finds_the_shipped_declarations_valid() -> None:
    """``dg dev`` refuses to start a project whose component type it does not find."""
    dg_command = Path(sys.executable).with_name("dg")
    done = subprocess.run(
        [dg_command, "check", "yaml"],
        cwd=Path(ml_assets.__file__).parent.parent,
        capture_output=True,
        text=True,
        env=os.environ | {"VIRTUAL_ENV": sys.prefix},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All component YAML validated successfully" in done.stdout
