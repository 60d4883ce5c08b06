"""A learning-rate test as a person reads it: the range, the rate, the picture, the command to go on with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dlrun.workflows.rate_finder import RateTest

__all__ = ["print_rate_test"]

_SET_ANEW = ("trainer.lr_finder=", "optimizer.learning_rate=")


def print_rate_test(found: RateTest, words: Sequence[str]) -> None:
    """Print what was found, and the command that trains with it.

    Args:
        words: of the command that asked.
    """
    curve, proposed = found.curve, found.curve.proposed
    end = "" if len(curve.rates) < 2 else f", up to {curve.rates[-1]:.2g}"
    click.echo(f"Nothing was trained: the learning rate was raised in {len(curve.rates)} steps{end}.")
    if proposed is None or curve.range is None:
        click.secho("At no rate did the loss fall by more than a little: the trouble is not the rate.", fg="yellow")
        click.echo("  dlrun check with the same words looks at the model and the data.")
    else:
        low, high = curve.range
        click.echo(f"  steepest fall of the loss   {curve.steepest:.2g}")
        click.echo(f"  least loss                  {curve.lowest:.2g}")
        click.secho(f"  proposed                    {proposed:g}", bold=True)
        click.echo(f"  range to search             {low:g} to {high:g}")
    click.echo(f"The curve: {found.picture}")
    if proposed is not None:
        kept = [word for word in words if not word.lstrip("+").startswith(_SET_ANEW)]
        click.echo(f"Go on with: {shlex.join(['dlrun', *kept, f'optimizer.learning_rate={proposed:g}'])}")
