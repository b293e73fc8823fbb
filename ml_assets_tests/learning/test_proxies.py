"""Joint proxies: a planted one is told and named, noise is chance, and what is left without the strongest columns."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.proxies import JointProxy, joint_proxy

N = 1_500


def world(seed: int, *, strength: float = 0.0, copies: int = 1) -> tuple[pd.DataFrame, "pd.Series[str]"]:
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], N)
    frame = {f"sign{i}": strength * (sex == "f") + rng.normal(size=N) for i in range(copies)}
    frame |= {
        "noise": rng.normal(size=N),
        "job": pd.Series(rng.choice(["cook", "clerk"], N)).where(rng.random(N) > 0.3),
    }
    return pd.DataFrame(frame), pd.Series(sex, name="sex")


def found(seed: int = 0, **options: float) -> JointProxy:
    return joint_proxy(*world(seed, **options))  # type: ignore[arg-type]


def test_noise_is_chance() -> None:
    one = found()
    assert one.auc.value < one.chance + 0.02
    assert one.auc.low < 0.55
    assert one.n == N


def test_a_planted_proxy_is_told_named_and_gone_without_it() -> None:
    one = found(strength=1.5)
    # two normals 1.5 standard deviations apart: the area is Φ(1.5 / √2) = 0.856
    assert one.auc.value == pytest.approx(0.856, abs=0.03)
    assert one.p_value < 0.01
    assert one.carriers[0].column == "sign0"
    assert one.without.value < 0.56
    assert "carried by sign0" in one.sentence


def test_dropping_two_of_many_columns_does_not_remove_the_proxy() -> None:
    one = found(strength=0.7, copies=6)
    assert one.auc.value > 0.8
    assert one.without.value > 0.75
    assert len(one.dropped) == 2


def test_two_columns_that_only_tell_together() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2, N), rng.integers(0, 2, N)
    one = joint_proxy(pd.DataFrame({"a": a, "b": b}), pd.Series(np.where(a ^ b, "x", "y"), name="g"))
    assert one.auc.value > 0.95
    assert not one.without.estimable
    assert "nothing is left" in one.sentence


def test_of_several_groups_the_best_told_is_reported() -> None:
    frame, sex = world(2)
    origin = pd.Series(np.where(np.arange(N) % 3 == 0, "abroad", np.where(sex == "f", "east", "west")), name="origin")
    one = joint_proxy(frame.assign(code=(origin == "abroad").astype(float)), origin)
    assert one.group == "abroad"
    assert one.auc.value > 0.98


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_to_say(n: int) -> None:
    frame, _ = world(3)
    one = joint_proxy(frame, pd.Series(np.where(np.arange(N) < n, "x", "y"), name="g"))
    assert not one.auc.estimable
    assert one.p_value == 1
    assert "too few to say" in one.sentence


def test_rows_of_unknown_group_and_columns_without_a_value() -> None:
    frame, sex = world(4, strength=1.5)
    half = sex.where(np.arange(N) % 2 == 0, "unknown")
    one = joint_proxy(frame.assign(gone=np.nan), half)
    assert one.n == N // 2
    assert one.auc.value > 0.8
    assert "no input has a value" in joint_proxy(frame[[]].assign(gone=np.nan), sex).sentence


def test_a_fair_world_is_not_accused() -> None:
    accused = sum(found(seed).p_value <= 0.05 for seed in range(20, 40))
    assert accused <= 3  # one of twenty is expected


def test_the_same_rows_give_the_same_answer() -> None:
    assert found(5, strength=0.5) == found(5, strength=0.5)
