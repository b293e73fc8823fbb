"""Part 4 on worlds made for it: each kind of bias is found and named, a fair world is not accused, bad input is answered."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from upath import UPath

from ml_assets.declaration import Solution
from ml_assets.declaration.data_bias import PlanEntry
from ml_assets.errors import DataError
from ml_assets.evidence import markdown_table
from ml_assets.history import ID, LABEL
from ml_assets.resources.store import Facts, SolutionStore, plain
from ml_assets.stages.data_bias.document import RemediationPlan
from ml_assets.stages.data_bias.effects import data_effects_met, of_data
from ml_assets.stages.data_bias.examining import examine
from ml_assets.stages.data_bias.findings import Finding, findings
from ml_assets.stages.data_bias.plan import covered, draft_plan
from ml_assets.stages.data_bias.report import represented
from ml_assets.stages.data_bias.showing import report_metadata, shown_gaps, shown_shares
from ml_assets.statistics.weighted_gaps import weighted_gaps
from ml_assets_tests.declaration.minimal import changed

TODAY = date(2026, 3, 1)
APPROVED = {"reason": "r", "approved_by": "Ann", "expires": "2026-06-01"}
N = 3_000
World = pd.DataFrame


def people(seed: int = 0, n: int = N) -> World:
    """Everybody alike: labels, values and gaps have nothing to do with the group."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "origin": rng.choice(["here", "abroad"], n, p=[0.7, 0.3]),
            "skill": rng.choice(["low", "high"], n),
            "income": np.where(rng.random(n) < 0.1, np.nan, rng.normal(50, 10, n)),
            "street": rng.choice([f"s{i}" for i in range(40)], n),
        }
    )
    return frame.assign(left=(rng.random(n) < np.where(frame["skill"] == "high", 0.6, 0.4)).astype(int))


@pytest.fixture
def store(tmp_path: Path) -> SolutionStore:
    return SolutionStore(UPath(tmp_path) / "churn")


def solution(task: str = "binary", **bias: Any) -> Solution:
    declared = {"protected": ["sex", "origin"], "reference_population": {"sex": {"f": 0.5, "m": 0.5}}} | bias
    declared["reference_population"] = {
        a: s for a, s in declared["reference_population"].items() if a in declared["protected"]
    }
    target = {"column": "left", "task": task}
    return Solution.model_validate(changed(data_bias=declared, business_case__target=target))


def stored(store: SolutionStore, frame: World, *, batches: int = 1) -> None:
    """The world as stored batches with labels."""
    rows = frame.drop(columns="left").assign(**{ID: [f"r{i}" for i in range(len(frame))]})
    labels = pd.DataFrame({ID: rows[ID], LABEL: frame["left"]})
    for i, at in enumerate(np.array_split(np.arange(len(frame)), batches)):
        batch = f"2026-01-{i + 1:02d}"
        store.write_frame("valid_data", rows.iloc[at], batch)
        store.write_frame("labels", labels.iloc[at], batch)
        store.write_facts("valid_data", {"blocked": False}, batch)
        store.write_facts("labels", {"mature": True, "labelled": len(at)}, batch)


def report(store: SolutionStore, frame: World, declared: Solution | None = None, *, batches: int = 1) -> Facts:
    stored(store, frame, batches=batches)
    return examine(declared or solution(), store)


def found_in(store: SolutionStore, frame: World, declared: Solution | None = None) -> dict[str, Finding]:
    declared = declared or solution()
    return {f.id: f for f in findings(declared, report(store, frame, declared))}


def _representation(frame: World) -> World:
    return frame[(frame["sex"] == "m") | (frame.index % 4 == 0)]


def _label(frame: World) -> World:
    return frame.assign(left=np.where((frame["sex"] == "f") & (frame.index % 3 == 0), 1, frame["left"]))


