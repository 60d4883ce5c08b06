"""What repeats a trial: a module of its own, because the tracking writer needs no more of a config."""

from __future__ import annotations

__all__ = ["INNER_FOLD", "REPLICATE_KEYS", "SPLIT_KEYS"]

INNER_FOLD = "split.inner_fold"
"""Of nested cross-validation: runs that differ only in it are tested on the same rows."""

SPLIT_KEYS = ("split.seed", "split.fold", INNER_FOLD)
"""Keys that split the same rows anew; an option of group `split` has those that it needs."""

REPLICATE_KEYS = ("seed", *SPLIT_KEYS)
"""Keys that repeat a trial; runs that differ only in them are one trial."""
