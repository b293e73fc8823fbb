"""Reads what a scored batch left behind, for everything that is said of it."""

from typing import Any

import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import Batch
from ml_assets.history import DECISION, ID, LABEL, SCORE, VERSION, clusters_of, is_blocked
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.table import encode_target
from ml_assets.releases import open_version, version_facts
from ml_assets.resources import SolutionStore
from ml_assets.resources.registry import ModelRegistry
from ml_assets.resources.store import Facts
from ml_assets.statistics.clustered import cluster_codes

BLOCKED = "blocked: the batch broke its contract, so it was not scored"
UNSCORED = "not scored: no model was live when this batch came"
UNLABELLED = "no label of this batch is known yet"


class Judge:
    """Reads what a batch left behind; opens the registry only when a version is seen for the first time."""

    def __init__(self, solution: Solution, store: SolutionStore, models: ModelRegistry) -> None:
        self.solution, self.store, self.models = solution, store, models
        self._opened: dict[int, SolutionArtifact] = {}

    def reason_to_pass(self, batch: Batch, *, labels: bool) -> str | None:
        """Why nothing can be said of a batch, or None."""
        if is_blocked(self.store, batch.key):
            return BLOCKED
        if not self.store.has_frame("predictions", batch.key):
            return UNSCORED
        if labels and not (self.store.find_facts("labels", batch.key) or {}).get("labelled"):
            return UNLABELLED
        return None

    def write(self, asset: str, batch: Batch, facts: Facts) -> Facts:
        """Store what was found for a batch."""
        return self.store.write_facts(asset, facts, batch.key)

    def answers(self, batch: Batch) -> pd.DataFrame:
        """One answer per id of a batch."""
        log = self.store.read_frame("predictions", batch.key)
        return log.sort_values(VERSION, kind="stable").drop_duplicates(ID, keep="last").reset_index(drop=True)

    def released(self, answers: pd.DataFrame) -> tuple[int, Facts]:
        """Version and released facts of the model that answered (the newest, when several did)."""
        version = int(answers[VERSION].max())
        return version, version_facts(self.models, self.store, self.solution.name, version)

    def artifact(self, version: int) -> SolutionArtifact:
        """A released model, opened once."""
        if version not in self._opened:
            self._opened[version] = open_version(
                self.models, self.models.version(self.solution.name, version)
            ).artifact()
        return self._opened[version]

    def judged_rows(self, batch: Batch) -> tuple[pd.DataFrame, np.ndarray[Any, Any], int, Facts]:
        """Answers joined with their labels, the encoded truth, and the model that gave them.

        Of a single table only rows outside of training and validation count: the rest was learned from.
        """
        answers = self.answers(batch)
        version, released = self.released(answers)
        rows = answers.merge(self.store.read_frame("labels", batch.key)[[ID, LABEL]], on=ID, how="inner")
        rows = self.unlearned(rows)
        encoded = encode_target(
            rows[LABEL],
            task=self.solution.task,
            positive=self.solution.business_case.target.positive,
            classes=tuple(released["classes"]),
        )
        known = ~encoded.missing
        return rows.loc[known].reset_index(drop=True), encoded.truth[known], version, released

    def unlearned(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Of a single table, the rows that were not learned from; of a stream split by time, all."""
        if self.solution.time_split:
            return rows
        return rows[rows[ID].isin(self._test_ids())].reset_index(drop=True)

    def _test_ids(self) -> set[str]:
        from ml_assets.history import PART

        frame = self.store.read_frame("training_set", columns=[ID, PART])
        learned = set(frame.loc[frame[PART] != "test", ID])
        return {
            i for b in self.store.batches("features") for i in self.store.read_frame("features", b, [ID])[ID]
        } - learned

    def clusters(self, batch: Batch, rows: pd.DataFrame) -> np.ndarray[Any, Any] | None:
        """What rows of a batch share (``model.cluster``), as codes (n,); None where nothing is declared."""
        if self.solution.model.cluster is None:
            return None
        valid = self.store.read_frame("valid_data", batch.key).set_index(ID, drop=False).loc[rows[ID]]
        shared = clusters_of(self.solution, valid.reset_index(drop=True))
        return None if shared is None else cluster_codes(shared, len(rows))

    def money(self, rows: pd.DataFrame, truth: np.ndarray[Any, Any], released: Facts) -> np.ndarray[Any, Any]:
        """Money of every decision."""
        decision = rows[DECISION].to_numpy()
        return self.solution.business_case.money(tuple(released["classes"])).money(truth, decision)


def scores_of(rows: pd.DataFrame, released: Facts) -> np.ndarray[Any, Any]:
    """What a model answered: one score per row, or the probabilities of all classes where there are more than two."""
    columns = [f"ml:score:{c}" for c in released["classes"]]
    if len(columns) > 2 and all(c in rows.columns for c in columns):
        return rows[columns].to_numpy(float)
    return rows[SCORE].to_numpy(float)
