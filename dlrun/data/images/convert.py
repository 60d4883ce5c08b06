"""From image files to bytes of one size: decoded by several threads, resized as a kept model resizes them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from dlrun.data.images.decode import Unreadable, decode
from dlrun.data.images.headers import Form
from dlrun.data.resizing import Resizing

__all__ = ["Fault", "images", "pixels"]

_MOST_THREADS = 8
_AHEAD = 2  # images a thread is ahead of what is taken
_BLOCK = 2**23  # numbers of decoded images that are held together
_MOST_IN_BLOCK = 1024

Fault = tuple[int, str, str]
"""The place of a file that cannot be decoded, the kind of its fault, and the reason."""

Decoded = tuple[int, np.ndarray]


def images(paths: Sequence[Path], form: Form, faults: list[Fault]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The images in the order of the files, block after block: their places, and uint8 of the form's shape.

    Args:
        faults: gets what cannot be decoded, which is left out.
    """
    resizing = Resizing(form.height, form.width, form.channels, form.fit)
    for block in _blocks(_decoded(paths, form.channels, faults)):
        places = np.array([place for place, _ in block], np.int64)
        yield places, pixels([image for _, image in block], resizing)


def pixels(decoded: Sequence[np.ndarray], resizing: Resizing) -> np.ndarray:
    """Decoded images in the size of all: uint8 of shape (n, height, width, channels)."""
    import keras

    found = np.empty((len(decoded), resizing.height, resizing.width, resizing.channels), np.uint8)
    sizes: dict[tuple[int, ...], list[int]] = {}
    for place, image in enumerate(decoded):
        sizes.setdefault(image.shape[:2], []).append(place)
    for size, places in sizes.items():
        together = np.stack([decoded[place] for place in places])
        if size != (resizing.height, resizing.width):  # resized to the size that it has an image is what it was
            with keras.device("cpu:0"):  # what is kept must not depend on the machine's GPU
                together = keras.ops.convert_to_numpy(resizing(together)).astype(np.uint8)
        found[places] = together
    return found


def _decoded(paths: Sequence[Path], channels: int, faults: list[Fault]) -> Iterator[Decoded]:
    """The images as they are, a few decoded ahead."""
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    waiting: deque[tuple[int, Future[np.ndarray]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for place, path in enumerate(paths):
            waiting.append((place, pool.submit(decode, path, channels)))
            if len(waiting) > threads * _AHEAD:
                yield from _taken(*waiting.popleft(), faults)
        while waiting:
            yield from _taken(*waiting.popleft(), faults)


def _taken(place: int, future: Future[np.ndarray], faults: list[Fault]) -> Iterator[Decoded]:
    try:
        yield place, future.result()
    except Unreadable as error:
        faults.append((place, error.kind, str(error)))
    except OSError as error:
        faults.append((place, "denied", error.strerror or str(error)))


def _blocks(decoded: Iterator[Decoded]) -> Iterator[list[Decoded]]:
    block: list[Decoded] = []
    numbers = 0
    for each in decoded:
        block.append(each)
        numbers += each[1].size
        if numbers >= _BLOCK or len(block) == _MOST_IN_BLOCK:
            yield block
            block, numbers = [], 0
    if block:
        yield block
