"""Labelled history: which batches may be learned from, and their rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_assets.declaration import Solution
from ml_assets.errors import DataError
from ml_assets.resources.store import SolutionStore, newest
from ml_assets.statistics.representation import GroupRule, group_frame

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ml_assets.learning.resampling import Fold
    from ml_assets.learning.table import TrainingTable

ID, TIME, BATCH, LABEL, PART, TRUTH, RULE, WEIGHT, CLUSTER = (
    "ml:id",
    "ml:time",
    "ml:batch",
    "ml:label",
    "ml:part",
    "ml:truth",
    "ml:rule",
    "ml:weight",
    "ml:cluster",
)
SCORE, DECISION, VERSION = "ml:score", "ml:decision", "ml:model_version"
OWN, GROUP = "ml:", "ml:group:"
"""Prefix of the columns this package adds; a user's column cannot be mistaken for one."""


def is_blocked(store: SolutionStore, batch: str) -> bool:
    """Whether a batch broke its contract beyond the allowed share: such a batch reaches neither training nor scoring."""
    facts = store.find_facts("valid_data", batch)
    return facts is None or bool(facts["blocked"])


def is_mature(solution: Solution, batch: str, now: datetime) -> bool:
    """Whether every row of a batch has had the time its label takes."""
    end = solution.data_pipeline.batch(batch).end
    return end is None or end + solution.business_case.target.delay_or_zero <= now


def labelled_batches(solution: Solution, store: SolutionStore, *, window: bool = True) -> list[str]:
    """Batches with labels, oldest first, cut to the training window; blocked and immature ones are left out."""
    found = []
    for batch in store.batches("labels"):
        facts = store.find_facts("labels", batch)
        if facts and facts["mature"] and facts["labelled"] and not is_blocked(store, batch):
            found.append(batch)
    return newest(found, solution.window_batches if window else None)


def read_batches(
    store: SolutionStore, asset: str, batches: list[str], columns: list[str] | None = None
) -> "pd.DataFrame":
    """Rows of several batches under each other, with the batch they came in."""
    import pandas as pd

    if not batches:
        raise DataError(
            f"there is no {asset} to read",
            got="no batch with labels",
            allowed="at least one labelled, unblocked batch",
            do="Materialize raw_data … labels for the history first",
        )
    frames = [store.read_frame(asset, b, columns).assign(**{BATCH: b}) for b in batches]
    return pd.concat(frames, ignore_index=True)


def labelled_history(solution: Solution, store: SolutionStore, *, most_rows: int | None = None) -> "pd.DataFrame":
    """Valid rows of the training window with their label, oldest batch first; optionally only the newest rows."""
    batches = labelled_batches(solution, store)
    if most_rows is not None:
        batches = _newest_rows(store, batches, most_rows)
    rows = read_batches(store, "valid_data", batches)
    labels = read_batches(store, "labels", batches)[[ID, LABEL]]
    return rows.merge(labels, on=ID, how="inner", validate="one_to_one")


def _newest_rows(store: SolutionStore, batches: list[str], most: int) -> list[str]:
    kept: list[str] = []
    total = 0
    for batch in reversed(batches):
        kept.append(batch)
        total += int(store.read_facts("labels", batch)["labelled"])
        if total >= most:
            break
    return kept[::-1]


def groups_of(solution: Solution, rows: "pd.DataFrame") -> "pd.DataFrame":
    """The audit attributes of rows, as text; missing values are the counted group ``unknown``."""
    rules = {}
    for name in solution.group_names:
        declared = solution.data_bias.groups.get(name)
        rule = GroupRule(declared.column, tuple(declared.edges)) if declared else GroupRule(name)
        if rule.column not in rows.columns:
            raise DataError(
                f"group {name} cannot be made",
                got=f"no column {rule.column!r}",
                allowed=", ".join(c for c in rows.columns if not c.startswith(OWN)),
                do="Correct data_bias.protected or data_bias.groups",
            )
        rules[name] = rule
    return group_frame(rows, groups=rules)


def clusters_of(solution: Solution, rows: "pd.DataFrame") -> "np.ndarray[Any, Any] | None":
    """What raw rows share, as text (n,); a row without a value is a cluster of its own. None where nothing is declared."""
    from ml_assets.learning.preprocessing import texts

    column = solution.model.cluster
    if column is None:
        return None
    if column not in rows.columns:
        raise DataError(
            "model.cluster names no column",
            got=column,
            allowed=", ".join(c for c in rows.columns if not c.startswith(OWN)),
            do="Correct model.cluster",
        )
    named = texts(rows[column].reset_index(drop=True))
    alone = "row " + rows[ID].reset_index(drop=True).astype(str)
    return named.where(named.notna(), alone).astype(str).to_numpy()


