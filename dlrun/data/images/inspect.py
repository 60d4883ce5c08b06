"""Look at a folder of images before anything heavy is imported: its classes, and all that is wrong with it, at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dlrun.config.digest import digest_of_files, memory_of
from dlrun.config.roots import Roots
from dlrun.data.classes import ByClass, Kind, by_class
from dlrun.data.converted import entry_name
from dlrun.data.declare import Declaration
from dlrun.data.folders import Walk, as_shown
from dlrun.data.images.decode import SUFFIXES
from dlrun.data.images.headers import Form, fault_problems, form_of, look
from dlrun.data.images.settings import Settings, size_problems
from dlrun.data.place import files, folder_at, shown_path
from dlrun.data.tables.kept import cache_of, recall
from dlrun.errors import Problem

__all__ = ["Look", "declared", "entry", "inspect", "look_at", "name_of"]

KIND = Kind("image", "images", SUFFIXES, "images_table")
_SHOWN = 8


@dataclass(frozen=True)
class Look:
    """What a folder holds, as the config wants it read.

    Attributes:
        files: those that are images by their headers.
        form: None when problems keep it from being told.
        skipped: how many files were passed over.
    """

    files: ByClass
    form: Form | None
    skipped: int
    problems: tuple[Problem, ...]


def entry(values: Mapping[str, Any], roots: Roots) -> Path | None:
    """Where the converted images are kept; None where nothing is."""
    cache = cache_of(roots)
    if not cache.is_dir():
        return None
    digest = digest_of_files(files(values, roots), memory_of(roots.work))
    return cache / name_of(digest, Settings.of(values))


def name_of(digest: str, settings: Settings) -> str:
    """The name of the folder with the converted images."""
    return entry_name("images", digest, asdict(settings))


def inspect(values: Mapping[str, Any], roots: Roots) -> Declaration:
    """What the folder that `values` name declares; see `declare.Inspect`."""
    settings = Settings.of(values)
    found = folder_at(str(values["path"]), roots, "data.path")
    wrong = size_problems(settings)
    if isinstance(found, Problem):
        return Declaration(None, None, [found, *wrong])
    try:
        kept = entry(values, roots)
    except OSError:  # a file that cannot be read is named below
        kept = None
    if kept is not None and (about := recall(kept)) is not None:
        return declared(about)
    seen = look_at(found, settings)
    samples = None if settings.skips else len(seen.files.names)  # decoding may find more to skip
    shape = None if seen.form is None or wrong else seen.form.shape
    given = frozenset({"parts"} if seen.files.parts else ())
    problems = [*seen.problems, *wrong]
    return Declaration(seen.files.task, len(seen.files.classes) or None, problems, samples, shape, given)


def declared(about: Mapping[str, Any]) -> Declaration:
    """What images declare that were converted before."""
    shape, given = tuple(about["shape"]), frozenset(about["given"])
    return Declaration(about["task"], len(about["classes"]) or None, [], about["samples"], shape, given)


@lru_cache(maxsize=8)
def look_at(found: Walk, settings: Settings) -> Look:
    """Look through a folder once; an unchanged one is not looked through again."""
    sorted_files = by_class(found, settings.classes, KIND)
    headers = look([found.root / name for name in sorted_files.names])
    readable = sorted_files.only(sorted(headers.found))
    problems = [*sorted_files.problems, *_masks_among(sorted_files, settings, found)]
    if settings.skips:
        problems += _nothing_left(found, sorted_files, readable)
    else:
        named = [(found.root / sorted_files.names[place], kind, reason) for place, kind, reason in headers.faults]
        problems += fault_problems(named, shown_path(found.root))
    return Look(readable, form_of(headers, settings), len(headers.faults), tuple(problems))


def _masks_among(files: ByClass, settings: Settings, found: Walk) -> Iterator[Problem]:
    """Images and their masks, which would pass for two classes that are told apart at a glance."""
    if settings.classes is None and {name.lower() for name in files.classes} == {"images", "masks"}:
        rule, got = "must hold a folder for each class", "images and masks, which belong together"
        mend = "Type data=masks. If they are classes: 'data.classes=[images,masks]'"
        yield Problem("data.path", rule, got, mend, shown_path(found.root))


def _nothing_left(found: Walk, before: ByClass, after: ByClass) -> Iterator[Problem]:
    """Classes of which all files were passed over."""
    labels = set(after.labels)
    if lost := [before.classes[label] for label in sorted(set(before.labels) - labels)]:
        got = f"none in {', '.join(map(as_shown, lost[:_SHOWN]))}"
        mend = "data.unreadable=refuse names the files."
        yield Problem("data.path", "must hold images of each class that can be read", got, mend, shown_path(found.root))
