"""CPU seconds and peak memory of an audit: 10 metrics of all 89 groups of sex, race, age, their pairs and triples.

Each tool runs in a fresh process that reads the rows first; CPU is counted from then on, imports apart, and memory is
the peak beyond what the process held with the rows in it. Group labels are categories, as Parquet keeps them; one line
has them as text. Linear algebra on one thread.

Peers run in environments of their own. ``--make-peers FOLDER`` makes them there once, versions pinned, and measures
them; ``--peers FOLDER`` measures those that are there. A peer that is missing or does not run is skipped with a line
that says why. Peers stop at a million rows; nothing is extrapolated. What Fairlearn finds is compared with what we
find, figure by figure.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from measuring import (
    METER,
    Goal,
    Peer,
    Tool,
    arguments,
    fresh,
    lines,
    middle,
    peer_arguments,
    ready,
    repeated,
    report,
    write_parquet,
)

PIECE = 1_000_000
MOST_OF_PEERS = 1_000_000
MOST_OF_BOOTSTRAP = 100_000
ENOUGH = 20.0
"""CPU seconds of one tool from which it is not run again."""

COMMON = (
    METER
    + """
import functools, gc, itertools
import numpy as np, pandas as pd
NAMES = ["sex", "race", "age"]
SETS = [list(s) for k in (1, 2, 3) for s in itertools.combinations(NAMES, k)]
def begin():
    global began, held
    gc.collect()
    # the kernel starts its high-water mark anew
    open("/proc/self/clear_refs", "w").write("5")
    held, began = megabytes("VmRSS"), cpu()
def done(figures):
    print(json.dumps({"cpu": cpu() - began, "megabytes": megabytes() - held, "figures": figures}))
df = pd.read_parquet(sys.argv[1])
"""
)
OWN_IMPORTS = (
    COMMON
    + """
import scipy.special  # the library loads it when it first needs it
from ml_assets.statistics.score_gaps import score_figures, score_gaps
from ml_assets.statistics.score_tensor import ScoreTensor
from ml_assets.statistics.tensor import CountTensor
from ml_assets.statistics.tensor_draws import resampled_tables
from ml_assets.statistics.tensor_gaps import gaps
from ml_assets.statistics.tensor_metrics import tables, values
METRICS = ["selection_rate", "prevalence", "accuracy", "positive_predictive_value", "true_positive_rate"]
METRICS += ["true_negative_rate", "false_positive_rate", "false_negative_rate", "balanced_accuracy", "f1"]
def audit(counts, scores=None):
    found = gaps(counts, dict.fromkeys(METRICS, 0.05))
    drawn = resampled_tables(counts, [*METRICS, "equalized_odds"])
    assert len(found) == 890 and sum(len(t.groups) for t in drawn) == 89
    if scores is not None:
        assert len(score_figures(scores)) == 89
        score_gaps(scores, {"roc_auc": 0.05, "calibration": 0.05})
"""
)
COUNTS = (
    OWN_IMPORTS
    + """
begin()
found = {}
for table in tables(CountTensor.of(df[NAMES], df.y, df.d)):
    for group, line in zip(table.groups, values(table.counts, METRICS).tolist()):
        found["|".join(group)] = line
assert len(found) == 89
done(found)
"""
)
GAPS = (
    OWN_IMPORTS
    + """
begin()
assert len(gaps(CountTensor.of(df[NAMES], df.y, df.d), dict.fromkeys(METRICS, 0.05))) == 890
done({})
"""
)
DRAWS = (
    OWN_IMPORTS
    + """
begin()
audit(CountTensor.of(df[NAMES], df.y, df.d))
done({})
"""
)
SCORES = (
    OWN_IMPORTS
    + """
begin()
audit(CountTensor.of(df[NAMES], df.y, df.d), ScoreTensor.of(df[NAMES], df.y, df.s))
done({})
"""
)
STREAMED = (
    OWN_IMPORTS
    + """
begin()
counts = scores = None
for start in range(0, len(df), 1_000_000):
    piece = df.iloc[start : start + 1_000_000]
    both = CountTensor.of(piece[NAMES], piece.y, piece.d), ScoreTensor.of(piece[NAMES], piece.y, piece.s)
    counts, scores = both if counts is None else (counts.merge(both[0]), scores.merge(both[1]))
audit(counts, scores)
done({})
"""
)
TEXTS = SCORES.replace("\nbegin()", "\ndf[NAMES] = df[NAMES].astype(object)\nbegin()")
FLOOR = (
    COMMON
    + """
begin()
key = df.sex.cat.codes.to_numpy().astype(np.int64)
for column in (df.race.cat.codes.to_numpy(), df.age.cat.codes.to_numpy(), df.y.to_numpy(), df.d.to_numpy()):
    key *= 5
    key += column
np.bincount(key)
done({})
"""
)
FAIRLEARN = (
    COMMON
    + """
