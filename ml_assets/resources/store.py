"""Tables and facts of a solution, by asset and batch, on a local folder or any fsspec URL.

Every write goes to a temporary name first and is renamed when complete, so that a full disk or a killed process leaves the
last complete version in place.
"""

import json
import math
import os
import re
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import dagster as dg
from pydantic import PrivateAttr
from upath import UPath

from ml_assets.declaration.arrival import WHOLE_TABLE
from ml_assets.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd

Facts = dict[str, Any]
STORE_VARIABLE = "ML_ASSETS_STORE"
_SAFE_NAME = re.compile(r"^[a-z][a-z0-9_]*$")


def plain(value: Any) -> Any:
    """A value as JSON holds it: dataclasses and numpy scalars opened, nan as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def storable(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The frame with every column in a type Parquet holds: columns of mixed Python objects become text.

    The values themselves stay readable; the contract, which runs next, decides whether they are acceptable.
    """
    import pyarrow as pa

    repeated = sorted({str(c) for c in frame.columns[frame.columns.duplicated()]})
    if repeated:
        raise StoreError(
            "a table has columns of the same name",
            got=", ".join(repeated),
            allowed="each name once",
            do="Rename them in the source",
        )
    out = frame.rename(columns=str)
    for name in out.select_dtypes(object).columns:
        try:
            pa.array(out[name], from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            out = out.assign(**{name: out[name].where(out[name].isna(), out[name].map(str))})
    return out


@dataclass(frozen=True)
class SolutionStore:
    """The part of the store that belongs to one solution."""

    root: UPath

    def path(self, asset: str, batch: str = WHOLE_TABLE, suffix: str = ".parquet") -> UPath:
        """Where a table or a document stands; the batch key is quoted, so it cannot leave the folder."""
        if not _SAFE_NAME.match(asset):
            raise StoreError(
                "an asset name would leave its folder", got=asset, allowed=_SAFE_NAME.pattern, do="Use a plain name"
            )
        return self.root / asset / f"{_quoted(batch)}{suffix}"

    def write_frame(self, asset: str, frame: "pd.DataFrame", batch: str = WHOLE_TABLE) -> None:
        """Store a table, whole or not at all."""
        target = self.path(asset, batch)
        with _replacing(target) as temporary, temporary.open("wb") as stream:
            storable(frame).to_parquet(stream, index=False)

    def read_frame(self, asset: str, batch: str = WHOLE_TABLE, columns: list[str] | None = None) -> "pd.DataFrame":
        """A stored table."""
        import pandas as pd

        path = self.path(asset, batch)
        if not path.exists():
            raise StoreError(
                f"{asset} has not been materialized",
                got=f"no table for batch {batch!r}",
                allowed=", ".join(self.batches(asset)[-5:]) or "none yet",
                do=f"Materialize {asset} for this batch first",
            )
        with path.open("rb") as stream:
            return pd.read_parquet(stream, columns=columns)

    def write_facts(self, asset: str, facts: Any, batch: str = WHOLE_TABLE) -> Facts:
        """Store a document, whole or not at all; returns it as it will be read."""
        document: Facts = plain(facts)
        target = self.path(asset, batch, ".json")
        with _replacing(target) as temporary, temporary.open("w", encoding="utf-8") as stream:
            json.dump(document, stream, indent=1, allow_nan=False)
        return document

    def read_facts(self, asset: str, batch: str = WHOLE_TABLE) -> Facts:
        """A stored document."""
        path = self.path(asset, batch, ".json")
        if not path.exists():
            raise StoreError(
                f"{asset} has not been materialized",
                got=f"no facts for batch {batch!r}",
                allowed=", ".join(self.batches(asset, ".json")[-5:]) or "none yet",
                do=f"Materialize {asset} for this batch first",
            )
        with path.open("r", encoding="utf-8") as stream:
            facts: Facts = json.load(stream)
        return facts

    def find_facts(self, asset: str, batch: str = WHOLE_TABLE) -> Facts | None:
        """A stored document, or None."""
        return self.read_facts(asset, batch) if self.path(asset, batch, ".json").exists() else None

    def has_frame(self, asset: str, batch: str = WHOLE_TABLE) -> bool:
        """Whether a table is stored."""
        return bool(self.path(asset, batch).exists())

    def batches(self, asset: str, suffix: str = ".parquet") -> list[str]:
        """Keys of the stored batches, oldest first (keys sort in the order of time)."""
        folder = self.root / asset
        if not folder.exists():
            return []
        return sorted(
            unquote(p.name[: -len(suffix)])
            for p in folder.iterdir()
            if p.name.endswith(suffix) and not p.name.startswith(".")
        )

    def folder(self, asset: str, name: str) -> Path:
        """A local folder for files that libraries insist to read from disk; object stores are mirrored on demand."""
        path = self.root / asset / _quoted(name)
        if not _is_local(path):
            raise StoreError(
                "model files need a local folder",
                got=str(path),
                allowed="a local store, with the registry on object storage",
                do=f"Set {STORE_VARIABLE} to a local or mounted path",
            )
        local = Path(path.path)
        local.parent.mkdir(parents=True, exist_ok=True)
        return local


def _quoted(key: str) -> str:
    """A key as one name in its folder, never hidden: temporary files are what begins with a dot."""
    name = quote(key, safe=" ").replace("..", "%2E%2E")
    return f"%2E{name[1:]}" if name.startswith(".") else name


class _replacing:
    """A temporary name beside the target; renamed onto it on success, removed on failure."""

    def __init__(self, target: UPath) -> None:
        self.target = target
        self.temporary = target.with_name(f".{target.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")

    def __enter__(self) -> UPath:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._failed(error) from error
        return self.temporary

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            try:
                self._rename()
            except OSError as refused:
                raise self._failed(refused) from refused
        elif self.temporary.exists():
            self.temporary.unlink()
        if isinstance(error, OSError):
            raise self._failed(error) from error

    def _rename(self) -> None:
        if _is_local(self.target):
            os.replace(self.temporary.path, self.target.path)
        else:
            self.temporary.fs.mv(self.temporary.path, self.target.path)

    def _failed(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self.target.name} could not be written",
            got=str(error),
            allowed="a writable store with free space",
            do="Free space or correct the permissions, then materialize again; the last complete version is unchanged",
        )


