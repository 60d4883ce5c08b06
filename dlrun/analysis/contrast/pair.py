"""All that two runs differ in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dlrun.analysis.contrast.courses import Course, courses_of
from dlrun.analysis.contrast.replicates import Pool, Sureness, sureness
from dlrun.analysis.contrast.settings import Change, Factor, Flat, changes_between, factors_of
from dlrun.analysis.contrast.side import Side
from dlrun.analysis.contrast.surroundings import Otherwise, otherwise
from dlrun.analysis.ranking import checked_metric, default_metric
from dlrun.analysis.runs import read_runs
from dlrun.config.catalog import Catalog

__all__ = ["Pair", "Single", "pair_of"]


@dataclass(frozen=True)
class Single:
    """What one factor alone does, told by runs that differ from one of the two in nothing else.

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
    """

    first: Side
    second: Side
    catalog: Catalog
    pool: Pool

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
        """What differs and is more than a repetition."""
        return factors_of(self.changes)

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
        return list(courses_of(self.first.curves, self.second.curves))

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
        return self._sureness((self.first.run.spec, self.second.run.spec), metric)

    def singles(self, metric: str) -> list[Single]:
        """Of several factors those whose effect alone can be told, because runs that differ in it alone are there."""
        found = []
        first, second = self.first.run.spec, self.second.run.spec
        for factor in self.factors if len(self.factors) > 1 else ():
            around = [
                Single(factor, 1, self._sureness((first, factor.put_into(first, second)), metric)),
                Single(factor, 2, self._sureness((factor.put_into(second, first), second), metric)),
            ]
            told = [each for each in around if each.sureness.difference is not None]
            found += [max(told, key=lambda each: each.sureness.pairs)] if told else []
        return found

    def _sureness(self, specs: tuple[Flat, Flat], metric: str) -> Sureness:
        digests = [None if side.data is None else side.data[1] for side in self.sides]
        first, second = (self.pool.like(spec, digest) for spec, digest in zip(specs, digests, strict=True))
        return sureness(first, second, metric, self.catalog)


def pair_of(first: Side, second: Side, work: Path, catalog: Catalog) -> Pair:
    """Two runs, with the runs of `work` and those that lie beside them to look for repetitions in."""
    places = dict.fromkeys([work.resolve(), *(side.run.path.resolve().parent.parent for side in (first, second))])
    runs = {run.path: run for place in places for run in read_runs(place)}
    both = {side.run.path: side.run for side in (first, second)}
    return Pair(first, second, catalog, Pool([*(runs | both).values()], catalog))
