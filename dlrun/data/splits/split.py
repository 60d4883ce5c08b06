"""Which rows train, which validate and which test: decided by the split's own seed, the same for every run's seed.

Validation rows choose the epoch and the settings, test rows are looked at once, at the end.
"""

from __future__ import annotations

import io
import json
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from dlrun.config.build import build
from dlrun.config.catalog import Catalog
from dlrun.data.declare import Declaration, declare
from dlrun.errors import DataError, Problem

if TYPE_CHECKING:  # checks run before numpy is needed
    import numpy as np

    from dlrun.data.dataset import Dataset

__all__ = ["GIVEN", "Split", "Splitter", "check", "refuse", "split_rows"]

GIVEN = ("groups", "times", "parts")
"""What samples may come with that a split can go by: attributes of `Dataset`."""

_MOST_KEPT = 16  # the folds and split seeds that the trials of a sweep go through in turn
_LONG = 5_000_000  # rows from which on a copy with every run would fill a disk: packing takes half a second a million


@dataclass(frozen=True, eq=False)
class Split:
    """Sorted int64 row indices, disjoint. Together they are all rows, less those that `split=time` leaves out at its
    borders; with `split=none` each of the three is all rows.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @cached_property
    def archive(self) -> bytes:
        """The content of a run's `split.npz`: arrays `train`, `validation` and `test`."""
        import numpy as np

        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        write = np.savez if sum(map(len, parts.values())) < _LONG else np.savez_compressed
        content = io.BytesIO()
        write(content, allow_pickle=False, **parts)
        return content.getvalue()


class Splitter(Protocol):
    """What an option of group `split` builds."""

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """What keeps such data from being split this way, as far as it can be told without loading it."""
        ...

    def rows(self, dataset: Dataset) -> Split:
        """The rows of each part.

        Raises:
            DataError: the data cannot be split this way.
        """
        ...


_KEPT: weakref.WeakKeyDictionary[Dataset, dict[str, Split]] = weakref.WeakKeyDictionary()


def check(spec: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """What is wrong with a config's split of its data; nothing heavy is imported."""
    splitter: Splitter = build(catalog, "split", spec["split"])
    return list(splitter.problems(declare(spec["data"], catalog)))


def split_rows(dataset: Dataset, node: Mapping[str, Any], catalog: Catalog) -> Split:
    """Split a dataset as the config's `split` node says; the trials of a sweep share the answer.

    Raises:
        DataError: the data cannot be split this way.
    """
    kept, key = _KEPT.setdefault(dataset, {}), f"{catalog.get('split', node['option']).path} {json.dumps(dict(node))}"
    if key not in kept:
        splitter: Splitter = build(catalog, "split", node)
        while len(kept) >= _MOST_KEPT:
            del kept[next(iter(kept))]
        kept[key] = splitter.rows(dataset)
        for part in (kept[key].train, kept[key].validation, kept[key].test):
            part.flags.writeable = False
    return kept[key]


def refuse(splitter: Splitter, dataset: Dataset) -> None:
    """Hold what a splitter asks for against data that is loaded.

    Raises:
        DataError: the data cannot be split this way.
    """
    given = frozenset(name for name in GIVEN if getattr(dataset, name) is not None)
    declared = Declaration(dataset.task, None, samples=dataset.samples, given=given)
    if problems := list(splitter.problems(declared)):
        raise DataError(problems)
