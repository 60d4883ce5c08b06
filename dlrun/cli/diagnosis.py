"""A diagnosis as a person reads it: what is wrong, what shows it, what to try."""

from __future__ import annotations

import json
import shlex
import shutil
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlrun.errors import ExitCode, UserError

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord
    from dlrun.config.catalog import Catalog

__all__ = ["print_diagnosis", "show_diagnosis"]

_FIELDS = ("kind", "finding", "evidence", "try")
_MOST_COLUMNS = 120


def show_diagnosis(which: str, format: str) -> int:
    """Print the diagnosis of the run that `which` addresses; returns the exit code."""
    from dlrun.analysis.which import find_run
    from dlrun.cli.tables import Table, print_table
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    roots = Roots.of(Path.cwd())
    catalog = Catalog(roots)
    record = find_run(which, roots.work, catalog)
    if record.status not in ("finished", "diverged"):
        raise UserError(f"Run {record.short_id} has no diagnosis: its status is {record.status}.")
    found = _found(record, catalog)
    if format != "rich":
        print_table(Table(_FIELDS, [[each[field] for field in _FIELDS] for each in found]), format)
        return ExitCode.DONE
    click.secho(_harmless(record.name), bold=True, nl=False)
    click.secho(f"  run {record.short_id}", dim=True)
    print_diagnosis(found)
    if not found:
        click.echo("Nothing wrong was found.")
    return ExitCode.DONE


def _found(record: RunRecord, catalog: Catalog) -> list[dict[str, str]]:
    """The diagnosis that was kept; where an earlier version kept none, it is made from the journal."""
    kept = record.result.get("diagnosis")
    if isinstance(kept, list):
        return [{field: str(each.get(field, "")) for field in _FIELDS} for each in kept if isinstance(each, dict)]
    from dlrun.analysis.diagnosis.diagnose import diagnose_run
    from dlrun.tracking.journal import read

    spec: dict[str, Any] = json.loads((record.path / "spec.json").read_text(encoding="utf-8"))
    return [finding.to_json() for finding in diagnose_run(read(record.path / "journal.jsonl"), spec, catalog)]


def print_diagnosis(diagnosis: Iterable[Mapping[str, str]]) -> None:
    """Print each finding, with the word to add to the command; nothing where nothing is wrong."""
    for finding in diagnosis:
        click.secho(_wrapped(finding["finding"], ""), fg="yellow")
        click.echo(_wrapped(f"{finding['evidence']}.", "  "))
        if finding["try"]:
            click.echo(f"  Try: {shlex.quote(_harmless(finding['try']))}")


def _wrapped(text: str, indent: str) -> str:
    width = min(shutil.get_terminal_size().columns, _MOST_COLUMNS)
    return textwrap.fill(
        _harmless(text), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _harmless(text: str) -> str:
    """The text without what steers a terminal: the run may be somebody else's."""
    return "".join(character for character in text if character.isprintable())
