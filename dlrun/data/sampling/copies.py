"""Rows drawn as they are: rare classes several times, or frequent ones in part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlrun.data.declare import Declaration
from dlrun.data.sampling.resample import class_rows
from dlrun.errors import Problem

if TYPE_CHECKING:
    import numpy as np

    from dlrun.data.dataset import Dataset
    from dlrun.data.prepare import Part, Prepared

__all__ = ["Oversample", "Undersample"]


@dataclass(frozen=True)
class Oversample:
    """Rows of rare classes several times; see conf/sampling/oversample.yaml."""

    ratio: float
    seed: int | None

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """None."""
        yield from ()

    def drawn(self, prepared: Prepared, dataset: Dataset, seed: int) -> tuple[Part, np.ndarray]:
        """All rows, and behind them those that are drawn once more.

        A class is gone through whole before any of its rows is drawn again, so that no row comes twice as often as
        another by chance.
        """
        import numpy as np

        train = prepared.train
        draw, classes = np.random.default_rng(seed), class_rows(train)
        wanted = int(max(map(len, classes.values())) * self.ratio + 1e-9)
        origin = [np.arange(train.samples)]
        for rows in classes.values():
            more = max(wanted - len(rows), 0)
            rounds = [draw.permutation(rows) for _ in range(-(-more // len(rows)))]
            origin.append(np.concatenate(rounds)[:more] if rounds else rows[:0])
        return _rows_of(train, np.concatenate(origin))


@dataclass(frozen=True)
class Undersample:
    """Some rows of frequent classes; see conf/sampling/undersample.yaml."""

    ratio: float
    seed: int | None

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """None."""
        yield from ()

    def drawn(self, prepared: Prepared, dataset: Dataset, seed: int) -> tuple[Part, np.ndarray]:
        """The rows that stay, in order."""
        import numpy as np

        train = prepared.train
        draw, classes = np.random.default_rng(seed), class_rows(train)
        most = int(min(map(len, classes.values())) / self.ratio + 1e-9)
        kept = [draw.permutation(rows)[:most] for rows in classes.values()]
        return _rows_of(train, np.sort(np.concatenate(kept)))


def _rows_of(train: Part, rows: np.ndarray) -> tuple[Part, np.ndarray]:
    from dlrun.data.prepare import Part
    from dlrun.data.stored import part_of

    weight = None if train.weight is None else train.weight[rows]
    return Part(part_of(train.x, rows), train.y[rows], weight), rows
