"""Which column of a table is the time, which tells series apart, which is predicted and which are learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dlrun.config.suggest import nearest
from dlrun.data.series.settings import Settings
from dlrun.data.tables.layout import as_override, listed
from dlrun.errors import Problem

__all__ = ["Roles", "dropping", "roles_of"]


@dataclass(frozen=True)
class Roles:
    """The columns of a file by their place in a record.

    Attributes:
        names: of all columns.
        features: those to learn from; the targets are among them unless the config names features.
        problems: what is wrong with the header or with the names that the config gives.
    """

    names: tuple[str, ...]
    time: int | None
    group: int | None
    targets: tuple[int, ...]
    features: tuple[int, ...]
    problems: tuple[Problem, ...]

    @property
    def used(self) -> tuple[int, ...]:
        """Every column that is read."""
        keys = [place for place in (self.time, self.group) if place is not None]
        return tuple(dict.fromkeys([*keys, *self.targets, *self.features]))


def roles_of(header: Sequence[str], settings: Settings, file: str, line: int) -> Roles:
    """Find the columns.

    Args:
        header: the names in the file.
        settings: which columns the config asks for.
        file: the file, as messages show it.
        line: the line that the header stands on.
    """
    names = tuple(cell.strip() or f"column_{place}" for place, cell in enumerate(header, start=1))
    where = {name: place for place, name in reversed(list(enumerate(names)))}
    time, group = (where.get(name) if name is not None else None for name in (settings.time, settings.group))
    keys = {settings.time, settings.group}
    left = [place for place, name in enumerate(names) if name not in settings.drop and name not in keys]
    named = [where[name] for name in settings.target if name in where]
    targets = named if settings.target else left[-1:]
    wanted = left if settings.features is None else [where[name] for name in settings.features if name in where]
    problems = [*_unknown(names, settings, file), *_contradictions(settings)]
    used = [*filter(lambda place: place is not None, (time, group)), *targets, *wanted]
    problems += _repeated(names, {names[place] for place in used if place is not None}, settings, f"{file}:{line}")
    if not problems and not (targets and wanted):
        mend = f"{file} has the columns {listed(names)}."
        rule = "must leave a column to learn from and one to predict"
        problems.append(Problem("data.path", rule, got="none", mend=mend, place=f"{file}:{line}"))
    return Roles(names, time, group, tuple(targets), tuple(wanted), tuple(problems))


def dropping(settings: Settings, more: Sequence[str]) -> str:
    """The override that leaves out `more` beside what the config leaves out."""
    return as_override("data.drop", list(dict.fromkeys([*settings.drop, *more])))


def _unknown(names: Sequence[str], settings: Settings, file: str) -> Iterator[Problem]:
    given = {
        "data.time": [settings.time] if settings.time is not None else [],
        "data.group": [settings.group] if settings.group is not None else [],
        "data.target": settings.target,
        "data.features": settings.features or (),
        "data.drop": settings.drop,
    }
    for key, words in given.items():
        for word in words:
            if word not in names:
                name = nearest(word, names)
                listed_key = key in ("data.features", "data.drop")
                shown = "" if name is None else repr(name) if listed_key else as_override(key, name)
                hint = f"Did you mean {shown}? " if shown else ""
                mend = f"{hint}The columns are {listed(names)}."
                yield Problem(key, f"must name a column of {file}", got=f"'{word}'", mend=mend)


def _contradictions(settings: Settings) -> Iterator[Problem]:
    mend = "Take it out of one of the two."
    keys = {"data.time": settings.time, "data.group": settings.group}
    for key, name in keys.items():
        if name is None:
            continue
        others = {"data.target": settings.target, "data.features": settings.features or (), "data.drop": settings.drop}
        for other, words in others.items():
            if name in words:
                yield Problem(key, f"must not be in {other} as well", got=f"'{name}'", mend=mend)
    if settings.time is not None and settings.time == settings.group:
        yield Problem("data.group", "must be another column than data.time", got=f"'{settings.group}'", mend=mend)
    for name in settings.drop:
        if name in settings.target:
            yield Problem("data.drop", "must not leave out what is predicted", got=f"'{name}'", mend=mend)
        if name in (settings.features or ()):
            yield Problem("data.features", "must not hold a column of data.drop", got=f"'{name}'", mend=mend)


def _repeated(names: Sequence[str], used: set[str], settings: Settings, place: str) -> Iterator[Problem]:
    repeated = [name for name, count in Counter(names).items() if count > 1 and name in used]
    if repeated:
        mend = f"Rename them, or leave them out: {dropping(settings, repeated)}"
        got = f"{listed(repeated)} more than once"
        yield Problem("data.path", "must name each column once", got=got, mend=mend, place=place)
