"""A folder of images with masks: which class each pixel is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.config.digest import digest_of_files, memory_of
from dlrun.config.roots import Roots
from dlrun.data.classes import obstacles, several
from dlrun.data.converted import Form as Converted
from dlrun.data.converted import Opened, convert, entry_name, opened
from dlrun.data.dataset import Content
from dlrun.data.declare import Declaration
from dlrun.data.folders import Walk, as_shown, walk
from dlrun.data.images.convert import Fault, images
from dlrun.data.images.decode import Unreadable, decode_mask
from dlrun.data.images.geometry import resized
from dlrun.data.images.headers import Form, Headers, fault_problems, form_of, look
from dlrun.data.images.inspect import declared
from dlrun.data.images.levels import Named, named, value_problems, values_in
from dlrun.data.images.pairs import Pairs, Places, pairs_in
from dlrun.data.images.read import notes_of, resizing_of
from dlrun.data.images.settings import Settings, size_problems
from dlrun.data.place import folder_at, shown_path
from dlrun.data.resizing import Resizing
from dlrun.data.tables.kept import cache_of, recall
from dlrun.errors import DataError, Problem

__all__ = ["TASK", "entry", "files", "inspect", "read"]

TASK = "segmentation"

_STEP = 16  # pixels: sizes that nobody asked for are multiples, so that a U-Net can halve them four times
_MANY = 50  # classes: edges that were smoothed look like so many
_VALUE_FAULTS = frozenset({"lossy", "levels"})


def files(values: Mapping[str, Any], roots: Roots) -> Mapping[str, Path]:
    """What the data is made of: the files in the two folders, by their names."""
    found = folder_at(str(values["path"]), roots)
    return {} if isinstance(found, Problem) else _files(found, (str(values["images"]), str(values["masks"])))


def entry(values: Mapping[str, Any], roots: Roots) -> Path | None:
    """Where the converted images are kept; None where nothing is."""
    cache = cache_of(roots)
    if not cache.is_dir():
        return None
    digest = digest_of_files(files(values, roots), memory_of(roots.work))
    return cache / _name(digest, _settings(values), Places.of(values))


def inspect(values: Mapping[str, Any], roots: Roots) -> Declaration:
    """What the folder that `values` name declares; see `declare.Inspect`."""
    settings = _settings(values)
    found, wrong = folder_at(str(values["path"]), roots), size_problems(settings)
    try:
        places = Places.of(values)
    except ValueError:
        rule, mend = "must name values, which are whole numbers", "Such as 'data.classes={0: ground, 255: roof}'."
        wrong.append(Problem("data.classes", rule, got=f"{values['classes']}", mend=mend))
    if isinstance(found, Problem):
        wrong.insert(0, found)
    if isinstance(found, Problem) or wrong:
        return Declaration(TASK, None, wrong)
    try:
        kept = entry(values, roots)
    except OSError:  # a file that cannot be read is named below
        kept = None
    if kept is not None and (about := recall(kept)) is not None:
        return declared(about)
    seen = _look(found, settings, places)
    samples = None if settings.skips else len(seen.pairs.images)  # decoding may find more to skip
    shape = None if seen.form is None else seen.form.shape
    classes = len(seen.named.classes) or None
    return Declaration(TASK, classes, list(seen.problems), samples, shape, frozenset())


def read(path: str, stream: bool | str, cache: str, **settings: Any) -> Content:
    """The images in a folder, sorted by their names, with the class of each of their pixels.

    Args:
        path: the folder.
        stream: whether the images stay in the cache while they are trained on; `auto` where memory is too small.
        cache: the folder of converted images.
        settings: the other parameters of conf/data/masks.yaml.

    Raises:
        DataError: the folder cannot be used: all its problems.
        StorageError: the converted images cannot be written.
        OSError: there is no such folder.
    """
    chosen, places, folder = _settings(settings), Places.of(settings), Path(path)

    def name() -> str:
        found = _files(walk(folder), (places.images, places.masks))
        return _name(digest_of_files(found, Path(cache) / "digests.json"), chosen, places)

    kept = Path(cache) / name()
    found = opened(kept) or _converted(kept, folder, chosen, places)
    if name() != kept.name:
        raise DataError([Problem("data.path", "must not change while it is read", mend="Type the command again.")])
    return Content(
        found.here_or_there(stream),
        found.sides,
        tuple(found.about["classes"]),
        resizing=resizing_of(found, chosen),
        levels=tuple(found.about["levels"]),
        notes=notes_of(found),
    )


def _settings(values: Mapping[str, Any]) -> Settings:
    """How images are read; classes are no folders here."""
    return Settings.of({**values, "classes": None})


def _name(digest: str, settings: Settings, places: Places) -> str:
    return entry_name("masks", digest, {**asdict(settings), **asdict(places)})


def _files(found: Walk, folders: tuple[str, str]) -> dict[str, Path]:
    starts = tuple(f"{name.strip('/')}/" for name in folders)
    return {name: path for name, path in found.files().items() if name.startswith(starts)}


@dataclass(frozen=True)
class _Look:
    """What a folder was found to hold.

    Attributes:
        form: None when problems keep it from being told.
        skipped: how many pairs were passed over.
    """

    pairs: Pairs
    form: Form | None
    named: Named
    skipped: int
    problems: tuple[Problem, ...]


@lru_cache(maxsize=8)
def _look(found: Walk, settings: Settings, places: Places) -> _Look:
    """Look through a folder once; an unchanged one is not looked through again."""
    pairs, folder = pairs_in(found, places), shown_path(found.root)
    problems = [*obstacles(found), *pairs.problems]
    paths = [[found.root / name for name in names] for names in (pairs.images, pairs.masks)]
    headers = [look(each) for each in paths]
    faults = [(paths[side][place], kind, why) for side in (0, 1) for place, kind, why in headers[side].faults]
    sound = [place for place in range(len(pairs.images)) if all(place in each.found for each in headers)]
    counts, more = values_in([paths[1][place] for place in sound])
    faults += [(paths[1][sound[at]], kind, why) for at, kind, why in more]
    lost = {sound[at] for at, _, _ in more}
    kept = [place for place in sound if place not in lost]
    wrong_values = [fault for fault in faults if fault[1] in _VALUE_FAULTS]
    problems += value_problems(wrong_values, folder)
    if not settings.skips:
        problems += fault_problems([fault for fault in faults if fault[1] not in _VALUE_FAULTS], folder)
    problems += _of_other_sizes(kept, headers, pairs, found)
    classes = named(counts, places, folder)
    problems += classes.problems if not wrong_values else ()
    if not kept and not problems:
        mend = "data.unreadable=refuse names the files."
        problems.append(Problem("data.path", "must hold images with masks that can be read", "none", mend, folder))
    form = form_of(Headers({place: headers[0].found[place] for place in kept}, ()), settings)
    chosen = Pairs(tuple(pairs.images[place] for place in kept), tuple(pairs.masks[place] for place in kept))
    form = None if form is None else _noted(_in_steps(form, settings), classes)
    return _Look(chosen, form, classes, len(pairs.images) - len(kept), tuple(problems))


def _of_other_sizes(kept: list[int], headers: list[Headers], pairs: Pairs, found: Walk) -> Iterator[Problem]:
    """Masks that are not as large as their images."""

    def size(side: int, place: int) -> tuple[int, int]:
        header = headers[side].found[place]
        return header.height, header.width

    def problem(place: int) -> Problem:
        (height, width), got = size(0, place), " x ".join(map(str, size(1, place)))
        rule = f"must be as large as its image, {height} x {width}"
        where = as_shown(shown_path(found.root / pairs.masks[place]))
        return Problem("data.path", rule, got, "Look whether it is the mask of this image.", where)

    others = [place for place in kept if size(0, place) != size(1, place)]
    yield from several(others, problem, shown_path(found.root))


def _in_steps(form: Form, settings: Settings) -> Form:
    """A size that nobody asked for, in multiples of 16."""
    height, width = (max(_STEP, round(side / _STEP) * _STEP) for side in (form.height, form.width))
    if not isinstance(settings.size, str) or (height, width) == (form.height, form.width):
        return form
    note = (
        f"the images become {height} high and {width} wide, multiples of {_STEP}, which a U-Net can halve."
        f" data.size=[{height},{width}] says the same, or choose another size"
    )
    return replace(form, height=height, width=width, notes=(note,))


def _noted(form: Form, found: Named) -> Form:
    if len(found.levels) < _MANY:
        return form
    note = f"the masks hold {len(found.levels)} values, each a class: masks whose edges were smoothed look like that"
    return replace(form, notes=(*form.notes, note))


def _converted(kept: Path, folder: Path, chosen: Settings, places: Places) -> Opened:
    seen = _look(walk(folder), chosen, places)
    if seen.problems or seen.form is None:
        raise DataError(list(seen.problems))
    about = {"task": TASK, "classes": seen.named.classes, "levels": seen.named.levels, "given": []}
    faults: list[Fault] = []
    form = Converted(len(seen.pairs.images), seen.form.shape)
    pieces = _pieces(seen, folder, chosen, faults)
    more = about | {"notes": seen.form.notes}
    return convert(kept, form, pieces, lambda: more | {"skipped": seen.skipped + len(faults)})


def _pieces(
    seen: _Look, folder: Path, chosen: Settings, faults: list[Fault]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images and the classes of their pixels, block after block."""
    assert seen.form is not None
    paths = [folder / name for name in seen.pairs.images]
    height, width, channels = seen.form.shape
    resizing = Resizing(height, width, channels, seen.form.fit)
    numbers = np.zeros(256, np.uint8)  # of the class that a value stands for
    numbers[list(seen.named.levels)] = np.arange(len(seen.named.levels))
    empty = True
    for places, block in images(paths, seen.form, faults):
        masks = [_mask(folder / seen.pairs.masks[place], numbers, resizing) for place in places]
        yield block, np.stack(masks)
        empty = False
    if faults and not chosen.skips:
        fault_list = [(paths[place], kind, reason) for place, kind, reason in faults]
        raise DataError(list(fault_problems(fault_list, shown_path(folder))))
    if empty:
        rule, mend = "must hold images that can be read", "data.unreadable=refuse names the files."
        raise DataError([Problem("data.path", rule, mend=mend, place=shown_path(folder))])


def _mask(path: Path, numbers: np.ndarray, resizing: Resizing) -> np.ndarray:
    try:
        values = decode_mask(path)
    except (Unreadable, OSError) as error:  # it could be read a moment ago
        rule, mend = "must not change while it is read", "Type the command again."
        raise DataError([Problem("data.path", rule, str(error), mend, shown_path(path))]) from error
    found: np.ndarray = resized(numbers[values][np.newaxis], resizing)[0]
    return found
