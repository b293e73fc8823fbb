"""The released folder as an MLflow model: signature, example, pinned requirements; anything that speaks MLflow can load it."""

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from ml_assets.learning.artifact import SolutionArtifact
    from ml_assets.learning.preprocessing import FeatureSpec

LOADER = "ml_assets.learning.loading"
EXAMPLE, REQUIREMENTS, ENVIRONMENT = "input_example.json", "requirements.txt", "python_env.yaml"
NEEDED = {
    "linear-json": ("numpy", "pandas"),
    "xgboost-ubj": ("numpy", "pandas", "xgboost"),
    "skops": ("numpy", "pandas", "scikit-learn", "skops"),
    "blend": ("numpy", "pandas", "xgboost", "scikit-learn", "skops"),
}
"""Kind of predictor → what scoring imports."""


def write_mlmodel(folder: Path, artifact: "SolutionArtifact", data: str, example: "pd.DataFrame") -> None:
    """Write ``MLmodel``, the example and the requirements into ``folder``, whose sub-folder ``data`` holds the artifact.

    The signature names every input; ``example`` holds a few rows of features. Requirements are the versions that run
    here: nothing is inferred by importing or installing.
    """
    from mlflow.models import Model

    frame = example[[spec.name for spec in artifact.specs]]
    model = Model(signature=_signature(artifact))
    # The flavour is written by its documented keys: importing mlflow.pyfunc costs much and warns about its own types.
    python = platform.python_version()
    model.add_flavor(
        "python_function", loader_module=LOADER, data=data, python_version=python, env={"virtualenv": ENVIRONMENT}
    )
    _write_example(folder, frame)
    model.saved_input_example_info = {"artifact_path": EXAMPLE, "type": "dataframe", "pandas_orient": "split"}
    pinned = [f"{name}=={version(name)}" for name in (*NEEDED[artifact.predictor.kind], "pyarrow", "ml_assets")]
    (folder / REQUIREMENTS).write_text("\n".join(pinned) + "\n", encoding="utf-8")
    environment = f'python: "{python}"\nbuild_dependencies: [pip]\ndependencies: ["-r {REQUIREMENTS}"]\n'
    (folder / ENVIRONMENT).write_text(environment, encoding="utf-8")
    model.save(str(folder / "MLmodel"))


def _write_example(folder: Path, frame: "pd.DataFrame") -> None:
    plain = json.loads(frame.reset_index(drop=True).to_json(orient="split", date_format="iso", default_handler=str))
    (folder / EXAMPLE).write_text(json.dumps({"columns": plain["columns"], "data": plain["data"]}), encoding="utf-8")


def _signature(artifact: "SolutionArtifact") -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    outputs = [ColSpec(DataType.double, "score")]
    if artifact.task == "multiclass":
        outputs = [ColSpec(DataType.double, f"score_{name}") for name in artifact.classes]
    decided = DataType.double if artifact.task == "regression" else DataType.string
    return ModelSignature(
        inputs=Schema([_input(spec) for spec in artifact.specs]),
        outputs=Schema([*outputs, ColSpec(decided, "decision")]),
    )


def _input(spec: "FeatureSpec") -> Any:
    """A column of the signature: categories are text, numbers are open.

    MLflow refuses whole numbers where a double is asked for, and gaps where a whole number is; the model takes both, and
    refuses by itself what is no number.
    """
    from mlflow.types import ColSpec, DataType, schema

    any_type: Any = schema.AnyType
    return ColSpec(DataType.string if spec.kind == "categorical" else any_type(), spec.name)
