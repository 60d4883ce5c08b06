"""Which columns of a CSV file are learned from and which is predicted, by its header and the option's parameters."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from dlrun.config.catalog import Option
from dlrun.config.suggest import nearest
from dlrun.data.tables.csv_text import SEPARATORS
from dlrun.errors import Problem
from dlrun.serving.served_cells import number

__all__ = ["NO_NAMES", "Layout", "Settings", "as_override", "dropping", "format_of", "lay_out", "listed"]

_PLAIN_WORD = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)
_HYDRA_WORDS = frozenset({"null", "true", "false", "nan", "inf"})
NO_NAMES = "must start with the names of its columns"
"""What a file without a header breaks."""

_LISTED = 12  # column names in a message: what fits two lines


@dataclass(frozen=True)
class Settings:
    """The parameters of a table's option, less the path; see conf/data/parquet.yaml and csv.yaml.

    Attributes:
        format: `csv`, `parquet` or `jsonl`.
        kinds: pairs of a column and what it holds: a kind, or how its dates are written.
        separator: of CSV alone, as `decimal`.
    """

    format: str
    target: str | None
    task: str
    features: tuple[str, ...] | None
    drop: tuple[str, ...]
    kinds: tuple[tuple[str, str], ...]
    group: str | None
    time: str | None
    missing: str
    missing_words: tuple[str, ...]
    separator: str = "comma"
    decimal: str = "point"

    @classmethod
    def of(cls, values: Mapping[str, Any], form: str) -> Settings:
        """The settings in a config node; other keys are passed over.

        Args:
            form: the format of the file.
        """
        chosen = {name: values[name] for name in cls.__dataclass_fields__ if name in values} | {"format": form}
        for name in ("target", "group", "time"):
            chosen[name] = None if chosen[name] is None else str(chosen[name])  # columns may be called 0, 1, 2
        features = chosen["features"]
        chosen["features"] = None if features is None else tuple(map(str, features))
        for name in ("drop", "missing_words"):
            chosen[name] = tuple(map(str, chosen[name]))
        chosen["kinds"] = tuple(sorted((str(name), str(kind)) for name, kind in chosen["kinds"].items()))
        return cls(**chosen)

    def kind_of(self, name: str) -> str | None:
        """What the config says that a column holds."""
        return dict(self.kinds).get(name)


@dataclass(frozen=True)
class Layout:
    """The columns of a file by their place in a record.

    Attributes:
        names: of all columns; one without a name is called by its place, `column_3`.
        target: the column to predict, or the one probably meant where the name is wrong; None when there is none.
        features: the columns to learn from.
        group: the column that says which rows belong together; None where none does.
        time: the column that says when a row is from.
        words: columns whose cells are read as text, whatever they look like.
        problems: what is wrong with the header or with the names that the config gives.
    """

    names: tuple[str, ...]
    target: int | None
    features: tuple[int, ...]
    problems: tuple[Problem, ...]
    group: int | None = None
    time: int | None = None
    words: frozenset[int] = frozenset()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The columns that may be read as numbers many at a time."""
        return tuple(place for place in self.used if place != self.target and place not in self.words)

    @property
    def used(self) -> tuple[int, ...]:
        """Features, target, group and time, each once."""
        others = (place for place in (self.target, self.group, self.time) if place is not None)
        return tuple(dict.fromkeys((*self.features, *others)))


def format_of(option: Option) -> str:
    """The format of the files that a table's option reads."""
    return str(option.facts["derived"]["format"])


def lay_out(header: Sequence[str], settings: Settings, file: str, line: int) -> Layout:
    """Find the columns.

    Args:
        header: the cells of the first record.
        settings: which columns the config asks for.
        file: the file, as messages show it.
        line: the line that the header stands on.
    """
    names = tuple(cell.strip() or f"column_{place}" for place, cell in enumerate(header, start=1))
    kept = [place for place, name in enumerate(names) if name not in settings.drop]
    target = _target(names, kept, settings)
    wanted = kept if settings.features is None else [names.index(n) for n in settings.features if n in names]
    group, time = (names.index(name) if name in names else None for name in (settings.group, settings.time))
    # whose a row is tells the answer of other rows of the same one: it is learned from where it is asked for alone
    aside = {target} if settings.features is not None else {target, group}
    features = tuple(place for place in wanted if place not in aside)
    place = f"{file}:{line}"
    no_header = list(_no_header(names, place))
    # without a header, no name that the config gives can be found
    problems = no_header or [*_unknown_names(names, settings, file)]
    problems += _contradictions(settings)
    if len(names) < 2:
        problems.append(_single_column(header, settings, place))
    elif not features and not problems:
        mend = f"{file} has the columns {listed(names)}."
        problems.append(Problem("data.path", "must leave a column to learn from", got="none", mend=mend, place=place))
    used = [*features, *(each for each in (target, group, time) if each is not None and each not in features)]
    problems += _unnamed(header, names, used, settings, place)
    # what looks like a repeated name in a line of data is no second fault
    problems += [] if no_header else list(_repeated(names, [names[i] for i in used], settings, place))
    return Layout(names, target, features, tuple(problems), group, time)


def _target(names: Sequence[str], kept: Sequence[int], settings: Settings) -> int | None:
    if settings.target is None:
        return kept[-1] if kept else None
    name = settings.target if settings.target in names else nearest(settings.target, names)
    return None if name is None else names.index(name)


