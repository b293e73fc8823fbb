"""A process that has already imported the libraries and becomes a copy of itself for every run.

A run of a monitoring day is a second or two of work behind five to seven seconds of imports. ``python -m ml_assets.local.zygote``
pays those once: it reads one JSON document per line from its standard input (``{"arguments": [...]}``, the arguments of the
``dagster`` command), forks, and answers with the copy's process id; ``{"go": pid}`` then sets the copy off. It imports libraries only, never a solution, so that
each copy reads declarations and functions as they are then. It ends when its input ends; copies run on.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence

LIBRARIES = (
    "dagster._cli.api",
    "ml_assets.components",
    "pandera.pandas",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "xgboost",
    "sklearn.pipeline",
    "sklearn.linear_model",
    "sklearn.ensemble",
)
"""What a copy finds already imported; a library that is not installed is left to the run that needs it."""


def main() -> None:
    """Import, and serve the lines of standard input until they end."""
    # Copies are never waited for: the system removes them when they end.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    waiting = list(LIBRARIES)
    held: dict[int, int] = {}
    while True:
        # a run that is asked for does not wait for libraries it may not need
        while waiting and not select.select([sys.stdin], [], [], 0)[0]:
            _import(waiting.pop(0))
        line = sys.stdin.readline()
        if not line:
            return
        asked = json.loads(line)
        if "go" in asked:
            os.close(held.pop(asked["go"]))
            continue
        ready, go = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns of threads in numpy's linear algebra, which puts them right in the copy by itself
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            os.close(go)
            for other in held.values():
                os.close(other)
            _become(asked["arguments"], ready)
        os.close(ready)
        held[pid] = go
        sys.stdout.write(json.dumps({"pid": pid}) + "\n")
        sys.stdout.flush()


def _import(name: str) -> None:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)


def _become(arguments: Sequence[str], ready: int) -> None:
    """Wait for the word to go, run the ``dagster`` command in this copy, and end with its exit code."""
    os.read(ready, 1)  # returns when the original lets go of the other end
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # copies would draw the same numbers
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # libraries wait for processes of their own
    # The copy must not read the next run's line, nor answer in the original's place.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    code = 1
    try:
        from dagster._cli import main as dagster

        sys.argv = ["dagster", *arguments]
        dagster()  # type: ignore[no-untyped-call]
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - nobody above prints it: the process ends below
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
