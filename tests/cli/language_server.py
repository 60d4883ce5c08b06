"""Speak to a YAML language server as an editor does: open a file, read what it underlines, ask what fits here."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

__all__ = ["LanguageServer", "started"]

_SECONDS = 30.0


class LanguageServer:
    """A running server; `schemas` names the file patterns that each schema is for."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, schemas: dict[str, list[str]]) -> None:
        self._process = process
        self._folder = folder
        self._settings = {"yaml": {"schemas": schemas, "validate": True, "completion": True, "hover": True}}
        self._arrived: Queue[dict[str, Any]] = Queue()
        self._asked = self._versions = 0
        threading.Thread(target=self._listen, daemon=True).start()
        self._request("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}})
        self._notify("initialized", {})
        self._notify("workspace/didChangeConfiguration", {"settings": self._settings})

    def underlined(self, name: str, text: str) -> list[tuple[int, str]]:
        """What is underlined in file `name` with this text: line (from 1) and message."""
        uri = self._open(name, text)
        while True:
            message = self._next(lambda found: found.get("method") == "textDocument/publishDiagnostics")
            if message["params"]["uri"] == uri:
                found = message["params"]["diagnostics"]
                return [(each["range"]["start"]["line"] + 1, each["message"]) for each in found]

    def offered(self, name: str, text: str) -> list[tuple[str, str]]:
        """What is offered at the `|` in the text: label and documentation."""
        result = self._at(name, text, "textDocument/completion")
        items = result["items"] if isinstance(result, dict) else result
        return [(item["label"], _said(item.get("documentation"))) for item in items]

    def hovered(self, name: str, text: str) -> str:
        """What is shown over the `|` in the text."""
        return _said((self._at(name, text, "textDocument/hover") or {}).get("contents"))

    def _at(self, name: str, text: str, method: str) -> Any:
        before, _, after = text.partition("|")
        self.underlined(name, before + after)
        lines = before.split("\n")
        position = {"line": len(lines) - 1, "character": len(lines[-1])}
        return self._request(method, {"textDocument": {"uri": self._uri(name)}, "position": position})

    def _uri(self, name: str) -> str:
        return (self._folder / name).as_uri()

    def _open(self, name: str, text: str) -> str:
        uri = self._uri(name)
        self._notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        while not self._arrived.empty():
            self._arrived.get()
        self._versions += 1  # the server keeps what it has parsed, by version
        document = {"uri": uri, "languageId": "yaml", "version": self._versions, "text": text}
        self._notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def _request(self, method: str, params: dict[str, Any]) -> Any:
        self._asked += 1
        asked = self._asked
        self._send({"id": asked, "method": method, "params": params})
        return self._next(lambda found: found.get("id") == asked and "method" not in found).get("result")

    def _notify(self, method: str, params: dict[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _next(self, wanted: Any) -> dict[str, Any]:
        while True:
            try:
                message = self._arrived.get(timeout=_SECONDS)
            except Empty:
                raise AssertionError("the language server does not answer") from None
            if wanted(message):
                return message
            if "id" in message and message.get("method") == "workspace/configuration":
                settings = [self._settings.get(item.get("section")) for item in message["params"]["items"]]
                self._send({"id": message["id"], "result": settings})
            elif "id" in message and "method" in message:
                self._send({"id": message["id"], "result": None})

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                continue
            self._arrived.put(json.loads(stream.read(length)))


def _said(contents: Any) -> str:
    return str(contents.get("value", "")) if isinstance(contents, dict) else str(contents or "")


@contextmanager
def started(command: str, folder: Path, schemas: dict[str, list[str]]) -> Iterator[LanguageServer]:
    """A server for the files of `folder`, stopped at the end."""
    process = subprocess.Popen([command, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
    try:
        yield LanguageServer(process, folder, schemas)
    finally:
        process.kill()
        process.wait()
