"""MLflow's server behind the guard, in one process: `dlrun ui` starts it and watches over it.

It inherits the listening socket, and its input tells it the rest: one JSON line, `{"uri", "artifacts", "port",
"socket"}`. When the input ends, its parent is gone, and it ends too.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading

import uvicorn

from dlrun.tracking.guard import App, Guard, allowed_hosts

__all__ = ["main"]


def main() -> int:
    """Serve until the input ends or a signal comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    orders = json.loads(line)
    port = int(orders["port"])
    os.environ["MLFLOW_SERVER_ALLOWED_HOSTS"] = ",".join(allowed_hosts(port))
    try:
        app = _application(orders["uri"], orders["artifacts"])
    except Exception as error:  # noqa: BLE001  # whatever the store's libraries raise, the parent shows its first line
        print((str(error).strip() or type(error).__name__).splitlines()[0], file=sys.stderr)  # noqa: T201
        return 1

    config = uvicorn.Config(Guard(app, port), log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    threading.Thread(target=end_with_parent, daemon=True).start()
    server.run(sockets=[socket.socket(fileno=int(orders["socket"]))])
    return 0


def _application(uri: str, artifacts: str) -> App:
    """MLflow's own application on the store. It reads all this when it is imported."""
    from mlflow.server import constants

    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = uri
    os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = artifacts
    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(uri, uri, artifacts)
    served: App = app
    return served


if __name__ == "__main__":
    sys.exit(main())
