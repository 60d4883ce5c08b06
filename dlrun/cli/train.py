"""`dlrun [train] [OVERRIDES] [-m]`: Hydra's grammar, checked before anything runs."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.shorthands import spelled_out
from dlrun.errors import ExitCode, UserError

if TYPE_CHECKING:
    from dlrun.cli.training import Output

__all__ = ["command", "main", "train"]

_REFUSED = {
    "experimental_rerun": "--experimental-rerun, which unpickles a file: repeat a run with the command in its notes.",
    "config_path": "--config-path: your own options go into your project's conf/ (dlrun show project).",
    "config_name": "--config-name: write an experiment into experiments/ and choose it with experiment=NAME.",
    "config_dir": "--config-dir: your own options go into your project's conf/ (dlrun show project).",
}
_HELP = """Usage: dlrun [train] [KEY=VALUE ...] [-m]

  Train one run, or with -m every combination of the values given.

  Words are Hydra's: GROUP=OPTION chooses, KEY=VALUE sets, +GROUP=[OPTION] adds, ~KEY removes.

Options:
  -m, --multirun   Sweep over lists of values: optimizer.learning_rate=0.001,0.01
  --seeds N        Repeat with N seeds: seed=0,1,...,N-1 and -m.
  --folds N        Cross-validate: split=kfold split.folds=N split.fold=0,...,N-1 and -m.
  --jobs N         Worker processes of a sweep: launcher.jobs=N.
  --dry-run        Train nothing: dlrun check, for this very command.
  --inexact        Go on with a run also where the machine or TensorFlow changed.
  -q, --quiet      Print only the outcome.
  --json           Print JSON, an object a line: what happens as it happens, the outcome last.
  --no-project     Read no project: only what dlrun carries is trusted. With any verb.
  -c, --cfg job    Print the composed config and stop.
  -i, --info ...   Print how the config is composed and stop.
  --hydra-help     Hydra's own help.
  -h, --help       Show this and stop.

Examples:
  dlrun model=cnn trainer.epochs=10
  dlrun -m optimizer.learning_rate=1e-4,1e-3,1e-2 model.dropout=0,0.3 seed=0,1,2
  dlrun data=csv data.path=houses.csv data.target=price

dlrun ls lists what can be chosen, dlrun show NAME what it takes."""


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(words: tuple[str, ...]) -> int:
    """Train one run, or with -m a sweep (the default verb)."""
    return main(list(words))


def main(words: list[str]) -> int:
    """Run `train` with these words; returns the exit code."""
    if "-sc" in words or "--shell-completion" in words:
        from dlrun.cli.completion import complete

        return complete(words)
    if "--json" in words:
        from dlrun.cli.training import json_errors

        return json_errors(lambda: _main(words))
    return _main(words)


def _main(words: list[str]) -> int:
    arguments = _parse(words)
    if arguments.help:
        click.echo(_HELP)
        return ExitCode.DONE
    overrides, arguments.multirun = spelled_out(arguments.overrides, vars(arguments), arguments.multirun)
    if arguments.cfg or arguments.info or arguments.hydra_help:
        return _inspect(arguments, overrides)
    if arguments.dry_run:
        from dlrun.cli.check import check

        return check(overrides, arguments.multirun, arguments.json)
    return train(overrides, arguments.multirun, "json" if arguments.json else "quiet" if arguments.quiet else "shown")


def _parse(words: list[str]) -> argparse.Namespace:
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--folds", type=int)
    parser.add_argument("--jobs")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--inexact", action="store_true")
    parser.add_argument("--quiet", "-q", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.exit_on_error = False
    parser.allow_abbrev = False  # or --seed 3 would quietly be --seeds 3
    parser.prog = "dlrun"

    def refuse(message: str) -> None:
        from dlrun.cli.flags import wrong_flag

        raise wrong_flag(message, words, [flag for action in parser._actions for flag in action.option_strings])

    parser.error = refuse  # type: ignore[method-assign,assignment]
    try:
        arguments = parser.parse_intermixed_args(words)  # flags may stand after overrides
    except argparse.ArgumentError as error:
        refuse(str(error))
    for name, sentence in _REFUSED.items():
        if getattr(arguments, name) is not None:
            raise UserError(f"dlrun does not take {sentence}")
    return arguments


def _inspect(arguments: argparse.Namespace, overrides: list[str]) -> int:
    from hydra._internal.utils import get_args_parser

    from dlrun.config.loader import PRIMARY, hydra_app
    from dlrun.config.secrets import by_name
    from dlrun.planning import Planner

    if arguments.multirun:
        raise UserError("--cfg and --info show one config: leave -m out, or list the trials with dlrun config -m.")
    logging.raiseExceptions = False  # Hydra prints by logging, which complains at length where a pipe is closed
    Planner(Path.cwd()).plan(overrides, sweep=False)  # Hydra acts on its own part of the config to print any of it
    hydra = hydra_app(Path.cwd())
    with by_name():
        if arguments.hydra_help:
            hydra.hydra_help(config_name=PRIMARY, args_parser=get_args_parser(), args=arguments)
        elif arguments.cfg:
            hydra.show_cfg(PRIMARY, overrides, arguments.cfg, arguments.package, arguments.resolve)
        else:
            hydra.show_info(arguments.info, PRIMARY, overrides)
    return ExitCode.DONE


def train(overrides: list[str], sweep: bool, output: Output = "shown") -> int:
    """Train what checked words say, and print the outcome; returns the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets in ten lines otherwise
    from dlrun.cli import training

    return training.train(overrides, sweep, output)