from fairlearn.metrics import (
    MetricFrame, false_negative_rate, false_positive_rate, selection_rate, true_negative_rate, true_positive_rate
)
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, precision_score
METRICS = {
    "selection_rate": selection_rate,
    "prevalence": lambda y_true, y_pred: np.mean(y_true),
    "accuracy": accuracy_score,
    "precision": precision_score,
    "tpr": true_positive_rate,
    "tnr": true_negative_rate,
    "fpr": false_positive_rate,
    "fnr": false_negative_rate,
    "balanced_accuracy": balanced_accuracy_score,
    "f1": f1_score,
}
begin()
found = {}
for names in CHOSEN:
    frame = MetricFrame(metrics=METRICS, y_true=df.y, y_pred=df.d, sensitive_features=df[names] OPTIONS)
    frame.by_group, frame.difference()
    for group, line in frame.by_group.iterrows():
        found["|".join(group if isinstance(group, tuple) else (group,))] = [float(v) for v in line]
done(found)
"""
)
AIF360 = (
    COMMON
    + """
from aif360.datasets import BinaryLabelDataset
from aif360.metrics import ClassificationMetric
begin()
table = pd.DataFrame({name: df[name].cat.codes for name in NAMES} | {"y": df.y.astype(float)})
facts = dict(label_names=["y"], protected_attribute_names=NAMES, favorable_label=1.0, unfavorable_label=0.0)
truth = BinaryLabelDataset(df=table, **facts)
decided = truth.copy()
decided.labels = df.d.to_numpy(dtype=float).reshape(-1, 1)
ASKED = ["selection_rate", "base_rate", "accuracy", "precision", "true_positive_rate", "true_negative_rate"]
ASKED += ["false_positive_rate", "false_negative_rate", "recall", "specificity"]
n = 0
for names in SETS:
    for values in itertools.product(*(range(len(df[name].cat.categories)) for name in names)):
        group = [dict(zip(names, values))]
        metric = ClassificationMetric(truth, decided, unprivileged_groups=group, privileged_groups=None)
        [getattr(metric, name)(privileged=False) for name in ASKED]
        n += 1
assert n == 89
done({})
"""
)
AEQUITAS = (
    COMMON
    + """
from aequitas.bias import Bias
from aequitas.group import Group
df[NAMES] = df[NAMES].astype(str)
begin()
table = pd.DataFrame({"score": df.d, "label_value": df.y})
for names in SETS:
    table[" & ".join(names)] = functools.reduce(lambda one, other: one + "|" + other, (df[name] for name in names))
