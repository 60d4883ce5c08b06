"""What is printed when a command has ended, and the exit code it ends with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dlrun.cli.by_class import print_classes
from dlrun.cli.diagnosis import print_diagnosis
from dlrun.cli.ledger_text import failures, mends
from dlrun.cli.rate_test import print_rate_test
from dlrun.cli.tables import Cell, Table, print_table
from dlrun.errors import ExitCode
from dlrun.workflows.amounts import short, short_bytes, short_score

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord, SweepRecord
    from dlrun.api import Answer
    from dlrun.tracking.client import Report
    from dlrun.training.result import Result

__all__ = ["exit_code", "print_answer"]

_SINGLE = {"diverged": ExitCode.DIVERGED, "failed": ExitCode.FAILED, "interrupted": ExitCode.INTERRUPTED}
_MODEL = "The model of the best run"
_WHERE = {"none": "", "offline": "; dlrun sync sends them to the store"}
_PARTS = {"": "train", "val_": "validation", "test_": "test"}


def exit_code(answer: Answer) -> ExitCode:
    """0 when all is done; of a sweep 3 when a trial failed, of a single run what became of it."""
    if answer.rate_test is not None:
        return ExitCode.DONE
    if answer.sweep is None:
        return _SINGLE.get(answer.result.status, ExitCode.DONE)
    asked = sum(len(trial.runs) for trial in answer.sweep.trials)
    # a run without a result is one whose directory could not be written
    failed = len(answer.results) < asked or any(r.status in ("failed", "interrupted") for r in answer.results)
    return ExitCode.SOME_TRIALS_FAILED if failed else ExitCode.DONE


def print_answer(answer: Answer, words: Sequence[str] = (), advises: bool = True) -> None:
    """The outcome: metrics of a run, the leaderboard of a sweep, and what to type next.

    Args:
        words: of the command, for one that goes on from it.
        advises: whether to say what to type next where all went well.
    """
    if answer.rate_test is not None:
        print_rate_test(answer.rate_test, words)
    elif answer.sweep is None:
        _print_result(answer)
        if advises:
            _print_next(answer, "dlrun compare runs ranks all runs so far")
    else:
        _print_sweep(answer, advises)
    if answer.store is not None:
        _print_store(answer.store)


def _print_result(answer: Answer) -> None:
    result = answer.result
    click.secho(f"{result.name}", bold=True, nl=False)
    click.secho(f"  run {result.id[:8]}", dim=True)
    click.echo(_sentence(result, answer.repeated > 0))
    if result.engine:
        click.secho(f"trained by {result.engine['name']}: {result.engine['why']}", dim=True)
    if (first := result.cost.get("seconds_to_first_step")) and (rate := result.cost.get("samples_per_second")):
        most = short_bytes(result.cost["peak_memory_bytes"] or 0)
        click.secho(f"{short(rate)} samples a second, the first step after {first:.1f} s, {most} of memory", dim=True)
    if result.cause:
        click.echo(f"  {result.cause.get('message', '')}")
    _print_scores(result)
    print_classes(result)
    print_diagnosis(result.diagnosis)
    folder = answer.work / "runs" / result.id
    if result.status == "failed":
        click.echo(f"Its log: {folder / 'log.txt'}")
    elif (folder / "model.keras").is_file():
        click.echo(f"The model: {folder / 'model.keras'}{_registered(answer)}")


def _print_scores(result: Result) -> None:
    """A row a metric, a column a part; of the untrained weights only what was measured with them."""
    parts = {"test_": "test"} if result.kept_epoch == 0 else _PARTS
    told = [name for name in result.metrics if not name.startswith(("val_", "best_", "restored_"))]
    names = dict.fromkeys(name.removeprefix("test_") for name in told)  # no epoch may have ended, and the test is told
    scores = {name: [_kept(result, f"{prefix}{name}") for prefix in parts] for name in names}
    if any(score is not None for each in scores.values() for score in each):
        rows = []
        for name, each in scores.items():
            rows.append([name, *map(_number, each)])
            if name == "accuracy" and result.guess:  # 0.99 is nothing where one class is 0.99 of the rows
                rows.append(["always one class", *(_number(result.guess.get(part)) for part in parts.values())])
        print_table(Table(["", *parts.values()], rows))


def _kept(result: Result, name: str) -> float | None:
    """A metric at the epoch whose weights were kept."""
    return result.metrics.get(f"restored_{name}", result.metrics.get(name))


def _number(value: float | None) -> Cell:
    return Cell(value, "-" if value is None else short_score(value))


def _sentence(result: Result, again: bool) -> str:
    seconds = result.durations.get("total_seconds", 0.0)
    epochs = f"{result.epochs_run} epoch{'' if result.epochs_run == 1 else 's'}"
    before = (result.resumed or {}).get("epoch", 0)
    now = f", {result.epochs_run - before} of them now," if 0 < before <= result.epochs_run and not again else ""
    text = f"{result.status}: {epochs}{now} in {seconds:.1f} s"
    if result.kept_epoch == 0:
        text += "; no epoch ended well: the scores are those of the untrained weights"
    elif result.kept_epoch is not None:
        text += f"; kept are the weights of epoch {result.kept_epoch}"
    if result.fast_dev_run:
        text += "; a fast_dev_run: everything was tried, and the scores say nothing"
    return f"{text}. It was done before: nothing was run." if again else f"{text}."


def _print_sweep(answer: Answer, advises: bool) -> None:
    from dlrun.analysis.runs import read_sweep
    from dlrun.analysis.which import best_of_each
    from dlrun.cli.compare import print_leaderboard

    assert answer.sweep is not None
    if 0 < answer.repeated == len(answer.results):
        what = f"All {answer.repeated} runs were" if answer.repeated > 1 else "Its one run was"
        click.echo(f"{what} finished before: nothing was run.")
    if advises:
        click.echo()
    sweep = read_sweep(answer.work / "sweeps" / answer.sweep.id)
    assert sweep is not None  # it was written when this sweep began
    print_leaderboard(sweep, answer.catalog)
    lines = failures(answer.sweep, answer.work)
    if advises or lines:
        click.echo()
    if lines:
        click.echo("\n".join([*lines, *mends(answer.sweep, answer.work)]))
    if not advises:
        return
    found = best_of_each(sweep.records(), answer.catalog)
    for best in found:
        said = _its_model(best.run, sweep, f" on {best.data}" if len(found) > 1 else "")
        if said is not None:
            click.echo(f"{said}{_registered(answer) if said.startswith(_MODEL) else ''}")
    _print_next(answer, "dlrun compare shows this again")


def _its_model(best: RunRecord, sweep: SweepRecord, where: str) -> str | None:
    """Where the model of the best run is; where none was kept, the command that trains it once more and keeps it. None
    of a run that was added to its sweep, which no words of the command make."""
    from dlrun.sweeps.threads import kept_threads

    model = best.path / "model.keras"
    if model.exists():
        return f"{_MODEL}{where}, {best.short_id}: {model}"
    trial = next((trial for trial in sweep.trials if best.id in trial.runs), None)
    if trial is None:
        return None
    again = shlex.join(["dlrun", *_alone(trial.overrides, kept_threads(sweep.path)), "trainer.save_model=always"])
    return f"To train the best trial{where} once more and keep its model: {again}"


def _alone(words: Sequence[str], threads: int | None) -> list[str]:
    """A trial's words for a run by itself: nothing of workers, and the threads that its sweep gave it."""
    dropped = ("trainer.save_model=", "launcher.", "launcher=", "hydra/launcher=", "hydra.launcher.")
    kept = [word for word in words if not word.lstrip("+~").startswith(dropped)]
    if threads is None or any(word.lstrip("+").startswith("trainer.threads=") for word in kept):
        return kept
    return [*kept, f"trainer.threads={threads}"]  # the last bits of some networks depend on them


def _print_next(answer: Answer, compare: str) -> None:
    where = _WHERE.get(answer.tracking["option"], "; dlrun ui opens them in MLflow" if _is_in_store(answer) else "")
    click.echo(f"{compare}{where}.")


def _is_in_store(answer: Answer) -> bool:
    """Whether the store has everything; where it has not, it is told what to do."""
    return answer.tracking["option"] == "mlflow" and (answer.store is None or answer.store.complete)


def _registered(answer: Answer) -> str:
    name = answer.tracking.get("register")
    return f"\nRegistered in MLflow as {name}." if name and _is_in_store(answer) else ""


def _print_store(report: Report) -> None:
    if not report.complete:
        reason = f": {report.error}" if report.error else ""
        click.secho(
            f"{report.pending} {'run is' if report.pending == 1 else 'runs are'} not in {report.uri} yet{reason}."
            " Nothing is lost: dlrun sync sends the rest.",
            fg="yellow",
            err=True,
        )
