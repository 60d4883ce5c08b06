"""`dlrun [train] [OVERRIDES] [-m]`: Hydra's grammar, checked before anything runs."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

import click

from dlrun.errors import ExitCode, UserError

__all__ = ["command", "main"]

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
  -q, --quiet      Print only the outcome.
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
    arguments = _parse(words)
    if arguments.help:
        click.echo(_HELP)
        return ExitCode.DONE
    overrides = _shorthands(arguments)
    if arguments.cfg or arguments.info or arguments.hydra_help:
        return _inspect(arguments, overrides)
    return _train(overrides, arguments.multirun, arguments.quiet)


def _parse(words: list[str]) -> argparse.Namespace:
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--folds", type=int)
    parser.add_argument("--quiet", "-q", action="store_true")
    parser.exit_on_error = False
    parser.allow_abbrev = False  # or --seed 3 would quietly be --seeds 3
    parser.prog = "dlrun"

    def refuse(message: str) -> None:
        raise UserError(f"{message}. dlrun --help shows the flags.")

    parser.error = refuse  # type: ignore[method-assign,assignment]
    try:
        arguments = parser.parse_intermixed_args(words)  # flags may stand after overrides
    except argparse.ArgumentError as error:
        raise UserError(f"{error}. dlrun --help shows the flags.") from error
    for name, sentence in _REFUSED.items():
        if getattr(arguments, name) is not None:
            raise UserError(f"dlrun does not take {sentence}")
    return arguments


def _shorthands(arguments: argparse.Namespace) -> list[str]:
    """The overrides, with what the shorthand flags stand for; echoed, so that the long form is learnt."""
    extra = []
    for flag in ("seeds", "folds"):
        count = getattr(arguments, flag)
        if count is not None and count < 1:
            raise UserError(f"--{flag} must be 1 or more; got {count}.")
    if arguments.seeds is not None:
        extra.append(f"seed={','.join(map(str, range(arguments.seeds)))}")
    if arguments.folds is not None:
        folds = ",".join(map(str, range(arguments.folds)))
        extra += ["split=kfold", f"split.folds={arguments.folds}", f"split.fold={folds}"]
    if extra:
        arguments.multirun = True
        click.echo(f"= dlrun -m {' '.join([*arguments.overrides, *extra])}", err=True)
    from dlrun.config.draft import normalise_override

    return [normalise_override(text) for text in (*arguments.overrides, *extra)]


def _inspect(arguments: argparse.Namespace, overrides: list[str]) -> int:
    from hydra._internal.utils import get_args_parser

    from dlrun.config.loader import PRIMARY, hydra_app
    from dlrun.planning import Planner

    if arguments.multirun:
        raise UserError("--cfg and --info show one config: leave -m out, or list the trials with dlrun config -m.")
    logging.raiseExceptions = False  # Hydra prints by logging, which complains at length where a pipe is closed
    hydra = hydra_app(Path.cwd())
    if arguments.hydra_help:
        hydra.hydra_help(config_name=PRIMARY, args_parser=get_args_parser(), args=arguments)
        return ExitCode.DONE
    if arguments.cfg != "hydra":
        Planner(Path.cwd()).plan(overrides, sweep=False)
    if arguments.cfg:
        hydra.show_cfg(PRIMARY, overrides, arguments.cfg, arguments.package, arguments.resolve)
    else:
        hydra.show_info(arguments.info, PRIMARY, overrides)
    return ExitCode.DONE


def _train(overrides: list[str], sweep: bool, quiet: bool) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets in ten lines otherwise
    from dlrun.api import answer_to
    from dlrun.cli.outcome import exit_code, print_answer
    from dlrun.cli.progress import RunDisplay, SweepDisplay
    from dlrun.config.roots import Roots

    if (folder := Roots.of(Path.cwd()).unread) is not None:
        hint = f"{folder} is not read: make {folder / 'project.yaml'}, which may be empty, if it is yours."
        click.secho(hint, err=True, fg="yellow")
    if sweep:
        with SweepDisplay(quiet or not sys.stdout.isatty()) as display:
            answer = answer_to(overrides, True, observer=display)
    else:
        with RunDisplay(quiet or not sys.stdout.isatty()) as show:
            answer = answer_to(overrides, False, listener=show)
    print_answer(answer)
    return exit_code(answer)
