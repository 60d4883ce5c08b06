"""A trial on the leaderboard: its values, and how far it is from another trial over what both have.

What is repeated is the training, with another seed or split. The inner folds of nested cross-validation are tested on
the same rows: they are averaged within their outer fold, where there are several of these. Where other settings are
averaged over (`--by`), the runs of one seed share its luck and are no independent evidence: their differences are
averaged first, a seed counts once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dlrun.analysis.record import RunRecord
from dlrun.analysis.statistics import Difference, Estimate, estimate, paired_difference, unpaired_difference
from dlrun.analysis.trials import repetition_of
from dlrun.config.replicates import INNER_FOLD, SPLIT_KEYS

__all__ = ["Pairs", "Row", "difference_of", "overlap_of", "pairs_of", "seed_pairs"]

_FEWEST_PAIRS = 2
_WAITING = ("running", "queued")

_CONFOUNDED = "They were tested on different splits, and one on a single split: its luck is not known."
_UNTIED = "They have no other settings in common: what those do and what this does cannot be told apart."
_FEW_COMMON = "They share no seed, and too few seeds have the same other settings."

Block = Hashable
"""Which repetition a run is; where settings are averaged over, together with these."""


@dataclass(frozen=True)
class Row:
    """A trial on the leaderboard. What only the rows that are shown need is computed when it is asked for.

    Attributes:
        settings: the varying keys and the trial's values (`trials.ABSENT` where its options have no such key).
        runs: its runs, one a block.
        replicates: the block of each of the runs.
        values: the metric of its finished runs, by block.
        best: its best run's value; None where no run of it has the metric.
        cause: why it, or a part of it, has no value; None when all is well.
        ratio: rows tested over rows trained on, where the trials are on several splits; else 0.
        averaged: the keys that are averaged over (`by`).
        first: the best trial, where this is another one that has a value.
        gap: by how much its mean is above that of `first`, over what both have.
        p: of the difference to `first`, adjusted for all comparisons; None where there is none.
    """

    settings: Mapping[str, Any]
    runs: tuple[RunRecord, ...]
    replicates: tuple[Block, ...]
    values: Mapping[Block, float]
    best: float | None
    cause: str | None = None
    ratio: float = 0.0
    averaged: tuple[str, ...] = ()
    first: Row | None = field(default=None, repr=False, compare=False)
    gap: float | None = None
    p: float | None = None

    @cached_property
    def is_pooled(self) -> bool:
        """Whether several of its values can be of one seed and split, and are averaged before anything else."""
        if self.averaged:
            return True
        if not any(run.spec.get(INNER_FOLD) is not None for run in self.runs):
            return False
        return len({repetition_of(run) for _, run in self._scored()}) > 1

    @cached_property
    def seeds(self) -> Mapping[Block, Hashable]:
        """The seed and split of each of its values."""
        if not self.is_pooled:
            return {block: block for block in self.values}
        return {block: repetition_of(run) for block, run in self._scored()}

    @cached_property
    def splits(self) -> Mapping[Block, Hashable]:
        """The split of each of its values."""
        return {block: tuple(run.spec.get(key) for key in SPLIT_KEYS) for block, run in self._scored()}

    @cached_property
    def others(self) -> Mapping[Block, Hashable]:
        """The settings that are averaged over, of each of its values."""
        return {block: repr([run.spec.get(key) for key in self.averaged]) for block, run in self._scored()}

    @cached_property
    def samples(self) -> Mapping[Hashable, float]:
        """Its values by seed and split: the mean over other settings and inner folds where these are averaged over."""
        return _by_seed(self.values, self.seeds) if self.is_pooled else self.values

    @cached_property
    def mean(self) -> float:
        """Of its samples; not a number where it has none."""
        return math.fsum(self.samples.values()) / len(self.samples) if self.samples else math.nan

    @cached_property
    def test_to_train(self) -> float:
        """Above 0 where it is repeated on other splits of the same rows (see `statistics`)."""
        return self.ratio if self.ratio and len(set(self.splits.values())) > 1 else 0.0

    @cached_property
    def estimate(self) -> Estimate | None:
        """Mean and interval; None where no run of it has the metric."""
        return estimate(list(self.samples.values()), self.test_to_train) if self.values else None

    @cached_property
    def difference(self) -> Difference | None:
        """How much higher it is than the best trial; None for the best itself and for what has no value."""
        return None if self.first is None else difference_of(self, self.first)

    @property
    def counts(self) -> Counter[str]:
        """How many runs have which status."""
        return Counter(run.status for run in self.runs)

    @property
    def lost(self) -> Counter[str]:
        """The statuses of its runs that came to an end and have no value; `finished` are those without the metric."""
        pairs = zip(self.replicates, self.runs, strict=True)
        return Counter(run.status for block, run in pairs if block not in self.values and run.status not in _WAITING)

    @property
    def over(self) -> str:
        """What it is repeated over: `seed` or `split`."""
        return "split" if self.test_to_train else "seed"

    @property
    def shared_of(self) -> tuple[int, int] | None:
        """How many seeds the difference to the best rests on, and of how many, where both have more than they share."""
        if self.first is None or self.difference is None or not self.difference.is_paired:
            return None
        most = min(len(self.samples), len(self.first.samples))
        return (self.difference.n, most) if self.difference.n < most else None

    @property
    def warning(self) -> str | None:
        """What is to be known before its numbers are believed; None where there is nothing."""
        said = [] if self.estimate is None or self.difference is not None else [self.estimate.warning]
        if self.shared_of is not None:
            n, most = self.shared_of
            said.append(f"The difference is of the {n} {self.over}{'s' if n > 1 else ''} that both have, of {most}.")
        said += [] if self.difference is None else [self.difference.warning]
        return " ".join(text for text in said if text) or None

    def _scored(self) -> Iterable[tuple[Block, RunRecord]]:
        pairs = zip(self.replicates, self.runs, strict=True)
        return ((block, run) for block, run in pairs if block in self.values)


@dataclass(frozen=True)
class Pairs:
    """The values of two rows at what both have, a seed and split each.

    Attributes:
        test_to_train: above 0 where these are several splits of the same rows.
    """

    first: list[float]
    second: list[float]
    test_to_train: float


def pairs_of(row: Row, other: Row) -> Pairs | None:
    """What both have; None where they are to be compared unpaired, or not at all."""
    blocks = [block for block in row.values if block in other.values]
    first, second = seed_pairs(row.values, other.values, blocks, row.seeds if row.is_pooled else None)
    if len(first) < _FEWEST_PAIRS and not (first and min(len(row.samples), len(other.samples)) == 1):
        return None
    return Pairs(first, second, overlap_of(row, other, blocks))


def seed_pairs(
    a: Mapping[Block, float],
    b: Mapping[Block, float],
    blocks: Iterable[Block],
    seeds: Mapping[Block, Hashable] | None,
) -> tuple[list[float], list[float]]:
    """The values of both at the `blocks` that both have, averaged within each seed; None where a block is a seed."""
    if seeds is None:
        return [a[block] for block in blocks], [b[block] for block in blocks]
    shared = list(blocks)
    first, second = (_by_seed({block: each[block] for block in shared}, seeds) for each in (a, b))
    return list(first.values()), list(second.values())


def overlap_of(row: Row, other: Row, blocks: Collection[Block]) -> float:
    """`test_to_train` of the pairs at these blocks."""
    if not row.ratio or len({row.splits[block] for block in blocks}) < 2:
        return 0.0
    return (row.ratio + (other.ratio or row.ratio)) / 2


def difference_of(row: Row, other: Row) -> Difference:
    """How much higher `row` is than `other`: paired where they share seeds, and without p where it cannot be told."""
    pairs = pairs_of(row, other)
    if pairs is not None:
        return paired_difference(pairs.first, pairs.second, pairs.test_to_train)
    a, b, reason = row.samples, other.samples, None
    if row.averaged:
        a, b, reason = _in_common(row, other)
    splits = set(row.splits.values()), set(other.splits.values())
    if reason is None and splits[0] != splits[1] and min(map(len, splits)) == 1:
        reason = _CONFOUNDED
    if reason is not None:
        return Difference(row.mean - other.mean, 0.0, 0, None, None, None, None, "none", reason)
    overlap = (row.ratio + other.ratio) / 2 if min(map(len, splits)) > 1 else 0.0
    return unpaired_difference(list(a.values()), list(b.values()), overlap)


def _in_common(row: Row, other: Row) -> tuple[Mapping[Hashable, float], Mapping[Hashable, float], str | None]:
    """The samples of both over the other settings that both have, of the seeds that have all of these; or why not."""
    common = set(row.others.values()) & set(other.others.values())
    if not common:
        return {}, {}, _UNTIED
    first, second = (_whole(each, common) for each in (row, other))
    enough = min(len(first), len(second)) >= 1
    return first, second, None if enough else _FEW_COMMON


def _whole(row: Row, common: Collection[Hashable]) -> Mapping[Hashable, float]:
    values = {block: value for block, value in row.values.items() if row.others[block] in common}
    sizes = Counter(row.seeds[block] for block in values)
    whole = {block: each for block, each in values.items() if sizes[row.seeds[block]] == len(common)}
    return _by_seed(whole, row.seeds)


def _by_seed(values: Mapping[Block, float], seeds: Mapping[Block, Hashable]) -> dict[Hashable, float]:
    found: dict[Hashable, list[float]] = {}
    for block, value in values.items():
        found.setdefault(seeds[block], []).append(value)
    return {seed: math.fsum(each) / len(each) for seed, each in found.items()}
