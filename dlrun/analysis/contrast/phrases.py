"""Numbers and settings as the sentences about two runs have them."""

from __future__ import annotations

from dlrun.analysis.contrast.settings import Change
from dlrun.analysis.trials import ABSENT
from dlrun.config.text import typed

__all__ = ["LONGEST", "number", "told_change"]

LONGEST = 60
"""Characters of a value in a sentence."""


def number(value: float) -> str:
    """A score or a difference of scores, in four decimals or, where it is large or very small, four figures."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"


def told_change(change: Change) -> str:
    """As `optimizer.learning_rate: 0.001 (the default) against 0.01`."""
    told = []
    for value, is_default in zip(change.values, change.are_defaults, strict=True):
        text = "nothing" if value is ABSENT else typed(value)
        text = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
        told.append(f"{text} (the default)" if is_default else text)
    return f"{change.key}: {told[0]} against {told[1]}"
