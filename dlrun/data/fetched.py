"""The folder that data sets are fetched into: `.dlrun/datasets/` where `runs/` lies, or what DLRUN_DATASETS names."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["FOLDER", "folder_of"]

FOLDER = "DLRUN_DATASETS"
"""The environment variable that names the folder."""


def folder_of(cache: str | Path) -> Path:
    """Where fetched data sets lie; it need not exist.

    Args:
        cache: the folder of converted files, beside which they are kept.
    """
    named = os.environ.get(FOLDER)
    return Path(named).expanduser() if named else Path(cache).parent / "datasets"
