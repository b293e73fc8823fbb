"""Dagster's SQLite event log with its connections kept open.

Dagster 1.13 makes an engine, opens a connection and closes it again for each event, twice or more for events of assets and
checks: a third of the processor time of a monitoring day. Here each database's connection stays open in the process, and
SQLite syncs at checkpoints instead of at every event: after a power failure the newest events may be missing, the
database is never broken (https://www.sqlite.org/pragma.html#pragma_synchronous). Named in ``dagster.yaml``::

    storage:
      custom: {module: ml_assets.local, class: LocalStorage, config: {base_dir: {env: DAGSTER_HOME}}}

The files are those of Dagster's own SQLite storage: either may read what the other wrote.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

MOST_OPEN = 16
"""Databases kept open at once: one per run beside the index; a webserver looks at many runs."""


class PooledSqliteEventLogStorage(SqliteEventLogStorage):
    """One open connection per database instead of one per event."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, sa.Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> sa.Engine:
        if shard not in self._engines:
            self._engines[shard] = _open(self.conn_string_for_shard(shard))
            if len(self._engines) > MOST_OPEN:
                self._engines.popitem(last=False)[1].dispose()
        self._engines.move_to_end(shard)
        return self._engines[shard]

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    def wipe(self) -> None:
        """Remove every event: the files are deleted, so no connection to them may stay open."""
        self._close()
        super().wipe()
        self._close()

    def dispose(self) -> None:
        """Close every database."""
        self._close()
        super().dispose()


class LocalStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage with that event log."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = PooledSqliteEventLogStorage(self._event_log_storage._base_dir)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> "LocalStorage":
        return cls.from_local(inst_data=inst_data, **config_value)


def _open(address: str) -> sa.Engine:
    # the lock above lets one thread in at a time, whichever it is
    arguments = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    engine = sa.create_engine(address, poolclass=sa.QueuePool, pool_size=1, connect_args=arguments)

    @sa.event.listens_for(engine, "connect")
    def relax(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine
