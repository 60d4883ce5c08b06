"""`dlrun config [OVERRIDES] [-m]`: the resolved config, and where each value comes from."""

from __future__ import annotations

from pathlib import Path

import click

from dlrun.cli.shorthands import with_files
from dlrun.cli.tables import format_options, print_table
from dlrun.errors import UserError

__all__ = ["command"]


@click.command(context_settings={"ignore_unknown_options": True}, short_help="Show the resolved config.")
@click.option("-m", "--multirun", "sweep", is_flag=True, help="Show every trial of a sweep.")
@click.option("-v", "--origin", "origins", is_flag=True, help="Say of every value where it comes from.")
@click.option("--changed", "--diff", "changed", is_flag=True, help="Show only what differs from the defaults.")
@format_options
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def command(overrides: tuple[str, ...], sweep: bool, origins: bool, changed: bool, format: str) -> None:
    """Show the config that OVERRIDES stand for, checked; nothing is trained.

    A value that does not come from its option's file says where it comes from: the command line, or the line of a
    file. With -m: a table of all trials. --json prints the spec, or with -m a list of runs.
    """
    from dlrun.planning import Planner

    if flags := [word for word in overrides if word.startswith("-")]:
        raise UserError(f"dlrun config knows no {flags[0]}. dlrun config --help shows its flags.")
    if sweep and (origins or changed):
        raise UserError(f"{'--origin' if origins else '--changed'} is for one config: leave -m out.")
    if format in ("csv", "md") and not sweep:
        raise UserError(f"--{format} is for the table of trials: add -m. --json prints the config.")
    overrides = tuple(with_files(overrides, ["config", *(["-m"] if sweep else [])]))
    planner = Planner(Path.cwd())
    if sweep:
        from dlrun.cli.trials import points_table, print_trials

        survey = planner.survey(overrides, sweep=True)
        if survey.problems or any(point.problems for point in survey.points):
            planner.plan(overrides, sweep=True)  # says it
        print_trials(survey) if format == "rich" else print_table(points_table(survey), format)
        return
    (run,) = planner.plan(overrides, sweep=False).runs
    if format == "json":
        click.echo(run.spec.to_json(), nl=False)
        return
    from dlrun.cli.listing import print_listing

    print_listing(run, planner, origins, changed)
