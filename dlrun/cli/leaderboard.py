"""The tables of `dlrun compare`: the leaderboard, what has no value, the same for programs, and how to read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dlrun.cli.tables import Cell, Table
from dlrun.config.text import plain, typed

if TYPE_CHECKING:
    from dlrun.analysis.compare import Comparison, Row
    from dlrun.analysis.order import Order
    from dlrun.analysis.statistics import Difference

__all__ = [
    "DIFFERENCE",
    "at_changes_nothing",
    "difference_numbers",
    "few_shared",
    "legend",
    "p_cell",
    "ranked_table",
    "setting_text",
    "settings_cells",
    "table_for_programs",
    "troubled_table",
    "uncertain",
]

DIFFERENCE = ("difference", "difference_low", "difference_high", "p", "probability_better")
"""The columns that `difference_numbers` fills."""

_NUMBERS = ("mean", "low", "high", "best", *DIFFERENCE)
_LONG = 10  # characters of a number
_STYLES = {"failed": "red", "diverged": "yellow", "interrupted": "yellow", "running": "cyan"}


def ranked_table(comparison: Comparison, order: Order, top: int, title: str) -> Table:
    """The first `top` rows of the leaderboard; the best trial is in bold wherever it stands."""
    from dlrun.analysis.verdict import decimals_of

    places = decimals_of(comparison)
    is_compared = len(comparison.ranked) > 1
    columns = [*comparison.columns.values(), comparison.metric, "best", "n"]
    table = []
    for place, row in enumerate(order.rows[:top]):
        line: list[object] = [
            *settings_cells(row, comparison),
            _mean(row, places),
            Cell(row.best, f"{row.best:.{places}f}"),
            _size(row),
            *(_to_best(row, places) if is_compared else ()),
        ]
        if order.metric:
            line.append(_other(order.means[place], places))
        if is_compared and row.first is None:
            line = [cell if isinstance(cell, Cell) and cell.style else _bold(cell) for cell in line]
        table.append(line)
    columns += ["to best", "p"] if is_compared else []
    columns += [order.metric] if order.metric else []
    if not comparison.columns:
        columns, table = ["trial", *columns], [[_described(order.rows[0]), *line] for line in table]
    return Table(columns, table, title)


def _described(row: Row) -> str:
    spec = row.runs[0].spec
    return f"{spec.get('model.option')} on {spec.get('data.option')}"


def settings_cells(row: Row, comparison: Comparison) -> list[Cell]:
    """The values of the varying keys; a dash where its options have no such key."""
    from dlrun.analysis.trials import ABSENT

    values = [row.settings.get(key, ABSENT) for key in comparison.columns]
    return [Cell(None, "-", "dim") if value is ABSENT else Cell(value, _setting(value)) for value in values]


def _setting(value: object) -> str:
    """As it is typed; a number that a search drew (0.0007943282347242813) in six figures, for the column's sake."""
    text = setting_text(value)
    return plain(value) if isinstance(value, float) and len(text) > _LONG else text


def setting_text(value: object) -> str:
    """As it is typed, a list without spaces: as names have it, and so that no line ends within it.

    >>> setting_text([32, [16, 0.5]]), setting_text("adam")
    ('[32,[16,0.5]]', 'adam')
    """
    return f"[{','.join(map(setting_text, value))}]" if isinstance(value, list | tuple) else typed(value)


def _mean(row: Row, places: int) -> Cell:
    found = row.estimate
    assert found is not None
    return Cell(found.mean, uncertain(found.mean, found.low, found.high, places, found.method == "BCa"))


def uncertain(mean: float, low: float | None, high: float | None, places: int, is_skewed: bool = False) -> str:
    """A number with its interval: `0.972 ± 0.007`, or both ends where they are not equally far."""
    text = f"{mean:.{places}f}"
    if low is None or high is None:
        return text
    return f"{text} [{low:.{places}f}, {high:.{places}f}]" if is_skewed else f"{text} ± {(high - low) / 2:.{places}f}"


def _size(row: Row) -> Cell:
    n = len(row.values)
    return Cell(n, str(n) if n == len(row.runs) else f"{n} of {len(row.runs)}")


def _to_best(row: Row, places: int) -> list[Cell]:
    if row.difference is None:
        return [Cell(None, ""), Cell(None, "")]
    return [Cell(row.difference.mean, f"{row.difference.mean:+.{places}f}"), p_cell(row.p)]


def p_cell(p: float | None) -> Cell:
    """A p value in as many digits as it is worth."""
    return Cell(p, "" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}")


def _other(mean: float | None, places: int) -> Cell:
    return Cell(mean, "" if mean is None else f"{mean:.{places}f}")


def _bold(item: object) -> Cell:
    cell = item if isinstance(item, Cell) else Cell(item)
    return Cell(cell.value, cell.text, "bold")


