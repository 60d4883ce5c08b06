"""Flags and files that stand for words: spelled out, and echoed, so that the long form is learnt."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dlrun.errors import UserError

__all__ = ["spelled_out", "with_files"]

_SETS = {"seeds": ("seed",), "jobs": ("launcher.jobs",)}


def spelled_out(words: Sequence[str], flags: Mapping[str, Any], sweep: bool) -> tuple[list[str], bool]:
    """The words with what the flags stand for, normalised, and whether they make a sweep.

    Args:
        flags: `seeds`, `folds` and `jobs`, None where they were not given, `inexact`; with `dry_run` it is a check.
        sweep: whether `-m` was typed.

    Raises:
        UserError: a flag has no sense, or a word sets the same key.
    """
    from dlrun.cli.folds import fold_words
    from dlrun.config.draft import normalise_override

    _refuse_nonsense(words, flags)
    extra = []
    if (seeds := flags.get("seeds")) is not None:
        extra.append(f"seed={','.join(map(str, range(seeds)))}")
    if (folds := flags.get("folds")) is not None:
        extra += fold_words(words, folds)
    sweep = sweep or bool(extra)
    if flags.get("jobs") is not None:
        extra.append(f"launcher.jobs={flags['jobs']}")
    if flags.get("inexact"):
        extra.append("checkpoint.inexact=true")
    verb = ["check"] if flags.get("dry_run") else []
    spelled = with_files([*words, *extra], [*verb, *(["-m"] if sweep else [])], is_echoed=bool(extra))
    return [normalise_override(text) for text in spelled], sweep


def with_files(words: Sequence[str], before: Sequence[str], is_echoed: bool = False) -> list[str]:
    """The words with `data=FILE` as what it stands for, echoed where there is one.

    Args:
        before: the verb and flags that stand before the words.
        is_echoed: whether the words are echoed in any case.

    Raises:
        ConfigError: what is named cannot be read.
    """
    spelled = list(words)
    if any(word.startswith("data=") for word in words):  # it costs some milliseconds to know the options
        from dlrun.config.catalog import Catalog
        from dlrun.config.given import spelled_out_files
        from dlrun.config.roots import Roots

        spelled = spelled_out_files(words, Catalog(Roots.of(Path.cwd())))
    if is_echoed or spelled != list(words):
        click.echo(f"= {shlex.join(['dlrun', *before, *spelled])}", err=True)
    return spelled


def _refuse_nonsense(words: Sequence[str], flags: Mapping[str, Any]) -> None:
    from dlrun.cli.folds import typed_beside_folds
    from dlrun.config.bounds import MOST_RUNS
    from dlrun.config.words import key_of

    for flag in ("seeds", "folds"):
        count = flags.get(flag)
        if count is not None and count < 1:
            raise UserError(f"--{flag} must be 1 or more; got {count}.")
        if count is not None and count > MOST_RUNS:
            raise UserError(f"--{flag} must be at most {MOST_RUNS:,}; got {count}.")
    beside = {flag: [word for word in words if key_of(word) in keys] for flag, keys in _SETS.items()}
    for flag, typed in {**beside, "folds": typed_beside_folds(words)}.items():  # one of the two would be forgotten
        if flags.get(flag) is not None and typed:
            raise UserError(f"--{flag} must not stand beside {typed[0]}: both set {key_of(typed[0])}. Leave one out.")
