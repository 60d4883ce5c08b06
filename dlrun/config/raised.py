"""What an error that came out of somebody's own class says, and where in their project it arose."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["place_in", "telling_line"]

_DLRUN = Path(__file__).resolve().parent.parent
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_NODE = re.compile(r" for '\{\{node [^']*'")  # TensorFlow's own name for the place in its graph
_FRAME = re.compile(r'^\s*File "(.+)", line (\d+)', re.MULTILINE)
# What Keras and TensorFlow write above the line that says what is wrong.
_PREAMBLE = ("Exception encountered when calling", "Could not automatically infer", "Graph execution error", "Detected")


def telling_line(error: BaseException) -> str:
    """The line of an error's text that says what is wrong, without what frameworks put around it."""
    lines = [line for line in _ESCAPES.sub("", str(error)).strip().splitlines() if line.strip()]
    telling = [line for line in lines if not line[0].isspace() and not line.startswith(_PREAMBLE)]
    return _NODE.sub("", (telling or lines or [type(error).__name__])[0].strip())


def place_in(project: Path | None, error: BaseException) -> str | None:
    """`file:line` in the project's own code where an error arose; None where it did not arise there.

    A graph's error names in its text where the node was written: Python's frames are those that ran the graph.
    """
    if project is None:
        return None
    for each in _chain(error):
        frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(each.__traceback__)]
        written = [(file, int(line)) for file, line in _FRAME.findall(str(each))]
        if found := _last_own(written, project) or _last_own(frames, project):
            return found
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _last_own(frames: Iterable[tuple[str, int]], project: Path) -> str | None:
    """The last frame in the project, below dlrun's own: what is above them is a script that called dlrun."""
    found = None
    for file, line in frames:
        path = Path(file)
        if path.is_relative_to(_DLRUN):
            found = None
        elif path.is_relative_to(project) and "site-packages" not in path.parts:
            found = f"{path}:{line}"
    return found
