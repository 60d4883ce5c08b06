"""Values as a person types and reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["plain", "typed"]


def plain(value: object) -> str:
    """A value for a table: numbers in six digits, `[64, 64]`, `true`; nothing for None.

    >>> plain(1e-05), plain(0.30000000000000004), plain([64, 64]), plain(True), plain(None)
    ('1e-5', '0.3', '[64, 64]', 'true', '')
    """
    return "" if value is None else typed(value)


def typed(value: object) -> str:
    """A value as it stands on a command line or in a config: like `plain`, and `null` for None.

    >>> typed(None), typed([None, 0.5]), typed({"units": 3})
    ('null', '[null, 0.5]', '{units: 3}')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return re.sub(r"e([+-])0+(?=\d)", r"e\1", f"{value:.6g}").replace("e+", "e")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {typed(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(typed(item) for item in value) + "]"
    return str(value)
