"""The rules that span the sections of a solution: each yields one sentence per thing that does not fit.

A sentence says where it is, what it got and what is allowed. :class:`ml_assets.declaration.solution.Solution` tells all of
them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from ml_assets.declaration._types import Span
from ml_assets.errors import DeclarationError
from ml_assets.statistics.metrics import METRICS

if TYPE_CHECKING:
    from ml_assets.declaration.solution import Solution
    from ml_assets.learning.candidates import Family
    from ml_assets.learning.predictors import Parameters


def _metrics_fit_task(s: Solution) -> Iterator[str]:
    named = [("success_criteria", c.metric) for c in s.success_criteria]
    watched = s.monitoring.performance.metric
    for where, metric in (*named, *((("monitoring.performance", watched),) if watched else ())):
        if metric not in METRICS or s.task not in METRICS[metric].tasks:
            allowed = ", ".join(sorted(m.name for m in METRICS.values() if s.task in m.tasks))
            yield f"{where}: got metric {metric!r} for a {s.task} target; allowed: {allowed}"


def _groups_are_declared(s: Solution) -> Iterator[str]:
    for criterion in s.success_criteria:
        if criterion.in_each is not None and criterion.in_each not in s.group_names:
            yield f"success_criteria: got in_each {criterion.in_each!r}; allowed: {', '.join(s.group_names) or 'no group is declared in data_bias'}"


def _protected_is_not_target(s: Solution) -> Iterator[str]:
    for attribute in s.data_bias.protected:
        if s.data_bias.columns_of(attribute) == s.target:
            yield f"data_bias.protected: got {attribute!r}, which is the target; allowed: any other column"


def _columns_do_not_collide(s: Solution) -> Iterator[str]:
    if s.data_pipeline.id == s.target:
        yield f"data_pipeline.id: got {s.target!r}, which is the target; allowed: a column that names the row"
    shared = set(s.data_bias.groups) & {s.target}
    if shared:
        yield f"data_bias.groups: got a group named {s.target!r} like the target; allowed: another name"


def _baseline_exists(s: Solution) -> Iterator[str]:
    if s.business_case.simple_rule is None and any(c.better_than == "simple_rule" for c in s.success_criteria):
        yield "success_criteria: got better_than simple_rule, but business_case.simple_rule is not declared; allowed: dummy, single_feature, simpler_model, or declare the rule"


def _window_outlasts_delay(s: Solution) -> Iterator[str]:
    span, delay = s.model.window, s.business_case.target.delay
    if isinstance(span, Span) and span[1] == "seconds" and delay is not None and delay.total_seconds() >= span[0]:
        yield f"business_case.target.delay: got {delay}, not shorter than model.window ({span}); allowed: a delay shorter than the window, else no training row has a label"


def _time_needs_a_stream(s: Solution) -> Iterator[str]:
    if s.model.split == "time" and s.data_pipeline.arrival is None:
        yield "model.split: got time for a single table; allowed: hash, or declare data_pipeline.arrival"
    spans = [n for n in ("window", "test_span", "validation_span", "half_life") if getattr(s.model, n) is not None]
    if spans and s.data_pipeline.arrival is None:
        yield f"model: got {', '.join(spans)} for a single table; allowed: none of them, or declare data_pipeline.arrival"
    if s.data_pipeline.arrival is not None and s.data_pipeline.period is None:
        timed = [n for n in spans if getattr(s.model, n)[1] == "seconds"]
        if timed:
            yield f"model: got a duration for {', '.join(timed)}, but batches of files have no period; allowed: a number of batches, such as '20 batches'"


def _model_fits_task(s: Solution) -> Iterator[str]:
    if s.task != "regression" and s.model.loss is not None:
        yield f"model.loss: got {s.model.loss!r} for a {s.task} target; allowed: nothing, classes are learned by their likelihood"
    if s.model.loss == "money" and s.business_case.value is None:
        yield "model.loss: got money, but business_case.value is not declared; allowed: squared, absolute, quantile, or declare the value"
    for case in s.model.cases:
        if s.task == "regression" and case.decision is not None:
            yield f"model.cases: got a decision in {case.name!r} for a regression target; allowed: at_least, at_most"
        if s.task == "multiclass" and case.decision is None:
            yield f"model.cases: got no decision in {case.name!r}; allowed for a multiclass target: decision"
        bounds = [b for b in (case.at_least, case.at_most) if b is not None and not 0 <= b <= 1]
        if s.task != "regression" and bounds:
            yield f"model.cases: got {bounds[0]:g} in {case.name!r} for a probability; allowed: 0 to 1"
    if s.task == "multiclass" and s.model.monotone:
        yield "model.monotone: got it for a multiclass target, which has no single score; allowed: nothing"


def _candidates_fit_task(s: Solution) -> Iterator[str]:
    if not s.model.candidates and not s.model.parameters:
        return
    from ml_assets.learning.candidates import FAMILIES

    fitting = [f.name for f in FAMILIES.values() if s.task in f.tasks]
    able = [n for n in fitting if s.task != "regression" or s.training_loss.kind in FAMILIES[n].losses]
    target = f"a {s.task} target" + (f" and {s.training_loss.name} loss" if s.task == "regression" else "")
    for name in s.model.candidates or ():
        if "." not in name and name not in able:
            yield f"model.candidates: got {name!r} for {target}; allowed: {', '.join(able)}, or a dotted path"
    for name, given in s.model.parameters.items():
        if "." not in name and name not in FAMILIES:
            yield f"model.parameters: got {name!r}; allowed: {', '.join(fitting)}, or a dotted path"
        elif "." not in name:
            yield from _parameters_exist(FAMILIES[name], given)
    if s.model.search is None and (twice := _twice_alike(s)):
        yield f"model.parameters.blend.members: got {twice} twice with the same parameters; allowed: others for the second, or model.search, which finds them"


def _parameters_exist(family: Family, given: Parameters) -> Iterator[str]:
    try:
        known = family.starting(given)
    except DeclarationError as error:
        yield f"model.parameters.{family.name}: {error}"
        return
    if unknown := sorted(set(given) - set(known)):
        allowed = ", ".join(known) or "nothing"
        yield f"model.parameters.{family.name}: got {', '.join(unknown)}; allowed: {allowed}"


def _twice_alike(s: Solution) -> str:
    from ml_assets.learning.blending import alike

    try:
        return alike(s.model.parameters)
    except DeclarationError:
        return ""  # told by the parameters' own rule


def _cluster_is_not_target(s: Solution) -> Iterator[str]:
    if s.model.cluster is not None and s.model.cluster == s.target:
        yield f"model.cluster: got {s.target!r}, which is the target; allowed: a column that several rows share"
    if s.model.cluster is not None and s.time_split:
        yield "model.cluster: got it for a split by time; allowed: split: hash, or no cluster"


def _seasons_need_a_clock(s: Solution) -> Iterator[str]:
    drift, period = s.monitoring.drift, s.data_pipeline.period
    if period is None and (drift.season != "none" or drift.against == "trailing"):
        yield "monitoring.drift: got a season or against: trailing, but batches without a period have no time; allowed: season: none and against: release, or declare data_pipeline.arrival by hour, day, week or month"
    longest = {"hour": timedelta(hours=1), "weekday": timedelta(days=1), "month": timedelta(days=31)}
    if period is not None and drift.season != "none" and period > longest[drift.season]:
        allowed = ", ".join(n for n, most in longest.items() if period <= most)
        yield f"monitoring.drift.season: got {drift.season}, but a batch spans several; allowed: none, {allowed}"


def _files_fit_arrival(s: Solution) -> Iterator[str]:
    arrival, source = s.data_pipeline.arrival, s.data_pipeline.source
    if arrival is not None and arrival.every == "file" and source.type == "sql":
        yield "data_pipeline.arrival: got every: file for an sql source; allowed: hour, day, week, month"


def _labels_need_ids(s: Solution) -> Iterator[str]:
    if s.data_pipeline.labels is not None and s.data_pipeline.id is None:
        yield "data_pipeline.labels: got a source of labels without data_pipeline.id; allowed: an id to join them by"


def _binary_options(s: Solution) -> Iterator[str]:
    if s.task != "binary" and s.business_case.target.positive is not None:
        yield f"business_case.target.positive: got {s.business_case.target.positive!r} for a {s.task} target; allowed: nothing"


def _fairness_fits_task(s: Solution) -> Iterator[str]:
    from ml_assets.statistics.disparity import FAIRNESS_METRICS

    promised = [e.metric for entry in s.data_bias.plan for e in entry.expected_effect if e.metric in FAIRNESS_METRICS]
    named = [("model_bias.metrics", m) for m in s.model_bias.metrics]
    for where, metric in (*named, *(("data_bias.plan.expected_effect", m) for m in promised)):
        if s.task not in FAIRNESS_METRICS[metric].tasks:
            allowed = ", ".join(sorted(n for n, m in FAIRNESS_METRICS.items() if s.task in m.tasks))
            yield f"{where}: got {metric!r} for a {s.task} target; allowed: {allowed}"


SPANNING_RULES: tuple[Callable[[Solution], Iterator[str]], ...] = (
    _metrics_fit_task,
    _groups_are_declared,
    _protected_is_not_target,
    _columns_do_not_collide,
    _baseline_exists,
    _window_outlasts_delay,
    _time_needs_a_stream,
    _model_fits_task,
    _candidates_fit_task,
    _cluster_is_not_target,
    _seasons_need_a_clock,
    _files_fit_arrival,
    _labels_need_ids,
    _binary_options,
    _fairness_fits_task,
)
