"""What a large sweep costs before its first trial: from the words to jobs in the launcher's hands, stage by stage."""

from __future__ import annotations

import json
from statistics import median

import click

from tests.benchmarks.timing import Bench, spent

__all__ = ["measure"]

_SIZES = {
    "1,000 runs: learning rate x dropout x seed": (100, 2, 5),
    "1,000 runs: dropout alone": (1, 1000, 1),
    "10,000 runs: learning rate x dropout x seed": (100, 10, 10),
}
_SCRIPT = """
import json, sys, tempfile, time
from pathlib import Path

rates, dropouts, seeds = map(int, sys.argv[1:])
words = [
    "optimizer.learning_rate=" + ",".join(f"{0.0001 * (i + 1):.4f}" for i in range(rates)),
    "model.dropout=" + ",".join(f"{0.9 * i / dropouts:.5f}" for i in range(dropouts)),
    "seed=" + ",".join(map(str, range(seeds))),
    "search.confirm_above=100000",
]
begun = time.perf_counter()
from dlrun import api
from dlrun.planning import Planner
from dlrun.sweeps import sweeper

marks = {"imports": time.perf_counter()}
plan = Planner.plan

def planned(self, *given, **named):
    made = plan(self, *given, **named)
    marks["planned"] = time.perf_counter()
    return made

class Launcher:  # takes the jobs, and that is all
    @classmethod
    def instance(cls):
        return cls()

    def instantiate_launcher(self, hydra_context, task_function, config):
        self.task = task_function
        return self

    def launch(self, jobs, first):
        marks["handed over"] = time.perf_counter()
        made = [self.task.job(self.task.planned(words)) for words in jobs]
        assert len({job.id for job in made}) == rates * dropouts * seeds
        marks["made jobs"] = time.perf_counter()
        return []

Planner.plan, sweeper.Plugins = planned, Launcher
with tempfile.TemporaryDirectory() as folder:
    api.answer_to(words, True, directory=Path(folder))
    assert "tensorflow" not in sys.modules
times = [begun, *marks.values()]
print(json.dumps({name: after - before for name, before, after in zip(marks, times, times[1:])}))
"""


def measure(bench: Bench) -> None:
    """Print the seconds of each stage."""
    script = bench.place("expansion") / "expand.py"
    script.write_text(_SCRIPT, encoding="utf-8")
    for title, counts in _SIZES.items():
        told = [spent([str(script), *map(str, counts)], script.parent)[1] for _ in range(bench.repeats)]
        stages = [json.loads(output.splitlines()[-1]) for output in told]
        click.echo(f"\n{title}")
        for name in stages[0]:
            click.echo(f"  {name:<12} {median(each[name] for each in stages):6.2f} s")
        click.echo(f"  {'in all':<12} {median(sum(each.values()) for each in stages):6.2f} s")
