"""Images that a table names, with what it says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.config.digest import digest_of_files, memory_of
from dlrun.config.roots import Roots
from dlrun.data.converted import entry_name, opened
from dlrun.data.dataset import Content
from dlrun.data.declare import Declaration
from dlrun.data.images.headers import fault_problems, form_of, look
from dlrun.data.images.inspect import declared
from dlrun.data.images.read import Conversion, notes_of, resizing_of
from dlrun.data.images.settings import Settings, size_problems
from dlrun.data.images.table import Columns, labels_of, missing_files, read_table, table_at
from dlrun.data.place import shown_path
from dlrun.data.tables.kept import cache_of, recall
from dlrun.errors import DataError, Problem

__all__ = ["entry", "files", "inspect", "read"]


def files(values: Mapping[str, Any], roots: Roots) -> Mapping[str, Path]:
    """What the data is made of: the table, and the images that it names."""
    place = table_at(values, roots)
    return {} if isinstance(place, Problem) else _files(*place, Columns.of(values))


def entry(values: Mapping[str, Any], roots: Roots) -> Path | None:
    """Where the converted images are kept; None where nothing is."""
    cache = cache_of(roots)
    if not cache.is_dir():
        return None
    digest = digest_of_files(files(values, roots), memory_of(roots.work))
    return cache / _name(digest, Settings.of(values), Columns.of(values))


def inspect(values: Mapping[str, Any], roots: Roots) -> Declaration:
    """What the table that `values` name declares; see `declare.Inspect`."""
    settings = Settings.of(values)
    place, wrong = table_at(values, roots), size_problems(settings)
    if isinstance(place, Problem):
        return Declaration(None, None, [place, *wrong])
    try:
        kept = entry(values, roots)
        if kept is not None and (about := recall(kept)) is not None:
            return declared(about)
    except OSError:  # a file that is not there, or cannot be read, is named below
        pass
    seen = _look(*place, settings, Columns.of(values))
    problems = [*seen.problems, *wrong]
    samples = None if settings.skips else len(seen.conversion.paths) if seen.conversion else None
    shape = seen.conversion.form.shape if seen.conversion and not wrong else None
    return Declaration(
        seen.about.get("task"), len(seen.about.get("classes", ())) or None, problems, samples, shape, frozenset()
    )


def read(path: str, root: str | None, stream: bool | str, cache: str, **settings: Any) -> Content:
    """The images that a table names, in its order.

    Args:
        path: the table.
        root: the folder that its names are seen from; None for its own.
        stream: whether they stay in the cache while they are trained on; `auto` where memory is too small for them.
        cache: the folder of converted images.
        settings: the other parameters of conf/data/images_table.yaml.

    Raises:
        DataError: the table or an image cannot be used: all problems.
        StorageError: the converted images cannot be written.
        OSError: there is no such file.
    """
    chosen, columns, table = Settings.of(settings), Columns.of(settings), Path(path)
    folder = table.parent if root is None else Path(root)

    def name() -> str:
        return _name(digest_of_files(_files(table, folder, columns), Path(cache) / "digests.json"), chosen, columns)

    kept = Path(cache) / name()
    if (found := opened(kept)) is None:
        seen = _look(table, folder, chosen, columns)
        if seen.problems or seen.conversion is None:
            raise DataError(seen.problems)
        found = seen.conversion.into(kept, seen.about, seen.skipped)
        if name() != kept.name:
            raise DataError([Problem("data.path", "must not change while it is read", mend="Type the command again.")])
    y, classes = found.sides[:, 0].copy(), tuple(found.about["classes"])
    return Content(
        found.here_or_there(stream),
        y,
        classes,
        resizing=resizing_of(found, chosen),
        notes=notes_of(found),
        files=tuple(found.about.get("files", ())),
    )


@dataclass(frozen=True)
class _Look:
    """What a table and the images that it names were found to be."""

    conversion: Conversion | None
    about: dict[str, Any]
    skipped: int
    problems: tuple[Problem, ...]


def _look(path: Path, root: Path, settings: Settings, columns: Columns) -> _Look:
    table, file = read_table(path, columns), shown_path(path)
    problems = [*table.problems, *missing_files(table, root, file)]
    labels = labels_of(table, columns.task, file) if table.images else None
    if labels is None:
        return _Look(None, {}, 0, tuple(problems))
    problems += labels.problems
    paths = [root / name for name in table.images]
    headers = look(paths)  # what is not there is told already
    faults = [(paths[place], kind, reason) for place, kind, reason in headers.faults if paths[place].is_file()]
    if not settings.skips:
        problems += fault_problems(faults, file)
    form = form_of(headers, settings)
    about: dict[str, Any] = {"task": labels.task, "classes": labels.classes, "given": []}
    if form is None or len(labels.values) != len(paths):
        return _Look(None, about, 0, tuple(problems))
    places = sorted(headers.found)
    sides = np.array(labels.values, np.int64 if labels.classes else np.float64)[places, np.newaxis]
    names = [table.images[place] for place in places]
    conversion = Conversion([paths[place] for place in places], sides, form, file, settings.skips, names)
    return _Look(conversion, about | {"notes": form.notes}, len(faults), tuple(problems))


def _files(path: Path, root: Path, columns: Columns) -> dict[str, Path]:
    table = read_table(path, columns)
    return {"": path, **{name: root / name for name in table.images}}


def _name(digest: str, settings: Settings, columns: Columns) -> str:
    return entry_name("images_table", digest, {**asdict(settings), **asdict(columns)})
