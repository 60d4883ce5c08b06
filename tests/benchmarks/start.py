"""How long the verbs take that train nothing, against a bare `@hydra.main` application."""

from __future__ import annotations

from pathlib import Path

from dlrun.errors import ExitCode
from tests.benchmarks.timing import Bench, Sides, interleaved, report, spent

__all__ = ["measure"]

_BASE = "bare @hydra.main"
_APP = str(Path(__file__).with_name("bare_hydra.py"))
_FOUR_PROBLEMS = ("optimizer=adma", "optimizer.lr=0.1", "model.dropout=30", "batch=64")
_TIMES = 3  # these take fractions of a second: repeat them more often


def measure(bench: Bench) -> None:
    """Print the table."""
    place = bench.place("start")

    def dlrun(*verb: str, code: int = 0) -> float:
        return spent(["-m", "dlrun", *verb], place, code)[0]

    sides: Sides = {
        _BASE: lambda _: spent([_APP], place)[0],
        "dlrun --help": lambda _: dlrun("--help"),
        "dlrun ls": lambda _: dlrun("ls"),
        "dlrun show adam": lambda _: dlrun("show", "adam"),
        "dlrun config": lambda _: dlrun("config", "model.dropout=0.3"),
        "a refused config": lambda _: dlrun("lr=0.1", code=ExitCode.WRONG_CALL),
        "four problems": lambda _: dlrun(*_FOUR_PROBLEMS, code=ExitCode.WRONG_CALL),
    }
    interleaved(sides, 1)  # bytecode and disk caches
    report("Verbs that train nothing", interleaved(sides, _TIMES * bench.repeats), [_BASE])