def _crossing(frame: World) -> World:
    ours = (frame["sex"] == "f") & (frame["origin"] == "abroad")
    others = (frame["sex"] == "m") & (frame["origin"] == "abroad")
    return frame.assign(
        left=np.select([ours & (frame.index % 2 == 0), others & (frame.index % 2 == 0)], [1, 0], frame["left"])
    )


def _hidden(frame: World) -> World:
    rng = np.random.default_rng(1)
    skill = np.where(rng.random(len(frame)) < np.where(frame["sex"] == "f", 0.85, 0.15), "high", "low")
    rate = np.where(skill == "high", 0.75, 0.35) - 0.28 * (frame["sex"] == "f")
    return frame.assign(skill=skill, left=(rng.random(len(frame)) < rate).astype(int))


def _missing(frame: World) -> World:
    return frame.assign(income=frame["income"].where((frame["origin"] == "here") | (frame.index % 2 == 0)))


def _unknown(frame: World) -> World:
    return frame.assign(origin=frame["origin"].where(frame.index % 2 == 0))


def _proxy(frame: World) -> World:
    side = np.random.default_rng(2).integers(0, 20, len(frame))
    return frame.assign(street=[f"s{k + 20 * (sex == 'f')}" for k, sex in zip(side, frame["sex"], strict=True)])


@pytest.mark.parametrize(
    ("plant", "expected", "named"),
    [
        (_representation, "D-representation-sex=f", "times its reference share"),
        (_label, "D-label-sex=f", "label rate"),
        (_crossing, "D-label-sex & origin=f & abroad", "sex & origin = f & abroad"),
        (_hidden, "D-conditional_label-sex=f", "that the plain rates hide"),
        (_missing, "D-missingness-origin=abroad:income", "missing share of income"),
        (_unknown, "D-unknown-origin", "unknown for 50.0%"),
        (_proxy, "D-proxy-sex", "carried by street"),
    ],
)
def test_planted_bias_of_each_kind_is_found_and_named(
    store: SolutionStore, plant: Callable[[World], World], expected: str, named: str
) -> None:
    found = found_in(store, plant(people()), solution(legitimate=["skill"]))
    assert expected in found
    assert named in found[expected].sentence
    assert found[expected].verdict in ("fail", "suspect")


def test_another_spread_of_a_number_is_found(store: SolutionStore) -> None:
    frame = people()
    wide = np.random.default_rng(0).normal(0, 1, N) * np.where(frame["sex"] == "f", 4, 1)
    found = found_in(store, frame.assign(left=wide), solution("regression"))
    assert {"D-label_distribution-sex=f", "D-label_distribution-sex=m"} <= set(found)
    assert not [f for f in found.values() if f.kind == "label"]


def test_a_fair_world_is_not_accused(tmp_path: Path) -> None:
    answers: list[str] = []
    for seed in range(6):
        store = SolutionStore(UPath(tmp_path) / f"w{seed}")
        answers += [f.verdict for f in found_in(store, people(seed), solution(legitimate=["skill"])).values()]
    assert "fail" not in answers
    assert len(answers) <= 1


def test_a_crossing_is_part_of_the_gap_it_lies_in(store: SolutionStore) -> None:
    found = found_in(store, _label(people()))
    part = found["D-label-sex & origin=f & here"]
    assert part.parents == ("sex=f",)
    entry = PlanEntry.model_validate({"finding": "sex=f", "action": "accept", **APPROVED})
    assert part.answered_by((entry,)) == entry


def test_both_attributes_answer_for_their_crossing(store: SolutionStore) -> None:
    one = found_in(store, _crossing(people()))["D-label-sex & origin=f & abroad"]
    entries = tuple(PlanEntry.model_validate({"finding": a, "action": "accept", **APPROVED}) for a in ("origin", "sex"))
    assert one.answered_by(entries) == entries[1]
    assert one.answered_by(entries[:1]) is None or one.parents