@dataclass(frozen=True)
class Learned:
    """The training set as it is learned from: table, audit groups and the simple rule's decisions, row by row."""

    table: "TrainingTable"
    groups: "pd.DataFrame"
    rule: "np.ndarray[Any, Any] | None"
    batch: "np.ndarray[Any, Any]"

    @property
    def cluster(self) -> "np.ndarray[Any, Any]":
        """What rows share that must not be torn apart; the id itself where nothing is declared."""
        return self.table.ids if self.table.cluster is None else self.table.cluster

    def part(self, name: str) -> "Learned":
        """The rows of one part."""
        return self._rows(self.table.part == name)

    def but(self, name: str) -> "Learned":
        """The rows of all other parts."""
        return self._rows(self.table.part != name)

    def _rows(self, kept: "np.ndarray[Any, Any]") -> "Learned":
        import numpy as np

        return self.rows(np.flatnonzero(kept))

    def rows(self, at: "np.ndarray[Any, Any]") -> "Learned":
        """The rows at these positions."""
        return Learned(
            self.table.rows(at),
            self.groups.iloc[at].reset_index(drop=True),
            None if self.rule is None else self.rule[at],
            self.batch[at],
        )


def training_rows(solution: Solution, store: SolutionStore, *, weights: bool = True) -> Learned:
    """The stored training set, with the sample weights of part 4 when they are there and wanted."""
    import numpy as np

    from ml_assets.learning.table import TrainingTable

    frame = store.read_frame("training_set")
    facts = store.read_facts("training_set")
    weight = frame[WEIGHT].to_numpy(np.float64)
    if weights:
        weight = _stored_weights(store, frame[ID].to_numpy())
    classes = tuple(facts["classes"])
    truth = frame[TRUTH].to_numpy()
    features = frame[list(facts["features"])].reset_index(drop=True)
    shared = frame[CLUSTER].to_numpy() if CLUSTER in frame.columns else None
    table = TrainingTable(
        features, truth, frame[PART].to_numpy(str), weight, frame[ID].to_numpy(), solution.task, classes, shared
    )
    groups = frame[[c for c in frame.columns if c.startswith(GROUP)]]
    rule = _encode_rule(frame[RULE].to_numpy(), classes, solution) if RULE in frame.columns else None
    named = groups.rename(columns=lambda c: c.removeprefix(GROUP))
    return Learned(table, named, rule, frame[BATCH].to_numpy())


def _stored_weights(store: SolutionStore, ids: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """The sample weights, only if they are those of these rows: a window that slides keeps its length."""
    import numpy as np

    stored = store.read_frame("sample_weights")
    if not np.array_equal(stored[ID].to_numpy(), ids):
        raise DataError(
            "the sample weights are those of another training set",
            got=f"{len(stored)} weights for {len(ids)} rows",
            allowed="one weight per row, by id",
            do="Materialize sample_weights after training_set",
        )
    return stored["weight"].to_numpy(np.float64)


def _encode_rule(
    answers: "np.ndarray[Any, Any]", classes: tuple[str, ...], solution: Solution
) -> "np.ndarray[Any, Any]":
    """The rule's decisions in the encoding of the truth."""
    import numpy as np

    if solution.task != "multiclass":
        return answers.astype(np.float64)
    codes = {c: i for i, c in enumerate(classes)}
    unknown = sorted({str(a) for a in answers} - set(codes))
    if unknown:
        raise DataError(
            "the simple rule decides for classes that do not exist",
            got=", ".join(unknown),
            allowed=", ".join(classes),
            do="Correct the rule",
        )
    return np.array([codes[str(a)] for a in answers], dtype=np.int64)


def folds_of(solution: Solution, rows: Learned, *, count: int) -> "tuple[Fold, ...]":
    """Rolling origin over batches for what is split by time, else cross-validation that keeps clusters together.

    Raises ``DataError`` for fewer than three batches, or too few rows to hold some out.
    """
    import numpy as np

    from ml_assets.learning.resampling import cross_validation, rolling_origin

    if solution.time_split:
        return rolling_origin(np.unique(rows.batch, return_inverse=True)[1].astype(np.int64), count=count)
    table, seed = rows.table, solution.model.seed
    return cross_validation(table.truth, task=solution.task, cluster=table.cluster, count=count, seed=seed)
