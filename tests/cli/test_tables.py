"""Tables for people and for programs."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from dlrun.cli.tables import FORMATS, Cell, Table, format_options, print_table
from dlrun.config.text import plain, typed
from dlrun.errors import UserError

TABLE = Table(
    ["option", "accuracy", "hidden"],
    [
        [Cell("adam", style="bold"), Cell(0.97123456, "0.9712 ± 0.0040"), [64, 64]],
        ["sgd|momentum", Cell(float("nan"), "-"), None],
    ],
    title="Optimizers",
)


def printed(capsys: pytest.CaptureFixture[str], table: Table, format: str) -> str:
    print_table(table, format)
    return capsys.readouterr().out


def test_json_holds_values_not_texts(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(printed(capsys, TABLE, "json")) == [
        {"option": "adam", "accuracy": 0.97123456, "hidden": [64, 64]},
        {"option": "sgd|momentum", "accuracy": None, "hidden": None},  # JSON has no NaN
    ]


def test_csv_holds_values(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.reader(io.StringIO(printed(capsys, TABLE, "csv"))))
    assert rows == [["option", "accuracy", "hidden"], ["adam", "0.97123456", "[64, 64]"], ["sgd|momentum", "", ""]]


def test_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, TABLE, "md").splitlines() == [
        "### Optimizers",
        "",
        "| option | accuracy | hidden |",
        "| --- | ---: | --- |",
        "| adam | 0.9712 ± 0.0040 | [64, 64] |",
        "| sgd\\|momentum | - |  |",
    ]


def test_text_is_plain_when_piped(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, TABLE, "rich").splitlines()
    assert lines[0] == "Optimizers"
    assert lines[1].split() == ["option", "accuracy", "hidden"]
    assert lines[3] == "adam           0.9712 ± 0.0040   [64, 64]"
    assert "\x1b" not in "".join(lines)
    assert all(line == line.rstrip() for line in lines)


def test_long_text_wraps_in_the_last_column(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(["name", "value", "meaning"], [["learning_rate", 0.001, "word " * 30]])
    lines = printed(capsys, table, "rich").splitlines()
    assert len(lines) > 3
    assert all(len(line) <= 80 for line in lines)
    assert lines[2].startswith("learning_rate   0.001   word")


def test_numbers_are_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table([f"column{i}" for i in range(20)], [[0.123456 for _ in range(20)]])
    assert printed(capsys, table, "rich").count("0.123456") == 20


def test_cells_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(["name"], [["\x1b]0;owned\x07 [red]x[/red]"]])
    for format in ("rich", "md"):
        text = printed(capsys, table, format)
        assert "\x1b" not in text and "\x07" not in text
        assert "[red]x[/red]" in text


@pytest.mark.parametrize("format", FORMATS)
def test_empty_table(capsys: pytest.CaptureFixture[str], format: str) -> None:
    text = printed(capsys, Table(["a", "b"], []), format)
    assert json.loads(text) == [] if format == "json" else "a" in text


def test_no_color_is_honoured() -> None:
    code = "from dlrun.cli.tables import *; print_table(Table(['a'], [[Cell(1, '1', 'red')]]))"
    terminal = os.environ | {"FORCE_COLOR": "1", "TERM": "xterm-256color"}

    def output(environment: dict[str, str]) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        ).stdout

    terminal.pop("NO_COLOR", None)
    assert "\x1b[31m" in output(terminal)
    assert "\x1b[31m" not in output(terminal | {"NO_COLOR": "1"})


def test_importing_tables_imports_no_rich() -> None:
    code = "import sys, dlrun.cli.tables; print(sorted({'rich', 'omegaconf', 'numpy', 'yaml'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@click.command()
@format_options
def shown(format: str) -> None:
    """Echo the format."""
    click.echo(format)


@pytest.mark.parametrize(
    ("flags", "format"), [([], "rich"), (["--json"], "json"), (["--csv"], "csv"), (["--md"], "md")]
)
def test_format_flags(flags: list[str], format: str) -> None:
    assert CliRunner().invoke(shown, flags).output == f"{format}\n"


def test_two_formats_are_refused() -> None:
    found = CliRunner().invoke(shown, ["--json", "--md"])
    assert isinstance(found.exception, UserError)
    assert str(found.exception) == (
        "A table must be printed in one format; got --json and --md. Leave out all but one."
    )


def test_values_as_they_are_typed() -> None:
    values = [1e-05, 0.1 + 0.2, 64, True, None, [64, None], {"units": 3}, "adam", 1e20]
    assert [typed(value) for value in values] == [
        "1e-5",
        "0.30000000000000004",  # in full: what is shown is what is run
        "64",
        "true",
        "null",
        "[64, null]",
        "{units: 3}",
        "adam",
        "1e20",
    ]
    assert plain(None) == ""
    assert plain(0.1 + 0.2) == "0.3"