@pytest.mark.parametrize("n", [1, 5])
def test_a_tiny_group_is_masked_and_too_few_to_say(store: SolutionStore, n: int) -> None:
    frame = people()
    facts = report(store, frame.assign(sex=frame["sex"].where(frame.index >= n, "x")), solution(protected=["sex"]))
    assert facts["masked"]["sex"]["x"] == "small"
    assert "complementary" in facts["masked"]["sex"].values()
    rows = {str(r["group"]): r for r in shown_gaps(facts)}
    assert (rows["sex=x"]["n"], rows["sex=x"]["rate"], rows["sex=x"]["verdict"]) == ("<10", None, "too few to say")
    assert "fewer than 10 rows" in str(rows["sex=x"]["finding"])
    assert {r["n"] for r in rows.values()} >= {"<10", "not shown"}
    written = "".join(str(v) for v in (*report_metadata(facts).values(), markdown_table(shown_shares(facts))))
    hidden = next(s for s in facts["shares"] if facts["masked"]["sex"].get(s["group"]) == "complementary")
    assert f"{hidden['n']:,} of" not in written
    assert "x: 1 of" not in written


def test_a_group_without_a_row_is_told(store: SolutionStore) -> None:
    declared = solution(protected=["sex"], reference_population={"sex": {"f": 0.4, "m": 0.4, "x": 0.2}})
    one = found_in(store, people(), declared)["D-representation-sex=x"]
    assert one.verdict == "fail"
    assert one.n == 0
    assert one.rows_needed is not None
    assert one.rows_needed > 500
    assert "sex = x: 0 of" in represented(store).sentence


def test_one_class_in_a_group(store: SolutionStore) -> None:
    frame = people()
    one = found_in(store, frame.assign(left=np.where(frame["sex"] == "f", 1, frame["left"])))["D-label-sex=f"]
    assert one.verdict == "fail"
    assert one.estimate is not None
    assert one.estimate["high"] < 1


def test_an_attribute_missing_for_half_is_counted(store: SolutionStore) -> None:
    facts = report(store, _unknown(people()))
    groups = {s["group"]: s["n"] for s in facts["shares"] if s["attribute"] == "origin"}
    assert groups["unknown"] == N / 2
    assert {g["group"] for g in facts["gaps"] if g["attribute"] == "origin"} == {"here", "abroad", "unknown"}


def test_an_attribute_that_is_only_known_later(store: SolutionStore) -> None:
    frame = people()
    facts = report(store, frame.assign(origin=frame["origin"].where(frame.index < 0.6 * N)), batches=5)
    (one,) = (u for u in facts["unknown"] if u["attribute"] == "origin")
    assert (one["blind"], one["newest_blind"], one["batches"]) == (2, 2, 5)
    assert "may only be known later" in one["sentence"]


def test_an_attribute_that_is_not_there(store: SolutionStore) -> None:
    with pytest.raises(DataError, match="group origin cannot be made: got no column 'origin'"):
        report(store, people().drop(columns="origin"))


def test_a_hundred_values_are_judged_and_their_crossing_is_left_out(store: SolutionStore) -> None:
    frame = people()
    facts = report(store, frame.assign(origin=[f"o{i % 101}" for i in range(N)]))
    assert facts["not_crossed"] == {"sex & origin": 202}
    assert len([g for g in facts["gaps"] if g["attribute"] == "origin"]) == 101
    assert not [g for g in facts["gaps"] if g["verdict"] == "fail"]
    assert "not_crossed" in report_metadata(facts)


def test_a_measurement_without_bands_is_refused_and_with_them_is_not(store: SolutionStore) -> None:
    with pytest.raises(DataError, match=r"attribute 'income' is a measurement.*Declare the edges"):
        report(store, people(), solution(protected=["income"]))
    banded = solution(groups={"income_band": {"column": "income", "edges": [40, 60]}}, protected=["income_band"])
    facts = report(store, people(), banded)
    assert {s["group"] for s in facts["shares"]} == {"<40", "40-59", ">=60", "unknown"}


