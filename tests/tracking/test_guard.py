"""The door in front of the UI, knocked at directly."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from dlrun.tracking.guard import Guard


def _answer(
    host: str | None, path: str = "/", origin: str | None = None, kind: str = "http", method: str = "GET"
) -> object:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def app(scope: object, receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    headers = [(b"host", host.encode())] if host is not None else []
    headers += [(b"origin", origin.encode())] if origin is not None else []
    asyncio.run(Guard(app, 5000)({"type": kind, "path": path, "method": method, "headers": headers}, receive, send))
    return sent[0].get("status", sent[0]["type"])


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost:5000"])
def test_its_own_name_is_let_in(host: str) -> None:
    assert _answer(host) == 200
    assert _answer(host, origin=f"http://{host}") == 200


STRANGERS = [
    None,
    "",
    "evil.example",
    "10.evil.com",
    "10.evil.com:5000",
    "localhost",
    "127.0.0.1",
    "127.0.0.1:5001",
    "localhost:5000.evil.example",
    "LOCALHOST:5000",
    "[::1]:5000",
    "192.168.0.1:5000",
]


@pytest.mark.parametrize("host", STRANGERS)
@pytest.mark.parametrize("path", ["/", "/api/2.0/mlflow/experiments/search", "/health/", "/healthy", "//version"])
def test_every_other_name_is_refused(host: str | None, path: str) -> None:
    assert _answer(host, path) == 403
    assert _answer(host, path, kind="websocket") == "websocket.close"


@pytest.mark.parametrize("host", STRANGERS)
@pytest.mark.parametrize("path", ["/health", "/version"])
def test_what_holds_no_data_is_seen_under_any_name(host: str | None, path: str) -> None:
    assert _answer(host, path) == _answer(host, path, method="HEAD") == 200
    assert _answer(host, path, method="POST") == 403
    assert _answer(host, path, kind="websocket") == "websocket.close"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost:5000", "http://localhost:3000"])
def test_pages_from_elsewhere_are_refused(origin: str) -> None:
    assert _answer("localhost:5000", origin=origin) == 403


@pytest.mark.parametrize("path", ["/ajax-api/3.0/mlflow/assistant/message", "//ajax-api/3.0/jobs", "/gateway/x"])
def test_routes_that_run_things_are_closed(path: str) -> None:
    assert _answer("localhost:5000", path) == 403
