import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest

from ml_assets.errors import ArtifactError
from ml_assets.learning.trust import load_trusted, store_trusted


class Sneaky:
    """A user's own class, unknown to scikit-learn."""

    def __init__(self, depth: int = 1) -> None:
        self.depth = depth


def fitted() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1])


def test_round_trip_gives_the_same_answers() -> None:
    rows = np.array([[0.5], [2.5]])
    model = fitted()
    copy = load_trusted(store_trusted(model))
    np.testing.assert_array_equal(copy.predict_proba(rows), model.predict_proba(rows))


def test_a_type_of_ones_own_is_refused_unless_named() -> None:
    with pytest.raises(ArtifactError, match="Sneaky"):
        store_trusted(Sneaky(3))
    name = f"{Sneaky.__module__}.Sneaky"
    assert load_trusted(store_trusted(Sneaky(3), trusted=[name]), trusted=[name]).depth == 3
    with pytest.raises(ArtifactError, match="Sneaky"):
        load_trusted(store_trusted(Sneaky(3), trusted=[name]))


def test_a_file_that_asks_for_a_system_call_is_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(store_trusted(fitted()))) as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            raw = old.read(name)
            if name == "schema.json":
                schema = json.loads(raw)
                schema["__class__"], schema["__module__"] = "system", "os"
                raw = json.dumps(schema).encode()
            new.writestr(name, raw)
    with pytest.raises(ArtifactError, match=r"os\.system|posix\.system"):
        load_trusted(content.getvalue())


def test_what_is_no_skops_file_is_refused() -> None:
    with pytest.raises(ArtifactError, match="Not a skops file"):
        load_trusted(b"\x80\x04K\x01.")


def test_what_cannot_be_described_is_refused_when_saving() -> None:
    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(ArtifactError):
        store_trusted(FunctionTransformer(lambda x: x))
