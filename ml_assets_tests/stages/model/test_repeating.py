"""Both fits are made again elsewhere; a final model that is not what its rows and recipe give is found out."""

from ml_assets.learning.artifact import save
from ml_assets.releases import challenger, validated
from ml_assets.stages.model.repeating import reproduce
from ml_assets_tests.stages.lab import Lab


def test_the_first_and_the_last_fit_come_out_the_same(stream: Lab) -> None:
    found = stream.store.read_facts("evaluation")["reproduced"]
    assert (found["equal"], found["fits"], found["rows"]) == (True, 2, 900)
    assert found["largest_difference"] == 0.0


def test_the_final_model_is_another_than_the_one_validation_rows_judged(stream: Lab) -> None:
    features = stream.store.read_frame("training_set")
    first, last = validated(stream.store), challenger(stream.store)
    assert (first.score(features) != last.score(features)).any()
    assert (first.threshold, first.calibration) == (last.threshold, last.calibration)
    assert last.facts["refit"]["rows"] > last.facts["refit"]["before"]
    assert stream.store.read_facts("mitigation")["refit"]["sentence"] == stream.metadata("mitigation")["last fit"]


def test_a_final_model_from_elsewhere_is_found_out(fork: Lab) -> None:
    digest = save(validated(fork.store), fork.store.folder("mitigation", "final"), overwrite=True)
    fork.store.write_facts("mitigation", fork.store.read_facts("mitigation") | {"digest": digest})
    found = reproduce(fork.solution, fork.store, fork.store.read_frame("training_set").head(50))
    assert not found["equal"]
    assert found["largest_difference"] > 0


def test_without_a_last_fit_the_first_alone_is_made_again(fork: Lab) -> None:
    lab = fork.but(model={"refit": False})
    lab.ok("mitigation", "evaluation")
    found = lab.store.read_facts("evaluation")["reproduced"]
    assert (found["equal"], found["fits"]) == (True, 1)
    assert lab.store.read_facts("mitigation")["digest"] == lab.store.read_facts("mitigation")["validated"]
    # declared since, but not made: there is no last fit to repeat until part 8 runs again
    assert reproduce(fork.solution, lab.store, lab.store.read_frame("training_set").head(50))["fits"] == 1
