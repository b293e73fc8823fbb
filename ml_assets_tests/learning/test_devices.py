"""The device is what xgboost took, not what was declared; the declared one reaches it."""

import json
from typing import Any

import pytest
import xgboost

from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.devices import device_in_use, device_told
from ml_assets.learning.job import Recipe
from ml_assets_tests.learning.conftest import MakeTable


class _Grown:
    """What xgboost gives back, as far as it is read here."""

    def __init__(self, device: str) -> None:
        self.device = device

    def save_config(self) -> str:
        return json.dumps({"learner": {"generic_param": {"device": self.device}}})


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ("cuda:0", "xgboost runs on cuda:0"),
        ("cpu", "cuda is declared, but xgboost finds no GPU here: trained on cpu"),
    ],
)
def test_what_the_library_took_is_told(monkeypatch: pytest.MonkeyPatch, found: str, sentence: str) -> None:
    asked: list[str] = []

    def train(settings: dict[str, Any], *_: object) -> _Grown:
        asked.append(settings["device"])
        return _Grown(found)

    monkeypatch.setattr(xgboost, "train", train)
    assert device_told("cuda") == sentence
    assert asked == ["cuda"]


def test_the_library_itself_answers() -> None:
    assert device_in_use("cuda").split(":")[0] in ("cpu", "cuda")
    assert device_in_use("cpu") == "cpu"
    assert device_told("cpu") == "xgboost runs on cpu"


@pytest.mark.filterwarnings("ignore:.*GPU")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_declared_device_reaches_every_fit(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    seen: list[str] = []
    real = xgboost.train

    def train(settings: dict[str, Any], *rest: Any, **more: Any) -> Any:
        seen.append(settings["device"])
        return real(settings, *rest, **more)

    monkeypatch.setattr(xgboost, "train", train)
    table = make_table("binary", n=200)
    scores = fit_candidate("xgboost", table, recipe=Recipe({"rounds": 3}, device=device)).predict(table.features)
    assert seen == [device]
    assert len(scores) == 200


class _OnAGpu:
    """A booster that says what it was set to, as one that grew on a GPU: here there may be none."""

    def __init__(self, booster: Any, told: list[dict[str, Any]]) -> None:
        self.booster, self.told = booster, told

    def __getitem__(self, rounds: slice) -> "_OnAGpu":
        return _OnAGpu(self.booster[rounds], self.told)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.booster, name)

    def set_param(self, settings: dict[str, Any]) -> None:
        self.told.append(settings)
        self.booster.set_param(settings)


@pytest.mark.filterwarnings("ignore:.*GPU")
@pytest.mark.parametrize("patience", [0, 2])
def test_what_grew_on_a_gpu_is_asked_on_the_processor(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch, patience: int
) -> None:
    told: list[dict[str, Any]] = []
    real = xgboost.train
    monkeypatch.setattr(xgboost, "train", lambda *given, **more: _OnAGpu(real(*given, **more), told))
    table = make_table("binary", n=200)
    recipe = Recipe({"rounds": 3, "early_stopping_rounds": patience}, device="cuda")
    found = fit_candidate("xgboost", table, recipe=recipe)
    assert told == [{"nthread": 1, "device": "cpu"}]
    config = json.loads(found.booster.save_config())  # type: ignore[attr-defined]
    assert config["learner"]["generic_param"]["device"] == "cpu"
