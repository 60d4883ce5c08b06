"""`dlrun sync [WHICH ...]`: send what the stores have not got yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import format_options
from dlrun.errors import ConfigError, ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlrun.config.roots import Roots
    from dlrun.workflows.sync import Sent

__all__ = ["command"]


@click.command(name="sync", short_help="Send what the stores have not got yet.")
@click.argument("which", nargs=-1)
@click.option("--to", metavar="URI", help="Send to this store [default: each run to the one that it was trained for].")
@click.option("--again", is_flag=True, help="Ask the store what it holds: after it was emptied, or put back.")
@click.option("--upgrade", is_flag=True, help="Send nothing; bring an older store to the installed MLflow's schema.")
@format_options
def command(which: tuple[str, ...], to: str | None, again: bool, upgrade: bool, format: str) -> int:
    """Send what the tracking stores have not got yet: runs of tracking=offline, and what a store that was away missed.

    WHICH is last, best, the start of a run's or sweep's id, a path, an experiment's name; without it, all runs.

    Nothing is sent twice. Ends with 1 when something is still missing, and says why.

    --upgrade is for a store of an older MLflow (the project's, or the one at --to): it makes a backup beside it first.
    """
    from dlrun.config.roots import Roots

    roots = Roots.of(Path.cwd())
    if upgrade:
        if which or again or format != "rich":
            raise UserError("dlrun sync --upgrade sends nothing, so that it takes --to alone. Leave the rest out.")
        return _upgrade(roots, to)
    sent = _send(which, to, again, roots)
    _print(sent, roots, format)
    return ExitCode.FAILED if any(each.missing for each in sent) else ExitCode.DONE


def _send(which: Sequence[str], to: str | None, again: bool, roots: Roots) -> list[Sent]:
    from dlrun.tracking.project_store import project_node
    from dlrun.workflows.sync import batches, faults_of, send

    if to is not None and (faults := faults_of(to, roots.work)):
        raise ConfigError(faults)
    found = batches(_run_dirs(which, roots), roots.work, project_node(roots), to)
    return [send(batch, roots.work, again=again) for batch in found]


def _run_dirs(which: Sequence[str], roots: Roots) -> list[Path]:
    if not which:
        return sorted(journal.parent for journal in roots.work.glob("runs/*/journal.jsonl"))
    from dlrun.analysis.which import find_runs
    from dlrun.config.catalog import Catalog

    catalog = Catalog(roots)
    runs = (run for word in which for run in find_runs(word, roots.work, catalog).runs)
    return list(dict.fromkeys(run.path for run in runs))


def _print(sent: Sequence[Sent], roots: Roots, format: str) -> None:
    from dlrun.cli.tables import Table, print_table

    if format != "rich":
        rows = [[each.store, each.runs, each.sent, each.missing, each.deleted, each.why] for each in sent]
        print_table(Table(["store", "runs", "sent", "missing", "deleted", "why"], rows), format)
    elif not sent:
        click.echo(f"There are no runs in {roots.work} yet: nothing is to be sent.")
    for each in sent if format == "rich" else ():
        for text in _sentences(each, roots):
            click.secho(text, fg="yellow" if each.missing else None)


def _sentences(sent: Sent, roots: Roots) -> list[str]:
    store, told = _shown(sent.store, roots), []
    if not sent.store and not sent.missing:
        return [f"{_runs(sent.runs)} not sent: {sent.why}."]
    if sent.sent and sent.is_looked_up:
        told.append(f"{_runs(sent.sent)} looked up in {store}, and what it lacked was sent.")
    elif sent.sent:
        told.append(f"{_runs(sent.sent)} sent to {store}." + ("" if sent.missing else " It has everything now."))
    if sent.deleted:
        told.append(f"{_runs(sent.deleted)} deleted in {store}, as here before.")
    if sent.missing:
        where = f" are not in {store} yet" if sent.missing > 1 else f" is not in {store} yet"
        told.append(f"{_count(sent.missing)}{where if sent.store else ' cannot be sent'}: {sent.why}.")
    if not told:
        told.append(f"{store} has everything of {_count(sent.runs)}: nothing was sent.")
    return told


def _count(number: int) -> str:
    return f"{number} run{'' if number == 1 else 's'}"


def _runs(number: int) -> str:
    return f"{_count(number)} {'was' if number == 1 else 'were'}"


def _shown(store: str, roots: Roots) -> str:
    """A file as seen from here; any other store by its address."""
    from dlrun.config.roots import shown_path
    from dlrun.tracking.store import database

    path = database(store)
    return store if path is None else shown_path(path, roots.directory)


def _upgrade(roots: Roots, to: str | None) -> int:
    from dlrun.config.secrets import resolved
    from dlrun.tracking.project_store import project_node
    from dlrun.workflows.sync import upgrade

    node = {"uri": to} if to is not None else resolved(project_node(roots))
    done = upgrade(node, roots.work)
    path = _shown(f"sqlite:///{done.path}", roots)
    if done.backup is None:
        click.echo(f"{path} is at the installed MLflow's schema ({done.after}): nothing was changed.")
        return ExitCode.DONE
    click.echo(f"{path} is at the schema {done.after} now, {done.before} before.")
    click.echo(f"As it was, it is in {_shown(f'sqlite:///{done.backup}', roots)}. Remove that when all is well.")
    return ExitCode.DONE
