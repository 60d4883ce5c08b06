"""`dlrun check [OVERRIDES] [-m]` and `dlrun check RUN`: what a command would train, told before it is trained."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlrun.cli.shorthands import spelled_out
from dlrun.errors import ConfigError, DataError, ExitCode, UserError

if TYPE_CHECKING:
    from dlrun.planning import Planner
    from dlrun.workflows.preflight import Preflight

__all__ = ["check", "command"]


@click.command(context_settings={"ignore_unknown_options": True}, short_help="Try a run or a sweep without training.")
@click.option("-m", "--multirun", "sweep", is_flag=True, help="Check every trial of a sweep.")
@click.option("--seeds", type=int, metavar="N", help="Of N seeds: seed=0,1,...,N-1 and -m.")
@click.option("--folds", type=int, metavar="N", help="Of N folds: split=kfold with all of them and -m.")
@click.option("--jobs", metavar="N", help="With N worker processes: launcher.jobs=N.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.option("--preview", is_flag=True, help="Draw samples as they are trained on, augmented.")
@click.option("--out", metavar="FILE.png", help="Where --preview draws them.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[KEY=VALUE ... | RUN]")
def command(words: tuple[str, ...], sweep: bool, as_json: bool, preview: bool, out: str | None, **flags: Any) -> int:
    """Build each model of a run, or with -m of a sweep, and push one batch of the data through it.

    Tells layers, parameters, operations, memory and time, and what looks like a mistake. Nothing is written but the
    picture of --preview, into plots/. With -m also trials that cannot be run and trials that are one and the same.

    A word without = is a RUN (last, best, an id, a path, also of a run made elsewhere): is its spec one of ours, and
    do its weights fit?
    """
    if unknown := [word for word in words if word.startswith("-")]:
        raise UserError(f"dlrun check knows no {unknown[0]}. dlrun check --help shows its flags.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets in ten lines otherwise
    if out is not None and not preview:
        raise UserError("--out says where --preview draws samples. Add --preview, or leave it out.")
    if preview:
        return _preview(*spelled_out(words, flags | {"dry_run": True}, sweep), out, as_json)
    if words and "=" not in words[0] and not words[0].startswith(("+", "~")):
        return _check_run(words, sweep, as_json)
    return check(*spelled_out(words, flags | {"dry_run": True}, sweep), as_json)


def _preview(words: Sequence[str], sweep: bool, out: str | None, as_json: bool) -> int:
    """Draw samples of one run, and say where."""
    if sweep:
        raise UserError("dlrun check --preview draws the samples of one run: leave out -m, --seeds and --folds.")
    if out is not None and Path(out).suffix.lower() != ".png":
        raise UserError(f"--out must be a file that ends in .png; got {out}. Type --out samples.png.")
    from dlrun.planning import Planner

    planner = Planner(Path.cwd())
    (run,) = planner.plan(words, sweep=False).runs
    from dlrun.training import process

    process.configure(run.spec["trainer"])
    from dlrun.workflows.preview import preview

    path = preview(run.spec, planner.catalog, run.id, None if out is None else Path(out))
    if as_json:
        _echo_json({"samples": str(path)})
    else:
        click.echo(f"Samples: {os.path.relpath(path)}")
    return ExitCode.DONE


def check(words: Sequence[str], sweep: bool, as_json: bool) -> int:
    """Try what the words ask for, and print what was found; returns the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets in ten lines otherwise
    try:
        found = _preflight(words, sweep)
    except (ConfigError, DataError) as error:
        if not as_json:
            raise
        _echo_json({"problems": [_plain(problem) for problem in error.problems]})
        return error.exit_code
    if as_json:
        from dlrun.cli.check_json import to_json

        _echo_json(to_json(found))
    else:
        from dlrun.cli.check_text import print_preflight

        print_preflight(found, sweep)
    return ExitCode.WRONG_CALL if found.impossible else ExitCode.DONE


def _preflight(words: Sequence[str], sweep: bool) -> Preflight:
    from dlrun.planning import Planner
    from dlrun.workflows.preflight import preflight

    planner: Planner = Planner(Path.cwd())
    survey = planner.survey(words, sweep)
    if survey.problems or not survey.runs:
        planner.plan(words, sweep)  # says what is wrong with all of it
    return preflight(planner, survey, _tell if sys.stderr.isatty() else None)


def _tell(number: int, count: int) -> None:
    end = "\r" if number < count else "\r\x1b[K"
    click.echo(f"building model {number} of {count}", err=True, nl=False)
    click.echo(end, err=True, nl=False)


def _check_run(words: tuple[str, ...], sweep: bool, as_json: bool) -> int:
    if sweep or len(words) > 1:
        other = "-m" if sweep else words[1]
        raise UserError(f"dlrun check takes one RUN or KEY=VALUE words; got {words[0]} and {other}. Leave one out.")
    from dlrun.cli.check_text import print_inspection
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots
    from dlrun.workflows.foreign import inspect_run

    catalog = Catalog(Roots.of(Path.cwd()))
    if catalog.has("experiment", words[0]) and not Path(words[0]).exists():
        raise UserError(f"{words[0]} is an experiment, and no run. Type dlrun check -m experiment={words[0]}.")
    found = inspect_run(_path_of(words[0], catalog), catalog)
    if as_json:
        from dlrun.cli.check_json import inspection_to_json

        _echo_json(inspection_to_json(found))
    else:
        print_inspection(found)
    return ExitCode.DONE


def _path_of(word: str, catalog: Any) -> Path:
    """Where the run lies that a word addresses: a path as it is, made here or not; else one of this project's runs."""
    path = Path(word).expanduser()
    if path.exists() or os.sep in word or path.suffix:
        return path
    from dlrun.analysis.which import find_run

    return find_run(word, catalog.roots.work, catalog).path


def _plain(problem: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(problem)


def _echo_json(content: Any) -> None:
    click.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=str))
