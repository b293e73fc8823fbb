"""Dagster on one machine, made fast: named in ``dagster.yaml``, used by nothing else. Grown-up instances leave them out."""

from ml_assets.local.launcher import WarmRunLauncher as WarmRunLauncher
from ml_assets.local.storage import LocalStorage as LocalStorage
