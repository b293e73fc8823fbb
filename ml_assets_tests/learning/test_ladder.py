"""The ladder in planted worlds: an unfair one, a fair one, one too small to tell, and ones where nothing helps."""

from dataclasses import replace

import numpy as np
import pytest

from ml_assets.learning.ladder import MOST_FITS, climb
from ml_assets.learning.remedies.rungs import RUNGS
from ml_assets_tests.learning.worlds import world

UNFAIR = world(4.0)


def test_a_planted_unfair_world_is_remedied_within_the_budget_by_one_blind_model() -> None:
    found = climb(UNFAIR)
    none, row = found.table.row("none"), found.table.row(found.table.chosen)
    assert none.verdict == "fail"
    assert found.table.outcome == "remedied"
    assert row.verdict == "pass"
    assert row.lost_share <= UNFAIR.accuracy_budget
    assert abs(row.disparity.value) < abs(none.disparity.value)
    assert found.chosen.group_thresholds is None
    assert not row.needs_group
    assert 1 <= found.fits <= 10
    assert set(found.skipped) | {"reweighing", "adaptive reweighing"} >= {rung.name for rung in RUNGS}


def test_what_it_does_to_every_group_stands_beside_every_candidate() -> None:
    for row in climb(UNFAIR).table.rows:
        assert {(e.group, e.rate) for e in row.effects} == {
            (group, rate) for group in ("f", "m") for rate in ("selection rate", "true positive rate")
        }
        assert row.money_lost.low <= row.money_lost.value <= row.money_lost.high
        assert row.changed.n == row.accuracy_lost.n == 3_000


def test_every_row_is_kept_and_the_answer_repeats() -> None:
    before = UNFAIR.rows.weight.copy()
    first, second = climb(UNFAIR), climb(UNFAIR)
    assert first.table.chosen == second.table.chosen
    table, groups = UNFAIR.judged
    one, two = (c.chosen.predict(table.features, groups=groups).decision for c in (first, second))
    assert np.array_equal(one, two)
    assert np.array_equal(before, UNFAIR.rows.weight)


def test_a_fair_world_is_left_alone_without_a_fit() -> None:
    found = climb(world(0.0))
    assert (found.table.chosen, found.table.outcome, found.fits) == ("none", "no_finding", 0)
    assert list(found.candidates) == ["none"]


@pytest.mark.parametrize("harm", [0.0, 1.0])
def test_groups_too_small_to_ever_decide_are_not_resolvable_and_say_how_many_rows(harm: float) -> None:
    found = climb(world(harm, n=150))
    assert (found.table.chosen, found.table.outcome, found.fits) == ("none", "not_resolvable", 0)
    assert "Still needed: equal_opportunity_difference sex = " in found.table.sentence
    assert all(one.needed is not None and one.needed > one.n for one in found.evidence)


def test_no_candidate_within_the_budget_is_infeasible_and_nothing_is_changed() -> None:
    found = climb(replace(UNFAIR, accuracy_budget=0.0, metrics={"selection_rate_difference": 0.02}))
    assert (found.table.chosen, found.table.outcome) == ("none", "infeasible")
    assert found.table.sentence.startswith("Infeasible: none of ")
    assert "group_at_decision is forbidden" in found.table.sentence
    assert found.fits <= 10


def test_thresholds_come_last_and_only_where_the_group_is_allowed() -> None:
    metrics = {"selection_rate_difference": 0.05}
    blind = climb(replace(UNFAIR, metrics=metrics), rungs=RUNGS[3:])
    assert (blind.table.outcome, list(blind.candidates)) == ("infeasible", ["none"])
    aware = climb(replace(UNFAIR, metrics=metrics, group_at_decision="allowed", largest_tpr_loss=0.3), rungs=RUNGS[3:])
    assert aware.table.outcome in ("remedied", "narrowed")
    assert aware.table.row(aware.table.chosen).needs_group
    assert aware.chosen.group_thresholds is not None
    assert aware.chosen.group_at_decision == "allowed"


def test_a_finding_no_remedy_moves_is_infeasible_not_silent() -> None:
    situation = world(3.0, task="regression", metrics={"mean_residual_difference": 0.05}, family="dummy")
    found = climb(situation)
    assert found.table.row("none").verdict == "fail"
    assert found.table.outcome == "infeasible"
    assert "a regression has no rate" in found.skipped["adaptive reweighing"]
    assert "regression" in found.skipped["group thresholds"]


def test_multiclass_climbs_what_applies() -> None:
    situation = world(3.0, task="multiclass", favourable=2, metrics={"selection_rate_difference": 0.1}, budget=0.5)
    found = climb(situation)
    assert found.table.row("none").verdict == "fail"
    assert len(found.candidates) > 1
    assert found.table.outcome == "remedied" or "multiclass" in found.skipped["penalty"]


def test_planned_remedies_are_compared_and_not_made_again() -> None:
    planned = climb(UNFAIR, rungs=RUNGS[:1]).candidates["reweigh"].artifact
    found = climb(UNFAIR, planned={"reweigh": planned})
    assert found.candidates["reweigh"].artifact is planned
    assert found.skipped.get("reweighing") in ("planned already", "reweigh already passes")


def test_fits_are_counted_and_bounded() -> None:
    strict = replace(UNFAIR, accuracy_budget=0.0, metrics={"selection_rate_difference": 0.02})
    found = climb(strict, most_fits=3)
    assert found.fits == 3
    assert len(found.candidates) == 4
    assert climb(strict, most_fits=0).skipped["reweighing"] == "0 of 0 fits are used up"
    assert MOST_FITS == 15
