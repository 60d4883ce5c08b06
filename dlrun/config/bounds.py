"""How much a command may ask for: what is beyond any use is refused before it is spelled out in memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hydra.core.override_parser.types import Override, RangeSweep

from dlrun.errors import Problem

__all__ = ["MOST_RUNS", "too_long", "too_many_runs"]

MOST_RUNS = 100_000
"""Runs of one command: their plan alone takes a minute."""

_MAX_WORD = 50_000  # characters: a list of ten thousand seeds
_MAX_KEY = 300
_MAX_DEPTH = 40
_SHOWN = 60


def too_long(text: str) -> str | None:
    """The rule that a word breaks which is too long or too deep to be read; None where it breaks none."""
    if len(text) > _MAX_WORD:
        return f"must be at most {_MAX_WORD:,} characters long"
    if len(text.partition("=")[0]) > _MAX_KEY:
        return f"must have a key of at most {_MAX_KEY} characters"
    depth = deepest = 0
    for sign in text:
        depth += (sign in "[{(") - (sign in ")}]")
        deepest = max(deepest, depth)
    return f"must nest at most {_MAX_DEPTH} levels deep" if deepest > _MAX_DEPTH else None


def too_many_runs(overrides: Sequence[Override]) -> list[Problem]:
    """The problem of a grid with more points than `MOST_RUNS`, by its largest axis; none where it has fewer.

    Args:
        overrides: all words of the command, those that sweep among them.
    """
    sizes = [(_size(override), override) for override in overrides if override.is_discrete_sweep()]
    total = math.prod(size for size, _ in sizes)
    if total <= MOST_RUNS:
        return []
    _, largest = max(sizes, key=lambda sized: sized[0])
    value = largest.input_line.partition("=")[2] if largest.input_line else ""
    got = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..."
    count = f"{total:,.0f} runs" if math.isfinite(total) else "runs without end"
    rule = f"must sweep over fewer values: a command has at most {MOST_RUNS:,} runs, and this one asks for {count}"
    return [Problem(largest.key_or_group, rule, got=got, mend="Split the sweep into several commands.")]


def _size(override: Override) -> float:
    """How many values a word sweeps over, told without making them."""
    sweep = override.value()
    if isinstance(sweep, RangeSweep):
        start, stop, step = (float(each or 0) for each in (sweep.start, sweep.stop, sweep.step))
        return max(0.0, math.ceil((stop - start) / step)) if step else math.inf
    values = getattr(sweep, "list", ())
    return len(values) if isinstance(values, list) else 1
