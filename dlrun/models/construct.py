"""Build the Keras layer of a node, named and seeded from where it stands in the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from dlrun.config.build import arguments, resolve
from dlrun.config.catalog import Catalog, Option
from dlrun.config.raised import place_in, telling_line
from dlrun.errors import ConfigError, Problem
from dlrun.models.nodes import Layer
from dlrun.models.seeds import seed_for, seeded

__all__ = ["Constructor"]


class Constructor:
    """Builds layers; a path has one layer, however often it is asked for.

    Args:
        seed: the run's seed.
    """

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self._catalog = catalog
        self.project = catalog.roots.project
        self._seed = seed
        self._layers: dict[str, keras.Layer] = {}
        self._settled: set[str] = set()

    def layer(self, node: Layer) -> keras.Layer:
        """The layer of `node`, not called yet the first time.

        Raises:
            ConfigError: its class refuses its parameters.
        """
        if node.path not in self._layers:
            option, values = self._resolved(node)
            try:
                passed = arguments(self._catalog, option, values)
                self._layers[node.path] = resolve(option)(**passed, name=node.name)
            except (TypeError, ValueError) as error:
                rule, says = "must have parameters that go together", f"Keras says: {telling_line(error)}"
                place = place_in(self.project, error)
                raise ConfigError([Problem(f"{node.path}.{node.option}", rule, mend=says, place=place)]) from error
        return self._layers[node.path]

    def settle(self, node: Layer, layer: keras.Layer) -> None:
        """Give the layers inside a built layer starting weights of their own.

        Keras copies one initializer to all of them (the projections of an attention), and an initializer with an
        integer seed makes equal weights of equal shapes each time: query, key and value would start alike.
        """
        if node.path in self._settled:
            return
        self._settled.add(node.path)
        inner = [part for part in layer._flatten_layers(include_self=False) if _kernel_seed(part) is not None]
        for number, part in enumerate(inner[1:], start=1):
            initializer = part.kernel_initializer
            own = seed_for(_kernel_seed(part) or 0, node.path, f"kernel {number}")
            fresh = type(initializer).from_config({**initializer.get_config(), "seed": own})
            part.kernel.assign(fresh(part.kernel.shape, dtype=part.kernel.dtype))

    def _resolved(self, node: Layer) -> tuple[Option, Mapping[str, Any]]:
        """The option to build and its parameters, seeds put in; a layer that stands for another option is that one."""
        values = seeded(self._catalog, "layer", {**node.parameters, "option": node.option}, self._seed, node.path)
        option = self._catalog.get("layer", node.option)
        stand_in = option.facts.get("builds")
        if stand_in is None:
            return option, values
        group = option.parameters[stand_in].rule.option_group
        assert group is not None, f"layer/{node.option}: _builds_ must name a parameter that takes an option"
        return self._catalog.get(group, values[stand_in]["option"]), values[stand_in]


def _kernel_seed(layer: keras.Layer) -> int | None:
    """The integer seed that a built layer's kernel was drawn with, if there is one."""
    initializer = getattr(layer, "kernel_initializer", None)
    if not layer.built or not isinstance(initializer, keras.Initializer):
        return None
    seed = initializer.get_config().get("seed")
    return seed if isinstance(seed, int) else None
