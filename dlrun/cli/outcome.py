"""What is printed when a command has ended, and the exit code it ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Cell, Table, print_table
from dlrun.errors import ExitCode

if TYPE_CHECKING:
    from dlrun.api import Answer
    from dlrun.tracking.client import Report
    from dlrun.training.result import Result

__all__ = ["exit_code", "print_answer"]

_SINGLE = {"diverged": ExitCode.DIVERGED, "failed": ExitCode.FAILED, "interrupted": ExitCode.INTERRUPTED}
_PARTS = {"": "train", "val_": "validation", "test_": "test"}


def exit_code(answer: Answer) -> ExitCode:
    """0 when all is done; of a sweep 3 when a trial failed, of a single run what became of it."""
    if answer.sweep is None:
        return _SINGLE.get(answer.result.status, ExitCode.DONE)
    asked = sum(len(trial.runs) for trial in answer.sweep.trials)
    # a run without a result is one whose directory could not be written
    failed = len(answer.results) < asked or any(r.status in ("failed", "interrupted") for r in answer.results)
    return ExitCode.SOME_TRIALS_FAILED if failed else ExitCode.DONE


def print_answer(answer: Answer) -> None:
    """The outcome: metrics of a run, the leaderboard of a sweep, and what to type next."""
    if answer.sweep is None:
        _print_result(answer)
    else:
        _print_sweep(answer)
    if answer.store is not None:
        _print_store(answer.store)


def _print_result(answer: Answer) -> None:
    result = answer.result
    click.secho(f"{result.name}", bold=True, nl=False)
    click.secho(f"  run {result.id[:8]}", dim=True)
    click.echo(_sentence(result, answer.repeated > 0))
    if result.cause:
        click.echo(f"  {result.cause.get('message', '')}")
    names = [name for name in result.metrics if not name.startswith(("val_", "test_", "best_"))]
    if names:
        rows = [[name, *(_number(_kept(result, f"{prefix}{name}")) for prefix in _PARTS)] for name in names]
        print_table(Table(["", *_PARTS.values()], rows))
    folder = answer.work / "runs" / result.id
    if result.status == "failed":
        click.echo(f"Its log: {folder / 'log.txt'}")
    elif (folder / "model.keras").is_file():
        click.echo(f"The model: {folder / 'model.keras'}")
    _print_next(answer, "dlrun compare runs ranks all runs so far")


def _kept(result: Result, name: str) -> float | None:
    """A metric at the epoch whose weights were kept."""
    best = result.metrics.get(f"best_{name}") if result.kept_epoch == result.best_epoch else None
    return result.metrics.get(name) if best is None else best


def _number(value: float | None) -> Cell:
    return Cell(value, "-" if value is None else f"{value:.4f}" if abs(value) < 1000 else f"{value:.1f}")


def _sentence(result: Result, again: bool) -> str:
    seconds = result.durations.get("total_seconds", 0.0)
    epochs = f"{result.epochs_run} epoch{'' if result.epochs_run == 1 else 's'}"
    text = f"{result.status}: {epochs} in {seconds:.1f} s"
    if result.kept_epoch == 0:
        text += "; no epoch ended well: the scores are those of the untrained weights"
    elif result.kept_epoch is not None:
        text += f"; kept are the weights of epoch {result.kept_epoch}"
    return f"{text}. It was done before: nothing was run." if again else f"{text}."


def _print_sweep(answer: Answer) -> None:
    from dlrun.cli.compare import print_leaderboard

    assert answer.sweep is not None
    if answer.repeated == len(answer.results):
        click.echo(f"All {answer.repeated} runs were finished before: nothing was run.")
    click.echo()
    runs = answer.work / "runs"
    ids = [run for trial in answer.sweep.trials for run in trial.runs]
    print_leaderboard([runs / run for run in ids], catalog=answer.catalog, title=f"sweep {answer.sweep.id[:8]}")
    click.echo()
    _print_next(answer, "dlrun compare shows this again")


def _print_next(answer: Answer, compare: str) -> None:
    click.echo(f"{compare}; dlrun ui opens them in MLflow." if answer.is_tracked else f"{compare}.")


def _print_store(report: Report) -> None:
    if not report.complete:
        reason = f": {report.error}" if report.error else ""
        click.secho(
            f"{report.pending} runs are not in {report.uri} yet{reason}. Nothing is lost: the same command again"
            " completes the store.",
            fg="yellow",
            err=True,
        )
