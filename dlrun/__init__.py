"""dlrun: declare a deep-learning experiment in YAML, sweep it, compare, and get an answer with its uncertainty.

    import dlrun
    result = dlrun.run(["model=cnn", "seed=1"])

The verbs of the command line stand on the same functions. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlrun.api import load, run

__all__ = ["__version__", "load", "run"]


def __getattr__(name: str) -> Any:
    if name in ("load", "run"):
        from dlrun import api

        return getattr(api, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("dlrun")
    raise AttributeError(f"module 'dlrun' has no attribute '{name}'")
