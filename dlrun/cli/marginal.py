"""The effect of one hyperparameter as `dlrun compare --by KEY` shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dlrun.cli.leaderboard import (
    DIFFERENCE,
    at_changes_nothing,
    difference_numbers,
    p_cell,
    setting_text,
    uncertain,
)
from dlrun.cli.tables import Cell, Table

if TYPE_CHECKING:
    from dlrun.analysis.compare import Comparison, Row
    from dlrun.analysis.interactions import Interaction
    from dlrun.analysis.marginal import Level, Marginal

__all__ = ["effect_for_programs", "effect_in_words", "effect_table", "shown_levels"]

_MOST_INTERACTIONS = 3
_MOST_TOLD = 3  # values in a sentence


def effect_table(found: Marginal, shown: Sequence[Level], title: str) -> Table:
    """A row a value: its mean over the blocks, and how far it is from the best value within them."""
    places = _places(found)
    rows: list[list[object]] = []
    for level in shown:
        style = "bold" if level is found.levels[0] and len(found.levels) > 1 else None
        mean = Cell(level.mean, f"{level.mean:.{places}f}", style)
        seeds = len(level.row.samples)
        line: list[object] = [Cell(_plain(level.value), _text(level.value), style), mean, _blocks(level, found)]
        line.append(Cell(seeds, _of(seeds, found.seeds)))
        if len(found.levels) > 1:
            line += _to_best(level, places)
        rows.append(line)
    columns = [found.name, found.metric, "blocks", f"{_over(found)}s"]
    columns += ["to best", "p"] if len(found.levels) > 1 else []
    return Table(columns, rows, title)


def effect_for_programs(found: Marginal, shown: Sequence[Level], unranked: Sequence[Row]) -> Table:
    """The same, numbers in full, and the values that no finished run has."""
    key = found.key.removesuffix(".option")
    rows: list[list[object]] = []
    for level in shown:
        rank = found.levels.index(level) + 1
        numbers = difference_numbers(level.difference, level.p, found.goal)
        sizes = [len(level.row.values), len(level.row.samples)]
        rows.append([rank, _plain(level.value), found.metric, *sizes, level.mean, *numbers])
        rows[-1] += [dict(level.row.counts), level.row.cause, [run.id for run in level.row.runs]]
    for row in unranked:
        nothing = [None] * (1 + len(DIFFERENCE))
        rows.append([None, _plain(row.settings.get(found.key)), found.metric, 0, 0, *nothing])
        rows[-1] += [dict(row.counts), row.cause, [run.id for run in row.runs]]
    return Table(["rank", key, "metric", "blocks", "seeds", "mean", *DIFFERENCE, "status", "cause", "runs"], rows)


def shown_levels(found: Marginal, sort: str | None, top: int | None) -> Sequence[Level]:
    """The values to be shown, best first or, sorted by the key itself, in their order.

    Raises:
        UserError: they are to be sorted by anything else.
    """
    from dlrun.analysis.order import place
    from dlrun.errors import UserError

    spoken = (found.key, found.name, found.key.removesuffix(".option"))
    if sort in spoken:
        return sorted(found.levels, key=lambda level: place(level.value, 1.0))[:top]
    if sort not in (None, found.metric, "mean"):
        raise UserError(f"--sort must be {found.name} or {found.metric} beside --by {found.name}; got {sort}.")
    return found.levels[:top]


def effect_in_words(found: Marginal, comparison: Comparison) -> list[tuple[str, str]]:
    """What the table says, and how it is to be read: pairs of a style and a text."""
    from dlrun.analysis.interactions import interactions

    said = [("bold", _lead(found)), ("", _trend(found)), ("yellow", _lost(found)), ("yellow", _apart(found))]
    said += [("yellow", _swap(each, found)) for each in interactions(comparison)[:_MOST_INTERACTIONS]]
    said += [("yellow", _warning(found)), ("dim", _legend(found, comparison))]
    return [(style, text) for style, text in said if text]


def _lead(found: Marginal) -> str:
    from dlrun.analysis.verdict import undecided_text

    if len(found.levels) < 2:
        return ""
    best, second = found.levels[:2]
    difference = second.difference
    assert difference is not None
    places, sign = _places(found), 1 if found.goal == "min" else -1
    lead = sign * difference.mean
    names = [f"{found.name}={_text(best.value)}", _text(second.value)]
    if lead < 0:
        p = "" if second.p is None else f" ({_p(second.p)})"
        return (
            f"No best one: {names[0]} is ahead of {names[1]} over all runs, but behind by {_number(-lead, places)} "
            f"where both have the same other settings and seed{p}. Train the runs that are missing."
        )
    text = f"Best: {names[0]}. It is ahead of {names[1]} by {_number(lead, places)}"
    if second.apart:
        return f"{text}, with another {' and '.join(second.apart)}: which of them does it cannot be told."
    if difference.p is None or second.p is None:
        return f"{text}{undecided_text(difference, _over(found))}"
    if difference.low is not None and difference.high is not None:
        ends = sorted((sign * difference.low, sign * difference.high))
        interval = f"95% interval {_number(ends[0], places)} to {_number(ends[1], places)}"
        is_one_of_many = len(found.levels) > 2
        text += f" ({'taken alone, ' if is_one_of_many else ''}{interval}; {_p(second.p)}"
        text += f" among {len(found.levels)} values)" if is_one_of_many else ")"
    return f"{text}." if second.p < _alpha() else f"{text}: too close to call."


def _trend(found: Marginal) -> str:
    """In a sentence how the metric goes with a number, where that can be said."""
    trend = found.trend
    if trend is None:
        return ""
    ordered = sorted(found.levels, key=lambda level: float(level.value))
    best = found.levels[0]
    test = f"Page's trend test over {trend.n} {_over(found)}s, {_p(trend.p)}"
    is_between = best is not ordered[0] and best is not ordered[-1]
    if is_between and all(_is_clearly_worse(end, found) for end in (ordered[0], ordered[-1])):
        return f"{found.metric} is best in between, at {_text(best.value)}, and worse towards both ends."
    if trend.p < _alpha():
        text = f"{found.metric} {'rises' if trend.effect > 0 else 'falls'} as {found.name} rises ({test})"
        return f"{text}, though not at every step." if not _is_steady(ordered, trend.effect > 0) else f"{text}."
    return f"No steady trend along {found.name} is seen ({test})." + (f" {trend.warning}" if trend.warning else "")


def _is_clearly_worse(level: Level, found: Marginal) -> bool:
    if level.difference is None or level.p is None or level.p >= _alpha():
        return False
    return level.difference.mean < 0 if found.goal == "max" else level.difference.mean > 0


def _lost(found: Marginal) -> str:
    """Which values lack runs because these came to nothing: what is said is of those that are left."""
    if not found.lost:
        return ""
    told = []
    for value, lost in found.lost[:_MOST_TOLD]:
        causes = ", ".join(f"{count} {'without the metric' if s == 'finished' else s}" for s, count in lost.items())
        told.append(f"{found.name}={_text(value)} ({causes})")
    more = f" and {len(found.lost) - len(told)} more values" if len(found.lost) > len(told) else ""
    return f"Runs without a score are left out of all this: {', '.join(told)}{more}."


def _apart(found: Marginal) -> str:
    """Which values have been trained with other settings only than the best one."""
    apart = [level for level in found.levels if level.apart]
    if not apart:
        return ""
    keys = dict.fromkeys(name for level in apart for name in level.apart)
    names, do = " and ".join(keys), "does" if len(keys) == 1 else "do"
    who = ", ".join(f"{found.name}={_text(level.value)}" for level in apart[:_MOST_TOLD])
    who += f" and {len(apart) - _MOST_TOLD} more" if len(apart) > _MOST_TOLD else ""
    best = _text(found.levels[0].value)
    return (
        f"{who} {'has' if len(apart) == 1 else 'have'} no run with the same {names} as {best}: what {found.name} does "
        f"there and what {names} {do} cannot be told apart."
    )


def _is_steady(ordered: Sequence[Level], rises: bool) -> bool:
    means = [level.mean for level in ordered]
    return means == sorted(means, reverse=not rises)


def _swap(each: Interaction, found: Marginal) -> str:
    (one, first), (two, second) = each.best_at
    return (
        f"The best {found.name} depends on {each.name}: {_text(first)} at {each.name}={_text(one)}, but "
        f"{_text(second)} at {each.name}={_text(two)}; each beats the other there ({_p(each.p)}, corrected for all that"
        f" was looked at). Read the leaderboard without --by for these."
    )


def _warning(found: Marginal) -> str:
    from dlrun.analysis.statistics.smallness import of_mean

    pairs = [level.difference.n for level in found.levels if level.difference is not None]
    return (of_mean(2, _over(found)) or "") if 2 in pairs else ""


def _legend(found: Marginal, comparison: Comparison) -> str:
    parts = [f"{'Higher' if found.goal == 'max' else 'Lower'} is better", *at_changes_nothing(comparison)]
    if comparison.averaged:
        parts.append(f"averaged over {', '.join(comparison.averaged.values())}")
    differences = [level.difference for level in found.levels if level.difference is not None]
    if any(each.is_paired for each in differences):
        parts.append("a block is the same other settings and seed; to best is the mean difference within blocks")
    if any(each.method in ("Welch", "corrected Welch") for each in differences):
        parts.append(f"where no {_over(found)} is shared, to best is of independent samples (Welch)")
    if any(level.p is not None for level in found.levels):
        parts.append(f"± its 95% t interval over {_over(found)}s, each taken alone; p is adjusted (Holm)")
    if found.is_blocked and not found.is_complete:
        parts.append("means are adjusted for the blocks that a value lacks")
    return "; ".join(parts) + "."


def _over(found: Marginal) -> str:
    return "split" if any(level.row.test_to_train for level in found.levels) else "seed"


def _places(found: Marginal) -> int:
    """Decimals that show two figures of the uncertainty of the differences; four where none is known."""
    from dlrun.analysis.verdict import decimals_for

    ends = [each for level in found.levels if (each := level.difference) is not None]
    return decimals_for([(each.high - each.low) / 2 for each in ends if each.low is not None and each.high is not None])


def _to_best(level: Level, places: int) -> list[object]:
    each = level.difference
    if each is None:
        return [Cell(None, ""), Cell(None, "")]
    text = uncertain(each.mean, each.low, each.high, places)
    return [Cell(each.mean, text if each.mean < 0 else f"+{text}"), p_cell(level.p)]


def _blocks(level: Level, found: Marginal) -> Cell:
    n = len(level.row.values)
    return Cell(n, _of(n, found.blocks))


def _of(n: int, most: int) -> str:
    return str(n) if n == most else f"{n} of {most}"


def _plain(value: Any) -> object:
    from dlrun.analysis.trials import ABSENT

    return None if value is ABSENT else value


def _text(value: Any) -> str:
    from dlrun.analysis.trials import ABSENT

    return "-" if value is ABSENT else setting_text(value)


def _number(value: float, places: int) -> str:
    return f"{round(value, places) + 0.0:.{places}f}"  # no -0.00


def _p(p: float) -> str:
    from dlrun.analysis.verdict import p_text

    return p_text(p)


def _alpha() -> float:
    from dlrun.analysis.statistics import ALPHA

    return ALPHA
