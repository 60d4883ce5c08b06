"""`data=flowers.csv`: a file or folder in place of an option's name, spelled out as `data=csv data.path=flowers.csv`.

What is in the file decides where its first bytes are those of a format, else its suffix, else whether it is text. A
folder is told by what lies in it. An option of that name goes first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from dlrun.config.catalog import Catalog
from dlrun.config.sniff import by_content, by_suffix, in_folder
from dlrun.config.words import COMMAND_LINE
from dlrun.errors import ConfigError, Problem

__all__ = ["READABLE", "spelled_out_files"]

READABLE = "csv, tsv, txt, parquet, jsonl, npz, npy, tfrecord, a folder of images or of texts by class"
"""What a path may lead to, in words."""

_KEY = "data"
_PLAIN = re.compile(r"[\w./-]+")
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_HYDRA = re.compile(r"[\[({$]|\b(glob|range|choice|interval|sort|shuffle|tag)\(")  # a value that is no name


def spelled_out_files(words: Sequence[str], catalog: Catalog) -> list[str]:
    """The words, each `data=FILE` among them as the two that it stands for.

    Args:
        catalog: its options go before files of the same name; its roots are where files are looked for.

    Raises:
        ConfigError: what is named is nothing that can be read.
    """
    return [each for word in words for each in _spelled_out(word, catalog)]


def _spelled_out(word: str, catalog: Catalog) -> Iterator[str]:
    key, separator, value = word.partition("=")
    if key != _KEY or not separator or _HYDRA.match(value):
        yield word
        return
    names = [value] if _is_there(value, catalog) else _QUOTED.findall(value) or value.split(",")
    names = [_unquoted(name) for name in names]
    options = [_option_of(name, catalog) for name in names]
    if not any(options):
        yield word
        return
    if len(set(options)) > 1:
        shown = ", ".join(f"{name} ({option or 'an option'})" for name, option in zip(names, options, strict=True))
        mend = "Sweep over each kind in a command of its own."
        rule = "must name files of one kind, whose options have the same keys"
        raise ConfigError([Problem(_KEY, rule, got=shown, mend=mend, place=COMMAND_LINE)])
    yield f"{_KEY}={options[0]}"
    yield f"{_KEY}.path={','.join(map(_quoted, _paths(names, options[0], catalog)))}"


def _is_there(name: str, catalog: Catalog) -> bool:
    try:
        return bool(name) and catalog.roots.file(name).exists()
    except OSError:  # longer than a file system takes
        return False


def _paths(names: Sequence[str], option: str | None, catalog: Catalog) -> Iterator[str]:
    """The names as the option takes them: of a folder of record files, the pattern of their names."""
    for name in names:
        yield str(Path(name) / "*.tfrecord*") if option == "tfrecord" and catalog.roots.file(name).is_dir() else name


def _option_of(name: str, catalog: Catalog) -> str | None:
    """The option that reads what `name` leads to; None where it is no path.

    Raises:
        ConfigError: it is a path, and nothing reads what is there.
    """
    if not name or catalog.has(_KEY, name):
        return None
    if not _is_there(name, catalog):
        if (option := by_suffix(name)) is None and os.sep in name:
            raise _refused(f"'{name}', which is not there")
        return option  # it names the files that are there
    path = catalog.roots.file(name)
    try:
        option = in_folder(path) if path.is_dir() else by_content(path) if path.is_file() else by_suffix(name)
    except OSError as error:
        raise _refused(f"'{name}': {error.strerror}", "Look at its permissions.") from error
    if option is None and path.is_dir():
        raise _refused(f"the folder '{name}', with neither images nor texts in folders by class", _within(path, name))
    if option is None:
        raise _refused(f"'{name}'")
    return option


def _within(folder: Path, name: str) -> str | None:
    """What to type instead, where the folder holds files that can be read."""
    files = sorted(entry.name for entry in islice(folder.iterdir(), 1000) if entry.is_file() and by_suffix(entry.name))
    return f"Name a file in it: {_KEY}={Path(name) / files[0]}" if files else None


def _refused(got: str, mend: str | None = None) -> ConfigError:
    rule = "must name an option, or a file or folder that can be read"
    return ConfigError([Problem(_KEY, rule, got, mend or f"What can be read: {READABLE}.", COMMAND_LINE)])


def _unquoted(text: str) -> str:
    return text[1:-1] if _QUOTED.fullmatch(text) else text


def _quoted(path: str) -> str:
    """A path as Hydra reads it back."""
    if _PLAIN.fullmatch(path):
        return path
    escaped = re.sub(r'(\\*)("|\Z)', lambda match: match[1] * 2 + ('\\"' if match[2] else ""), path)
    return f'"{escaped}"'
