"""One declaration of an ML solution becomes its whole working lifecycle, as Dagster assets, checks and sensors."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml_assets.components import MLSolution as MLSolution

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load the Component only when it is asked for: ``import ml_assets.statistics`` must not load Dagster."""
    if name == "MLSolution":
        from ml_assets.components import MLSolution

        return MLSolution
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """With the Component: ``dg`` finds component types by looking through the names of a registry module."""
    return sorted({*globals(), "MLSolution"})
