"""Load a folder of texts that has been looked at: the texts, numbered, and a class for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from dlrun.data.columns import Column
from dlrun.data.dataset import Content
from dlrun.data.folders import walk
from dlrun.data.room import available_bytes
from dlrun.data.texts.inspect import look_at, text_of
from dlrun.errors import DataError

__all__ = ["Texts", "read"]

_COPIES = 8  # of the texts, at once: of four bytes a character, as words, as numbers


def read(path: str, classes: list[str] | None, unreadable: str) -> Content:
    """The texts in a folder, sorted by the names of their files.

    Args:
        path: the folder.
        classes: its folders that count, in the order of the labels; None for all, sorted.
        unreadable: `refuse`, or `skip` to pass over what is no text.

    Returns:
        x: the number of each text, shape (n, 1); the texts are in `texts`, in memory where they fit, else read from
            their files as they are needed.

    Raises:
        DataError: the folder cannot be used: all its problems.
        OSError: there is no such folder.
    """
    folder = Path(path)
    chosen = None if classes is None else tuple(map(str, classes))
    seen = look_at(walk(folder), chosen, unreadable == "skip")
    if seen.problems:
        raise DataError(seen.problems)
    files, available = seen.files, available_bytes()
    texts: Sequence[str] = Texts([folder / name for name in files.names])
    if available is None or _COPIES * seen.bytes < available:
        texts = tuple(texts)
    note = f"{seen.skipped} files are no texts that can be read, and were passed over"
    return Content(
        np.arange(len(files.names), dtype=np.float32)[:, np.newaxis],
        np.array(files.labels, np.int64),
        files.classes,
        columns=(Column("text", "text"),),
        texts=texts,
        parts=np.array(files.parts, np.int64) if files.parts else None,
        notes=(note,) if seen.skipped else (),
        files=tuple(files.names),
    )


class Texts(Sequence[str]):
    """Texts in files, read as they are asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        return Texts(self._paths[place]) if isinstance(place, slice) else text_of(self._paths[int(place)])

    def __iter__(self) -> Iterator[str]:
        return map(text_of, self._paths)
