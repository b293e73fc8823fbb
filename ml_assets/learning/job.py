"""The order every fit receives, whatever the family."""

from dataclasses import dataclass

from ml_assets.learning.predictors import Parameters
from ml_assets.learning.preprocessing import FeatureSpec
from ml_assets.learning.table import TrainingTable


@dataclass(frozen=True, eq=False)
class Job:
    """What every fit gets: rows to learn from, rows to stop on (may be none), inputs, complete parameters and seed."""

    family: str
    train: TrainingTable
    validation: TrainingTable
    specs: tuple[FeatureSpec, ...]
    parameters: Parameters
    seed: int
    device: str

    @property
    def n_classes(self) -> int:
        """K; 0 for regression."""
        return len(self.train.classes)
