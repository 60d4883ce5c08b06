"""All that two runs differ in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dlrun.analysis.contrast.among import Among, among
from dlrun.analysis.contrast.courses import Course, courses_of
from dlrun.analysis.contrast.replicates import Pool, Sureness, sureness
from dlrun.analysis.contrast.settings import Change, Factor, Flat, changes_between, factors_of
from dlrun.analysis.contrast.side import Side
from dlrun.analysis.contrast.surroundings import Otherwise, otherwise
from dlrun.analysis.ranking import checked_metric, default_metric
from dlrun.analysis.runs import SweepRecord, read_runs, read_sweeps
from dlrun.config.catalog import Catalog

__all__ = ["CONTENT", "Pair", "Single", "pair_of"]

CONTENT = "the content of the data"
"""The key of the factor that is no setting."""

_SHOWN = 12  # of a digest


_Trial = tuple[Flat, str | None]
"""Settings, and the digest of the data."""


@dataclass(frozen=True)
class Single:
    """What one cause alone does, told by runs that differ from one of the two in nothing else.

    Attributes:
        around: the settings that stay: those of run 1 or of run 2.
        sureness: the factor's second value against its first, whichever of the two it stands in.
    """

    factor: Factor
    around: int
    sureness: Sureness


@dataclass(frozen=True)
class Pair:
    """Two runs.

    Attributes:
        first: the one named first; differences are the second's value less the first's.
        pool: all finished runs, to look for repetitions in.
        sweeps: all sweeps, oldest first, to look for others in that the two are among.
    """

    first: Side
    second: Side
    catalog: Catalog
    pool: Pool
    sweeps: tuple[SweepRecord, ...] = ()

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return self.first, self.second

    @property
    def same_data(self) -> bool | None:
        """Whether both learned from the same content; None where one does not say."""
        if self.first.data is None or self.second.data is None:
            return None
        return self.first.data[1] == self.second.data[1]

    @cached_property
    def changes(self) -> list[Change]:
        """The settings that differ, those that only repeat a trial among them."""
        specs = self.first.run.spec, self.second.run.spec
        return changes_between(*specs, self.catalog, same_data=self.same_data is True)

    @cached_property
    def factors(self) -> list[Factor]:
        """The settings that differ and are more than a repetition."""
        return factors_of(self.changes)

    @cached_property
    def causes(self) -> list[Factor]:
        """All that a difference may come from: the settings, and the content of the data where no setting says that."""
        is_said = any(factor.key.partition(".")[0] == "data" for factor in self.factors)
        if self.same_data is not False or is_said:
            return self.factors
        first, second = (side.data[1][:_SHOWN] if side.data else None for side in self.sides)
        return [*self.factors, Factor(CONTENT, (Change(CONTENT, first, second),))]

    @property
    def repeats(self) -> list[Change]:
        """The keys that repeat a trial and differ."""
        return [change for change in self.changes if change.repeats]

    @property
    def is_other_content(self) -> bool:
        """Whether nothing in the specs says why they are two runs: then it is the files that they name, or the code."""
        return not self.changes and self.first.run.id != self.second.run.id

    @cached_property
    def otherwise(self) -> list[Otherwise]:
        """What they ran on that differs."""
        return otherwise(self.first.surroundings, self.second.surroundings)

    @cached_property
    def courses(self) -> list[Course]:
        """The curves that both have."""
        return list(courses_of(self.first.curves, self.second.curves, self.catalog))

    @property
    def is_one_problem(self) -> bool:
        """Whether a score of the one says anything about a score of the other: the same data, or edited rows of it."""
        specs = self.first.run.spec, self.second.run.spec
        return len({spec.get("data.option") for spec in specs}) == 1

    def metric(self, named: str | None = None) -> str:
        """What they are compared by: `named`, or the task's.

        Raises:
            UserError: neither has it.
        """
        runs = [self.first.run, self.second.run]
        return default_metric(runs) if named is None else checked_metric(named, runs)

    def sureness(self, metric: str) -> Sureness:
        """How sure the difference of their trials is."""
        if self.is_other_content and self.same_data is not False:  # nothing tells other runs of the two trials apart
            return sureness([self.first.run], [self.second.run], metric, self.catalog)
        return self._sureness(self._trial(0), self._trial(1), metric)

    def among(self, metric: str) -> Among | None:
        """What the two trials are among the others of a sweep; None where they are in none with others."""
        return among(self.first.run, self.second.run, metric, self.sweeps, self.catalog)

    def singles(self, metric: str) -> list[Single]:
        """Of several causes those whose effect alone can be told, because runs that differ in it alone are there.

        Each as often as it can be: with the rest as in run 1, and with the rest as in run 2.
        """
        causes = self.causes if len(self.causes) > 1 else ()
        return [single for cause in causes for single in self._around(cause, metric)]

    def _around(self, cause: Factor, metric: str) -> list[Single]:
        first, second = self._trial(0), self._trial(1)
        around = [
            Single(cause, 1, self._sureness(first, _exchanged(cause, first, second), metric)),
            Single(cause, 2, self._sureness(_exchanged(cause, second, first), second, metric)),
        ]
        return [each for each in around if each.sureness.difference is not None]

    def _trial(self, place: int) -> _Trial:
        side = self.sides[place]
        return side.run.spec, None if side.data is None else side.data[1]

    def _sureness(self, first: _Trial, second: _Trial, metric: str) -> Sureness:
        return sureness(self.pool.like(*first), self.pool.like(*second), metric, self.catalog)


def _exchanged(cause: Factor, trial: _Trial, other: _Trial) -> _Trial:
    """`trial` with what `cause` is in `other`."""
    if cause.key == CONTENT:
        return trial[0], other[1]
    is_data = cause.key.partition(".")[0] == "data"  # then the content comes with it
    return cause.put_into(trial[0], other[0]), other[1] if is_data else trial[1]


def pair_of(first: Side, second: Side, work: Path, catalog: Catalog) -> Pair:
    """Two runs, with the runs of `work` and those that lie beside them to look for repetitions in."""
    places = dict.fromkeys([work.resolve(), *(side.run.path.resolve().parent.parent for side in (first, second))])
    runs = {run.path: run for place in places for run in read_runs(place)}
    both = {side.run.path: side.run for side in (first, second)}
    sweeps = {sweep.path: sweep for place in places for sweep in read_sweeps(place)}
    return Pair(first, second, catalog, Pool([*(runs | both).values()], catalog), tuple(sweeps.values()))
