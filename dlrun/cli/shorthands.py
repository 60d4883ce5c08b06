"""Flags that stand for words: spelled out, and echoed, so that the long form is learnt."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import click

from dlrun.errors import UserError

__all__ = ["spelled_out"]

_SETS = {"seeds": ("seed",), "folds": ("split", "split.folds", "split.fold"), "jobs": ("launcher.jobs",)}


def spelled_out(words: Sequence[str], flags: Mapping[str, Any], sweep: bool) -> tuple[list[str], bool]:
    """The words with what the flags stand for, normalised, and whether they make a sweep.

    Args:
        flags: `seeds`, `folds` and `jobs`, None where they were not given, `inexact`; with `dry_run` it is a check.
        sweep: whether `-m` was typed.

    Raises:
        UserError: a flag has no sense, or a word sets the same key.
    """
    from dlrun.config.draft import normalise_override

    _refuse_nonsense(words, flags)
    extra = []
    if (seeds := flags.get("seeds")) is not None:
        extra.append(f"seed={','.join(map(str, range(seeds)))}")
    if (folds := flags.get("folds")) is not None:
        extra += ["split=kfold", f"split.folds={folds}", f"split.fold={','.join(map(str, range(folds)))}"]
    sweep = sweep or bool(extra)
    if flags.get("jobs") is not None:
        extra.append(f"launcher.jobs={flags['jobs']}")
    if flags.get("inexact"):
        extra.append("checkpoint.inexact=true")
    if extra:
        verb = ["dlrun", *(["check"] if flags.get("dry_run") else []), *(["-m"] if sweep else [])]
        click.echo(f"= {shlex.join([*verb, *words, *extra])}", err=True)
    return [normalise_override(text) for text in (*words, *extra)], sweep


def _refuse_nonsense(words: Sequence[str], flags: Mapping[str, Any]) -> None:
    from dlrun.config.bounds import MOST_RUNS
    from dlrun.config.words import key_of

    for flag in ("seeds", "folds"):
        count = flags.get(flag)
        if count is not None and count < 1:
            raise UserError(f"--{flag} must be 1 or more; got {count}.")
        if count is not None and count > MOST_RUNS:
            raise UserError(f"--{flag} must be at most {MOST_RUNS:,}; got {count}.")
    for flag, keys in _SETS.items():  # one of the two would be forgotten in silence
        typed = [word for word in words if key_of(word) in keys]
        if flags.get(flag) is not None and typed and typed != ["split=kfold"]:
            raise UserError(f"--{flag} must not stand beside {typed[0]}: both set {key_of(typed[0])}. Leave one out.")
