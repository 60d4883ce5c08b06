"""`dlrun predict RUN FILE`: predictions for new rows, images or texts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.errors import UserError

if TYPE_CHECKING:
    from dlrun.workflows.predict import Prediction, Request

__all__ = ["command", "progress"]


@click.command(name="predict", short_help="Predict new rows, images or texts.")
@click.argument("run", metavar="RUN")
@click.argument("given", metavar="FILE")
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    help="Write there: .csv, .tsv, .parquet or .jsonl; masks into a folder. Else CSV is printed.",
)
@click.option("--proba", is_flag=True, help="Also the probability of each class.")
@click.option("--keep", multiple=True, metavar="COLUMN", help="Hand a column of the file through; several times.")
@click.option("--batch", type=int, metavar="N", help="Samples at once: fewer take less memory.")
@click.option("--strict", is_flag=True, help="Refuse data that differs from the training's.")
@click.option("--force", is_flag=True, help="Replace the file of --out.")
@click.option("--separator", default="auto", metavar="NAME", help="Of CSV: comma, semicolon, tab, pipe or space.")
@click.option("--decimal", metavar="NAME", help="Decimal sign of numbers: point or comma; as in training.")
def command(run: str, given: str, out: str | None, proba: bool, keep: tuple[str, ...], **options: object) -> int:
    """Predict new rows, images or texts with the model of a run.

    RUN is last, best, best@METRIC, the start of an id or a path. FILE is a table (csv, tsv, parquet, json lines), an
    array (npy, npz), an image or a folder of images, a folder of texts, or - for a table on standard input.

    Dates, decimal signs and words for empty cells are read as in training; FILE needs no column of answers.

    All of FILE is looked at first. What cannot be predicted on is an error, and nothing is written; what is other than
    in training (unseen categories, numbers beyond the range, more missing values) is told on standard error.

    The predictions are a row a sample, in its order: a class by its name, or a value in the data's units; nothing where
    a value is missing that the model cannot do without. Of a run on masks, --out is a folder, which gets a PNG for each
    image: as large as it, with the values that masks had in training.
    """
    from dlrun.workflows.predict import Request

    batch = options["batch"]
    assert batch is None or isinstance(batch, int)
    request = Request(given, proba, keep, batch, str(options["separator"]), _name(options["decimal"]))
    _require_known(request)
    return _predict(run, request, None if out is None else Path(out), bool(options["force"]), bool(options["strict"]))


def _name(value: object) -> str | None:
    return None if value is None else str(value)


def _require_known(request: Request) -> None:
    from dlrun.data.tables.csv_text import SEPARATORS
    from dlrun.serving.served_cells import SIGNS

    if request.batch is not None and request.batch < 1:
        raise UserError(f"--batch must be a number of samples, 1 or more; got {request.batch}.")
    if request.separator not in ("auto", *SEPARATORS):
        raise UserError(f"--separator must be auto, {', '.join(SEPARATORS)}; got {request.separator}.")
    if request.decimal not in (None, *SIGNS):
        raise UserError(f"--decimal must be {' or '.join(SIGNS)}; got {request.decimal}.")


def _predict(run: str, request: Request, out: Path | None, force: bool, strict: bool) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets in ten lines otherwise
    from dlrun.analysis.which import find_run
    from dlrun.cli.checked_text import print_checked, print_state
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots
    from dlrun.training.interrupts import terminated_as_interrupt
    from dlrun.workflows.foreign import refuse_address
    from dlrun.workflows.predict import prediction_of
    from dlrun.workflows.predicted_masks import predicts_masks
    from dlrun.workflows.prediction_file import require_free

    refuse_address(run)
    catalog = Catalog(Roots.of(Path.cwd()))
    record = find_run(run, catalog.roots.work, catalog)
    if predicts_masks(record):
        from dlrun.cli.predict_masks import predict_masks

        return predict_masks(record, catalog, request, out, force, strict)
    if out is not None:
        require_free(out, force)
    with terminated_as_interrupt(), ExitStack() as stack:
        try:
            with progress("looking", None, out) as heard:
                found = stack.enter_context(prediction_of(record, catalog, request, heard))
            print_state(found.kept)
            print_checked(found.checked, strict)
            _write(found, out)
        except KeyboardInterrupt as stop:
            left = "nothing was written" if out is not None else "what was printed is not all of it"
            raise type(stop)(f"interrupted: {left}") from None
    _print_end(found, out)
    return 0


def _write(found: Prediction, out: Path | None) -> None:
    from dlrun.workflows.prediction_file import to_file, to_stream

    with progress("opening the model", None, out):
        found.open()
    with ExitStack() as stack:
        if out is None:
            writer = to_stream(sys.stdout, found.columns)
        else:
            writer = stack.enter_context(to_file(out, found.columns, found.is_text))
        done = 0
        with progress("predicting", found.checked.samples, out) as heard:
            for table in found.tables():
                writer.write(table)
                done += len(table)
                heard(done)


def _print_end(found: Prediction, out: Path | None) -> None:
    total = found.checked.samples
    if found.unanswered:
        text = (
            f"{found.unanswered:,} of {total:,} have no prediction: a value is missing that the model cannot do without"
        )
        click.secho(f"warning: {text}.", err=True, fg="yellow")
    if out is not None:
        click.echo(f"{total:,} prediction{'' if total == 1 else 's'} in {out}", err=True)


@contextmanager
def progress(what: str, total: int | None, out: Path | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where a person sees it and no predictions are printed between."""
    if not sys.stderr.isatty() or (out is None and sys.stdout.isatty()):
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    from dlrun.cli.tables import console

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,.0f}"),
        TextColumn("{task.fields[speed]}"),
        console=console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=total, speed="")

        def heard(count: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=count, speed="" if speed is None else f"{speed:,.0f} a second")

        yield heard
