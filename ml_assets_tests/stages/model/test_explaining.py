"""What the answers rest on, of rows that share a customer."""

from dataclasses import replace

import numpy as np

from ml_assets.history import training_rows
from ml_assets.releases import challenger
from ml_assets.stages.model.explaining import contributions_of
from ml_assets_tests.stages.lab import Lab


def test_mean_sizes_count_a_customer_once(table: Lab) -> None:
    rows, final = training_rows(table.solution, table.store), challenger(table.store)
    test, train = rows.part("test"), rows.part("train")
    kept = np.arange(len(test.table))[:40]
    copied = test.rows(np.repeat(kept, 10))
    shared = replace(copied, table=replace(copied.table, cluster=copied.table.ids))
    found = [
        contributions_of(table.solution, final, side, train=train)["sizes"]
        for side in (test.rows(kept), copied, shared)
    ]
    for one, by_row, by_customer in zip(*found, strict=True):
        assert (one.name, by_customer.n) == (by_customer.name, 400)
        widths = [size.high - size.low for size in (one, by_row, by_customer)]
        assert np.isclose(widths[2], widths[0])
        assert widths[2] > 3 * widths[1]
