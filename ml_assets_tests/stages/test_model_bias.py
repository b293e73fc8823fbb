"""Part 8: gaps of the final decisions, remedies, and what the plan of part 4 came to."""

import base64
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ml_assets.history import training_rows
from ml_assets.releases import challenger
from ml_assets.running import ROW_ASSETS, TRAINING_ASSETS
from ml_assets.stages import model_bias
from ml_assets.stages.model_bias.auditing import judge
from ml_assets.stages.model_bias.examining import _counted, _figures, _flipped
from ml_assets.statistics.crossings import crossed
from ml_assets_tests.stages.declarations import TABLE, declared
from ml_assets_tests.stages.lab import Lab, Planted, checks_of, open_instance, said


def _by_job(lab: Lab) -> dg.AssetCheckEvaluation:
    """The job is an input here, and drivers default more: as a protected attribute it shows a gap."""
    lab = lab.but(data_bias={"protected": ["sex", "job_group"], "as_input": {"job": "planted"}})
    lab.ok("model_bias_report")
    return lab.verdict("model_bias_report", "disparity")


def _weights_that_harm(lab: Lab) -> dg.AssetCheckEvaluation:
    """Weights that teach the opposite of their purpose: that drivers default, more than they do."""
    bias = {"protected": ["sex", "job_group"], "as_input": {"job": "planted"}}
    fair = {"metrics": ["selection_rate_ratio"], "tolerance": {"selection_rate_ratio": 0.3}}
    lab = lab.but(data_bias=bias, model_bias=fair)
    rows = training_rows(lab.solution, lab.store)
    driver = (rows.groups["job_group"] == "driver").to_numpy()
    weight = np.where(driver, np.where(rows.table.truth == 1, 1.6, 0.6), 1.0)
    lab.store.write_frame("sample_weights", lab.store.read_frame("sample_weights").assign(weight=weight))
    lab.store.write_facts("sample_weights", lab.store.read_facts("sample_weights") | {"attribute": "job_group"})
    lab.ok("candidates", "model", "mitigation")
    return lab.verdict("mitigation", "plan_kept")


def _trained_before_it_was_a_proxy(lab: Lab) -> dg.AssetCheckEvaluation:
    """The declaration changes, the artifact does not: it takes the job still."""
    return lab.but(data_bias={"proxies": {"job": "sex"}}).check("mitigation", "protected_absent")


PLANTED: Planted = {
    ("mitigation", "protected_absent"): _trained_before_it_was_a_proxy,
    ("model_bias_report", "disparity"): _by_job,
    ("mitigation", "plan_kept"): _weights_that_harm,
}


def test_every_check_has_a_planted_fault() -> None:
    assert set(PLANTED) == checks_of(model_bias)


@pytest.mark.parametrize(("asset", "check"), sorted(PLANTED))
def test_a_check_passes_on_good_data_and_fails_on_a_planted_fault(
    stream: Lab, fork: Lab, asset: str, check: str
) -> None:
    assert stream.verdict(asset, check).passed, said(stream.verdict(asset, check))
    found = PLANTED[asset, check](fork)
    assert not found.passed
    assert "driver" in said(found) or "job" in said(found)


def test_the_inputs_of_the_final_model_are_looked_at(fork: Lab) -> None:
    found = fork.but(data_bias={"proxies": {"age": "sex"}}).check("mitigation", "protected_absent")
    assert found.passed
    assert said(found) == "none of age, sex among 3 inputs of the model"
    lab = fork.but(data_bias={"proxies": {"job": "sex"}})
    assert "job is an input (declared proxy of sex)" in said(lab.check("mitigation", "protected_absent"))
    reason = lab.but(data_bias={"as_input": {"job": "the work is the risk"}}).check("mitigation", "protected_absent")
    assert reason.passed
    assert "let in by declaration: job (the work is the risk)" in said(reason)


def test_every_gap_has_n_interval_limit_and_verdict(stream: Lab) -> None:
    found = stream.store.read_facts("model_bias_report")["disparities"]
    assert {d["group"] for d in found} == {"f", "m"}
    assert {d["metric"] for d in found} == {"selection_rate_ratio", "equal_opportunity_difference"}
    for d in found:
        assert d["value"]["n"] > 0
        assert d["value"]["low"] <= d["value"]["value"] <= d["value"]["high"]


