"""Build the model of a run anew from its spec, with the numbers that the run kept."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.spec import Spec
from dlrun.data.encoding.front import FRONT, Front
from dlrun.data.load import load
from dlrun.data.prepare import TargetScale, prepare
from dlrun.data.splits.split import split_rows
from dlrun.errors import UserError
from dlrun.models.build import build_model
from dlrun.training.saving import assemble
from dlrun.workflows.kept import Arrays, Preprocessing, write_weights

__all__ = ["measured", "rebuild"]

_IDF = "/idf_weights"  # which Keras keeps of a text's words beside the weights, and front.json has too


@dataclass(frozen=True)
class _Around:
    """What `saving.assemble` puts around the core."""

    front: Front
    target: TargetScale | None
    outputs: int


def rebuild(spec: Spec, catalog: Catalog, around: Preprocessing, arrays: Arrays, is_whole: bool) -> Any:
    """The model from raw samples to predictions.

    Args:
        arrays: its weights; none leave it as it starts.
        is_whole: whether the arrays' paths are those of the whole model, or of its core alone.

    Raises:
        ConfigError: the spec's model cannot be built on samples of that shape.
        UserError: the weights do not fit it.
    """
    front, target = around.front, None if around.units is None else TargetScale(*around.units)
    try:
        inner = tuple(front(front.inputs()).shape[1:])
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise UserError(f"{FRONT} must hold steps that go together: {str(error)[:200]}") from error
    core = build_model(spec, catalog, inner, around.outputs, front)
    model = assemble(core, _Around(front, target, around.outputs))
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
        if parameter.rule.is_path and not catalog.roots.file(str(spec["data"].get(name))).exists():
            raise UserError(
                "The run kept its core's weights alone, and its scaling is measured on its data, which is not here:"
                f" {str(spec['data'].get(name))[:200]}. Put it there, or ask for a run with trainer.save_model=always."
            )
    dataset = load(spec["data"], catalog)
    if digest is not None and dataset.digest != digest:
        raise UserError("The data here is not what the run was trained on, so that its scaling cannot be had again.")
    prepared = prepare(spec, catalog, dataset, split_rows(dataset, spec["split"], catalog))
    units = None if prepared.target is None else (prepared.target.scale, prepared.target.offset)
    return Preprocessing(prepared.front, units, prepared.outputs)


def _fill(model: Any, arrays: Arrays) -> None:
    """Give a model its weights, each where its path says, and no weight left over on either side."""
    expected = len(model.weights)  # not its seeds, which Keras does not keep
    found = sum(not name.endswith(_IDF) for name in arrays)
    if found != expected:
        raise UserError(f"The weights must fit the spec: it makes {expected} arrays; the file holds {found}.")
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
