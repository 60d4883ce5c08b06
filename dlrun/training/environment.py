"""What a run ran on: enough to see why a repetition differs. Imports none of what it describes.

environment.json    versions, platform, settings, the git commit of the project
uncommitted.diff    what its files differ in from that commit, as `git apply` takes it; where they do, and it is wanted
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from dlrun.training import machine
from dlrun.training.atomic import storage_errors, write_bytes, write_json
from dlrun.training.revision import revision_of

__all__ = ["ENVIRONMENT", "UNCOMMITTED", "describe", "write"]

ENVIRONMENT = "environment.json"
"""The file's name in a run's or a sweep's directory."""

UNCOMMITTED = "uncommitted.diff"
"""The name of the file beside it that says what was not committed."""

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


def describe(work: Path, command: str, with_diff: bool = True) -> dict[str, Any]:
    """The content of environment.json.

    Args:
        work: the project or working directory, whose git commit is noted if it has one.
        command: what was typed.
        with_diff: whether what is not committed is to be noted, too.
    """
    cpu, abilities = machine.processor()
    return {
        "command": command,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": cpu,
        "abilities": abilities,
        "cpus": _usable_cpus(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "settings": {name: os.environ[name] for name in _SETTINGS if name in os.environ},
        "git": revision_of(work, with_diff),
    }


def write(folder: Path, environment: Mapping[str, Any]) -> None:
    """Write environment.json, and what was not committed, into `folder`, which is made if it is not there.

    Raises:
        StorageError: it cannot be written.
    """
    described, diff = _without_diff(environment)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not diff:
            (folder / UNCOMMITTED).unlink(missing_ok=True)
    if diff:
        write_bytes(folder / UNCOMMITTED, diff)
    write_json(folder / ENVIRONMENT, described)


def _without_diff(environment: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What is written to environment.json, the diff by its sha256, and the diff."""
    git = environment.get("git")
    if not git or not git.get("diff"):
        return dict(environment), b""
    diff = git["diff"].encode(errors="surrogateescape")
    return {**environment, "git": {**git, "diff": hashlib.sha256(diff).hexdigest()}}, diff


def _usable_cpus() -> int:
    """Processors that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