def test_remedies_are_compared_with_doing_nothing(stream: Lab) -> None:
    facts = stream.store.read_facts("mitigation")
    assert facts["tried"] == ["none", "reweigh"]
    assert {r["name"] for r in facts["rows"]} == {"none", "reweigh"}
    assert sum(r["chosen"] for r in facts["rows"]) == 1
    assert facts["planned"] == "sex"


def test_a_finding_is_met_by_the_ladder_and_every_candidate_says_what_it_does(fork: Lab) -> None:
    bias = {"protected": ["sex", "job_group"], "as_input": {"job": "planted"}}
    gates = {"metrics": ["selection_rate_ratio"], "tolerance": {"selection_rate_ratio": 0.9}}
    lab = fork.but(data_bias=bias, model_bias=gates | {"accuracy_budget": 1.0})
    lab.ok("mitigation")
    facts = lab.store.read_facts("mitigation")
    assert "adaptive 1" in facts["tried"]
    assert facts["outcome"] in ("remedied", "narrowed", "infeasible")
    assert facts["skipped"].get("group thresholds") in (
        "group_at_decision is forbidden",
        f"{facts['chosen']} already passes",
    )
    adaptive = next(r for r in facts["rows"] if r["name"] == "adaptive 1")
    assert {e["group"] for e in adaptive["effects"]} >= {"f", "m", "driver"}
    shown = lab.metadata("mitigation")
    assert {"remedies", "what it does to every group", "outcome"} <= set(shown)
    money, accuracy = pictures_in(shown["frontier"])
    assert "per decision" in words_of(money)
    assert "accuracy" in words_of(accuracy)
    for drawn in (money, accuracy):
        assert "none (start" in words_of(drawn)
        assert words_of(drawn).count("chosen") == 1
        assert all(name in words_of(drawn) for name in facts["tried"])
    beside = [words_of(one) for one in pictures_in(shown.get("before and after", ""))]
    assert len(beside) == (0 if facts["chosen"] == "none" else 2)
    assert all("job_group=driver" in words for words in beside)
    assert all(e["n"] > 0 for e in facts["evidence"])


def test_planned_alone_tries_nothing_else(fork: Lab) -> None:
    bias = {"protected": ["sex", "job_group"], "as_input": {"job": "planted"}}
    gates = {"metrics": ["selection_rate_ratio"], "tolerance": {"selection_rate_ratio": 0.9}, "remedies": "planned"}
    lab = fork.but(data_bias=bias, model_bias=gates)
    lab.ok("mitigation")
    assert lab.store.read_facts("mitigation")["tried"] == ["none", "reweigh"]


def test_without_protected_attributes_there_is_nothing_to_judge(table: Lab) -> None:
    found = table.verdict("model_bias_report", "disparity")
    assert found.passed
    assert "no attribute is protected" in said(found)


def test_what_the_plan_promised_is_measured_though_no_gate_asks_for_it(fork: Lab) -> None:
    """Another metric, and a crossing: with the figures of the same rows, and neither changes the verdict of the gates."""
    promised = [
        {"metric": "accuracy_difference", "group": "sex=f", "at_most": 0.5},
        {"metric": "calibration_difference", "group": "sex", "at_most": 0.5},
        {"metric": "selection_rate_ratio", "group": "sex & job_group", "at_least": 0.01},
        {"metric": "selection_rate_ratio", "group": "sex", "at_least": 0.01},
    ]
    entry = {"finding": "sex", "action": "accept", "reason": "-", "approved_by": "tests", "expires": "2099-01-01"}
    bias = {"protected": ["sex", "job_group"], "as_input": {"job": "planted"}}
    fork.but(data_bias=bias).ok("model_bias_report")
    before = fork.store.read_facts("model_bias_report")
    assert before["promised"] == []
    lab = fork.but(data_bias=bias | {"plan": [entry | {"expected_effect": promised}]})
    lab.ok("bias_remediation_plan", "model_bias_report")
    facts = lab.store.read_facts("model_bias_report")
    assert facts["disparities"] == before["disparities"]
    assert facts["verdict"] == before["verdict"]
    found = {(d["metric"], d["attribute"], d["group"]): d["value"]["value"] for d in facts["promised"]}
    assert {(m, a) for m, a, _ in found} == {
        ("accuracy_difference", "sex"),
        ("calibration_difference", "sex"),
        ("selection_rate_ratio", "sex & job_group"),
    }
    rows = training_rows(lab.solution, lab.store).part("test")
    answer = challenger(lab.store).predict(rows.table.features, groups=rows.groups)
    right, women = answer.decision == rows.table.truth, (rows.groups["sex"] == "f").to_numpy()
    gap = right[women].mean() - right[~women].mean()
    assert found["accuracy_difference", "sex", "f"] == pytest.approx(gap)
    away = answer.score - rows.table.truth
    assert found["calibration_difference", "sex", "f"] == pytest.approx(away[women].mean() - away[~women].mean())
    assert lab.verdict("model_bias_report", "plan_effect_met").passed


