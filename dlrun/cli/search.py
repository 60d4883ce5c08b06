"""`dlrun ls --search TEXT`: options and keys by their names, descriptions, meanings, and what else people call them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Cell, Table, print_table
from dlrun.config.suggest import nearest
from dlrun.config.synonyms import synonyms
from dlrun.errors import ConfigError

if TYPE_CHECKING:
    from dlrun.config.catalog import Catalog

__all__ = ["list_matches"]

_KEYS = 2  # the rank of what its keys tell of
_NOTES = 3  # the rank of what only the notes tell of: shown where nothing else is found


@dataclass(frozen=True)
class _Entry:
    """Something that can be found: an option, an experiment, a key at the top."""

    name: str
    description: str
    notes: str
    keys: dict[str, str]


def list_matches(catalog: Catalog, group: str | None, search: str, format: str) -> None:
    """Print what has all words of `search`, those first that have them in their name."""
    entries = list(_entries(catalog, group))
    names = {name for entry in entries for name in (entry.name.rpartition("/")[2], *entry.keys)}
    wanted = [_spellings(word, names) for word in search.lower().split()]
    ranked = [(rank, entry) for entry in entries if (rank := _rank(entry, wanted)) is not None]
    least = min((rank for rank, _ in ranked), default=0)
    found = sorted((pair for pair in ranked if pair[0] < _NOTES or least == _NOTES), key=lambda pair: pair[0])
    if format == "rich" and not found:
        near = nearest(search, names)
        mend = f" Did you mean dlrun ls --search {near}?" if near else ""
        click.echo(f"Nothing has '{search}' in its name, description or keys.{mend}")
    elif format == "rich":
        shown = [[Cell(entry.name, style="bold"), _shown(entry, rank, wanted)] for rank, entry in found]
        print_table(Table(["option", "what it is, or the keys that match"], shown, unbroken=["option"]))
    else:
        rows = [[entry.name, ", ".join(_matching_keys(entry, wanted)), entry.description] for _, entry in found]
        print_table(Table(["option", "keys", "description"], rows), format)


def _shown(entry: _Entry, rank: int, wanted: list[re.Pattern[str]]) -> str:
    keys = _matching_keys(entry, wanted) if rank == _KEYS else []
    return "\n".join(f"{key}: {entry.keys[key]}" for key in keys) or entry.description


def _spellings(word: str, known: set[str]) -> re.Pattern[str]:
    """Finds a word at the beginning of a word, or what it is called here if nothing is called so."""
    meant = () if word in known else synonyms().get(word.replace("-", "_"), ())
    names = (word, *meant)
    return re.compile("(?<![a-z0-9])(" + "|".join(re.escape(_plain(name)) for name in names) + ")")


def _plain(text: str) -> str:
    return text.lower().replace("_", " ").replace("-", " ")


def _rank(entry: _Entry, wanted: list[re.Pattern[str]]) -> int | None:
    """0 where the name says it all, then description, keys, notes; None where a word is nowhere."""
    text = ""
    keys = " ".join(f"{name} {meaning}" for name, meaning in entry.keys.items())
    for rank, more in enumerate((entry.name, entry.description, keys, entry.notes)):
        text = f"{text} {_plain(more)}"
        if all(word.search(text) for word in wanted):
            return rank
    return None


def _matching_keys(entry: _Entry, wanted: list[re.Pattern[str]]) -> list[str]:
    texts = {name: _plain(f"{name} {meaning}") for name, meaning in entry.keys.items()}
    return [name for name, text in texts.items() if all(word.search(text) for word in wanted)]


def _entries(catalog: Catalog, group: str | None) -> Iterator[_Entry]:
    from dlrun.config.yamlfile import read_yaml

    for where in catalog.groups if group is None else (group,):
        for name in catalog.names(where):
            try:
                if where == "experiment" and (path := catalog.roots.find(where, name)):
                    file = read_yaml(path)
                    yield _Entry(f"{where}/{name}", (file.header or ("",))[0], file.text, {})
                    continue
                option = catalog.get(where, name)
                keys = {parameter.name: parameter.meaning for parameter in option.parameters.values()}
                yield _Entry(f"{where}/{name}", option.description, " ".join(option.notes), keys)
            except ConfigError as error:  # one broken file must not hide the others
                yield _Entry(f"{where}/{name}", f"cannot be read: {error.problems[0]}", "", {})
    for parameter in catalog.primary.parameters.values() if group is None else ():
        yield _Entry(parameter.name, parameter.meaning, "", {})
