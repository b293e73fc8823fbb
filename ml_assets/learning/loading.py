"""What MLflow calls to load a released model as a plain Python function; it needs no MLflow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.learning.artifact import SolutionArtifact, load


@dataclass(frozen=True, eq=False)
class Scorer:
    """A solution behind MLflow's ``predict``."""

    artifact: SolutionArtifact

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Score and decision per row: ``score`` (or ``score_CLASS`` for every class) and ``decision`` (label or value)."""
        answer = self.artifact.predict(frame)
        score = np.asarray(answer.score, dtype=np.float64)
        classes = self.artifact.classes
        if self.artifact.task == "multiclass":
            columns: dict[str, Any] = {f"score_{name}": score[:, i] for i, name in enumerate(classes)}
        else:
            columns = {"score": score}
        decision = np.asarray(answer.decision)
        columns["decision"] = decision if not classes else [classes[int(code)] for code in decision]
        return pd.DataFrame(columns, index=frame.index)


def _load_pyfunc(path: str) -> Scorer:
    """The hook MLflow looks for."""
    return Scorer(load(Path(path)))
