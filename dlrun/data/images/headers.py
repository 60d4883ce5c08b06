"""What the headers of many images say together: which cannot be had, and the form that all are brought into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from dlrun.data.classes import several
from dlrun.data.folders import as_shown
from dlrun.data.images.decode import MOST_PIXELS, Header, Unreadable, header
from dlrun.data.images.settings import CHANNELS, Settings
from dlrun.data.place import shown_path
from dlrun.errors import Problem

__all__ = ["Form", "Headers", "fault_problems", "form_of", "look"]

_MOST_AS_IT_IS = 256  # pixels a side: images of one size that is no larger are not resized
_MOST_OF_AUTO = 128  # pixels a side that others are resized to

_MENDS = {
    "other": "Remove the file, or pass over such files: data.unreadable=skip",
    "empty": "Get it again, or pass over such files: data.unreadable=skip",
    "damaged": "Get it again, or pass over such files: data.unreadable=skip",
    "large": "Scale it down, or pass over such files: data.unreadable=skip",
    "denied": "Give yourself the permission to read it.",
}
_RULES = {
    "other": "must be an image: PNG, JPEG, WebP, BMP or GIF",
    "empty": "must be an image that can be read",
    "damaged": "must be an image that can be read",
    "large": f"must have {MOST_PIXELS:,} pixels or fewer, as its header says it: it is not decoded",
    "denied": "must be readable",
}


@dataclass(frozen=True)
class Headers:
    """Those of many files.

    Attributes:
        found: of each file that is an image, by its place among the files.
        faults: of the others: the place, the kind of the fault (see `decode.Unreadable`), and the reason.
    """

    found: Mapping[int, Header]
    faults: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class Form:
    """What all images are brought into.

    Attributes:
        notes: what was decided that nobody asked for, in sentences.
    """

    height: int
    width: int
    channels: int
    fit: str
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a sample."""
        return self.height, self.width, self.channels


def look(paths: Sequence[Path]) -> Headers:
    """Read the header of each file."""
    found: dict[int, Header] = {}
    faults = []
    for place, path in enumerate(paths):
        try:
            found[place] = header(path)
        except Unreadable as error:
            faults.append((place, error.kind, str(error)))
        except OSError as error:
            faults.append((place, "denied", error.strerror or str(error)))
    return Headers(found, tuple(faults))


def fault_problems(faults: Sequence[tuple[Path, str, str]], folder: str) -> Iterator[Problem]:
    """Files that are no images, kind by kind.

    Args:
        faults: the file, the kind of the fault, and the reason.
    """
    for kind, rule in _RULES.items():
        these = [(path, reason) for path, each, reason in faults if each == kind]
        yield from several(these, _problem_of(kind, rule), folder)


def _problem_of(kind: str, rule: str) -> Callable[[tuple[Path, str]], Problem]:
    def problem(fault: tuple[Path, str]) -> Problem:
        place = as_shown(shown_path(fault[0]))
        return Problem("data.path", rule, got=fault[1], mend=_MENDS[kind], place=place)

    return problem


def form_of(headers: Headers, settings: Settings) -> Form | None:
    """The size and the channels of all samples; None where they cannot be told."""
    seen = list(headers.found.values())
    if not seen or len(settings.size) < 2:  # a size that is none is told elsewhere
        return None
    channels = CHANNELS.get(settings.color) or (1 if all(each.is_grey for each in seen) else 3)
    if not isinstance(settings.size, str):
        height, width = settings.size
        return Form(height, width, channels, settings.fit)
    sizes = {(each.height, each.width) for each in seen}
    return _chosen(seen, sizes, channels, settings.fit)


def _chosen(seen: Sequence[Header], sizes: set[tuple[int, int]], channels: int, fit: str) -> Form:
    if len(sizes) == 1:
        ((height, width),) = sizes
        if max(height, width) <= _MOST_AS_IT_IS:
            return Form(height, width, channels, fit)
        come = f"all of {height} x {width} pixels"
    else:
        height, width = (int(median(values)) for values in zip(*((h.height, h.width) for h in seen), strict=True))
        come = f"of {len(sizes)} sizes, {height} x {width} pixels in the middle"
    shrink = min(1.0, _MOST_OF_AUTO / max(height, width))
    height, width = max(1, round(height * shrink)), max(1, round(width * shrink))
    note = (
        f"the images are {come}; each becomes {height} high and {width} wide. data.size=[{height},{width}] says the"
        " same, or choose another size"
    )
    return Form(height, width, channels, fit, (note,))
