"""Checks of part 3: what was chosen, and the rows it was chosen for."""

from ml_assets.declaration import Solution
from ml_assets.evidence import Verdict
from ml_assets.history import PART
from ml_assets.resources import SolutionStore
from ml_assets.stages.data_selection.selection import knows_the_outcome
from ml_assets.statistics.splitting import duplicates_across


def no_leak(store: SolutionStore) -> Verdict:
    chosen = set(store.read_facts("selected_columns")["raw"])
    screening = store.read_facts("column_screening")["columns"]
    # screening lifts a suspicion that the declaration answers; the check still says that a word is all there is
    accepted = [c for c in screening if c["column"] in chosen and c["verdict"] != "drop" and knows_the_outcome(c)]
    leaks = [c for c in screening if c["column"] in chosen and c["verdict"] == "drop"]
    rows = [
        {"column": c["column"], "verdict": c["verdict"], "why": "; ".join(c["reasons"])} for c in (*leaks, *accepted)
    ]
    sentence = (
        f"{', '.join(c['column'] for c in leaks)} must not be used"
        if leaks
        else f"{', '.join(c['column'] for c in accepted)} used on the declaration's word alone"
        if accepted
        else f"none of {len(chosen)} columns is known after the outcome or too good to be true"
    )
    return Verdict(
        not leaks and not accepted,
        sentence,
        {"leaks": len(leaks), "on_declared_word": len(accepted)},
        rows,
        act=bool(leaks),
    )


def no_protected(solution: Solution, store: SolutionStore) -> Verdict:
    facts = store.read_facts("selected_columns")
    hidden = solution.data_bias.hidden_columns
    found = [f for f in facts["features"] if f in hidden or hidden & set(facts["lineage"].get(f, []))]
    allowed = solution.data_bias.as_input
    sentence = (
        f"{', '.join(found)} made from protected columns or proxies"
        if found
        else f"none of {len(facts['features'])} features is made from {', '.join(sorted(hidden)) or 'a protected column'}"
    )
    if allowed:
        sentence += "; allowed by declaration: " + "; ".join(f"{c} ({why})" for c, why in allowed.items())
    return Verdict(not found, sentence, {"protected_features": len(found)})


def no_duplicates(store: SolutionStore) -> Verdict:
    facts = store.read_facts("training_set")
    frame = store.read_frame("training_set")
    test = int((frame[PART] == "test").sum())
    copies = duplicates_across(frame[[*facts["features"]]], frame[PART].to_numpy(str))
    share = copies / max(test, 1)
    sentence = f"{copies:,} of {test:,} test rows ({share:.2%}) repeat the features of a training or validation row; alarm above 5 %"
    return Verdict(share <= 0.05, sentence, {"duplicates": copies, "duplicate_share": share}, act=False)


def enough(solution: Solution, store: SolutionStore) -> Verdict:
    facts = store.read_facts("training_set")
    parts: dict[str, int] = facts["parts"]
    needed = {"train": solution.data_selection.minimum_rows // 2, "validation": 30, "test": 30}
    short = [f"{p} has {parts.get(p, 0):,} rows, needs {n}" for p, n in needed.items() if parts.get(p, 0) < n]
    sentence = "; ".join(short) or ", ".join(f"{p} {n:,}" for p, n in parts.items())
    return Verdict(not short, sentence, {f"{p}_rows": n for p, n in parts.items()})
