"""The model that is kept: preprocessing and core in one, of stock Keras layers, for raw rows.

model.keras      the whole, with its `signature.json` (see `training.signature`)
front.json       what stands before the core and behind it, as plain numbers and words
weights.npz      of a run of a sweep the core's weights alone, in Keras's order: a tenth of the time to write
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np

from dlrun.data.encoding.front import FRONT
from dlrun.errors import UserError
from dlrun.models.augment import inner_input
from dlrun.models.stem import STEM
from dlrun.training.atomic import storage_errors, write_json
from dlrun.training.bookkeeping import Emit
from dlrun.training.rundir import RunDirectory
from dlrun.training.signature import SIGNATURE

if TYPE_CHECKING:
    from dlrun.data.encoding.front import Front
    from dlrun.data.prepare import TargetScale

__all__ = [
    "Around",
    "assemble",
    "front_json",
    "load_weights",
    "save_model",
    "save_split",
    "save_weights",
    "wants_model",
    "wants_weights",
]


class Around(Protocol):
    """What stands around the core of a kept model; `data.prepare.Prepared` is one."""

    @property
    def front(self) -> Front: ...

    @property
    def target(self) -> TargetScale | None: ...

    @property
    def outputs(self) -> int: ...


def wants_model(spec: Mapping[str, Any], auto: bool) -> bool:
    """Whether `trainer.save_model` asks for the model; `auto` is what it means by auto here."""
    return {"always": True, "never": False, "auto": auto}[spec["trainer"]["save_model"]]


def wants_weights(spec: Mapping[str, Any], is_kept: bool) -> bool:
    """Whether the weights are to be kept of a run whose model is not."""
    return not is_kept and spec["trainer"]["save_model"] == "auto" and not spec["trainer"]["fast_dev_run"]


def assemble(model: Any, prepared: Around) -> Any:
    """One model from raw rows to predictions in the data's units; it shares the layers and weights of `model`.

    It is not compiled: loading it needs neither dlrun nor the metrics it was trained with.
    """
    raw = prepared.front.inputs()
    value = _uncompiled(model)(prepared.front(raw))
    if prepared.target is not None:
        scale, offset = list(prepared.target.scale), list(prepared.target.offset)
        value = keras.layers.Rescaling(scale, offset, name="units")(value)
    return keras.Model(next(iter(raw.values())) if len(raw) == 1 else raw, value, name="model")


def _uncompiled(model: Any) -> Any:
    """A model around the same layers, where it is made of layers: the trained one would be saved with what it was
    compiled with, and with its augmentations. One with a `call` of its own is saved whole."""
    if not hasattr(model, "inputs"):
        return model
    (outputs,) = model.outputs
    begin = inner_input(model)
    stem = next((layer for layer in model.layers if layer.name == STEM), None)
    if stem is None or begin is model.inputs[0]:
        return keras.Model(begin, outputs, name="core")
    encoded = keras.Input(model.inputs[0].shape[1:])
    return keras.Model(encoded, keras.Model(begin, outputs)(stem(encoded)), name="core")


def front_json(prepared: Around) -> dict[str, Any]:
    """The content of front.json: what stands before the core, and the units behind it."""
    target = prepared.target
    units = None if target is None else {"scale": target.scale, "offset": target.offset}
    return {**prepared.front.to_json(), "units": units, "outputs": prepared.outputs}


def save_model(model: Any, prepared: Around, signature: Mapping[str, Any], directory: RunDirectory, emit: Emit) -> None:
    """Write `model.keras` to the run's directory, whole or not at all, and `signature.json` beside it.

    Raises:
        StorageError: it cannot be written.
    """
    write_json(directory.path / SIGNATURE, dict(signature))
    write_json(directory.path / FRONT, front_json(prepared))
    aside = directory.path / "model.partial.keras"
    with storage_errors(directory.model):
        try:
            assemble(model, prepared).save(aside)
            aside.replace(directory.model)
        finally:
            aside.unlink(missing_ok=True)
    emit("artifact", {"path": directory.model.name})


def save_split(archive: bytes, directory: RunDirectory, emit: Emit) -> None:
    """Write `split.npz` to the run's directory, whole or not at all.

    It is not forced to the disk, which would take as long as some trials train: it follows from spec and data.

    Raises:
        StorageError: it cannot be written.
    """
    aside = directory.path / "split.partial.npz"
    with storage_errors(directory.split):
        try:
            aside.write_bytes(archive)
            aside.replace(directory.split)
        finally:
            aside.unlink(missing_ok=True)
    emit("artifact", {"path": directory.split.name})


def save_weights(model: Any, directory: RunDirectory) -> None:
    """Write `weights.npz` to the run's directory, whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    aside = directory.path / "weights.partial.npz"
    with storage_errors(directory.weights):
        try:
            np.savez(aside, allow_pickle=False, **{str(i): value for i, value in enumerate(model.get_weights())})
            aside.replace(directory.weights)
        finally:
            aside.unlink(missing_ok=True)


def load_weights(model: Any, directory: RunDirectory) -> None:
    """Give a core the weights in `weights.npz`.

    Raises:
        UserError: they cannot be read, or are not of this model.
    """
    try:
        with np.load(directory.weights, allow_pickle=False) as arrays:
            model.set_weights([arrays[str(i)] for i in range(len(arrays.files))])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"The weights of run {directory.path.name[:8]} must fit its spec: {error}") from error
