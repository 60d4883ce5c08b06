"""Samples that are there more than once: in one part, in two parts, or with another label."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from dlrun.data.columns import cells_of
from dlrun.data.findings.finding import Finding, called
from dlrun.data.findings.mends import has_key
from dlrun.data.findings.rowkeys import keys_of_rows
from dlrun.data.findings.view import PARTS, View, part_of_each
from dlrun.data.stored import RowFile, Stored

if TYPE_CHECKING:
    from dlrun.data.dataset import Dataset

__all__ = ["Same", "row_findings"]

_SHARE = 0.01  # of the rows: fewer happen in any measurement
_BY_CHANCE = 0.2  # of what is found: where chance alone makes more, columns are few or coarse, and nothing is wrong
_NEVER = 0.01  # pairs that chance would make: a single one is none of them
_FEWEST_COLUMNS = 4  # that must agree for a single repetition to say something
_OWN = 0.5  # of the rows have a value of their own in a column that tells rows apart
_MOST_BYTES = 2**31  # that are read to compare all samples: a few seconds
_BLOCK = 2**25  # bytes
_KEYS: WeakKeyDictionary[Dataset, np.ndarray] = WeakKeyDictionary()


class Same:
    """Which samples are the same: of all of them where they can be read in seconds, else of those that are looked at.

    Attributes:
        view: what else is looked at.
        is_whole: whether all samples are compared.
        rows: the numbers of those that are.
        part: of each, as `View` has it.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.is_whole = not view.is_sampled or _is_read_in_seconds(view.dataset)
        self.rows = np.arange(view.dataset.samples, dtype=np.int64) if self.is_whole else view.rows
        self.part = part_of_each(view.dataset, view.split) if self.is_whole else view.part
        keys = _KEYS.get(view.dataset) if self.is_whole else None
        if keys is None:
            keys = _keys(view.dataset, self.rows)
            if self.is_whole:
                _KEYS[view.dataset] = keys
        _, self.first, self.codes, self.counts = np.unique(
            keys, return_index=True, return_inverse=True, return_counts=True
        )

    @property
    def extra(self) -> int:
        """How many samples are there again."""
        return len(self.rows) - len(self.counts)

    @cached_property
    def what(self) -> str:
        """What the samples are."""
        if self.view.x.ndim == 4:
            return "images"
        return "texts" if any(cells.column.kind == "text" for cells in self.view.cells) else "rows"

    @cached_property
    def chance(self) -> float:
        """How probable it is that two rows are equal, if the columns had nothing to do with one another."""
        if not self.view.cells:
            return 0.0
        rows, chance = len(self.view.rows), 1.0
        for cells in self.view.cells:
            counts = cells.counts[1].astype(np.float64)
            counts = np.append(counts, rows - counts.sum())  # empty cells are alike
            chance *= float((counts * (counts - 1)).sum()) / (rows * (rows - 1))
        return chance

    @cached_property
    def is_telling(self) -> bool:
        """Whether a single repetition says something: of images and texts, and of rows that cannot agree by chance."""
        if self.what != "rows":
            return True
        cells = self.view.cells
        has_own = any(len(each.counts[0]) >= _OWN * len(each.values) for each in cells)
        rows = len(self.rows)
        return len(cells) >= _FEWEST_COLUMNS and has_own and self.chance * rows * (rows - 1) / 2 < _NEVER

    def is_much(self, count: int, rows: int) -> bool:
        """Whether so many samples of `rows` are worth telling."""
        return count >= (1 if self.is_telling else max(2, _SHARE * rows))

    def called(self, places: np.ndarray) -> str:
        """Samples that are compared, by the names of their files or by their rows."""
        return called(self.view.dataset.files, self.rows[places].tolist())


def row_findings(same: Same) -> Iterator[Finding]:
    """Of tables, images and texts alike: exact repetitions."""
    rows = len(same.rows)
    by_chance = same.chance * rows * (rows - 1) / 2
    if not same.is_much(same.extra, rows) or by_chance > _BY_CHANCE * _pairs(same.counts):
        yield from _shared(same)
        return
    twice = same.codes[np.setdiff1d(np.arange(rows), same.first)[0]]
    got = f"{same.extra} of {rows} again, as {same.called(np.flatnonzero(same.codes == twice))}"
    rule = "should be there once: a repeated one counts twice, and may be trained and tested on"
    yield Finding("warning", "duplicate_rows", f"the {same.what}", rule, got, "Leave the repetitions out of the data.")
    yield from _contradicting(same)
    yield from _shared(same)


