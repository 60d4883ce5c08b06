"""Masks in the geometry of their images: the same part of each, at the same place, but never a mixture of two pixels.

Sizes are found as `keras.layers.Resizing` finds them, in float32 where it does; tests hold the two against each other.
"""

from __future__ import annotations

import numpy as np

from dlrun.data.resizing import Resizing

__all__ = ["enlarged", "resized"]


def resized(masks: np.ndarray, resizing: Resizing) -> np.ndarray:
    """Masks of shape (n, height, width) in the size of the resized images; what `pad` adds is 0."""
    height, width = masks.shape[1:]
    boxed = _into(masks, _box((height, width), resizing))
    return _nearest(boxed, resizing.height, resizing.width)


def enlarged(mask: np.ndarray, height: int, width: int, resizing: Resizing) -> np.ndarray:
    """A mask of a resized image, of shape (height, width), in the image's own size; what `crop` cut off is 0."""
    box = _box((height, width), resizing)
    found = _nearest(mask[np.newaxis], *box)
    whole: np.ndarray = _into(found, (height, width))[0]
    return whole


def _box(size: tuple[int, int], resizing: Resizing) -> tuple[int, int]:
    """Height and width that an image is cropped or padded to before it is resized."""
    if resizing.fit == "stretch":
        return size
    wanted = np.float32(resizing.height), np.float32(resizing.width)
    other = (
        int(np.float32(size[1] * resizing.height) / wanted[1]),
        int(np.float32(size[0] * resizing.width) / wanted[0]),
    )
    if resizing.fit == "crop":
        return max(1, min(size[0], other[0])), max(1, min(size[1], other[1]))
    before = [max(0, int((other[axis] - size[axis]) / 2)) for axis in (0, 1)]  # as much behind as before
    return size[0] + 2 * before[0], size[1] + 2 * before[1]


def _into(masks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Masks cut or filled up with 0 to a size, from the middle."""
    for axis, wanted in enumerate(size, start=1):
        have = masks.shape[axis]
        before = abs(have - wanted) // 2
        if wanted < have:
            masks = np.take(masks, range(before, before + wanted), axis=axis)
        elif wanted > have:
            around = [(0, 0)] * 3
            around[axis] = (before, wanted - have - before)
            masks = np.pad(masks, around)
    return masks


def _nearest(masks: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = _places(masks.shape[1], height), _places(masks.shape[2], width)
    found: np.ndarray = masks[:, rows][:, :, columns]
    return found


def _places(have: int, wanted: int) -> np.ndarray:
    """Which of the pixels in a row is nearest to each of the new ones, measured from their middles."""
    step = np.float32(have) / np.float32(wanted)
    middles = (np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * step
    found: np.ndarray = np.minimum(middles.astype(np.int64), have - 1)
    return found