def _unknown_names(names: Sequence[str], settings: Settings, file: str) -> Iterator[Problem]:
    given = {
        "data.target": [] if settings.target is None else [settings.target],
        "data.group": [] if settings.group is None else [settings.group],
        "data.time": [] if settings.time is None else [settings.time],
        "data.kinds": [name for name, _ in settings.kinds],
        "data.features": settings.features or (),
        "data.drop": settings.drop,
    }
    for key, words in given.items():
        for word in dict.fromkeys(words):
            if word not in names:
                mend = f"{_nearest_name(key, word, names)}The columns are {listed(names)}."
                yield Problem(key, f"must name a column of {file}", got=f"'{word}'", mend=mend)


def _nearest_name(key: str, word: str, names: Sequence[str]) -> str:
    if word.isdecimal() and int(word) < len(names):
        return f"Columns go by their names; counted from 0, this one is {_as_typed(key, names[int(word)])}. "
    name = nearest(word, names)
    return "" if name is None else f"Did you mean {_as_typed(key, name)}? "


def _as_typed(key: str, name: str) -> str:
    return as_override(key, name) if key == "data.target" else repr(name)


def _contradictions(settings: Settings) -> Iterator[Problem]:
    target = settings.target
    if target is not None and target in settings.drop:
        mend = "Take it out of data.drop, or choose another target."
        yield Problem("data.drop", "must not leave out the target", got=f"'{target}'", mend=mend)
    if settings.features is not None and target is not None and target in settings.features:
        mend = "Take it out of data.features: what is predicted cannot be learned from."
        yield Problem("data.features", "must not hold the target", got=f"'{target}'", mend=mend)
    for name in settings.features or ():
        if name in settings.drop:
            mend = "Take it out of one of the two."
            yield Problem("data.features", "must not hold a column of data.drop", got=f"'{name}'", mend=mend)


def _single_column(header: Sequence[str], settings: Settings, place: str) -> Problem:
    choice = "|".join(SEPARATORS) if settings.separator == "auto" else "auto"
    mend = f"Is the separator another one? data.separator={choice}"
    return Problem("data.path", "must have two columns or more", got=f"'{header[0]}'", mend=mend, place=place)


def _unnamed(
    header: Sequence[str], names: Sequence[str], used: Iterable[int], settings: Settings, place: str
) -> Iterator[Problem]:
    unnamed = [names[i] for i in sorted(used) if not header[i].strip()]
    if unnamed:
        # most often the index that pandas writes: where rows are sorted by class, it gives the answer away
        mend = f"Give it a name, or leave it out: {dropping(names, settings, unnamed)}"
        got = f"an empty name for {listed(unnamed)}"
        yield Problem("data.path", "must name every column", got=got, mend=mend, place=place)


def _repeated(names: Sequence[str], used: Sequence[str], settings: Settings, place: str) -> Iterator[Problem]:
    repeated = [name for name, count in Counter(used).items() if count > 1]
    if repeated:
        mend = f"Rename them, or leave them out: {dropping(names, settings, repeated)}"
        if (names[-1] if settings.target is None else settings.target) in repeated:  # it cannot be left out
            mend = "Rename them."
        got = f"{listed(repeated)} more than once"
        yield Problem("data.path", "must name each column once", got=got, mend=mend, place=place)


def _no_header(names: Sequence[str], place: str) -> Iterator[Problem]:
    """Data in place of a header; columns that are counted (0, 1, 2, ...) are a header all the same."""
    values = [number(name, "point") for name in names]
    found = [value for value in values if value is not None]
    counted = all(later - earlier == 1 for earlier, later in pairwise(found))
    if len(found) >= max(2, len(names) - 1) and not counted:
        mend = "Add a first line with the names of the columns."
        got = f"a line of data: {listed(names)}"
        yield Problem("data.path", NO_NAMES, got=got, mend=mend, place=place)


def dropping(names: Sequence[str], settings: Settings, more: Iterable[str]) -> str:
    """The override that leaves out `more` beside what the config leaves out, misspelt names there put right."""
    known = [word if word in names else nearest(word, names) for word in settings.drop]
    return as_override("data.drop", list(dict.fromkeys([*filter(None, known), *more])))


def listed(names: Sequence[str]) -> str:
    """Names for a message: the first dozen, and how many more there are."""
    text = ", ".join(names[:_LISTED])
    return text if len(names) <= _LISTED else f"{text} and {len(names) - _LISTED} more"


def as_override(key: str, value: str | Sequence[str]) -> str:
    """`key=value` as it is typed at a shell: quoted for Hydra where a name is not a plain word, then for the shell."""
    words = [value] if isinstance(value, str) else value
    quoted = [word if _is_plain(word) else _hydra_quoted(word) for word in words]
    text = f"{key}={quoted[0]}" if isinstance(value, str) else f"{key}=[{','.join(quoted)}]"
    return text if all(map(_is_plain, words)) else shlex.quote(text)


def _is_plain(word: str) -> bool:
    return _PLAIN_WORD.fullmatch(word) is not None and word.lower() not in _HYDRA_WORDS


def _hydra_quoted(word: str) -> str:
    # backslashes count only where a quote follows; the closing one is such a quote
    escaped = re.sub(r'(\\*)("|\Z)', lambda match: match[1] * 2 + ('\\"' if match[2] else ""), word)
    return f'"{escaped}"'
