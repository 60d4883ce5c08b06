"""`dlrun config [OVERRIDES] [-m]`: the resolved config, and what differs from the defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from dlrun.errors import UserError

__all__ = ["command"]

_MOST_ROWS = 200


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("-m", "--multirun", "sweep", is_flag=True, help="Show every trial of a sweep.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the spec, or a list of trials.")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def command(overrides: tuple[str, ...], sweep: bool, as_json: bool) -> None:
    """Show the resolved config, and what differs from the defaults.

    A line that differs is marked with its default. With -m: a table of all trials.
    """
    from dlrun.planning import Planner

    if flags := [word for word in overrides if word.startswith("-")]:
        raise UserError(f"dlrun config knows no {flags[0]}. dlrun config --help shows its flags.")
    planner = Planner(Path.cwd())
    plan = planner.plan(overrides, sweep)
    if sweep:
        _print_trials(plan, as_json)
        return
    (run,) = plan.runs
    if as_json:
        click.echo(run.spec.to_json(), nl=False)
        return
    _print_config(run.spec, planner.plan([], sweep=False).runs[0].spec, run.id)


def _print_trials(plan: Any, as_json: bool) -> None:
    from dlrun.analysis.trials import short_names
    from dlrun.cli.tables import Table, print_table
    from dlrun.config.spec import flatten

    short = short_names(plan.varied)
    rows = []
    for number, run in enumerate(plan.runs, start=1):
        typed = dict(word.lstrip("+~").partition("=")[::2] for word in run.overrides)
        flat = flatten(run.spec)
        rows.append([number, *(flat.get(key, typed.get(key)) for key in plan.varied), run.id[:8]])
    table = Table(["run", *short.values(), "id"], rows if as_json else rows[:_MOST_ROWS])
    print_table(table, "json" if as_json else "rich")
    if as_json:
        return
    if len(rows) > _MOST_ROWS:
        click.echo(f"... and {len(rows) - _MOST_ROWS} more (--json lists all)")
    trials = len({run.trial for run in plan.runs})
    click.echo(f"\ntrials: {trials}, runs: {len(rows)}")


def _print_config(spec: Any, default: Any, identity: str) -> None:
    from dlrun.config.spec import flatten

    before = flatten(default)
    click.echo(f"# run {identity[:8]}; a mark shows what differs from the defaults")
    for group, node in spec.items():
        if not isinstance(node, dict) or not node:
            _print_line(group, node, group, before, indent=0)
        else:
            option = node.get("option")
            _print_line(group, option, f"{group}.option", before, 0) if option else click.echo(f"{group}:")
            _print_node(node, group, before, 2)


def _print_node(node: dict[str, Any], path: str, before: dict[str, Any], indent: int) -> None:
    for key, value in node.items():
        dotted = f"{path}.{key}"
        if isinstance(value, dict) and value:
            click.echo(f"{' ' * indent}{key}:")
            _print_node(value, dotted, before, indent + 2)
        elif key != "option" or indent > 2:
            _print_line(key, value, dotted, before, indent)


def _print_line(key: str, value: Any, dotted: str, before: dict[str, Any], indent: int) -> None:
    text = f"{' ' * indent}{key}: {_shown(value)}"
    if dotted in before and before[dotted] == value:
        click.echo(text)
    else:
        mark = f"  # default {_shown(before[dotted])}" if dotted in before else "  # not in the default"
        click.echo(click.style(text, fg="yellow", bold=True) + click.style(mark, dim=True))


def _shown(value: Any) -> str:
    if value == {}:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)
