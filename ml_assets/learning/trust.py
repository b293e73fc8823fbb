"""Which types a stored scikit-learn model may hold: loading one must never run code that the model file chose.

skops writes an object as a description that is checked before anything is built
(https://skops.readthedocs.io/en/stable/persistence.html); its own trusted list covers most of scikit-learn.
"""

from collections.abc import Collection
from typing import Any

from ml_assets.errors import ArtifactError

ALLOWED_TYPES = frozenset(
    {
        "functools.partial",  # calls nothing at loading; the function it holds is checked by its own name
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._bsplines.BSpline",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils.validation.check_array",
    }
)
"""scikit-learn's own inert types that skops does not trust by itself, by exact name: a prefix would admit functions."""


def store_trusted(estimator: object, *, trusted: Collection[str] = ()) -> bytes:
    """The estimator as skops bytes; ``ArtifactError`` when they would be refused at loading."""
    import skops.io

    try:
        content = bytes(skops.io.dumps(estimator))
    except (TypeError, AttributeError, NotImplementedError) as error:
        raise ArtifactError(
            f"Estimator {type(estimator).__name__} cannot be stored",
            got=str(error),
            allowed="what skops can describe",
            do="Use an estimator made of scikit-learn parts, without lambdas",
        ) from error
    _refuse_untrusted(content, trusted)
    return content


def load_trusted(content: bytes, *, trusted: Collection[str] = ()) -> Any:
    """The estimator of skops bytes, built only after every type in it was found on the allow-list or in ``trusted``."""
    import skops.io

    found = _refuse_untrusted(content, trusted)
    return skops.io.loads(content, trusted=found)


def _refuse_untrusted(content: bytes, trusted: Collection[str]) -> list[str]:
    import zipfile

    import skops.io

    try:
        found = [str(name) for name in skops.io.get_untrusted_types(data=content)]
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise ArtifactError("Not a skops file", got=got, allowed="a skops file", do="Train again") from error
    refused = sorted(set(found) - ALLOWED_TYPES - set(trusted))
    if refused:
        raise ArtifactError(
            "Model file holds types that are not trusted",
            got=refused,
            allowed="scikit-learn and numpy types, and the ones named as trusted",
            do="Review them; if they are yours, name them as trusted, else do not load the file",
        )
    return found
