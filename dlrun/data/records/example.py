"""What a record holds, read without TensorFlow: the wire format of `tf.train.Example`, and nothing else of it.

Example: 1 Features.  Features: 1 entries of a map, 1 the name, 2 the feature.
Feature: 1 a list of bytes, 2 of floats, 3 of whole numbers.  A list: 1 its values, numbers packed or one by one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Feature", "NoExample", "features_in"]

_KINDS = {1: "bytes", 2: "float", 3: "int"}
_VARINT, _EIGHT, _SIZED, _FOUR = 0, 1, 2, 5


class NoExample(ValueError):
    """The bytes are no `tf.train.Example`."""


@dataclass(frozen=True)
class Feature:
    """A named list in a record.

    Attributes:
        kind: `bytes`, `float` or `int`.
    """

    kind: str
    values: tuple[Any, ...]


def features_in(content: bytes) -> dict[str, Feature]:
    """The features of a record that hold something, by their names.

    Raises:
        NoExample: the record is no Example.
    """
    found: dict[str, Feature] = {}
    try:
        for field, features in _fields(memoryview(content)):
            for _, entry in _fields(features) if field == 1 else ():
                parts = dict(_fields(entry))
                feature = _feature(parts.get(2, memoryview(b"")))
                if feature is not None:
                    found[bytes(parts[1]).decode()] = feature
    except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
        raise NoExample(str(error)) from error
    return found


def _feature(content: memoryview) -> Feature | None:
    for number, values in _fields(content):
        if number in _KINDS:
            kind = _KINDS[number]
            return Feature(kind, tuple(_values(values, kind)))
    return None


def _values(content: memoryview, kind: str) -> Iterator[Any]:
    for _, value in _fields(content):
        if kind == "bytes":
            yield bytes(value)
        elif kind == "float":
            yield from struct.unpack(f"<{len(value) // 4}f", value)
        elif isinstance(value, int):
            yield _signed(value)
        else:
            place = 0
            while place < len(value):
                number, place = _varint(value, place)
                yield _signed(number)


def _fields(content: Any) -> Iterator[tuple[int, Any]]:
    """Numbers and values of a message's fields: what has a length as bytes, a whole number as itself."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _varint(content, place)
            yield key >> 3, value
            continue
        length, place = _varint(content, place) if kind == _SIZED else ({_EIGHT: 8, _FOUR: 4}[kind], place)
        if place + length > len(content):
            raise NoExample("a field that ends behind the record")
        yield key >> 3, content[place : place + length]
        place += length


def _varint(content: Any, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        if shift > 63:
            raise NoExample("a number of more than 64 bits")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
