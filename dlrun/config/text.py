"""Values as a person types and reads them. Imports nothing of the config's: any room may use it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

__all__ = ["plain", "shown", "typed"]


def plain(value: object) -> str:
    """A value for a table: numbers in six digits, `[64, 64]`, `true`; nothing for None.

    >>> plain(1e-05), plain(0.30000000000000004), plain([64, 64]), plain(True), plain(None)
    ('1e-5', '0.3', '[64, 64]', 'true', '')
    """
    return "" if value is None else _written(value, lambda number: f"{number:.6g}")


def typed(value: object) -> str:
    """A value as it stands on a command line or in a config: numbers in full, and `null` for None.

    >>> typed(None), typed([None, 0.5]), typed({"units": 3}), typed(0.12345678), typed(32.0)
    ('null', '[null, 0.5]', '{units: 3}', '0.12345678', '32')
    """
    return _written(value, repr)


def _written(value: object, number: Callable[[float], str]) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = number(value).removesuffix(".0")
        return re.sub(r"e([+-])0+(?=\d)", r"e\1", text).replace("e+", "e")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_written(item, number)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_written(item, number) for item in value) + "]"
    return str(value)


def shown(value: object) -> str:
    """A value as a message quotes it: as `typed`, with quotes round text.

    >>> shown("adam"), shown([64, 1.0])
    ("'adam'", '[64, 1]')
    """
    return f"'{value}'" if isinstance(value, str) else typed(value)
