"""The schema that editors use: it equals the code, and says the same as the code of right and wrong declarations."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

import ml_assets
from ml_assets.declaration import SECTIONS, Solution, schema
from ml_assets_tests.declaration.minimal import ARRIVAL, HERE, MINIMAL, changed

DEFS = Path(ml_assets.__file__).parent / "defs"
FIFTEEN_LINES = """\
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
  data_bias:
    protected: [sex]
  data_pipeline:
    source: {type: files, path: customers.csv}
"""


class EditorLoader(yaml.SafeLoader):
    """YAML as editors read it (1.2): ``on`` is a word, a date is text."""


EditorLoader.yaml_implicit_resolvers = {
    sign: [(tag, rule) for tag, rule in rules if not tag.endswith(":timestamp") and sign not in "oOyYnN"]
    for sign, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def faults(document: Any) -> list[str]:
    """What an editor underlines."""
    validator = import_module("jsonschema").Draft7Validator(schema.solution_schema())
    return ["/".join(map(str, e.absolute_path)) for e in validator.iter_errors(document)]


def attributes(**changes: Any) -> dict[str, Any]:
    return {"type": "ml_assets.MLSolution", "attributes": changed(**changes)}


def test_the_shipped_schema_is_the_one_the_code_generates(tmp_path: Path) -> None:
    assert schema.SHIPPED.read_text(encoding="utf-8") == schema.schema_text(), (
        "run ml_assets.declaration.schema.write()"
    )
    assert schema.write(tmp_path / "s.json").read_text(encoding="utf-8") == schema.schema_text()


def test_it_is_a_schema_of_the_dialect_it_names() -> None:
    found = schema.solution_schema()
    assert found["$schema"] == "http://json-schema.org/draft-07/schema#"
    import_module("jsonschema").Draft7Validator.check_schema(found)
    assert "prefixItems" not in json.dumps(found)


@pytest.mark.parametrize("name", sorted(p.parent.name for p in DEFS.glob("*/defs.yaml")))
def test_it_accepts_every_shipped_declaration(name: str) -> None:
    text = (DEFS / name / "defs.yaml").read_text(encoding="utf-8")
    assert faults(yaml.load(text, EditorLoader)) == []


def test_fifteen_lines_are_a_solution() -> None:
    assert len(FIFTEEN_LINES.splitlines()) == 15
    document = yaml.safe_load(FIFTEEN_LINES)
    assert faults(document) == []
    assert Solution.model_validate(document["attributes"]).name == "churn"


def test_a_first_line_leads_editors_to_it(tmp_path: Path) -> None:
    """What a YAML language server does with the first comment of a file."""
    place = schema.write(tmp_path / "solution.schema.json")
    text = f"# yaml-language-server: $schema={place.name}\n{FIFTEEN_LINES}"
    (tmp_path / "defs.yaml").write_text(text)
    named = text.splitlines()[0].split("$schema=")[1]
    validator = import_module("jsonschema").Draft7Validator(json.loads((tmp_path / named).read_text(encoding="utf-8")))
    assert validator.is_valid(yaml.load(text, EditorLoader))


def test_every_part_is_described_in_its_own_words() -> None:
    definitions = schema.solution_schema()["$defs"]
    assert set(SECTIONS) < set(definitions["Solution"]["properties"])
    for name, part in definitions.items():
        assert part.get("title"), name
        assert part.get("description"), name
    delay = definitions["Target"]["properties"]["delay"]
    assert delay["description"] == "How long after a row its label is known."


def test_defaults_are_written_in_the_words_of_a_declaration() -> None:
    retraining = schema.solution_schema()["$defs"]["Retraining"]["properties"]
    assert (retraining["cool_down"]["default"], retraining["at_most"]["default"]) == ("1 day", "4 per 30 days")


STREAM = {"data_pipeline__arrival": ARRIVAL, "data_pipeline__id": "customer"}
RIGHT: list[dict[str, Any]] = [
    {},
    STREAM | {"model": {"window": "21 days", "half_life": "3 batches", "test": "25 %", "validation": 0.2}},
    {"data_pipeline__source": {"type": "sql", "url": "{{ env.URL }}", "query": "SELECT 1"}},
    {"data_pipeline__source": {"type": "function", "load": f"{HERE}.rows"}, "data_pipeline__volume": [0.5, 2]},
    {"retraining": {"on": ["drift"], "k_of_n": [1, 2], "at_most": "2 per week", "cool_down": "1.5 days"}},
    {"business_case__target": {"column": "left", "positive": "yes", "delay": "3 days"}},
    {"model_bias": {"metrics": ["accuracy_difference"]}},
]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"modle": {}}, "attributes"),
    ({"name": "../x"}, "attributes/name"),
    ({"business_case__owner": "crm"}, "attributes/business_case/owner"),
    ({"success_criteria": [{"metric": "auroc", "at_least": 0.1}]}, "attributes/success_criteria/0/metric"),
    ({"data_pipeline__source": {"path": "x.csv"}}, "attributes/data_pipeline/source"),
    ({"data_pipeline__source": {"type": "files", "path": "x.csv", "sep": ";"}}, "attributes/data_pipeline/source"),
    ({"model__seed": -1}, "attributes/model/seed"),
    ({"retraining__k_of_n": [1, 2, 3]}, "attributes/retraining/k_of_n"),
    ({"retraining__cool_down": "soon"}, "attributes/retraining/cool_down"),
    ({"model_bias__metrics": ["equality"]}, "attributes/model_bias/metrics/0"),
    ({"data_pipeline__quarantine_at_most": 2}, "attributes/data_pipeline/quarantine_at_most"),
]


@pytest.mark.parametrize("changes", RIGHT)
def test_right_declarations_please_editor_and_code(changes: dict[str, Any]) -> None:
    assert faults(attributes(**changes)) == []
    assert Solution.model_validate(changed(**changes))


@pytest.mark.parametrize(("changes", "place"), WRONG)
def test_wrong_declarations_are_underlined_where_the_code_refuses_them(changes: dict[str, Any], place: str) -> None:
    assert faults(attributes(**changes)) == [place]
    with pytest.raises(ValidationError):
        Solution.model_validate(changed(**changes))


@pytest.mark.parametrize(
    "document",
    [{"attributes": MINIMAL}, {"type": "other.Thing", "attributes": MINIMAL}, {"type": "ml_assets.MLSolution"}],
)
def test_a_document_needs_type_and_attributes(document: dict[str, Any]) -> None:
    assert faults(document) in ([""], ["type"])


def test_declarations_are_light() -> None:
    heavy = "dagster mlflow scipy sklearn xgboost pandera skops matplotlib jsonschema sqlalchemy"
    code = f"import sys, ml_assets.declaration.schema; print([m for m in {heavy.split()} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
