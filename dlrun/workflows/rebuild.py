"""Build the model of a run anew from its spec, with the numbers that the run kept."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from dlrun.config.catalog import Catalog
from dlrun.config.spec import Spec
from dlrun.data.load import load
from dlrun.data.prepare import TargetScale, prepare
from dlrun.data.split import split_rows
from dlrun.errors import UserError
from dlrun.models.build import build_model
from dlrun.training.saving import assemble
from dlrun.workflows.kept import Arrays, Preprocessing, Scaling, scaling, write_weights

__all__ = ["measured", "outputs_of", "rebuild"]


@dataclass(frozen=True)
class _Around:
    """What `saving.assemble` puts around the core."""

    input_shape: tuple[int, ...]
    layers: tuple[Any, ...]
    target: TargetScale | None


def rebuild(spec: Spec, catalog: Catalog, around: Preprocessing, arrays: Arrays, is_whole: bool) -> Any:
    """The model from raw samples to predictions.

    Args:
        arrays: its weights; none leave it as it starts.
        is_whole: whether the arrays' paths are those of the whole model, or of its core alone.

    Raises:
        ConfigError: the spec's model cannot be built on samples of that shape.
        UserError: the weights do not fit it.
    """
    layers = tuple(_layer(each) for each in around.before)
    target = None if around.after is None else _target(around.after)
    shape = around.input_shape
    inner = shape
    for layer in layers:
        inner = tuple(layer.compute_output_shape((None, *inner))[1:])
    core = build_model(spec, catalog, inner, outputs_of(spec, around))
    model = assemble(core, _Around(shape, layers, target))
    if arrays:
        _fill(model if is_whole else core, arrays)
    return model


def measured(spec: Spec, catalog: Catalog, digest: str | None) -> Preprocessing:
    """The preprocessing of a run that kept its core's weights alone: measured again on its data.

    Args:
        digest: of the data that the run was trained on, where it says so.

    Raises:
        UserError: the data is not here, or is not what the run was trained on.
    """
    option = catalog.get("data", spec["data"]["option"])
    for name, parameter in option.parameters.items():
        if parameter.rule.is_path and not catalog.roots.file(str(spec["data"].get(name))).is_file():
            raise UserError(
                "The run kept its core's weights alone, and its scaling is measured on its data, which is not here:"
                f" {str(spec['data'].get(name))[:200]}. Put it there, or ask for a run with trainer.save_model=always."
            )
    dataset = load(spec["data"], catalog)
    if digest is not None and dataset.digest != digest:
        raise UserError("The data here is not what the run was trained on, so that its scaling cannot be had again.")
    prepared = prepare(spec, catalog, dataset, split_rows(dataset, spec["split"], catalog))
    before = tuple(scaling(type(layer).__name__, layer.get_config()) for layer in prepared.layers)
    after = None
    if prepared.target is not None:
        numbers = {"scale": list(prepared.target.scale), "offset": list(prepared.target.offset)}
        after = Scaling("Rescaling", "units", numbers)
    return Preprocessing(prepared.input_shape, before, after)


def outputs_of(spec: Mapping[str, Any], around: Preprocessing) -> int:
    """Units of the output layer."""
    if spec["task"] == "multiclass":
        return int(spec["classes"])
    scale = around.after.numbers["scale"] if around.after is not None else 1.0
    return len(scale) if spec["task"] == "regression" and isinstance(scale, list) else 1


def _layer(each: Scaling) -> Any:
    numbers = each.numbers
    if each.kind == "Rescaling":
        return keras.layers.Rescaling(numbers["scale"], numbers["offset"], dtype="float32", name=each.name)
    mean, variance = numbers["mean"], numbers["variance"]
    return keras.layers.Normalization(axis=-1, mean=mean, variance=variance, dtype="float32", name=each.name)


def _target(each: Scaling) -> TargetScale:
    scale, offset = each.numbers["scale"], each.numbers["offset"]
    if not (isinstance(scale, list) and isinstance(offset, list) and len(scale) == len(offset)):
        raise UserError("The model's units must be a scale and an offset for each output.")
    return TargetScale(tuple(scale), tuple(offset))


def _fill(model: Any, arrays: Arrays) -> None:
    """Give a model its weights, each where its path says, and no weight left over on either side."""
    expected = len(model.weights)  # not its seeds, which Keras does not keep
    if len(arrays) != expected:
        raise UserError(f"The weights must fit the spec: it makes {expected} arrays; the file holds {len(arrays)}.")
    if all(name.isdigit() for name in arrays):
        try:
            model.set_weights([arrays[str(place)] for place in range(expected)])
        except (ValueError, KeyError) as error:
            raise UserError(f"The weights must fit the spec: {str(error)[:200]}") from error
        return
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder) / "clean.weights.h5"
        write_weights(clean, arrays)
        try:
            model.load_weights(clean)
        except (ValueError, KeyError, OSError) as error:
            line = (str(error).strip().splitlines() or ["they do not"])[0]
            raise UserError(f"The weights must fit the spec: {line[:200]}") from error
