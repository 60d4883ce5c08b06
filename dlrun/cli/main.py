"""The entry: find the verb, run it, turn errors into plain sentences and exit codes.

Imports the standard library and click alone, so that `dlrun --help` answers at once.
"""

from __future__ import annotations

import importlib
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from dlrun.cli.verbs import VERBS
from dlrun.errors import DlrunError, ExitCode, Terminated, UserError

__all__ = ["main"]

_NO_PROJECT = "--no-project"
_OF_PROJECTS = (None, "train", "config", "check", "ls", "show")  # verbs that read a project's options
_EPILOG = """\b
Examples:
  dlrun                                         train the default: an MLP on digits
  dlrun model=cnn optimizer.learning_rate=0.01  change an option and a value
  dlrun -m model.dropout=0,0.3 seed=0,1,2       sweep: every combination
  dlrun train --help                            the flags of training; --version
  dlrun compare                                 what was best, and how sure is that
  eval "$(dlrun -sc install=bash)"              tab completion, zsh too
"""


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        module, _, attribute = VERBS[name].target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.help) for name, verb in VERBS.items()])


_GROUP = _LazyGroup(
    name="dlrun",
    help="Run deep-learning experiments from configs. Without a verb it trains; with -m it sweeps.",
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    subcommand_metavar="[VERB] [KEY=VALUE ...]",
    # for `--help` alone: `main` takes it off, wherever it stands
    params=[click.Option([_NO_PROJECT], is_flag=True, help="Read no project, only what dlrun carries; any verb.")],
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if _NO_PROJECT not in words:
            return _dispatch(words)
        from dlrun.config.roots import trusting_no_project

        words = [word for word in words if word != _NO_PROJECT]
        with trusting_no_project():
            return _dispatch(words)
    except DlrunError as error:
        from dlrun.cli.messages import print_error

        print_error(error, words)
        return error.exit_code
    except click.ClickException as error:
        verb = words[0] if words and words[0] in VERBS else ""
        click.secho("error ", err=True, fg="red", bold=True, nl=False)
        message = error.format_message().rstrip(".")
        end = "" if message.endswith("?") else "."
        click.echo(f"{message}{end} {_help_of(verb)} shows what it takes.", err=True)
        return ExitCode.WRONG_CALL
    except (KeyboardInterrupt, click.Abort) as stop:
        said = str(stop) or "interrupted: what was finished is kept, and the same command does the rest"
        click.echo(said, err=True)
        return ExitCode.TERMINATED if isinstance(stop, Terminated) else ExitCode.INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone: `dlrun ls | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE


def _dispatch(words: list[str]) -> int:
    if "--version" in words:
        from importlib.metadata import version

        click.echo(f"dlrun {version('dlrun')}")
        return ExitCode.DONE
    if words[:1] in (["-h"], ["--help"]):
        return _call_verb(["--help"])
    verb = words[0] if words and _is_word(words[0]) else None
    if verb is not None and verb not in VERBS:
        raise UserError(_no_such_verb(words))
    rest = words[1:] if verb else words
    if verb in _OF_PROJECTS:
        _say_what_is_not_read()
    if verb in (None, "train"):  # Hydra's grammar, untouched: click would take its flags for its own
        from dlrun.cli import train

        return train.main(rest)
    return _call_verb([str(verb), *rest])


def _say_what_is_not_read() -> None:
    from dlrun.config.roots import Roots

    if (hint := Roots.of(Path.cwd()).hint) is not None:
        click.secho(hint, err=True, fg="yellow")


def _call_verb(words: list[str]) -> int:
    # not click's own `main`, which ends with 1 where a reader such as `head` has closed the pipe
    try:
        with _GROUP.make_context("dlrun", words) as context:
            code = _GROUP.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    return code if isinstance(code, int) else ExitCode.DONE


def _help_of(verb: str) -> str:
    return " ".join(filter(None, ["dlrun", verb, "--help"]))


def _is_word(text: str) -> bool:
    return "=" not in text and not text.startswith(("-", "+", "~"))


def _leads_to_data(word: str) -> bool:
    """Whether a word is that of a file or folder of data."""
    from dlrun.config.sniff import by_suffix

    return by_suffix(word) is not None or (os.sep in word and os.path.exists(word))  # noqa: PTH110 - Path's own raises


def _no_such_verb(words: Sequence[str]) -> str:
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots
    from dlrun.config.suggest import nearest, same

    word, value = words[0], next((word for word in words[1:] if word != "="), "")
    key, _, glued = word.partition(":")
    catalog = Catalog(Roots.of(Path.cwd()))
    groups = catalog.groups
    verb = same(word, VERBS)
    if words[1:2] == ["="] or value.startswith("=") or (verb is None and same(key, groups)):
        right = f"{same(key, groups) or key}={(glued or value).lstrip('=') or 'NAME'}"
        return f"'{word}' is no verb. Type {right}, without spaces round the sign."
    if _leads_to_data(word):
        return f"'{word}' is no verb. Type {shlex.join(['dlrun', f'data={word}'])}."
    if word in ("help", "version"):
        return f"'{word}' is no verb. Type dlrun --{word}."
    if word in ("sweep", "tune", "search", "multirun"):
        return f"'{word}' is no verb. Type dlrun -m KEY=VALUE,VALUE."
    choices = [f"{group}={word}" for group in ("experiment", *catalog.chosen_groups) if catalog.has(group, word)]
    if choices:
        return f"'{word}' is no verb. Did you mean dlrun {' or dlrun '.join(choices)}?"
    found = verb or nearest(word, VERBS)
    sentence = f"Did you mean dlrun {found}?" if found else "dlrun --help lists the verbs."
    return f"'{word}' is no verb, and no KEY=VALUE. {sentence}"
