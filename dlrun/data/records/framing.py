"""The records of a TFRecord file, without TensorFlow: a length and its checksum, the content, another checksum."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dlrun.config.sniff import masked_crc

__all__ = ["Damaged", "Record", "records"]

_HEAD, _TAIL = 12, 4  # bytes before and behind the content


class Damaged(ValueError):
    """A record is damaged.

    Attributes:
        number: of the record, from 1; `offset` the byte that it begins at.
    """

    def __init__(self, what: str, number: int, offset: int) -> None:
        super().__init__(f"{what} in record {number}, at byte {offset}")
        self.number, self.offset = number, offset


@dataclass(frozen=True)
class Record:
    """Where a record lies.

    Attributes:
        number: from 1.
        offset: of its content, in bytes.
        length: of its content, in bytes.
    """

    number: int
    offset: int
    length: int


def records(path: Path) -> Iterator[Record]:
    """The records of a file. Their contents are passed over: TensorFlow compares those with their checksums.

    Raises:
        Damaged: a length is not what its checksum says, or a record ends behind the file.
        OSError: the file cannot be read.
    """
    size, offset, number = path.stat().st_size, 0, 1
    with path.open("rb") as file:
        while offset < size:
            head = file.read(_HEAD)
            if len(head) < _HEAD:
                raise Damaged("the file ends", number, offset)
            length, checksum = struct.unpack("<8sI", head)
            if masked_crc(length) != checksum:
                raise Damaged("a wrong checksum", number, offset)
            (content,) = struct.unpack("<Q", length)
            behind = offset + _HEAD + content + _TAIL
            if behind > size:
                raise Damaged("the file ends", number, offset)
            yield Record(number, offset + _HEAD, content)
            file.seek(behind)
            offset, number = behind, number + 1
