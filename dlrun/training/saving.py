"""The model that is kept: preprocessing and core in one, of stock Keras layers, for raw rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import keras

from dlrun.models.augment import inner_input
from dlrun.training.atomic import storage_errors
from dlrun.training.bookkeeping import Emit
from dlrun.training.rundir import RunDirectory

if TYPE_CHECKING:
    from dlrun.data.prepare import TargetScale

__all__ = ["Around", "assemble", "save_model", "wants_model"]


class Around(Protocol):
    """What stands around the core of a kept model; `data.prepare.Prepared` is one."""

    @property
    def input_shape(self) -> tuple[int, ...]: ...

    @property
    def layers(self) -> tuple[Any, ...]: ...

    @property
    def target(self) -> TargetScale | None: ...


def wants_model(spec: Mapping[str, Any], auto: bool) -> bool:
    """Whether `trainer.save_model` asks for the model; `auto` is what it means by auto here."""
    return {"always": True, "never": False, "auto": auto}[spec["trainer"]["save_model"]]


def assemble(model: Any, prepared: Around) -> Any:
    """One model from raw rows to predictions in the data's units; it shares the layers and weights of `model`.

    It is not compiled: loading it needs neither dlrun nor the metrics it was trained with.
    """
    raw = keras.Input(prepared.input_shape, name="rows")
    value = raw
    for layer in prepared.layers:
        value = layer(value)
    value = _uncompiled(model)(value)
    if prepared.target is not None:
        scale, offset = list(prepared.target.scale), list(prepared.target.offset)
        value = keras.layers.Rescaling(scale, offset, name="units")(value)
    return keras.Model(raw, value, name="model")


def _uncompiled(model: Any) -> Any:
    """A model around the same layers, where it is made of layers: the trained one would be saved with what it was
    compiled with, and with its augmentations. One with a `call` of its own is saved whole."""
    if not hasattr(model, "inputs"):
        return model
    (outputs,) = model.outputs
    return keras.Model(inner_input(model), outputs, name="core")


def save_model(model: Any, prepared: Around, directory: RunDirectory, emit: Emit) -> None:
    """Write `model.keras` to the run's directory, whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    aside = directory.path / "model.partial.keras"
    with storage_errors(directory.model):
        try:
            assemble(model, prepared).save(aside)
            aside.replace(directory.model)
        finally:
            aside.unlink(missing_ok=True)
    emit("artifact", {"path": directory.model.name})
