"""Draw the training rows anew, so that rare classes are seen more often: `sampling` of the config.

It comes last: rows are split, the preprocessing is measured on the training rows as they are, and only then are they
drawn. What is measured on drawn rows would describe a world in which the rare class is common, while validation, test
and all later rows come from the one in which it is rare. SMOTE mixes prepared rows, because its neighbours are the
nearest ones, and raw columns are near or far by their units. Validation and test rows are never drawn: no copy of a
training row is among them, and their scores hold for the classes as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from dlrun.config.build import build
from dlrun.config.catalog import Catalog
from dlrun.data.declare import Declaration, declare
from dlrun.errors import Problem

if TYPE_CHECKING:
    import numpy as np

    from dlrun.data.dataset import Dataset
    from dlrun.data.prepare import Part, Prepared

__all__ = ["OF_CLASSES", "Sampler", "check", "class_rows", "resampled", "run_seed"]

OF_CLASSES = ("binary", "multiclass")
"""The tasks whose rows have one class each."""


class Sampler(Protocol):
    """What an option of group `sampling` builds."""

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """What keeps rows of such data from being drawn this way, as far as it can be told without loading it."""
        ...

    def drawn(self, prepared: Prepared, dataset: Dataset, seed: int) -> tuple[Part, np.ndarray]:
        """The training part to train on, and which row of the one before each of its rows is, or was made from.

        Args:
            prepared: the data, its training part not yet drawn.
            seed: what the drawing follows.

        Raises:
            DataError: a class cannot be drawn this way.
        """
        ...


def check(spec: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """What is wrong with a config's sampling of its data; nothing heavy is imported."""
    sampler = _sampler(spec, catalog)
    if sampler is None:
        return []
    data = declare(spec["data"], catalog)
    if data.task not in OF_CLASSES:
        rule = f"must be none for task {data.task}: its rows have no classes to draw by"
        return [Problem("sampling", rule, got=spec["sampling"]["option"], mend="Type sampling=none.")]
    return list(sampler.problems(data))


def resampled(prepared: Prepared, dataset: Dataset, spec: Mapping[str, Any], catalog: Catalog) -> Prepared:
    """The data with its training part drawn as the config's `sampling` node says; the same where that is `none`.

    Raises:
        DataError: a class cannot be drawn this way.
    """
    sampler = _sampler(spec, catalog)
    if sampler is None:
        return prepared
    train, origin = sampler.drawn(prepared, dataset, run_seed(spec))
    naive = {name: {**parts, "train": parts["train"][origin]} for name, parts in prepared.naive.items()}
    return replace(prepared, train=train, naive=naive, drawn_from=prepared.train.samples)


def class_rows(part: Part) -> dict[int, np.ndarray]:
    """The rows of each class that a part has rows of, in order."""
    import numpy as np

    labels = np.round(part.y).astype(np.int64).reshape(-1)
    return {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}


def run_seed(spec: Mapping[str, Any]) -> int:
    """What the drawing follows: the option's own seed, else the run's."""
    own = spec["sampling"].get("seed")
    return int(spec["seed"] if own is None else own)


def _sampler(spec: Mapping[str, Any], catalog: Catalog) -> Sampler | None:
    """None where rows stay as they are; specs that are older than the group have no such node."""
    node = spec.get("sampling")
    if node is None or catalog.get("sampling", node["option"]).target() is None:
        return None
    sampler: Sampler = build(catalog, "sampling", node)
    return sampler
