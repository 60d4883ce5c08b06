"""Load a folder of images that has been looked at: bytes of one size, and a class for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.config.digest import digest_of_files
from dlrun.data.converted import Form as Converted
from dlrun.data.converted import Opened, convert, opened
from dlrun.data.dataset import Content
from dlrun.data.folders import walk
from dlrun.data.images.convert import Fault, images
from dlrun.data.images.headers import Form, fault_problems
from dlrun.data.images.inspect import Look, look_at, name_of
from dlrun.data.images.settings import Settings
from dlrun.data.place import shown_path
from dlrun.data.resizing import Resizing
from dlrun.errors import DataError, Problem

__all__ = ["Conversion", "notes_of", "read", "resizing_of"]


def read(path: str, stream: bool | str, cache: str, **settings: Any) -> Content:
    """The images in a folder, sorted by their names.

    They are decoded once: their bytes lie in the cache and are read from there, or stay there.

    Args:
        path: the folder.
        stream: whether they stay in the cache while they are trained on; `auto` where memory is too small for them.
        cache: the folder for that.
        settings: the other parameters of conf/data/images.yaml.

    Raises:
        DataError: the folder cannot be used: all its problems.
        StorageError: the converted images cannot be written.
        OSError: there is no such folder.
    """
    chosen, folder = Settings.of(settings), Path(path)

    def name() -> str:
        return name_of(digest_of_files(walk(folder).files(), Path(cache) / "digests.json"), chosen)

    entry = Path(cache) / name()
    found = opened(entry) or _converted(entry, folder, chosen)
    if name() != entry.name:
        raise DataError([Problem("data.path", "must not change while it is read", mend="Type the command again.")])
    y, parts = found.sides.T.copy()
    about = found.about
    return Content(
        found.here_or_there(stream),
        y,
        tuple(about["classes"]),
        parts=parts if "parts" in about["given"] else None,
        resizing=resizing_of(found, chosen),
        notes=notes_of(found),
        files=tuple(about.get("files", ())),
    )


def resizing_of(found: Opened, chosen: Settings) -> Resizing:
    """How raw images became the samples."""
    height, width, channels = found.form.shape
    return Resizing(height, width, channels, chosen.fit)


def notes_of(found: Opened) -> tuple[str, ...]:
    """What is to be told of the conversion: the size that was chosen, the files that were passed over."""
    skipped = found.about["skipped"]
    told = [f"{skipped} files are no images that can be read, and were passed over"] if skipped else []
    return (*found.about["notes"], *told)


def _converted(entry: Path, folder: Path, chosen: Settings) -> Opened:
    seen: Look = look_at(walk(folder), chosen)
    if seen.problems or seen.form is None:
        raise DataError(seen.problems)
    files = seen.files
    sides = np.array([files.labels, files.parts or (0,) * len(files.names)], np.int64).T
    paths, where = [folder / name for name in files.names], shown_path(folder)
    conversion = Conversion(paths, sides, seen.form, where, chosen.skips, files.names)
    about = {"task": files.task, "classes": files.classes, "given": ["parts"] if files.parts else []}
    return conversion.into(entry, about | {"notes": seen.form.notes}, seen.skipped)


@dataclass(frozen=True)
class Conversion:
    """Images that are to be converted.

    Attributes:
        sides: what goes with each file, shape (n, k); of classes int64, their labels first.
        where: the folder, as messages show it.
        skips: whether what cannot be decoded is passed over.
        names: what the files are called where they are spoken of.
    """

    paths: list[Path]
    sides: np.ndarray
    form: Form
    where: str
    skips: bool
    names: Sequence[str]

    def into(self, entry: Path, about: dict[str, Any], skipped: int) -> Opened:
        """Make an entry of the cache.

        Args:
            about: what is known of the images.
            skipped: files that were passed over before.

        Raises:
            DataError: some cannot be decoded, and are not to be passed over; or a class is left without images.
        """
        faults: list[Fault] = []
        form = Converted(len(self.paths), self.form.shape)

        def known() -> dict[str, Any]:
            lost = {place for place, _, _ in faults}
            files = [str(name) for place, name in enumerate(self.names) if place not in lost]
            return about | {"skipped": skipped + len(faults), "files": files}

        return convert(entry, form, self._pieces(faults), known)

    def _pieces(self, faults: list[Fault]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        left: list[np.ndarray] = []
        for places, block in images(self.paths, self.form, faults):
            left.append(self.sides[places])
            yield block, left[-1]
        if faults and not self.skips:
            named = [(self.paths[place], kind, reason) for place, kind, reason in faults]
            raise DataError(list(fault_problems(named, self.where)))
        if not left or (self.sides.dtype == np.int64 and set(np.concatenate(left)[:, 0]) != set(self.sides[:, 0])):
            rule, mend = "must hold images of each class that can be read", "data.unreadable=refuse names the files."
            raise DataError([Problem("data.path", rule, mend=mend, place=self.where)])
