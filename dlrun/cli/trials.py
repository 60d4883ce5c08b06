"""The trials of a sweep as a table: one row each, with the replicate keys beside what is varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dlrun.cli.tables import Cell, Table, print_table
from dlrun.config.text import plain, typed

if TYPE_CHECKING:
    from dlrun.planning import PlannedRun, Survey

__all__ = ["points_table", "print_trials"]

_MOST_ROWS = 200
_IDS = 3  # of a trial's runs are shown


def points_table(survey: Survey) -> Table:
    """A row for each run, for programs."""
    names = _names(survey)
    rows = [
        [number, *(_value(run, key) for key in names), run.id[:8], run.trial[:8]]
        for number, run in enumerate(survey.runs, start=1)
    ]
    return Table(["run", *names.values(), "id", "trial"], rows)


def print_trials(survey: Survey) -> None:
    """Print a row for each trial, and how many trials, runs and repeated combinations there are."""
    from dlrun.config.spec import REPLICATE_KEYS

    names, runs = _names(survey), survey.runs
    varying = {key: name for key, name in names.items() if _varies(runs, key)}
    replicates = {key: name for key, name in varying.items() if key in REPLICATE_KEYS}
    settings = {key: name for key, name in varying.items() if key not in REPLICATE_KEYS}
    trials: dict[str, list[PlannedRun]] = {}
    for run in runs:
        trials.setdefault(run.trial, []).append(run)
    rows = [
        [
            number,
            *(_value(members[0], key) for key in settings),
            *(_together([_value(run, key) for run in members]) for key in replicates),
            _ids(members),
        ]
        for number, members in list(enumerate(trials.values(), start=1))[:_MOST_ROWS]
    ]
    print_table(Table(["trial", *settings.values(), *replicates.values(), "runs"], rows))
    if len(trials) > _MOST_ROWS:
        click.echo(f"... and {len(trials) - _MOST_ROWS} more (--json lists all runs)")
    click.echo(f"\n{_count(len(trials), 'trial')}, {_count(len(runs), 'run')}")
    same = [f"{key}={typed(_value(runs[0], key))}" for key in names if key not in varying]
    if same and runs:
        click.echo(f"The same in all: {', '.join(same)}")
    for text in _repeated(survey):
        click.echo(text)


def _names(survey: Survey) -> dict[str, str]:
    from dlrun.analysis.trials import short_names

    return short_names(survey.varied)


def _value(run: PlannedRun, key: str) -> Any:
    node: Any = run.spec
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    if isinstance(node, Mapping):  # a group stands for its option, a list group for its entries
        return node["option"] if "option" in node else ", ".join(node) or "none"
    words = dict(word.lstrip("+~").partition("=")[::2] for word in run.overrides)
    return words.get(key) if node is None else node


def _varies(runs: Sequence[PlannedRun], key: str) -> bool:
    return len({plain(_value(run, key)) for run in runs}) > 1


def _together(values: Sequence[Any]) -> Cell:
    """The replicates of one trial in one cell: `0, 1, 2`, or `0 to 9` where they are many in a row."""
    each = list(dict.fromkeys(values))
    in_row = len(each) > _IDS and each == list(range(each[0], each[0] + len(each)))
    return Cell(each, f"{each[0]} to {each[-1]}" if in_row else ", ".join(map(plain, each)))


def _ids(runs: Sequence[PlannedRun]) -> Cell:
    ids = [run.id[:8] for run in runs]
    more = f" and {len(ids) - _IDS + 1} more" if len(ids) > _IDS else ""
    return Cell(ids, " ".join(ids[: _IDS - 1] if more else ids) + more)


def _repeated(survey: Survey) -> list[str]:
    """The combinations that are a run which another one already is."""
    first: dict[str, tuple[str, ...]] = {}
    repeats = []
    for point in survey.points:
        if point.run and first.setdefault(point.run.id, point.overrides) is not point.overrides:
            words = [word for word in point.overrides if word not in first[point.run.id]]
            repeats.append(f"{' '.join(words) or 'a value given twice'} ({point.run.id[:8]})")
    if not repeats:
        return []
    each = list(dict.fromkeys(repeats))
    named = ", ".join(each[:_IDS]) + (", ..." if len(each) > _IDS else "")
    return [f"{_count(len(repeats), 'combination')} left out, being a run that is there already: {named}"]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
