"""What a CSV file was found to hold, kept beside its converted samples: a large file is read as text once.

The folder `.dlrun/cache/` lies where `runs/` does. An entry is named by the content of the file and by how the config
wants it read, so an edited file has another; all of it may be removed at any time.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dlrun.config.digest import content_digest
from dlrun.config.roots import Roots
from dlrun.data.tables.layout import Settings

__all__ = ["ABOUT", "MOST_ENTRIES", "cache_of", "entry_of", "forget_others", "recall"]

MOST_ENTRIES = 4
"""Entries that are kept; the one that was not used for the longest time goes first."""

ABOUT = "about.json"
"""The file that an entry is complete with."""

_FORMAT = 2  # raise it when what is written changes
_NAME_LENGTH = 32  # hex characters


def cache_of(roots: Roots) -> Path:
    """The folder of converted files; it need not exist."""
    return roots.work / ".dlrun" / "cache"


def entry_of(cache: Path, path: Path, settings: Settings) -> Path:
    """Where a file is kept that is read in this way; it need not exist.

    Raises:
        OSError: the file cannot be read.
    """
    identity = [_FORMAT, content_digest(path), asdict(settings)]
    name = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:_NAME_LENGTH]
    return cache / name


def recall(entry: Path) -> dict[str, Any] | None:
    """What is known of the file; None where the entry is none, or cannot be read."""
    try:
        about: dict[str, Any] = json.loads((entry / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return about


def forget_others(entry: Path) -> None:
    """Mark the entry as used, and remove what has been kept too long. A process that reads a removed file reads on."""
    (entry / ABOUT).touch()
    others = [about.parent for about in entry.parent.glob(f"*/{ABOUT}") if about.parent != entry]
    others.sort(key=_last_used, reverse=True)
    for old in others[MOST_ENTRIES - 1 :]:
        shutil.rmtree(old, ignore_errors=True)


def _last_used(entry: Path) -> float:
    try:
        return (entry / ABOUT).stat().st_mtime
    except OSError:  # somebody else has just removed it
        return 0.0
