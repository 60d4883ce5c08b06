"""Where a sweep is shown: a live table on a terminal, a line now and then elsewhere, or nowhere."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

import click
from rich.live import Live
from rich.text import Text

from dlrun.cli.frame import clock, frame
from dlrun.cli.standing import Standing
from dlrun.cli.tables import console, printable
from dlrun.workflows.amounts import short_score

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["LiveScreen", "PlainScreen", "Screen", "SilentScreen"]

_SECONDS_BETWEEN_FRAMES = 0.25
_SECONDS_BETWEEN_LINES = 10.0
_NOT_FINISHED = ("diverged", "failed", "pruned", "interrupted")


class Screen(Protocol):
    """Shows a standing; `open`, `say` and `changed` may be called from any thread, `close` ends it."""

    def open(self) -> None:
        """The sweep begins."""

    def say(self, text: str, style: str = "") -> None:
        """A line that stays."""

    def changed(self) -> None:
        """The standing is another one."""

    def close(self) -> None:
        """The sweep has ended; what was not to stay is gone."""


class SilentScreen:
    """Shows nothing."""

    def open(self) -> None: ...

    def say(self, text: str, style: str = "") -> None: ...

    def changed(self) -> None: ...

    def close(self) -> None: ...


class PlainScreen:
    """Prints a line when a run did not finish, and one now and then: for files, pipes and logs."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._last = time.monotonic()
        self._told: tuple[int, ...] = ()

    def open(self) -> None: ...

    def say(self, text: str, style: str = "") -> None:
        click.echo(printable(text))

    def changed(self) -> None:
        standing = self._standing
        if time.monotonic() - self._last > _SECONDS_BETWEEN_LINES or standing.done == standing.total:
            self._line()

    def close(self) -> None:
        if self._standing.total:
            self._line()

    def _line(self) -> None:
        """How far it is, unless that was said last."""
        standing = self._standing
        reached = (standing.done, standing.total, *(running.epoch for running in standing.running.values()))
        if self._told == reached:
            return
        self._last, self._told = time.monotonic(), reached
        parts = [f"{standing.done}/{standing.total} runs"]
        parts += [f"{count} {status}" for status in _NOT_FINISHED if (count := standing.counts[status])]
        if (best := standing.best()) is not None:
            mean = f", mean of {best.n}" if best.n > 1 else ""
            parts.append(f"best {best.metric} {short_score(best.value)} ({best.name}{mean})")
        if (left := standing.seconds_left()) is not None:
            parts.append(f"{clock(left)} left")
        click.echo(printable("  ".join(parts)))


class LiveScreen:
    """A table that is drawn anew a few times a second, below the lines that stay.

    Args:
        lock: held while the standing is changed; not by whoever calls `say`.
        to: the terminal; standard output when None.
    """

    def __init__(self, standing: Standing, lock: threading.Lock, to: Console | None = None) -> None:
        self._console = to or console()
        self._standing = standing
        self._lock = lock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._redraw, name="sweep-table", daemon=True)
        self._widths: list[int] = []
        self._live = Live(
            get_renderable=self._table,
            console=self._console,
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
        )

    def open(self) -> None:
        self._live.start(refresh=True)
        self._thread.start()

    def say(self, text: str, style: str = "") -> None:
        with self._live._lock:
            self._find_top()
            self._console.print(Text(printable(text), style=style), soft_wrap=not self._console.is_terminal)

    def changed(self) -> None: ...

    def close(self) -> None:
        if self._live.is_started:
            self._stop.set()
            self._thread.join()
            self._find_top()
            self._live.stop()

    def _redraw(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_FRAMES):
            with self._live._lock:
                self._find_top()
                self._live.refresh()

    def _table(self) -> Text:
        """The table as it is now, for the terminal as wide and high as it is now."""
        size, fancy = self._console.size, self._console.encoding.lower().startswith("utf")
        with self._lock:
            lines = frame(self._standing, size.width, size.height - 1, fancy)
        self._widths = [line.cell_len for line in lines]
        return Text("\n", no_wrap=True).join(lines)

    def _find_top(self) -> None:
        """Have rich begin at the table's first line also where a narrower terminal has wrapped its lines.

        rich goes up as many lines as it has written, and would leave the others standing.
        """
        width = max(self._console.size.width, 1)
        height = sum(max(-(-each // width), 1) for each in self._widths)
        if self._live._live_render._shape is not None:
            self._live._live_render._shape = (width, height)