@pytest.mark.parametrize("name", ["left", "skil"])
def test_people_are_compared_by_columns_that_are_known_before(store: SolutionStore, name: str) -> None:
    with pytest.raises(DataError, match=f"cannot be compared by: got {name}"):
        report(store, people(), solution(legitimate=[name]))


def test_nothing_protected_is_nothing_found(store: SolutionStore) -> None:
    facts = report(store, people(), solution(protected=[]))
    assert findings(solution(protected=[]), facts) == ()
    assert report_metadata(facts)["rows"] == N


def test_every_figure_of_the_report_has_rows_and_an_interval(store: SolutionStore) -> None:
    facts = report(store, _label(people()), solution(legitimate=["skill"]))
    for key, figure in (("gaps", "difference"), ("gaps", "ratio"), ("conditional", "conditional"),
                        ("divergences", "jensen_shannon"), ("column_proxies", "strength"), ("proxies", "auc")):  # fmt: skip
        for one in facts[key]:
            assert one[figure]["n"] > 0, key
            assert one[figure]["low"] <= one[figure]["value"] <= one[figure]["high"], (key, one)
    assert {"label_gaps", "proxies", "conditional_gaps", "picture", "shares_picture", "stress"} <= set(
        report_metadata(facts)
    )


def planned(store: SolutionStore, *plan: dict[str, Any], today: date = TODAY, **bias: Any) -> Facts:
    if not store.find_facts("data_bias_report"):
        report(store, _label(people()))
    return draft_plan(solution(plan=list(plan), **bias), store, today=today)


def test_a_draft_is_open_blocks_and_approves_nothing(store: SolutionStore) -> None:
    facts = planned(store)
    RemediationPlan.model_validate(facts)
    one = next(f for f in facts["findings"] if f["id"] == "D-label-sex=f")
    assert (one["status"], one["blocks"], one["decision"]["approved_by"]) == ("open", True, None)
    assert one["evidence"]["n"] > 1_000
    assert one["evidence"]["q"] < 0.001
    assert 0 < one["evidence"]["minimum_detectable_gap"] < 0.1
    assert one["expected_effect"][0]["metric"] == "label_rate_difference"
    assert not one["expected_effect"][0]["binding"]
    assert facts["promises"] == []
    assert not covered(store).passed
    assert covered(store).act


def test_the_drafted_yaml_is_a_proposal_until_someone_signs_it(store: SolutionStore) -> None:
    entries = yaml.safe_load(planned(store)["draft"])["data_bias"]["plan"]
    proposed = planned(store, *entries)
    assert {f["status"] for f in proposed["findings"]} == {"proposed"}
    assert proposed["blocking"]
    assert proposed["draft"] == ""
    signed = planned(store, *(e | {"approved_by": "Ann"} for e in entries))
    assert {f["status"] for f in signed["findings"]} == {"approved"}
    assert (signed["open"], signed["blocking"]) == (0, [])
    assert covered(store).passed
    assert signed["promises"]


def test_a_draft_that_drops_columns_names_them_and_its_signature_drops_them(store: SolutionStore) -> None:
    report(store, _proxy(people()))
    entries = yaml.safe_load(draft_plan(solution(), store, today=TODAY)["draft"])["data_bias"]["plan"]
    (one,) = (e for e in entries if e["finding"] == "D-proxy-sex")
    assert (one["action"], one["columns"][0]) == ("drop_column", "street")
    assert "street" not in solution(plan=[one]).never_inputs
    assert "street" in solution(plan=[one | {"approved_by": "Ann"}]).never_inputs


def test_an_expired_waiver_blocks_even_what_is_not_proven(store: SolutionStore) -> None:
    entries = [{"finding": a, "action": "accept", **APPROVED} for a in ("sex", "origin")]
    assert planned(store, *entries)["blocking"] == []
    late = planned(store, *entries, today=date(2026, 6, 2))
    assert set(late["blocking"]) == {f["id"] for f in late["findings"]}
    assert {f["status"] for f in late["findings"]} == {"expired"}
    assert "expired" in covered(store).sentence


