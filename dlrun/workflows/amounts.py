"""Large and small amounts as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["short", "short_bytes", "short_score", "short_seconds"]


def short(number: float) -> str:
    """A number in three digits or so.

    >>> short(950), short(17_852), short(1_550_000_000)
    ('950', '17.9 k', '1.6 G')
    """
    return _scaled(number, ("", "k", "M", "G", "T", "P"))


def short_bytes(number: float) -> str:
    """A size in decimal units.

    >>> short_bytes(80), short_bytes(36_000_000), short_bytes(4.4e12)
    ('80 B', '36.0 MB', '4.4 TB')
    """
    return _scaled(number, ("B", "kB", "MB", "GB", "TB", "PB"))


def short_score(value: float) -> str:
    """A loss or another metric, which a training may throw beyond all measure.

    >>> short_score(0.97531), short_score(2048.5), short_score(1.0345e20)
    ('0.9753', '2048.5', '1.03e+20')
    """
    size = abs(value)
    return f"{value:.4f}" if size < 1000 else f"{value:.1f}" if size < 1e6 else f"{value:.2e}"


def short_seconds(seconds: float) -> str:
    """A duration as one says it.

    >>> short_seconds(0.0021), short_seconds(12.4), short_seconds(170), short_seconds(7500)
    ('2.1 ms', '12 s', '3 min', '2 h 5 min')
    >>> short_seconds(0.0996), short_seconds(0.8), short_seconds(0.9996)
    ('100 ms', '800 ms', '1 s')
    """
    if (thousandths := seconds * 1000) < 999.5:
        return f"{thousandths:.2g} ms" if thousandths < 10 else f"{thousandths:.0f} ms"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60:,} h {minutes % 60} min"


def _scaled(number: float, units: Sequence[str]) -> str:
    power = 0
    while number >= 999.5 and power < len(units) - 1:
        number, power = number / 1000, power + 1
    text = f"{number:.0f}" if power == 0 or number >= 99.95 else f"{number:.1f}"
    return f"{text} {units[power]}".strip()
