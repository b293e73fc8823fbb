"""Capture, contract, features: defaults, and what a source must say."""

from datetime import datetime, timedelta

import pytest

from ml_assets.declaration.arrival import Batch
from ml_assets.declaration.data_pipeline import DataPipeline
from ml_assets.declaration.sources import FilesSource, FunctionSource, SqlSource
from ml_assets_tests.declaration.minimal import ARRIVAL, HERE, refusal

FILE = {"type": "files", "path": "rows.csv"}


def pipeline(**raw: object) -> DataPipeline:
    return DataPipeline.model_validate({"source": FILE} | raw)


def test_a_table_is_one_batch() -> None:
    table = pipeline()
    assert (table.is_stream, table.period, table.batch("anything")) == (False, None, Batch("all"))


def test_a_stream_has_windows() -> None:
    stream = pipeline(arrival=ARRIVAL)
    assert (stream.is_stream, stream.period) == (True, timedelta(days=1))
    assert stream.batch("2026-01-05") == Batch("2026-01-05", datetime(2026, 1, 5), datetime(2026, 1, 6))


@pytest.mark.parametrize(
    ("source", "kind"),
    [(FILE, FilesSource), ({"type": "sql", "url": "sqlite://", "query": "select 1"}, SqlSource),
     ({"type": "function", "load": f"{HERE}.rows"}, FunctionSource)],
)  # fmt: skip
def test_a_source_is_told_by_its_type(source: dict[str, object], kind: type) -> None:
    assert isinstance(pipeline(source=source).source, kind)


def test_an_unknown_source_is_refused() -> None:
    (found,) = refusal(DataPipeline, {"source": {"type": "kafka"}})
    assert found.startswith(
        "source: Input tag 'kafka' found using 'type' does not match any of the expected tags: 'files', 'sql', 'function'"
    )
    (missing,) = refusal(DataPipeline, {"source": {"path": "rows.csv"}})
    assert missing == "source: Unable to extract tag using discriminator 'type'"


def test_only_the_keys_of_that_source_are_named() -> None:
    assert refusal(DataPipeline, {"source": {"type": "sql", "path": "rows.csv"}}) == [
        "source.sql.url: Field required", "source.sql.query: Field required", "source.sql.path: Extra inputs are not permitted",
    ]  # fmt: skip


def test_quarantine_is_a_share() -> None:
    assert pipeline(quarantine_at_most="5 %").quarantine_at_most == 0.05
    assert pipeline().quarantine_at_most == 0.02


def test_contract_and_features_must_exist() -> None:
    found = refusal(DataPipeline, {"source": FILE, "contract": f"{HERE}.Nobody", "features": "no_such.features"})
    assert "no 'Nobody'; allowed: ARRIVAL, Any, Applicants" in found[0]
    assert "module 'no_such' does not exist" in found[1]
