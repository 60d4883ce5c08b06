"""Why a run did not finish: the kinds of causes, and which of them an error is.

A cause is what `result.json`, the journal, a sweep's ledger and MLflow hold:

    {"kind": "error", "message": "Incompatible shapes: [32] vs. [32,3] (own.py:7)", "type": "ValueError"}
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun.config.raised import place_in, telling_line
from dlrun.errors import DlrunError, OutOfTime, UserError

__all__ = ["KINDS", "Cause", "cause", "cause_of", "in_one_line"]

Cause = dict[str, str]

KINDS = {
    "bad_config": "its config or its data cannot be used",
    "nan": "its loss or its weights became NaN or infinite",
    "explosion": "its loss rose beyond `trainer.divergence_factor`",
    "out_of_memory": "it asked for more memory than there is, or was ended because of what it took",
    "crash": "its process was ended by a signal, or by itself",
    "timeout": "it took longer than `launcher.trial_timeout`",
    "error": "it raised an error of its own",
    "signal": "SIGINT (Ctrl-C) or SIGTERM stopped it",
    "pruned": "it was asked to stop after an epoch",
}
"""Each kind, and what it says of a run."""

_SPEAK_FOR_THEMSELVES = ("signal", "pruned", "timeout")
_OUT_OF_MEMORY = ("ResourceExhaustedError", "RESOURCE_EXHAUSTED")  # TensorFlow's class; how XLA's texts begin


def cause(kind: str, message: str, type: str | None = None) -> Cause:
    """A cause of one of `KINDS`.

    Args:
        type: the class of the exception that told it, where one did.
    """
    assert kind in KINDS, kind
    return {"kind": kind, "message": message} | ({"type": type} if type else {})


def cause_of(error: BaseException, project: Path | None = None) -> Cause:
    """The cause that an error is.

    Args:
        project: where the code that raised it may be the user's own: then its place is told.
    """
    name, message = type(error).__name__, str(error)
    if not isinstance(error, DlrunError | OutOfTime):  # whose texts are written to be read
        place = place_in(project, error)
        message = telling_line(error) + (f" ({Path(place).name})" if place else "")
    return cause(_kind_of(error), message or name, name)


def in_one_line(found: Mapping[str, Any]) -> str:
    """A cause as it is shown in a line: what kind it is, and the first line of its message."""
    kind = str(found.get("kind") or "")
    lines = str(found.get("message") or "").strip().splitlines()
    said = str(found.get("type") or kind) if kind == "error" else kind.replace("_", " ")
    if kind in _SPEAK_FOR_THEMSELVES and lines:
        return lines[0]
    return ": ".join(part for part in (said, lines[0] if lines else "") if part)


def _kind_of(error: BaseException) -> str:
    if isinstance(error, OutOfTime):
        return "timeout"
    if isinstance(error, UserError):
        return "bad_config"
    names = {base.__name__ for base in type(error).__mro__}  # by name: this module imports no TensorFlow
    told = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    if told or _OUT_OF_MEMORY[0] in names or str(error).startswith(_OUT_OF_MEMORY[1]):
        return "out_of_memory"
    return "error"
