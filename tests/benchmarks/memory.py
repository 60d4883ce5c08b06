"""How memory grows over 200 trials in one process."""

from __future__ import annotations

import re

import click

from tests.benchmarks.timing import Bench, spent

__all__ = ["measure"]

_TRIALS, _WARM = 200, 20
_SCRIPT = """
import sys
from pathlib import Path
from dlrun import pipeline
from dlrun.planning import Planner

planner = Planner(Path.cwd())
words = ["seed=" + ",".join(map(str, range({trials}))), "callback=[]", "trainer.epochs=2", "tracking=none"]
plan = planner.plan(words + ["trainer.save_model=never"], sweep=True)
for number, run in enumerate(plan.runs):
    job = pipeline.Job(id=run.id, spec=run.spec, start={{"name": "trial", "command": ""}}, in_sweep=True)
    pipeline.run(job, planner.catalog)
    if number in ({warm}, {trials} - 1):
        print("resident kB", next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


def measure(bench: Bench) -> None:
    """Print the growth a trial, from the twentieth to the last."""
    script = bench.place("memory") / "trials.py"
    script.write_text(_SCRIPT.format(trials=_TRIALS, warm=_WARM), encoding="utf-8")
    _, printed = spent([str(script)], script.parent)
    before, after = (int(kilobytes) / 1024 for kilobytes in re.findall(r"resident kB (\d+)", printed))
    click.echo(f"\nMemory of one process over {_TRIALS} trials, MLP 64-64 on digits")
    click.echo(f"  {before:.0f} MB after {_WARM + 1}, {after:.0f} MB at the end")
    click.echo(f"  {(after - before) / (_TRIALS - 1 - _WARM):.2f} MB a trial")
