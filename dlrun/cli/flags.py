"""What a flag that training does not know was meant to be: mostly a key, as other tools write it, `--epochs 5`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dlrun.errors import UserError

__all__ = ["wrong_flag"]

_UNKNOWN = "unrecognized arguments: "
_REPEATED = re.compile(r"argument --seeds: invalid int value: '([\d,]+)'$")


def wrong_flag(message: str, words: Sequence[str], known: Sequence[str]) -> UserError:
    """The error of flags that cannot be read.

    Args:
        message: what argparse says.
        words: all words of the command.
        known: the flags that there are, with their hyphens.
    """
    if not message.startswith(_UNKNOWN):
        sentence = (
            _REPEATED.sub(r"--seeds must be how many; got \1. Type -m seed=\1", message)
            if _REPEATED.match(message)
            else message
        )
        return UserError(f"{sentence}. dlrun train --help shows the flags.")
    flags = [word for word in message.removeprefix(_UNKNOWN).split() if word.startswith("-")]
    told = [_told(flag, words, known) for flag in flags]
    return UserError(" ".join([*told, "dlrun train --help shows the flags; KEY=VALUE sets a key."]))


def _told(flag: str, words: Sequence[str], known: Sequence[str]) -> str:
    name, separator, value = flag.lstrip("-").replace("-", "_").partition("=")
    if not separator:
        value = _following(flag, words)
    return " ".join(filter(None, [f"{flag} must be a flag of dlrun train.", _meant(name, value, known)]))


def _following(flag: str, words: Sequence[str]) -> str:
    after = words[words.index(flag) + 1 :][:1] if flag in words else []
    return next((word for word in after if "=" not in word and not word.startswith("-")), "")


def _meant(name: str, value: str, known: Sequence[str]) -> str | None:
    from dlrun.config.meant import meant_key
    from dlrun.config.suggest import nearest, same
    from dlrun.planning import Planner

    flags = {flag.lstrip("-"): flag for flag in known if flag.startswith("--")}
    if (found := same(name, flags)) is not None:
        return f"Did you mean {flags[found]}?"
    planner = Planner(Path.cwd())
    runs = planner.survey([], sweep=False).runs
    if not runs:  # the project's own config is wrong: that is told when the flag is mended
        return None
    (run,) = runs
    meant = meant_key(name, run.spec, planner.catalog)
    if meant.key:
        return f"Did you mean {meant.key}={value or 'VALUE'}?"
    if name in planner.catalog.primary.parameters or name in planner.catalog.groups:
        return f"Did you mean {name}={value or 'VALUE'}?"
    near = nearest(name, flags, cutoff=0.75)
    return f"Did you mean {flags[near]}?" if near else None
