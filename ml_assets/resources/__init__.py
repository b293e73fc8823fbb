"""Settings and services a run uses: the store, the model registry, alarms."""

from ml_assets.resources.alerts import Alerts as Alerts
from ml_assets.resources.registry import Registry as Registry
from ml_assets.resources.store import SolutionStore as SolutionStore
from ml_assets.resources.store import Store as Store

STORE = Store()
REGISTRY = Registry()
ALERTS = Alerts()
# The same objects for every solution: Dagster merges definitions only when equal keys are the identical resource.
RESOURCES = {"store": STORE, "registry": REGISTRY, "alerts": ALERTS}
