"""Categories and texts: too many words, the same word in several spellings, numbers among words, empty texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import numpy as np

from dlrun.data.findings.finding import Finding, listed, of_columns
from dlrun.data.findings.mends import dropping, has_key
from dlrun.data.findings.tablecolumns import is_identity
from dlrun.data.findings.values import MOSTLY_FILLED
from dlrun.data.findings.view import Cells, View
from dlrun.data.tables.layout import as_override
from dlrun.serving.served_cells import number

__all__ = ["spellings", "word_findings"]

_FEWEST = 20
_MANY = 50  # words from which on most are too rare to be learned, where each has few rows
_ROWS_A_WORD = 5
_MOSTLY = 0.5
_NOTHING = {"?", "-", "--", ".", "unknown", "none", "missing", "not available", "n.a.", "(blank)", "unk", "tbd", "*"}


def word_findings(view: View) -> Iterator[Finding]:
    """Of a table with words."""
    categories = [cells for cells in view.cells if cells.column.kind == "category" and len(cells.known)]
    yield from _many(categories, view)
    yield from _spelled(categories)
    yield from _stray(categories, view)
    yield from _nothing(categories, view)
    yield from _unseen(categories, view)
    yield from _texts(view)


def spellings(words: list[str]) -> list[list[str]]:
    """Words that differ in capitals, spaces, dashes or ways to write an accent; letters such as a and A may differ."""
    alike: dict[str, list[str]] = {}
    for word in words:
        plain = "".join(unicodedata.normalize("NFC", word).casefold().replace("_", " ").replace("-", " ").split())
        alike.setdefault(plain if len(plain) > 1 else word, []).append(word)
    return [found for found in alike.values() if len(found) > 1]


def _present(cells: Cells) -> list[str]:
    return cells.words(cells.counts[0])


def _many(categories: list[Cells], view: View) -> Iterator[Finding]:
    found = []
    for cells in categories:
        count = len(cells.counts[0])
        is_filled = len(cells.known) > MOSTLY_FILLED * len(cells.values)  # the rest is told as mostly missing
        if _is_rich(cells) and is_filled and not is_identity(cells):
            found.append((cells.name, f"{count} in '{cells.name}', {len(cells.known) / count:.1f} rows each"))
    if found:
        names = [name for name, _ in found]
        rule = f"should have {_ROWS_A_WORD} rows a word or more: rare words cannot be learned"
        told = listed([told for _, told in found])
        yield of_columns("warning", "many_categories", names, rule, told, dropping(view.spec, names))


def _spelled(categories: list[Cells]) -> Iterator[Finding]:
    found = [(cells.name, twins[0]) for cells in categories if (twins := spellings(_present(cells)))]
    if found:
        told = [f"{' and '.join(map(repr, twins))} in '{name}'" for name, twins in found]
        rule, mend = "should spell each word in one way", "Write one of them in every row."
        names = [name for name, _ in found]
        yield of_columns("warning", "category_spelling", names, rule, listed(told), mend)


def _stray(categories: list[Cells], view: View) -> Iterator[Finding]:
    """Columns of numbers with a few words among them, which make all of it words."""
    told, names = [], []
    for cells in categories:
        values, counts = cells.counts
        is_word = np.array([number(word, "point") is None for word in cells.words(values)])
        strays = int(counts[is_word].sum())
        if 0 < strays < _MOSTLY * len(cells.known) and len(values) - is_word.sum() > 2:
            first = cells.words(values[is_word])[0]
            row = int(view.rows[int((cells.values == values[is_word][0]).argmax())]) + 1
            told.append(f"'{first}' in row {row} of '{cells.name}', {strays} such")
            names.append(cells.name)
    if names:
        rule = "should hold numbers alone or words alone: as words, 9 and 10 have nothing in common"
        mend = "Correct the cells or leave them empty, and the column is one of numbers."
        yield of_columns("warning", "mixed_types", names, rule, listed(told), mend)


def _nothing(categories: list[Cells], view: View) -> Iterator[Finding]:
    told, names, meant = [], [], []
    for cells in categories:
        values, counts = cells.counts
        words = zip(cells.words(values), counts.tolist(), strict=True)
        if found := [(word, count) for word, count in words if word.strip().casefold() in _NOTHING]:
            told += [f"'{word}' {count} times in '{cells.name}'" for word, count in found]
            names.append(cells.name)
            meant += [word for word, _ in found]
    if names:
        rule, mend = "should be empty where nothing is known", "Leave the cells empty, unless the word is an answer."
        if has_key(view.spec, "missing_words"):
            mend = as_override("data.missing_words", list(dict.fromkeys(meant)))
        yield of_columns("warning", "words_for_missing", names, rule, listed(told), mend)


def _unseen(categories: list[Cells], view: View) -> Iterator[Finding]:
    """Words that rows to be judged on have, and rows to learn from have not; rare ones are to be expected."""
    train = view.of(0)
    for part, chosen in view.others():
        told, names = [], []
        for cells in categories:
            values = cells.values[chosen]
            values = values[~np.isnan(values)]
            strange = ~np.isin(values, cells.values[train])
            if strange.sum() > max(4, 0.1 * len(values)) and not is_identity(cells) and not _is_rich(cells):
                word = cells.words(values[strange][:1])[0]
                told.append(f"{int(strange.sum())} rows of {len(values)} in '{cells.name}', as '{word}'")
                names.append(cells.name)
        if names:
            rule = (
                f"should show in the training part what the {part} part has: all its unknown words are one to a model"
            )
            mend = "Another split, or more rows."
            yield of_columns("warning", "unseen_categories", names, rule, listed(told), mend)


def _is_rich(cells: Cells) -> bool:
    """Whether it has so many words that some are unseen in any split; that is told of it already."""
    return len(cells.counts[0]) >= _MANY and len(cells.known) < _ROWS_A_WORD * len(cells.counts[0])


def _texts(view: View) -> Iterator[Finding]:
    for cells in view.cells:
        if cells.column.kind != "text":
            continue
        empty = [row for row, value in enumerate(cells.values) if not np.isnan(value) and not _text(view, value)]
        if empty:
            got = f"{len(empty)} empty ones, the first in row {int(view.rows[empty[0]]) + 1}"
            rule, mend = "should hold a text in every row", "Leave the rows out of the data."
            yield of_columns("warning", "empty_texts", [cells.name], rule, got, mend)


def _text(view: View, place: float) -> str:
    return view.dataset.texts[int(place)].strip()
