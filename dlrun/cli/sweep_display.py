"""What is shown of a sweep while it runs: an observer that keeps the standing and has a screen show it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dlrun.cli.data_report import headline, sentences
from dlrun.cli.screens import LiveScreen, PlainScreen, Screen, SilentScreen
from dlrun.cli.standing import Standing
from dlrun.config.roots import shown_path
from dlrun.tracking.journal import read
from dlrun.training.causes import in_one_line

if TYPE_CHECKING:
    from rich.console import Console

    from dlrun.sweeps.record import Sweep
    from dlrun.training.result import Result

__all__ = ["SweepDisplay"]

_STYLES = {"failed": "red", "diverged": "yellow", "interrupted": "yellow", "pruned": "dim"}
_MOST_OF_A_KIND = 20  # lines that stay; then the table's counts have to do


class SweepDisplay:
    """Shows a sweep until it is left.

    Args:
        mode: `live`: a table on a terminal; `plain`: lines; `silent`: nothing.
        work: the folder that holds `runs/`.
        to: the terminal; standard output when None.

    Attributes:
        sweep: what is shown, None before it begins.
    """

    def __init__(self, mode: Literal["live", "plain", "silent"], work: Path, to: Console | None = None) -> None:
        self.wants_epochs = mode != "silent"
        self.sweep: Sweep | None = None
        self._runs = work / "runs"
        self._lock = threading.Lock()
        self._standing = Standing()
        self._told: Counter[str] = Counter()
        self._reported: set[str] = set()
        self._screen: Screen
        match mode:
            case "live":
                self._screen = LiveScreen(self._standing, self._lock, to)
            case "plain":
                self._screen = PlainScreen(self._standing)
            case "silent":
                self._screen = SilentScreen()

    def __enter__(self) -> SweepDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        self._screen.close()

    def began(self, sweep: Sweep, finished: Sequence[Result]) -> None:
        self.sweep = sweep
        with self._lock:
            self._standing.begin(sweep, finished)
        again = f", {len(finished)} of them finished before" if finished else ""
        size = f"{_count(len(sweep.trials), 'trial')}, {_count(self._standing.total, 'run')}{again}"
        self._screen.say(f"sweep {sweep.id[:8]} ({sweep.name}): {size}")
        if len(finished) < self._standing.total:
            self._screen.open()

    def said(self, text: str) -> None:
        self._screen.say(text)

    def running(self, run: str, attempt: int) -> None:
        with self._lock:
            self._standing.start(run, attempt)

    def epoch(self, run: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        with self._lock:
            self._standing.advance(run, epoch, epochs, metrics)
        self._screen.changed()

    def warned(self, run: str, text: str) -> None:
        self._tell("warning", f"{self._standing.name_of(run)}: {text}", "yellow", text)

    def lost(self, run: str, cause: Mapping[str, Any], attempt: int, again: bool) -> None:
        with self._lock:
            self._standing.set_status(run, "queued" if again else "failed")
        name, said = self._standing.name_of(run), in_one_line(cause)
        if again:
            self._tell("ended", f"{name}: {said}; it is begun again", "yellow")
        else:
            self._tell("failed", f"{name}: {said}{self._log_of(self._runs / run)}", _STYLES["failed"])
        self._screen.changed()

    def left(self, run: str, cause: Mapping[str, Any], attempt: int) -> None:
        with self._lock:
            self._standing.set_status(run, "interrupted")

    def added(self, run: str, of: str, name: str) -> None:
        with self._lock:
            self._standing.add(run, name)
        self._screen.say(f"added: {name}, a run of its own beside {self._standing.name_of(of)}")

    def ended(self, result: Result) -> None:
        self._report(result.id)
        with self._lock:
            self._standing.end(result)
        if result.status not in ("finished", "interrupted"):
            log = self._log_of(self._runs / result.id) if result.status == "failed" else ""
            self._tell(
                result.status, f"{result.name}: {in_one_line(result.cause or {})}{log}", _STYLES.get(result.status, "")
            )
        self._screen.changed()

    def _report(self, run: str) -> None:
        """What the first run to end was told of its data: once, or where the sweep varies data once for each thing."""
        varies = self.sweep is not None and any(key.partition(".")[0] in ("data", "split") for key in self.sweep.varied)
        if not self.wants_epochs or (self._reported and not varies):
            return
        events = (event for event in read(self._runs / run / "journal.jsonl") if event.event == "data")
        findings: list[Mapping[str, Any]] = next((event.fields.get("findings", []) for event in events), [])
        lines = [line for line in sentences(findings) if line not in self._reported]
        self._reported.update(lines, [""])
        if lines:
            self._screen.say(headline(findings) + ":", "yellow")
        for line in lines:
            self._screen.say(f"  {line}")

    def _tell(self, what: str, text: str, style: str, same: str | None = None) -> None:
        """A line that stays; of many of a kind, or the same warning of many runs, only the first ones."""
        kind = same or what
        self._told[kind] += 1
        most = 1 if same else _MOST_OF_A_KIND
        if self._told[kind] <= most:
            self._screen.say(f"{what}: {text}", style)
        elif self._told[kind] == most + 1 and not same and self.sweep is not None:
            self._screen.say(f"{what}: more of them are counted; dlrun runs {self.sweep.id[:8]} lists all", style)

    def _log_of(self, directory: Path) -> str:
        path = directory / "log.txt"
        return f"; its log: {shown_path(path, Path.cwd())}" if path.exists() else ""


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
