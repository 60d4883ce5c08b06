"""What repeats a trial: a module of its own, because the tracking writer needs no more of a config."""

from __future__ import annotations

__all__ = ["REPLICATE_KEYS"]

REPLICATE_KEYS = ("seed", "split.seed", "split.fold")
"""Keys that repeat a trial; runs that differ only in them are one trial."""
