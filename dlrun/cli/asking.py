"""Put a question before something is done that cannot be undone."""

from __future__ import annotations

import sys

import click

from dlrun.errors import Declined, UserError

__all__ = ["require_yes"]


def require_yes(question: str, would: str, nothing: str, yes: bool) -> None:
    """Return when the user agrees: with `--yes`, or at the terminal.

    Args:
        question: what is asked, as `Delete them?`.
        would: what would be done, as `It would delete 4 runs`.
        nothing: what is said when it is not done, as `Nothing was deleted.`
        yes: whether `--yes` was typed.

    Raises:
        UserError: nobody can be asked.
        Declined: the answer was no.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UserError(f"This asks first, and there is no terminal to ask at: --yes answers. {would}. {nothing}")
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:  # Ctrl-C, which leaves the cursor behind the question
        click.echo(err=True)
        agreed = False
    if not agreed:
        raise Declined(nothing)
