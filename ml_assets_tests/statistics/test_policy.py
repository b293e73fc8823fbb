"""The retraining decision: each guard by a planted case, and the promises over random histories."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.policy import (
    KINDS,
    MAX_ATTEMPTS,
    Decision,
    Evidence,
    Kind,
    PolicyState,
    RetrainingRule,
    decide,
    reopen,
)

AT_ONCE = RetrainingRule(k=1, n=1, cool_down_seconds=0.0)


def seen(*outcomes: str, kind: Kind = "drift", check: str = "columns", first: int = 1) -> list[Evidence]:
    """'F' and 'P' in order, one batch each, marks counting up."""
    return [
        Evidence(kind, check, f"day {first + i}", first + i, outcome == "P", f"effect 0.{first + i}")
        for i, outcome in enumerate(outcomes)
    ]


def test_nothing_failing_is_a_skip_that_says_so() -> None:
    decision = decide(seen("P", "P"), PolicyState(), AT_ONCE, now=0.0)
    assert (decision.action, decision.reason, decision.evidence) == ("skip", "all watched checks pass", ())
    assert decide([], PolicyState(), AT_ONCE, now=0.0).reason == "all watched checks pass"


def test_a_failure_requests_once_and_names_its_evidence() -> None:
    history = seen("P", "F")
    first = decide(history, PolicyState(), AT_ONCE, now=5.0)
    assert first.action == "retrain"
    assert first.reason == "drift columns (batch day 2): effect 0.2"
    assert first.marks == (("drift:columns", 2.0),)
    assert first.state.requests == (5.0,)
    again = decide(history, first.state, AT_ONCE, now=6.0)
    assert again.action == "skip"
    assert again.reason.startswith("already handled: drift columns")
    assert again.state == first.state
    assert decide([*history, *seen("F", first=3)], first.state, AT_ONCE, now=7.0).action == "retrain"


def test_two_of_three_waits_for_the_second_failure() -> None:
    rule = RetrainingRule(k=2, n=3, cool_down_seconds=0.0)
    waiting = decide(seen("F"), PolicyState(), rule, now=0.0)
    assert waiting.action == "skip"
    assert waiting.reason == "not persistent yet: 1 of the 2 failures in 3 batches that columns needs"
    assert decide(seen("F", "P", "P", "F"), PolicyState(), rule, now=0.0).action == "skip"
    assert decide(seen("F", "P", "F"), PolicyState(), rule, now=0.0).action == "retrain"


def test_handled_failures_do_not_count_towards_the_next_request() -> None:
    rule = RetrainingRule(k=2, n=3, cool_down_seconds=0.0)
    state = decide(seen("F", "F"), PolicyState(), rule, now=0.0).state
    assert decide(seen("F", "F", "F"), state, rule, now=1.0).action == "skip"
    assert decide(seen("F", "F", "F", "F"), state, rule, now=1.0).action == "retrain"


def test_the_same_batch_evaluated_twice_is_one_window() -> None:
    rule = RetrainingRule(k=2, n=3, cool_down_seconds=0.0)
    twice = [replace(seen("F")[0], mark=mark) for mark in (1, 2)]
    assert decide(twice, PolicyState(), rule, now=0.0).action == "skip"
    repaired = [*seen("F"), replace(seen("P")[0], mark=2)]
    assert decide(repaired, PolicyState(), AT_ONCE, now=0.0).reason == "all watched checks pass"


def test_an_old_batch_evaluated_again_keeps_its_place() -> None:
    again = Evidence("drift", "columns", "day 1", 9, False, "effect 0.9")
    assert decide([*seen("P", "P"), again], PolicyState(), AT_ONCE, now=0.0).reason == "all watched checks pass"
    pair = [*seen("F", "F"), again]  # within the window it speaks with its newest mark, and that mark is answered
    first = decide(pair, PolicyState(), RetrainingRule(k=2, n=2, cool_down_seconds=0.0), now=0.0)
    assert first.marks == (("drift:columns", 9.0), ("drift:columns", 2.0))
    assert decide(pair, first.state, AT_ONCE, now=1.0).reason.startswith("already handled")


def test_checks_persist_one_by_one_and_freshness_at_once() -> None:
    rule = RetrainingRule(k=2, n=3, cool_down_seconds=0.0)
    apart = [*seen("F"), *seen("F", kind="performance", check="auc")]
    assert decide(apart, PolicyState(), rule, now=0.0).action == "skip"
    stale = seen("F", kind="freshness", check="raw")
    assert decide(stale, PolicyState(), rule, now=0.0).action == "retrain"
    old = seen("F", kind="age", check="policy_backtest")
    assert decide(old, PolicyState(), RetrainingRule(k=2, n=3), now=0.0).action == "retrain"
    assert decide(old, PolicyState(), RetrainingRule(on=("drift",)), now=0.0).action == "skip"


def test_a_request_answers_everything_seen_so_far() -> None:
    rule = RetrainingRule(k=2, n=3, cool_down_seconds=0.0)
    history = [*seen("F", "F"), *seen("F", kind="performance", check="auc")]
    state = decide(history, PolicyState(), rule, now=0.0).state
    later = [*history, *seen("F", kind="performance", check="auc", first=2)]
    assert decide(later, state, rule, now=1.0).action == "skip"


def test_unwatched_kinds_are_not_looked_at() -> None:
    rule = RetrainingRule(on=("performance",), k=1, n=1)
    assert decide(seen("F"), PolicyState(), rule, now=0.0).reason == "all watched checks pass"


@pytest.mark.parametrize(
    ("guard", "sentence"),
    [
        ({"broken_data": "12 % of day 1 is quarantined"}, "broken data is no reason to retrain: 12 % of day 1"),
        ({"in_flight": "run 7"}, "a retraining is already in flight: run 7"),
        ({"nothing_new": "no label matured since day 0"}, "nothing new to learn from: no label matured"),
    ],
)
def test_each_guard_holds_back_and_keeps_the_evidence_pending(guard: dict[str, str], sentence: str) -> None:
    held = decide(seen("F"), PolicyState(), AT_ONCE, now=0.0, **guard)
    assert held.action == "skip"
    assert held.reason.startswith(sentence)
    assert held.reason.endswith("pending: drift columns (batch day 1): effect 0.1")
    assert decide(seen("F"), held.state, AT_ONCE, now=1.0).action == "retrain"


def test_guards_answer_in_their_order() -> None:
    held = decide(seen("F"), PolicyState(), AT_ONCE, now=0.0, broken_data="b", in_flight="f", nothing_new="n")
    assert held.reason.startswith("broken data")
    held = decide(seen("F"), PolicyState(), AT_ONCE, now=0.0, in_flight="f", nothing_new="n")
    assert held.reason.startswith("a retraining is already")


def test_evidence_on_broken_batches_never_counts() -> None:
    history = seen("F", "F")
    rule = RetrainingRule(k=2, n=3)
    assert decide(history, PolicyState(), rule, now=0.0, broken_batches={"day 1"}).action == "skip"
    assert decide(history, PolicyState(), rule, now=0.0, broken_batches={"day 9"}).action == "retrain"


def test_cool_down_says_the_seconds_left() -> None:
    rule = RetrainingRule(k=1, n=1, cool_down_seconds=100.0)
    state = decide(seen("F"), PolicyState(), rule, now=1_000.0).state
    held = decide(seen("F", "F"), state, rule, now=1_040.0)
    assert held.reason == "cool-down: 60 s left; pending: drift columns (batch day 2): effect 0.2"
    assert decide(seen("F", "F"), state, rule, now=1_100.0).action == "retrain"


def test_budget_counts_the_requests_of_its_span() -> None:
    rule = RetrainingRule(k=1, n=1, cool_down_seconds=0.0, at_most=(2, 100.0))
    state = PolicyState(last_request=60.0, requests=(10.0, 60.0))
    held = decide(seen("F"), state, rule, now=90.0)
    assert held.reason.startswith("budget used up: 2 of 2 requests within 100 s; pending: drift columns")
    assert decide(seen("F"), state, rule, now=110.0).action == "retrain"  # the first request is 100 s old


def test_a_failed_retraining_is_tried_three_times_in_all() -> None:
    history, state, attempts = seen("F"), PolicyState(), 0
    for run in range(10):
        decision = decide(history, state, AT_ONCE, now=float(run))
        if decision.action == "skip":
            break
        attempts += 1
        state = reopen(decision.state, decision.marks, failure=f"run {run}")
    assert attempts == MAX_ATTEMPTS == 3


def test_one_failure_reopens_once() -> None:
    decision = decide(seen("F"), PolicyState(), AT_ONCE, now=0.0)
    once = reopen(decision.state, decision.marks, failure="run 1")
    assert reopen(once, decision.marks, failure="run 1") == once
    second = decide(seen("F"), once, AT_ONCE, now=1.0)
    assert second.action == "retrain"
    late = reopen(second.state, decision.marks, failure="run 1")
    assert decide(seen("F"), late, AT_ONCE, now=2.0).action == "skip"


def test_reopening_leaves_other_marks_handled() -> None:
    state = decide(seen("F"), PolicyState(), AT_ONCE, now=0.0).state
    second = decide(seen("F", "F"), state, AT_ONCE, now=1.0)
    state = reopen(second.state, second.marks, failure="run 2")
    assert state.has_handled(seen("F")[0])
    assert not state.has_handled(seen("F", "F")[1])


@pytest.mark.parametrize("bad", [{"k": 0}, {"k": 4, "n": 3}, {"cool_down_seconds": -1.0}, {"at_most": (0, 1.0)}])
def test_a_rule_that_cannot_be_meant_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(DataError):
        RetrainingRule(**bad)  # type: ignore[arg-type]


def test_an_unknown_kind_is_refused_with_the_list() -> None:
    with pytest.raises(DataError, match="drift, performance, freshness, fairness, age"):
        RetrainingRule(on=("mood",))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"version": 99}', '{"version": 1}'])
def test_a_foreign_cursor_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="state of the retraining policy"):
        PolicyState.from_json(text)


def test_no_cursor_is_the_empty_state() -> None:
    assert PolicyState.from_json(None) == PolicyState.from_json("") == PolicyState()


Tick = tuple[list[tuple[Kind, str, bool]], float, bool, bool, bool]
ticks = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from("ab"), st.booleans()), max_size=3),
        st.floats(0.0, 50.0),
        st.booleans(),  # broken data
        st.booleans(),  # in flight
        st.booleans(),  # the run requested at this look fails
    ),
    max_size=25,
)
rules = st.builds(
    lambda k, more, cool, budget: RetrainingRule(k=k, n=k + more, cool_down_seconds=cool, at_most=budget),
    st.integers(1, 3),
    st.integers(0, 3),
    st.floats(0.0, 60.0),
    st.none() | st.tuples(st.integers(1, 3), st.floats(1.0, 100.0)),
)


def play(looks: list[Tick], rule: RetrainingRule, *, fail: bool) -> list[tuple[float, bool, bool, Decision]]:
    """Run the policy over random looks; the state travels through JSON, as in a sensor."""
    history: list[Evidence] = []
    cursor, now, played = PolicyState().to_json(), 0.0, []
    for number, (arrivals, wait, broken, busy, run_fails) in enumerate(looks):
        now += wait
        for kind, check, passed in arrivals:
            history.append(Evidence(kind, check, f"batch {len(history) // 2}", len(history), passed, "moved"))
        decision = decide(
            history,
            PolicyState.from_json(cursor),
            rule,
            now=now,
            broken_data="quarantined" if broken else None,
            in_flight="run" if busy else None,
        )
        state = decision.state
        if fail and run_fails and decision.action == "retrain":
            state = reopen(state, decision.marks, failure=f"run {number}")
        cursor = state.to_json()
        played.append((now, broken, busy, decision))
    return played


@settings(max_examples=150, deadline=None)
@given(ticks, rules)
def test_never_twice_for_one_mark_never_on_broken_data_never_within_cool_down(
    looks: list[Tick], rule: RetrainingRule
) -> None:
    used: set[tuple[str, float]] = set()
    times: list[float] = []
    for now, broken, busy, decision in play(looks, rule, fail=False):
        if decision.action == "skip":
            continue
        assert not broken
        assert not busy
        assert decision.evidence
        assert not used & set(decision.marks)
        assert not any(item.passed for item in decision.evidence)
        assert not times or now - times[-1] >= rule.cool_down_seconds - 1e-6
        used |= set(decision.marks)
        times.append(now)
        if rule.at_most:
            assert sum(time > now - rule.at_most[1] for time in times) <= rule.at_most[0]


@settings(max_examples=100, deadline=None)
@given(ticks, rules)
def test_with_failing_runs_no_mark_requests_more_than_three_times(looks: list[Tick], rule: RetrainingRule) -> None:
    count: dict[tuple[str, float], int] = {}
    for _, broken, _, decision in play(looks, rule, fail=True):
        if decision.action == "retrain":
            assert not broken
            for mark in decision.marks:
                count[mark] = count.get(mark, 0) + 1
    assert all(number <= MAX_ATTEMPTS for number in count.values())


@settings(max_examples=50, deadline=None)
@given(ticks, rules)
def test_the_state_survives_json_and_a_skip_changes_nothing(looks: list[Tick], rule: RetrainingRule) -> None:
    before = PolicyState()
    for _, _, _, decision in play(looks, rule, fail=False):
        assert PolicyState.from_json(decision.state.to_json()) == decision.state
        if decision.action == "skip":
            assert decision.state == before
            assert decision.reason
        before = decision.state
