"""`dlrun diff RUN RUN`: settings, data, surroundings, metrics and curves of two runs, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Cell, Table, console, format_options, print_table, printable
from dlrun.config.text import plain, typed

if TYPE_CHECKING:
    from dlrun.analysis.contrast.courses import Course
    from dlrun.analysis.contrast.pair import Pair
    from dlrun.analysis.contrast.settings import Change
    from dlrun.analysis.contrast.side import Side

__all__ = ["command"]

_CURVE = 16  # characters
_LONGEST = 60
_COLUMNS = ("kind", "key", "first", "second", "difference", "note")


@click.command(name="diff", short_help="Show two runs side by side.")
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@format_options
def command(first: str, second: str, format: str) -> None:
    """Show what two runs differ in: settings, data, what they ran on, metrics and curves.

    RUN is last, best, best@METRIC, the start of an id or a path. Differences are those of the second run to the first.
    dlrun why says the same in words, and how sure it is.
    """
    from dlrun.analysis.contrast.pair import Pair
    from dlrun.analysis.contrast.replicates import Pool
    from dlrun.analysis.contrast.side import find_two
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    roots = Roots.of(Path.cwd())
    catalog = Catalog(roots)
    pair = Pair(*find_two(first, second, roots.work, catalog), catalog, Pool((), catalog))
    if format in ("json", "csv"):
        print_table(Table(_COLUMNS, list(_rows(pair))), format)
        return
    for side in pair.sides:
        status = "" if side.run.status == "finished" else f"  ({side.run.status})"
        click.echo(f"{'' if format == 'rich' else '- '}{side.run.short_id}  {printable(side.run.name)}{status}")
    for table in _tables(pair):
        click.echo()
        print_table(table, format)
    _say(_closing(pair), format)


def _tables(pair: Pair) -> Iterator[Table]:
    ids = [side.run.short_id for side in pair.sides]
    rows = [[_key(change), *_values(change)] for change in pair.changes]
    rows += [["data", *(_data(side) for side in pair.sides)]] if pair.same_data is False else []
    rows += [[each.name, each.first or "", each.second or ""] for each in pair.otherwise]
    if rows:
        yield Table(["setting", *ids], rows, unbroken=("setting", *ids))
    if numbers := list(_numbers(pair)):
        yield Table(["metric", *ids, "difference"], numbers, unbroken=("metric",))
    if pair.courses:
        curves = [_curve(each, pair) for each in pair.courses]
        yield Table(["curve", *ids, "first differ", "ahead"], curves, unbroken=("curve", *ids))


def _key(change: Change) -> str:
    return f"{change.key} (repeats a trial)" if change.repeats else change.key


def _values(change: Change) -> list[Cell]:
    from dlrun.analysis.trials import ABSENT

    cells = []
    for value, is_default in zip(change.values, change.are_defaults, strict=True):
        text = "-" if value is ABSENT else typed(value)
        text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
        cells.append(Cell(None, f"{text} (default)") if is_default else Cell(None, text))
    return cells


def _data(side: Side) -> str:
    return "not known" if side.data is None else f"{side.data[0]} {side.data[1][:12]}"


def _numbers(pair: Pair) -> Iterator[list[Cell]]:
    """Scores of the kept weights that differ or are the same, then what a run took; a row each."""
    scores, facts = [side.scores for side in pair.sides], [side.facts for side in pair.sides]
    for (first, second), shown in ((scores, _number), (facts, _fact)):
        for name in dict.fromkeys((*first, *second)):
            a, b = first.get(name), second.get(name)
            gap = None if a is None or b is None else b - a
            told = "-" if gap is None else "the same" if gap == 0 else f"{gap:+,}" if isinstance(gap, int) else ""
            yield [Cell(name), shown(a), shown(b), Cell(gap, told or _gap(gap, shown))]


def _number(value: float | None) -> Cell:
    from dlrun.workflows.amounts import short_score

    if value is None:
        return Cell(None, "-")
    return Cell(value, f"{value:,}" if isinstance(value, int) else short_score(value))


def _fact(value: float | None) -> Cell:
    return Cell(value, "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.1f}")


def _gap(gap: float | None, shown: Callable[[float | None], Cell]) -> str:
    assert gap is not None
    return f"{'+' if gap > 0 else '-'}{shown(abs(gap))}"


def _curve(course: Course, pair: Pair) -> list[object]:
    from dlrun.cli.sparkline import sparkline

    both = (*course.first, *course.second)
    curves = [sparkline(values, _CURVE, both) for values in (course.first, course.second)]
    parts = course.parts_at
    return [course.metric, *curves, "never" if parts is None else f"epoch {parts}", _ahead(course, pair)]


def _ahead(course: Course, pair: Pair) -> str:
    """Who leads from which epoch on, the last few changes of the lead."""
    leads = [f"{pair.sides[leader - 1].run.short_id} from {epoch}" for leader, epoch in course.leads]
    more = len(leads) - 2
    return ", ".join([*([f"{more} changes"] if more > 0 else []), *leads[-2:]])


def _closing(pair: Pair) -> str:
    same = [name for name, is_same in (("data", pair.same_data), ("environment", not pair.otherwise)) if is_same]
    told = []
    if not pair.changes:
        told.append("Their settings are the same.")
    if same:
        told.append(f"The same: {' and '.join(same)}.")
    if pair.is_other_content and pair.same_data:
        told.append("They are two runs because a component or an option of the project was changed between them.")
    ids = " ".join(side.run.short_id for side in pair.sides)
    return " ".join([*told, "Metrics are those of the weights that were kept.", f"In words: dlrun why {ids}"])


def _rows(pair: Pair) -> Iterator[list[object]]:
    """All of it in one table, for programs."""
    from dlrun.analysis.trials import ABSENT

    runs = [side.run for side in pair.sides]
    yield ["run", "id", *(run.id for run in runs), None, None]
    yield ["run", "name", *(run.name for run in runs), None, None]
    yield ["run", "status", *(run.status for run in runs), None, None]
    for change in pair.changes:
        values = [None if value is ABSENT else value for value in change.values]
        told = [
            f"{which} is the default" for which, d in zip(("first", "second"), change.are_defaults, strict=True) if d
        ]
        told += [f"{w} has none" for w, v in zip(("first", "second"), change.values, strict=True) if v is ABSENT]
        yield [
            "setting",
            change.key,
            *values,
            None,
            ", ".join([*told, *(["repeats a trial"] if change.repeats else [])]),
        ]
    yield ["data", "digest", *(side.data and side.data[1] for side in pair.sides), None, None]
    for each in pair.otherwise:
        yield ["environment", each.name, each.first, each.second, None, None]
    yield from _rows_of_numbers(pair)
    for course in pair.courses:
        leads = [[runs[leader - 1].short_id, epoch] for leader, epoch in course.leads]
        note = {"first_differ": course.parts_at, "leads": leads}
        yield ["curve", course.metric, list(course.first), list(course.second), None, note]


def _rows_of_numbers(pair: Pair) -> Iterator[list[object]]:
    numbers = [{name: (kind, value, note) for kind, name, value, note in _noted(side)} for side in pair.sides]
    for name in dict.fromkeys((*numbers[0], *numbers[1])):
        values = [each[name][1] if name in each else None for each in numbers]
        kind, _, note = numbers[0].get(name) or numbers[1][name]
        gap = None if values[0] is None or values[1] is None else values[1] - values[0]
        yield [kind, name, *values, gap, note]


def _noted(side: Side) -> Iterator[tuple[str, str, float, str | None]]:
    """Kind, name, value and which epoch it is of: under its plain name that of the kept weights, as in the table."""
    metrics = side.run.metrics
    for name, value in side.scores.items():
        yield "metric", name, value, "of the kept weights"
    for name, value in metrics.items():
        if name.startswith("best_"):
            yield "metric", name, value, "of the best epoch"
        elif not name.startswith(("restored_", "test_")):
            yield "metric", f"last_{name}", value, "of the last epoch"
    for name, value in side.facts.items():
        yield "fact", name, value, None


def _say(text: str, format: str) -> None:
    if format == "rich":
        from rich.text import Text

        click.echo()
        console().print(Text(text, style="dim"))
    else:
        click.echo(f"\n{plain(text)}")
