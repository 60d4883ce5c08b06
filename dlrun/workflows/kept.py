"""Read what a run kept as arrays of numbers: no class, no link, no pickle of the file's author is followed.

`model.keras` is a zip of a JSON config and an HDF5 file of weights; `best.weights.h5` is such a file alone, and
`weights.npz` a zip of NumPy's arrays. The config is not read: what stands before the core is told by `front.json`, in
numbers and words; of HDF5 plain datasets are read that are wholly there. It is run in a process with bounds
(`probe`): libhdf5 is C, and the file is a stranger's.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.data.encoding.front import FRONT, Front
from dlrun.data.encoding.step import NotSteps
from dlrun.errors import UserError
from dlrun.workflows.foreign_spec import read_json

if TYPE_CHECKING:
    import numpy as np


__all__ = [
    "MAX_BYTES",
    "Preprocessing",
    "read_arrays",
    "read_front",
    "read_keras",
    "read_weights",
    "write_weights",
]

MAX_BYTES = 2_000_000_000
"""Of a file of weights."""

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MAX_NUMBERS = 1_000_000
_MAX_FRONT = 100_000_000  # bytes: a million words of a vocabulary, or a thousand rows of ten thousand columns
_MAX_FRONT_VALUES = 10_000_000
_MAX_OBJECTS = 50_000
_MAX_LEVELS = 40
_MAX_SIDE = 8192  # pixels
_KINDS = "fiub"  # numpy's letters for floats, integers and booleans

Arrays = dict[str, "np.ndarray"]
"""Path in the file, as `layers/dense/vars/0`, to the numbers there; in `weights.npz` its place in Keras's order."""


@dataclass(frozen=True)
class Preprocessing:
    """What stands before and behind the core of a kept model.

    Attributes:
        front: from raw samples to what the core gets.
        units: scale and offset of each output of a regression, or None.
        outputs: units of the core's last layer.
    """

    front: Front
    units: tuple[tuple[float, ...], tuple[float, ...]] | None
    outputs: int

    @classmethod
    def from_json(cls, content: Any) -> Preprocessing:
        """What front.json holds.

        Raises:
            UserError: it holds anything but the numbers and words of dlrun's own steps.
        """
        try:
            units = content["units"]
            both = None if units is None else (_numbers("scale", units["scale"]), _numbers("offset", units["offset"]))
            if both is not None and len(both[0]) != len(both[1]):
                raise UserError("The model's units must be a scale and an offset for each output.")
            return cls(Front.from_json(content), both, int(content["outputs"]))
        except (NotSteps, KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{FRONT} must be as dlrun writes it: {str(error)[:200]}") from error

    def to_json(self) -> dict[str, Any]:
        """As front.json has it."""
        units = None if self.units is None else {"scale": list(self.units[0]), "offset": list(self.units[1])}
        return {**self.front.to_json(), "units": units, "outputs": self.outputs}


def read_front(path: Path) -> Any:
    """The content of a run's front.json, which `Preprocessing.from_json` takes.

    Raises:
        UserError: it is no JSON, or too large.
    """
    with path.open("rb") as file:
        return read_json(file.read(_MAX_FRONT + 1), FRONT, _MAX_FRONT, _MAX_FRONT_VALUES)


def _numbers(name: str, value: Any) -> tuple[float, ...]:
    plain = isinstance(value, list) and all(type(item) in (int, float) for item in value)
    if not plain or not 0 < len(value) <= _MAX_NUMBERS:
        raise UserError(f"The model's preprocessing must be numbers; got {str(value)[:40]} for {name}.")
    return tuple(float(item) for item in value)


def read_keras(path: Path) -> Arrays:
    """The weights in `model.keras`; what its config says to build is not read.

    Raises:
        UserError: it is no such file, or more than that.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member for member in archive.infolist()}
            strange = [name for name in members if name not in (_CONFIG, _METADATA, _WEIGHTS)]
            if strange or len(members) != len(archive.infolist()) or not {_CONFIG, _WEIGHTS} <= members.keys():
                raise UserError(f"{path.name} must hold {_METADATA}, {_CONFIG} and {_WEIGHTS}, and nothing else.")
            with tempfile.TemporaryDirectory() as folder:
                weights = Path(folder) / _WEIGHTS
                weights.write_bytes(_content(archive, members[_WEIGHTS], MAX_BYTES))
                return read_weights(weights)
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
