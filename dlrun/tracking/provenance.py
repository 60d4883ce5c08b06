"""Where a run comes from: commit, versions and command, as its directory or its sweep's says, for the store's tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from dlrun.tracking.plan import sweep_folder

__all__ = ["PROVENANCE", "environment_of", "source_tags"]

PROVENANCE = ("environment.json", "uncommitted.diff")
"""What a run's or a sweep's directory holds of it."""

_ENVIRONMENT, _ = PROVENANCE
_VERSIONS = ("dlrun", "tensorflow", "keras")


def environment_of(run_dir: Path) -> Mapping[str, Any]:
    """What the run ran on; of a run in a sweep, what the sweep ran on. Empty where it cannot be read."""
    own = _read(run_dir / _ENVIRONMENT)
    sweep = own.get("sweep")
    try:
        return _shared(sweep_folder(run_dir.parent.parent, str(sweep)) / _ENVIRONMENT) if sweep else own
    except ValueError:
        return {}


@lru_cache(maxsize=8)
def _shared(path: Path) -> Mapping[str, Any]:
    """A sweep's, which is written before its runs and stays as it is."""
    return _read(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def source_tags(environment: Mapping[str, Any]) -> dict[str, str]:
    """Tags that say where a run comes from: MLflow's own names where it has some."""
    packages, git = environment.get("packages") or {}, environment.get("git") or {}
    found = {
        "mlflow.source.git.commit": git.get("commit"),
        "mlflow.source.git.branch": git.get("branch"),
        "mlflow.source.git.dirty": None if git.get("dirty") is None else str(bool(git["dirty"])).lower(),
        "dlrun.python": environment.get("python"),
        **{f"dlrun.version.{name}": packages.get(name) for name in _VERSIONS},
    }
    return {name: str(value) for name, value in found.items() if value}
