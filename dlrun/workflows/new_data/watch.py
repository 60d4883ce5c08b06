"""Watch one column of new rows go by, and say in the end how it differs from the training's."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import numpy as np

from dlrun.data.tables.numerals import count_looks, of_file, way_out
from dlrun.data.tables.problems import shown
from dlrun.errors import Problem
from dlrun.serving.served_cells import SIGNS, as_text
from dlrun.workflows.new_data.cells import reader_of, values_of
from dlrun.workflows.new_data.finding import CHANCE, Finding, Tally, percent, short

__all__ = ["Watch", "chance_of", "watch_of"]

_FAR = 0.5  # of the range of training: a single value farther beyond it is told
_SHIFT = 0.5  # standard deviations of training
_MOVED = 0.2  # share of the rows that would have to change their category
_MORE_MISSING = 0.02
_NAMED = 3
_MOST_NEW = 1000  # different new words that are counted apart
_HOLDS = {"number": "hold numbers", "flag": "hold yes or no", "date": "hold dates"}


class Watch(Protocol):
    """Sees the cells of one column."""

    def add(self, first: int, lines: Sequence[int], cells: Sequence[Any]) -> None:
        """See more cells.

        Args:
            first: the row, from 1, that they begin with.
            lines: the lines of the file that their rows start on.
        """

    def problems(self, file: str) -> Iterator[Problem]:
        """What keeps the column from being predicted with."""

    def findings(self, chance: float) -> Iterator[Finding]:
        """What else is different; each with at most this probability by chance."""


def watch_of(name: str, kind: str, signature: Mapping[str, Any], about: Mapping[str, Any] | None) -> Watch:
    """What watches a column.

    Args:
        kind: one of `columns.KINDS`.
        signature: of the model: how dates and numbers are written, and what says that a cell is empty.
        about: what it was like in training, of schema.json; None where that was not kept.
    """
    if kind in ("category", "text"):
        return _Words(name, kind, signature, about)
    return _Values(name, kind, signature, about)


class _Values:
    """A column of numbers, flags or dates."""

    def __init__(self, name: str, kind: str, signature: Mapping[str, Any], about: Mapping[str, Any] | None) -> None:
        self._name, self._kind, self._about = name, kind, about
        self._decimal: str = signature.get("decimal") or "point"
        self._written: str = (signature.get("written") or {}).get(name, "")
        self._empty: Sequence[str] = signature.get("missing") or ()
        self._is_time = kind == "date" or signature.get("time") == name
        self._read = reader_of(kind, self._decimal, self._written)
        self._strange, self._looks, self._has_fractions = Tally(), Counter[str](), False
        self._rows = self._count = self._below = self._above = 0
        self._sum, self._low, self._high = 0.0, math.inf, -math.inf

    def add(self, first: int, lines: Sequence[int], cells: Sequence[Any]) -> None:
        values, strange = values_of(cells, self._read, self._empty, self._decimal if self._kind == "number" else None)
        for place in strange:
            self._strange.add(first + place, int(lines[place]), str(cells[place]))
            count_looks(str(cells[place]), self._looks)
        if self._kind == "number" and not self._has_fractions:
            sign = SIGNS[self._decimal]
            self._has_fractions = any(isinstance(cell, str) and sign in cell for cell in cells)
        self._rows += len(values)
        there = values[~np.isnan(values)]
        if not len(there):
            return
        self._count += len(there)
        self._sum += float(there.sum())
        self._low, self._high = min(self._low, float(there.min())), max(self._high, float(there.max()))
        if self._about and self._about["min"] is not None:
            low, high = self._tolerant(self._about)
            self._below += int((there < low).sum())
            self._above += int((there > high).sum())

    def _tolerant(self, about: Mapping[str, Any]) -> tuple[float, float]:
        """The range of training, which was measured in float32."""
        slack = 1e-6 * max(abs(about["min"]), abs(about["max"]))
        return about["min"] - slack, about["max"] + slack

    def problems(self, file: str) -> Iterator[Problem]:
        found = self._strange
        if not found.count:
            return
        others = "" if found.count == 1 else f" ({found.count} such cells)"
        rule = f"must {_HOLDS[self._kind]}, as it did in training"
        if self._written and self._written != "iso":
            rule += f", written as {self._written}"
        mend = None
        if self._kind == "number":
            mend = way_out(self._looks, found.count, found.cell, self._decimal, self._has_fractions)
            mend = mend and of_file(mend.replace("data.decimal=", "--decimal "), file)
        mend = mend or "Correct these cells, or leave them empty."
        got = f"{shown(found.cell)} in row {found.row}{others}"
        yield Problem(f"column '{self._name}'", rule, got=got, mend=mend, place=f"{file}:{found.line}")

    def findings(self, chance: float) -> Iterator[Finding]:
        about = self._about
        if about is None:
            return
        yield from _missing(self._name, about, self._rows - self._count, self._rows, chance)
        if not self._count or about["min"] is None:
            return
        if self._is_time:
            yield from self._later(about, chance)
        yield from self._beyond(about, chance)
        yield from self._shifted(about)

    def _later(self, about: Mapping[str, Any], chance: float) -> Iterator[Finding]:
        """Of times that new ones are later is what a model is for, and no fault of theirs."""
        is_far = self._high - about["max"] > _FAR * (about["max"] - about["min"])
        if is_far or _is_unlikely(self._above, self._count, 2 / ((about.get("rows") or 1) + 1), chance):
            training = f"{self._shown(about['min'])} to {self._shown(about['max'])}"
            new = f"{self._shown(self._low)} to {self._shown(self._high)}, {percent(self._above / self._count)} of rows"
            yield Finding("note", self._name, "later, as is expected", training, f"{new} later")

    def _beyond(self, about: Mapping[str, Any], chance: float) -> Iterator[Finding]:
        count = self._below + (0 if self._is_time else self._above)
        if not count:
            return
        span = about["max"] - about["min"]
        farthest = max(about["min"] - self._low, -math.inf if self._is_time else self._high - about["max"])
        rows = about.get("rows") or 1
        if farthest > _FAR * span or _is_unlikely(count, self._count, 2 / (rows + 1), chance):
            what = "was always the same" if span == 0 else "beyond the range"
            training = self._shown(about["min"])
            training += "" if span == 0 else f" to {self._shown(about['max'])}"
            new = (
                f"{self._shown(self._low)} to {self._shown(self._high)}, {percent(count / self._count)} of rows beyond"
            )
            yield Finding("warning", self._name, what, training, new)

    def _shifted(self, about: Mapping[str, Any]) -> Iterator[Finding]:
        if not about["std"]:
            return
        mean = self._sum / self._count
        shift = (mean - about["mean"]) / about["std"]
        if self._is_time and (shift > 0 or self._below):  # told once
            return
        if abs(shift) >= _SHIFT and abs(shift) * math.sqrt(self._count) >= 4:
            new = f"{self._shown(mean)}, {abs(shift):.1f} standard deviations {'above' if shift > 0 else 'below'}"
            yield Finding("warning", self._name, "mean moved", self._shown(about["mean"]), new)

    def _shown(self, value: float) -> str:
        if self._kind != "date":
            return short(value)
        try:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=value)
        except OverflowError:
            return short(value)
        return moment.strftime("%Y-%m-%d")


class _Words:
    """A column of categories or of text."""

    def __init__(self, name: str, kind: str, signature: Mapping[str, Any], about: Mapping[str, Any] | None) -> None:
        self._name, self._kind, self._about = name, kind, about
        self._empty: Sequence[str] = signature.get("missing") or ()
        self._rows = self._missing = self._characters = 0
        self._counts: Counter[str] = Counter()
        self._new: Counter[str] = Counter()
        self._known = (about or {}).get("shares") or {}

    def add(self, first: int, lines: Sequence[int], cells: Sequence[Any]) -> None:
        self._rows += len(cells)
        if self._kind == "text":
            lengths = [len(as_text(cell, self._empty)) for cell in cells]
            self._missing += lengths.count(0)
            self._characters += sum(lengths)
            return
        for word, count in Counter(as_text(cell, self._empty) for cell in cells).items():
            if word == "":
                self._missing += count
            elif word in self._known:
                self._counts[word] += count
            elif word in self._new or len(self._new) < _MOST_NEW:
                self._new[word] += count
            else:
                self._new[""] += count  # of all the others together

    def problems(self, file: str) -> Iterator[Problem]:
        yield from ()  # whatever is in a cell is a word

    def findings(self, chance: float) -> Iterator[Finding]:
        about = self._about
        if about is None:
            return
        yield from _missing(self._name, about, self._missing, self._rows, chance)
        there = self._rows - self._missing
        if not there:
            return
        if self._kind == "text":
            yield from self._lengths(about["characters"], there)
        elif about["is_whole"]:
            yield from self._unseen(about, there)
            yield from self._moved(there)

    def _unseen(self, about: Mapping[str, Any], there: int) -> Iterator[Finding]:
        if not self._new:
            return
        named = [f"{shown(word)} ({count:,})" for word, count in self._new.most_common(_NAMED + 1) if word][:_NAMED]
        more = len(self._new) - len(named)
        new = ", ".join(named) + (f" and {more:,} more" if more else "")
        new += f": {percent(sum(self._new.values()) / there)} of rows"
        yield Finding("warning", self._name, "unseen categories", f"{about['words']:,} known", new)

    def _moved(self, there: int) -> Iterator[Finding]:
        moves = {word: self._counts[word] / there - share for word, share in self._known.items()}
        moved = sum(map(abs, moves.values())) / 2
        if not moves or moved < max(_MOVED, 2 * math.sqrt(len(moves) / there)):
            return
        word = max(moves, key=lambda each: abs(moves[each]))
        training = f"{shown(word)} {percent(self._known[word])}"
        yield Finding("warning", self._name, "shares moved", training, percent(self._counts[word] / there))

    def _lengths(self, about: Mapping[str, Any], there: int) -> Iterator[Finding]:
        if not about["std"]:
            return
        mean = self._characters / there
        shift = (mean - about["mean"]) / about["std"]
        if abs(shift) >= 2 * _SHIFT and abs(shift) * math.sqrt(there) >= 4:
            new = f"{short(mean)} characters"
            yield Finding("warning", self._name, "length moved", f"{short(about['mean'])} characters", new)


def _missing(name: str, about: Mapping[str, Any], missing: int, rows: int, chance: float) -> Iterator[Finding]:
    """A share of empty cells that rose."""
    if not missing:
        return
    share, before = missing / rows, about["missing"]
    rose = share - before > _MORE_MISSING and _is_unlikely(missing, rows, before, chance)
    if before == 0 or rose:
        training = "none missing" if before == 0 else f"{percent(before)} missing"
        yield Finding("warning", name, "missing values", training, f"{missing:,} of {rows:,} missing")


def _is_unlikely(count: int, rows: int, share: float, chance: float) -> bool:
    """Whether so many or more are had by chance alone less often than `chance`."""
    from scipy.special import bdtrc

    return float(bdtrc(count - 1, rows, min(1.0, share))) < chance


def chance_of(columns: int) -> float:
    """What a single finding may be had by chance, so that all of them together keep to `CHANCE`."""
    return CHANCE / max(1, columns)