def _is_read_in_seconds(dataset: Dataset) -> bool:
    x = dataset.x
    size = x.file.dtype.itemsize if isinstance(x, Stored) and isinstance(x.file, RowFile) else 4
    has_texts = not any(column.kind == "text" for column in dataset.columns) or isinstance(dataset.texts, tuple | list)
    return has_texts and size * math.prod(x.shape) <= _MOST_BYTES


def _keys(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """A number a sample; the same text at two places is the same."""
    places = cells_of(dataset.columns) if dataset.x.ndim == 2 else {}
    texts = [places[column.name].start for column in dataset.columns if column.kind == "text"]
    first: dict[str, float] = {}
    return keys_of_rows(_with_texts(block, texts, dataset, first) for block in _blocks(dataset, rows))


def _blocks(dataset: Dataset, rows: np.ndarray) -> Iterator[np.ndarray]:
    """The samples, as they lie in their file where they come from one."""
    x = dataset.x
    step = max(1, _BLOCK // (4 * max(1, math.prod(dataset.input_shape))))
    is_all = len(rows) == dataset.samples
    for begin in range(0, len(rows), step):
        chosen = rows[begin : begin + step]
        if isinstance(x, Stored) and x.encode is None:
            yield x.file.read(chosen if x.rows is None else x.rows[chosen])
        else:
            yield x[begin : begin + step] if is_all else x[chosen]


def _with_texts(block: np.ndarray, texts: list[int], dataset: Dataset, first: dict[str, float]) -> np.ndarray:
    """The place of each text made the first place of that text."""
    if not texts:
        return block
    block = block.copy()
    for cell in texts:
        values = block[:, cell]
        block[:, cell] = [
            value if math.isnan(value) else first.setdefault(dataset.texts[int(value)], value)
            for value in values.tolist()
        ]
    return block


def _pairs(counts: np.ndarray) -> float:
    wide = counts.astype(np.float64)
    return float((wide * (wide - 1)).sum() / 2)


def _contradicting(same: Same) -> Iterator[Finding]:
    """The same sample under two labels."""
    view = same.view
    if not view.has_classes:
        return
    labels = view.dataset.y[same.rows]
    pairs = np.unique(np.stack([same.codes, labels]), axis=1)[0]
    torn = np.flatnonzero(np.bincount(pairs) > 1)
    rows = int(same.counts[torn].sum())
    if not rows or not same.is_much(rows, len(same.rows)):
        return
    example = np.flatnonzero(same.codes == torn[0])
    other = example[int((labels[example] != labels[example[0]]).argmax())]
    names = [view.dataset.classes[int(labels[place])] for place in (example[0], other)]
    alike = f"{same.called(example[:1])} is '{names[0]}', {same.called(np.array([other]))} '{names[1]}'"
    got = f"{rows} that are told apart by their label alone: {alike}"
    rule, mend = "should have one label where they are the same", "Correct the labels, or leave these out."
    yield Finding("warning", "contradicting_rows", f"the {same.what}", rule, got, mend)


def _shared(same: Same) -> Iterator[Finding]:
    """What is both trained and judged on."""
    trained = np.flatnonzero(same.part == 0)
    for number in (1, 2) if same.view.separate else ():
        chosen = np.flatnonzero(same.part == number)
        among = chosen[np.isin(same.codes[chosen], same.codes[trained])]
        by_chance = len(chosen) * min(1.0, same.chance * len(trained))
        least = 1 if same.is_telling else 2
        if len(among) < least or not same.is_much(len(among), len(chosen)) or by_chance > _BY_CHANCE * len(among):
            continue
        twin = trained[same.codes[trained] == same.codes[among[0]]][:1]
        rule = "should hold nothing that is trained on: it would be remembered, not predicted"
        got = f"{len(among)} of {len(chosen)} {same.what} are in the training part as well,"
        got += f" as {same.called(among[:1])}, which is {same.called(twin)} there"
        yield Finding("warning", "shared_rows", f"the {PARTS[number]} part", rule, got, _apart(same.view))


def _apart(view: View) -> str:
    """What keeps repetitions out of two parts: groups, where the data can have some."""
    mend = "Leave the repetitions out of the data"
    if view.dataset.groups is not None:
        return f"{mend}, or keep them together: split=grouped"
    if has_key(view.spec, "group"):
        return f"{mend}, or keep them together by a column that is the same for them: split=grouped data.group=COLUMN"
    return f"{mend}."
