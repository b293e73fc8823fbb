"""ML Test Score: the 28 tests of Breck and others (2017), each answered by the recorded checks that do it, or open.

A test counts one point when every check that stands for it ran and passes now, none otherwise. Half points, which the paper
gives for tests done by hand, are not given: nothing here is done by hand. The score is the smallest of the four sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ml_assets.report.markup import Html, badge, heading, join, note, table, tag
from ml_assets.report.recorded import Check, Recorded

SOURCE = "https://research.google/pubs/pub46555/"
BANDS = (
    (0, "0: more a research project than a system in production"),
    (1, "up to 1: not wholly untested, with the chance of serious holes in reliability"),
    (2, "up to 2: a first pass at production, more investment may be needed"),
    (3, "up to 3: reasonably tested, more of it may be automated"),
    (5, "up to 5: strong levels of automated testing and monitoring"),
    (7, "above 5: exceptional levels of automated testing and monitoring"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One test of the rubric in short words, and the checks (asset:check) that stand for it."""

    part: str
    words: str
    checks: tuple[str, ...] = ()


DATA, MODEL, SYSTEM, MONITORING = "Features and data", "Model development", "Infrastructure", "Monitoring"
TESTS = (
    Asked(DATA, "Expectations of features are captured in a schema", ("valid_data:contract",)),
    Asked(DATA, "All features are beneficial"),
    Asked(DATA, "No feature costs too much"),
    Asked(DATA, "Features keep requirements on what may be used", ("selected_columns:no_protected", "selected_columns:no_leak")),
    Asked(DATA, "The pipeline has privacy controls", ("features:protected_absent",)),
    Asked(DATA, "New features can be added quickly"),
    Asked(DATA, "Feature code is tested"),
    Asked(MODEL, "Model specifications are reviewed", ("business_case:signed_off",)),
    Asked(MODEL, "Offline figures agree with what is earned", ("value_report:value",)),
    Asked(MODEL, "Hyperparameters are tuned"),
    Asked(MODEL, "The effect of a stale model is known", ("policy_backtest:policy_pays",)),
    Asked(MODEL, "A simpler model is not better", ("evaluation:beats_baselines",)),
    Asked(MODEL, "Quality suffices on all important slices", ("evaluation:slices",)),
    Asked(MODEL, "The model was tested for inclusion", ("model_bias_report:disparity",)),
    Asked(SYSTEM, "Training is reproducible", ("evaluation:reproducible",)),
    Asked(SYSTEM, "Code of the model specification is unit-tested"),
    Asked(SYSTEM, "The whole pipeline is tested together"),
    Asked(SYSTEM, "Quality is validated before a model is served", ("champion:release_gates",)),
    Asked(SYSTEM, "A single answer can be traced step by step"),
    Asked(SYSTEM, "Models are tried on a small share before all of serving"),
    Asked(SYSTEM, "Served models can be rolled back", ("champion:released_model_intact",)),
    Asked(MONITORING, "Changes of what the system depends on are noticed", ("valid_data:no_new_columns",)),
    Asked(MONITORING, "Training and serving inputs keep the same invariants", ("drift_report:drift",)),
    Asked(MONITORING, "Training and serving compute the same features", ("predictions:skew",)),
    Asked(MONITORING, "Models are not too stale", ("drift_report:freshness",)),
    Asked(MONITORING, "The model is numerically stable", ("evaluation:numerically_stable", "predictions:scores_are_sound")),
    Asked(MONITORING, "Speed, latency, throughput and memory do not get worse"),
    Asked(MONITORING, "Quality on served data does not get worse", ("performance_report:performance",)),
)  # fmt: skip


def build(recorded: Recorded) -> Html:
    """The section."""
    sums = points(recorded)
    score = min(sums.values())
    band = next(words for most, words in BANDS if score <= most)
    rows = [{"part": part, "points": n, "of": sum(t.part == part for t in TESTS)} for part, n in sums.items()]
    source = tag("a", "Breck and others (2017)", href=SOURCE)
    intro = note("After ", source, ". One point where every check named ran and passes now; none where it fails, never ran, or nothing stands for the test.")  # fmt: skip
    total = tag("p", tag("strong", "Score: ", score), f" ({band})")
    tests = [_row(t, recorded) for t in TESTS]
    return join([intro, total, table(rows, caption="Points by part; the score is the smallest"), heading("The 28 tests"), table(tests, caption="Each with the checks that stand for it")])  # fmt: skip


def points(recorded: Recorded) -> dict[str, int]:
    """Points by part, in the order of the rubric."""
    found = dict.fromkeys((t.part for t in TESTS), 0)
    for test in TESTS:
        found[test.part] += int(_passes(_checks(test, recorded)))
    return found


def _checks(test: Asked, recorded: Recorded) -> list[tuple[str, Check | None]]:
    return [(name, recorded.checks.get((name.split(":")[0], name.split(":")[1]))) for name in test.checks]


def _passes(found: Sequence[tuple[str, Check | None]]) -> bool:
    return bool(found) and all(check is not None and check.state == "pass" for _, check in found)


def _row(test: Asked, recorded: Recorded) -> dict[str, object]:
    found = _checks(test, recorded)
    said = [_said(name, check, recorded) for name, check in found]
    state = "pass" if _passes(found) else "fail" if any(c and c.state == "fail" for _, c in found) else "open"
    return {
        "part": test.part,
        "test": test.words,
        "points": int(_passes(found)),
        "result": badge(state),
        "checks": join(said, tag("br")) if said else "no check stands for it",
    }


def _said(name: str, check: Check | None, recorded: Recorded) -> Html:
    if check is None:
        return join([tag("code", name), ": not built for this solution"])
    if check.found is None:
        return join([tag("code", name), ": never ran"])
    return join([tag("code", name), f": {check.state}; ", recorded.said(check)])
