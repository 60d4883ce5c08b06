"""Keep what environment variables hold out of everything that is printed or logged.

The address of a store may be a secret as a whole, and libraries quote parts of it: the host in one message, the path in
another. So a secret is hidden whole, by its variable's name, and in pieces, by asterisks.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TextIO
from urllib.parse import quote, quote_plus, unquote

from dlrun.tracking.store import redacted

__all__ = ["HidingStream", "Secrets"]

_HIDDEN = "***"
_SHORTEST = 5  # a shorter piece is a word of any text
_PIECES = re.compile(r"[\s:/@?&=#,;+()'\"\\]+")
_COMMON = frozenset({"sqlite", "https", "mysql", "mssql", "postgresql", "localhost", "127.0.0.1", "mlflow"})


class Secrets:
    """The values of environment variables that a config names.

    Args:
        values: name to value.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        shown = {value: f"${{oc.env:{name}}}" for name, value in values.items() if len(value) >= _SHORTEST}
        for value in values.values():
            for piece in _PIECES.split(value):
                if len(piece) >= _SHORTEST and piece.lower() not in _COMMON:
                    forms = {piece, unquote(piece), quote(piece, safe=""), quote_plus(piece), repr(piece)[1:-1]}
                    shown = {form: _HIDDEN for form in forms if len(form) >= _SHORTEST} | shown
        self._shown = shown
        longest_first = sorted(shown, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if shown else None

    @property
    def values(self) -> dict[str, str]:
        """Name to value, to be handed to a process of ours; never to be written down."""
        return dict(self._values)

    def hidden(self, text: str) -> str:
        """The text without them, and without passwords in addresses."""
        if self._pattern is not None:
            text = self._pattern.sub(lambda found: self._shown[found[0]], text)
        return redacted(text)


class HidingStream(io.TextIOBase):
    """A text stream that hides secrets in what is written to another.

    Lines are passed on whole, so that a secret that is written in two parts is hidden as well.
    """

    def __init__(self, stream: TextIO, secrets: Secrets) -> None:
        self._stream = stream
        self._secrets = secrets
        self._line = ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._stream.write(self._secrets.hidden(line) + "\n")
        return len(text)

    def flush(self) -> None:
        if self._line and not self._stream.closed:
            self._stream.write(self._secrets.hidden(self._line))
            self._line = ""
        if not self._stream.closed:
            self._stream.flush()

    def writable(self) -> bool:
        return True
