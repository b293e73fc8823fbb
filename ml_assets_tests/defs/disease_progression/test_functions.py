"""The bundled patients under readable names, and the bedside rule."""

import subprocess
import sys

import pandas as pd
import pytest

from ml_assets.defs.disease_progression import functions


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    return functions.patients()


def test_table_has_the_published_shape(patients: pd.DataFrame) -> None:
    assert patients.columns.tolist() == ["patient_id", *functions.COLUMNS.values()]
    assert len(patients) == 442  # Efron et al. (2004), table 1
    assert patients["patient_id"].is_unique
    assert (patients["patient_id"].min(), patients["patient_id"].max()) == ("P-001", "P-442")
    assert not patients.isna().any().any()


def test_first_patient_as_published(patients: pd.DataFrame) -> None:
    """Efron et al. (2004), table 1, first row: 59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.9, 87, 151."""
    first = patients.iloc[0]
    assert first[["age", "sex"]].tolist() == [59, "2"]
    published = {"bmi": 32.1, "blood_pressure": 101, "total_cholesterol": 157, "ldl": 93.2, "hdl": 38}
    published |= {"cholesterol_ratio": 4, "log_triglycerides": 4.9, "glucose": 87, "progression": 151}
    assert {name: round(float(first[name]), 1) for name in published} == published


def test_sex_keeps_the_codes_of_the_source(patients: pd.DataFrame) -> None:
    assert set(patients["sex"]) == {"1", "2"}
    assert all(isinstance(code, str) for code in patients["sex"])


def test_the_same_table_every_time_and_nobody_can_spoil_it(patients: pd.DataFrame) -> None:
    spoilt = functions.patients()
    spoilt["bmi"] = 0.0
    pd.testing.assert_frame_equal(functions.patients(), patients)


def test_rule_by_hand() -> None:
    frame = pd.DataFrame({"bmi": [26.0, 27.0, 20.0, float("nan")]})
    guess = functions.bmi_rule(frame)
    assert guess.iloc[:3].tolist() == [150.0, 160.0, 90.0]
    assert guess.isna().tolist() == [False, False, False, True]


def test_rule_says_more_than_the_mean_and_far_from_all(patients: pd.DataFrame) -> None:
    truth = patients["progression"]
    explained = 1 - ((truth - functions.bmi_rule(patients)) ** 2).mean() / truth.var(ddof=0)
    assert 0.30 < explained < 0.40
    assert abs((truth - functions.bmi_rule(patients)).mean()) < 5


def test_import_is_light() -> None:
    code = "import sys, ml_assets.defs.disease_progression.functions; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
