"""What a leaderboard says, in a sentence: which trial is best, by how much, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dlrun.analysis.compare import Comparison, Row
from dlrun.analysis.ranking import Goal
from dlrun.analysis.statistics import ALPHA, Difference, replicates_to_settle
from dlrun.analysis.trials import ABSENT
from dlrun.config.text import typed

__all__ = ["Verdict", "decimals_for", "decimals_of", "p_text", "settings_text", "verdict"]

_MOST_DECIMALS = 6
_SHOWN = 20  # the rows whose uncertainty says how many digits are worth showing
_MANY = 1000  # more replicates than anybody would run
_LEAST_P = 0.001
_SURE = 0.99


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        settled: whether the best trial is better than the second beyond ALPHA; None with nothing to compare.
        lead: how much better the best is than the second, in the metric's unit; None with nothing to compare.
        low: lower end of the lead's 95% interval; None where no interval can be had.
        p: of the lead, adjusted for all comparisons.
        probability: that the best is better than the second, those two taken alone.
        replicates_more: about how many more replicates would settle it; None when settled or when none would.
        text: the answer in one or two sentences; empty when no trial has a value.
    """

    settled: bool | None
    lead: float | None
    low: float | None
    high: float | None
    p: float | None
    probability: float | None
    replicates_more: int | None
    text: str


def verdict(comparison: Comparison) -> Verdict:
    """Which trial is best, and is the difference to the second real?"""
    if len(comparison.ranked) < 2:
        text = _alone(comparison.ranked[0]) if comparison.ranked else ""
        return Verdict(None, None, None, None, None, None, None, text)
    first, second = comparison.ranked[:2]
    difference = second.difference
    assert difference is not None
    lead, low, high, probability = _lead(difference, comparison.goal)
    settled = second.p is not None and second.p < ALPHA
    more = None if settled else _replicates_more(comparison, difference)
    ends = None if low is None or high is None else (low, high)
    text = f"Best: {settings_text(first, comparison)}. {_lead_text(second, lead, ends, comparison)}"
    text += _rivals_text(comparison) if settled else _undecided_text(difference, more, comparison.test_to_train)
    return Verdict(settled, lead, low, high, second.p, probability, more, text)


def settings_text(row: Row, comparison: Comparison) -> str:
    """A trial's settings as they would be typed, keys in short."""
    pairs = ((name, row.settings.get(key, ABSENT)) for key, name in comparison.columns.items())
    words = [f"{name}={typed(value)}" for name, value in pairs if value is not ABSENT]
    return " ".join(words) or row.runs[0].name or row.runs[0].short_id


def decimals_of(comparison: Comparison) -> int:
    """Decimals that show two figures of the uncertainty, so that no digit is noise; four where none is known."""
    return decimals_for(
        [
            (row.estimate.high - row.estimate.low) / 2
            for row in comparison.ranked[:_SHOWN]
            if row.estimate and row.estimate.low is not None and row.estimate.high is not None
        ]
    )


def decimals_for(half_widths: Iterable[float]) -> int:
    """The same for intervals of these half widths."""
    widths = sorted(width for width in half_widths if width > 0)
    if not widths:
        return 4
    return min(max(1 - math.floor(math.log10(widths[(len(widths) - 1) // 2])), 0), _MOST_DECIMALS)


def _alone(row: Row) -> str:
    if row.estimate is not None and row.estimate.n == 1:
        return "One run: its uncertainty is not known. The same command with --seeds 5 tells it."
    return ""


def _lead(difference: Difference, goal: Goal) -> tuple[float, float | None, float | None, float | None]:
    """Lead, its interval and its probability: positive is better, whatever the metric's direction."""
    mean, low, high, probability = difference.mean, difference.low, difference.high, difference.probability
    if goal == "min":  # the difference is second minus first
        return mean, low, high, probability
    flipped_low, flipped_high = None if high is None else -high, None if low is None else -low
    return -mean, flipped_low, flipped_high, None if probability is None else 1 - probability


def _replicates_more(comparison: Comparison, difference: Difference) -> int | None:
    if difference.p is None:
        return None
    # Rivals further off than the second will be told apart first, and Holm's factor then counts the rest.
    near = sum(row.gap is not None and abs(row.gap) <= abs(difference.mean) for row in comparison.ranked[1:])
    alpha = ALPHA / (max(near, 1) * len(comparison.ranked) / 2)
    needed = replicates_to_settle(difference, alpha, comparison.test_to_train)
    return None if needed is None else max(1, needed - difference.n)


def _lead_text(second: Row, lead: float, ends: tuple[float, float] | None, comparison: Comparison) -> str:
    places = decimals_of(comparison)
    if lead == 0:
        return "It is level with the second"
    text = f"It leads the second by {lead:.{places}f}"
    difference, trials = second.difference, len(comparison.ranked)
    if ends is None or second.p is None or difference is None or difference.probability is None:
        return text
    likely = difference.probability if comparison.goal == "min" else 1 - difference.probability
    among = f" among {trials} trials" if trials > 2 else ""
    interval = f"95% interval {ends[0]:.{places}f} to {ends[1]:.{places}f}"
    return f"{text} ({interval}; {_percent(likely)} likely better; {p_text(second.p)}{among})"


def _percent(probability: float) -> str:
    if probability > _SURE:  # nothing is certain after a few seeds
        return f"over {_SURE:.0%}"
    return f"{probability:.0%}"


def p_text(p: float) -> str:
    """`p=0.03`, or `p<0.001`."""
    return f"p<{_LEAST_P}" if p < _LEAST_P else f"p={p:.2f}" if p >= 0.1 else f"p={p:.3f}"


def _undecided_text(difference: Difference, more: int | None, test_to_train: float) -> str:
    what = "split" if test_to_train else "seed"
    if difference.p is None:
        return f": whether that is luck cannot be told from one {what}."
    text = ": too close to call"
    if more is None or more > _MANY:
        return f"{text}, and no reasonable number of {what}s would settle it."
    return f"{text}; about {more} more {what}{'s' if more > 1 else ''} would settle it."


def _rivals_text(comparison: Comparison) -> str:
    tied = sum(row.p is None or row.p >= ALPHA for row in comparison.ranked[1:])
    who = "One further down" if tied == 1 else f"{tied} further down"
    return f". {who}, with fewer or noisier runs, cannot be told apart from it yet." if tied else "."
