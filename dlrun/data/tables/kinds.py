"""What the columns of a table hold, by their cells and by what the config says: numbers, words, dates, texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from dlrun.config.suggest import nearest
from dlrun.data.columns import KINDS, Column
from dlrun.data.tables.layout import Layout, Settings, as_override, dropping, listed
from dlrun.data.tables.problems import kind_of, numeral, shown, text_problem
from dlrun.data.tables.survey import MOST_WORDS, ColumnSurvey, Survey
from dlrun.errors import Problem
from dlrun.serving.served_cells import FORMATS, ISO, as_flag, number, parsed_date

__all__ = ["columns_of", "mixed_up", "seems_mixed", "time_of", "wrong_kinds"]

_STRAY_TEXT = 0.1  # the share of text up to which a column of numbers is one with mistakes in it
_FEWEST_NUMBERS = 5  # different ones that make a column with some text in it one of numbers
_MOST_TEXT = 0.5  # the same where numbers have fractions: words such as 1.5 there are none
_WORDS_OF_A_TEXT = 3.0  # a cell, on average: more is prose, less a name
_SHARE_OF_TEXTS = 0.5  # different cells among all: prose hardly repeats
_FEWEST_TEXTS = 20
_MOST_DATES = 0.8  # the share of dates from which words are dates, written in several ways or with mistakes
_LOOKED_AT = 200  # words: each may be tried in all ways


@dataclass(frozen=True)
class _Case:
    """A column that is judged."""

    name: str
    cells: ColumnSurvey
    found: Survey
    layout: Layout
    settings: Settings
    file: str

    @property
    def column(self) -> Column:
        """Of words, whose numbers go by the alphabet."""
        return Column(self.name, "category", tuple(sorted(self.cells.words)))


def columns_of(
    found: Survey, layout: Layout, settings: Settings, file: str
) -> tuple[tuple[Column, ...], list[Problem]]:
    """The columns to learn from, in order, and what is wrong with their cells."""
    columns, problems, texts = [], [], []
    for place in layout.features:
        case = _Case(layout.names[place], found.columns[place], found, layout, settings, file)
        judged = _as_said(case) if settings.kind_of(case.name) else _by_its_cells(case)
        if isinstance(judged, Column):
            columns.append(judged)
        elif judged is None:
            texts.append((case.name, case.cells))
        else:
            problems.append(judged)
    return tuple(columns), [*text_problem(texts, found, layout, settings, file), *problems]


def mixed_up(found: Survey, layout: Layout, settings: Settings) -> frozenset[int]:
    """Columns of words of which some were read as numbers: they must be looked at again, as text."""
    judged = {place: found.columns[place] for place in layout.used if place != layout.target}
    return frozenset(
        place
        for place, cells in judged.items()
        if cells.text.count and cells.unseen and (not seems_mixed(cells, settings) or place == layout.group)
    )


def wrong_kinds(settings: Settings) -> Iterator[Problem]:
    """Kinds in the config that there are not."""
    for name, kind in settings.kinds:
        if kind not in KINDS and "%" not in kind:
            right = nearest(kind, KINDS)
            mend = f"Did you mean {right}? " if right else ""
            rule = f"must be {', '.join(KINDS)}, or how its dates are written, such as %d.%m.%Y"
            yield Problem(f"data.kinds.{name}", rule, kind, f"{mend}Type {kind_of(name, right or 'category')}")


def _as_said(case: _Case) -> Column | Problem | None:
    kind = str(case.settings.kind_of(case.name))
    match kind:
        case "number":
            return None if case.cells.text.count else Column(case.name)
        case "category":
            return _too_many(case) or case.column
        case "text":
            return Column(case.name, "text")
        case "flag":
            wrong = next((word for word in case.cells.words if as_flag(word, case.settings.decimal) is None), None)
            return Column(case.name, "flag") if wrong is None else _not_as_said(case, "yes or no", wrong)
        case "date":
            return _date(case) or _not_as_said(case, "dates that are all written in one known way")
    wrong = next((word for word in case.cells.words if parsed_date(word, kind) is None), None)
    if wrong is None:
        return Column(case.name, "date", written=kind)
    return _not_as_said(case, f"dates written as {kind}", wrong)


def _by_its_cells(case: _Case) -> Column | Problem | None:
    """The column; None where it holds numbers with text among them."""
    cells = case.cells
    if not cells.text.count:
        has_words = bool(cells.words) and not cells.unseen
        is_flag = has_words and all(word.lower() in ("true", "false") for word in cells.words)
        return Column(case.name, "flag" if is_flag else "number")
    if numeral(cells, case.found, case.settings) is not None:
        return None
    if all(as_flag(word) is not None for word in cells.words):
        return Column(case.name, "flag")
    if (date := _date(case)) is not None:
        return date
    if seems_mixed(cells, case.settings):
        return None
    if (several := _dates_in_several_ways(case)) is not None:
        return several
    if _is_prose(cells):
        return Column(case.name, "text")
    return _too_many(case) or case.column


def seems_mixed(cells: ColumnSurvey, settings: Settings) -> bool:
    """Whether a column of numbers has some text in it, which is a mistake more likely than a word."""
    found = [value for word in cells.words if (value := number(word, settings.decimal)) is not None]
    bound = _MOST_TEXT if any(not value.is_integer() for value in found) else _STRAY_TEXT
    return cells.text.count <= bound * cells.values and (cells.unseen or len(found)) > _FEWEST_NUMBERS


def _date(case: _Case) -> Column | Problem | None:
    cells = case.cells
    if cells.text.count < cells.values or not cells.written:  # numbers among them
        return None
    ways = cells.written
    if ISO not in ways and len(ways) > 1 and ("%d" in ways[0][:2]) != ("%d" in ways[1][:2]):
        rule = f"must say in column '{case.name}' which number is the day"
        first, second = (kind_of(case.name, f'"{way}"') for way in ways[:2])
        mend = f"Type {first} or {second}"
        place = f"{case.file}:{cells.text.line}"
        return Problem("data.kinds", rule, got=shown(cells.text.value), mend=mend, place=place)
    return Column(case.name, "date", written=ISO if ISO in ways else ways[0])


def _dates_in_several_ways(case: _Case) -> Problem | None:
    """Dates of which no one way of writing fits all: as words nothing could be learned from them."""
    looked_at = list(islice(case.cells.words, _LOOKED_AT))
    ways = {word: next((way for way in FORMATS if parsed_date(word, way) is not None), None) for word in looked_at}
    dates = [word for word, way in ways.items() if way is not None]
    if len(dates) < max(2, _MOST_DATES * len(looked_at)):
        return None
    written = str(ways[dates[0]])
    other = next((word for word in case.cells.words if parsed_date(word, written) is None), None)
    if other is None:
        return None
    words = f"or take them for words: {kind_of(case.name, 'category')}"
    mend = f"Write all of them as 2024-01-31, {words}"
    if all(parsed_date(other, way) is None for way in FORMATS):
        said = as_override("data.missing_words", [other])
        mend = f"If {shown(other)} says that there is none: {said}. Else correct it, {words}"
    rule = f"must write its dates in one way in column '{case.name}'"
    return Problem("data.path", rule, got=f"{shown(dates[0])} and {shown(other)}", mend=mend, place=case.file)


def _is_prose(cells: ColumnSurvey) -> bool:
    if len(cells.words) < _FEWEST_TEXTS:
        return False
    count = sum(len(text.split()) for text in cells.words) / len(cells.words)
    return count > _WORDS_OF_A_TEXT and len(cells.words) > _SHARE_OF_TEXTS * cells.values


def _too_many(case: _Case) -> Problem | None:
    if len(case.cells.words) <= MOST_WORDS:
        return None
    rule = f"must have at most {MOST_WORDS:,} different words in column '{case.name}'"
    drop = dropping(case.layout.names, case.settings, [case.name])
    mend = f"Leave it out: {drop}, or read it as text: {kind_of(case.name, 'text')}"
    return Problem("data.path", rule, got="more", mend=mend, place=case.file)


def _not_as_said(case: _Case, what: str, wrong: str | None = None) -> Problem:
    rule = f"must hold {what} in column '{case.name}', as data.kinds says"
    found = case.cells.text
    got = shown(wrong or found.value or next(iter(case.cells.words), ""))
    others = [kind for kind in KINDS if kind != case.settings.kind_of(case.name)]
    mend = f"Correct the file, or take it for another kind: {listed(others)}."
    return Problem(
        "data.kinds",
        rule,
        got=got,
        mend=mend,
        place=f"{case.file}:{found.line}" if found.line and wrong is None else case.file,
    )


def time_of(found: Survey, layout: Layout, settings: Settings, file: str) -> tuple[Column | None, list[Problem]]:
    """What the column of times holds: dates, or numbers that grow; None without one."""
    if layout.time is None:
        return None, []
    case = _Case(layout.names[layout.time], found.columns[layout.time], found, layout, settings, file)
    judged = _as_said(case) if settings.kind_of(case.name) else _by_its_cells(case)
    if isinstance(judged, Problem):
        return None, [judged] if layout.time not in layout.features else []
    if judged is not None and judged.kind in ("date", "number"):
        return judged, []
    cells = case.cells.text
    rule = f"must hold dates or numbers in column '{case.name}', which says when a row is from"
    written = kind_of(case.name, '"%d/%m/%Y %H:%M"')
    mend = f"Say how its dates are written: {written}"
    return None, [Problem("data.time", rule, got=shown(cells.value), mend=mend, place=f"{file}:{cells.line or 1}")]
