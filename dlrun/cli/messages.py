"""Errors as a person reads them: what, where and what to type instead."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dlrun.errors import ConfigError, DataError, DlrunError, Problem

__all__ = ["print_error"]


def print_error(error: DlrunError) -> None:
    """Print an error to standard error, all its problems at once."""
    if isinstance(error, ConfigError | DataError):
        count = len(error.problems)
        headline = error.headline if count == 1 else error.headline.replace("problem", "problems")
        click.secho(f"{count} {headline}", err=True, fg="red", bold=True)
        for problem in error.problems:
            _print_problem(problem)
    else:
        click.secho("error ", err=True, fg="red", bold=True, nl=False)
        click.echo(str(error), err=True)


def _print_problem(problem: Problem) -> None:
    click.echo(err=True)
    click.secho(f"  {problem.key}", err=True, bold=True, nl=False)
    got = "" if problem.got is None else f"; got {problem.got}"
    click.echo(f" {problem.rule}{got}.", err=True)
    if problem.mend:
        click.echo(f"    {problem.mend}", err=True)
    if problem.place:
        click.secho(f"    ({problem.place.removeprefix(f'{Path.cwd()}{os.sep}')})", err=True, dim=True)
