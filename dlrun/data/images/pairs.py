"""Images with masks: which file goes with which."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.config.suggest import did_you_mean
from dlrun.data.classes import several
from dlrun.data.folders import Walk, as_shown
from dlrun.data.place import shown_path
from dlrun.errors import Problem

__all__ = ["Pairs", "Places", "pairs_in"]

_SHOWN = 20  # folders that a message lists


@dataclass(frozen=True)
class Places:
    """The parameters of conf/data/masks.yaml that say where the files are and what values are called."""

    images: str
    masks: str
    classes: tuple[str, ...] | tuple[tuple[int, str], ...] | None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Places:
        """Those of a config's `data` node.

        Raises:
            ValueError: a class is given for what is no number.
        """
        classes = values.get("classes")
        if isinstance(classes, Mapping):
            classes = tuple(sorted((int(value), str(name)) for value, name in classes.items()))
        elif classes is not None:
            classes = tuple(map(str, classes))
        return cls(str(values["images"]).strip("/"), str(values["masks"]).strip("/"), classes)


@dataclass(frozen=True)
class Pairs:
    """Names of images and of their masks, seen from the folder, in the order of the images."""

    images: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def pairs_in(found: Walk, places: Places) -> Pairs:
    """Which image goes with which mask: those of one name, whatever they end in."""
    if wrong := list(_folder_problems(found, places)):
        return Pairs(problems=tuple(wrong))
    images, masks = (_by_stem(found, folder) for folder in (places.images, places.masks))
    problems = [*_twice(images, found, places.images), *_twice(masks, found, places.masks)]
    problems += _alone(images, masks, found, ("image", "a mask", places.masks))
    problems += _alone(masks, images, found, ("mask", "an image", places.images))
    stems = [stem for stem in images if stem in masks]
    if not images and not masks:
        mend = f"Put the images into {places.images}, and masks of the same names into {places.masks}."
        problems.append(Problem("data.path", "must hold images and masks", "none", mend, shown_path(found.root)))
    return Pairs(tuple(images[s][0] for s in stems), tuple(masks[s][0] for s in stems), tuple(problems))


def _folder_problems(found: Walk, places: Places) -> Iterator[Problem]:
    """Folders that are not there."""
    folder = shown_path(found.root)
    if places.images == places.masks:
        yield Problem("data.masks", "must be another folder than data.images", got=f"'{places.masks}'")
        return
    for key, name in (("images", places.images), ("masks", places.masks)):
        if name not in found.folders:
            tops = [each for each in found.folders if "/" not in each]
            listed = ", ".join(map(as_shown, tops[:_SHOWN])) or "no folder"
            nearest = did_you_mean(name, tops, shown=f"data.{key}={{}}")
            mend = " ".join(filter(None, [nearest, f"There is {listed}; another name is data.{key}=NAME."]))
            yield Problem(f"data.{key}", f"must name a folder in {as_shown(folder)}", got=f"'{name}'", mend=mend)


def _by_stem(found: Walk, folder: str) -> dict[str, list[str]]:
    """The files of a folder and the folders in it, by their names without what they end in."""
    stems: dict[str, list[str]] = {}
    for member in found.members:
        if member.name.startswith(f"{folder}/"):
            inner = member.name.removeprefix(f"{folder}/")
            stems.setdefault(os.path.splitext(inner)[0], []).append(member.name)  # noqa: PTH122 - a name, no path
    return stems


def _twice(stems: Mapping[str, Sequence[str]], found: Walk, folder: str) -> Iterator[Problem]:
    twice = [names for names in stems.values() if len(names) > 1]

    def problem(names: Sequence[str]) -> Problem:
        rule, got = "must hold each name once, whatever it ends in", " and ".join(as_shown(name) for name in names[:2])
        return Problem("data.path", rule, got, "Remove or rename one of them.", shown_path(found.root / folder))

    yield from several(twice, problem, shown_path(found.root))


def _alone(
    these: Mapping[str, Sequence[str]], those: Mapping[str, Sequence[str]], found: Walk, words: tuple[str, str, str]
) -> Iterator[Problem]:
    """Files without a partner.

    Args:
        words: what they are, what their partner is, and the folder that it is missed in.
    """
    one, other, folder = words
    lonely = [stem for stem in these if stem not in those]

    def problem(stem: str) -> Problem:
        rule, got = f"must have {other} for each {one}", f"no {as_shown(folder)}/{as_shown(stem)}"
        nearest = did_you_mean(stem, [each for each in those if each not in these], shown=f"{folder}/{{}}")
        mend = nearest or f"Add it, or move the {one} away: a pair has one name."
        return Problem("data.path", rule, got, mend, as_shown(shown_path(found.root / these[stem][0])))

    yield from several(lonely, problem, shown_path(found.root))
