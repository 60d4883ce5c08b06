"""What the tests of data share: nodes as a config holds them, CSV files as a user has them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots

Node = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def node(catalog: Catalog) -> Node:
    """`node(group, option, **values)`: an option with its defaults, as it stands in a composed config."""

    def make(group: str, option: str, **values: Any) -> dict[str, Any]:
        return {"option": option, **catalog.get(group, option).defaults, **values}

    return make


class CsvFolder:
    """A working directory with CSV files in it."""

    def __init__(self, folder: Path, node: Node) -> None:
        self.folder = folder
        self.catalog = Catalog(Roots.of(folder))
        self._node = node
        self._written = 1_700_000_000_000_000_000

    def write(self, content: str | bytes, name: str = "table.csv") -> Path:
        """Put a file there."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        # two files of one size, written within a tick of the clock, would pass for one that has not changed
        self._written += 1
        os.utime(path, ns=(self._written, self._written))
        return path

    def node(self, **values: Any) -> Mapping[str, Any]:
        """The `data` node for `table.csv`, with some parameters set."""
        return self._node("data", "csv", **{"path": "table.csv", **values})


@pytest.fixture
def csv_folder(work: Path, node: Node) -> CsvFolder:
    """The test's working directory."""
    return CsvFolder(work, node)
