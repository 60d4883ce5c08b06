"""`python -m tests.benchmarks [SECTION...] [--repeats N]`: measure, and print what was found.

Sections: start, run, step, trial, sweep, peers, cnn, expansion, memory, stream, images, compare, tracking.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import click

from tests.benchmarks import (
    cnn_sweep,
    compare_many,
    expansion,
    images,
    memory,
    one_more_trial,
    one_run,
    peers,
    start,
    steps,
    stream,
    sweep,
    tracking,
)
from tests.benchmarks.timing import THREADS, Bench, pin

_SECTIONS: dict[str, Callable[[Bench], None]] = {
    "start": start.measure,
    "run": one_run.measure,
    "step": steps.measure,
    "trial": one_more_trial.measure,
    "sweep": sweep.measure,
    "peers": peers.measure,
    "cnn": cnn_sweep.measure,
    "expansion": expansion.measure,
    "memory": memory.measure,
    "stream": stream.measure,
    "images": images.measure,
    "compare": compare_many.measure,
    "tracking": tracking.measure,
}


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice(list(_SECTIONS)))
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True, help="How often each side is run.")
@click.option("--small", is_flag=True, help="Only try the peers, on a handful of trials.")
def main(sections: Sequence[str], repeats: int, small: bool) -> None:
    """Measure the SECTIONS, or all of them. Takes about an hour on two cores."""
    pin()
    packages = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "mlflow", "hydra-core"))
    click.echo(f"{date.today()}  {platform.system()} {platform.machine()}, {_cores()} cores, {THREADS} threads a side")
    click.echo(f"Python {platform.python_version()}, {packages}; medians of {repeats} interleaved repetitions")
    with tempfile.TemporaryDirectory() as folder:
        for name in sections or _SECTIONS:
            _SECTIONS[name](Bench(Path(folder), repeats, small))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
