"""The store: whole or not at all, under full disks and killed processes; keys that stay in their folder."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from ml_assets.errors import StoreError
from ml_assets.resources.store import STORE_VARIABLE, SolutionStore, Store, newest, plain, storable

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
ODD_KEYS = [
    "../x",
    "../../etc/passwd",
    "2026-01-01-05:00",
    "..",
    ".",
    ".hidden.csv",
    "a/b",
    "a%2Fb",
    "ü ö",
    "rows.csv",
    "x.parquet",
]


@dataclass(frozen=True)
class Finding:
    """Something with a figure."""

    name: str
    value: float


@pytest.fixture
def store(tmp_path: Path) -> SolutionStore:
    return SolutionStore(UPath(tmp_path / "store" / "churn"))


def refused(call: Any) -> str:
    with pytest.raises(StoreError) as caught:
        call()
    return str(caught.value)


def test_tables_and_facts_are_read_as_written(store: SolutionStore) -> None:
    store.write_frame("raw_data", FRAME, "2026-01-01")
    pd.testing.assert_frame_equal(store.read_frame("raw_data", "2026-01-01"), FRAME)
    assert store.read_frame("raw_data", "2026-01-01", ["b"]).columns.tolist() == ["b"]
    written = store.write_facts("raw_data", {"rows": 2, "nan": float("nan")}, "2026-01-01")
    assert written == store.read_facts("raw_data", "2026-01-01") == {"rows": 2, "nan": None}
    assert store.has_frame("raw_data", "2026-01-01")
    assert store.find_facts("raw_data", "2026-01-02") is None


def test_what_was_never_written_is_named_with_what_was(store: SolutionStore) -> None:
    assert refused(lambda: store.read_frame("raw_data")) == (
        "raw_data has not been materialized: got no table for batch 'all'; allowed: none yet. Materialize raw_data for this batch first."
    )
    store.write_frame("raw_data", FRAME, "2026-01-01")
    assert "allowed: 2026-01-01." in refused(lambda: store.read_frame("raw_data", "2026-01-02"))
    assert "got no facts for batch 'all'" in refused(lambda: store.read_facts("raw_data"))


@pytest.mark.parametrize("key", ODD_KEYS)
def test_odd_keys_stay_in_their_folder_and_come_back(store: SolutionStore, key: str) -> None:
    store.write_frame("raw_data", FRAME, key)
    store.write_facts("raw_data", {"rows": 2}, key)
    place = Path(store.path("raw_data", key).path)
    assert place.resolve().parent == Path(store.root.path, "raw_data").resolve()
    assert (store.batches("raw_data"), store.batches("raw_data", ".json")) == ([key], [key])
    assert len(store.read_frame("raw_data", key)) == 2
    folder = store.folder("raw_data", key)
    assert folder.resolve().parent == place.resolve().parent


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12), unique=True, max_size=5
    )
)
def test_no_two_keys_share_a_place(keys: list[str]) -> None:
    places = [SolutionStore(UPath("/nowhere")).path("raw_data", k).path for k in keys]
    assert len(set(places)) == len(keys)
    assert all(Path(p).parent == Path("/nowhere/raw_data") for p in places)
    assert not any(Path(p).name.startswith(".") for p in places)


@pytest.mark.parametrize("asset", ["../x", "Raw", "", "a/b", "1x"])
def test_asset_names_are_plain(store: SolutionStore, asset: str) -> None:
    assert refused(lambda: store.path(asset)) == (
        f"an asset name would leave its folder: got {asset}; allowed: ^[a-z][a-z0-9_]*$. Use a plain name."
    )


class Full:
    """A stream that takes so many more bytes and then says that the disk is full, as the system does."""

    def __init__(self, stream: Any, left: int) -> None:
        self.stream, self.left = stream, left

    def write(self, data: Any) -> int:
        taken = min(len(data), self.left)
        self.left -= taken
        self.stream.write(data[:taken])
        if taken < len(data):
            self.stream.flush()
            raise OSError(28, "No space left on device")
        return taken

    def __enter__(self) -> "Full":
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> Iterator[None]:
    """Every file opened for writing has room for so many bytes."""
    with monkeypatch.context() as patch:
        for kind in {type(UPath(p)) for p in ("/tmp", "memory://x")}:

            def opened(path: UPath, mode: str = "r", *, real: Any = kind.open, **options: Any) -> Any:
                stream = real(path, mode, **options)
                return Full(stream, after) if "w" in mode else stream

            patch.setattr(kind, "open", opened)
        yield


@pytest.mark.parametrize("place", ["local", "memory"])
@pytest.mark.parametrize("after", [0, 5, 300])
def test_a_full_disk_leaves_the_last_complete_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, place: str
) -> None:
    root = UPath(tmp_path / "s") if place == "local" else UPath(f"memory://store{after}/s")
    store = SolutionStore(root)
    store.write_frame("raw_data", FRAME)
    store.write_facts("raw_data", {"rows": 2})
    large = pd.DataFrame({"a": np.random.default_rng(0).normal(size=1000)})
    with full_disk(monkeypatch, after):
        sentence = refused(lambda: store.write_frame("raw_data", large))
        assert sentence == (
            "all.parquet could not be written: got [Errno 28] No space left on device; allowed: a writable store with free space. "
            "Free space or correct the permissions, then materialize again; the last complete version is unchanged."
        )
        assert "No space left" in refused(lambda: store.write_facts("raw_data", {"rows": list(range(1000))}))
    pd.testing.assert_frame_equal(store.read_frame("raw_data"), FRAME)
    assert store.read_facts("raw_data") == {"rows": 2}
    assert sorted(p.name for p in (root / "raw_data").iterdir()) == ["all.json", "all.parquet"]


def test_a_place_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = SolutionStore(UPath(tmp_path / "file" / "churn"))
    assert refused(lambda: store.write_facts("raw_data", {})).startswith("all.json could not be written: got [Errno")
    blocked = SolutionStore(UPath(tmp_path / "s"))
    Path(blocked.path("raw_data").path).mkdir(parents=True)
    assert refused(lambda: blocked.write_frame("raw_data", FRAME)).startswith("all.parquet could not be written")


def test_a_fault_of_the_code_is_not_called_a_full_disk(store: SolutionStore) -> None:
    with pytest.raises(TypeError):
        store.write_facts("raw_data", {"a": object()})
    assert store.batches("raw_data", ".json") == []
    assert list(Path(store.root.path, "raw_data").iterdir()) == []


KILLED = """
import sys, time
import pandas as pd
from upath import UPath
from ml_assets.resources.store import SolutionStore, _replacing
store = SolutionStore(UPath(sys.argv[1]))
store.write_frame("raw_data", pd.DataFrame({"a": [1]}))
store.write_facts("raw_data", {"rows": 1})
with _replacing(store.path("raw_data")) as temporary, temporary.open("wb") as stream:
    stream.write(b"PAR1 half of a table")
    stream.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_leaves_the_last_complete_version(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "s")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    store = SolutionStore(UPath(tmp_path / "s"))
    names = sorted(p.name for p in Path(tmp_path, "s", "raw_data").iterdir())
    assert len(names) == 3  # the half is there, under a name nothing reads
    assert names[0].startswith(".all.parquet.")
    assert store.batches("raw_data") == ["all"]
    assert store.read_frame("raw_data")["a"].tolist() == [1]
    store.write_frame("raw_data", FRAME)
    assert len(store.read_frame("raw_data")) == 2


