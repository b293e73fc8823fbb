"""``mitigation``: the remedies that were tried, what each cost, and which one goes into the final solution."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.evidence import Verdict
from ml_assets.graph import Stage
from ml_assets.history import training_rows
from ml_assets.inputs import judge_inputs
from ml_assets.recipes import recipe_of
from ml_assets.refits import last_fit, situation_of
from ml_assets.releases import challenger, require_same_rows
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.stages.model_bias.remedies import remedies_metadata

if TYPE_CHECKING:
    from ml_assets.learning.artifact import SolutionArtifact
    from ml_assets.learning.ladder import Climb
    from ml_assets.learning.mitigation import MitigationTable
    from ml_assets.statistics.disclosure import Masked


def build_mitigation(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "mitigation",
        "Remedies that were tried on training and validation rows, what each cost, and which one goes into the final solution, which then learns from both.",
        kinds=["report"],
        deps=["model", "sample_weights"],
        sections=["data_bias", "model", "business_case"],
    )
    def mitigation(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = try_remedies(solution, store.of(solution.name))
        return dg.MaterializeResult(
            metadata=remedies_metadata(facts, solution.business_case.currency),
            data_version=dg.DataVersion(facts["digest"][:16]),
        )

    return mitigation


def try_remedies(solution: Solution, store: SolutionStore) -> Facts:
    """Climb the ladder of remedies from the model as it is; store the chosen solution, and what its last fit made of it."""
    from ml_assets.learning.artifact import save
    from ml_assets.learning.remedies.repeating import Reweighed
    from ml_assets.learning.remedies.rungs import PLAIN
    from ml_assets.statistics.crossings import JOIN

    base, planned = _as_it_is(solution, store)
    weighed = store.read_facts("sample_weights")["attribute"]
    candidates: dict[str, SolutionArtifact] = {"none": base, **planned}
    made: dict[str, Any] = {}
    compared: dict[str, Any] = {
        "rows": [],
        "chosen": "none",
        "outcome": "no_finding",
        "sentence": "no attribute is protected: there is no gap to narrow",
        "fits": 0,
        "skipped": {},
        "evidence": [],
        "masked": {},
        "threshold": solution.data_bias.disclosure,
    }
    if solution.data_bias.protected:
        found = _climb(solution, store, base, planned)
        candidates = {name: one.artifact for name, one in found.candidates.items()}
        made = {name: one.remedy for name, one in found.candidates.items()}
        compared = {
            "rows": list(found.table.rows),
            "chosen": found.table.chosen,
            "outcome": found.table.outcome,
            "sentence": found.table.sentence,
            "frontier": list(found.table.frontier),
            "masked": _masked(solution, store),
            "threshold": solution.data_bias.disclosure,
            "fits": found.fits,
            "skipped": dict(found.skipped),
            "evidence": list(found.evidence),
        }
        if planned and planned_stands(found.table):
            why = "part 4 planned it, it keeps to the budget, and no verdict is worse with it"
            compared |= {"chosen": PLAIN, "sentence": f"{PLAIN}: {why}. Without the plan: {found.table.sentence}"}
    if planned:
        made[PLAIN] = Reweighed(tuple(weighed.split(JOIN)), plain=True)
    chosen = candidates[compared["chosen"]]
    remedy = made.get(compared["chosen"])
    final, refit = last_fit(solution, store, chosen, remedy)
    ending = {
        "digest": save(final, store.folder("mitigation", "final"), overwrite=True),
        "validated": save(chosen, store.folder("mitigation", "validated"), overwrite=True),
        "planned": weighed or None,
        "tried": sorted(candidates),
        "remedy": remedy,
        "refit": refit,
    }
    return store.write_facts("mitigation", compared | ending)


def _masked(solution: Solution, store: SolutionStore) -> "Masked":
    """The groups of the rows remedies are judged on whose counts may not be shown."""
    from ml_assets.statistics.crossings import crossed
    from ml_assets.statistics.disclosure import masked_groups

    judged = training_rows(solution, store, weights=False).part("validation")
    groups = judged.groups[list(solution.data_bias.protected)]
    return masked_groups(crossed(groups), threshold=solution.data_bias.disclosure)


def _as_it_is(solution: Solution, store: SolutionStore) -> "tuple[SolutionArtifact, dict[str, SolutionArtifact]]":
    """The solution without any remedy, and the planned ones by name: the model there is may be reweighed already."""
    from dataclasses import replace

    from ml_assets.learning.artifact import load
    from ml_assets.learning.finishing import train
    from ml_assets.learning.remedies.rungs import PLAIN

    model = load(store.folder("model", "current"), digest=store.read_facts("model")["digest"])
    require_same_rows(store, "model", str(model.facts["training_digest"]))
    unmarked = {**model.facts, "remedy": "none"}
    if not store.read_facts("sample_weights")["attribute"]:
        return replace(model, facts=unmarked), {}
    plain = training_rows(solution, store, weights=False).table
    done = train(
        model.predictor.family,
        plain,
        solution=solution.name,
        value=solution.business_case.money(plain.classes),
        recipe=recipe_of(solution, store, model.predictor.family),
        calibration=solution.model.calibration,
        excluded_groups=sorted(solution.never_inputs),
        facts=unmarked,
    )
    return done.artifact, {PLAIN: replace(model, facts={**model.facts, "remedy": PLAIN})}


def _climb(
    solution: Solution, store: SolutionStore, base: "SolutionArtifact", planned: "dict[str, SolutionArtifact]"
) -> "Climb":
    from ml_assets.learning.ladder import climb
    from ml_assets.learning.remedies.rungs import RUNGS

    rows = training_rows(solution, store, weights=False).but("test")
    situation = situation_of(solution, store, base, rows)
    return climb(situation, planned=planned, rungs=RUNGS if solution.model_bias.remedies == "ladder" else ())


def planned_stands(found: "MitigationTable") -> bool:
    """Whether the reweighing that part 4 planned goes into the solution though it does not change the verdict.

    A plan is carried out unless it costs too much or makes something worse; the comparison alone would leave it out on a tie.
    """
    planned = next((r for r in found.rows if r.name == "reweigh"), None)
    if found.chosen != "none" or planned is None:
        return False
    unharmed = planned.within_budget and not (planned.worsened or planned.widened)
    return unharmed and planned.verdict == found.row("none").verdict


def plan_kept(store: SolutionStore) -> Verdict:
    facts = store.read_facts("mitigation")
    by_name = {r["name"]: r for r in facts["rows"]}
    if facts["planned"] is None or "reweigh" not in by_name:
        return Verdict(True, "part 4 planned no reweighing for these rows", {"planned": 0})
    before, after = by_name["none"]["worst"], by_name["reweigh"]["worst"]
    widened = bool(by_name["reweigh"]["worsened"])
    sentence = (
        f"reweighing by {facts['planned']}: worst gap {before['metric']} {before['group']} {_show(before)} → {after['metric']} {after['group']} {_show(after)}; "
        f"verdict {by_name['none']['verdict']} → {by_name['reweigh']['verdict']}; chosen: {facts['chosen']}"
    )
    return Verdict(not widened, sentence, {"planned": 1, "lost_share": by_name["reweigh"]["lost_share"]}, act=False)


def protected_absent(solution: Solution, store: SolutionStore) -> Verdict:
    artifact = challenger(store)
    found = judge_inputs(solution, store, [s.name for s in artifact.specs])
    rows = [{"found": sentence} for sentence in found.found]
    return Verdict(not found.found, found.sentence, {"inputs": found.inputs, "found": len(found.found)}, rows)


def _show(worst: Facts) -> str:
    value = worst["value"]["value"]
    return "not estimable" if value is None else f"{value:.3f}"
