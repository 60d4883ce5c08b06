"""How the processes that import MLflow are started: quiet, telling nobody, independent of the working directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["command", "credentials", "environment"]

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",  # else a machine without git gets a page of warnings
    "PYTHONUNBUFFERED": "1",
    # A server that is away blocks a call for 245 s by default; the writer tries again by itself.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
_CREDENTIALS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD")


def command(module: str) -> list[str]:
    """How to run `module`; `-P` keeps a user's own `random.py` or `data.py` from shadowing the real ones."""
    return [sys.executable, "-P", "-m", module]


def credentials() -> dict[str, str]:
    """The variables with which MLflow says who it is to a server: passed on, and hidden in all that is told."""
    return {name: os.environ[name] for name in _CREDENTIALS if os.environ.get(name)}


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """The child's environment: this one's, MLflow's quiet settings, and `settings`."""
    inherited = dict(os.environ)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        inherited.pop(name, None)  # meant for scripts that log by themselves
    # A checkout need not be installed; behind everything else it cannot shadow anything.
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (inherited.get("PYTHONPATH"), root)))
    return {**inherited, **_SETTINGS, "PYTHONPATH": path, **(settings or {})}
