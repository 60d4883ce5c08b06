"""How many workers a sweep gets, what each may take, and when one more is worth its start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.data.room import available_bytes
from dlrun.training import process
from dlrun.training.settings import Settings

__all__ = ["START_SECONDS", "Crew", "cores", "crew_for", "gpus_of", "is_worth_one_more"]

_WORKER_BYTES = 1_000_000_000  # TensorFlow, a small model and its data: 0.5 GB measured, and room to grow
_SHARE = 0.9  # of the free memory that workers may take together
START_SECONDS = 3.0  # of a worker, from the fork to the end of its first compilation
_RUN_SECONDS = 0.3  # of a small run: the guess until the first has been measured
_MARGIN = 1.5  # how much sooner than its own start one more worker must be expected to pay off


@dataclass(frozen=True)
class Crew:
    """The workers of a sweep.

    Attributes:
        most: workers at a time; 0 trains in the command's own process.
        threads: of TensorFlow in each; None leaves it to TensorFlow.
        gpus: one worker after another gets the next of these; empty without.
        worker_bytes: what a worker may take; None where nobody can tell how much there is.
        why: what bounds their number, in words.
        is_asked: whether just so many were asked for; else there are fewer where one more would not be ready in time.
    """

    most: int
    threads: int | None
    gpus: tuple[str, ...] = ()
    worker_bytes: int | None = None
    why: str = ""
    is_asked: bool = False


def crew_for(launcher: Mapping[str, Any], trainers: Sequence[Mapping[str, Any]], runs: int) -> Crew:
    """The workers for runs with these trainers' settings.

    Args:
        launcher: the keys of `launcher=pool`.
        trainers: the `trainer` of each run that is to be trained.
        runs: of the whole sweep: the cores are divided as if none of them was finished, so that bits do not depend on
            which are.
    """
    gpus = () if all(trainer["device"] == "cpu" for trainer in trainers) else gpus_of()
    if launcher["jobs"] == 0:
        return Crew(0, None, why="as launcher.jobs says")
    if _is_quicker_here(launcher, trainers):
        return Crew(0, None, why="TensorFlow is imported here already, and no worker would be ready sooner")
    most, why = _most(launcher["jobs"], len(trainers), len(gpus))
    whole, _ = _most(launcher["jobs"], runs, len(gpus))
    asked = {trainer["threads"] for trainer in trainers}
    threads = max(1, cores() // whole) if asked == {None} and whole > 1 and not gpus else None
    bytes_each = _worker_bytes(launcher["worker_memory"], most)
    return Crew(most, threads, gpus, bytes_each, why, is_asked=launcher["jobs"] != "auto")


def cores() -> int:
    """Processors that this process may use, a container's bound and `taskset` counted."""
    from joblib import cpu_count  # 0.1 s to import, and only a sweep asks

    return int(cpu_count())


def gpus_of() -> tuple[str, ...]:
    """NVIDIA's GPUs, as CUDA_VISIBLE_DEVICES names them; none where there are none or they are hidden."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1"))
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:  # TensorFlow would tell too, and could not be forked after it has
        told = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(str(number) for number in range(sum(line.startswith("GPU ") for line in told.splitlines())))


def is_worth_one_more(waiting: int, workers: int, seconds: float | None) -> bool:
    """Whether one more worker is done with its start before the others are done with what waits.

    Args:
        waiting: runs that nobody has begun.
        workers: those there are.
        seconds: what a run takes, as far as it has been seen; None before the first.
    """
    left = waiting * (_RUN_SECONDS if seconds is None else seconds)
    return workers == 0 or left / workers > _MARGIN * START_SECONDS


def _is_quicker_here(launcher: Mapping[str, Any], trainers: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a few runs are done in this process before a worker would have started."""
    if launcher["jobs"] != "auto" or "tensorflow" not in sys.modules or is_worth_one_more(len(trainers), 1, None):
        return False
    is_bounded = launcher["trial_timeout"] is not None or launcher["worker_memory"] != "auto"
    settings = {Settings.of(trainer) for trainer in trainers}
    return not is_bounded and len(settings) == 1 and all(map(process.takes, settings))


def _most(jobs: int | str, runs: int, gpus: int) -> tuple[int, str]:
    if jobs != "auto":
        return min(int(jobs), runs), "as launcher.jobs says"
    bounds = {"a run each": runs}
    if gpus:
        bounds["one a GPU"] = gpus
    else:
        bounds["one a core"] = cores()
    if (free := available_bytes()) is not None:
        bounds["memory for no more"] = max(1, int(_SHARE * free / _WORKER_BYTES))
    why = min(bounds, key=lambda name: bounds[name])
    return bounds[why], why


def _worker_bytes(asked: float | str, most: int) -> int | None:
    if asked != "auto":
        return int(float(asked) * 1e9)
    free = available_bytes()
    return None if free is None else int(_SHARE * free / most)