def test_a_completed_entry_is_told_in_full(store: SolutionStore) -> None:
    entry = {
        "finding": "D-label-sex=f",
        "action": "reweigh",
        **APPROVED,
        "suspected_cause": "clerks refused women",
        "decided_by": "Cleo",
        "rejected_because": {"group_thresholds": "disparate treatment"},
        "expected_effect": [{"metric": "label_rate_difference", "at_most": 0.02}],
        "residual_risk": {"text": "t", "severity": "medium", "accepted_by": "Bob", "expires": "2026-05-01"},
        "signoff": [{"role": "model_owner", "by": "Ann", "date": "2026-02-28"}],
    }
    facts = planned(store, entry)
    one = next(f for f in facts["findings"] if f["id"] == "D-label-sex=f")
    assert one["suspected_cause"] == "clerks refused women"
    assert one["decision"]["decided_by"] == "Cleo"
    assert one["decision"]["rejected_because"] == {"group_thresholds": "disparate treatment"}
    assert one["residual_risk"]["accepted_by"] == "Bob"
    assert one["covered_until"] == "2026-05-01"
    assert one["signoff"] == [{"role": "model_owner", "by": "Ann", "on": "2026-02-28"}]
    assert facts["promises"][0] == {
        "finding": "D-label-sex=f", "metric": "label_rate_difference", "group": "sex=f", "at_most": 0.02, "at_least": None,
    }  # fmt: skip


GAP = {
    "metric": "selection_rate_ratio",
    "attribute": "sex",
    "group": "f",
    "value": {"value": 0.9, "low": 0.8, "high": 1.0},
}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"name": "none"}, {"name": "reweigh"}],
        [{"name": "reweigh", "worst": None, "money_lost": None, "effects": [{"attribute": "sex"}], "new": 1}],
        [
            {
                "name": "reweigh",
                "verdict": "pass",
                "worst": GAP,
                "lost_share": 0.01,
                "levels_down": True,
                "reason": "it works",
                "widened": ["x"],
                "effects": [
                    {
                        "attribute": "sex",
                        "group": "f",
                        "rate": "TPR",
                        "before": {"value": 0.5},
                        "after": {"value": 0.6},
                    }
                ],
            }
        ],
    ],
)
def test_what_was_tried_is_taken_from_part_8_whatever_its_shape(store: SolutionStore, rows: list[Any]) -> None:
    store.write_facts("mitigation", {"rows": rows, "chosen": "reweigh"})
    one = next(f for f in planned(store)["findings"] if f["id"] == "D-label-sex=f")
    tried = [o for o in one["options"] if o["tried"]]
    assert [o["action"] for o in tried] == [r["name"] for r in rows if r["name"] != "none"]
    assert {"collect_data", "accept"} <= {o["action"] for o in one["options"]}
    if rows and "verdict" in rows[0]:
        assert (tried[0]["gap_after"], tried[0]["chosen"]) == (0.9, True)
        assert "TPR of sex=f: 0.500 → 0.600" in tried[0]["side_effects"]


@pytest.mark.parametrize(
    ("effect", "answer"),
    [
        ({"metric": "label_rate_difference", "at_most": 0.02}, "met"),
        ({"metric": "representation_ratio", "at_least": 0.9}, "met"),
        ({"metric": "representation_ratio", "at_least": 1.2}, "not met"),
        ({"metric": "missing_share_difference", "column": "income", "at_most": 0.05}, "met"),
        ({"metric": "missing_share_difference", "column": "street", "at_most": 0.05}, "not measured"),
        ({"metric": "proxy_auc", "group": "sex", "at_most": 0.6}, "met"),
        ({"metric": "proxy_auc", "group": "sex", "at_most": 0.4}, "not met"),
    ],
)
def test_a_promise_is_held_by_the_next_data(store: SolutionStore, effect: dict[str, Any], answer: str) -> None:
    planned(store, {"finding": "sex=f", "action": "reweigh", **APPROVED, "expected_effect": [effect]})
    frame = people()
    gaps = weighted_gaps(frame[["sex"]], frame["left"], np.ones(N))
    found = of_data(store, gaps)
    assert {o.answer for o in found} == {answer}
    store.write_facts("sample_weights", {"effects": [plain(o) for o in found]})
    verdict = data_effects_met(store)
    assert verdict.passed == (answer == "met")
    assert verdict.act == (answer == "not met")


