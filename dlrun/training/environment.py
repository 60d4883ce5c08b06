"""What a run ran on: enough to see why a repetition differs. Imports none of what it describes.

environment.json    versions, platform, settings, the git commit of the project
uncommitted.diff    what its files differ in from that commit, as `git apply` takes it; where they do
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from dlrun.training import machine
from dlrun.training.atomic import storage_errors, write_json, write_text

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
_GIT_SECONDS = 2.0
_LONGEST_DIFF = 1_000_000  # characters: beyond, somebody has changed data, not code


def describe(work: Path, command: str) -> dict[str, Any]:
    """The content of environment.json.

    Args:
        work: the project or working directory, whose git commit is noted if it has one.
        command: what was typed.
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
        "git": _git(work),
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
        write_text(folder / UNCOMMITTED, diff)
    write_json(folder / ENVIRONMENT, described)


def _without_diff(environment: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """What is written to environment.json, the diff by its sha256, and the diff."""
    git = environment.get("git")
    if not git or not git.get("diff"):
        return dict(environment), ""
    digest = hashlib.sha256(git["diff"].encode()).hexdigest()
    return {**environment, "git": {**git, "diff": digest}}, git["diff"]


def _usable_cpus() -> int:
    """Processors that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git(work: Path) -> dict[str, Any] | None:
    """The commit, the branch (`HEAD` where there is none), whether files differ from the commit, and what they differ
    in, as text; None of what git does not tell, and of a diff that is too long."""
    asked = _git_answer(work, "rev-parse", "HEAD", "--abbrev-ref", "HEAD")
    if not asked:
        return None
    commit, branch = asked.split()
    diff = _git_answer(work, "diff", "HEAD", "--no-color", "--no-ext-diff")
    is_short = diff is not None and len(diff) <= _LONGEST_DIFF
    return {
        "commit": commit,
        "branch": branch,
        "dirty": None if diff is None else bool(diff),
        "diff": f"{diff}\n" if diff and is_short else None,
    }


def _git_answer(work: Path, *arguments: str) -> str | None:
    """What git says about `work`; None where there is no git, no repository or no answer in time."""
    try:
        done = subprocess.run(
            ["git", "-C", str(work), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip("\n") if done.returncode == 0 else None
