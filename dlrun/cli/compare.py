"""`dlrun compare [WHICH...]`: the leaderboard of sweeps, experiments or folders of runs, with its uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlrun.cli.extent import NOT_THERE, WAITING, heading, left, with_more_seeds
from dlrun.cli.leaderboard import few_shared, legend, ranked_table, table_for_programs, troubled_table
from dlrun.cli.tables import Cell, Table, console, format_options, natural_width, print_table

if TYPE_CHECKING:
    from dlrun.analysis.compare import Comparison, Row
    from dlrun.analysis.datasets import DataSet
    from dlrun.analysis.order import Order
    from dlrun.analysis.ranking import At
    from dlrun.analysis.runs import RunRecord, SweepRecord
    from dlrun.analysis.which import Selection
    from dlrun.config.catalog import Catalog

__all__ = ["command", "print_leaderboard"]

_Compared = Callable[["Sequence[RunRecord]", "Sequence[str]"], "Comparison"]
"""Compares runs; the keys have a column although they may not vary among these."""

_TOP = 20
_CURVE = 12  # characters of a curve, where there is room for them
_LEAST_CURVE = 5


@dataclass(frozen=True)
class _View:
    """What is shown of a leaderboard, and how.

    Attributes:
        top: rows at most; None for all.
        sort: a column or metric to sort by; None for the ranks.
        untold: statuses that have no row of their own.
        is_by: whether it is grouped by some keys (`--by`).
    """

    format: str = "rich"
    top: int | None = _TOP
    sort: str | None = None
    at: At = "restored"
    catalog: Catalog | None = None
    untold: Sequence[str] = ()
    is_by: bool = False

    def order(self, comparison: Comparison) -> Order:
        """The ranked rows as they are to be shown."""
        from dlrun.analysis.order import ordered

        return ordered(comparison, self.sort, self.catalog, self.at)


@click.command(name="compare", short_help="Rank trials, with uncertainty.")
@click.argument("which", nargs=-1, metavar="[WHICH]...")
@click.option("--metric", metavar="NAME", help="Rank by this metric; without it the task's: test_accuracy, test_r2.")
@click.option(
    "--at",
    type=click.Choice(["restored", "best", "last"]),
    default="restored",
    show_default=True,
    help="The epoch of training and val_ metrics.",
)
@click.option("--by", multiple=True, metavar="KEY", help="The effect of this key, averaged over the others.")
@click.option(
    "--where", multiple=True, metavar="COND", help="Only runs such as 'learning_rate>0.001', model=mlp, age<2h."
)
@click.option("--sort", metavar="KEY", help="Sort by a column or another metric; ranks and p stay the metric's.")
@click.option("--top", type=click.IntRange(min=1), metavar="N", help=f"Show the first N trials ({_TOP}).")
@click.option("--archived", is_flag=True, help="Archived runs too.")
@format_options
def command(
    which: tuple[str, ...], where: tuple[str, ...], archived: bool, top: int | None, format: str, **asked: Any
) -> None:
    """Rank the trials of WHICH by a metric: mean, 95% interval, paired difference to the best.

    WHICH is last (the newest sweep), a run's or sweep's short id, a path such as runs, or an experiment's name; several
    are compared together. With one --by KEY its values are compared, within the same other settings and seeds.
    """
    from dlrun.analysis.index import uncollected

    with uncollected():
        _compare(which or ("last",), where, archived, _View(format, top, asked["sort"], asked["at"]), asked)


def _compare(which: Sequence[str], where: Sequence[str], archived: bool, view: _View, asked: Mapping[str, Any]) -> None:
    from dlrun.analysis.compare import compare
    from dlrun.analysis.which import find_all
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    roots = Roots.of(Path.cwd())
    catalog = Catalog(roots)
    view = replace(view, catalog=catalog, is_by=bool(asked["by"]))
    addressed = find_all(which, roots.work, catalog, archived)
    selection = _narrowed(addressed, where)

    def compared(runs: Sequence[RunRecord], varied: Sequence[str] = ()) -> Comparison:
        return compare(runs, asked["metric"], catalog, view.at, asked["by"] or None, varied)

    if view.format in ("json", "csv"):
        _print_for_programs(selection, compared, view)
    elif selection.runs:
        _print_for_people(selection, compared, view if view.top else replace(view, top=_TOP))
    else:
        _say(_nothing_left(addressed, where), view.format, "")


def print_leaderboard(sweep: SweepRecord, catalog: Catalog | None = None, top: int = 10) -> None:
    """Print the leaderboard of a sweep as it ends; what failed is told elsewhere."""
    from dlrun.analysis.compare import compare
    from dlrun.analysis.which import Selection, without_archived

    selection = without_archived(Selection(f"sweep {sweep.short_id}", tuple(sweep.records()), sweep))
    view = _View(top=top, catalog=catalog, untold=("failed",))
    _print_for_people(selection, lambda runs, varied: compare(runs, catalog=catalog, varied=varied), view)


def _narrowed(selection: Selection, where: Sequence[str]) -> Selection:
    """The runs that fit; a sweep of which some are left out is no longer that sweep."""
    from dlrun.analysis.where import matching

    if not where:
        return selection
    runs = tuple(matching(selection.runs, where))
    return replace(selection, title=f"{selection.title} with {', '.join(where)}", runs=runs, sweep=None)


def _nothing_left(addressed: Selection, where: Sequence[str]) -> str:
    from dlrun.analysis.where import values_of

    if not addressed.runs:
        return f"Archived are all {addressed.archived} runs of {addressed.title}. --archived shows them."
    known = ((condition, values_of(addressed.runs, condition)) for condition in where)
    there = [f"For {condition} there is {values}." for condition, values in known if values]
    return " ".join([f"None of {len(addressed.runs)} runs fits --where {' '.join(where)}.", *there])


def _print_for_programs(selection: Selection, compared: _Compared, view: _View) -> None:
    """One table; of several data sets each is compared for itself, as for people, under the same columns."""
    from dlrun.analysis.datasets import DataSet, data_sets
    from dlrun.cli.compare_json import joined

    sets = data_sets(selection.runs) or [DataSet("", None, ())]
    keys = dict.fromkeys(_to_come(selection))
    if len(sets) > 1 and not view.is_by:  # what varies in one set has a column of its value in the others
        keys |= dict.fromkeys(key for each in sets for key in _varying_on(each.name, sets))
    found = [compared(each.runs, list(keys)) for each in sets]
    print_table(joined(sets, [_table_for_programs(comparison, view) for comparison in found]), view.format)


def _table_for_programs(comparison: Comparison, view: _View) -> Table:
    from dlrun.cli.compare_json import of_levels, of_rows, with_tests

    if _is_effect(comparison):
        from dlrun.analysis.marginal import marginal_effect
        from dlrun.cli.marginal import effect_for_programs, shown_levels

        effect = marginal_effect(comparison)
        levels = shown_levels(effect, view.sort, view.top)
        table = effect_for_programs(effect, levels, comparison.unranked)
        return with_tests(table, of_levels([level.difference for level in levels]))
    order = view.order(comparison)
    return with_tests(table_for_programs(comparison, order, view.top), of_rows(order.rows[: view.top]))


def _is_effect(comparison: Comparison) -> bool:
    """Whether it is of the values of one key, averaged over others or over seeds alone."""
    return comparison.is_by and len(comparison.columns) == 1


def _print_for_people(selection: Selection, compared: _Compared, view: _View) -> None:
    """A table and a verdict for each data set, under the extent of the whole; then what is left to do."""
    from dlrun.analysis.datasets import data_sets

    sweep, runs, format = selection.sweep, selection.runs, view.format
    waiting = [run for run in runs if run.status in WAITING]
    sets = data_sets([run for run in runs if run.status not in NOT_THERE])
    varied = _to_come(selection)
    compared_sets = [  # what is wrong is told before anything is printed
        compared(each.runs, [*varied, *(_varying_on(each.name, sets) if each.digest and not view.is_by else ())])
        for each in sets
    ]
    whole = "" if sweep is None else heading(selection.title, len(sweep.trials) + len(sweep.added), runs)
    if not sets or (len(sets) > 1 and whole and any(run.status != "finished" for run in runs)):
        _say(whole or heading(selection.title, len(runs), runs), format, "bold")
    for number, (data, comparison) in enumerate(zip(sets, compared_sets, strict=True)):
        if number and format == "rich":
            click.echo()
        title = selection.title if len(sets) == 1 else f"{selection.title}, {data.title}"
        told = [run for row in comparison.rows for run in row.runs]
        own = heading(title, len(comparison.rows), [*told, *(waiting if len(sets) == 1 else ())])
        title = whole if whole and len(sets) == 1 else own
        if _is_effect(comparison) and comparison.ranked:
            _print_effect(comparison, title, view)
            continue
        shown = _print_tables(comparison, title, view)
        if comparison.ranked:
            _print_verdict(comparison, shown, None if len(sets) > 1 else sweep, bool(waiting), format)
    _say(_of_edited(sets), format, "yellow")
    if selection.archived:
        _say(f"{selection.archived} archived left out: --archived shows them too.", format, "dim")
    _say(left(selection), format, "")


def _to_come(selection: Selection) -> Sequence[str]:
    """What a sweep varies while runs of it are to come: until then the others may have one value of it."""
    is_early = any(run.status in WAITING for run in selection.runs)
    return selection.sweep.varied if selection.sweep is not None and is_early else ()


def _varying_on(name: str, sets: Sequence[DataSet]) -> list[str]:
    """The keys that vary among the runs on one data option, of whatever content."""
    from dlrun.analysis.trials import varying_keys

    return varying_keys([run for each in sets if each.name == name for run in each.runs])


def _of_edited(sets: Sequence[DataSet]) -> str:
    names = dict.fromkeys(each.name for each in sets if each.digest is not None)
    if not names:
        return ""
    what = "was" if len(names) == 1 else "were"
    return f"{' and '.join(names)} {what} changed between these runs: each content is ranked for itself."


@dataclass(frozen=True)
class _Shown:
    """What the table showed: its rows, and what its curves are of, if it had any."""

    rows: Sequence[Row] = ()
    curve: str | None = None


def _print_tables(comparison: Comparison, title: str, view: _View) -> _Shown:
    shown = _print_ranked(comparison, title, view) if comparison.ranked else _Shown()
    is_told = _print_troubled(comparison, None if comparison.ranked else title, view)
    if not is_told and not comparison.ranked:
        _say(title, view.format, "bold")
    return shown


def _print_troubled(comparison: Comparison, title: str | None, view: _View) -> bool:
    """What has no value, if there is any of it, with a title where it is the first table."""
    rows = [row for row in comparison.rows if _is_troubled(row, view.untold)]
    if rows:
        if title is None:
            click.echo()
        print_table(troubled_table(comparison, rows, title), view.format)
    return bool(rows)


def _print_ranked(comparison: Comparison, title: str, view: _View) -> _Shown:
    order, total = view.order(comparison), len(comparison.ranked)
    rows = order.rows[: view.top]
    table, curve = _with_curves(ranked_table(comparison, order, len(rows), title), rows, comparison, view.format)
    print_table(table, view.format)
    _say(f"and {total - len(rows)} more: --top {total}" if total > len(rows) else "", view.format, "dim")
    return _Shown(rows, curve)


def _with_curves(table: Table, rows: Sequence[Row], comparison: Comparison, format: str) -> tuple[Table, str | None]:
    """The table with a curve a row, as wide as there is room for, and the name of what it is of; None without one."""
    from dlrun.analysis.epoch_curve import epoch_curves
    from dlrun.cli.sparkline import sparkline

    room = _CURVE if format == "md" else console().width - natural_width(table) - 3
    width = min(_CURVE, room)
    if width < _LEAST_CURVE:
        return table, None
    found = epoch_curves([row.runs for row in rows], comparison.metric)
    if not any(len(curve) > 1 for curve in found.curves):
        return table, None
    lines = [[*line, Cell(None, sparkline(curve, width))] for line, curve in zip(table.rows, found.curves, strict=True)]
    return replace(table, columns=[*table.columns, "curve"], rows=lines), found.metric


def _print_effect(comparison: Comparison, title: str, view: _View) -> None:
    """What the values of one key come to, in a table and in words."""
    from dlrun.analysis.marginal import marginal_effect
    from dlrun.cli.marginal import effect_in_words, effect_table, shown_levels

    found = marginal_effect(comparison)
    print_table(effect_table(found, shown_levels(found, view.sort, view.top), title), view.format)
    _print_troubled(comparison, None, view)
    click.echo()
    for style, text in effect_in_words(found, comparison):
        _say(text, view.format, style)


def _is_troubled(row: Row, untold: Sequence[str]) -> bool:
    others = row.counts.keys() - {"finished"}
    return bool(others - {*untold}) or (not others and row.cause is not None)


def _print_verdict(
    comparison: Comparison, shown: _Shown, sweep: SweepRecord | None, is_early: bool, format: str
) -> None:
    """What the leaderboard says, and how it is to be read.

    Args:
        sweep: whose command would be typed for more seeds.
        is_early: whether runs are waiting: it is not the time to ask for more.
    """
    from dlrun.analysis.verdict import verdict

    found = verdict(comparison)
    click.echo()
    if not (is_early and found.lead is None):
        _say(found.text, format, "bold")
    is_plain = not (is_early or comparison.test_to_train or comparison.averaged)
    if sweep is not None and is_plain and (command := with_more_seeds(sweep, found.replicates_more)):
        if format != "rich":
            click.echo()
        click.echo(f"With them: {command}")  # whole, to be copied
    for caution in _cautions(comparison, shown.rows):
        _say(caution, format, "yellow")
    _say(legend(comparison, shown.rows, shown.curve), format, "dim")


def _cautions(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    """What the intervals shown are not worth: of two seeds, or of seeds that are all alike."""
    from dlrun.analysis.statistics.smallness import of_mean

    two = any(2 in (len(row.samples), row.difference.n if row.difference is not None else 0) for row in rows)
    said = [of_mean(2, "split" if comparison.test_to_train else "seed")] if two else []
    said += [row.estimate.warning for row in rows if row.estimate is not None and len(row.samples) > 2]
    return [text for text in dict.fromkeys([*said, few_shared(comparison, rows)]) if text]


def _say(text: str, format: str, style: str) -> None:
    if text and format == "rich":
        from rich.text import Text

        console().print(Text(text, style=style))
    elif text:
        click.echo(f"\n{text}")
