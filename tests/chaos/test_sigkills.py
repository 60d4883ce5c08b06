"""Twenty SIGKILLs of a sweep of sixteen runs: it ends with what a sweep that was left alone ends with."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.chaos.processes import Command, wait_until
from tests.chaos.records import assert_recorded_once, epochs_told, results

KILLS, TRIALS, RUNS, EPOCHS = 20, 2, 16, 150
WORDS = (
    "-m",
    "data=iris",
    "callback=[]",
    "model.dropout=0.2,0.4",
    f"seed={','.join(map(str, range(RUNS // TRIALS)))}",
    f"trainer.epochs={EPOCHS}",
    "checkpoint.every_seconds=0",  # after every epoch
    "launcher.jobs=2",
)
PATIENCE = 120.0
GONE_SECONDS = 10.0  # within which nothing is left of a command whose own process was killed

pytestmark = pytest.mark.slow


def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    calm, attacked = tmp_path / "calm", tmp_path / "attacked"
    calm.mkdir()
    attacked.mkdir()
    with Command(calm, WORDS) as command:
        code, printed = command.end(5 * PATIENCE)
        assert code == 0, printed
        assert command.seconds_until_gone(GONE_SECONDS) < GONE_SECONDS
    assert_recorded_once(calm, TRIALS, RUNS, EPOCHS)

    attack = Attack(attacked, random.Random(5))
    attack.run()
    assert sum(attack.killed.values()) == KILLS, attack.killed
    assert_recorded_once(attacked, TRIALS, RUNS, EPOCHS)
    expected, found = results(calm), results(attacked)
    assert found.keys() == expected.keys()
    for run, result in found.items():
        assert result["status"] == "finished"
        assert result["fingerprint"] == expected[run]["fingerprint"], run
        assert result["metrics"] == expected[run]["metrics"], run
    attempts = Counter(result["attempt"] for result in found.values())
    resumed = sum(result["resumed"] is not None for result in found.values())
    attack.say(f"{RUNS} runs finished once, with the sha256 of the calm sweep; runs by attempts {dict(attempts)}")
    attack.say(f"{resumed} of them went on from a checkpoint")


class Attack:
    """Starts the sweep again and again, and kills what the dice say, when they say: so many epochs into it."""

    def __init__(self, work: Path, dice: random.Random) -> None:
        self.work = work
        self.killed: Counter[str] = Counter()
        self._dice = dice
        self._began = time.monotonic()
        self._due = sorted(dice.sample(range(1, int(0.9 * RUNS * EPOCHS)), KILLS))

    def run(self) -> None:
        """Until the command ends by itself with everything finished."""
        code = None
        while code != 0:
            with Command(self.work, WORDS) as command:
                while self._kills_left() and command.parent.poll() is None:
                    self._strike(command)
                code, printed = command.end(5 * PATIENCE)
                gone = command.seconds_until_gone(GONE_SECONDS)
            done = sum(result["status"] == "finished" for result in results(self.work).values())
            self.say(f"the command ended with {code}, {done} of {RUNS} runs finished; all gone after {gone:.1f} s")
            # 3: a run's worker died more often than the launcher begins it again; it is begun anew by the command
            assert code in (0, 3, -9), printed

    def _strike(self, command: Command) -> None:
        kind = self._dice.choices(("parent", "worker", "writer"), (8, 8, 4))[0]
        if kind != "parent" or self._dice.random() < 0.7:  # else it is killed wherever it is: while it plans, or starts
            due = self._due[sum(self.killed.values())]
            wait_until(lambda: epochs_told(self.work) >= due or command.parent.poll() is not None, 5 * PATIENCE)
        else:
            time.sleep(self._dice.uniform(0.0, 6.0))
        victim = self._victim(command, kind)
        if victim is None or command.parent.poll() is not None:
            return  # between two runs, or at the end
        trained = len(command.trainers())
        if kind == "parent":
            command.kill_parent()
        else:
            victim.kill()
        self.killed[kind] += 1
        number = sum(self.killed.values())
        self.say(f"kill {number}: {kind} {victim.pid}, while {trained} processes beside the command's trained")

    def _victim(self, command: Command, kind: str) -> psutil.Process | None:
        if kind == "writer":
            return command.writer()
        if kind == "worker":
            trainers = command.trainers()
            return self._dice.choice(trainers) if trainers else None
        return psutil.Process(command.parent.pid)

    def _kills_left(self) -> int:
        return KILLS - sum(self.killed.values())

    def say(self, text: str) -> None:
        """A line of the log, with the seconds since the attack began."""
        print(f"{time.monotonic() - self._began:7.1f} s  {text}")  # noqa: T201 - `make chaos` shows it
