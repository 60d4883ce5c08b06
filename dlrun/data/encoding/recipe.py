"""How the columns of a dataset are encoded, as the options of group `preprocess` say; see conf/preprocess/none.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from dlrun.config.suggest import did_you_mean, nearest
from dlrun.data.columns import DATE_PARTS, Column
from dlrun.errors import Problem

__all__ = ["FILLS", "SCALES", "Recipe"]

FILLS = ("mean", "median", "mode", "constant", "nearest", "iterative", "mask", "none")
"""What may stand in for a missing number."""

SCALES = ("auto", "standard", "minmax", "robust", "log", "quantile", "none")
"""The scales there are; each has an option of `preprocess`."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "scale": SCALES,
    "impute": FILLS,
    "categories": ("one_hot", "embedding", "hashing"),
    "dates": ("cyclic", "parts"),
    "text": ("auto", "tf_idf", "multi_hot", "count", "tokens", "characters"),
}
_OF_KIND = {  # what may be said of a single column, by what it holds
    "number": ("scale", "impute", "impute_value", "neighbours", "indicator"),
    "flag": ("scale", "impute", "impute_value", "neighbours", "indicator"),
    "category": ("categories", "most_words", "buckets", "embedding_size"),
    "date": ("dates", "date_parts", "scale", "impute", "impute_value", "neighbours", "indicator"),
    "text": ("text", "vocabulary", "length", "embedding_size"),
}


@dataclass(frozen=True)
class Recipe:
    """What an option of group `preprocess` builds; its keys are told in the option's file.

    Attributes:
        scale: one of `SCALES`.
        columns: what is done otherwise to single columns, by their names.
    """

    scale: str
    target: str
    impute: str
    impute_value: float
    neighbours: int
    indicator: bool
    categories: str
    most_words: int
    buckets: int
    embedding_size: int | str
    dates: str
    date_parts: Sequence[str] | str
    text: str
    vocabulary: int
    length: int
    columns: Mapping[str, Mapping[str, Any]]

    def of(self, column: Column) -> Recipe:
        """What is done to a column."""
        return replace(self, columns={}, **self.columns.get(column.name, {}))

    def problems(self, columns: Sequence[Column] | None) -> Iterator[Problem]:
        """What is wrong with what is said of single columns.

        Args:
            columns: of the data; None where samples are no rows of columns, or they are not known yet.
        """
        if wrong := [] if self.date_parts == "auto" else [p for p in self.date_parts if p not in DATE_PARTS]:
            rule = f"must be auto or a list of {', '.join(DATE_PARTS)}"
            yield Problem("preprocess.date_parts", rule, ", ".join(map(str, wrong)), did_you_mean(wrong[0], DATE_PARTS))
        if columns is None:
            if self.columns:
                mend = "Type 'preprocess.columns={}'."
                got = ", ".join(self.columns)
                yield Problem("preprocess.columns", "must be empty: the data is no table of columns", got, mend)
            return
        kinds = {column.name: column.kind for column in columns}
        for name, said in self.columns.items():
            key = f"preprocess.columns.{name}"
            if name not in kinds:
                mend = did_you_mean(name, kinds) or f"There are: {', '.join(list(kinds)[:12])}."
                yield Problem(key, "must name a column that is learned from", mend=mend)
            elif not isinstance(said, Mapping):
                yield Problem(
                    key, "must be a mapping of keys", str(said), f"Such as {{{_OF_KIND[kinds[name]][0]}: ...}}."
                )
            else:
                yield from _said(key, said, kinds[name])


def _said(key: str, said: Mapping[str, Any], kind: str) -> Iterator[Problem]:
    known = _OF_KIND[kind]
    types = {field.name: field.type for field in fields(Recipe)}
    for name, value in said.items():
        choices = _CHOICES.get(name)
        if name not in known:
            right = nearest(str(name), known)
            mend = f"Did you mean {right}?" if right else f"There are: {', '.join(known)}."
            yield Problem(f"{key}.{name}", f"must be a key for a column that holds a {kind}", mend=mend)
        elif choices and value not in choices:
            yield Problem(
                f"{key}.{name}", f"must be {' | '.join(choices)}", str(value), did_you_mean(str(value), choices)
            )
        elif not _fits(str(types[name]), value):
            rule = "must be true or false" if types[name] == "bool" else f"must be as preprocess.{name} takes it"
            yield Problem(f"{key}.{name}", rule, str(value), f"dlrun show preprocess.{name} tells what it may be.")


def _fits(kind: str, value: Any) -> bool:
    """Whether a value for a single column is of the kind that the key has."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "bool":
            return isinstance(value, bool)
        case "float":
            return is_number
        case "int" | "int | str":
            is_whole = isinstance(value, int) and is_number and value > 0
            return is_whole or (kind != "int" and value == "auto")
    if isinstance(value, list | tuple):  # of parts of a date
        return kind.startswith("Sequence") and set(value) <= set(DATE_PARTS)
    return isinstance(value, str) and (not kind.startswith("Sequence") or value == "auto")