def test_a_promise_outlives_its_finding(store: SolutionStore) -> None:
    report(store, people())
    effect = {"metric": "representation_ratio", "at_least": 0.9}
    entry = {"finding": "D-representation-sex=f", "action": "collect_data", **APPROVED, "expected_effect": [effect]}
    facts = planned(store, entry)
    assert facts["findings"] == []
    assert facts["promises"][0]["group"] == "sex=f"


def test_ten_rows_of_a_person_tell_no_more_than_one(store: SolutionStore) -> None:
    frame = _label(people(n=300))
    many = frame.loc[np.repeat(frame.index, 10)].assign(person=np.repeat(np.arange(300), 10)).reset_index(drop=True)
    raw = solution().model_dump(mode="json", by_alias=True, exclude_unset=True)
    shared = Solution.model_validate(raw | {"model": raw.get("model", {}) | {"cluster": "person"}})
    one, by_row, by_person = report(store, frame), report(store, many), report(store, many, shared)
    for at, gap in enumerate(by_person["gaps"]):
        widths = [f["gaps"][at]["difference"]["high"] - f["gaps"][at]["difference"]["low"] for f in (one, by_row)]
        assert gap["difference"]["high"] - gap["difference"]["low"] == pytest.approx(widths[0], rel=0.05)
        assert widths[0] > 2.5 * widths[1]
        assert gap["detectable"] == pytest.approx(one["gaps"][at]["detectable"], rel=0.05)
        assert gap["verdict"] == one["gaps"][at]["verdict"]
    before = [{s["before"] for s in f["stress"] if s["attribute"] == "sex"} for f in (one, by_row, by_person)]
    assert before[0] == before[2] != before[1]


def test_shares_missing_values_distances_and_comparable_rows_count_a_person_once(store: SolutionStore) -> None:
    frame = _label(people(n=300))
    frame["pay"] = np.where(np.arange(300) % 4 == 0, np.nan, np.arange(300.0))
    frame["job"] = np.where(np.arange(300) % 2 == 0, "nurse", "clerk")
    many = frame.loc[np.repeat(frame.index, 10)].assign(person=np.repeat(np.arange(300), 10)).reset_index(drop=True)
    raw = solution().model_dump(mode="json", by_alias=True, exclude_unset=True)
    bias = raw["data_bias"] | {"legitimate": ["job"], "reference_population": {"sex": {"f": 0.5, "m": 0.5}}}
    rows = Solution.model_validate(raw | {"data_bias": bias})
    shared = Solution.model_validate(raw | {"data_bias": bias, "model": raw.get("model", {}) | {"cluster": "person"}})
    one, by_row, by_person = report(store, frame, rows), report(store, many, rows), report(store, many, shared)
    figures = {
        "shares": "share",
        "missing": "difference",
        "missing_by_label": "difference",
        "conditional": "conditional",
        "divergences": "total_variation",
    }
    for section, name in figures.items():
        found = [[e for e in f[section] if e.get("column", "pay") == "pay"] for f in (one, by_row, by_person)]
        assert found[0], section
        for alone, wrong, right in zip(*found, strict=True):
            if "sex" not in (alone["attribute"], alone.get("group")) and alone["attribute"] != "all rows":
                continue
            width = [e[name]["high"] - e[name]["low"] for e in (alone, wrong, right)]
            assert width[2] == pytest.approx(width[0], rel=0.25), (section, alone)
            assert width[2] > 1.4 * width[1], (section, alone)
