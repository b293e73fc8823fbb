"""The command line: exit codes, and errors that say what to do."""

import json
from pathlib import Path

import pytest

from ml_assets.cli import main

CSV = "customer_id,calls,churned\n" + "".join(f"c{i},{i % 7},{'yes' if i % 3 else 'no'}\n" for i in range(40))
DECLARATION = """type: ml_assets.MLSolution
attributes:
  name: churn
  business_case:
    decision: call the customer or not
    owner: team:crm
    prediction: probability that the customer leaves
    target: {{column: churned, positive: "yes"}}
  data_pipeline:
    source: {{type: files, path: {path}}}
    id: customer_id
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dg project with one solution on one CSV."""
    name = f"own_{tmp_path.name}"  # imported once per process: each test needs a package of its own
    package = tmp_path / name
    (package / "defs" / "churn").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "defs" / "__init__.py").touch()
    (tmp_path / "churn.csv").write_text(CSV)
    (package / "defs" / "churn" / "defs.yaml").write_text(DECLARATION.format(path=tmp_path / "churn.csv"))
    (tmp_path / "dg.toml").write_text(f'directory_type = "project"\n[project]\nroot_module = "{name}"\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return tmp_path


def test_plan_of_a_users_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "churn", "--project", str(project), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["declaration"]["name"] == "churn"
    assert plan["file"].endswith(f"own_{project.name}/defs/churn/defs.yaml")
    assert len(plan["assets"]) == 32


def test_an_unknown_solution_is_named_with_the_known_ones(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "chrun", "--project", str(project)]) == 2
    assert "there is no such solution: got chrun; allowed: churn." in capsys.readouterr().err


def test_a_broken_declaration_is_one_sentence_with_file_and_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / f"own_{project.name}" / "defs" / "churn" / "defs.yaml"
    file.write_text(file.read_text().replace("owner: team:crm", "owner: somebody"))
    assert main(["plan", "churn", "--project", str(project)]) == 2
    error = capsys.readouterr().err
    assert f"{file}:6" in error
    assert "Traceback" not in error


def test_a_solution_without_enough_rows_says_so_and_fails(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "churn", "--project", str(project)]) == 1
    out = capsys.readouterr().out
    assert "history: done" in out
    assert "there are too few labelled rows to train on: got 40; allowed: at least 200" in out


def test_status_before_anything_ran(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "churn", "--project", str(project), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["live_version"], found["last_decision"], found["newest_batch"]) == (None, "none yet", "none yet")


def test_rollback_without_a_release(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rollback", "churn", "--project", str(project)]) == 2
    assert "churn has no released model" in capsys.readouterr().err


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["type"] == "object"