HAMMER = """
import sys
import numpy as np, pandas as pd
from upath import UPath
from ml_assets.resources.store import SolutionStore
store, n = SolutionStore(UPath(sys.argv[1])), 0
print("ready", flush=True)
while True:
    n += 1
    store.write_frame("raw_data", pd.DataFrame({"n": np.full(20_000, n)}))
    store.write_facts("raw_data", {"n": [n] * 5_000})
"""


def test_kills_at_any_moment_leave_nothing_half_written(tmp_path: Path) -> None:
    store = SolutionStore(UPath(tmp_path / "s"))
    process = subprocess.Popen([sys.executable, "-c", HAMMER, str(tmp_path / "s")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        until = time.monotonic() + 10
        while not store.path("raw_data", suffix=".json").exists() and time.monotonic() < until:
            time.sleep(0.02)
        for _ in range(15):  # a reader beside the writer never sees a part either
            assert store.read_frame("raw_data")["n"].nunique() == 1
            assert len(set(store.read_facts("raw_data")["n"])) == 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    frame, facts = store.read_frame("raw_data"), store.read_facts("raw_data")["n"]
    assert (len(frame), frame["n"].nunique(), len(facts), len(set(facts))) == (20_000, 1, 5_000, 1)
    assert frame["n"][0] - facts[0] in (0, 1)


def test_columns_of_mixed_objects_become_text(store: SolutionStore) -> None:
    mixed = pd.DataFrame({"a": [1, "x", None, 2.5], "b": [b"raw", 1, None, "y"], 3: [True, False, True, True]})
    store.write_frame("raw_data", mixed)
    found = store.read_frame("raw_data")
    assert found["a"].tolist() == ["1", "x", None, "2.5"]
    assert found["b"].tolist() == ["b'raw'", "1", None, "y"]
    assert found.columns.tolist() == ["a", "b", "3"]


def test_columns_of_one_kind_keep_it() -> None:
    frame = pd.DataFrame({"text": ["a", None], "lists": [[1], [2, 3]], "at": pd.to_datetime(["2026-01-01", "2026-01-02"]), "flag": pd.array([True, None], dtype="boolean")})  # fmt: skip
    pd.testing.assert_frame_equal(storable(frame), frame)


def test_two_columns_of_one_name_are_refused() -> None:
    assert refused(lambda: storable(pd.DataFrame([[1, 2]], columns=["a", "a"]))) == (
        "a table has columns of the same name: got a; allowed: each name once. Rename them in the source."
    )


def test_facts_are_plain() -> None:
    found = plain(
        {1: Finding("auc", float("inf")), "t": datetime(2026, 1, 1, tzinfo=UTC), "d": timedelta(hours=1), "n": np.float64(0.5),
         "m": np.array([[1, 2]]), "s": {"x"}, "nan": np.nan, "b": np.bool_(True)}
    )  # fmt: skip
    assert found == {
        "1": {"name": "auc", "value": None}, "t": "2026-01-01T00:00:00+00:00", "d": 3600.0, "n": 0.5, "m": [[1, 2]], "s": ["x"],
        "nan": None, "b": True,
    }  # fmt: skip
    assert type(found["b"]) is bool


def test_the_newest_keys() -> None:
    assert newest(["c", "a", "b"], 2) == ["b", "c"]
    assert newest(["c", "a"], None) == ["a", "c"]
    assert newest(["a"], 5) == ["a"]


def test_object_stores_hold_no_model_folders() -> None:
    assert "model files need a local folder" in refused(
        lambda: SolutionStore(UPath("memory://x")).folder("model", "final")
    )


def test_the_place_is_given_or_the_variables_or_the_instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        assert Store().base_for(instance) == UPath(Path(instance.storage_directory()) / "ml_assets")
        monkeypatch.setenv(STORE_VARIABLE, "memory://variable")
        assert str(Store().base_for(instance)) == "memory://variable"
        assert str(Store(url="memory://given").base_for(instance)) == "memory://given"
        assert Store().for_instance(instance, "churn").root.name == "churn"


def test_outside_of_a_run_there_is_no_store() -> None:
    assert "Call base_for(instance) outside of runs" in refused(lambda: Store().of("churn"))


def test_a_run_gets_the_store_of_its_instance(tmp_path: Path) -> None:
    @dg.asset
    def thing(store: dg.ResourceParam[Store]) -> None:
        store.of("churn").write_facts("thing", {"pid": os.getpid()})

    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        assert dg.materialize([thing], instance=instance, resources={"store": Store()}).success
        assert Store().for_instance(instance, "churn").read_facts("thing") == {"pid": os.getpid()}
