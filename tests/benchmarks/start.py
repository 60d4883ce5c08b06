"""How long the verbs take that train nothing, against a bare `@hydra.main` application."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.timing import Bench, Sides, interleaved, report, spent

__all__ = ["measure"]

_BASE = "bare @hydra.main"
_APP = str(Path(__file__).with_name("bare_hydra.py"))
_TIMES = 3  # these take fractions of a second: repeat them more often


def measure(bench: Bench) -> None:
    """Print the table."""
    place = bench.place("start")

    def command(*words: str) -> float:
        return spent(words, place)[0]

    def dlrun(verb: Sequence[str]) -> float:
        return command("-m", "dlrun", *verb)

    sides: Sides = {
        _BASE: lambda _: command(_APP),
        "dlrun --help": lambda _: dlrun(["--help"]),
        "dlrun ls": lambda _: dlrun(["ls"]),
        "dlrun config": lambda _: dlrun(["config", "model.dropout=0.3"]),
    }
    interleaved(sides, 1)  # bytecode and disk caches
    report("Verbs that train nothing", interleaved(sides, _TIMES * bench.repeats), [_BASE])
