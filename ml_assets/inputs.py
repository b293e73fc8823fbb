"""What a model really takes, against what it may not: protected columns, declared proxies, and what the plan dropped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ml_assets.declaration import Solution
from ml_assets.history import OWN, is_blocked
from ml_assets.resources import SolutionStore


@dataclass(frozen=True)
class InputCheck:
    """The inputs of a model, judged: ``found`` says what must not be there, ``let_in`` what a declared reason let in."""

    inputs: int
    hidden: tuple[str, ...]
    found: tuple[str, ...]
    let_in: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What was found, or what was looked for among how many."""
        none = f"none of {', '.join(self.hidden) or 'no protected column or proxy'} among {self.inputs} inputs of the model"
        said = "; ".join(self.found) or none
        return said + (f"; let in by declaration: {'; '.join(self.let_in)}" if self.let_in else "")


def judge_inputs(solution: Solution, store: SolutionStore, inputs: Sequence[str]) -> InputCheck:
    """Whether a hidden column is among the inputs of a model: by name, by what each is made from, or under other values.

    ``inputs`` are those of the stored artifact, not those that were meant for it: a model that was trained before a column
    was declared a proxy takes it still. What an input is made from was measured when the columns were selected; an input
    that was not selected has no such proof, and is found. So is a declared proxy that is no column of the data, for its
    absence from the model proves nothing. Values are compared on the newest batch that is not blocked.
    """
    hidden = solution.data_bias.hidden
    found = (*_by_origin(store, inputs, hidden), *_by_value(store, inputs, hidden), *_not_there(solution, store))
    return InputCheck(len(inputs), tuple(sorted(hidden)), tuple(dict.fromkeys(found)), _let_in(solution, store, inputs))


def _by_origin(store: SolutionStore, inputs: Sequence[str], hidden: dict[str, str]) -> Iterator[str]:
    chosen = store.read_facts("selected_columns")
    for name in inputs:
        if name in hidden:
            yield f"{name} is an input ({hidden[name]})"
        elif name not in chosen["features"]:
            yield f"{name} is an input that is not among the selected columns: what it is made from was not measured"
        made = [c for c in chosen["lineage"].get(name, ()) if c in hidden and c != name]
        yield from (f"{name} is made from {c} ({hidden[c]})" for c in made)


def _by_value(store: SolutionStore, inputs: Sequence[str], hidden: dict[str, str]) -> Iterator[str]:
    from ml_assets.statistics.proxies import repeats

    batch = _newest(store)
    features, rows = store.read_frame("features", batch), store.read_frame("valid_data", batch)
    for name in (n for n in inputs if n in features.columns and n not in hidden):
        for column in (c for c in hidden if c in rows.columns):
            if repeats(features[name], rows[column]):
                yield f"{name} repeats {column} ({hidden[column]})"


def _not_there(solution: Solution, store: SolutionStore) -> Iterator[str]:
    there = store.read_frame("valid_data", _newest(store)).columns
    for column in solution.data_bias.hidden:
        if column not in there:
            allowed = ", ".join(str(c) for c in there if not str(c).startswith(OWN))
            yield f"{column} is no column of the data, so its absence shows nothing; correct data_bias ({allowed})"


def _let_in(solution: Solution, store: SolutionStore, inputs: Sequence[str]) -> tuple[str, ...]:
    lineage = store.read_facts("selected_columns")["lineage"]
    taken = {c for name in inputs for c in (name, *lineage.get(name, ()))}
    bias = solution.data_bias
    return tuple(f"{c} ({why})" for c, why in bias.as_input.items() if {c, bias.columns_of(c)} & taken)


def _newest(store: SolutionStore) -> str:
    return [b for b in store.batches("features") if not is_blocked(store, b)][-1]
