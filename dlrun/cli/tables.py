"""Print a table for a person or for a program: `--json`, `--csv`, `--md`, or readable text."""

from __future__ import annotations

import csv
import functools
import io
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from dlrun.config.text import plain
from dlrun.errors import UserError

if TYPE_CHECKING:  # rich costs 60 ms at start-up, so it is imported only where something is printed with it
    from rich.console import Console
    from rich.table import Table as RichTable

__all__ = [
    "FORMATS",
    "Cell",
    "Table",
    "console",
    "for_programs",
    "format_options",
    "natural_width",
    "print_table",
    "printable",
]

FORMATS = ("rich", "json", "csv", "md")

_Command = TypeVar("_Command", bound=Callable[..., Any])
# A run's name may come from anywhere: nothing in a cell may steer the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_GAP = 3  # columns between two cells: a space on either side and a divider
_BREAKABLE = 20  # a longer word (a path) may be broken
_SHORT = 24  # a column up to this width stays on one line where the others leave it room


@dataclass(frozen=True)
class Cell:
    """A cell that a person and a program see differently.

    Attributes:
        value: what `--json` and `--csv` give: a number stays a number.
        text: what is shown; None shows the value.
        style: a rich style (`bold`, `dim`, `red`), for terminals.
    """

    value: object
    text: str | None = None
    style: str | None = None

    def __str__(self) -> str:
        return plain(self.value) if self.text is None else self.text


@dataclass(frozen=True)
class Table:
    """Named columns and rows of values or `Cell`s; names in `unbroken` columns stay on one line, to be copied."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str | None = None
    unbroken: Sequence[str] = ()


def print_table(table: Table, format: str = "rich", *, stderr: bool = False) -> None:
    """Print `table` to standard output in one of `FORMATS`; readable text also to standard error."""
    if format == "rich":
        _print_rich(table, stderr)
    else:
        click.echo({"json": _json, "csv": _csv, "md": _markdown}[format](table), nl=False)


def format_options(command: _Command) -> _Command:
    """Give a click command the flags `--json`, `--csv` and `--md`, as its parameter `format`."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON: a list of objects.")
    @click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
    @click.option("--md", "as_md", is_flag=True, help="Print a Markdown table.")
    @functools.wraps(command)
    def wrapper(*args: Any, as_json: bool, as_csv: bool, as_md: bool, **kwargs: Any) -> Any:
        flags = {"json": as_json, "csv": as_csv, "md": as_md}
        chosen = [name for name, given in flags.items() if given]
        if len(chosen) > 1:
            given = " and ".join(f"--{name}" for name in chosen)
            raise UserError(f"A table must be printed in one format; got {given}. Leave out all but one.")
        return command(*args, format=chosen[0] if chosen else "rich", **kwargs)

    return wrapper  # type: ignore[return-value]  # wraps() keeps the name and help, not the precise signature


def console(*, stderr: bool = False) -> Console:
    """The console that text is printed to: no colour unless it is a terminal, `NO_COLOR` honoured."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def _print_rich(table: Table, stderr: bool) -> None:
    from rich.text import Text

    out = console(stderr=stderr)
    wrapped = _wrapped(table, out.width)
    out.width = max(out.width, _least_width(table, wrapped))  # a long line can be scrolled, a cut-off number is lost
    with out.capture() as capture:
        if table.title:
            out.print(Text(printable(table.title), style="bold"))
        out.print(_rich_table(table, wrapped))
    text = capture.get()
    if not out.is_terminal:  # no padding in a file
        text = "".join(line.rstrip() + "\n" for line in text.splitlines())
    click.echo(text, nl=False, err=stderr, color=True)  # rich has decided about colour already


def natural_width(table: Table) -> int:
    """How many characters wide the table is where nothing is wrapped."""
    return _least_width(table, frozenset())


def _wrapped(table: Table, width: int) -> frozenset[int]:
    """The columns whose text may take several lines: as few as the width allows, the last one first."""
    indices = [index for index, column in enumerate(table.columns) if column not in table.unbroken]
    text = frozenset(index for index in indices if not _is_numeric(table, index))
    long = frozenset(index for index in text if _column_width(table, index) > _SHORT)
    last = frozenset([max(text)]) if text else text
    choices = (long, long | last, text)
    return next((choice for choice in choices if _least_width(table, choice) <= width), text)


def _least_width(table: Table, wrapped: frozenset[int]) -> int:
    """The width below which a number, a word or a column that is not to be wrapped would be broken."""
    least = (
        max(map(_longest_word, _column_texts(table, i))) if i in wrapped else _column_width(table, i)
        for i in range(len(table.columns))
    )
    return sum(least) + _GAP * max(len(table.columns) - 1, 0)


def _column_texts(table: Table, index: int) -> list[str]:
    return [table.columns[index], *(str(_cell(row[index])) for row in table.rows)]


def _column_width(table: Table, index: int) -> int:
    return max(map(len, _column_texts(table, index)))


def _longest_word(text: str) -> int:
    return min(max((len(word) for word in text.split()), default=0), _BREAKABLE)


def _rich_table(table: Table, wrapped: frozenset[int]) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    rendered = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), header_style="bold")
    for index, column in enumerate(table.columns):
        justify: Literal["left", "right"] = "right" if _is_numeric(table, index) else "left"
        rendered.add_column(Text(printable(column)), justify=justify, no_wrap=index not in wrapped, overflow="fold")
    for row in table.rows:
        rendered.add_row(*(Text(printable(str(_cell(item))), style=_cell(item).style or "") for item in row))
    return rendered


def _json(table: Table) -> str:
    rows = [
        {column: for_programs(_cell(item).value) for column, item in zip(table.columns, row, strict=True)}
        for row in table.rows
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n"


def _csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_csv_field(for_programs(_cell(item).value)) for item in row] for row in table.rows)
    return text.getvalue()


def _csv_field(value: object) -> object:
    if isinstance(value, bool | dict | list):
        return json.dumps(value, default=str)
    return value


def _markdown(table: Table) -> str:
    marks = ["---:" if _is_numeric(table, index) else "---" for index in range(len(table.columns))]
    rows = [list(table.columns), marks, *([str(_cell(item)) for item in row] for row in table.rows)]
    lines = ["| " + " | ".join(_markdown_field(field) for field in row) + " |" for row in rows]
    heading = [f"### {table.title}", ""] if table.title else []
    return "\n".join([*heading, *lines]) + "\n"


def _markdown_field(text: str) -> str:
    return printable(text).replace("|", "\\|").replace("\n", "<br>")


def _cell(item: object) -> Cell:
    return item if isinstance(item, Cell) else Cell(item)


def _is_numeric(table: Table, index: int) -> bool:
    values = [value for row in table.rows if (value := _cell(row[index]).value) is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def for_programs(value: object) -> object:
    """The value as JSON can hold it: NaN and infinity are no JSON, and become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): for_programs(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [for_programs(item) for item in value]
    return value


def printable(text: str) -> str:
    """The text without signs that would steer the terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
