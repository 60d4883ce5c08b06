"""Plain values and arrays in one file: numbers and texts only, nothing that could be run when it is read.

The file is NumPy's `.npz`. The member `tree` holds JSON in which an array is the name of another member; arrays of
equal content are one member (the weights, the best weights and the last good weights are mostly the same).
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

__all__ = ["DamagedState", "Unwritable", "check", "load", "save"]

_ARRAY, _SCALAR, _TUPLE, _PAIRS = "$array", "$scalar", "$tuple", "$pairs"
_TREE = "tree"
_NATIVE = "biufcSU"  # kinds of numbers and texts that the format has; bfloat16 and its like are none


class DamagedState(ValueError):
    """A file holds no state, or only a part of one."""


class Unwritable(TypeError):
    """A state holds something that the file cannot give back as it was.

    Attributes:
        path: where, as `callbacks.callback.mine.seen`.
        kind: the name of its type.
    """

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(f"{path} is a {kind}, no number, text, array, list, tuple or dict")
        self.path, self.kind = path, kind


def check(state: Mapping[str, Any]) -> None:
    """See that `save` would write `state`.

    Raises:
        Unwritable: it would not.
    """
    _encoded(state, "", {})


def save(file: BinaryIO, state: Mapping[str, Any]) -> None:
    """Write `state` to `file`.

    Args:
        state: None, bool, int, float, str, NumPy arrays and scalars, in lists, tuples and dicts.

    Raises:
        Unwritable: it holds something else, a kind of dict or list of its own (`OrderedDict`) among them.
        OSError: the disk is full or gone.
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_encoded(state, "", arrays))
    members = {name: _raw(array) for name, array in arrays.items()}
    np.savez(file, allow_pickle=False, **{_TREE: np.frombuffer(text.encode(), np.uint8)}, **members)


def load(content: bytes) -> Any:
    """What `save` wrote.

    Raises:
        DamagedState: it cannot be read.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as members:
            return _decoded(json.loads(members[_TREE].tobytes()), members)
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DamagedState(str(error)) from error


def _encoded(value: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    kind = type(value)
    if isinstance(value, np.generic):
        return {_SCALAR: _encoded(np.asarray(value), path, arrays)}
    if kind is np.ndarray and not value.dtype.hasobject:
        dtype = {} if value.dtype.kind in _NATIVE else {"dtype": value.dtype.name}
        return {_ARRAY: _kept(value, arrays), **dtype}
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is dict and all(type(key) is str and not key.startswith("$") for key in value):
        return {key: _encoded(item, f"{path}.{key}", arrays) for key, item in value.items()}
    if kind is dict:
        return {_PAIRS: [_encoded([key, item], f"{path}.{key}", arrays) for key, item in value.items()]}
    if kind in (list, tuple):
        items = [_encoded(item, f"{path}[{index}]", arrays) for index, item in enumerate(value)]
        return items if kind is list else {_TUPLE: items}
    raise Unwritable(path.lstrip("."), kind.__name__)


def _kept(array: np.ndarray, arrays: dict[str, np.ndarray]) -> str:
    array = np.ascontiguousarray(array).reshape(array.shape)
    head = f"{array.dtype.name} {array.shape}".encode()
    name = hashlib.blake2b(head + array.tobytes(), digest_size=12).hexdigest()
    arrays.setdefault(name, array)
    return name


def _raw(array: np.ndarray) -> np.ndarray:
    """The array in a type that the format has: other numbers are kept as the integers of their bits."""
    return array if array.dtype.kind in _NATIVE else array.view(f"u{array.dtype.itemsize}")


def _decoded(value: Any, members: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decoded(item, members) for item in value]
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        array = members[value[_ARRAY]]
        return array.view(np.dtype(value["dtype"])) if "dtype" in value else array
    if _SCALAR in value:
        return _decoded(value[_SCALAR], members)[()]
    if _TUPLE in value:
        return tuple(_decoded(item, members) for item in value[_TUPLE])
    if _PAIRS in value:
        return dict(_decoded(item, members) for item in value[_PAIRS])
    return {key: _decoded(item, members) for key, item in value.items()}
