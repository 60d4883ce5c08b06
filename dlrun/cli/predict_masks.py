"""`dlrun predict` of a run on masks: a PNG for each image."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.checked_text import print_checked, print_state
from dlrun.cli.predict import progress
from dlrun.training.interrupts import terminated_as_interrupt
from dlrun.workflows.predicted_masks import masks_of, require_folder, to_folder

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord
    from dlrun.config.catalog import Catalog
    from dlrun.workflows.predict import Request

__all__ = ["predict_masks"]


def predict_masks(
    record: RunRecord, catalog: Catalog, request: Request, out: Path | None, force: bool, strict: bool
) -> int:
    """Write the masks of all images into the folder `out`; the exit code."""
    folder = require_folder(out, force)
    with terminated_as_interrupt(), ExitStack() as stack:
        try:
            with progress("looking", None, folder) as heard:
                found = stack.enter_context(masks_of(record, catalog, request, heard))
            print_state(found.kept)
            print_checked(found.checked, strict)
            with progress("opening the model", None, folder):
                found.open()
            save = stack.enter_context(to_folder(folder, force))
            with progress("predicting", found.checked.samples, folder) as heard:
                for done, (name, mask) in enumerate(found.masks(), start=1):
                    save(name, mask)
                    heard(done)
        except KeyboardInterrupt as stop:
            raise type(stop)("interrupted: nothing was written") from None
    total = found.checked.samples
    click.echo(f"{total:,} mask{'' if total == 1 else 's'} in {folder}", err=True)
    return 0
