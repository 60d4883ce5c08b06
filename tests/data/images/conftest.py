"""Folders of images as a user has them, and damage done to them."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data import load as loading
from dlrun.data.dataset import Dataset
from dlrun.data.declare import Declaration, declare
from dlrun.data.load import load


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG whose header says that it has so many pixels of eight bits, whatever else it holds."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


HUGE = png(20_000, 20_000, chunk(b"IDAT", zlib.compress(b"0" * 100)))
BOMB = png(8, 8, chunk(b"zTXt", b"x\0\0" + zlib.compress(b"0" * 50_000_000)), chunk(b"IDAT", zlib.compress(b"0" * 200)))


def picture(seed: int = 0, size: tuple[int, int] = (8, 8)) -> np.ndarray:
    """Smooth random pixels: uint8 of shape (height, width, 3)."""
    small = np.random.default_rng(seed).integers(0, 256, (3, 3, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize(size[::-1], Image.Resampling.BILINEAR))


class Photos:
    """The folder `photos` in the test's working directory, by class."""

    def __init__(self, work: Path, node: Callable[..., dict[str, Any]]) -> None:
        self.work = work
        self.folder = work / "photos"
        self.catalog = Catalog(Roots.of(work))
        self._node = node
        self._written = 1_700_000_000_000_000_000

    def fill(self, each: int = 6, classes: tuple[str, ...] = ("cat", "dog"), size: tuple[int, int] = (8, 8)) -> None:
        """Some images of each class."""
        for place, name in enumerate(classes):
            for number in range(each):
                self.put(f"{name}/{number}.png", picture(place * each + number, size))

    def put(self, name: str, content: np.ndarray | bytes) -> Path:
        """An image, or a file of any content."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            Image.fromarray(content).save(path)
        # two files of one size, written within a tick of the clock, would pass for one that has not changed
        self._written += 1
        os.utime(path, ns=(self._written, self._written))
        return path

    def node(self, option: str = "images", **values: Any) -> dict[str, Any]:
        return self._node("data", option, **{"path": "photos", **values})

    def declared(self, **values: Any) -> Declaration:
        return declare(self.node(**values), self.catalog)

    def problems(self, **values: Any) -> str:
        return "\n".join(map(str, self.declared(**values).problems))

    def loaded(self, **values: Any) -> Dataset:
        return load(self.node(**values), self.catalog)


@pytest.fixture
def photos(work: Path, node: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Photos:
    """An empty one; the same images in another test's are loaded anew."""
    monkeypatch.setattr(loading, "_KEPT", type(loading._KEPT)())
    return Photos(work, node)
