"""`dlrun doctor [RUN]`: environment, store and disk, each with its mend; of a run, its diagnosis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from dlrun.cli.tables import Cell, Table, format_options, print_table
from dlrun.errors import ExitCode

__all__ = ["command"]

_STYLES = {"ok": "green", "note": "yellow", "mend": "red"}
_STEP_SECONDS = 180


@click.command(name="doctor", short_help="Check environment, store and disk, or diagnose a run.")
@click.argument("run", required=False)
@click.option("--deep", is_flag=True, help="Also train one step, in a process of its own.")
@format_options
def command(run: str | None, deep: bool, format: str) -> int:
    """Check the environment, the store and the disk, and say how to mend what is wrong.

    Ends with 1 when something must be mended; a note is only worth knowing.

    With RUN (last, best, the start of an id, a path): what is wrong with its training, and what to try.
    """
    if run is not None:
        from dlrun.cli.diagnosis import show_diagnosis

        return show_diagnosis(run, format)
    from dlrun.cli.checks import Check, checks
    from dlrun.config.roots import Roots

    found = checks(Roots.of(Path.cwd()))
    if deep:
        found.append(Check("one training step", *_train_one_step()))
    rows = [[check.name, Cell(check.state, style=_STYLES[check.state]), check.finding, check.mend] for check in found]
    print_table(Table(["check", "state", "finding", "mend"], rows), format)
    return ExitCode.FAILED if any(check.state == "mend" for check in found) else ExitCode.DONE


_ONE_STEP = """
import numpy, keras
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile(optimizer="sgd", loss="mse")
model.fit(numpy.zeros((4, 2)), numpy.zeros((4, 1)), epochs=1, verbose=0)
"""


def _train_one_step() -> tuple[str, str, str]:
    """State, finding and mend of a training step."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _ONE_STEP], capture_output=True, text=True, timeout=_STEP_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "mend", f"not done within {_STEP_SECONDS} s", "Free the processor, or the graphics card."
    if done.returncode == 0:
        return "ok", "done", ""
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return "mend", last, "Install again: make clean run, or pip install --force-reinstall tensorflow keras."
