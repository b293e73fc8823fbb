"""The datasheet: rows, groups with the unknown, cleaning, labels, splits; small counts masked."""

from collections.abc import Callable

from ml_assets.report.datasheet import build
from ml_assets.report.recorded import Recorded
from ml_assets_tests.report.planted import estimate, numbers, words


def _share(group: str, n: int) -> dict[str, object]:
    return {
        "attribute": "sex",
        "group": group,
        "n": n,
        "share": estimate(n / 1000, n),
        "reference": None,
        "verdict": "not declared",
        "sentence": "s",
    }


def test_small_groups_are_listed_as_suppressed(hand_made: Callable[..., Recorded]) -> None:
    shares = [_share("f", 490), _share("m", 480), _share("unknown", 27), _share("x", 3)]
    text = words(build(hand_made({"data_bias_report": {"rows": 1000, "shares": shares, "gaps": [], "missing": []}})))
    assert "sex = f 0.49" in text
    assert "needed to hide such a group: sex = unknown, sex = x." in text
    assert "0.003" not in text


def test_quarantine_is_summed_and_small_counts_of_rules_are_masked(hand_made: Callable[..., Recorded]) -> None:
    batch = {
        "rows": 100,
        "quarantined": 12,
        "share": 0.1,
        "limit": 0.02,
        "blocked": True,
        "rules": {"age": 3, "income": 9},
        "extra_columns": [],
    }
    text = words(
        build(hand_made({"valid_data@2026-01-01": batch, "valid_data@2026-01-02": batch | {"blocked": False}}))
    )
    assert "rows in quarantine24" in text
    assert "not used at all2026-01-01" in text
    assert "income 18" in text
    assert "age fewer than 10" in text


def test_the_stream(of_stream: Recorded) -> None:
    found, store = numbers(build(of_stream)), of_stream.store
    training = store.read_facts("training_set")
    assert {float(training["rows"]), *map(float, training["parts"].values())} <= set(found)
    for share in store.read_facts("data_bias_report")["shares"]:
        assert share["share"]["value"] in found
    labels = [store.read_facts("labels", b) for b in store.batches("labels", ".json")]
    assert float(sum(f["labelled"] for f in labels)) in found
