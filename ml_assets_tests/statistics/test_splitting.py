import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.splitting import PARTS, Ids, duplicates_across, hash_parts, time_parts


def test_shares_are_met_up_to_chance() -> None:
    parts = hash_parts(np.arange(20_000), shares=(0.5, 0.3, 0.2))
    for part, share in zip(PARTS, (0.5, 0.3, 0.2), strict=True):
        # Five standard errors of a binomial share.
        assert (parts == part).mean() == pytest.approx(share, abs=5 * (share * (1 - share) / 20_000) ** 0.5)


def test_the_part_of_an_id_is_the_same_in_another_process() -> None:
    code = (
        "import numpy as np; from ml_assets.statistics.splitting import hash_parts; "
        "print(','.join(hash_parts(np.arange(40), salt='x')))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert run.stdout.strip().split(",") == hash_parts(np.arange(40), salt="x").tolist()


def test_the_definition_by_hand() -> None:
    # The first 53 bits of blake2b(salt, unit separator, text) as a share of one, held against the cumulated shares.
    from hashlib import blake2b

    for name in ("a", "b", "c", "d", "e", "f"):
        unit = (int.from_bytes(blake2b(f"s\x1f{name}".encode(), digest_size=8).digest(), "big") >> 11) / 2**53
        expected = "train" if unit < 0.6 else "validation" if unit < 0.8 else "test"
        assert hash_parts([name], salt="s").tolist() == [expected]


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=30))
def test_one_number_is_one_id_however_its_column_is_typed(ids: list[int]) -> None:
    expected = hash_parts(np.array(ids)).tolist()
    spellings: list[Ids] = [
        ids,
        [str(i) for i in ids],
        [float(i) for i in ids],
        [Decimal(i) for i in ids],
        np.array(ids, dtype=np.float64),
        np.array(ids, dtype=np.int32),
        pd.Series(ids, dtype="Int64"),
        pd.Series([str(i) for i in ids], dtype="string"),
        pd.Series([str(i) for i in ids], dtype="category"),
        pd.Index(ids),
    ]
    for spelling in spellings:
        assert hash_parts(spelling).tolist() == expected


def test_the_part_of_an_id_does_not_depend_on_its_company() -> None:
    alone = {name: hash_parts([name])[0] for name in "abcdefgh"}
    mixed: Sequence[object] = [*"hgfedcba", 1.5, "a", pd.Timestamp("2020-01-01"), "a"]
    assert hash_parts(mixed)[:8].tolist() == [alone[name] for name in "hgfedcba"]
    assert set(hash_parts(mixed)[[9, 11]]) == {alone["a"]}
    day = np.array(["2020-01-01"], dtype="datetime64[ns]")
    assert hash_parts(day)[0] == hash_parts(pd.Series(day))[0] == hash_parts([pd.Timestamp("2020-01-01")])[0]


def test_rows_added_later_move_nobody() -> None:
    assert hash_parts(np.arange(500))[:200].tolist() == hash_parts(np.arange(200)).tolist()


def test_salt_draws_anew() -> None:
    a, b = hash_parts(np.arange(1000)), hash_parts(np.arange(1000), salt="other")
    # Independent draws agree with chance 0.6² + 0.2² + 0.2² = 0.44.
    assert (a == b).mean() == pytest.approx(0.44, abs=0.08)


def test_a_part_of_share_zero_is_empty() -> None:
    assert set(hash_parts(np.arange(2000), shares=(0.8, 0.2, 0.0))) == {"train", "validation"}
    assert hash_parts([]).tolist() == []


@pytest.mark.parametrize("ids", [[1, None], ["a", np.nan], pd.Series([1, None], dtype="Int64")])
def test_missing_ids_are_refused(ids: Sequence[object]) -> None:
    with pytest.raises(DataError, match="1 of 2 missing"):
        hash_parts(ids)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.5, 0.5, 0.5), (1.2, -0.2, 0.0), (0.0, 0.5, 0.5), (np.nan, 0.5, 0.5)])
def test_shares_that_do_not_split_are_refused(shares: Sequence[float]) -> None:
    with pytest.raises(DataError, match="do not split"):
        hash_parts([1], shares=shares)


def test_the_newest_batches_judge() -> None:
    parts = time_parts([5, 0, 9, 5, 2, 7], validation=1, test=2)
    assert parts.tolist() == ["validation", "train", "test", "validation", "train", "test"]
    assert time_parts([0, 1], validation=0, test=1).tolist() == ["train", "test"]


@given(st.lists(st.integers(0, 12), min_size=1), st.integers(0, 3), st.integers(1, 3))
def test_no_row_of_an_earlier_part_is_younger(order: list[int], validation: int, test: int) -> None:
    if len(set(order)) <= validation + test:
        with pytest.raises(DataError, match="too few batches"):
            time_parts(order, validation=validation, test=test)
        return
    ranks, parts = np.array(order), time_parts(order, validation=validation, test=test)
    assert len(set(ranks[parts == "test"])) == test
    assert len(set(ranks[parts == "validation"])) == validation
    assert ranks[parts == "train"].max() < ranks[parts == "test"].min()
    if validation:
        assert ranks[parts == "train"].max() < ranks[parts == "validation"].min()
        assert ranks[parts == "validation"].max() < ranks[parts == "test"].min()


@pytest.mark.parametrize(
    ("order", "validation", "test"), [([0, 1, 2], 1, 0), ([0, 1, 2], -1, 1), ([0.5, 1.0, 2.0], 0, 1)]
)
def test_splits_without_sense_are_refused(order: list[float], validation: int, test: int) -> None:
    with pytest.raises(DataError):
        time_parts(order, validation=validation, test=test)


def test_rows_that_stand_in_test_and_elsewhere_are_counted() -> None:
    frame = pd.DataFrame(
        {
            "x": [1.0, 1.0, 2.0, np.nan, np.nan, 1.0, 3.0],
            "c": pd.Categorical(["a", "a", "b", None, None, "b", "z"]),
            "o": ["u", "u", "v", 1, 1, "u", "w"],
        }
    )
    parts = ["train", "test", "test", "validation", "test", "test", "test"]
    assert duplicates_across(frame, parts) == 2
    assert duplicates_across(frame, ["train"] * 7) == 0
    assert duplicates_across(frame.iloc[:0], []) == 0
    assert duplicates_across(frame[["x"]], parts) == 3


def test_a_repeated_row_inside_test_is_no_duplicate_across() -> None:
    assert duplicates_across(pd.DataFrame({"x": [1, 1, 2]}), ["test", "test", "train"]) == 0


def test_parts_of_other_rows_are_refused() -> None:
    with pytest.raises(DataError, match="different length"):
        duplicates_across(pd.DataFrame({"x": [1, 2]}), ["test"])
