"""Measure an encoding on the training part of a dataset: nothing else of the data is looked at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlrun.data.columns import DATE_PARTS, Column, cells_of
from dlrun.data.dataset import Dataset
from dlrun.data.encoding.calendar import PERIODS, Circle, chosen_parts
from dlrun.data.encoding.fill import Blank, FillWith, Marked, filled_by
from dlrun.data.encoding.front import ROWS, WORDS, Branch, Embedded, Front
from dlrun.data.encoding.prose import Tokens, bag_of, tokens_of
from dlrun.data.encoding.recipe import Recipe
from dlrun.data.encoding.scale import scaled_by
from dlrun.data.encoding.step import Behind, Step
from dlrun.data.encoding.words import Codes, Hashed, OneHot, vocabulary_of
from dlrun.data.moments import blocks
from dlrun.data.stored import Stored, part_of
from dlrun.errors import DataError, Problem

__all__ = ["fit"]

_LARGEST_EMBEDDING = 50
_TEXT_EMBEDDING = 64
_MOST_TEXTS = 200_000  # that a vocabulary is measured on: evenly spread where there are more


def fit(recipe: Recipe, dataset: Dataset, train: np.ndarray, reads_sequences: bool) -> Front:
    """The front of a network that learns from a dataset.

    Args:
        train: rows of the training part.
        reads_sequences: whether the model takes samples of (steps, features).

    Raises:
        DataError: values are missing and nothing stands in, or the recipe does not fit the samples.
    """
    if problems := [*recipe.problems(dataset.columns or None), *_misfits(recipe, dataset, reads_sequences)]:
        raise DataError(problems)
    x = part_of(dataset.x, train)
    if not dataset.columns:
        return _of_samples(recipe, dataset, x)
    fitting = _Fitting(recipe, dataset, x, reads_sequences)
    columns = dataset.columns
    branches = [*fitting.numbers(), *fitting.circles()]
    made = [fitting.words(column) for column in columns if column.holds_words]
    branches += [branch for branch, embedded in made if embedded is None]
    branches += [branch for branch, embedded in made if embedded is not None]  # they come last
    embedded = tuple(each for _, each in made if each is not None)
    if not branches:
        raise DataError([_nothing_left(columns)])
    return Front(tuple(branches), columns, embedded=embedded)


def _nothing_left(columns: Sequence[Column]) -> Problem:
    names = ", ".join(column.name for column in columns)
    rule, mend = "must leave something to learn from", "Choose other columns: data.features."
    return Problem("data", rule, got=f"nothing that varies in {names}", mend=mend)


def _misfits(recipe: Recipe, dataset: Dataset, reads_sequences: bool) -> Iterator[Problem]:
    texts = [column for column in dataset.columns if column.kind == "text"]
    for column in texts:
        text = recipe.of(column).text
        if text in ("tokens", "characters") and len(dataset.columns) > 1:
            rule = "must be tf_idf, multi_hot or count where there are other columns: a sequence stands alone"
            yield Problem("preprocess.text", rule, text, "Type preprocess.text=tf_idf, or data.features=[TEXT].")
    if not dataset.columns and dataset.x.ndim > 3 and recipe.scale not in ("auto", "standard", "minmax", "none"):
        rule = "must be auto, standard, minmax or none for images"
        yield Problem("preprocess", rule, recipe.scale, "Type preprocess=minmax.")
    if not dataset.columns and recipe.impute in ("nearest", "iterative") and _has_gaps(dataset.x):
        rule = "must be mean, median, mode, constant or mask for sequences"
        yield Problem("preprocess.impute", rule, recipe.impute, "Type preprocess.impute=mask.")


def _has_gaps(x: Any) -> bool:
    return any(bool(np.isnan(block).any()) for block in blocks(x))


def _of_samples(recipe: Recipe, dataset: Dataset, x: Any) -> Front:
    """Of images and sequences: every channel is filled and scaled."""
    raw_shape: tuple[int | None, ...] = dataset.input_shape
    if dataset.resizing is not None:
        raw_shape = (None, None, dataset.resizing.channels)
    of_pixels = x.ndim > 2 and not dataset.features
    gaps = _gaps(x) if x.ndim == 3 else np.zeros(x.shape[-1], bool)
    steps: tuple[Step, ...] = ()
    names = dataset.features
    if gaps.any() or (x.ndim == 3 and recipe.impute != "none" and _has_gaps(dataset.x)):
        if recipe.impute == "none":
            raise DataError([_unfilled(names, gaps)])
        fill = FillWith(tuple(_means(x))) if recipe.impute == "mask" else None
        fills = (fill,) if fill else filled_by(recipe.impute, x, recipe.impute_value, recipe.neighbours)
        inner = (*fills, *scaled_by(recipe.scale, Behind(x, fills), of_pixels))
        places = tuple(np.flatnonzero(gaps).tolist())
        is_marked = bool(places) and recipe.impute != "mask" and recipe.indicator
        steps = (Marked(inner, places),) if is_marked else inner
        if recipe.impute == "mask":
            steps = (Blank(inner),)
    else:
        steps = scaled_by(recipe.scale, x, of_pixels)
    branch = Branch("samples", ROWS, None, steps)
    is_masked = recipe.impute == "mask" and bool(gaps.any())
    return Front((branch,), (), raw_shape, is_masked=is_masked, resizing=dataset.resizing)


def _means(x: Any) -> list[float]:
    return [float(v) for v in np.nan_to_num(np.nanmean(np.asarray(x[:]).reshape(-1, x.shape[-1]), axis=0))]


def _gaps(x: Any) -> np.ndarray:
    """Which columns or channels have a missing value."""
    found = np.zeros(x.shape[-1], bool)
    for block in blocks(x):
        found |= np.isnan(block).reshape(-1, block.shape[-1]).any(axis=0)
    return found


def _unfilled(names: Sequence[str], gaps: np.ndarray) -> Problem:
    missing = [names[place] if names else f"channel {place}" for place in np.flatnonzero(gaps).tolist()]
    shown = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
    mend = "Type preprocess.impute=median, or leave out the rows: data.missing=drop_rows."
    return Problem("preprocess.impute", "must say what stands in for missing values", f"none; {shown} has gaps", mend)


@dataclass(frozen=True)
class _Columns:
    """Some columns of the samples, as an array, or read as they are asked for."""

    x: Any
    places: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.x), len(self.places)

    @property
    def ndim(self) -> int:
        return 2

    def __getitem__(self, chosen: Any) -> np.ndarray:
        return np.asarray(self.x[chosen])[:, list(self.places)]


def _columns_of(x: Any, places: Sequence[int]) -> Any:
    wanted = tuple(places)
    if wanted == tuple(range(x.shape[1])):
        return x
    return _Columns(x, wanted) if isinstance(x, Stored) else np.ascontiguousarray(np.asarray(x)[:, list(wanted)])


class _Fitting:
    """Measures the branches of a table."""

    def __init__(self, recipe: Recipe, dataset: Dataset, x: Any, reads_sequences: bool) -> None:
        self._recipe, self._x, self._texts = recipe, x, dataset.texts
        self._columns = dataset.columns
        self._cells = cells_of(dataset.columns)
        self._reads_sequences = reads_sequences
        self._gaps = _gaps(x)
        raw = [place for c in dataset.columns if not c.holds_words for place in range(*_span(self._cells[c.name]))]
        self._raw = {cell: place for place, cell in enumerate(raw)}

    def numbers(self) -> Iterator[Branch]:
        """A branch for the columns that are filled and scaled alike."""
        alike: dict[tuple[Any, ...], list[tuple[str, int]]] = {}
        for name, cell, recipe in self._numeric():
            key = (recipe.scale, recipe.impute, recipe.impute_value, recipe.neighbours, recipe.indicator)
            alike.setdefault(key, []).append((name, cell))
        for number, ((scale, *fill), members) in enumerate(alike.items()):
            suffix = str(number) if number else ""
            yield self._branch(f"numbers{suffix}", scale, tuple(fill), members)

    def _numeric(self) -> Iterator[tuple[str, int, Recipe]]:
        """The numbers that are scaled: their name, their cell, and what is done to them."""
        for column in self._columns:
            recipe, first = self._recipe.of(column), self._cells[column.name].start
            if column.kind in ("number", "flag"):
                yield column.name, first, recipe
            elif column.kind == "date":
                for part in self._parts(column):
                    if recipe.dates == "parts" or part not in PERIODS:
                        yield f"{column.name}.{part}", first + DATE_PARTS.index(part), recipe

    def _branch(self, name: str, scale: str, fill: tuple[Any, ...], members: list[tuple[str, int]]) -> Branch:
        impute, value, neighbours, indicator = fill
        cells = [cell for _, cell in members]
        gaps = self._gaps[cells]
        if gaps.any() and impute == "none":
            raise DataError([_unfilled([each for each, _ in members], gaps)])
        x = _columns_of(self._x, cells)
        steps: tuple[Step, ...] = ()
        if impute != "none":
            instead = "mean" if impute == "mask" else impute
            steps = filled_by(instead, x, value, neighbours)
        steps += scaled_by(scale, Behind(x, steps) if gaps.any() else x)
        places = tuple(np.flatnonzero(gaps).tolist())
        outputs = [each for each, _ in members]
        if places and (indicator or impute == "mask"):
            steps = (Marked(steps, places),)
            outputs += [f"{members[place][0]} is missing" for place in places]
        raw = tuple(self._raw[cell] for cell in cells)
        return Branch(name, ROWS, raw, steps, tuple(outputs))

    def circles(self) -> Iterator[Branch]:
        """A branch for the parts of dates that come round."""
        found: list[tuple[str, int, tuple[int, int]]] = []
        for column in self._columns:
            if column.kind == "date" and self._recipe.of(column).dates == "cyclic":
                first = self._cells[column.name].start
                found += [
                    (f"{column.name}.{part}", first + DATE_PARTS.index(part), PERIODS[part])
                    for part in self._parts(column)
                    if part in PERIODS
                ]
        if found:
            begin, period = zip(*(round_ for _, _, round_ in found), strict=True)
            step = Circle(tuple(map(float, begin)), tuple(map(float, period)))
            raw = tuple(self._raw[cell] for _, cell, _ in found)
            names = tuple(f"{turn} of {name}" for turn in ("sine", "cosine") for name, _, _ in found)
            yield Branch("circles", ROWS, raw, (step,), names)

    def _parts(self, column: Column) -> list[str]:
        recipe = self._recipe.of(column)
        cells = _columns_of(self._x, range(*_span(self._cells[column.name])))
        low, high = np.full(len(DATE_PARTS), np.inf), np.full(len(DATE_PARTS), -np.inf)
        for block in blocks(cells):
            present = block[~np.isnan(block[:, 0])]
            if len(present):
                low, high = np.minimum(low, present.min(axis=0)), np.maximum(high, present.max(axis=0))
        wanted = None if isinstance(recipe.date_parts, str) else tuple(recipe.date_parts)
        return chosen_parts(low < high, wanted)

    def words(self, column: Column) -> tuple[Branch, Embedded | None]:
        """The branch of a category or a text, and what the network embeds of it."""
        recipe = self._recipe.of(column)
        place = sum(other.holds_words for other in self._columns[: self._columns.index(column)])
        cell = self._cells[column.name].start
        codes = np.asarray(self._x[:])[:, cell] if not isinstance(self._x, Stored) else _of_stored(self._x, cell)
        make = self._text if column.kind == "text" else self._category
        step, outputs, embedded = make(column, recipe, codes)
        return Branch(f"words_{place}", WORDS, (place,), (step,), outputs), embedded

    def _category(
        self, column: Column, recipe: Recipe, codes: np.ndarray
    ) -> tuple[Step, tuple[str, ...], Embedded | None]:
        name = column.name
        if recipe.categories == "hashing":
            return Hashed(recipe.buckets), tuple(f"{name} in {i}" for i in range(recipe.buckets)), None
        words = vocabulary_of(codes, column.values, recipe.most_words)
        if recipe.categories == "embedding":
            size = recipe.embedding_size
            if isinstance(size, str):
                size = min(_LARGEST_EMBEDDING, math.ceil((len(words) + 1) / 2))
            return Codes(words), (name,), Embedded(name, len(words) + 1, size)
        shown = (f"{name} is {word}" if word else f"{name} is missing" for word in words)
        return OneHot(words), (f"{name} is another", *shown), None

    def _text(self, column: Column, recipe: Recipe, codes: np.ndarray) -> tuple[Step, tuple[str, ...], Embedded | None]:
        present = codes[~np.isnan(codes)].astype(np.int64)
        chosen = present[np.linspace(0, len(present) - 1, min(len(present), _MOST_TEXTS)).astype(int)]
        texts = [self._texts[place] for place in chosen.tolist()]
        mode = recipe.text
        if mode == "auto":
            mode = "tokens" if self._reads_sequences and len(self._columns) == 1 else "tf_idf"
        if mode in ("tokens", "characters"):
            split = "character" if mode == "characters" else "whitespace"
            tokens: Tokens = tokens_of(texts, split, recipe.vocabulary, recipe.length)
            size = _TEXT_EMBEDDING if isinstance(recipe.embedding_size, str) else recipe.embedding_size
            read = Embedded(column.name, tokens.numbers, size, is_sequence=True) if self._reads_sequences else None
            return tokens, (), read
        bag = bag_of(texts, mode, recipe.vocabulary)
        return bag, tuple(f"{column.name} has {word}" for word in ("another word", *bag.vocabulary)), None


def _span(cells: slice) -> tuple[int, int]:
    return int(cells.start), int(cells.stop)


def _of_stored(x: Stored, cell: int) -> np.ndarray:
    return np.concatenate([block[:, cell] for block in blocks(x)])
