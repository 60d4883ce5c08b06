"""What is wrong with a store, in a plain sentence with its mend, from what its libraries raise.

They quote whole pages of retries and responses; the one fact in them that helps is looked for here. The full text is in
the writer's log.
"""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Iterator, Mapping
from itertools import islice

from dlrun.tracking.backend import StoreFault

__all__ = ["is_busy", "is_of_run", "of_runs", "told"]

_CREDENTIALS = "Set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
_BUSY = "database is locked"
_HELD = "could not be acquired"  # filelock's words
_KNOWN = [
    (
        r"error code 401\b|\b401 client error|\bunauthenticated\b|\bunauthorized\b",
        f"the server asks who you are (401). {_CREDENTIALS}",
    ),
    (
        r"error code 403\b|\b403 client error|\bpermission_denied\b|\bforbidden\b",
        f"the server does not let this user write (403). Ask its owner for the right, or change user: {_CREDENTIALS}",
    ),
    (rf"{_BUSY}|database table is locked", "another program keeps it locked. End that program, should this stay so"),
    (_HELD, "another command keeps its lock. End that command, should this stay so"),
    (r"database or disk is full|no space left|errno 28|errno 122|quota exceeded", "its disk is full. Free some space"),
    (
        r"readonly database|read-only file system|errno 30|permission denied|errno 13",
        "it, or the folder of its files, cannot be written. See its permissions: dlrun doctor",
    ),
    (
        r"is malformed|not a database|disk i/o error",
        "its file is damaged. Move it away: the next run makes a store, and dlrun sync fills it from the journals",
    ),
    (r"error code 404\b", "something answers there that is no MLflow server (404). See the address in tracking.uri"),
    (r"password authentication failed|access denied for user", "the database refuses the user or the password"),
    (
        r"name or service not known|nodename nor servname|name resolution|could not translate host name|getaddrinfo",
        "there is no machine of that name. See the address in tracking.uri, and the network",
    ),
    (r"error code 5\d\d|too many 5\d\d error", "the server fails with an error of its own (5xx). Its log says why"),
    (r"connection refused|errno 111", "nobody answers at its address. Start it"),
    (r"timed out|timeout", "it takes requests and does not answer"),
    (
        r"connection reset|connection aborted|remote end closed|server closed the connection|terminating connection"
        r"|broken pipe|incomplete ?read",
        "it broke off in the middle of an answer. See whether it still runs",
    ),
]
_COMPILED = [(re.compile(pattern, re.IGNORECASE), sentence) for pattern, sentence in _KNOWN]
_LONGEST = 300
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_OF_A_STORE = frozenset({"mlflow", "psycopg", "psycopg2", "requests", "sqlalchemy", "urllib3"})
_OF_A_REQUEST = frozenset({"BAD_REQUEST", "INVALID_PARAMETER_VALUE", "INVALID_STATE", "MALFORMED_REQUEST"})
_OF_A_ROW = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
_MOST_NAMED = 3


def told(error: BaseException) -> str:
    """What the store's libraries raised, of the store as "it", as a sentence without its full stop."""
    texts = list(_texts(error))
    if isinstance(error, StoreFault):
        return texts[0]
    if isinstance(error, OSError) and error.filename is not None:  # a file of the run, or a folder of the store's files
        return f"{error.strerror}: {error.filename2 or error.filename}"
    return _known(texts) or texts[0].splitlines()[0][:_LONGEST]


def is_busy(error: BaseException) -> bool:
    """Whether somebody else was writing the store, who will be done soon if it is one of us."""
    return any(word in text for text in _texts(error) for word in (_BUSY, _HELD))


def is_of_run(error: BaseException) -> bool:
    """Whether something is wrong with what was to be sent, so that the store may well take what others send.

    What is not known counts as that: to try the others costs little, to leave them out keeps them from the store.
    """
    if isinstance(error, OSError):
        return error.filename is not None and error.errno not in _FULL
    if isinstance(error, StoreFault):  # of the store as a whole it is raised before there is a run
        return True
    if _known(list(_texts(error))) is not None:
        return False
    if isinstance(error, sqlite3.Error):
        return isinstance(error, _OF_A_ROW)
    code = getattr(error, "error_code", None)
    return code in _OF_A_REQUEST or type(error).__module__.partition(".")[0] not in _OF_A_STORE


def of_runs(faults: Mapping[str, str]) -> str:
    """What is wrong with some runs, of each by its id, as a sentence without its full stop."""
    named = [f"run {run}: {why}" for run, why in islice(faults.items(), _MOST_NAMED)]
    more = len(faults) - len(named)
    return "; ".join([*named, f"and {more} more"] if more else named)


def _known(texts: list[str]) -> str | None:
    """The sentence for what libraries said; None where none is known."""
    for pattern, sentence in _COMPILED:
        if any(pattern.search(text) for text in texts):
            return sentence
    return None


def _texts(error: BaseException) -> Iterator[str]:
    """What an error says, and what those say that it came from."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield str(current).strip() or type(current).__name__
        current = current.__cause__ or current.__context__
