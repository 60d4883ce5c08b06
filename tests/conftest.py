"""What all tests share: a quiet TensorFlow, a fresh working directory, the catalog, the command line."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots

LONGEST = frozenset({"test_docs.py", "test_sweep.py", "test_contract.py", "test_engines.py", "test_resume.py"})
REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Have Ctrl-C mean what it means at a terminal: a shell starts `make test &` with SIGINT ignored, and every process
    that the tests start would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: a process takes whole files, and would end long after the others."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh directory that the test runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The packaged options, seen from outside any project."""
    return Catalog(Roots.of(tmp_path_factory.mktemp("nowhere")))


@pytest.fixture
def dlrun(work: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line as a process of its own, in `work`."""

    def call(*words: str, timeout: float = 300, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dlrun", *words],
            cwd=work,
            env=os.environ | {"COLUMNS": "120"} | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return call
