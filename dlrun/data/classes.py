"""Files in a folder for each class, with or without folders of their own for training, validation and test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from dlrun.config.suggest import did_you_mean
from dlrun.data.folders import Walk, as_shown
from dlrun.data.place import shown_path
from dlrun.errors import Problem

__all__ = ["ByClass", "Kind", "by_class", "obstacles", "several"]

_PARTS = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2, "testing": 2}
_TITLES = ("train", "val", "test")
_SHOWN = 8  # files with the same fault that get a line of their own
_OBSTACLES = {
    "loop": ("must not link to a folder that the link lies in", "Remove the link."),
    "denied": ("must be readable", "Give yourself the permission: chmod -R u+rX FOLDER"),
    "name": ("must have names in UTF-8", "Rename it: convmv -f latin1 -t utf8 -r --notest FOLDER"),
    "link": ("must not hold links to nothing", "Remove the link, or put back what it links to."),
    "device": ("must hold regular files", "Remove it."),
}

Item = TypeVar("Item")


@dataclass(frozen=True)
class Kind:
    """What a folder is to hold.

    Attributes:
        one: as `image`.
        many: as `images`.
        suffixes: of such files, in small letters.
        table: the option for such files with a table of labels, or an empty text.
    """

    one: str
    many: str
    suffixes: frozenset[str]
    table: str


@dataclass(frozen=True)
class ByClass:
    """The files of each class.

    Attributes:
        names: of the files, sorted, seen from the folder.
        labels: of each, a place in `classes`.
        parts: of each, as `Content.parts` has it; () where the folder has no parts.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()
    parts: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def task(self) -> str | None:
        """As `Declaration` has it."""
        return None if len(self.classes) < 2 else "binary" if len(self.classes) == 2 else "multiclass"

    def only(self, places: Sequence[int]) -> ByClass:
        """The files at these places alone."""

        def taken(values: tuple[Item, ...]) -> tuple[Item, ...]:
            return tuple(values[place] for place in places) if values else ()

        return replace(self, names=taken(self.names), labels=taken(self.labels), parts=taken(self.parts))


def by_class(found: Walk, chosen: Sequence[str] | None, kind: Kind) -> ByClass:
    """Sort the files of a folder into its classes, and find what is wrong with the folder.

    Args:
        chosen: the classes that count, in their order; None for all, sorted.
    """
    tops = [name for name in found.folders if "/" not in name]
    has_parts = _are_parts(tops)
    depth = 1 if has_parts else 0
    named = [name.split("/")[depth] for name in found.folders if name.count("/") == depth]
    classes = tuple(dict.fromkeys(named)) if chosen is None else tuple(chosen)
    index = {name: label for label, name in enumerate(classes)}
    names, labels, parts = [], [], []
    for member in found.members:
        pieces = member.name.split("/")
        if len(pieces) > depth + 1 and pieces[depth] in index:
            names.append(member.name)
            labels.append(index[pieces[depth]])
            parts.extend([_PARTS[pieces[0].lower()]] if has_parts else [])
    sorted_files = ByClass(classes, tuple(names), tuple(labels), tuple(parts))
    problems = (*obstacles(found), *_folder_problems(found, sorted_files, set(named), chosen, kind))
    return replace(sorted_files, problems=problems)


def obstacles(found: Walk) -> Iterator[Problem]:
    """What a walk could not pass, in words."""
    for kind, (rule, mend) in _OBSTACLES.items():
        names = [each.name for each in found.obstacles if each.kind == kind]

        def problem(name: str, rule: str = rule, mend: str = mend) -> Problem:
            return Problem("data.path", rule, got=f"'{as_shown(name)}'", mend=mend, place=_place(found, name))

        yield from several(names, problem, shown_path(found.root))


def several(items: Sequence[Item], problem: Callable[[Item], Problem], folder: str) -> Iterator[Problem]:
    """A problem an item, as long as they can be read; one that counts the rest."""
    for item in items[:_SHOWN]:
        yield problem(item)
    if rest := items[_SHOWN:]:
        got = f"{len(rest)} more such files" if len(rest) > 1 else "1 more such file"
        yield replace(problem(rest[0]), got=got, place=folder)


