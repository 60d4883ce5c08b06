"""Which data option reads a file or folder: by first bytes, by suffix, by what a folder holds. Decodes nothing."""

from __future__ import annotations

import json
import os
import struct
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

__all__ = ["by_content", "by_suffix", "in_folder"]

_SUFFIXES = {
    "csv": "csv", "tsv": "csv", "tab": "csv", "txt": "csv",
    "parquet": "parquet", "pq": "parquet", "jsonl": "jsonl", "ndjson": "jsonl",
    "npz": "npz", "npy": "npy", "tfrecord": "tfrecord", "tfrecords": "tfrecord",
}  # fmt: skip
_PACKED = frozenset({"gz", "bz2", "xz", "zst", "zip", "xlsx", "xls", "ods"})  # data/csv says what to do about them
_IMAGES = frozenset({"png", "jpg", "jpeg", "webp", "bmp", "gif"})
_TEXTS = frozenset({"txt", "text", "md"})
_MAGIC = ((b"PAR1", "parquet"), (b"PARE", "parquet"), (b"\x93NUMPY", "npy"))
_PACKED_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"\xd0\xcf\x11\xe0", b"PK\x03\x04")
_HEAD = 4096  # bytes
_LOOKED_AT = 200  # entries of a folder
_TABLE_OF_CRC = 256


def by_suffix(name: str) -> str | None:
    """The option for files of such a name; None where no option is known to read them."""
    parts = Path(name).name.lower().split(".")[1:]
    if parts and parts[-1] in _PACKED:
        return "csv"
    if "tfrecord" in parts or any(part.startswith("tfrecord-") for part in parts):  # rows.tfrecord-00000-of-00008
        return "tfrecord"
    return _SUFFIXES.get(parts[-1]) if parts else None


def by_content(path: Path) -> str | None:
    """The option that reads the file; None where none does.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    named = by_suffix(path.name)
    if (option := next((option for sign, option in _MAGIC if head.startswith(sign)), None)) is not None:
        return option
    if head.startswith(b"PK\x03\x04") and head[30:].split(b"\0")[0][:100].find(b".npy") > 0:
        return "npz"
    if named is None and head.startswith(_PACKED_MAGIC):
        return "csv"
    if is_record_file(head):
        return "tfrecord"
    if named in (None, "csv") and _is_object(head):
        return "jsonl"
    return named or ("csv" if _is_text(head) else None)


def is_record_file(head: bytes) -> bool:
    """Whether the bytes begin with a record's length and the checksum of it."""
    if len(head) < 12:
        return False
    length, checksum = struct.unpack("<8sI", head[:12])
    return bool(masked_crc(length) == checksum)


def masked_crc(content: bytes) -> int:
    """The checksum of TFRecord files: CRC-32C, turned and shifted."""
    value = 0xFFFFFFFF
    for byte in content:
        value = _CRC[(value ^ byte) & 0xFF] ^ (value >> 8)
    value ^= 0xFFFFFFFF
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc_table() -> Iterator[int]:
    for value in range(_TABLE_OF_CRC):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        yield value


_CRC = tuple(_crc_table())


def _is_object(head: bytes) -> bool:
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n")[0]
    if not line.startswith(b"{"):
        return False
    if len(line) > _HEAD - 8:  # longer than what was read
        return line.startswith(b'{"')
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_text(head: bytes) -> bool:
    return b"\0" not in head and bool(head.strip())


def in_folder(folder: Path) -> str | None:
    """The option that reads the folder; None where none does.

    Raises:
        OSError: the folder cannot be read.
    """
    entries = [entry for entry in islice(os.scandir(folder), _LOOKED_AT) if not entry.name.startswith(".")]
    folders = sorted(entry.name for entry in entries if entry.is_dir())
    if {"images", "masks"} <= {name.lower() for name in folders}:
        return "masks"
    kinds = Counter(kind for name in folders for kind in _kinds_below(folder / name, depth=1))
    if kinds:
        return kinds.most_common(1)[0][0]
    files = [entry.name for entry in entries if entry.is_file()]
    return "tfrecord" if files and all(by_suffix(name) == "tfrecord" for name in files) else None


def _kinds_below(folder: Path, depth: int) -> Iterator[str]:
    """`images` or `texts` for each file of the first of a folder and, as in train/CLASS, of the folders in it."""
    for entry in islice(os.scandir(folder), _LOOKED_AT):
        suffix = entry.name.rpartition(".")[2].lower()
        if entry.name.startswith("."):
            continue
        if suffix in _IMAGES:
            yield "images"
        elif suffix in _TEXTS:
            yield "texts"
        elif depth and entry.is_dir():
            yield from _kinds_below(Path(entry.path), depth - 1)
