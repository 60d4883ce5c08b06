"""Read what a run kept as arrays of numbers: no class, no link, no pickle of the file's author is followed.

`model.keras` is a zip of a JSON config and an HDF5 file of weights; `best.weights.h5` is such a file alone, and
`weights.npz` a zip of NumPy's arrays. Of the config are read the shape of the input and the numbers of the
preprocessing layers, by name; of HDF5 plain datasets that are wholly there. It is run in a process with bounds
(`probe`): libhdf5 is C, and the file is a stranger's.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.errors import UserError
from dlrun.workflows.foreign_spec import read_json

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "MAX_BYTES",
    "Preprocessing",
    "Scaling",
    "read_arrays",
    "read_keras",
    "read_weights",
    "scaling",
    "write_weights",
]

MAX_BYTES = 2_000_000_000
"""Of a file of weights."""

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MAX_NUMBERS = 1_000_000
_MAX_OBJECTS = 50_000
_MAX_LEVELS = 40
_KINDS = "fiub"  # numpy's letters for floats, integers and booleans

Arrays = dict[str, "np.ndarray"]
"""Path in the file, as `layers/dense/vars/0`, to the numbers there; in `weights.npz` its place in Keras's order."""


@dataclass(frozen=True)
class Scaling:
    """A preprocessing layer: the class `Rescaling` or `Normalization` of Keras, its name and its numbers."""

    kind: str
    name: str
    numbers: Mapping[str, list[float] | float]


@dataclass(frozen=True)
class Preprocessing:
    """What stands before and behind the core of a kept model.

    Attributes:
        input_shape: of one raw sample, without the batch.
        before: the layers that scale samples, in order.
        after: the layer that gives a regression its units back, or None.
    """

    input_shape: tuple[int, ...]
    before: tuple[Scaling, ...]
    after: Scaling | None


_NUMBERS = {"Rescaling": ("scale", "offset"), "Normalization": ("mean", "variance")}


def scaling(kind: object, config: Mapping[str, Any]) -> Scaling:
    """The layer that `config`, as Keras writes it, describes.

    Raises:
        UserError: it is no layer of dlrun's preprocessing.
    """
    if kind not in _NUMBERS or config.get("invert"):
        raise UserError(f"The model's preprocessing must be Rescaling and Normalization; got {str(kind)[:40]}.")
    numbers = {name: _numbers(name, config.get(name)) for name in _NUMBERS[str(kind)]}
    name = str(config.get("name"))
    if not name.isidentifier():
        raise UserError("The model's preprocessing must have layers with plain names.")
    return Scaling(str(kind), name, numbers)


def _numbers(name: str, value: Any) -> list[float] | float:
    each = value if isinstance(value, list) else [value]
    plain = all(type(item) in (int, float) for item in each)
    if not plain or not 0 < len(each) <= _MAX_NUMBERS:
        raise UserError(f"The model's preprocessing must be numbers; got {str(value)[:40]} for {name}.")
    return [float(item) for item in each] if isinstance(value, list) else float(value)


def read_keras(path: Path) -> tuple[Preprocessing, Arrays]:
    """What `model.keras` holds.

    Raises:
        UserError: it is no such file, or more than that.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member for member in archive.infolist()}
            strange = [name for name in members if name not in (_CONFIG, _METADATA, _WEIGHTS)]
            if strange or len(members) != len(archive.infolist()) or not {_CONFIG, _WEIGHTS} <= members.keys():
                raise UserError(f"{path.name} must hold {_METADATA}, {_CONFIG} and {_WEIGHTS}, and nothing else.")
            preprocessing = _preprocessing(read_json(_content(archive, members[_CONFIG], 10_000_000), _CONFIG))
            with tempfile.TemporaryDirectory() as folder:
                weights = Path(folder) / _WEIGHTS
                weights.write_bytes(_content(archive, members[_WEIGHTS], MAX_BYTES))
                return preprocessing, read_weights(weights)
    # zipfile answers so to what is broken or cut off, and with RuntimeError to a member that is locked by a password or
    # packed in a way it does not know; h5py with RuntimeError to weights whose inside is damaged
    except (zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise UserError(f"{path.name} must be a model that Keras saved: {str(error)[:200]}.") from error


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    """A member's bytes; one that says it is small and unpacks to more is refused like one that says it is large."""
    if member.compress_type != zipfile.ZIP_STORED:
        raise UserError(f"{member.filename} must be stored as Keras stores it, not compressed.")
    if member.file_size > limit or member.file_size > member.compress_size:
        raise UserError(f"{member.filename} must be smaller than {limit:,} bytes; got {member.file_size:,}.")
    with archive.open(member) as file:
        return file.read(member.file_size + 1)


