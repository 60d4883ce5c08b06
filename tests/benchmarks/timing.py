"""Run commands in turns, time them, print medians and ratios."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

__all__ = ["THREADS", "Bench", "Sides", "interleaved", "medians", "pin", "report", "spent"]

THREADS = 2
_PINNED = {
    "OMP_NUM_THREADS": str(THREADS),
    "TF_NUM_INTRAOP_THREADS": str(THREADS),
    "TF_NUM_INTEROP_THREADS": str(THREADS),
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

Sides = Mapping[str, Callable[[int], float]]
"""What is compared: a name, and a function that does it once and says the seconds; it is told the repetition."""


@dataclass(frozen=True)
class Bench:
    """Where and how often things are run.

    Attributes:
        folder: an empty directory.
        repeats: how often each side is run.
        small: whether the peers are only tried, on a handful of trials of two epochs.
    """

    folder: Path
    repeats: int
    small: bool = False

    def place(self, name: str) -> Path:
        """A directory of that name, made if it is not there."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def pin() -> None:
    """Keep this process, and all that it starts, to as many cores as a side has threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def spent(words: Sequence[str], directory: Path, code: int = 0, **variables: str) -> tuple[float, str]:
    """Seconds that a command takes from start to end, and what it prints.

    Args:
        words: what this Python is told: `-m MODULE ...` or `SCRIPT ...`.
        directory: where it is run.
        code: what it must end with.
        variables: of its environment, above those that pin the threads.

    Raises:
        RuntimeError: it ended with another code.
    """
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment = inherited | _PINNED | variables
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode != code:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return seconds, done.stdout


def interleaved(sides: Sides, repeats: int) -> dict[str, list[float]]:
    """Run all sides in turn, `repeats` times: A B C, A B C, ..."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for repetition in range(repeats):
        for name, run in sides.items():
            seconds[name].append(run(repetition))
    return seconds


def medians(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each side."""
    return {name: statistics.median(values) for name, values in seconds.items()}


def report(title: str, seconds: Mapping[str, Sequence[float]], against: Sequence[str]) -> None:
    """Print a table: median and range of each side, and its ratio to each side of `against`."""
    middle = medians(seconds)
    width = max(map(len, seconds))
    click.echo(f"\n{title}")
    click.echo(f"  {'':{width}}  {'median s':>9}  {'range':>13}" + "".join(f"  / {name}" for name in against))
    for name, values in seconds.items():
        spread = f"{min(values):.2f} - {max(values):.2f}"
        ratios = "".join(f"  {middle[name] / middle[other]:>{len(other) + 1}.2f}x" for other in against)
        click.echo(f"  {name:{width}}  {middle[name]:>9.2f}  {spread:>13}{ratios}")
