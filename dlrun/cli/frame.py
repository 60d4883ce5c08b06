"""The live table of a sweep as lines of text, in any width and height."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from dlrun.cli.sparkline import sparkline
from dlrun.cli.standing import Best, Running, Standing
from dlrun.cli.tables import printable
from dlrun.workflows.amounts import short_score

__all__ = ["clock", "frame"]

_STYLES = {
    "finished": "green",
    "running": "cyan",
    "diverged": "yellow",
    "failed": "red",
    "pruned": "dim",
    "interrupted": "yellow",
    "queued": "dim",
}
_ALWAYS = ("finished", "running", "queued")
_LEAST_BAR = 4
_LEAST_NAME = 12


class _Layout(NamedTuple):
    """What a row has room for, in columns; 0 leaves a part out."""

    least_width: int
    bar: int
    spark: int
    has_value: bool


_LAYOUTS = (_Layout(100, 12, 24, True), _Layout(76, 8, 12, True), _Layout(56, 6, 10, False), _Layout(0, 0, 8, False))


def frame(standing: Standing, width: int, height: int, fancy: bool = True) -> list[Text]:
    """The table in at most `height` lines of less than `width` columns.

    Args:
        fancy: whether the terminal shows more than ASCII.
    """
    width -= 3  # a line that fills the last column is wrapped by some terminals, and Ctrl-C prints two signs more
    lines = [_progress(standing, width, fancy), *_counts(standing, width)]
    if (best := standing.best()) is not None:
        lines.append(_best(best, width))
    room = height - len(lines)
    shown = list(standing.running.values())
    if not standing.has_begun:
        lines.append(Text("  importing TensorFlow", "dim"))
    if len(shown) > room:
        shown = shown[: max(room - 1, 0)]
        hidden = len(standing.running) - len(shown)
        lines += [*_rows(shown, width, fancy), Text(f"  and {hidden} more running", "dim")]
    else:
        lines += _rows(shown, width, fancy)
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="ellipsis" if fancy else "crop")
    return lines[: max(height, 1)]


def clock(seconds: float) -> str:
    """A duration as a clock shows it: `0:42`, `1:10:05`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _progress(standing: Standing, width: int, fancy: bool) -> Text:
    elapsed, left = clock(time.monotonic() - standing.began), standing.seconds_left()
    said = f"  {elapsed}" if width < 60 else f"  {elapsed} elapsed"
    said += "" if left is None else f"  {clock(left)} left"
    share = standing.done / standing.total if standing.total else 0.0
    text = Text(f"{standing.done}/{standing.total} runs")
    room = min(width - len(text) - len(said) - 2, 20)
    if room >= _LEAST_BAR:
        text.append("  ").append_text(_bar(share, room, fancy))
    text.append(said)
    title = f"  {standing.title}"
    return text.append(title, "dim") if cell_len(text.plain + title) <= width else text


def _counts(standing: Standing, width: int) -> list[Text]:
    """How many there are of each status, on as many lines as that takes."""
    lines = [Text()]
    for status, style in _STYLES.items():
        count = standing.counts[status]
        if not count and status not in _ALWAYS:
            continue
        said = f"{count} {status}"
        if lines[-1].plain and cell_len(lines[-1].plain) + 2 + len(said) > width:
            lines.append(Text())
        lines[-1].append(f"{'  ' if lines[-1].plain else ''}{said}", style if count else "dim")
    return lines


def _best(best: Best, width: int) -> Text:
    of = f" (mean of {best.n})" if best.n > 1 else ""
    long, short = f"best {best.metric} {short_score(best.value)}{of}: ", f"best {short_score(best.value)}{of}: "
    said = long if cell_len(long) + _LEAST_NAME <= width else short
    return Text().append(said, "bold").append(_fitted(printable(best.name), width - cell_len(said)))


def _rows(running: Sequence[Running], width: int, fancy: bool) -> list[Text]:
    layout = next(layout for layout in _LAYOUTS if width >= layout.least_width)
    told = [_epochs(each) for each in running]
    ends = [_end(each, layout, fancy) for each in running]
    told_width, end_width = max(map(len, told), default=0), max((cell_len(end.plain) for end in ends), default=0)
    bar = layout.bar + 2 if layout.bar else 0
    names = [printable(each.name) for each in running]
    room = max(width - 2 - bar - 2 - told_width - end_width, 8)
    if any(cell_len(name) > room for name in names):
        names = list(map(_without_keys, names))
    name_width = min(max(map(cell_len, names), default=0), room)
    rows = []
    for each, name, epochs, end in zip(running, names, told, ends, strict=True):
        row = Text("  ").append(set_cell_size(_fitted(name, name_width), name_width))
        if bar:
            row.append("  ").append_text(_bar(each.share, layout.bar, fancy))
        rows.append(row.append(f"  {epochs:>{told_width}}").append_text(end))
    return rows


def _epochs(running: Running) -> str:
    return f"{running.epoch}/{running.epochs}" if running.epochs else "starting"


def _end(running: Running, layout: _Layout, fancy: bool) -> Text:
    """The curve, the last value and the attempt."""
    values = [running.curve[epoch] for epoch in sorted(running.curve)]
    text = Text()
    if fancy and layout.spark and values:
        drawn = sparkline(values, layout.spark)
        text.append(f"  {drawn}", "cyan").append(" " * (layout.spark - len(drawn)))
    if layout.has_value and values:
        text.append(f"  {running.metric} {short_score(values[-1])}")
    if running.attempt > 1:
        text.append(f"  {'attempt ' if layout.has_value else '#'}{running.attempt}", "yellow")
    return text


def _bar(share: float, width: int, fancy: bool) -> Text:
    full = round(min(max(share, 0.0), 1.0) * width)
    return Text(("━" if fancy else "#") * full, "green").append(("─" if fancy else "-") * (width - full), "dim")


def _fitted(name: str, width: int) -> str:
    """A name in `width` columns: where it is too long without its keys, whose order the sweep's name tells."""
    if cell_len(name) <= width:
        return name
    name = _without_keys(name)
    if cell_len(name) <= width:
        return name
    tail = max((width - 1) // 2, 0)  # what tells runs apart stands at the end, mostly
    return f"{set_cell_size(name, max(width - 1 - tail, 0))}…{name[len(name) - tail :]}"


def _without_keys(name: str) -> str:
    return " ".join(word.partition("=")[2] or word for word in name.split())