def read_arrays(path: Path) -> Arrays:
    """The arrays of `weights.npz`.

    Raises:
        UserError: it holds anything but plain arrays of numbers, or too much of them.
    """
    import numpy as np

    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise UserError(f"{path.name} must hold its arrays as they are, not compressed.")
            if len(members) > _MAX_OBJECTS or sum(member.file_size for member in members) > MAX_BYTES:
                raise UserError(f"The weights must be smaller than {MAX_BYTES:,} bytes.")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path.name} must be a file of NumPy's arrays: {str(error)[:200]}.") from error
    strange = [name for name, array in arrays.items() if array.dtype.kind not in _KINDS or not name.isdigit()]
    if strange:
        raise UserError(f"The weights must be numbers; {strange[0][:80]} holds something else.")
    return arrays


def _preprocessing(config: Any) -> Preprocessing:
    layers = _at(config, "config", "layers")
    if not isinstance(layers, list) or not 2 <= len(layers) <= 10:
        raise UserError("The model must be input, preprocessing, core and units, as dlrun saves it.")
    first, *others = [(_at(layer, "class_name"), _at(layer, "config")) for layer in layers]
    shape = _at(first[1], "batch_shape")
    if first[0] != "InputLayer" or not isinstance(shape, list) or not all(type(n) is int and n > 0 for n in shape[1:]):
        raise UserError("The model must begin with an input of a fixed shape.")
    names = [_at(config, "name") for _, config in others]
    if names.count("core") != 1 or names.index("core") < len(names) - 2:
        raise UserError("The model must have a core with at most one layer behind it, as dlrun saves it.")
    middle = names.index("core")
    behind = [scaling(kind, config) for kind, config in others[middle + 1 :]]
    before = tuple(scaling(kind, config) for kind, config in others[:middle])
    return Preprocessing(tuple(shape[1:]), before, behind[0] if behind else None)


def _at(node: Any, *keys: str) -> Any:
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if node is not None else {}


def read_weights(path: Path) -> Arrays:
    """The arrays of an HDF5 file of weights, those of an optimizer left out.

    Raises:
        UserError: it holds anything but plain arrays of numbers, or too much of them.
    """
    os.environ["HDF5_PLUGIN_PRELOAD"] = "::"  # no filter of anybody's is loaded
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return dict(_arrays(file, h5py))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path.name} must be an HDF5 file of weights: {str(error)[:200]}.") from error


def _arrays(file: Any, h5py: Any) -> Iterator[tuple[str, Any]]:
    waiting: list[tuple[str, Any]] = [("", file)]
    seen: set[int] = set()
    total = 0
    while waiting:
        path, group = waiting.pop()
        for name in group:
            here = f"{path}{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise UserError(f"The weights must hold no links; {here[:80]} is one, out of the file or across it.")
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen or len(seen) > _MAX_OBJECTS or here.count("/") > _MAX_LEVELS:
                raise UserError(f"The weights must hold each array once, in bounds; {here[:80]} breaks that.")
            seen.add(address)
            if isinstance(item, h5py.Group):
                waiting.append((f"{here}/", item))
                continue
            total += _checked_size(here, item, h5py)
            if total > MAX_BYTES:
                raise UserError(f"The weights must be smaller than {MAX_BYTES:,} bytes.")
            if not here.startswith("optimizer/"):
                yield here, item[()]


def _checked_size(path: str, item: Any, h5py: Any) -> int:
    """The bytes of a dataset of plain numbers that are all in the file, as they are."""
    if (
        not isinstance(item, h5py.Dataset)
        or item.dtype.kind not in _KINDS
        or item.dtype.hasobject
        or item.dtype.subdtype
    ):
        raise UserError(f"The weights must be numbers; {path[:80]} holds something else.")
    plain = item.id.get_create_plist()
    if item.is_virtual or item.external or plain.get_nfilters():
        raise UserError(f"The weights must lie in the file as they are; {path[:80]} is kept elsewhere or packed.")
    if item.nbytes > item.id.get_storage_size():
        raise UserError(f"The weights must all be in the file; of {path[:80]} only the size is.")
    return int(item.nbytes)


def write_weights(path: Path, arrays: Arrays) -> None:
    """Write arrays as Keras reads weights: a file of our own making, with nothing else in it."""
    import h5py

    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
