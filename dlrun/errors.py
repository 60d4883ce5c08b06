"""Every error that dlrun raises on purpose, and the exit code each one ends a command with.

    DlrunError                       1
    ├── UserError                    2   the call is wrong: nothing was created
    │   ├── ConfigError              2   one or more `Problem`s of the config
    │   ├── DataError                2   the data cannot be used: one or more `Problem`s
    │   └── Declined               130   the user was asked, and said no
    ├── StorageError                 2   a directory or store cannot be read or written
    └── RunFailed                    1   a run ended by an error of its own

A run that diverges is a result, not an error: exit code 4 for a single run. `Terminated` and `OutOfTime` are no errors
either: they are Ctrl-C by other signals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

__all__ = [
    "ConfigError",
    "DataError",
    "Declined",
    "DlrunError",
    "ExitCode",
    "OutOfTime",
    "Problem",
    "RunFailed",
    "StorageError",
    "Terminated",
    "TrainingProblem",
    "UserError",
]


class ExitCode(IntEnum):
    """What a command tells the shell."""

    DONE = 0
    FAILED = 1
    WRONG_CALL = 2
    SOME_TRIALS_FAILED = 3
    DIVERGED = 4
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a config, a file or a call.

    Attributes:
        key: what it is about, as the user would type it: `optimizer.learning_rate`, `data.path`.
        rule: what must hold, completing the sentence "<key> must ...".
        got: the value found, as the user wrote it; None when there is none to show.
        mend: what to type instead, as a full sentence or command.
        place: `file:line` for values that come from files, "command line" for the rest.
        instead: what in the typed word is wrong, and what was probably meant: `("lr", "optimizer.learning_rate")`; ''
            where nothing better is known than to leave the word out.
    """

    key: str
    rule: str
    got: str | None = None
    mend: str | None = None
    place: str | None = None
    instead: tuple[str, str] | None = None

    def __str__(self) -> str:
        text = f"{self.key} {self.rule}"
        if self.got is not None:
            text += f"; got {self.got}"
        text += "."
        if self.mend:
            text += f" {self.mend}"
        if self.place:
            text += f" ({self.place})"
        return text


@dataclass(frozen=True)
class TrainingProblem(Problem):
    """A problem of data that keeps a run from being trained on it, and not from being evaluated on it."""


class DlrunError(Exception):
    """The base of all errors that dlrun raises on purpose."""

    exit_code: ExitCode = ExitCode.FAILED


class UserError(DlrunError):
    """The call is wrong; nothing was created."""

    exit_code = ExitCode.WRONG_CALL


class _Problems(UserError):
    """Problems found together, told together."""

    headline = "problem"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> Any:
        return type(self), (self.problems,), self.__dict__  # by itself an exception is made anew from its text


class ConfigError(_Problems):
    """The config is wrong: all problems at once.

    Attributes:
        instead: typed word to the word that was probably meant, where a command with all of them put in is right.
        where: the trials of a sweep that alone have a problem, as `model=lstm`.
    """

    headline = "problem in the config"

    def __init__(
        self,
        problems: Sequence[Problem],
        instead: Mapping[str, str] | None = None,
        where: Mapping[Problem, str] | None = None,
    ) -> None:
        super().__init__(problems)
        self.instead = dict(instead or {})
        self.where = dict(where or {})


class DataError(_Problems):
    """The data cannot be used: all problems at once."""

    headline = "problem with the data"


class Declined(UserError):
    """The user was asked whether to begin, and said no."""

    exit_code = ExitCode.INTERRUPTED


class StorageError(DlrunError):
    """A directory or a store cannot be read or written."""

    exit_code = ExitCode.WRONG_CALL


class RunFailed(DlrunError):
    """A run ended by an error of its own; its directory holds the log."""


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: a run ends as with Ctrl-C, the command with another exit code."""


class OutOfTime(KeyboardInterrupt):
    """SIGALRM arrived: a run of a sweep has taken longer than it may, and fails after a checkpoint."""
