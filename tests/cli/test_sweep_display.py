"""What is shown of a sweep while it runs: in every width and height, as lines, and as JSON."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from sweeps.directories import sweep_of

from dlrun.cli import screens
from dlrun.cli.frame import clock, frame
from dlrun.cli.jsonlines import JsonSweep
from dlrun.cli.main import main
from dlrun.cli.sparkline import sparkline
from dlrun.cli.standing import Standing
from dlrun.cli.sweep_display import SweepDisplay
from dlrun.sweeps.record import Sweep
from dlrun.training.causes import cause
from dlrun.training.outcome import Moment, Outcome
from dlrun.training.result import Result

CRASH = cause("crash", "its process was ended by SIGSEGV")
NAN = Outcome("diverged", cause=cause("nan", "loss became nan in epoch 3"))


def sweep(trials: int = 8, seeds: int = 3) -> Sweep:
    made = sweep_of({f"learning_rate={t}.5": [f"{t:08x}{s:08x}" for s in range(seeds)] for t in range(trials)})
    names = {run: f"{trial.name} seed={n}" for trial in made.trials for n, run in enumerate(trial.runs)}
    return Sweep(made.id, "learning_rate x seed", made.command, made.varied, made.trials, names=names)


def ended(run: str, accuracy: float | None = None, outcome: Outcome | None = None) -> Result:
    outcome = outcome or Outcome("finished", metrics={"test_accuracy": accuracy or 0.0})
    return outcome.result(run, f"run {run[-1]}", "multiclass", 1, Moment())


def standing(running: int = 3, epochs: int = 7) -> Standing:
    made, found = sweep(), Standing()
    found.begin(made, [])
    runs = list(made.names)
    for number in range(running):
        found.start(runs[number], 1 + number % 2)
        for epoch in range(1, epochs + 1):
            found.advance(runs[number], epoch, 20, {"loss": 2.0, "val_loss": 1 / epoch})
    found.end(ended(runs[-1], 0.9))
    found.end(ended(runs[-2], outcome=NAN))
    return found


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 160])
@pytest.mark.parametrize("height", [3, 10, 40])
@pytest.mark.parametrize("running", [0, 3, 20])
def test_the_table_fits_the_terminal(width: int, height: int, running: int) -> None:
    lines = [line.plain for line in frame(standing(running), width, height)]
    assert len(lines) <= height
    assert all(cell_len(line) <= width - 3 for line in lines)
    text = "\n".join(lines)
    assert "2/24" in text
    if height == 40 and width >= 40:
        assert all(
            f"{count} {word}" in text for count, word in ((1, "finished"), (running, "running"), (1, "diverged"))
        )
        assert "0.9000" in text and text.count("7/20") == running
    if height == 10 and running == 20 and width >= 40:
        assert re.search(r"and 1\d more running", lines[-1])


def test_a_wide_row_says_more_than_a_narrow_one() -> None:
    wide = [line.plain for line in frame(standing(), 160, 40)]
    assert "best test_accuracy 0.9000: learning_rate=7.5 seed=2" in wide
    row = next(line for line in wide if line.startswith("  learning_rate=0.5 seed=1"))
    assert "7/20" in row and "val_loss 0.1429" in row and "attempt 2" in row and "█" in row and "━" in row
    narrow = [line.plain for line in frame(standing(), 40, 40)]
    assert any(line.startswith("  0.5 1") or line.startswith("  learning_rate=0.5 seed=1") for line in narrow)
    assert not any("val_loss" in line for line in narrow)


def test_a_terminal_of_ascii_alone_is_sent_nothing_else() -> None:
    names = [line.plain for line in frame(standing(), 100, 40, fancy=False)]
    assert all(line.isascii() for line in names)


def test_a_name_cannot_steer_the_terminal() -> None:
    found = standing(0)
    found.add("x" * 16, "evil\x1b[2J")
    found.start("x" * 16, 1)
    assert not any("\x1b" in line.plain for line in frame(found, 100, 40))


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [([], 8, ""), ([1.0], 8, "▁"), ([8, 5, 3, 2, 1.5, 1.2], 10, "█▅▃▁▁▁"), ([1, 2, 3, 4], 2, "▁█"), ([1, 2], 0, "")],
)
def test_a_sparkline(values: list[float], width: int, drawn: str) -> None:
    assert sparkline(values, width) == drawn


def test_a_sparkline_of_what_is_no_number() -> None:
    assert sparkline([float("nan"), 1.0, float("inf"), 2.0], 4) == " ▁ █"
    assert sparkline([float("nan")] * 3, 2) == "  "


def test_the_best_is_the_best_mean_of_a_trial() -> None:
    made, found = sweep(2, 2), Standing()
    (a, b), (c, _) = (trial.runs for trial in made.trials)
    found.begin(made, [ended(a, 0.99)])
    best = found.best()
    assert best is not None and (best.name, best.value, best.n) == ("learning_rate=0.5 seed=0", 0.99, 1)
    found.end(ended(b, 0.51))
    found.end(ended(c, 0.8))
    best = found.best()
    assert best is not None and (best.name, best.value, best.n) == ("learning_rate=1.5 seed=0", 0.8, 1)


def test_the_time_left_follows_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    made, found = sweep(4, 3), Standing()
    runs = list(made.names)
    found.begin(made, [ended(runs[0])])
    assert found.seconds_left() is None
    for run in runs[1:5]:  # two workers, 10 s a run
        found.start(run, 1)
    now = 120.0
    for run in runs[1:5]:
        found.end(ended(run))
    assert found.seconds_left() == pytest.approx(7 * 5.0)
    found.start(runs[5], 1)
    found.advance(runs[5], 10, 20, {"loss": 1.0})
    assert found.seconds_left() == pytest.approx(6.5 / 4.5 * 20)
    assert (clock(42), clock(4205)) == ("0:42", "1:10:05")


class Terminal:
    """A terminal as far as the table needs one: signs, lines, the cursor up, erasing, wrapping."""

    def __init__(self, width: int, height: int) -> None:
        self.file = io.StringIO()
        self.console = Console(file=self.file, force_terminal=True, width=width, height=height, color_system=None)
        self.console._environ = {}

    def shown(self) -> list[str]:
        """The lines that stand when all is said."""
        lines, row = [""], 0
        for part in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", self.file.getvalue()):
            if part == "\n":
                row += 1
                if row == len(lines):
                    lines.append("")
            elif part == "\x1b[1A":
                row = max(row - 1, 0)
            elif part == "\x1b[2K":
                lines[row] = ""
            elif not part.startswith("\x1b") and part != "\r":
                lines[row] += part
        return [line.rstrip() for line in lines]


def test_nothing_of_the_table_is_left_when_it_ends(tmp_path: Path) -> None:
    terminal, made = Terminal(60, 20), sweep()
    runs = list(made.names)
    with SweepDisplay("live", tmp_path, terminal.console) as display:
        display.began(made, [])
        display.said("2 workers")
        display.running(runs[0], 1)
        display.epoch(runs[0], 3, 20, {"val_loss": 0.5})
        display._screen._live.refresh()
        assert any("3/20" in line for line in terminal.shown())
        display.ended(ended(runs[0], outcome=NAN))
        display.lost(runs[1], CRASH, 3, again=False)
    stands = "\n".join(terminal.shown())
    assert "diverged: run 0: nan: loss became nan in epoch 3" in stands.replace("\n", " ")
    assert "its process was ended by SIGSEGV" in stands.replace("\n", " ")
    assert "2 workers" in stands and "runs  ─" not in stands and "queued" not in stands
    assert terminal.file.getvalue().rstrip().endswith("\x1b[2K") or "\x1b[?25h" in terminal.file.getvalue()


def test_a_table_that_a_narrower_terminal_wraps_is_taken_away_whole() -> None:
    lock, terminal = threading.Lock(), Terminal(100, 40)
    screen = screens.LiveScreen(standing(), lock, terminal.console)
    screen.open()
    before = sum(-(-width // 50) for width in screen._widths)
    assert before > len(screen._widths)
    terminal.console.width = 50
    terminal.file.truncate(0)
    screen.say("narrower now")
    assert terminal.file.getvalue().split("narrower")[0].count("\x1b[1A") == before - 1
    screen.close()


def test_many_failures_are_told_once_each_and_then_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = sweep(20, 2)
    with SweepDisplay("plain", tmp_path) as display:
        display.began(made, [])
        for run in made.names:
            display.running(run, 1)
            display.warned(run, "the data has duplicates")
            display.ended(ended(run, outcome=NAN))
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("diverged: run") for line in lines) == 20
    assert sum("duplicates" in line for line in lines) == 1
    assert any("dlrun runs 55555555 lists all" in line for line in lines)
    assert lines[-1].startswith("40/40 runs  40 diverged")


def test_lines_where_no_table_can_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = sweep(2, 2)
    a, b, c, d = made.names
    log = tmp_path / "runs" / c / "log.txt"
    log.parent.mkdir(parents=True)
    log.touch()
    with SweepDisplay("plain", tmp_path) as display:
        display.began(made, [ended(a, 0.5)])
        display.lost(b, CRASH, 1, again=True)
        display.ended(ended(b, 0.7))
        display.lost(c, CRASH, 3, again=False)
        display.ended(ended(d, outcome=Outcome.interrupted("SIGINT stopped it")))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sweep 55555555 (learning_rate x seed): 2 trials, 4 runs, 1 of them finished before"
    assert lines[1].endswith("SIGSEGV; it is begun again")
    assert lines[2].startswith("failed: learning_rate=1.5 seed=0: crash: its process was ended by SIGSEGV; its log: ")
    assert lines[2].endswith("log.txt")
    assert lines[3:] == ["3/4 runs  1 failed  1 interrupted  best test_accuracy 0.6000 (learning_rate=0.5, mean of 2)"]


def test_quiet_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with SweepDisplay("silent", tmp_path) as display:
        display.began(sweep(), [])
        display.said("2 workers")
        display.lost("a", CRASH, 1, again=False)
    assert capsys.readouterr().out == ""


def test_json_lines_of_a_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    made, told = sweep(1, 2), JsonSweep()
    a, b = made.names
    told.began(made, [ended(a, 0.5)])
    told.said("2 workers")
    told.running(b, 1)
    told.lost(b, CRASH, 1, again=True)
    told.added("c", b, "half")
    told.ended(ended(b, float("nan")))
    out, err = capsys.readouterr()
    first, *rest = [json.loads(line) for line in out.splitlines()]
    assert first["event"] == "sweep" and first["runs"] == {a: "finished", b: "queued"}
    assert [(line["run"], line["status"]) for line in rest] == [
        (b, "running"),
        (b, "queued"),
        ("c", "queued"),
        (b, "finished"),
    ]
    assert rest[1]["cause"] == CRASH and rest[2]["of"] == b and rest[3]["metrics"] == {"test_accuracy": None}
    assert err == "2 workers\n"


@pytest.mark.parametrize("words", [["--json", "optimizer.learning_rate=-1"], ["resume", "--json", "nothing"]])
def test_an_error_is_json_too(work: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    told: dict[str, Any] = json.loads(out)
    assert (told["event"], told["exit_code"]) == ("error", 2) and told["message"]
    assert err == ""
    if words[0] == "--json":
        assert told["problems"][0]["key"] == "optimizer.learning_rate"
