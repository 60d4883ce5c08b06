"""Runs by the data they learned from: a score on one set says nothing about a score on another.

Another set is another option, or other content under the same settings: rows that were edited between two runs.
Settings of the data that a sweep varies (`data.noise=0.1,0.2`) make other content too; they have a column to tell that,
and their runs stay together.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dlrun.analysis.parts import Part, parts_of
from dlrun.analysis.record import RunRecord

__all__ = ["DataSet", "data_sets", "newest_data"]

_SHOWN = 12  # of a digest
_NONE: Part = {}


@dataclass(frozen=True)
class DataSet:
    """Runs whose scores can be held against each other.

    Attributes:
        name: the option.
        digest: of the content, where the runs of that option are on several; else None.
        runs: in their order.
    """

    name: str
    digest: str | None
    runs: tuple[RunRecord, ...]

    @property
    def title(self) -> str:
        """As a heading has it: `iris`, or `iris (content 0123456789ab)`."""
        return self.name if self.digest is None else f"{self.name} (content {self.digest[:_SHOWN]})"


def data_sets(runs: Sequence[RunRecord]) -> list[DataSet]:
    """All of `runs`, in the order in which the sets are met.

    A run that does not say its data goes with the first; one that does not say its content with the newest.
    """
    options: dict[str, list[RunRecord]] = {}
    for run in sorted(runs, key=lambda run: not run.spec):
        data = str(run.spec.get("data.option")) if run.spec else next(iter(options), "None")
        options.setdefault(data, []).append(run)
    return [found for name, members in options.items() for found in _by_content(name, members)]


def newest_data(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Those of `runs` on the data of the last of them."""
    return next((list(found.runs) for found in data_sets(runs) if any(run is runs[-1] for run in found.runs)), [])


def _by_content(name: str, runs: Sequence[RunRecord]) -> Iterator[DataSet]:
    if not _is_edited(runs):
        yield DataSet(name, None, tuple(runs))
        return
    newest = max((run for run in runs if run.digest), key=lambda run: run.started or 0.0).digest
    contents: dict[str | None, list[RunRecord]] = {}
    for run in runs:
        contents.setdefault(run.digest or newest, []).append(run)
    for digest, members in contents.items():
        yield DataSet(name, digest, tuple(members))


def _is_edited(runs: Sequence[RunRecord]) -> bool:
    """Whether the same settings of the data led to several contents."""
    met: dict[Hashable, str] = {}
    written: dict[int, tuple[Mapping[str, object], str]] = {}  # the part is kept: its id is not given to another one
    for run in runs:
        if run.digest is None or not run.spec:
            continue
        part = parts_of(run.spec).get("data", _NONE)
        if id(part) not in written:
            written[id(part)] = part, json.dumps(part, sort_keys=True, default=str)
        if met.setdefault(written[id(part)][1], run.digest) != run.digest:
            return True
    return False
