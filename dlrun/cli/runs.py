"""`dlrun runs [WHICH]`: sweeps, and runs outside one, newest first; each run of some; or something done with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlrun.cli.tables import console, format_options
from dlrun.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlrun.analysis.runs import RunRecord, SweepRecord
    from dlrun.config.roots import Roots
    from dlrun.workflows.labelling import Change

__all__ = ["command"]

_STATUSES = ("queued", "running", "finished", "diverged", "failed", "pruned", "interrupted", "deleted")
_SHOWN = 20  # sweeps, and runs outside one


@dataclass(frozen=True)
class _Options:
    """What is typed beside WHICH; see the options of `command`."""

    where: tuple[str, ...]
    status: tuple[str, ...]
    archived: bool
    tags: tuple[str, ...]
    untag: tuple[str, ...]
    note: str | None
    archive: bool | None
    delete: bool
    yes: bool


@dataclass(frozen=True)
class _Chosen:
    """The runs that a command is about.

    Attributes:
        title: what they are, as a heading.
        runs: those of a sweep in the order of its trials.
        sweeps: those that were named.
        hidden: how many archived ones were left out.
        is_whole: whether no filter took any away.
    """

    title: str
    runs: tuple[RunRecord, ...]
    sweeps: tuple[SweepRecord, ...]
    hidden: int
    is_whole: bool


@click.command(name="runs", short_help="List sweeps and runs, newest first; tag, archive or delete them.")
@click.argument("which", nargs=-1, metavar="[WHICH ...]")
@click.option("--where", multiple=True, metavar="COND", help="Only runs with 'learning_rate>0.001', 'age<2h', ...")
@click.option("--status", multiple=True, metavar="STATUS", help="Only runs that are so: failed, or failed,diverged.")
@click.option("--archived", is_flag=True, help="Those put away, too.")
@click.option("--limit", type=click.IntRange(min=1), help="Show this many [default: 20 sweeps, or all runs of WHICH].")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="Tag the runs.")
@click.option("--untag", multiple=True, metavar="NAME", help="Take a tag away.")
@click.option("--note", metavar="TEXT", help="Give the runs a note; '' takes it away.")
@click.option("--archive/--unarchive", default=None, help="Put the runs away, out of lists; or take them out again.")
@click.option("--delete", is_flag=True, help="Delete the runs, after a question.")
@click.option("--yes", is_flag=True, help="Answer the question of --delete and --archive.")
@format_options
def command(which: tuple[str, ...], limit: int | None, format: str, **options: Any) -> int | None:
    """List sweeps, and runs outside one, newest first; of WHICH each run, with its status, cause, attempts and log.

    A sweep's result is the best mean of its trials. dlrun compare ID shows the rest. WHICH is last, the start of an id,
    a path or an experiment's name; several may be given. --where is KEY OP VALUE with a key of the config, a metric,
    status, age, started, note or tag.NAME.

    --tag, --note, --archive and --delete do what they say to all runs of WHICH that --where and --status leave.
    """
    from dlrun.config.roots import Roots
    from dlrun.workflows.labelling import parsed

    asked = _Options(**options)
    conditions = [*asked.where, *_checked(asked.status)]
    change = parsed(asked.tags, asked.untag, asked.note, asked.archive)
    acts = asked.delete or not change.is_empty
    _require_one_thing(asked, change, bool(which or conditions))
    roots = Roots.of(Path.cwd())
    if not (which or conditions):
        from dlrun.cli.runs_all import print_all

        print_all(roots, limit or _SHOWN, asked.archived, format)
        return None
    chosen = _choose(roots, which, conditions, asked.archived or (acts and bool(which)))
    if not chosen.runs and not (chosen.sweeps and chosen.is_whole):
        _say_none(chosen, acts, format)
    elif acts:
        return _act(chosen, change, asked, roots, format)
    else:
        _print(chosen, limit, format)
    return None


def _checked(status: Sequence[str]) -> list[str]:
    """The statuses as a condition."""
    from dlrun.config.suggest import did_you_mean

    words = [word.strip() for given in status for word in given.split(",")]
    wrong = [word for word in words if word not in _STATUSES]
    if wrong:
        mends = [did_you_mean(word, _STATUSES, shown="--status {}") for word in wrong]
        mend = " ".join(mend for mend in mends if mend) or f"Choose of {', '.join(_STATUSES)}."
        raise UserError(f"--status must be a status; got {', '.join(word or 'nothing' for word in wrong)}. {mend}")
    return [f"status={','.join(words)}"] if words else []


def _require_one_thing(asked: _Options, change: Change, is_chosen: bool) -> None:
    """See that what is to be done can be done at once, and to something."""
    problems, delete = [], asked.delete
    if delete and not change.is_empty:
        problems.append("--delete must stand alone: what is said of a run goes with it. Leave the other options out.")
    if asked.yes and not (delete or asked.archive):
        problems.append("--yes must go with --delete or --archive, which ask a question; the others ask none.")
    if (delete or not change.is_empty) and not is_chosen:
        option = "--delete" if delete else "An option that changes runs"
        problems.append(
            f"{option} must be told which runs: last, an id, a path, or --where 'status=failed'. All there are is the"
            " path runs."
        )
    if problems:
        raise UserError("\n\n".join(problems))


def _choose(roots: Roots, which: Sequence[str], conditions: Sequence[str], archived: bool) -> _Chosen:
    from dlrun.analysis.runs import read_runs
    from dlrun.analysis.where import matching
    from dlrun.analysis.which import find_runs
    from dlrun.config.catalog import Catalog

    if which:
        found = [find_runs(word, roots.work, Catalog(roots)) for word in dict.fromkeys(which)]
        runs = list({run.id: run for selection in found for run in selection.runs}.values())
        sweeps = tuple(selection.sweep for selection in found if selection.sweep is not None)
        title = ", ".join(dict.fromkeys(selection.title for selection in found))
    else:
        runs, sweeps, title = read_runs(roots.work)[::-1], (), "runs"
    matched = matching(runs, conditions)
    title += f" with {', '.join(conditions)}" if conditions else ""
    shown = [run for run in matched if archived or not run.labels.is_archived]
    if which and not shown:  # asked for by name
        shown = matched
    return _Chosen(title, tuple(shown), sweeps, len(matched) - len(shown), len(matched) == len(runs))


def _say_none(chosen: _Chosen, acts: bool, format: str) -> None:
    if format != "rich":
        from dlrun.cli.runs_of import print_runs_of

        print_runs_of(chosen.title, (), (), None, format)
        return
    nothing = ": nothing was done" if acts else ""
    hidden = f"; {chosen.hidden} archived, which --archived shows" if chosen.hidden else ""
    console().print(f"There are no {chosen.title}{hidden}{nothing}.", soft_wrap=True)


def _act(chosen: _Chosen, change: Change, asked: _Options, roots: Roots, format: str) -> int:
    from dlrun.cli.runs_change import delete_runs, label_runs

    if asked.delete:
        sweeps = chosen.sweeps if chosen.is_whole else ()
        return delete_runs(chosen.runs, sweeps, roots.work, asked.yes, format)
    return label_runs(chosen.title, chosen.runs, change, asked.yes, format)


def _print(chosen: _Chosen, limit: int | None, format: str) -> None:
    from dlrun.cli.runs_of import print_runs_of

    print_runs_of(chosen.title, chosen.runs, chosen.sweeps, limit, format)
    if format == "rich" and chosen.hidden:
        console().print(f"and {chosen.hidden} archived: --archived shows them", style="dim")
