"""The report on the data as a person reads it, before a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from dlrun.cli.tables import Cell, Table, print_table

__all__ = ["headline", "print_report", "sentences"]

_SHOWN = 12
_STYLES = {"error": "red", "warning": "yellow"}


def headline(findings: Sequence[Mapping[str, Any]]) -> str:
    """How many there are."""
    return f"{len(findings)} {'thing' if len(findings) == 1 else 'things'} to look at in the data"


def print_report(findings: Sequence[Mapping[str, Any]]) -> None:
    """One table, a row a finding, as `Finding.to_json` has it; nothing where nothing was found."""
    if not findings:
        return
    rows = [[_about(each), _wrong(each), str(each["mend"])] for each in findings[:_SHOWN]]
    click.secho(headline(findings), fg=_STYLES[str(findings[0]["level"])], bold=True)
    print_table(Table(["what", "finding", "mend"], rows))
    if len(findings) > _SHOWN:
        click.echo(f"and {len(findings) - _SHOWN} more: dlrun check with the same words lists all")
    click.echo()


def sentences(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line a finding, where no table can be drawn; as many as `print_report` shows."""
    lines = [f"{each['about']} {each['rule']}; got {each['got']}. {each['mend']}" for each in findings[:_SHOWN]]
    more = len(findings) - _SHOWN
    return [*lines, f"and {more} more: dlrun check -m with the same words lists all"] if more > 0 else lines


def _about(finding: Mapping[str, Any]) -> Cell:
    return Cell(finding["about"], style=_STYLES[str(finding["level"])])


def _wrong(finding: Mapping[str, Any]) -> str:
    return f"{finding['rule']}; got {finding['got']}"
