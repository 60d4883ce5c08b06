"""`dlrun ui`: MLflow's UI on the store, on this machine alone."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from dlrun.errors import ConfigError, ExitCode, StorageError, Terminated

if TYPE_CHECKING:
    from dlrun.config.roots import Roots

__all__ = ["command"]

_PAGE = "#/experiments?workflowType=machine_learning"
"""Where to begin: by itself MLflow shows its pages for language models, where a trained model is an agent's version."""


@click.command(name="ui", short_help="Open MLflow's UI on the store, safely.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Serve on this port [default: the first free one from 5000]."
)
@click.option("--store", metavar="URI", help="Show this store [default: the project's, else mlflow.db beside runs/].")
@click.option("--browser/--no-browser", default=True, help="Open it in a browser, where there is a screen.")
def command(port: int | None, store: str | None, browser: bool) -> int:
    """Open MLflow's UI on the store. Ctrl-C ends it.

    It listens on this machine only, answers to its own name only, runs no jobs and loads no pickles, and checks all
    that before it says that it is ready.
    """
    from dlrun.config.roots import Roots
    from dlrun.tracking.project_store import project_node, project_secrets
    from dlrun.tracking.store import is_server, store_uri

    roots = Roots.of(Path.cwd())
    node = {"uri": store} if store else project_node(roots)
    uri = store_uri(node, roots.work)
    if not uri:
        raise StorageError("This project records nothing in a store (tracking=none). Name one with --store URI")
    if is_server(uri):
        click.echo(f"The store is a server with a UI of its own: {project_secrets(roots).hidden(uri)}")
        return ExitCode.DONE
    _check(node, uri, roots)
    return _serve(uri, roots.work, port, browser)


def _check(node: dict[str, str], uri: str, roots: Roots) -> None:
    from dlrun.tracking import sqlitefile
    from dlrun.tracking.project_store import project_secrets
    from dlrun.tracking.store import database, problems

    found, hidden = problems(node, roots.work), project_secrets(roots).hidden
    path = database(uri)
    if path is not None and path.parent.is_dir() and sqlitefile.inspect(path).word == "missing":
        raise StorageError(hidden(f"There is no store yet ({path}). The first run makes it: dlrun"))
    if found:
        raise ConfigError([replace(each, rule=hidden(each.rule), got=hidden(each.got or "")) for each in found])


def _serve(uri: str, work: Path, port: int | None, browser: bool) -> int:
    from dlrun.tracking.uiserver import UiServer, listen

    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        with UiServer(uri, work / "mlartifacts", listen(port)) as server:
            server.wait_until_ready()
            page = f"{server.url}/{_PAGE}"
            click.echo(f"MLflow's UI: {page}  (Ctrl-C ends it)")
            if browser and _has_screen():
                click.launch(page)
            code = server.wait()
        raise StorageError(f"MLflow's UI ended by itself (exit code {code})")
    except Terminated:
        raise
    except KeyboardInterrupt:  # how it is meant to be ended
        click.echo()
        return ExitCode.DONE
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    raise Terminated("MLflow's UI has ended.")


def _has_screen() -> bool:
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
