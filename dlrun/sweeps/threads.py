"""The threads that a sweep's runs are computed with, settled once: the last bits of some networks depend on them."""

from __future__ import annotations

import json
from pathlib import Path

from dlrun.config.spec import Spec
from dlrun.training.atomic import write_json

__all__ = ["keep_threads", "kept_threads", "with_threads"]

_FILE = "pool.json"


def keep_threads(folder: Path, threads: int | None, workers: int) -> None:
    """Note in the sweep's `folder` how it begins; one that has begun before keeps what it has.

    Raises:
        StorageError: it cannot be written.
    """
    if not (folder / _FILE).exists():
        write_json(folder / _FILE, {"threads": threads, "workers": workers})


def kept_threads(folder: Path) -> int | None:
    """The threads that the sweep in `folder` began with; None leaves them to TensorFlow."""
    try:
        threads = json.loads((folder / _FILE).read_text(encoding="utf-8"))["threads"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return threads if isinstance(threads, int) else None


def with_threads(spec: Spec, threads: int | None) -> Spec:
    """The spec, computed with so many threads unless it says how many itself: they are no part of what it is."""
    trainer = spec["trainer"]
    if threads is None or trainer["threads"] is not None:
        return spec
    return Spec({**spec.content, "trainer": {**trainer, "threads": threads}})