def _is_local(path: UPath) -> bool:
    return path.protocol in ("", "file", "local")


def _storage_of(instance: dg.DagsterInstance) -> str:
    return instance.storage_directory()


class Store(dg.ConfigurableResource[Any]):
    """Where tables and facts live: the given URL, else ``ML_ASSETS_STORE``, else the instance's own storage folder."""

    url: str = ""
    _base: UPath | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Settle the place once per run."""
        if context.instance is None:
            raise StoreError(
                "no instance to store under",
                got="a context without instance",
                allowed="a Dagster instance",
                do="Set url",
            )
        self._base = self.base_for(context.instance)

    def base_for(self, instance: dg.DagsterInstance) -> UPath:
        """The place for an instance."""
        return UPath(self.url or os.environ.get(STORE_VARIABLE) or Path(_storage_of(instance)) / "ml_assets")

    def of(self, solution: str) -> SolutionStore:
        """The part that belongs to one solution."""
        if self._base is None:
            raise StoreError(
                "the store was not set up",
                got="a resource outside of a run",
                allowed="use inside assets and checks",
                do="Call base_for(instance) outside of runs",
            )
        return SolutionStore(self._base / solution)

    def for_instance(self, instance: dg.DagsterInstance, solution: str) -> SolutionStore:
        """The same part, outside of a run."""
        return SolutionStore(self.base_for(instance) / solution)


def newest(keys: Iterable[str], count: int | None) -> list[str]:
    """The last ``count`` keys (all for None), oldest first."""
    ordered = sorted(keys)
    return ordered if count is None else ordered[-count:]
