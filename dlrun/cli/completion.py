"""Tab completion: Hydra's, which knows every group, option and key, with dlrun's verbs at the first word."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dlrun.cli.verbs import VERBS
from dlrun.errors import ExitCode

__all__ = ["complete"]

_TAKE_OVERRIDES = ("train", "config")  # the other verbs take names


def complete(words: list[str]) -> int:
    """Answer `-sc install=bash`, `-sc uninstall=bash` and the shell's own `-sc query=bash`."""
    line = os.environ.get("COMP_LINE", "")
    typed = line.split()[1:]
    is_new_word = line.endswith(" ")
    verb = typed[0] if typed and typed[0] in VERBS and (len(typed) > 1 or is_new_word) else None
    if verb not in (None, *_TAKE_OVERRIDES):
        return ExitCode.DONE
    if verb is not None:
        os.environ["COMP_LINE"] = line.replace(verb, "", 1)
    if any(word.startswith("query=") for word in words) and verb is None and len(typed) <= (0 if is_new_word else 1):
        start = "" if is_new_word or not typed else typed[0]
        click.echo(" ".join(name for name in VERBS if name.startswith(start)), nl=False)
        click.echo(" ", nl=False)
    from dlrun.config.loader import PRIMARY, hydra_app

    hydra_app(Path.cwd()).shell_completion(PRIMARY, [word for word in words if "=" in word])
    return ExitCode.DONE
