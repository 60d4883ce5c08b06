"""Hold new samples against those of the training, before anything is predicted on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.config.suggest import nearest
from dlrun.data.folders import as_shown
from dlrun.data.tables.layout import listed
from dlrun.errors import DataError, Problem
from dlrun.workflows.new_data.finding import Finding, percent, short
from dlrun.workflows.new_data.folders import ImageFiles, TextFiles
from dlrun.workflows.new_data.rows import Rows, Samples, Source
from dlrun.workflows.new_data.tables import CsvTable
from dlrun.workflows.new_data.watch import Watch, chance_of, watch_of

__all__ = ["Checked", "SampleWatch", "check"]

_AT_ONCE = 4096
_NUMBERS_AT_ONCE = 2**22
_MOST_IMAGES = 256  # that are decoded to be looked at; of all others the headers are
_SHOWN = 8  # columns with the same fault that get a line of their own
_NAMED = 3  # files that are named of more
_SHIFT = 0.5  # standard deviations of training

Heard = Callable[[int], None]
"""Told how many samples have been looked at."""


@dataclass(frozen=True)
class Checked:
    """What a look at new samples found.

    Attributes:
        samples: how many there are.
        findings: what is different from the training, columns in their order.
    """

    samples: int
    findings: tuple[Finding, ...]

    @property
    def warnings(self) -> int:
        """How many of the findings are more than notes."""
        return sum(finding.level == "warning" for finding in self.findings)


def check(
    source: Source,
    signature: Mapping[str, Any],
    schema: Mapping[str, Any] | None,
    keep: Sequence[str] = (),
    target: str | None = None,
    heard: Heard | None = None,
) -> Checked:
    """Look at all new samples once; of images at the headers of all, and at some.

    Args:
        signature: of the model; its `decimal` is that of the source.
        schema: what the training was like, of schema.json; None where that was not kept.
        keep: columns that are handed through beside those that the model takes.
        target: the column that the model learned to predict.

    Raises:
        DataError: the samples cannot be predicted on: all that is wrong with them.
    """
    if source.names is not None:
        return _check_table(_Table(source, signature, schema), keep, target, heard)
    if isinstance(source, ImageFiles) and (problems := list(source.problems())):
        raise DataError(problems)
    return _check_samples(source, signature, schema, heard)


class _Table:
    """The columns of a table that a model takes, each watched."""

    def __init__(self, source: Source, signature: Mapping[str, Any], schema: Mapping[str, Any] | None) -> None:
        self.source, self.columns = source, list(signature["columns"])
        assert source.names is not None
        self.names: tuple[str, ...] = source.names
        kinds = dict(zip(self.columns, signature.get("kinds") or ["number"] * len(self.columns), strict=True))
        known = (schema or {}).get("columns") or {}
        rows = (schema or {}).get("looked_at")
        self.watches: dict[str, Watch] = {}
        for name, kind in kinds.items():
            about = {**known[name], "rows": rows} if name in known else None
            self.watches[name] = watch_of(name, kind, signature, about)


def _check_table(table: _Table, keep: Sequence[str], target: str | None, heard: Heard | None) -> Checked:
    if problems := list(_absent(table, keep)):
        raise DataError(problems)
    samples = 0
    for rows in table.source.batches(table.columns, _AT_ONCE):
        assert isinstance(rows, Rows)
        for name, watch in table.watches.items():
            watch.add(rows.first, rows.lines, rows.cells[name])
        samples += len(rows)
        if heard is not None:
            heard(samples)
    file = table.source.file
    problems = [problem for watch in table.watches.values() for problem in watch.problems(file)]
    if len(problems) > _SHOWN:
        rest = f"{len(problems) - _SHOWN} more, down to {problems[-1].key}"
        problems[_SHOWN:] = [Problem("columns", "must hold what they held in training", got=rest, place=file)]
    if isinstance(table.source, CsvTable) and (ragged := table.source.problem()) is not None:
        problems.insert(0, ragged)
    if not samples and not problems:
        mend = "A header line is no sample: add the data below it."
        problems.append(Problem("FILE", "must hold rows below its header", got="none", mend=mend, place=file))
    if problems:
        raise DataError(problems)
    chance = chance_of(len(table.columns))
    found = [finding for watch in table.watches.values() for finding in watch.findings(chance)]
    if isinstance(table.source, TextFiles):
        # of an empty text there is no more to tell than that, and which
        found = [finding for finding in found if finding.what != "missing values"]
        found += [*_empty(table.source), *_others(table.source)]
    return Checked(samples, (*found, *_passed_over(table, keep, target)))


def _empty(source: TextFiles) -> Iterator[Finding]:
    if names := sorted(source.empty):
        new = f"{len(names):,} of {len(source.members):,}: {_some(names)}; their predictions say nothing"
        yield Finding("warning", "text", "empty texts", "none", new)


def _others(source: ImageFiles | TextFiles) -> Iterator[Finding]:
    if count := len(source.others):
        files = "1 file" if count == 1 else f"{count:,} files"
        kind = "images" if isinstance(source, ImageFiles) else "texts"
        new = f"{files} passed over: {_some(source.others)}"
        yield Finding("note", "the folder", f"other files than {kind}", "", new)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(as_shown, names[:_NAMED]))
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED:,} more"


def _absent(table: _Table, keep: Sequence[str]) -> Iterator[Problem]:
    missing = [name for name in table.columns if name not in table.names]
    others = [name for name in table.names if name not in table.columns]
    file = table.source.file
    close = {name: nearest(name, others) for name in missing}
    for name in [name for name, near in close.items() if near][:_SHOWN]:
        mend = f"Did you mean '{close.pop(name)}'? Rename it in the file."
        yield Problem(f"column '{name}'", "must be there: the run learned from it", got="none", mend=mend, place=file)
    if close:
        names, mend = [f"'{name}'" for name in close], f"The file has {listed(table.names)}."
        key, them = (f"column {names[0]}", "it") if len(names) == 1 else (f"columns {listed(names)}", "them")
        yield Problem(key, f"must be there: the run learned from {them}", got="none", mend=mend, place=file)
    if len(table.names) == 1 and missing and isinstance(table.source, CsvTable):
        mend = "Is the separator another one? --separator comma|semicolon|tab|pipe|space"
        yield Problem("FILE", "must have the run's columns", got=f"one, '{table.names[0]}'", mend=mend, place=file)
    for name in keep:
        if name not in table.names:
            near = nearest(name, table.names)
            mend = f"Did you mean --keep {near}?" if near else f"The file has {listed(table.names)}."
            yield Problem("--keep", "must name a column of the file", got=f"'{name}'", mend=mend)


def _passed_over(table: _Table, keep: Sequence[str], target: str | None) -> Iterator[Finding]:
    extra = [name for name in table.names if name not in (*table.columns, *keep, target)]
    if target in table.names and target not in table.columns:
        yield Finding("note", str(target), "what is predicted", "the target", "passed over")
    if extra:
        yield Finding("note", listed(extra), "extra columns", "not there", "passed over")


class SampleWatch:
    """Sees samples that are no rows of a table go by."""

    def __init__(self, about: Mapping[str, Any] | None) -> None:
        self._about = about
        self._count = self._missing = self._values = 0
        self._sum: Any = 0.0
        self._low, self._high = math.inf, -math.inf

    def add(self, samples: Any) -> None:
        """See more of them: an array, or a list of arrays."""
        import numpy as np

        for each in samples if isinstance(samples, list) else [samples]:
            last = np.asarray(each, dtype=np.float64)
            last = last.reshape(-1, last.shape[-1]) if last.ndim > 1 else last.reshape(-1, 1)
            self._missing += int(np.isnan(last).sum())
            self._values += last.size
            self._count += len(last)
            self._sum = self._sum + np.nan_to_num(last).sum(axis=0)
            if np.isfinite(last).any():
                self._low, self._high = min(self._low, float(np.nanmin(last))), max(self._high, float(np.nanmax(last)))

    def findings(self) -> Iterator[Finding]:
        """What is different from the training."""
        import numpy as np

        about = self._about
        if about is None or not self._count or about["min"] is None:
            return
        where = "images" if about["is_image"] else "samples"
        if self._missing and about["missing"] == 0:
            yield Finding(
                "warning", where, "missing values", "none missing", f"{percent(self._missing / self._values)}"
            )
        span = about["max"] - about["min"]
        if max(about["min"] - self._low, self._high - about["max"]) > _SHIFT * span:
            training = f"{short(about['min'])} to {short(about['max'])}"
            yield Finding("warning", where, "beyond the range", training, f"{short(self._low)} to {short(self._high)}")
        mean, before, spread = self._sum / self._count, np.asarray(about["mean"]), np.asarray(about["std"])
        if (
            mean.shape == before.shape
            and (np.abs(mean - before) >= _SHIFT * np.where(spread > 0, spread, np.inf)).any()
        ):
            what = "brightness moved" if about["is_image"] else "mean moved"
            yield Finding("warning", where, what, _means(before), _means(mean))


def _means(values: Any) -> str:
    shown = ", ".join(short(float(value)) for value in values[:4])
    return f"mean {shown}" + (", ..." if len(values) > 4 else "")


def _check_samples(
    source: Source, signature: Mapping[str, Any], schema: Mapping[str, Any] | None, heard: Heard | None
) -> Checked:
    watch = SampleWatch((schema or {}).get("samples"))
    looked_at = source.sample(_MOST_IMAGES) if isinstance(source, ImageFiles) else source
    size = math.prod(each or 256 for each in signature["shape"])
    samples = 0
    for batch in looked_at.batches((), max(1, min(_AT_ONCE, _NUMBERS_AT_ONCE // size))):
        assert isinstance(batch, Samples)
        watch.add(batch.values)
        samples += len(batch)
        if heard is not None:
            heard(samples)
    count = len(source.members) if isinstance(source, ImageFiles) else samples
    return Checked(count, (*watch.findings(), *(_others(source) if isinstance(source, ImageFiles) else ())))