def _are_parts(tops: Sequence[str]) -> bool:
    parts = {_PARTS.get(name.lower()) for name in tops}
    return None not in parts and 0 in parts and len(parts) == len(tops) > 1


def _place(found: Walk, name: str) -> str:
    return as_shown(shown_path(found.root / name))


def _folder_problems(
    found: Walk, files: ByClass, named: set[str], chosen: Sequence[str] | None, kind: Kind
) -> Iterator[Problem]:
    folder = shown_path(found.root)
    strays = [each.name for each in found.members if "/" not in each.name and _suffix(each.name) in kind.suffixes]
    if not found.members and not found.obstacles:
        mend = f"Put the {kind.many} of each class into a folder of its own, and these into it."
        yield Problem("data.path", f"must hold {kind.many}", got="an empty folder", mend=mend, place=folder)
        return
    if chosen is not None:
        yield from _choice_problems(chosen, named)
    if not named:
        yield _no_classes(strays, kind, folder)
        return
    if strays:
        got = f"'{as_shown(strays[0])}'" + (f" and {len(strays) - 1} more" if len(strays) > 1 else "")
        mend = f"Move it into a class's folder, or away: {kind.many} beside them are of no class."
        yield Problem("data.path", f"must have its {kind.many} in the classes' folders", got, mend, folder)
    if len(files.classes) == 1:
        yield _one_class(files.classes[0], found, kind)
    yield from _empty_classes(files, named, folder, kind)


def _choice_problems(chosen: Sequence[str], named: set[str]) -> Iterator[Problem]:
    for name, count in Counter(chosen).items():
        if count > 1:
            yield Problem("data.classes", "must name each class once", got=f"'{name}' {count} times")
        if name not in named:
            mend = " ".join(filter(None, [did_you_mean(name, named), f"There are: {', '.join(sorted(named)[:20])}."]))
            yield Problem("data.classes", "must name folders that there are", got=f"'{name}'", mend=mend)


def _no_classes(strays: Sequence[str], kind: Kind, folder: str) -> Problem:
    got = f"{len(strays)} {kind.many if len(strays) != 1 else kind.one} in the folder itself" if strays else "none"
    mend = f"Make a folder for each class and move its {kind.many} there."
    if kind.table and strays:
        mend += f" Where a CSV has their names and labels: data={kind.table}"
    return Problem("data.path", "must hold a folder for each class", got=got, mend=mend, place=folder)


def _one_class(name: str, found: Walk, kind: Kind) -> Problem:
    mend = "Add a folder of another class beside it."
    if sum(each.startswith(f"{name}/") and each.count("/") == 1 for each in found.folders) > 1:
        mend = f"Its own folders may be the classes: data.path={shown_path(found.root / name)}"
    rule = f"must hold two classes or more: folders of {kind.many}"
    return Problem("data.path", rule, got=f"'{as_shown(name)}' alone", mend=mend, place=shown_path(found.root))


def _empty_classes(files: ByClass, named: set[str], folder: str, kind: Kind) -> Iterator[Problem]:
    counts = Counter(files.labels)
    empty = [name for label, name in enumerate(files.classes) if not counts[label] and name in named]
    if empty:
        kept = ",".join(name for name in files.classes if name not in empty)
        rule, got = f"must hold {kind.many} of each class", f"none in {', '.join(map(as_shown, empty[:_SHOWN]))}"
        yield Problem("data.path", rule, got, f"Add some, or leave the class out: 'data.classes=[{kept}]'", folder)
    if files.parts:
        trained = {label for label, part in zip(files.labels, files.parts, strict=True) if part == 0}
        if absent := [name for label, name in enumerate(files.classes) if label not in trained and name not in empty]:
            got = f"none of {', '.join(map(as_shown, absent[:_SHOWN]))}"
            mend = "What is not trained on cannot be learned: add some, or leave the class out with data.classes."
            yield Problem("data.path", f"must hold {kind.many} of each class in its train folder", got, mend, folder)


def _suffix(name: str) -> str:
    _, dot, suffix = name.rpartition(".")
    return f"{dot}{suffix}".lower()
