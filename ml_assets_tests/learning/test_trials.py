"""A search told: the curve that only falls, each trial in a line, the whole in a sentence with a figure for every family."""

import pytest

from ml_assets.errors import DeclarationError
from ml_assets.learning.trials import SearchResult, State, Trial, line, told


def trial(family: str, loss: float, state: State = "complete", reason: str = "") -> Trial:
    return Trial(family, {"max_depth": 3, "learning_rate": 0.1234567}, loss, 2, state, 1.5, reason)


TRIALS = (
    trial("xgboost", 0.5),
    trial("logistic_regression", 0.7),
    trial("xgboost", 0.6),
    trial("xgboost", 0.1, "pruned", "behind the best after 2 folds"),
    trial("xgboost", 0.4),
    trial("logistic_regression", float("nan"), "failed", "one class"),
)


def test_the_curve_of_a_family_falls_over_its_own_finished_trials() -> None:
    found = SearchResult(TRIALS, {}, "")
    assert found.best_so_far("xgboost") == ((0, 0.5), (1, 0.5), (3, 0.4))
    assert found.best_so_far("logistic_regression") == ((0, 0.7),)
    assert found.best_so_far("dummy") == ()


def test_a_line_says_what_was_tried_how_it_ended_and_why() -> None:
    said = line(4, TRIALS[3], TRIALS[0])
    assert said == (
        "trial 4: xgboost pruned, loss 0.1 on 2 folds, 1.5 s; its best so far 0.5 (max_depth 3, learning_rate 0.123): "
        "behind the best after 2 folds"
    )
    assert "best so far" not in line(1, TRIALS[0], None)


def test_the_sentence_counts_the_trials_and_compares_with_the_defaults() -> None:
    assert told(TRIALS, 3, 12.3) == (
        "6 trials on 3 folds in 12 s (4 complete, 1 pruned, 1 failed). xgboost: loss 0.4 against 0.5 of its defaults; "
        "logistic_regression: loss 0.7, its defaults are best"
    )
    # the defaults were not finished: nothing to compare with
    assert told((trial("xgboost", 0.9, "pruned"), trial("xgboost", 0.4)), 3, 1).endswith("). xgboost: loss 0.4")
    assert told((), 3, 0) == "0 trials on 3 folds in 0 s (0 complete, 0 pruned, 0 failed)."


def test_a_search_without_a_single_fit_says_why() -> None:
    with pytest.raises(DeclarationError, match="no trial of the search could be fitted: got logistic_regression: one"):
        told((TRIALS[-1],) * 3, 3, 1)
