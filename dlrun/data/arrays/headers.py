"""What lies in .npy and .npz files, by their headers alone: nothing is unpacked, and nothing ever unpickled."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Faulty", "Header", "npy_array", "npy_header", "npz_array", "npz_headers"]

_AGAIN = "Save or fetch it again."
_VERSIONS = {(1, 0): "read_array_header_1_0", (2, 0): "read_array_header_2_0"}


class Faulty(ValueError):
    """A file is none of NumPy's, or is damaged."""

    def __init__(self, rule: str, got: str, mend: str = _AGAIN) -> None:
        super().__init__(rule)
        self.rule, self.got, self.mend = rule, got, mend


@dataclass(frozen=True)
class Header:
    """What an array is.

    Attributes:
        fortran: whether its first index varies fastest.
        offset: bytes before its numbers.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int

    @property
    def nbytes(self) -> int:
        """Of the numbers."""
        return math.prod(self.shape) * self.dtype.itemsize


def npy_header(path: Path) -> Header:
    """The header of a .npy file, whose size agrees with it.

    Raises:
        Faulty: it is none, or is cut short.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        header = _header(file)
    return _whole(header, path.stat().st_size)


def npz_headers(path: Path) -> dict[str, Header]:
    """The headers of the arrays in a .npz file, by their names.

    Raises:
        Faulty: it is none, or an array in it is damaged.
        OSError: it cannot be read.
    """
    found: dict[str, Header] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".npy"):
                    with archive.open(member) as file:
                        header = _header(file)
                    found[member.filename.removesuffix(".npy")] = _whole(header, member.file_size, member.filename)
    except (
        zipfile.BadZipFile,
        RuntimeError,
        EOFError,
    ) as error:  # RuntimeError: a locked member, or an unknown packing
        raise Faulty("must be a whole .npz file", _reason(error)) from error
    if not found:
        raise Faulty("must hold arrays", "none", "Save them by name: numpy.savez('data.npz', x=x, y=y)")
    return found


def npy_array(path: Path) -> Any:
    """The array of a file whose header was read, unless pickled."""
    import numpy as np

    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise Faulty("must be a whole .npy file", _reason(error)) from error


def npz_array(path: Path, name: str) -> Any:
    """An array of a file whose headers were read; its checksum is compared.

    Raises:
        Faulty: it is damaged.
    """
    import zlib

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[name]
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, KeyError) as error:
        raise Faulty(f"must hold a whole array '{name}'", _reason(error)) from error


def _header(file: BinaryIO | Any) -> Header:
    import numpy as np

    try:
        version = np.lib.format.read_magic(file)
        if version not in _VERSIONS:  # 3.0 is for columns of names beyond Latin-1
            raise Faulty("must be an array of numbers", f"version {version[0]}.{version[1]} of the format")
        shape, fortran, dtype = getattr(np.lib.format, _VERSIONS[version])(file)
        return Header(shape, dtype, fortran, file.tell())
    except Faulty:
        raise
    except (ValueError, EOFError, TypeError, SyntaxError) as error:
        raise Faulty("must be an array that NumPy has saved", _reason(error)) from error


def _whole(header: Header, size: int, name: str = "") -> Header:
    if header.dtype.hasobject or header.offset + header.nbytes == size:  # the size of a pickle is anything
        return header
    shown = f"{size:,} bytes{f' in {name}' if name else ''}"
    got = f"{shown}, where its header tells of {header.offset + header.nbytes:,}"
    raise Faulty("must have the size that its header tells", got)


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].strip().rstrip(".") or type(error).__name__
