import json

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.learning.design import MOST_COLUMNS, Design, linear_design, logistic, single_design, softmax
from ml_assets.learning.preprocessing import FeatureSpec, feature_specs, prepare


def test_numbers_are_filled_with_the_median_and_standardised() -> None:
    frame = pd.DataFrame({"x": [0.0, 4.0, np.nan, 8.0]})
    specs = feature_specs(frame)
    design = linear_design(prepare(frame, specs), specs)
    # median 4; mean of 0, 4, 4, 8 is 4; sd is sqrt(8)
    expected = np.array([[-4 / 8**0.5, 0.0], [0.0, 0.0], [0.0, 1.0], [4 / 8**0.5, 0.0]])
    np.testing.assert_allclose(design.matrix(prepare(frame, specs)), expected)
    assert design.names == ("x", "x=(missing)")


def test_levels_are_one_hot_rare_ones_pooled_missing_apart() -> None:
    frame = pd.DataFrame({"c": ["a"] * 20 + ["b"] * 20 + ["rare"] * 3 + [None]})
    specs = feature_specs(frame)
    design = linear_design(prepare(frame, specs), specs)
    assert design.names == ("c=a", "c=b", "c=(rare)", "c=(missing)")
    rows = design.matrix(prepare(pd.DataFrame({"c": ["b", "rare", None, "unseen"]}), specs))
    np.testing.assert_array_equal(rows, [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1]])


def test_an_unseen_level_leaves_zeros_when_training_had_no_missing() -> None:
    frame = pd.DataFrame({"c": ["a", "b"] * 20})
    specs = feature_specs(frame)
    design = linear_design(prepare(frame, specs), specs)
    rows = design.matrix(prepare(pd.DataFrame({"c": ["unseen", "a"]}), specs))
    np.testing.assert_array_equal(rows, [[0, 0], [1, 0]])


def test_bins_close_on_the_right_and_missing_has_its_own() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0, np.nan]})
    specs = feature_specs(frame)
    design = single_design(prepare(frame, specs), specs[0], bins=2)
    assert design.names == ("x(-inf, 2]", "x(2, inf]", "x=(missing)")
    cells = design.matrix(prepare(frame, specs)).argmax(axis=1)
    assert cells.tolist() == [0, 0, 1, 1, 2]


def test_a_constant_number_has_one_bin() -> None:
    frame = pd.DataFrame({"x": [5.0, 5.0]})
    specs = feature_specs(frame)
    assert single_design(prepare(frame, specs), specs[0]).names == ("x(-inf, inf]", "x=(missing)")


def test_huge_numbers_do_not_overflow() -> None:
    frame = pd.DataFrame({"x": [1e308, -1e308, 1e308, 0.0]})
    specs = feature_specs(frame)
    assert np.isfinite(linear_design(prepare(frame, specs), specs).matrix(prepare(frame, specs))).all()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.sampled_from("abcd")), min_size=1, max_size=60),
    st.floats(-1e6, 1e6),
)
def test_the_json_copy_is_the_same_design(letters: list[str | None], number: float) -> None:
    frame = pd.DataFrame({"c": pd.Series(letters, dtype=object), "x": [number] * len(letters)})
    specs = feature_specs(frame)
    prepared = prepare(frame, specs)
    for design in (linear_design(prepared, specs), single_design(prepared, specs[0])):
        copy = Design.from_dict(json.loads(json.dumps(design.to_dict())))
        assert copy == design
        matrix = design.matrix(prepared)
        assert np.isfinite(matrix).all()
        assert matrix.shape == (len(letters), len(design.names))


def test_links_are_bounded_and_exact_at_zero() -> None:
    np.testing.assert_allclose(logistic(np.array([-800.0, 0.0, 800.0])), [0.0, 0.5, 1.0])
    np.testing.assert_allclose(softmax(np.array([[1000.0, 1000.0], [0.0, np.log(3)]])), [[0.5, 0.5], [0.25, 0.75]])


def test_a_spec_without_columns_is_an_empty_design() -> None:
    assert Design(()).matrix(pd.DataFrame(index=range(3))).shape == (3, 0)
    assert FeatureSpec("x", "numeric").categories == ()


def test_the_most_frequent_levels_alone_have_columns() -> None:
    often = [f"often {i:03}" for i in range(MOST_COLUMNS)]
    frame = pd.DataFrame({"c": often * 21 + [f"less {i}" for i in range(30)] * 20})
    specs = feature_specs(frame, max_categories=1_000)
    design = linear_design(prepare(frame, specs), specs)
    assert design.names == (*(f"c={level}" for level in often), "c=(rare)")
    rows = design.matrix(prepare(pd.DataFrame({"c": ["less 3", "often 007"]}), specs))
    assert rows.argmax(axis=1).tolist() == [MOST_COLUMNS, 7]
