"""Assets of part 10: the policy replayed on history in money, and the log of every retraining."""

from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.evidence import Verdict, band, markdown_table, numbers, table
from ml_assets.graph import Stage, solution_check
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.statistics.ageing import FEWEST_BLOCKS
from ml_assets.statistics.estimate import Estimate

STAGE = "retraining"
RENEW_AFTER, RENEW_DAYS = "renew_after_batches", "renew_after_days"


def build_assets(solution: Solution) -> list[dg.AssetsDefinition]:
    """policy_backtest and retraining_log."""
    stage = Stage(solution, STAGE)
    return [_policy_backtest(stage), _retraining_log(stage)]


def build_checks(solution: Solution) -> list[dg.AssetChecksDefinition]:
    """The policy pays (streams), and every retraining explains itself."""
    checks = [
        solution_check(
            solution,
            "retraining_log",
            "every_retraining_explained",
            _explained,
            description="Every retraining names its trigger, evidence and outcome.",
        )
    ]
    if solution.data_pipeline.is_stream:
        checks.append(
            solution_check(
                solution,
                "policy_backtest",
                "policy_pays",
                _pays,
                description="On history the declared policy earns at least what never retraining earns, its cost deducted.",
            )
        )
    return checks


def _policy_backtest(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "policy_backtest",
        "The declared trigger policy replayed on labelled history against never, always and the best in hindsight, in money; what age costs, and when it is worth a retraining.",
        kinds=["numpy", "report"],
        deps=["training_set", "model"],
        sections=["business_case"],
    )
    def policy_backtest(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        from ml_assets.stages.retraining.replaying import replay_history

        facts = replay_history(solution, store.of(solution.name))
        if not facts["outcomes"]:
            return dg.MaterializeResult(metadata={"state": facts["sentence"]})
        rows = [
            {
                "policy": o["name"],
                "retrainings": o["retrains"],
                "money": o["money"],
                "cost": o["cost"],
                "regret": o["regret"],
            }
            for o in facts["outcomes"]
        ]
        return dg.MaterializeResult(
            metadata={
                "policies": table(rows),
                "sentence": facts["sentence"],
                "blocks": facts["blocks"],
                **numbers({f"net_{_key(o['name'])}": o["money"] - o["cost"] for o in facts["outcomes"]}),
                **_staleness(facts["staleness"], solution.business_case.currency),
                **renewal_shown(facts["renewal"]),
            }
        )

    return policy_backtest


def _staleness(facts: Facts, unit: str) -> dict[str, Any]:
    """The sentence, a table by age, and the curve with its band where there are blocks enough for one."""
    ages = [(a["age"], Estimate.from_row(a["loss"])) for a in facts["ages"]]
    rows = [
        {"blocks older": age, f"{unit} lost per decision": e.value, "low": e.low, "high": e.high, "blocks": e.n}
        for age, e in ages
    ]
    points = [(float(age), e.value, e.low, e.high) for age, e in ages if e.n >= FEWEST_BLOCKS]
    picture = band(f"{unit} lost per decision by age of the model", points, limits=[0.0], across="blocks older")
    return {
        "staleness": facts["sentence"],
        "staleness_by_age": table(rows),
        **({"staleness_picture": dg.MetadataValue.md(picture)} if picture else {}),
    }


def renewal_shown(facts: Facts) -> dict[str, Any]:
    """The sentence; where an age asks for a retraining, the batches a training lasts, which the sensor reads, and days."""
    known = {RENEW_AFTER: facts["batches"], RENEW_DAYS: facts["days"]}
    return {"renewal": facts["sentence"], **{name: count for name, count in known.items() if count is not None}}


def _key(policy: str) -> str:
    return policy.replace(",", "").replace(" ", "_")


def _pays(store: SolutionStore) -> Verdict:
    facts = store.read_facts("policy_backtest")
    net = {o["name"]: o["money"] - o["cost"] for o in facts["outcomes"]}
    if not net:
        return Verdict(False, facts["sentence"], act=False)
    passed = net["declared policy"] >= net["never"]
    return Verdict(
        passed,
        facts["sentence"],
        {_key(k): v for k, v in net.items()},
        [{"policy": n, "net money": v} for n, v in net.items()],
        act=False,
    )


def _retraining_log(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "retraining_log",
        "Every training that reached a decision: why it ran, on what evidence, what it cost, what it gained.",
        kinds=["table"],
        deps=["champion"],
    )
    def retraining_log(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        own = store.of(solution.name)
        rows = log_rows(own)
        own.write_facts("retraining_log", {"rows": rows})
        last = rows[-1]
        return dg.MaterializeResult(
            metadata={
                "log": dg.MetadataValue.md(markdown_table(list(reversed(rows)))),
                "trainings": len(rows),
                "releases": sum(r["outcome"] == "released" for r in rows),
                "last_outcome": last["outcome"],
                "last_reason": last["reason"],
                "run": dg.MetadataValue.dagster_run(context.run.run_id),
                **numbers(
                    {"training_seconds": last["training seconds"]}
                    | (
                        {"gain_per_decision": last["gain per decision"]}
                        if last["gain per decision"] is not None
                        else {}
                    )
                ),
            }
        )

    return retraining_log


def log_rows(store: SolutionStore) -> list[dict[str, Any]]:
    """One row per decision, oldest first."""
    decisions = [store.read_facts("decisions", b) for b in store.batches("decisions", ".json")]
    return [_log_row(d) for d in sorted(decisions, key=lambda d: d["decided_at"])]


def _log_row(decision: Facts) -> dict[str, Any]:
    comparison = decision["comparison"]
    seconds = decision.get("training_seconds")
    return {
        "decided": decision["decided_at"][:19],
        "trigger": decision["trigger"],
        "reason": decision["reason"],
        "outcome": decision["outcome"],
        "version": decision["version"],
        "champion before": decision["champion_before"],
        "gain per decision": comparison["difference"]["value"] if comparison else None,
        "training seconds": seconds if seconds is not None else float("nan"),
        "decision": decision["sentence"],
        "run": decision["run_id"],
    }


def _explained(store: SolutionStore) -> Verdict:
    rows = store.read_facts("retraining_log")["rows"]
    silent = [r for r in rows if not r["trigger"] or not r["reason"] or not r["decision"]]
    sentence = (
        f"{len(rows)} trainings, {len(silent)} without a reason"
        if silent
        else f"all {len(rows)} trainings name trigger, reason and outcome"
    )
    return Verdict(
        not silent,
        sentence,
        {"trainings": len(rows), "unexplained": len(silent)},
        [{"run": r["run"], "outcome": r["outcome"], "reason": r["reason"]} for r in rows][-20:],
    )
