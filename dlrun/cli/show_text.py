"""What `dlrun show` prints of something found: a heading, parameters, notes, facts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Cell, Table, console
from dlrun.config.text import typed

if TYPE_CHECKING:
    from dlrun.config.catalog import Parameter

__all__ = ["KERAS", "excerpt", "facts", "heading", "is_long", "notes_and_differences", "parameter_table", "short_path"]

KERAS = "Keras:"
"""How a note of an option file begins that says where Keras differs from the textbook, the paper or PyTorch."""

_LONG = 40  # a longer default is shown below the table, as the file writes it
_LABEL = 12


def parameter_table(named: Iterable[tuple[str, Parameter]], first_column: str, format: str) -> Table:
    """A row for each parameter; the unit has a column of its own for programs."""
    pairs = list(named)
    if format == "rich":
        rows = [[Cell(name, style="bold"), _default(p), _takes(p), p.meaning] for name, p in pairs]
        return Table([first_column, "default", "takes", "meaning"], rows, unbroken=[first_column])
    return Table(
        [first_column, "default", "takes", "unit", "meaning"],
        [[name, p.default, p.rule.text, p.rule.unit, p.meaning] for name, p in pairs],
    )


def _takes(parameter: Parameter) -> str:
    unit = parameter.rule.unit
    return f"{parameter.rule.text}, in {unit}" if unit else parameter.rule.text


def _default(parameter: Parameter) -> Cell:
    value = parameter.default
    return Cell(value, "below" if is_long(parameter) else "required" if value == "???" else typed(value))


def is_long(parameter: Parameter) -> bool:
    """Whether a default is too long for a table."""
    return len(typed(parameter.default)) > _LONG


def notes_and_differences(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """The comment lines of an option file as paragraphs: notes, and where Keras differs."""
    paragraphs = list(_paragraphs(lines))
    differences = [text.removeprefix(KERAS).strip() for text in paragraphs if text.startswith(KERAS)]
    return [text for text in paragraphs if not text.startswith(KERAS)], differences


def _paragraphs(lines: Sequence[str]) -> Iterator[str]:
    """Comment lines as running text: a line that ends a sentence ends its paragraph."""
    text = ""
    for line in lines:
        if text and line.startswith(KERAS):
            yield text
            text = ""
        text = f"{text} {line}".strip()
        if line.endswith((".", ":")) or not line or line.startswith("Example"):
            yield text
            text = ""
    if text:
        yield text


def heading(name: str, description: str, notes: Sequence[str]) -> None:
    """Print what something is."""
    from rich.text import Text

    out = console()
    out.print(Text(name, style="bold"))
    if description:
        out.print(Text(description))
    for paragraph in notes:
        out.print(Text(paragraph, style="dim"))
    click.echo()


def excerpt(path: Path, key: str) -> None:
    """Print the part of an option file that declares `key`, as it is written."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith(f"{key}:")), None)
    if start is None:
        return
    end = next((i for i in range(start + 1, len(lines)) if lines[i][:1] not in ("", " ", "-")), len(lines))
    click.echo("\n".join(lines[start:end]).rstrip() + "\n")


def facts(pairs: Iterable[tuple[str, str]], *, wrapped: bool = False) -> None:
    """Print labels with what belongs to them; what is to be copied is not `wrapped`."""
    width = console().width
    for label, text in pairs:
        lines = textwrap.wrap(text, max(width - _LABEL, 40)) if wrapped else [text]
        for number, line in enumerate(lines):
            click.echo(f"{'' if number else label:<{_LABEL}}{line}")


def short_path(path: Path, line: int | None = None) -> str:
    """A path as seen from here, with the line."""
    from dlrun.config.roots import shown_path

    shown = shown_path(path, Path.cwd().resolve())
    return f"{shown}:{line}" if line else shown
