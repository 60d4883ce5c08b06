"""One hostile config or call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["EVIL", "PROJECT", "Case", "experiment", "project"]

EVIL = "open('PWNED', 'w').write(__name__)\n\n\ndef run(*_, **__):\n    open('RAN', 'w').write('x')\n"
"""A module that leaves a mark when it is imported, and another when it is called."""

PROJECT = {"conf/project.yaml": "", "evil.py": EVIL}


@dataclass(frozen=True)
class Case:
    """What is typed, what lies there, and what must become of it.

    Attributes:
        name: unique.
        words: the command line, without `dlrun`.
        says: a piece of what is printed.
        files: what lies in the folder; `evil.py` always does.
        prepare: makes what is no plain file.
        is_harmless: whether it is taken (exit code 0) and does nothing; all others are refused (exit code 2).
        folder: where in the folder the command is started.
        environment: variables that are set.
    """

    name: str
    words: tuple[str, ...]
    says: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    prepare: Callable[[Path], None] | None = None
    is_harmless: bool = False
    folder: str = "."
    environment: Mapping[str, str] = field(default_factory=dict)


def project(files: Mapping[str, str | bytes] | None = None) -> dict[str, str | bytes]:
    """A project with these files."""
    return {**PROJECT, **(files or {})}


def experiment(text: str) -> dict[str, str | bytes]:
    """A project with one experiment, `mine`."""
    return project({"experiments/mine.yaml": text})
