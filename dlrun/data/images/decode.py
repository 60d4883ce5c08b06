"""An image file as an array of bytes, by one set of rules for training and for prediction.

Needs NumPy and Pillow and nothing of dlrun's: it may be copied out. Formats are told by their first bytes, never by the
file's name: PNG, JPEG, WebP, BMP, and the first picture of a GIF.

Pixels are turned as the camera was held (EXIF). Palettes and CMYK become what they show, 16 bits become 8 by a division
by 257. Where a channel of transparency is not asked for, transparent pixels are seen on white. Grey is the luma of
ITU-R 601-2, 0.299 R + 0.587 G + 0.114 B.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

__all__ = ["FORMATS", "MOST_PIXELS", "SUFFIXES", "Header", "Unreadable", "decode", "decode_mask", "header"]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif"})
"""How names of such files end, in small letters."""

MOST_PIXELS = 2**26
"""Of an image: 67 million. The header says how many there are, so a larger one is never decoded."""

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_GREY = frozenset({"1", "L", "LA", "La"})
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = (5, 6, 7, 8)
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, OverflowError, struct.error, zlib.error)
"""What Pillow raises of a file that is damaged."""

_OTHERS = (
    (b"%PDF", "a PDF"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"PK\3\4", "a ZIP archive"),
    (b"<svg", "an SVG"),
    (b"<?xml", "XML"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"8BPS", "a Photoshop file"),
)
_LONGEST = 100  # characters of a reason


class Unreadable(ValueError):
    """The file is no image that can be had; the text completes "it is ..." or "it ...".

    Attributes:
        kind: `empty`, `other` (no image of these formats), `large`, or `damaged`; of masks also `lossy` (kept in a way
            that changes values) and `levels` (no levels from 0 to 255).
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class Header:
    """What an image says of itself before it is decoded.

    Attributes:
        format: one of `FORMATS`.
        height: in pixels, as the image is looked at: turned as the camera was held.
        is_grey: whether it has no colours; a palette may have some.
        has_alpha: whether some of it may be transparent.
    """

    format: str
    height: int
    width: int
    is_grey: bool
    has_alpha: bool


def header(source: Path | str | bytes) -> Header:
    """Look at an image file without decoding it.

    Raises:
        Unreadable: it is none, or none that can be decoded.
        OSError: the file cannot be opened.
    """
    with _opened(source) as file:
        image, orientation = _begun(file)
        width, height = image.size
        if orientation in _ON_ITS_SIDE:
            width, height = height, width
        return Header(_format(image), height, width, _is_grey(image), _has_alpha(image))


def decode(source: Path | str | bytes, channels: int) -> np.ndarray:
    """The pixels of an image file.

    Args:
        source: a path, or the content of the file.
        channels: 1 grey; 3 red, green and blue; 4 with transparency.

    Returns:
        uint8 of shape (height, width, channels).

    Raises:
        Unreadable: it is no image, has too many pixels, or is damaged.
        OSError: the file cannot be opened.
    """
    with _opened(source) as file:
        image, orientation = _begun(file)
        try:
            image.load()
            shown = _with_channels(image, channels)
        except _BROKEN as error:
            raise Unreadable("damaged", _reason(error)) from error
    if orientation in _TURNS:
        shown = shown.transpose(_TURNS[orientation])
    return np.asarray(shown, dtype=np.uint8).reshape(shown.height, shown.width, channels)


def decode_mask(source: Path | str | bytes) -> np.ndarray:
    """The value of each pixel of a mask: its place in the palette, or its grey level as it stands in the file.

    Returns:
        uint8 of shape (height, width).

    Raises:
        Unreadable: it is no image, has too many pixels, is damaged, or says no such values.
        OSError: the file cannot be opened.
    """
    with _opened(source) as file:
        image, orientation = _begun(file)
        if _format(image) == "JPEG":
            raise Unreadable("lossy", "a JPEG")
        try:
            image.load()
            values = _levels(image)
        except _BROKEN as error:
            if isinstance(error, Unreadable):
                raise
            raise Unreadable("damaged", _reason(error)) from error
    shown = Image.fromarray(values)
    return np.array(shown.transpose(_TURNS[orientation]) if orientation in _TURNS else shown, dtype=np.uint8)


def _levels(image: Image.Image) -> np.ndarray:
    if _is_deep(image):
        deep = np.asarray(image).astype(np.int64)
        if deep.max() > 255 or deep.min() < 0:
            raise Unreadable("levels", f"levels from {deep.min()} to {deep.max()}")
        return deep.astype(np.uint8)
    if image.mode in ("P", "L"):
        return np.asarray(image, dtype=np.uint8)
    if image.mode == "1":
        return np.asarray(image.convert("L"), dtype=np.uint8)
    if image.mode in ("LA", "La", "PA"):
        return np.asarray(image.getchannel(0), dtype=np.uint8)
    pixels = np.asarray(image.convert("RGB"), dtype=np.uint8)
    if (pixels != pixels[:, :, :1]).any():
        raise Unreadable("levels", "colours")
    return np.ascontiguousarray(pixels[:, :, 0])


def _opened(source: Path | str | bytes) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")


def _begun(file: BinaryIO) -> tuple[Image.Image, int]:
    """The image with its header read, and how it is to be turned."""
    Image.preinit()
    if "WEBP" not in Image.OPEN:
        Image.init()
    prefix = file.read(16)
    file.seek(0)
    found = next((name for name in FORMATS if _accepts(name, prefix)), None)
    if found is None:
        raise Unreadable(*_what_else(prefix))
    try:
        # Image.open would do, but for its warning of large images: it is told to all threads alike
        image: Image.Image = Image.OPEN[found][0](file, "")
    except _BROKEN as error:
        raise Unreadable("damaged", _reason(error)) from error
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise Unreadable("large", f"{width} x {height} pixels")
    if width * height == 0:
        raise Unreadable("damaged", "it has no pixels")
    return image, _orientation(image)


def _accepts(name: str, prefix: bytes) -> bool:
    accept = Image.OPEN[name][1] if name in Image.OPEN else None
    return accept is not None and accept(prefix) is True


def _what_else(prefix: bytes) -> tuple[str, str]:
    if not prefix:
        return "empty", "an empty file"
    if prefix[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"):
        return "other", "a HEIC or AVIF"
    start = prefix.lstrip().lower()
    return "other", next((name for magic, name in _OTHERS if start.startswith(magic.lower())), "no image")


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:  # Pillow would decode it to look behind the pixels
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _BROKEN:  # what is said of the image is damaged, not the image
        return 1


def _format(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)


def _is_grey(image: Image.Image) -> bool:
    return image.mode in _GREY or _is_deep(image)


def _is_deep(image: Image.Image) -> bool:
    """Whether it is grey of more than 8 bits."""
    return image.mode == "I" or image.mode.startswith("I;16")


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or ("transparency" in image.info and not _is_deep(image))


def _with_channels(image: Image.Image, channels: int) -> Image.Image:
    if _is_deep(image):
        deep = np.asarray(image).astype(np.int64)
        image = Image.fromarray(((deep + 128) // 257).clip(0, 255).astype(np.uint8))
    elif _has_alpha(image):
        image = image.convert("RGBA")
        if channels < 4:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    elif image.mode not in _MODES.values():
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image.convert(_MODES[channels])


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if "MAX_TEXT" in text:
        return "a text in it that unpacks to more than a megabyte, as a bomb does"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
