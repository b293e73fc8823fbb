"""Disease progression: one small real table, the 442 patients that come with scikit-learn."""

import pandas as pd

# Ten points for each kg/m², 150 at a body mass index of 26.
POINTS_PER_BMI = 10.0
USUAL_BMI, USUAL_PROGRESSION = 26.0, 150.0

COLUMNS = {
    "age": "age",  # years
    "sex": "sex",
    "bmi": "bmi",  # kg/m²
    "bp": "blood_pressure",  # average, mm Hg
    "s1": "total_cholesterol",
    "s2": "ldl",
    "s3": "hdl",
    "s4": "cholesterol_ratio",  # total / HDL
    "s5": "log_triglycerides",  # "possibly", says the source
    "s6": "glucose",
    "target": "progression",
}


def patients() -> pd.DataFrame:
    """442 patients with diabetes, one row each, and how far the disease went a year later (``progression``, 25 to 346).

    ``sex`` is "1" or "2": the source does not say which code is which, so the labels name nothing on purpose.
    ``patient_id`` is the row's place in the source, which has no ids of its own.
    Source: Efron, Hastie, Johnstone, Tibshirani (2004), Least Angle Regression, Annals of Statistics 32 (2).
    """
    from sklearn.datasets import load_diabetes

    table: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    table = table.rename(columns=COLUMNS)
    table["age"] = table["age"].astype(int)
    table["sex"] = table["sex"].astype(int).astype(str)
    table.insert(0, "patient_id", [f"P-{number:03d}" for number in range(1, len(table) + 1)])
    return table


def bmi_rule(frame: pd.DataFrame) -> "pd.Series[float]":
    """A guess of ``progression`` from the body mass index alone, as one would make it at the bedside.

    The slope is that of scikit-learn's Ordinary Least Squares example, which fits this one column: 938.24 per unit of
    the scaled column, whose unit is 92.8 kg/m² (standard deviation 4.42 times the root of 442), hence 10.1 points per
    kg/m², rounded. The example has seen 422 of these same patients: the rule has a head start a model must make up for.
    Source: https://scikit-learn.org/stable/auto_examples/linear_model/plot_ols.html
    """
    return USUAL_PROGRESSION + POINTS_PER_BMI * (frame["bmi"] - USUAL_BMI)
