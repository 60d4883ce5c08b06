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

__all__ = [
    "Verdict",
    "decimals_for",
    "decimals_of",
    "lost_text",
    "p_text",
    "settings_text",
    "undecided_text",
    "verdict",
]

_MOST_DECIMALS = 6
_SHOWN = 20  # the rows whose uncertainty says how many digits are worth showing
_MANY = 1000  # more replicates than anybody would run
_LEAST_P = 0.001
_SURE = 0.99
_FEW = 5  # pairs below which the spread that a number of seeds is reckoned with may be far off
_LOST = {"finished": "without the metric"}


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        settled: whether the best trial is better than the second beyond ALPHA; None with nothing to compare.
        lead: how much better the best is than the second over what both have, in the metric's unit: below 0 where that
            is not the order of their means; None with nothing to compare.
        low: lower end of the lead's 95% interval, those two taken alone; None where no interval can be had.
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
    settled = second.p is not None and second.p < ALPHA and lead > 0
    more = None if settled or lead < 0 else _replicates_more(comparison, difference)
    ends = None if low is None or high is None else (low, high)
    if lead < 0:
        text = _contradiction(first, second, comparison)
    else:
        text = f"Best: {settings_text(first, comparison)}. {_lead_text(second, lead, ends, comparison)}"
        text += "." if settled else _undecided_text(difference, more, second.over)
    said = [text, _rivals_text(comparison, settled), lost_text(first, "its"), lost_text(second, "the second's")]
    return Verdict(settled, lead, low, high, second.p, probability, more, " ".join(each for each in said if each))


def lost_text(row: Row, whose: str) -> str:
    """How many of a row's runs came to an end without a value: what is said of it is of the others. Empty if none."""
    lost = row.lost
    number = sum(lost.values())
    if not number:
        return ""
    runs = f"Of {whose} {len(row.runs)} run{'' if len(row.runs) == 1 else 's'} {number}"
    if len(lost) > 1:
        causes = ", ".join(f"{count} {_LOST.get(status, status)}" for status, count in lost.items())
        return f"{runs} have no score: {causes}."
    (status,) = lost
    has = "has" if number == 1 else "have"
    if status == "finished":
        return f"{runs} {has} no score."
    was = {"diverged": "", "failed": ""}.get(status, "was " if number == 1 else "were ")
    return f"{runs} {was}{status} and {has} no score."


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
    overlap = max(row.test_to_train for row in comparison.ranked[:2]) if "corrected" in difference.method else 0.0
    needed = replicates_to_settle(difference, alpha, overlap)
    return None if needed is None else max(1, needed - difference.n)


def _lead_text(second: Row, lead: float, ends: tuple[float, float] | None, comparison: Comparison) -> str:
    places = decimals_of(comparison)
    if lead == 0:
        return "It is level with the second"
    text = f"It leads the second by {lead:.{places}f}"
    if second.shared_of is not None:
        n, most = second.shared_of
        text += f" over the {n} {second.over}{'s' if n > 1 else ''} that both have, of {most}"
    difference, trials = second.difference, len(comparison.ranked)
    if ends is None or second.p is None or difference is None or difference.probability is None:
        return text
    likely = difference.probability if comparison.goal == "min" else 1 - difference.probability
    interval = f"95% interval {ends[0]:.{places}f} to {ends[1]:.{places}f}"
    if trials == 2:
        return f"{text} ({interval}; {_percent(likely)} likely better; {p_text(second.p)})"
    alone = f"taken alone, {interval} and {_percent(likely)} likely better"
    return f"{text} ({alone}; {p_text(second.p)} among {trials} trials)"


def _contradiction(first: Row, second: Row, comparison: Comparison) -> str:
    """That the order of the means is not that of what both have."""
    difference, places = second.difference, decimals_of(comparison)
    assert difference is not None
    names = [settings_text(row, comparison) for row in (first, second)]
    own, shared = "seeds", f"the {difference.n} {second.over}{'s' if difference.n > 1 else ''} that both have"
    if comparison.averaged:
        own, shared = "runs", "those of the same other settings and seed"
    p = "" if second.p is None else f" ({p_text(second.p)})"
    return (
        f"No best one: {names[0]} is ahead of {names[1]} on its own {own}, but behind by "
        f"{abs(difference.mean):.{places}f} on {shared}{p}. Train both on the same seeds."
    )


def _percent(probability: float) -> str:
    if probability > _SURE:  # nothing is certain after a few seeds
        return f"over {_SURE:.0%}"
    return f"{probability:.0%}"


def p_text(p: float) -> str:
    """`p=0.03`, or `p<0.001`."""
    return f"p<{_LEAST_P}" if p < _LEAST_P else f"p={p:.2f}" if p >= 0.1 else f"p={p:.3f}"


def _undecided_text(difference: Difference, more: int | None, what: str) -> str:
    text = undecided_text(difference, what)
    if text:
        return text
    text = ": too close to call"
    if more is not None and more <= _MANY:
        return f"{text}; about {more} more {what}{'s' if more > 1 else ''} would settle it."
    if difference.n < _FEW:
        return f"{text}, and {difference.n} {what}s say no more yet."
    return f"{text}, and no reasonable number of {what}s would settle so small a difference."


def undecided_text(difference: Difference, what: str) -> str:
    """Why nothing can be said of luck; empty where it can."""
    if difference.p is not None:
        return ""
    if difference.n == 1:
        return f": whether that is luck cannot be told from one {what}."
    return f": whether that is luck cannot be told. {difference.warning}"


def _rivals_text(comparison: Comparison, settled: bool) -> str:
    """The others that the best is not clearly ahead of; those that are ahead of it on what both have by name."""
    better = 1.0 if comparison.goal == "max" else -1.0
    clear = [row for row in comparison.ranked[1:] if row.p is not None and row.p < ALPHA]
    ahead = [row for row in clear if row.gap is not None and better * row.gap > 0 and row is not comparison.ranked[1]]
    said = [f"On the seeds that both have, {settings_text(row, comparison)} is ahead of it." for row in ahead[:1]]
    tied = len(comparison.ranked) - 1 - len(clear)
    if settled and tied:
        who = "One further down" if tied == 1 else f"{tied} further down"
        said.append(f"{who}, with fewer or noisier runs, cannot be told apart from it yet.")
    return " ".join(said)