def test_a_remedy_that_nobody_planned_is_not_called_planned(fork: Lab) -> None:
    """The ladder tries a reweighing of its own under the same name."""
    bias = {"protected": ["sex", "job_group"], "as_input": {"job": "planted"}, "mitigation": "none"}
    gates = {"metrics": ["selection_rate_ratio"], "tolerance": {"selection_rate_ratio": 0.97}}
    lab = fork.but(data_bias=bias, model_bias=gates | {"accuracy_budget": 0.02})
    lab.ok("data_bias_report", "bias_remediation_plan", "sample_weights", "candidates", "model", "mitigation")
    facts = lab.store.read_facts("mitigation")
    assert facts["planned"] is None
    assert next(r for r in facts["rows"] if r["name"] == "reweigh")["within_budget"]
    assert (facts["chosen"], facts["outcome"]) == ("none", "infeasible")
    assert "planned" not in facts["sentence"]


def test_the_report_shows_every_figure_of_every_group_with_interval_and_n(stream: Lab) -> None:
    facts = stream.store.read_facts("model_bias_report")
    wanted = {
        "selection_rate", "true_positive_rate", "false_positive_rate", "positive_predictive_value",
        "false_omission_rate", "accuracy", "roc_auc", "calibration", "value_per_decision",
    }  # fmt: skip
    assert {(f["metric"], f["group"]) for f in facts["figures"]} == {(m, g) for m in wanted for g in ("f", "m")}
    for f in facts["figures"]:
        assert f["n"] > 0
        assert f["value"]["low"] <= f["value"]["value"] <= f["value"]["high"]
        assert f["gap"]["low"] <= f["gap"]["value"] <= f["gap"]["high"]
    rates = {f["group"]: f["value"]["value"] for f in facts["figures"] if f["metric"] == "selection_rate"}
    ratio = next(f for f in facts["figures"] if (f["metric"], f["group"]) == ("selection_rate", "f"))
    assert ratio["gap"]["value"] == pytest.approx(rates["f"] / rates["m"])
    shown = stream.metadata("model_bias_report")["figures of every group"]
    assert all(name in shown for name in wanted)


def test_crossings_are_compared_and_a_tiny_group_is_not_shown(fork: Lab) -> None:
    fork.store.write_frame("training_set", _with_few(fork.store.read_frame("training_set")))
    lab = fork.but(data_bias={"protected": ["sex", "age_band"]})
    lab.ok("model_bias_report")
    facts, shown = lab.store.read_facts("model_bias_report"), lab.metadata("model_bias_report")
    assert {f["attribute"] for f in facts["crossings"]} == {"sex & age_band"}
    assert facts["crossed_figures"] > len(facts["crossings"]) > 0
    assert facts["masked"]["sex"]["x"] == "small"
    few = [f for f in facts["figures"] if f["group"] == "x"]
    assert few
    assert {f["answer"] for f in few} <= {"too few to say", "not estimable"}
    assert "sex=x" not in shown["figures of every group"] + shown["gaps"] + shown["worst crossings"]
    assert "sex=x" in shown["not shown"]
    assert "fewer than 10 rows" in shown["not shown"]
    (beside,) = [g for g, why in facts["masked"]["sex"].items() if why == "complementary"]
    lines = [line for line in shown["figures of every group"].splitlines() if f"sex={beside} " in line]
    assert len(lines) == 9
    assert all(line.split("|")[6].strip() == "–" for line in lines), "the count of x could be worked out"


