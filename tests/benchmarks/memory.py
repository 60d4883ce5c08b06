"""How memory grows: over 200 trials in one process, and in a worker of the pool over 500."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import psutil

from tests.benchmarks.timing import Bench, spent

__all__ = ["measure"]

_TRIALS, _WARM = 200, 20
_POOLED = 500
_FIXED = ["callback=[]", "trainer.epochs=2", "tracking=none", "trainer.save_model=never"]
_SCRIPT = """
import sys
from pathlib import Path
from dlrun import pipeline
from dlrun.planning import Planner

planner = Planner(Path.cwd())
words = ["seed=" + ",".join(map(str, range({trials}))), *{fixed}]
plan = planner.plan(words, sweep=True)
for number, run in enumerate(plan.runs):
    job = pipeline.Job(id=run.id, spec=run.spec, start={{"name": "trial", "command": ""}}, in_sweep=True)
    pipeline.run(job, planner.catalog)
    if number in ({warm}, {trials} - 1):
        print("resident kB", next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


def measure(bench: Bench) -> None:
    """Print the growth a trial, from the twentieth to the last."""
    script = bench.place("memory") / "trials.py"
    script.write_text(_SCRIPT.format(trials=_TRIALS, warm=_WARM, fixed=_FIXED), encoding="utf-8")
    _, printed = spent([str(script)], script.parent)
    before, after = (int(kilobytes) / 1024 for kilobytes in re.findall(r"resident kB (\d+)", printed))
    click.echo(f"\nMemory of one process over {_TRIALS} trials, MLP 64-64 on digits")
    click.echo(f"  {before:.0f} MB after {_WARM + 1}, {after:.0f} MB at the end")
    click.echo(f"  {(after - before) / (_TRIALS - 1 - _WARM):.2f} MB a trial")
    _measure_worker(bench.place("pooled"))


def _measure_worker(place: Path) -> None:
    """The same of the one worker of a sweep, which is renewed when it has grown too much."""
    words = ["-m", "dlrun", "-m", "launcher.jobs=1", f"seed={','.join(map(str, range(_POOLED)))}", *_FIXED]
    sweep = subprocess.Popen([sys.executable, *words], cwd=place, stdout=subprocess.DEVNULL)
    seen: dict[int, list[tuple[int, float]]] = {}
    while sweep.poll() is None:
        finished = sum(1 for _ in place.glob("runs/*/result.json"))
        for worker, megabytes in _children_with_tensorflow(sweep.pid):
            seen.setdefault(worker, []).append((finished, megabytes))
        time.sleep(0.2)
    assert sum(1 for _ in place.glob("runs/*/result.json")) == _POOLED
    trained = {worker: told for worker, told in seen.items() if told[-1][0] > told[0][0]}
    click.echo(f"\nMemory of the pool's server and worker over {_POOLED} trials, MLP 64-64 on digits, launcher.jobs=1")
    for worker, told in trained.items():
        warm = next(((count, size) for count, size in told if count >= told[0][0] + _WARM), told[0])
        more = (told[-1][1] - warm[1]) / max(1, told[-1][0] - warm[0])
        most = max(size for _, size in told)
        click.echo(
            f"  process {worker}: {warm[1]:.0f} MB after {warm[0]} trials, {told[-1][1]:.0f} MB after {told[-1][0]},"
            f" {most:.0f} MB at most, {more:.2f} MB a trial"
        )


def _children_with_tensorflow(command: int) -> Iterator[tuple[int, float]]:
    """Process id and resident megabytes of what the command has started and what is large: server and workers."""
    with suppress(psutil.Error):
        for child in psutil.Process(command).children(recursive=True):
            with suppress(psutil.Error):
                if (megabytes := child.memory_info().rss / 2**20) > 150:
                    yield child.pid, megabytes
