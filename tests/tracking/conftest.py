"""What tests of stores share: one that is made once, because that takes seconds, and copies of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dlrun.tracking.schema import connect
from dlrun.tracking.store import store_uri


@pytest.fixture(scope="session")
def copy_empty_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Puts a store without runs at a path."""
    work = tmp_path_factory.mktemp("store")
    connect(store_uri({}, work), work)

    def copy_to(path: Path) -> None:
        with closing(sqlite3.connect(work / "mlflow.db")) as store, closing(sqlite3.connect(path)) as copy:
            store.backup(copy)

    return copy_to