def _with_few(rows: pd.DataFrame) -> pd.DataFrame:
    """Four rows of the test part whose sex is "x"."""
    at = rows.index[rows["ml:part"] == "test"][:4]
    return rows.assign(**{"ml:group:sex": rows["ml:group:sex"].where(~rows.index.isin(at), "x")})


def test_numbers_and_several_classes_have_their_own_figures(classes: Lab, table: Lab) -> None:
    facts = classes.store.read_facts("model_bias_report")
    recalls = {(f["label"], f["group"]) for f in facts["figures"] if f["metric"] == "true_positive_rate"}
    assert recalls == {(k, g) for k in ("small", "large", "odd") for g in ("north", "south")}
    assert not table.store.read_facts("model_bias_report")["figures"]


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A predicted number whose weekday is protected and, for a reason, an input."""
    folder = tmp_path_factory.mktemp("shops")
    bias = {
        "groups": {"weekend": {"column": "weekday", "edges": [5]}},
        "protected": ["weekend"],
        "as_input": {"weekday": "people buy more at weekends"},
    }
    lab = Lab(declared(TABLE, data_bias=bias), open_instance(folder), folder)
    lab.ok(*ROW_ASSETS)
    lab.ok(*TRAINING_ASSETS)
    return lab


def test_a_predicted_number_is_shown_by_its_errors(shops: Lab) -> None:
    facts = shops.store.read_facts("model_bias_report")
    wanted = {"mean_residual", "mean_absolute_error", "residual_10", "residual_90", "value_per_decision"}
    assert {(f["metric"], f["group"]) for f in facts["figures"]} == {(m, g) for m in wanted for g in ("<5", ">=5")}
    assert all(f["n"] > 0 and f["value"]["low"] <= f["value"]["value"] <= f["value"]["high"] for f in facts["figures"])
    assert "residual_90" in shops.metadata("model_bias_report")["figures of every group"]


def test_calibration_of_every_group_and_what_cannot_hold_at_once(stream: Lab) -> None:
    facts, shown = stream.store.read_facts("model_bias_report"), stream.metadata("model_bias_report")
    assert [c["group"] for c in facts["calibration"]] == ["f", "m"]
    for c in facts["calibration"]:
        assert sum(p["observed"]["n"] for p in c["points"]) == c["n"]
        assert c["error"]["value"] >= 0
        assert f"sex={c['group']}" in shown["calibration by group"]
    said = [f["sentence"] for f in facts["cannot_hold"]]
    if said:
        assert sum(sentence in shown["what cannot hold at once"] for sentence in said) == 1, "one per attribute"
    else:
        assert "nothing that these rows show" in shown["what cannot hold at once"]


def test_different_base_rates_are_said_to_rule_equality_out(fork: Lab) -> None:
    """Drivers default more often: they cannot have the others' precision, recall and false positive rate."""
    lab = fork.but(data_bias={"protected": ["sex", "job_group"], "as_input": {"job": "planted"}})
    lab.ok("model_bias_report")
    found = lab.store.read_facts("model_bias_report")["cannot_hold"]
    (driver,) = [f for f in found if f["group"] == "driver"]
    assert driver["base_rate"]["value"] < driver["rest_base_rate"]["value"]
    assert driver["implied_gap"]["high"] < 0
    assert driver["sentence"] in lab.metadata("model_bias_report")["what cannot hold at once"]


def test_an_attribute_that_is_an_input_is_exchanged_and_otherwise_it_is_said(stream: Lab, shops: Lab) -> None:
    assert not stream.store.read_facts("model_bias_report")["flips"]
    assert "no protected attribute" in stream.metadata("model_bias_report")["attribute exchanged"]
    facts = shops.store.read_facts("model_bias_report")
    assert facts["read"] == ["weekend"]
    later, earlier = sorted(facts["flips"], key=lambda f: f["group"], reverse=True)
    assert (later["group"], earlier["group"]) == (">=5", "<5")
    assert later["changed"]["value"] == 1.0
    # five units more are sold each day of the week, and the middle days of the two bands are 2 and 5 (or 6)
    assert later["score"]["low"] <= later["score"]["value"] <= later["score"]["high"]
    assert 10 < later["score"]["value"] < 22
    assert earlier["score"]["value"] < -10
    assert "weekday = " in shops.metadata("model_bias_report")["attribute exchanged"]


