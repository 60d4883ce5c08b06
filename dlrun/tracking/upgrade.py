"""Bring a sqlite store to the installed MLflow's schema, after a backup: a process of its own, because it needs MLflow.

It reads `{"path": FILE}` and answers with one line, `{"before", "after", "backup"}` or `{"error": TEXT}`.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
import warnings
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock

from dlrun.tracking import sqlitefile
from dlrun.tracking.faults import told

__all__ = ["main", "upgrade"]


def upgrade(path: Path) -> dict[str, str | None]:
    """Bring the store at `path` to the schema of the installed MLflow.

    Returns:
        Its revision before and after, and the backup; without one nothing was to be done.

    Raises:
        OSError: there is no room for the backup; nothing was changed.
        sqlite3.Error: the same.
        Exception: MLflow could not do it. The store is as it was, and the backup is there.
    """
    with FileLock(f"{path}.lock"):
        before = sqlitefile.revision(path)
        if sqlitefile.inspect(path).word != "older":
            return {"before": before, "after": before, "backup": None}
        backup = _backed_up(path, f"{path.name}.backup-{before}")
        try:
            _to_installed(path)
        except BaseException:
            _copy(backup, path)
            raise
        return {"before": before, "after": sqlitefile.revision(path), "backup": str(backup)}


def _to_installed(path: Path) -> None:
    from mlflow.db import commands  # 2 s of imports; `mlflow db upgrade`

    commands.main(["upgrade", f"sqlite:///{path}"], standalone_mode=False)


def _backed_up(path: Path, name: str) -> Path:
    """A copy of the store beside it, of a name that was free."""
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    target = next(free for free in map(path.with_name, names) if not free.exists())
    aside = target.with_name(f"{target.name}.part")
    aside.unlink(missing_ok=True)
    try:
        _copy(path, aside)
        aside.rename(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return target


def _copy(source: Path, target: Path) -> None:
    """All of a store, what is still in its log included."""
    with closing(sqlite3.connect(source)) as store, closing(sqlite3.connect(target)) as copy:
        store.backup(copy)


def main() -> int:
    """Run it; see the module."""
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    path = Path(json.loads(sys.stdin.readline())["path"])
    answer: dict[str, Any]
    try:
        answer = upgrade(path)
    except Exception as error:  # noqa: BLE001  # whatever MLflow raises, the caller tells it
        answer = {"error": told(error)}
    print(json.dumps(answer), flush=True)  # noqa: T201  # the answer
    return 1 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main())