def troubled_table(comparison: Comparison, rows: Sequence[Row], title: str | None) -> Table:
    """What has no value, or not all that were asked for, and why."""
    table = []
    for row in rows:
        counts = {status: count for status, count in row.counts.items() if status != "finished"}
        status = ", ".join(
            s if len(row.runs) == 1 else f"{count} of {len(row.runs)} {s}" for s, count in counts.items()
        )
        style = next((_STYLES[s] for s in counts if s in _STYLES), None)
        table.append([*settings_cells(row, comparison), Cell(status, style=style), row.cause or ""])
    return Table([*comparison.columns.values(), "status", "cause"], table, title)


def legend(comparison: Comparison, rows: Sequence[Row], curve: str | None = None) -> str:
    """How `rows` of the leaderboard are to be read.

    Args:
        curve: what the column of curves shows, where there is one.
    """
    from dlrun.analysis.ranking import is_of_an_epoch

    parts = [f"{'Higher' if comparison.goal == 'max' else 'Lower'} is better"]
    if not is_of_an_epoch(comparison.metric):
        parts.append(f"{comparison.metric} is of the {comparison.at} epoch")
    parts += at_changes_nothing(comparison)
    if comparison.averaged:
        parts.append(f"averaged over {', '.join(comparison.averaged.values())}")
    methods = {row.estimate.method for row in rows if row.estimate} - {"none"}
    names = {
        "t": "± is the 95% t interval over seeds",
        "corrected t": "± over splits is the 95% t interval, corrected for their overlap",
        "BCa": "[ ] is the 95% bootstrap interval (BCa) over seeds",
    }
    parts += [names[method] for method in sorted(methods)]
    if any(row.p is not None for row in comparison.ranked):
        paired = all(row.difference is None or "Welch" not in row.difference.method for row in rows)
        parts.append(f"p is of the {'paired ' if paired else ''}difference to the best, adjusted (Holm)")
    if curve:
        parts.append(f"curve is {curve} by epoch")
    if comparison.superseded:
        parts.append(f"{_count(comparison.superseded, 'older run')} of the same settings left out")
    return "; ".join(parts) + "."


def at_changes_nothing(comparison: Comparison) -> list[str]:
    """That `--at` was typed, and the metric is of one epoch whatever is asked for; nothing where that is not so."""
    from dlrun.analysis.ranking import is_of_an_epoch

    metric = comparison.metric
    if comparison.at == "restored" or not is_of_an_epoch(metric):
        return []
    why = "is always of the restored weights" if metric.startswith("test_") else "says itself which epoch it is of"
    return [f"--at {comparison.at} changes nothing here: {metric} {why}"]


def few_shared(comparison: Comparison, rows: Sequence[Row]) -> str:
    """Which differences rest on fewer seeds than both trials have, in a sentence; empty if none does."""
    from dlrun.analysis.verdict import settings_text

    found = [(row, shared) for row in rows if (shared := row.shared_of) is not None]
    if not found:
        return ""
    row, (n, most) = min(found, key=lambda each: each[1][0])
    others = f"; {len(found) - 1} more of the rows shown are like it" if len(found) > 1 else ""
    what = f"{row.over}{'s' if n > 1 else ''}"
    return (
        f"The difference of {settings_text(row, comparison)} to the best is of the {n} {what} that both have, not of "
        f"{most}{others}."
    )


def table_for_programs(comparison: Comparison, order: Order, top: int | None) -> Table:
    """The leaderboard and what has no value in one table, numbers in full, keys in full."""
    keys = [key.removesuffix(".option") for key in comparison.columns]
    other = [order.metric] if order.metric else []
    means = dict(zip(map(id, order.rows), order.means, strict=False))
    ranked = list(zip(order.ranks, order.rows, strict=True))[:top]
    rows = [
        [rank, *settings_cells(row, comparison), comparison.metric, len(row.values), *_numbers(row, comparison)]
        + [means.get(id(row)) for _ in other]
        + [dict(row.counts), row.cause, [run.id for run in row.runs]]
        for rank, row in [*ranked, *((None, row) for row in comparison.unranked)]
    ]
    return Table(["rank", *keys, "metric", "n", *_NUMBERS, *other, "status", "cause", "runs"], rows)


def _numbers(row: Row, comparison: Comparison) -> list[float | None]:
    found, difference = row.estimate, row.difference
    ends: list[float | None] = [None] * 3 if found is None else [found.mean, found.low, found.high]
    return [*ends, row.best, *difference_numbers(difference, row.p, comparison.goal)]


def difference_numbers(difference: Difference | None, p: float | None, goal: str) -> list[float | None]:
    """A difference to the best as programs get it: mean, both ends, adjusted p, and the chance to be the better one."""
    if difference is None:
        return [None] * len(DIFFERENCE)
    likely = difference.probability
    if likely is not None and goal == "min":
        likely = 1 - likely
    return [difference.mean, difference.low, difference.high, p, likely]


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
