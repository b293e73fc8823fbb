"""The kept-open event log: the same files as Dagster's own storage, the same answers, few open files."""

from pathlib import Path

import dagster as dg
import pytest

from ml_assets.local.storage import MOST_OPEN, PooledSqliteEventLogStorage

YAML = "storage: {custom: {module: ml_assets.local, class: LocalStorage, config: {base_dir: {env: DAGSTER_HOME}}}}\n"


@dg.asset
def number() -> int:
    return 1


@dg.asset_check(asset=number)
def is_positive(number: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=number > 0, metadata={"number": number})


def _materialize(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize([number, is_positive], instance=instance)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dagster.yaml").write_text(YAML + "telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def test_the_settings_name_it_and_events_are_found_again(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, PooledSqliteEventLogStorage)
        run = _materialize(instance).run_id
    with dg.DagsterInstance.from_config(str(home)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("number"))
        assert event is not None
        assert event.run_id == run


def test_dagsters_own_storage_reads_what_it_wrote_and_the_other_way_round(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        first = _materialize(instance).run_id
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.get() as plain:
        assert not isinstance(plain.event_log_storage, PooledSqliteEventLogStorage)
        assert {r.run_id for r in plain.get_runs()} == {first}
        assert plain.event_log_storage.get_logs_for_run(first)
        second = _materialize(plain).run_id
    (home / "dagster.yaml").write_text(YAML + "telemetry: {enabled: false}\n")
    with dg.DagsterInstance.get() as instance:
        found = instance.fetch_materializations(dg.AssetKey("number"), limit=5).records
        assert [r.run_id for r in found] == [second, first]


def test_a_bounded_number_of_databases_stays_open_and_all_can_still_be_read(tmp_path: Path) -> None:
    storage = PooledSqliteEventLogStorage(str(tmp_path))
    runs = [f"run-{i}" for i in range(MOST_OPEN + 5)]
    for run in runs:
        assert list(storage.get_logs_for_run(run)) == []
    assert len(storage._engines) == MOST_OPEN
    assert {p.stem for p in tmp_path.glob("run-*.db")} == set(runs)
    storage.dispose()
    assert not storage._engines


def test_a_failed_write_leaves_nothing_and_the_connection_usable(tmp_path: Path) -> None:
    import sqlalchemy as sa

    storage = PooledSqliteEventLogStorage(str(tmp_path))

    def broken() -> None:
        with storage.index_connection() as connection:
            connection.execute(sa.text("INSERT INTO asset_keys (asset_key) VALUES ('kept?')"))
            raise RuntimeError("stopped half way")

    with pytest.raises(RuntimeError, match="half way"):
        broken()
    with storage.index_connection() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM asset_keys")).scalar() == 0
    storage.dispose()


def test_nothing_is_left_after_a_wipe(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        assert home.exists()
        run = _materialize(instance).run_id
        instance.event_log_storage.wipe()
        assert list(instance.all_logs(run)) == []
