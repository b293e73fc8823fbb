"""Learning from rows: preprocessing, candidates, selection, explanation, mitigation, and the artifact that is released.

Pure scikit-learn and xgboost on top of :mod:`ml_assets.statistics`, usable without Dagster; import the module that owns
the thing. Importing loads numpy and pandas alone: a model library is imported by the fit or the score that needs it.
"""
