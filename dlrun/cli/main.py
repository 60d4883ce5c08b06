"""The entry: find the verb, run it, turn errors into plain sentences and exit codes.

Imports the standard library and click alone, so that `dlrun --help` answers at once.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from dlrun.cli.verbs import VERBS
from dlrun.errors import DlrunError, ExitCode, Terminated, UserError

__all__ = ["main"]

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
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _dispatch(words)
    except DlrunError as error:
        from dlrun.cli.messages import print_error

        print_error(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.WRONG_CALL
    except (KeyboardInterrupt, click.Abort) as stop:
        click.echo("interrupted: what was finished is kept, and the same command does the rest", err=True)
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
        raise UserError(_no_such_verb(verb))
    rest = words[1:] if verb else words
    if verb in (None, "train"):  # Hydra's grammar, untouched: click would take its flags for its own
        from dlrun.cli import train

        return train.main(rest)
    return _call_verb([str(verb), *rest])


def _call_verb(words: list[str]) -> int:
    # not click's own `main`, which ends with 1 where a reader such as `head` has closed the pipe
    try:
        with _GROUP.make_context("dlrun", words) as context:
            code = _GROUP.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    return code if isinstance(code, int) else ExitCode.DONE


def _is_word(text: str) -> bool:
    return "=" not in text and not text.startswith(("-", "+", "~"))


def _no_such_verb(word: str) -> str:
    from dlrun.config.suggest import did_you_mean

    sentence = did_you_mean(word, VERBS, shown="dlrun {}") or "dlrun --help lists the verbs."
    return f"'{word}' is no verb, and no KEY=VALUE. {sentence}"
