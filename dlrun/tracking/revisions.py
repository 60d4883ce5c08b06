"""The revisions of MLflow's schema that the installed MLflow knows, read from its migration files without importing it.

MLflow brings an older store to its own schema without a word and without a backup where a table is missing in it
(`SqlAlchemyStore.__init__` in `mlflow/store/tracking/sqlalchemy_store.py`). So whether a store is older is found out
before MLflow is let near it.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Literal

__all__ = ["Standing", "standing"]

Standing = Literal["current", "older", "newer"]
_MIGRATIONS = Path("store", "db_migrations", "versions")
_LINE = re.compile(r"""^(down_)?revision\b[^=\n]*=\s*(?:["'](\w+)["']|None)""", re.MULTILINE)


def standing(revision: str) -> Standing:
    """How a store at `revision` stands to the installed MLflow; one that it does not know is of a newer one."""
    known, heads = _revisions()
    if revision in heads or not known:  # without the files nothing can be told: MLflow itself will say
        return "current"
    return "older" if revision in known else "newer"


@cache
def _revisions() -> tuple[frozenset[str], frozenset[str]]:
    """All revisions, and those that no other one follows."""
    spec = importlib.util.find_spec("mlflow")  # finds, does not import
    if spec is None or spec.origin is None:
        return frozenset(), frozenset()
    own: set[str] = set()
    earlier: set[str] = set()
    for path in (Path(spec.origin).parent / _MIGRATIONS).glob("*.py"):
        for down, revision in _LINE.findall(path.read_text(encoding="utf-8", errors="replace")):
            (earlier if down else own).add(revision)
    return frozenset(own), frozenset(own - earlier)
