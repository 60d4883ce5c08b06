"""Folders of images or of texts, and single files of them, to predict on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.data.folders import as_shown, walk
from dlrun.errors import DataError, Problem
from dlrun.workflows.new_data.rows import Rows, Samples

if TYPE_CHECKING:
    import numpy as np

__all__ = ["IMAGE_SUFFIXES", "TEXT", "ImageFiles", "TextFiles", "images_in", "texts_in"]

TEXT = "text"
"""The one column of a text."""

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif"})
"""As `data.images.decode` has them, which imports Pillow."""

_TEXT_SUFFIXES = frozenset({".txt", ".text", ".md", ""})
_SHOWN = 8  # files with a fault that get a line of their own
_LONGEST_TEXT = 16_000_000  # bytes
_AT_ONCE = 64  # images that are decoded together


@dataclass(frozen=True)
class ImageFiles:
    """Images, each a sample.

    Attributes:
        file: the folder, as messages show it.
        members: names of the files, as they are shown in the predictions.
        shape: of a sample of the model; None where any size will do.
        others: names of files in the folder that are no images by their suffix.
    """

    root: Path
    file: str
    members: tuple[str, ...]
    shape: tuple[int | None, ...]
    others: tuple[str, ...] = ()

    names = None

    def sample(self, most: int) -> ImageFiles:
        """At most so many of them, evenly."""
        step = -(-len(self.members) // most)
        return replace(self, members=self.members[::step])

    def problems(self) -> Iterator[Problem]:
        """What the headers of the files say against them, the first of them by name."""
        faults = [
            (name, fault) for name, fault in zip(self.members, map(self._fault, self.members), strict=True) if fault
        ]
        for name, (rule, got) in faults[:_SHOWN]:
            yield self._problem(name, rule, got)
        if (more := len(faults) - _SHOWN) > 0:
            yield Problem("FILE", "must hold images", got=f"{more:,} more files like these", place=self.file)

    def batches(self, columns: Sequence[str], most: int) -> Iterator[Samples]:
        """See `Source`."""
        import numpy as np

        with ThreadPoolExecutor(4) as pool:
            for begin in range(0, len(self.members), most):
                chosen = self.members[begin : begin + most]
                images = [
                    image
                    for at in range(0, len(chosen), _AT_ONCE)
                    for image in pool.map(self._decoded, chosen[at : at + _AT_ONCE])
                ]
                is_even = len({image.shape for image in images}) == 1
                yield Samples(begin + 1, np.stack(images) if is_even else images, chosen)

    def _fault(self, name: str) -> tuple[str, str] | None:
        from dlrun.data.images.decode import Unreadable, header

        try:
            found = header(self._path(name))
        except Unreadable as error:
            return "must be an image that can be read", f"{error}"
        except OSError as error:
            return "must be readable", error.strerror or str(error)
        height, width = self.shape[:2]
        if height is not None and (found.height, found.width) != (height, width):
            return f"must be of the model's size, {height} x {width}", f"{found.height} x {found.width}"
        return None

    def _decoded(self, name: str) -> np.ndarray:
        from dlrun.data.images.decode import Unreadable, decode

        try:
            return decode(self._path(name), int(self.shape[-1] or 3))
        except (Unreadable, OSError) as error:
            raise DataError([self._problem(name, "must be an image that can be read", str(error))]) from error

    def _path(self, name: str) -> Path:
        return self.root / name

    def _problem(self, name: str, rule: str, got: str) -> Problem:
        mend = "Take it out of the folder, or mend it."
        return Problem(as_shown(name), rule, got=got, mend=mend, place=self.file)


@dataclass(frozen=True)
class TextFiles:
    """Texts, each a sample: a table of one column.

    Attributes:
        others: names of files in the folder that are no texts by their suffix.
        empty: those met so far in which nothing is written.
    """

    root: Path
    file: str
    members: tuple[str, ...]
    others: tuple[str, ...] = ()
    empty: set[str] = field(default_factory=set)

    names = (TEXT,)

    def batches(self, columns: Sequence[str], most: int) -> Iterator[Rows]:
        """See `Source`."""
        for begin in range(0, len(self.members), most):
            chosen = self.members[begin : begin + most]
            texts = [self._read(name) for name in chosen]
            self.empty.update(name for name, text in zip(chosen, texts, strict=True) if not text.strip())
            yield Rows(begin + 1, [1] * len(chosen), dict.fromkeys(columns, texts), chosen)

    def _read(self, name: str) -> str:
        path = self.root / name
        try:
            with path.open("rb") as stream:
                content = stream.read(_LONGEST_TEXT + 1)
            if len(content) > _LONGEST_TEXT:
                raise DataError([self._problem(name, f"must be at most {_LONGEST_TEXT:,} bytes", "more")])
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            got = f"byte 0x{content[error.start]:02x} at offset {error.start}"
            raise DataError([self._problem(name, "must be UTF-8 text", got)]) from error
        except OSError as error:
            raise DataError([self._problem(name, "must be readable", error.strerror or str(error))]) from error

    def _problem(self, name: str, rule: str, got: str) -> Problem:
        mend = "Take it out of the folder, or save it as UTF-8."
        return Problem(as_shown(name), rule, got=got, mend=mend, place=self.file)


def images_in(path: Path, file: str, shape: tuple[int | None, ...]) -> ImageFiles:
    """The images of a folder and its sub-folders, or the one image that `path` is.

    Raises:
        DataError: there is none.
    """
    if path.is_file():
        return ImageFiles(path.parent, file, (path.name,), shape)
    members, others = _sorted_out(path, IMAGE_SUFFIXES)
    if not members:
        raise DataError([_nothing(file, "images (png, jpeg, webp, bmp or gif)")])
    return ImageFiles(path, file, members, shape, others)


def texts_in(path: Path, file: str) -> TextFiles:
    """The texts of a folder and its sub-folders, or the one text that `path` is.

    Raises:
        DataError: there is none.
    """
    if path.is_file():
        return TextFiles(path.parent, file, (path.name,))
    members, others = _sorted_out(path, _TEXT_SUFFIXES)
    if not members:
        raise DataError([_nothing(file, "texts (.txt)")])
    return TextFiles(path, file, members, others)


def _sorted_out(folder: Path, suffixes: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files of a folder that end so, and the others with what cannot be reached."""
    found = walk(folder)
    names = [member.name for member in found.members]
    wanted = tuple(name for name in names if Path(name).suffix.lower() in suffixes)
    stray = [*(name for name in names if Path(name).suffix.lower() not in suffixes), *(o.name for o in found.obstacles)]
    return wanted, tuple(sorted(stray))


def _nothing(file: str, what: str) -> Problem:
    return Problem("FILE", f"must be a folder that holds {what}", got=f"'{file}', which holds none")
