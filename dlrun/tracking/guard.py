"""The door in front of MLflow's server: lets in this machine's browser on this very address, and nothing else.

MLflow 3.17 answers `Host: 10.evil.com`, which is what a web page needs to read a server on somebody's own machine
through a name that it points there (DNS rebinding); it takes requests from every page that another local port serves,
and has routes that run commands on the machine of the server. The guard knows no pattern, and two exceptions: /health
and /version say "OK" and a number, hold nothing of anybody's, and answer whoever asks to see them, as MLflow's do.

References:
    MLflow, tracking server security: https://mlflow.org/docs/latest/self-hosting/security/network/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["ADDRESS", "OPEN_PATHS", "REFUSED_PATHS", "SETTINGS", "Guard", "allowed_hosts"]

ADDRESS = "127.0.0.1"

OPEN_PATHS = ("/health", "/version")
"""What whoever watches over servers asks for, under whatever name it knows this one by."""

REFUSED_PATHS = ("/ajax-api/3.0/mlflow/assistant", "/ajax-api/3.0/jobs", "/gateway")
"""Routes of MLflow's that run a coding agent, jobs, or calls to language models: none has a part in looking at runs."""

SETTINGS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "false",
    "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "",
}
"""What the server's environment must say before MLflow is imported."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def allowed_hosts(port: int) -> tuple[str, ...]:
    """The `Host` headers that a browser on this machine sends to `port`."""
    names = (ADDRESS, "localhost")
    return tuple(f"{name}:{port}" for name in names) + (names if port == 80 else ())


class Guard:
    """An ASGI application that refuses what is not meant for `app`.

    Args:
        app: the application behind the door.
        port: where it is served.
    """

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._hosts = frozenset(host.encode("ascii") for host in allowed_hosts(port))
        self._origins = frozenset(b"http://" + host for host in self._hosts)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan" or self._admits(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            body = b"Refused: this server answers its own machine only.\n"
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def _admits(self, scope: Message) -> bool:
        if scope["type"] == "http" and scope["path"] in OPEN_PATHS and scope["method"] in ("GET", "HEAD"):
            return True
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        path = "/" + scope["path"].lstrip("/")
        return (
            len(hosts) == 1
            and hosts[0] in self._hosts
            and all(origin in self._origins for origin in origins)
            and not path.startswith(REFUSED_PATHS)
        )
