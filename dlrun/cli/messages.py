"""Errors as a person reads them: what, where and what to type instead."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import click

from dlrun.config.roots import shown_path
from dlrun.errors import ConfigError, DataError, Declined, DlrunError, Problem

__all__ = ["print_error", "wrapped"]


def print_error(error: DlrunError, words: Sequence[str] = ()) -> None:
    """Print an error to standard error, all its problems at once.

    Args:
        words: of the command, to show it as it was probably meant.
    """
    if isinstance(error, ConfigError | DataError):
        count = len(error.problems)
        headline = error.headline if count == 1 else error.headline.replace("problem", "problems")
        click.secho(f"{count} {headline}", err=True, fg="red", bold=True)
        for problem in error.problems:
            _print_problem(problem)
            if isinstance(error, ConfigError) and problem in error.where:
                where = _visible(error.where[problem])
                said = f"in {where} alone: mend it for all trials, or give these a command of their own"
                click.secho(wrapped(said, "    "), err=True, dim=True)
        if isinstance(error, ConfigError) and error.instead:
            meant = [error.instead.get(word, word) for word in words]
            if meant != list(words):  # data=FILE stands for words that were not typed
                _print_meant(meant)
    elif isinstance(error, Declined):
        click.echo(str(error), err=True)
    else:
        first, *others = _visible(str(error)).split("\n")
        click.echo(wrapped(f"{click.style('error', fg='red', bold=True)} {first}"), err=True)
        for line in others:
            click.echo(wrapped(line) if line.strip() else line, err=True)


def _print_problem(problem: Problem) -> None:
    got = "" if problem.got is None else f"; got {problem.got}"
    key, rest = click.style(_visible(problem.key), bold=True), _visible(f" {problem.rule}{got}.")
    click.echo(err=True)
    click.echo(wrapped(key + rest, "  "), err=True)
    if problem.mend:
        click.echo(wrapped(_visible(problem.mend), "    "), err=True)
    if problem.place:
        place = shown_path(Path(problem.place), Path.cwd()) if problem.place.startswith(os.sep) else problem.place
        click.secho(f"    ({place})", err=True, dim=True)


def _visible(text: str) -> str:
    """The text without signs that would act on the terminal or hide: a message may quote a stranger's file."""
    if text.isprintable():
        return text
    hidden = ("Cc", "Cf", "Cs")
    return "".join(
        sign if sign in "\n\t" or unicodedata.category(sign) not in hidden else repr(sign)[1:-1] for sign in text
    )


def wrapped(text: str, indent: str = "") -> str:
    """The text indented, in the width of the terminal on standard error; on one line where it goes to a file."""
    if not sys.stderr.isatty():
        return f"{indent}{text}"
    width = shutil.get_terminal_size().columns
    return click.wrap_text(text, width, initial_indent=indent, subsequent_indent=indent)


def _print_meant(words: Sequence[str]) -> None:
    click.echo("\nThe command that was probably meant:", err=True)
    click.secho(f"  {shlex.join(['dlrun', *words])}", err=True, bold=True)
