"""What is different about new samples, as a person reads it: on standard error, beside what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Cell, Table, print_table
from dlrun.errors import UserError

if TYPE_CHECKING:
    from dlrun.workflows.kept_model import KeptModel
    from dlrun.workflows.new_data.check import Checked

__all__ = ["print_checked", "print_state"]

_STYLES = {"warning": "yellow", "note": "dim"}
_COLUMNS = ("column", "finding", "training", "new")


def print_state(kept: KeptModel) -> None:
    """Say of a run what makes its predictions worth less."""
    if kept.result.status == "diverged":
        epoch = kept.result.kept_epoch
        _warn(f"run {kept.run.short_id} diverged: it predicts with the last good weights, of epoch {epoch}")
    elif kept.result.status != "finished":
        _warn(f"run {kept.run.short_id} is {kept.result.status}: it predicts with the weights that it kept")
    if kept.result.fast_dev_run:
        _warn(f"run {kept.run.short_id} tried a few batches only (trainer.fast_dev_run): its predictions say nothing")
    if kept.schema is None:
        _warn(f"run {kept.run.short_id} did not keep what it learned from: new data is not held against it")


def print_checked(checked: Checked, strict: bool) -> None:
    """Print what was found.

    Raises:
        UserError: there are warnings, and `strict` takes them for errors.
    """
    rows = [
        [finding.where, Cell(finding.what, style=_STYLES[finding.level]), finding.training, finding.new]
        for finding in checked.findings
    ]
    if rows:
        print_table(Table(_COLUMNS, rows, title="Other than in training"), stderr=True)
    if strict and checked.warnings:
        count = f"{checked.warnings} finding{'' if checked.warnings == 1 else 's'}"
        raise UserError(f"--strict takes what differs from the training for errors: {count}. Nothing was written.")


def _warn(text: str) -> None:
    click.secho(f"warning: {text}.", err=True, fg="yellow")
