"""Batches that hold everything, which data that stays in a file never does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dlrun.errors import Problem

__all__ = ["whole_batches"]


def whole_batches(trainer: Mapping[str, Any]) -> Iterator[Problem]:
    """The problems of a trainer that takes all rows at once, where they are streamed."""
    for name in ("batch_size", "validation_batch_size"):
        if trainer[name] == "full":
            rule = "must be a number where data is streamed: it is never in memory as a whole"
            yield Problem(f"trainer.{name}", rule, got="full", mend=f"Type trainer.{name}=1024.")
