"""What `dlrun doctor` looks at. Imports no framework: versions are read from the installed packages' metadata."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path

from dlrun.config.roots import Roots

__all__ = ["Check", "checks"]

_CONFLICTS = {
    "hydra-optuna-sweeper": "it pins an alembic that breaks MLflow's sqlite store",
    "hydra-ax-sweeper": "it breaks every Hydra program on Python 3.11 and newer",
    "hydra-nevergrad-sweeper": "it breaks every Hydra program on Python 3.11 and newer",
}
_LEAST_FREE_BYTES = 1_000_000_000
_PYTHON = (3, 11)


@dataclass(frozen=True)
class Check:
    """One thing looked at; `state` is `ok`, `note` (worth knowing) or `mend` (wrong)."""

    name: str
    state: str
    finding: str
    mend: str = ""


def checks(roots: Roots) -> list[Check]:
    """Everything that can be told in about a second, for the project or directory of `roots`."""
    return [
        _python(),
        *_packages(),
        *_conflicts(),
        _bytecode(),
        _processors(),
        _directory(roots.work),
        _disk(roots.work),
        *_store(roots),
    ]


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= _PYTHON:
        return Check("python", "ok", found)
    return Check("python", "mend", found, f"Install Python {_PYTHON[0]}.{_PYTHON[1]} or newer.")


def _requirements() -> list[str]:
    """What dlrun needs, as its metadata says, or pyproject.toml in a checkout that is not installed."""
    try:
        return [text for text in requires("dlrun") or [] if "extra ==" not in text]
    except PackageNotFoundError:
        import tomllib

        project = Path(__file__).resolve().parents[2] / "pyproject.toml"
        return list(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"])


def _packages() -> Iterator[Check]:
    from packaging.requirements import Requirement

    for requirement in map(Requirement, _requirements()):
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            found = ""
        if found and requirement.specifier.contains(found, prereleases=True):
            yield Check(requirement.name, "ok", found)
        else:
            wanted = f"{requirement.name}{requirement.specifier}"
            yield Check(requirement.name, "mend", found or "not installed", f"pip install '{wanted}'")


def _conflicts() -> Iterator[Check]:
    for name, reason in _CONFLICTS.items():
        try:
            yield Check(name, "mend", f"{version(name)}: {reason}", f"pip uninstall {name}")
        except PackageNotFoundError:
            continue


def _bytecode() -> Check:
    """Without cached bytecode every start compiles TensorFlow and MLflow anew."""
    name = "bytecode"
    mend = f"{sys.executable} -m compileall -q {_site()}"
    missing = [package for package in ("tensorflow", "keras", "mlflow") if not _is_compiled(package)]
    if missing:
        return Check(name, "note", f"not cached for {', '.join(missing)}: every start takes seconds longer", mend)
    if sys.dont_write_bytecode:
        return Check(name, "note", "PYTHONDONTWRITEBYTECODE is set: nothing new is cached", "Unset it.")
    return Check(name, "ok", "cached")


def _is_compiled(package: str) -> bool:
    spec = importlib.util.find_spec(package)  # finds, does not import
    return spec is None or spec.cached is None or Path(spec.cached).is_file()


def _site() -> str:
    try:
        return str(distribution("keras").locate_file(""))
    except PackageNotFoundError:
        return sys.prefix


def _processors() -> Check:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = {name: os.environ[name] for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS") if name in os.environ}
    finding = f"{usable} usable of {os.cpu_count()}"
    if threads:
        limits = ", ".join(f"{name}={value}" for name, value in threads.items())
        return Check("processors", "note", f"{finding}; {limits}", "trainer.threads sets the number for a run.")
    return Check("processors", "ok", finding)


def _directory(work: Path) -> Check:
    places = [work, *(folder for folder in (work / "runs", work / "sweeps") if folder.exists())]
    closed = [str(place) for place in places if not os.access(place, os.W_OK | os.X_OK)]
    if closed:
        return Check("directory", "mend", f"{', '.join(closed)} cannot be written", f"chmod u+rwx {' '.join(closed)}")
    return Check("directory", "ok", str(work))


def _disk(work: Path) -> Check:
    free = shutil.disk_usage(work).free
    finding = f"{free / 1e9:.1f} GB free"
    if free < _LEAST_FREE_BYTES:
        return Check("disk", "mend", finding, f"Free some space on the disk of {work}.")
    return Check("disk", "ok", finding)


def _store(roots: Roots) -> Iterator[Check]:
    from dlrun.tracking import sqlitefile
    from dlrun.tracking.project_store import project_node, project_secrets
    from dlrun.tracking.state import pending
    from dlrun.tracking.store import database, problems, store_uri

    node, hidden = project_node(roots), project_secrets(roots).hidden
    uri = store_uri(node, roots.work)
    if not uri:
        yield Check("store", "ok", "none: runs keep their journals only")
        return
    found, path = problems(node, roots.work), database(uri)
    for problem in found:
        fault = hidden(problem.rule.removeprefix("must be an MLflow store: "))
        yield Check("store", "mend", fault, hidden(problem.mend or ""))
    state = sqlitefile.inspect(path).word if path is not None else "not asked"
    if state == "locked":
        mend = "End the program that holds it, should this stay so."
        yield Check("store", "note", f"{hidden(str(path))} is in use", mend)
    elif not found:
        words = {"missing": "none yet: the first run makes it", "ok": "ok"}
        yield Check("store", "ok", f"{hidden(uri)}: {words.get(state, state)}")
    if "MLFLOW_TRACKING_URI" in os.environ and node.get("uri") is None:
        mend = "tracking.uri='${oc.env:MLFLOW_TRACKING_URI}' uses it."
        yield Check("MLFLOW_TRACKING_URI", "note", "is set, and not used", mend)
    run_dirs = sorted(journal.parent for journal in roots.work.glob("runs/*/journal.jsonl"))
    waiting = pending(run_dirs, uri)
    if waiting:
        mend = "dlrun sync sends them, and says what is in the way."
        yield Check("runs", "note", f"{len(waiting)} of {len(run_dirs)} not yet in the store", mend)
    else:
        yield Check("runs", "ok", f"all {len(run_dirs)} in the store" if run_dirs else "none yet")
