"""Where the tracking store is, and whether it can be used: told without MLflow."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shlex
from collections.abc import Mapping
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

from dlrun.errors import Problem
from dlrun.tracking import sqlitefile

__all__ = [
    "DEFAULT_EXPERIMENT",
    "STORE_FILE",
    "database",
    "is_database",
    "is_server",
    "problems",
    "redacted",
    "store_uri",
    "token",
    "tracking_uri",
]

STORE_FILE = "mlflow.db"
"""The default store's file, beside `runs/`."""

DEFAULT_EXPERIMENT = "dlrun"
_OFFLINE = "offline"
_KEY = "tracking.uri"
_SQLITE = "sqlite:///"
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):")
_SERVERS = ("http", "https")
_CLOUDS = ("databricks", "databricks-uc", "uc")
_DRIVERS = {"postgresql": "psycopg", "mysql": "MySQLdb", "mssql": "pyodbc"}  # of SQLAlchemy 2.1, if none is named
_PACKAGES = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
_PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^@/]*@")


def tracking_uri(node: Mapping[str, Any], work: Path) -> str:
    """The store that commands write to: as `store_uri`, but empty with `tracking=offline`: only `dlrun sync` sends."""
    return "" if node.get("option") == _OFFLINE else store_uri(node, work)


def store_uri(node: Mapping[str, Any], work: Path) -> str:
    """The MLflow URI of the store that the runs of a spec belong in.

    Args:
        node: the spec's `tracking`.
        work: where `runs/` lies; a relative sqlite path begins there.

    Returns:
        The URI, absolute where it names a file; empty when nothing is recorded (`tracking=none`).
    """
    if node.get("option") == "none":
        return ""
    uri = node.get("uri")
    if uri is None:
        return f"{_SQLITE}{work.resolve() / STORE_FILE}"
    uri = str(uri)
    if _scheme(uri) == "sqlite" and uri.startswith(_SQLITE):
        path, mark, query = uri.removeprefix(_SQLITE).partition("?")
        return f"{_SQLITE}{work.resolve() / path}{mark}{query}"
    return uri


def problems(node: Mapping[str, Any], work: Path) -> list[Problem]:
    """What keeps the store from being used, as far as that can be told in milliseconds and without MLflow.

    Args:
        node: the spec's `tracking`.
        work: where `runs/` lies.
    """
    uri = store_uri(node, work)
    if not uri:
        return []
    given, scheme = str(node.get("uri") or uri), _scheme(uri)
    if scheme == "sqlite":
        # offline the store may be one that this machine does not see; `dlrun sync` looks at it
        return _sqlite_problems(uri, given, is_looked_at=node.get("option") != _OFFLINE)
    if scheme in (*_SERVERS, *_CLOUDS):
        return []
    if scheme.partition("+")[0] in _DRIVERS:
        return _driver_problems(scheme)
    if scheme in ("", "file"):
        rule = "must name a database or a server: MLflow no longer keeps runs in plain folders"
        return [Problem(_KEY, rule, repr(given), f"Type tracking.uri={_suggested(given, work)}.")]
    if scheme in entry_points(group="mlflow.tracking_store").names:
        return []
    rule = "must begin with sqlite:///, postgresql://, mysql://, mssql://, http:// or https://"
    return [Problem(_KEY, rule, repr(redacted(given)), "Leave it null for the file mlflow.db beside runs/.")]


def database(uri: str) -> Path | None:
    """The file of a sqlite store; None for any other."""
    return Path(uri.removeprefix(_SQLITE).partition("?")[0]) if uri.startswith(_SQLITE) else None


def is_database(uri: str) -> bool:
    """Whether the store is a database that MLflow is to make its tables in: a sqlite file or a database server."""
    scheme = _scheme(uri).partition("+")[0]
    return scheme == "sqlite" or scheme in _DRIVERS


def is_server(uri: str) -> bool:
    """Whether the store is an MLflow server, which has a UI of its own."""
    return _scheme(uri) in _SERVERS


def redacted(uri: str) -> str:
    """The URI without its password, to be shown and logged."""
    return _PASSWORD.sub(r"\1:***@", uri)


def token(uri: str) -> str:
    """What tells this store from any other, a deleted and remade one included; empty when there is none yet.

    It is a hash without the password, which may change while the store stays what it is.
    """
    path = database(uri)
    identity = "" if path is None else sqlitefile.identity(path)
    if identity is None:
        return ""
    return hashlib.sha256(f"{redacted(uri)}\n{identity}".encode()).hexdigest()[:16]


def _scheme(uri: str) -> str:
    match = _SCHEME.match(uri)
    if match is None:
        return "databricks" if uri == "databricks" else ""
    return match.group(1).lower()


def _sqlite_problems(uri: str, given: str, *, is_looked_at: bool) -> list[Problem]:
    path = database(uri)
    other = "Leave it null for the file mlflow.db beside runs/, or type tracking.uri=sqlite:///other.db."
    if path is None or path.name in ("", ":memory:"):
        return [Problem(_KEY, "must name a file, as in sqlite:///mlflow.db", repr(given), other)]
    state = sqlitefile.inspect(path) if is_looked_at else sqlitefile.State("missing")
    if state.fault is None:
        return []
    mend = state.mend or other
    if state.word == "older" and path.name != STORE_FILE:
        mend = mend.replace(sqlitefile.UPGRADE, f"{sqlitefile.UPGRADE} --to {shlex.quote(given)}")
    return [Problem(_KEY, f"must be an MLflow store: {state.fault}", str(path), mend)]


def _driver_problems(scheme: str) -> list[Problem]:
    dialect, _, driver = scheme.partition("+")
    module = {"mysqldb": "MySQLdb"}.get(driver, driver) or _default_driver(dialect)
    if _is_installed(module):
        return []
    mend = f"Type pip install {_PACKAGES.get(module, module)}."
    if dialect == "postgresql" and not driver and _is_installed("psycopg2"):
        mend = f"Type {dialect}+psycopg2://, or pip install {_PACKAGES[module]}."
    rule = f"must name a driver that is installed: {scheme} needs the package {module}"
    return [Problem(_KEY, rule, f"{scheme}://", mend)]


def _default_driver(dialect: str) -> str:
    """The driver that SQLAlchemy takes where the address names none."""
    if dialect == "postgresql" and version("sqlalchemy").startswith(("1.", "2.0.")):
        return "psycopg2"
    return _DRIVERS[dialect]


def _is_installed(module: str) -> bool:
    # a name with a dot is refused unseen: to look for `a.b`, Python imports `a`
    return module.isidentifier() and importlib.util.find_spec(module) is not None


def _suggested(given: str, work: Path) -> str:
    path = re.sub(r"^file:(//)?", "", given)
    return f"{_SQLITE}{path if path.endswith('.db') else (work.resolve() / path / STORE_FILE)}"
