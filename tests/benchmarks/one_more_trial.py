"""What one more trial of a sweep costs: six seeds less three, against a loop around `model.fit`."""

from __future__ import annotations

from statistics import median

import click

from tests.benchmarks.one_run import SCRIPT, dlrun_words
from tests.benchmarks.timing import Bench, Sides, interleaved, report, spent

__all__ = ["measure"]

_FEW, _MANY = 3, 6
_EPOCHS = 10


def measure(bench: Bench) -> None:
    """Print the table, and the cost of a trial."""
    place = bench.place("one_more_trial")
    spent(dlrun_words("seed=999", epochs=_EPOCHS), place)  # makes the store

    def dlrun(repetition: int, count: int) -> float:
        first = 100 * repetition + 10 * count  # seeds of their own: else nothing is run
        seeds = ",".join(map(str, range(first, first + count)))
        return spent(dlrun_words(f"seed={seeds}", epochs=_EPOCHS), place)[0]

    def loop(count: int) -> float:
        return spent([SCRIPT, "--epochs", str(_EPOCHS), "--seeds", str(count)], place)[0]

    sides: Sides = {
        f"loop, {_FEW} runs": lambda _: loop(_FEW),
        f"dlrun -m, {_FEW} runs": lambda i: dlrun(i, _FEW),
        f"loop, {_MANY} runs": lambda _: loop(_MANY),
        f"dlrun -m, {_MANY} runs": lambda i: dlrun(i, _MANY),
    }
    seconds = interleaved(sides, bench.repeats)
    report(f"A sweep over seeds, MLP 64-64 on digits, {_EPOCHS} epochs", seconds, [])
    names = list(sides)
    for who, few, many in (("loop", names[0], names[2]), ("dlrun, tracked", names[1], names[3])):
        more = median(b - a for a, b in zip(seconds[few], seconds[many], strict=True)) / (_MANY - _FEW)
        click.echo(f"  one more run, {who}: {more:.2f} s")
