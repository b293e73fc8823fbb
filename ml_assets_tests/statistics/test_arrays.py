import numpy as np
import numpy.typing as npt
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import binary, codes, finite, probabilities, same_rows


def test_numbers_of_any_type_become_floats() -> None:
    numbers: tuple[npt.ArrayLike, ...] = ([1, 2], np.array([1, 2], dtype=np.int8), [True, 2.0])
    for values in numbers:
        assert finite(values).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("values", [[1.0, np.nan], [np.inf], ["a"], [[1.0]], [None]])
def test_gaps_texts_and_tables_are_refused(values: npt.ArrayLike) -> None:
    with pytest.raises(DataError):
        finite(values)


def test_the_error_counts_the_gaps() -> None:
    with pytest.raises(DataError, match="score has gaps: got 2 of 3"):
        finite([np.nan, 1.0, np.inf], "score")


def test_binary_takes_zeros_and_ones_only() -> None:
    assert binary([True, False]).tolist() == [1.0, 0.0]
    with pytest.raises(DataError, match="not binary"):
        binary([0, 1, 2])


def test_codes_are_whole_and_not_negative() -> None:
    assert codes([0.0, 2.0]).dtype == np.int64
    for wrong in (-1, 0.5):
        with pytest.raises(DataError, match="class codes"):
            codes([wrong])


def test_probabilities_forgive_float32_noise_and_nothing_more() -> None:
    assert probabilities([1.000001, -0.000001]).tolist() == [1.0, 0.0]
    assert probabilities([[0.3, 0.7]]).shape == (1, 2)
    refused: tuple[npt.ArrayLike, ...] = ([1.2], [-0.1], [[0.3, 0.3]], [[[0.5]]], [np.nan])
    for wrong in refused:
        with pytest.raises(DataError):
            probabilities(wrong)


def test_arrays_of_different_length_are_named() -> None:
    assert same_rows(a=np.zeros(2), b=np.ones(2)) == 2
    with pytest.raises(DataError, match=r"'a': 2, 'b': 3"):
        same_rows(a=np.zeros(2), b=np.ones(3))