def pictures_in(markdown: str) -> list[ET.Element]:
    """The pictures of a text; each must be well-formed."""
    return [ET.fromstring(base64.b64decode(code)) for code in re.findall(r"base64,([A-Za-z0-9+/=]+)\)", markdown)]


def words_of(drawn: ET.Element) -> str:
    return " ".join(part for part in drawn.itertext())


def test_the_report_is_drawn(stream: Lab) -> None:
    shown = stream.metadata("model_bias_report")
    rates = pictures_in(shown["rates of every group"])
    assert len(rates) == 8
    assert all("sex=f" in words_of(one) and "sex=m" in words_of(one) for one in rates)
    (calibration,) = pictures_in(shown["calibration of every group"])
    assert sum(part.tag.endswith("polyline") for part in calibration.iter()) == 2
    gated = dict.fromkeys(d["metric"] for d in stream.store.read_facts("model_bias_report")["disparities"])
    gaps = pictures_in(shown["picture"])
    assert len(gaps) == len(gated) > 1
    for one, metric in zip(gaps, gated, strict=True):
        assert words_of(one).count(f"{metric}: group against the rest") == 1


def test_exchanged_attributes_count_what_rows_share_once(stream: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr("ml_assets.learning.counterfactual.flips", lambda *_, **how: asked.update(how) or ())
    test = training_rows(stream.solution, stream.store).part("test")
    owner = np.arange(len(test.table)) // 10
    _flipped(stream.solution, replace(test, table=replace(test.table, cluster=owner)), challenger(stream.store))
    assert asked["cluster"] is owner


def test_gated_gaps_count_what_rows_share_once(stream: Lab) -> None:
    """Ten rows of a sex, of one label and nearly one score have one owner."""
    test = training_rows(stream.solution, stream.store).part("test")
    answer = challenger(stream.store).predict(test.table.features, groups=test.groups)
    groups, owner = test.groups[["sex"]], np.empty(len(test.table), dtype=np.int64)
    owner[np.lexsort([answer.score, test.table.truth, pd.factorize(groups["sex"])[0]])] = np.arange(len(owner)) // 10
    shared = replace(test, table=replace(test.table, cluster=owner))
    limits = stream.solution.fairness_limits
    found = [judge(stream.solution, groups, rows, answer, limits) for rows in (test, shared)]
    for one, other in zip(*found, strict=True):
        assert other.disparity.n == one.disparity.n
        assert other.disparity.value.value == pytest.approx(one.disparity.value.value)
        assert other.disparity.detectable > 1.3 * one.disparity.detectable


def test_figures_of_groups_count_what_rows_share_once(stream: Lab) -> None:
    test = training_rows(stream.solution, stream.store).part("test")
    answer = challenger(stream.store).predict(test.table.features, groups=test.groups)
    made, counted = crossed(test.groups[["sex"]], depth=1), _counted(stream.solution, test, answer)
    owner = np.empty(len(test.table), dtype=np.int64)
    owner[np.lexsort([answer.score, test.table.truth, pd.factorize(test.groups["sex"])[0]])] = (
        np.arange(len(owner)) // 10
    )
    shared = replace(test, table=replace(test.table, cluster=owner))
    told = [_figures(stream.solution, rows, answer, made, counted) for rows in (test, shared)]
    found = [one["figures"] for one in told]
    for alone, owned in zip(*(one["calibration"] for one in told), strict=True):
        assert owned.mean.high - owned.mean.low > 1.2 * (alone.mean.high - alone.mean.low)
    for one, other in zip(*found, strict=True):
        assert (other.metric, other.group, other.n) == (one.metric, one.group, one.n)
        assert other.gap.value == pytest.approx(one.gap.value)
    wider = {a.metric: (b.gap.high - b.gap.low) / (a.gap.high - a.gap.low) for a, b in zip(*found, strict=True)}
    assert min(wider[name] for name in ("selection_rate", "accuracy", "roc_auc", "calibration")) > 1.2, wider
