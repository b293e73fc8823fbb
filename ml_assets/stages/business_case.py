"""Part 1: what is decided, what a decision is worth, and whether ML can pay at all on the history there is."""

from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.evidence import Verdict, intervals, numbers, table
from ml_assets.graph import Stage, solution_check
from ml_assets.history import training_rows
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.statistics.value import BinaryValue, break_even, policies

STAGE = "business_case"


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    stage = Stage(solution, STAGE)
    checks = [
        solution_check(
            solution,
            "business_case",
            "use_is_allowed",
            lambda _: _allowed(solution),
            blocking=True,
            description="The use is no prohibited practice, and its risk is not declared below its area.",
        ),
        solution_check(
            solution,
            "business_case",
            "signed_off",
            lambda s: _signed(s),
            description="The case was signed in the version that runs.",
        ),
        solution_check(
            solution,
            "baseline_value",
            "ml_can_pay",
            lambda s: _can_pay(s),
            description="Perfect decisions would earn more than doing nothing or the simple rule: there is something to gain.",
        ),
    ]
    return dg.Definitions(assets=[_business_case(stage), _baseline_value(stage)], asset_checks=checks)


def _business_case(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "business_case", solution.business_case.decision, kinds=["pydantic", "json"], sections=["success_criteria"]
    )
    def business_case(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = store.of(solution.name).write_facts("business_case", settle(solution))
        shown = [{"item": k, "value": v} for k, v in facts.items() if k not in ("money", "prohibited")]
        metadata = {
            "case": table(shown),
            "version": facts["version"],
            "signed": bool(facts["signed_version"] == facts["version"]),
        }
        if facts["break_even"] is not None:
            metadata["break_even_probability"] = facts["break_even"]
        return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(facts["version"]))

    return business_case


def settle(solution: Solution) -> Facts:
    """The case as it will be held to: its version, what its money implies, and what stands against it."""
    case = solution.business_case
    money = case.money(("0", "1")) if solution.task != "multiclass" else None
    signed = case.signed_off
    return {
        "decision": case.decision,
        "prediction": case.prediction,
        "owner": case.owner,
        "area": case.area,
        "risk": case.risk,
        "intended_use": case.intended_use,
        "out_of_scope": case.out_of_scope,
        "favourable": case.favourable,
        "version": solution.case_version,
        "signed_version": signed.version if signed else None,
        "signed_by": signed.by if signed else None,
        "currency": case.currency,
        "money": case.value.model_dump(mode="json") if case.value else None,
        "break_even": break_even(money) if isinstance(money, BinaryValue) else None,
        "prohibited": list(case.prohibited_reasons()),
        "understated_risk": case.understated_risk(),
    }


def _allowed(solution: Solution) -> Verdict:
    case = solution.business_case
    reasons = [*case.prohibited_reasons(), *([case.understated_risk()] if case.understated_risk() else [])]
    if not reasons:
        return Verdict(
            True,
            f"area {case.area!r} at risk {case.risk!r}: no prohibited practice found in area or words",
            {"objections": 0},
        )
    return Verdict(False, "; ".join(str(r) for r in reasons), {"objections": len(reasons)})


def _signed(store: SolutionStore) -> Verdict:
    facts = store.read_facts("business_case")
    if facts["signed_version"] is None:
        return Verdict(False, f"nobody has signed this case; version {facts['version']} runs", act=False)
    same = facts["signed_version"] == facts["version"]
    sentence = f"{facts['signed_by']} signed version {facts['signed_version']}; version {facts['version']} runs"
    return Verdict(same, sentence, act=facts["risk"] == "high")


def _baseline_value(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "baseline_value",
        "Money that doing nothing, one constant decision, and the simple rule earn on real history.",
        kinds=["numpy"],
        deps=["business_case", "training_set"],
    )
    def baseline_value(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = worth(solution, store.of(solution.name))
        rows = [
            {
                "policy": p["name"],
                "per decision": p["per_decision"]["value"],
                "low": p["per_decision"]["low"],
                "high": p["per_decision"]["high"],
                "total": p["total"],
                "n": p["per_decision"]["n"],
            }
            for p in facts["policies"]
        ]
        return dg.MaterializeResult(
            metadata={
                "policies": table(rows),
                "picture": dg.MetadataValue.md(facts["picture"]),
                **numbers(facts["figures"]),
            }
        )

    return baseline_value


def worth(solution: Solution, store: SolutionStore) -> Facts:
    """Every policy that needs no model, in money per decision, on the rows a model may learn from (never the test part)."""
    rows = training_rows(solution, store, weights=False)
    keep = rows.table.part != "test"
    money = solution.business_case.money(rows.table.classes)
    found = policies(rows.table.truth[keep], money, rule=None if rows.rule is None else rows.rule[keep])
    by_name = {p.name: p.per_decision.value for p in found}
    best_simple = max(v for n, v in by_name.items() if n != "perfect")
    figures = {f"{n}_per_decision": v for n, v in by_name.items()} | {
        "to_gain_per_decision": by_name["perfect"] - best_simple
    }
    picture = intervals(f"{solution.business_case.currency} per decision", [p.per_decision for p in found])
    return store.write_facts(
        "baseline_value",
        {"policies": list(found), "figures": figures, "picture": picture, "currency": solution.business_case.currency},
    )


def _can_pay(store: SolutionStore) -> Verdict:
    facts = store.read_facts("baseline_value")
    gain = facts["figures"]["to_gain_per_decision"]
    best = max((p for p in facts["policies"] if p["name"] != "perfect"), key=lambda p: p["per_decision"]["value"])
    sentence = (
        f"perfect decisions would earn {gain:.4g} {facts['currency']} per decision more than {best['name']} "
        f"({best['per_decision']['value']:.4g}); n = {best['per_decision']['n']:,}"
    )
    return Verdict(
        gain > 0, sentence if gain > 0 else sentence + ": there is nothing for a model to gain", facts["figures"]
    )
