from dataclasses import replace

import numpy as np
import pytest

from ml_assets.errors import DataError
from ml_assets_tests.learning.worlds import world

SITUATION = world(0.0, n=600)


def test_judged_are_the_validation_rows_with_their_groups() -> None:
    table, groups = SITUATION.judged
    assert set(table.part) == {"validation"}
    assert len(table) == len(groups) == 200
    assert groups["sex"].tolist() == SITUATION.groups["sex"][::3].tolist()


def test_a_remedy_is_named_in_the_facts_beside_those_of_the_base() -> None:
    base = replace(SITUATION.base, facts={"training_digest": "abc"})
    marked = replace(SITUATION, base=base).marked(base, "adaptive 1")
    assert dict(marked.facts) == {"training_digest": "abc", "remedy": "adaptive 1"}


def test_the_test_part_and_rows_without_groups_are_refused() -> None:
    parts = SITUATION.rows.part.copy()
    parts[:5] = "test"
    with pytest.raises(DataError, match="Leave the test part out"):
        replace(SITUATION, rows=replace(SITUATION.rows, part=parts))
    with pytest.raises(DataError, match="599 rows of groups"):
        replace(SITUATION, groups=SITUATION.groups.head(599))
    with pytest.raises(DataError, match="rows of validation"):
        replace(SITUATION, rows=replace(SITUATION.rows, part=np.full(600, "validation")))


def test_a_last_fit_has_all_rows_to_learn_from_and_none_to_judge_on() -> None:
    last = replace(SITUATION, recipe=SITUATION.recipe.given({"C": 0.5, "max_iter": 7})).joined({"max_iter": 9})
    assert set(last.rows.part) == {"train"}
    assert len(last.rows) == len(SITUATION.rows)
    assert last.groups is SITUATION.groups
    assert last.recipe.parameters == {"C": 0.5, "max_iter": 9}
    with pytest.raises(DataError, match="No rows to judge a remedy on"):
        _ = last.judged
