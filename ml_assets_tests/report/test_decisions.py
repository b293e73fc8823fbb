"""The final decisions by group: every recorded figure is shown, and nothing of a small group."""

from collections.abc import Callable

from ml_assets.report.decisions import build
from ml_assets.report.recorded import Recorded
from ml_assets_tests.report.planted import estimate, numbers, words


def test_the_stream(of_stream: Recorded) -> None:
    report = of_stream.store.read_facts("model_bias_report")
    page = build(of_stream)
    found, text = numbers(page), words(page)
    for one in report["figures"]:
        assert one["value"]["value"] in found
        assert one["metric"] in text
        assert one["answer"] in text
    assert page.count("<polyline") == 2
    assert all(f["sentence"] in text for f in report["cannot_hold"])
    assert "is an input of the model" in text


def _report(n: int) -> dict[str, object]:
    of = {"attribute": "sex", "group": "x", "n": n, "label": ""}
    figure = of | {
        "metric": "accuracy", "denominator": "rows", "value": estimate(0.7654321, n), "gap": estimate(0.1, n),
        "form": "difference", "answer": "pass",
    }  # fmt: skip
    point = {"promised": 0.5, "observed": estimate(0.4, n)}
    flip = {
        "attribute": "sex",
        "group": "x",
        "n": n,
        "column": "sex",
        "changed": estimate(0.25, n),
        "score": estimate(0.1, n),
    }
    return {
        "disparities": [], "verdict": "pass", "rows": 500, "digest": "d", "figures": [figure], "crossings": [figure],
        "crossed_figures": 40, "calibration": [of | {"points": [point, point]}],
        "cannot_hold": [of | {"sentence": f"sex = x: must differ (n = {n})."}], "flips": [flip],
    }  # fmt: skip


def test_everything_of_a_large_group_and_nothing_of_a_small_one(hand_made: Callable[..., Recorded]) -> None:
    page = build(hand_made({"model_bias_report": _report(400)}))
    text = words(page)
    assert {0.7654321, 0.25} <= set(numbers(page))
    assert "sex = x: must differ" in text
    assert "The worst of 40 figures" in text
    assert page.count("<polyline") == 1
    small = build(hand_made({"model_bias_report": _report(4)}))
    assert 0.7654321 not in numbers(small)
    assert 0.25 not in numbers(small)
    assert "must differ" not in words(small)
    assert "<polyline" not in small


def test_a_report_recorded_before_has_no_such_part(hand_made: Callable[..., Recorded]) -> None:
    assert (
        build(hand_made({"model_bias_report": {"disparities": [], "verdict": "pass", "rows": 5, "digest": "d"}})) == ""
    )
    assert build(hand_made()) == ""