crosstab, _ = Group().get_crosstabs(table, attr_cols=[" & ".join(names) for names in SETS])
Bias().get_disparity_major_group(crosstab, original_df=table, mask_significance=False, check_significance=False)
assert len(crosstab) == 89
done({})
"""
)

WITH_NUMPY_2 = ("pandas==2.3.3", "scikit-learn==1.9.1", "numpy==2.4.6", "pyarrow==25.0.1")
TRIPLE = "Fairlearn, the 40 triples only"
SEVEN = "Fairlearn, all 7 MetricFrames"
BOOTSTRAP = "Fairlearn, triples, 3 bootstraps"
PEERS = (
    Peer("aequitas", ("aequitas==1.1.0", *WITH_NUMPY_2), ("3.11", "3.12"), {"Aequitas": AEQUITAS}),
    Peer("aif360", ("aif360==0.6.1", *WITH_NUMPY_2), ("3.11", "3.12"), {"AIF360": AIF360}),
    Peer(
        "fairlearn",
        ("fairlearn==0.15.0", *WITH_NUMPY_2),
        ("3.11", "3.12"),
        {
            TRIPLE: FAIRLEARN.replace("CHOSEN", "SETS[-1:]").replace("OPTIONS", ""),
            SEVEN: FAIRLEARN.replace("CHOSEN", "SETS").replace("OPTIONS", ""),
            BOOTSTRAP: FAIRLEARN.replace("CHOSEN", "SETS[-1:]").replace(
                "OPTIONS", ", n_boot=3, ci_quantiles=[0.025, 0.975]"
            ),
        },
    ),
)
ONLY_COUNTS = "ours: figures, no intervals"
EVERYTHING = "ours: all, AUC and calibration too"
WITH_DRAWS = "ours: gaps and 1,000 draws"
OWN = (
    Tool("floor: one bincount", sys.executable, FLOOR),
    Tool(ONLY_COUNTS, sys.executable, COUNTS),
    Tool("ours: gaps with intervals", sys.executable, GAPS),
    Tool(WITH_DRAWS, sys.executable, DRAWS),
    Tool(EVERYTHING, sys.executable, SCORES),
    Tool("ours: all, a million rows at a time", sys.executable, STREAMED),
    Tool("ours: all, groups as text", sys.executable, TEXTS),
)


@dataclass(frozen=True, slots=True)
class Run:
    """Medians over ``runs`` fresh processes: CPU seconds with the rows in memory, and peak memory beyond them."""

    rows: int
    tool: str
    cpu: float
    megabytes: float
    runs: int
    figures: dict[str, list[float]] = field(repr=False, compare=False)


def write(path: Path, rows: int) -> None:
    """A table in pieces: groups of unequal size, a score that is calibrated, decided at one half."""
    write_parquet(path, rows, piece=PIECE, make=lambda start, n: piece(np.random.default_rng([7, start]), n))


def piece(rng: np.random.Generator, n: int) -> pa.Table:
    """Some of the rows."""
    levels = {"sex": (["f", "m"], [0.45, 0.55]), "race": (list("abcde"), [0.6, 0.2, 0.12, 0.06, 0.02])}
    levels["age"] = (["<25", "25-39", "40-59", ">=60"], [0.2, 0.35, 0.3, 0.15])
    columns: dict[str, pa.Array] = {}
    for name, (values, share) in levels.items():
        code = np.searchsorted(np.cumsum(share)[:-1], rng.random(n)).astype(np.int8)
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(code), pa.array(values))
    score = rng.beta(2, 3, n)
    columns["s"] = pa.array(score)
    columns["y"] = pa.array((rng.random(n) < score).astype(np.int8))
    columns["d"] = pa.array((score >= 0.5).astype(np.int8))
    return pa.table(columns)


def measured(tool: Tool, file: Path, size: int, repeats: int) -> Run:
    """Medians of up to so many fresh processes; a slow tool is run once."""
    runs = repeated(lambda: dict(fresh(tool.python, tool.script, str(file))), repeats=repeats, enough=ENOUGH)
    return Run(size, tool.name, middle(runs, "cpu"), middle(runs, "megabytes"), len(runs), runs[0]["figures"])


def peers(folder: Path, scratch: Path, *, make: bool) -> Iterator[Tool]:
    """The peers that work on a few rows."""
    file = scratch / "trial.parquet"
    write(file, 5_000)
    yield from ready(PEERS, folder, make=make, trial=lambda tool: fresh(tool.python, tool.script, str(file)))


def table(size: int, others: tuple[Tool, ...], repeats: int, scratch: Path) -> Iterator[Run]:
    """The lines of one size, printed as they come."""
    file = scratch / "rows.parquet"
    write(file, size)
    small = [t for t in others if size <= (MOST_OF_BOOTSTRAP if t.name == BOOTSTRAP else MOST_OF_PEERS)]
    yield from lines(size, (*OWN, *small), lambda tool: measured(tool, file, size, repeats), own=OWN, say=_line)


def _line(row: Run) -> str:
    figures = f"CPU {row.cpu:>9.3f} s  peak {row.megabytes:>6.0f} MB"
    return f"{row.rows:>11,}  {row.tool:<37} {figures}  (runs: {row.runs})"


def main() -> int:
    """Measure, print one table and one line per goal."""
    parser = arguments(__doc__, quick="100 thousand rows only, one run each")
    parser.add_argument("--rows", type=int, nargs="*")
    peer_arguments(parser)
    chosen = parser.parse_args()
    sizes = chosen.rows or ([100_000] if chosen.quick else [100_000, 1_000_000, 10_000_000])
    folder = chosen.make_peers or chosen.peers
    if folder is None:
        print("without peers: ours against the floor; --make-peers FOLDER adds them")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        others = tuple(peers(folder.resolve(), place, make=bool(chosen.make_peers))) if folder else ()
        rows = [row for size in sizes for row in table(size, others, 1 if chosen.quick else 5, place)]
    told = [{name: value for name, value in asdict(row).items() if name != "figures"} for row in rows]
    report("fairness_speed", told, _goals(rows), chosen.json)
    return 0


def _goals(rows: list[Run]) -> Iterator[Goal]:
    found = {(r.rows, r.tool): r for r in rows}
    largest = max(r.rows for r in rows)
    full = found[largest, EVERYTHING]
    yield Goal(f"CPU of everything at {largest:,} rows", "at most 2 s", f"{full.cpu:.2f} s", full.cpu <= 2)
    peak = f"{full.megabytes:.0f} MB"
    yield Goal(f"memory beyond {largest:,} rows", "at most 250 MB", peak, full.megabytes <= 250)
    for name in (TRIPLE, SEVEN):
        for size in [r.rows for r in rows if r.tool == name][-1:]:
            ratio = found[size, name].cpu / found[size, ONLY_COUNTS].cpu
            text = f"CPU of {name} over our 89 groups at {size:,} rows"
            yield Goal(text, "at least 1,000", f"{ratio:,.0f}", ratio >= 1_000)
            theirs, ours = found[size, name].figures, found[size, ONLY_COUNTS].figures
            apart = max(abs(a - b) for group, line in theirs.items() for a, b in zip(line, ours[group], strict=True))
            text = f"largest difference to a figure of {name} at {size:,} rows"
            yield Goal(text, "below 1e-9", f"{apart:.1e}", apart < 1e-9)
    beside = {tool.name for tool in OWN}
    for size in sorted({r.rows for r in rows}):
        rivals = [r for r in rows if r.rows == size and r.tool not in beside]
        if rivals:
            first = min(rivals, key=lambda r: r.cpu)
            ratio = first.cpu / found[size, ONLY_COUNTS].cpu
            text = f"CPU of the fastest peer ({first.tool}) over ours at {size:,} rows"
            yield Goal(text, "more than 1", f"{ratio:,.0f}", ratio > 1)


if __name__ == "__main__":
    sys.exit(main())
