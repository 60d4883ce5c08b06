"""What a run ran on: enough to see why a repetition differs, and nothing secret. Imports none of what it describes."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from dlrun.training.atomic import storage_errors, write_json

__all__ = ["ENVIRONMENT", "describe", "write"]

ENVIRONMENT = "environment.json"
"""The file's name in a run's or a sweep's directory."""

_PACKAGES = (
    "dlrun",
    "tensorflow",
    "keras",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "hydra-core",
    "omegaconf",
    "mlflow",
)
_SETTINGS = (
    "TF_ENABLE_ONEDNN_OPTS",
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
)  # each changes results or their last bits
_GIT_SECONDS = 2.0


def describe(work: Path, command: str) -> dict[str, Any]:
    """The content of environment.json.

    Args:
        work: the project or working directory, whose git commit is noted if it has one.
        command: what was typed.
    """
    return {
        "command": command,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": _usable_cpus(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "settings": {name: os.environ[name] for name in _SETTINGS if name in os.environ},
        "git": _git(work),
    }


def write(folder: Path, environment: Mapping[str, Any]) -> None:
    """Write environment.json into `folder`, which is made if it is not there.

    Raises:
        StorageError: it cannot be written.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / ENVIRONMENT, environment)


def _usable_cpus() -> int:
    """Processors that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git(work: Path) -> dict[str, Any] | None:
    commit = _git_answer(work, "rev-parse", "HEAD")
    if not commit:
        return None
    changes = _git_answer(work, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _git_answer(work: Path, *arguments: str) -> str | None:
    """What git says about `work`; None where there is no git, no repository or no answer in time."""
    try:
        done = subprocess.run(
            ["git", "-C", str(work), *arguments], capture_output=True, text=True, timeout=_GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
