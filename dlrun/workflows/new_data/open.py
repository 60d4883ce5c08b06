"""Find out what somebody gave to predict on: a table, images, texts, an array, or what comes in on a pipe."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dlrun.config.suggest import nearest
from dlrun.data.tables.no_csv import url
from dlrun.errors import DataError, Problem
from dlrun.workflows.new_data.arrays import array_of
from dlrun.workflows.new_data.folders import IMAGE_SUFFIXES, TEXT, images_in, texts_in
from dlrun.workflows.new_data.rows import Source
from dlrun.workflows.new_data.tables import about_file, table_of

__all__ = ["STDIN", "opened"]

STDIN = "-"

_ARRAYS = (".npy", ".npz")


@contextlib.contextmanager
def opened(given: str, directory: Path, signature: Mapping[str, Any], separator: str = "auto") -> Iterator[Source]:
    """The samples in what was given, as the model of `signature` takes them.

    Args:
        given: a path, or `-` for standard input, which is put aside first: it is gone through twice.
        directory: where paths are seen from.
        separator: of CSV.

    Raises:
        DataError: there is none, it cannot be read, or it is of another kind than the model's samples.
    """
    if given == STDIN:
        with tempfile.TemporaryDirectory(prefix="dlrun-") as folder:
            path = Path(folder) / "stdin"
            with path.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file, 2**20)
            yield _source(path, "standard input", signature, separator)
        return
    path = directory / Path(os.path.expanduser(given))  # noqa: PTH111 - Path's own raises where there is no such user
    if (fault := url(given) or _not_there(given, path)) is not None:
        raise DataError([about_file(fault)])
    yield _source(path, given, signature, separator)


def _source(path: Path, file: str, signature: Mapping[str, Any], separator: str) -> Source:
    try:
        return _of_kind(path, file, signature, separator)
    except OSError as error:
        got = f"'{file}': {error.strerror or error}"
        raise DataError([Problem("FILE", "must be readable", got=got)]) from error


def _of_kind(path: Path, file: str, signature: Mapping[str, Any], separator: str) -> Source:
    columns, shape = signature["columns"], tuple(signature["shape"])
    suffix = path.suffix.lower()
    if suffix in _ARRAYS:
        return array_of(path, file, shape, columns if _holds_numbers(signature) else ())
    if columns and len(shape) <= 1:
        if columns == [TEXT] and (path.is_dir() or suffix == ".txt"):
            return texts_in(path, file)
        if path.is_dir() or suffix in IMAGE_SUFFIXES:
            rule = "must be a table: the run learned from rows of columns"
            what = "the folder" if path.is_dir() else "the image"
            raise DataError([Problem("FILE", rule, got=f"{what} '{file}'", mend=_names(columns))])
        return table_of(path, file, separator)
    if len(shape) == 3:
        if not path.is_dir() and suffix not in IMAGE_SUFFIXES:
            rule = "must be an image, a folder of images, or an array in a .npy file: the run learned from images"
            raise DataError([Problem("FILE", rule, got=f"'{file}'")])
        return images_in(path, file, shape)
    sizes = ", ".join(map(str, shape))
    rule = f"must be a .npy or .npz file with an array of samples of shape ({sizes}), as the run learned from"
    raise DataError([Problem("FILE", rule, got=f"'{file}'")])


def _holds_numbers(signature: Mapping[str, Any]) -> bool:
    """Whether an array of numbers may stand for the rows of the table."""
    kinds = signature.get("kinds", [])
    return all(kind in ("number", "flag") for kind in kinds) and len(signature["shape"]) == 1


def _names(columns: list[str]) -> str:
    shown = ", ".join(columns[:6]) + (f" and {len(columns) - 6} more" if len(columns) > 6 else "")
    return f"It needs the columns {shown}."


def _not_there(given: str, path: Path) -> Problem | None:
    if path.is_file() or path.is_dir():
        return None
    if path.exists():
        return Problem("FILE", "must be a regular file or a folder", got=f"'{given}'", mend="Pipe it in: FILE is -.")
    folder = path.parent if path.parent.is_dir() else Path()
    with contextlib.suppress(OSError):
        near = nearest(path.name, [entry.name for entry in folder.iterdir()])
        if near and near != path.name:  # not a link that leads nowhere
            hint = f"Did you mean {shlex.quote(str(Path(given).parent / near))}?"
            return Problem("FILE", "must be an existing file", got=f"'{given}'", mend=hint)
    return Problem("FILE", "must be an existing file or folder", got=f"'{given}'", mend=f"Looked from {Path.cwd()}.")
