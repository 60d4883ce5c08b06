"""The corpus."""

from __future__ import annotations

from collections import Counter

from . import files, words
from .case import Case

__all__ = ["CASES"]

CASES: list[Case] = [*words.CASES, *files.CASES]
assert not (twice := [n for n, c in Counter(case.name for case in CASES).items() if c > 1]), twice
