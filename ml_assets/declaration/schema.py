"""The JSON Schema of a ``defs.yaml``: editors complete and check a declaration with it while it is written.

First line of the file: ``# yaml-language-server: $schema=PATH/TO/solution.schema.json``. The schema knows keys, types, words
and patterns; rules that span sections, and whether a dotted path leads somewhere, are for ``dg check defs``.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from ml_assets.declaration._types import spell
from ml_assets.declaration.solution import Solution
from ml_assets.statistics.disparity import FAIRNESS_METRICS
from ml_assets.statistics.metrics import METRICS

SHIPPED = Path(__file__).with_name("solution.schema.json")
COMPONENT_TYPES = ("ml_assets.MLSolution", "ml_assets.components.MLSolution")
# Draft 7, because it is what editors' YAML servers implement in full.
DIALECT = "http://json-schema.org/draft-07/schema#"


class _Words(GenerateJsonSchema):
    """Defaults in the words a declaration uses: ``1 day``, not ``P1D``."""

    def encode_default(self, dft: Any) -> Any:
        match dft:
            case timedelta():
                return spell(dft)
            case (int(count), timedelta() as period):
                return f"{count} per {spell(period)}"
        return super().encode_default(dft)


def solution_schema() -> dict[str, Any]:
    """JSON Schema (draft 7) of one whole document of a ``defs.yaml``: ``type`` and ``attributes``, and what Dagster allows beside."""
    solution = Solution.model_json_schema(by_alias=True, mode="validation", schema_generator=_Words)
    definitions: dict[str, Any] = solution.pop("$defs")
    definitions["Retraining"]["additionalProperties"] = False  # editors read YAML 1.2, where ``on`` is a word
    definitions["FilesSource"]["required"] = ["type", "path"]  # a source is told from the others by its type
    definitions["Criterion"]["properties"]["metric"]["enum"] = sorted(METRICS)
    definitions["ModelBias"]["properties"]["metrics"]["items"]["enum"] = sorted(FAIRNESS_METRICS)
    document = {
        "$schema": DIALECT,
        "title": "An ML solution",
        "description": "One declaration of an ML solution, built by the component ml_assets.MLSolution.",
        "type": "object",
        "properties": {
            "type": {"enum": list(COMPONENT_TYPES), "title": "Type", "description": "The component that builds it."},
            "attributes": {"$ref": "#/$defs/Solution"},
            "template_vars_module": {"type": "string", "description": "Dagster: module of template variables."},
            "requirements": {"type": "object", "description": "Dagster: environment variables the file needs."},
            "post_processing": {"type": "object", "description": "Dagster: attributes added to the assets."},
        },
        "required": ["type", "attributes"],
        "additionalProperties": False,
        "$defs": {"Solution": solution, **dict(sorted(definitions.items()))},
    }
    written: dict[str, Any] = _draft_7(document)
    return written


def _draft_7(node: Any) -> Any:
    """Fixed-length arrays as draft 7 spells them."""
    if isinstance(node, list):
        return [_draft_7(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {("items" if key == "prefixItems" else key): _draft_7(value) for key, value in node.items()}


def schema_text() -> str:
    """The schema as it is shipped."""
    return json.dumps(solution_schema(), indent=1, ensure_ascii=False) + "\n"


def write(path: Path = SHIPPED) -> Path:
    """Write the schema to a file, the shipped one by default; returns its path."""
    path.write_text(schema_text(), encoding="utf-8")
    return path
