"""A seed of its own for every initializer and every random layer, made from the run's seed and where it stands.

With one global seed the weights of a layer depend on how many numbers the layers before it drew: `Dropout(0)` draws
none, `Dropout(0.3)` one, and the pair starts from different weights. With one integer seed in an initializer that two
layers use, the two start alike. Here a seed depends on (run seed, layer path, role) and on nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from dlrun.config.catalog import Catalog

__all__ = ["seed_for", "seeded"]

_SEED = "seed"
_BITS = 31  # fits a signed 32-bit integer, which TensorFlow's stateless operations take


def seed_for(seed: int, path: str, role: str) -> int:
    """The seed of one role of one layer.

    Args:
        seed: the run's seed, 0 included.
        path: the layer's path in the model, `model.layers[1].layers#0[0]`.
        role: what is seeded there: `kernel_initializer`, `seed`.

    Returns:
        An integer in [0, 2**31), always the same for the same arguments.
    """
    digest = hashlib.sha256(f"{seed}\0{path}\0{role}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - _BITS)


def seeded(
    catalog: Catalog, group: str, node: Mapping[str, Any], seed: int, path: str, role: str = ""
) -> dict[str, Any]:
    """An option node with an integer in place of every `seed` in it, those of nested options included.

    A seed that the config sets takes the place of the run's seed in the derivation: `initializer.seed=7` holds the
    starting weights fixed while `seed` varies, and two layers still start differently.

    Args:
        node: `{option: NAME, parameter: value, ...}`.
        seed: the run's seed.
        role: where in the layer the node stands, '' for the layer itself.
    """
    filled = dict(node)
    for name, parameter in catalog.get(group, node["option"]).parameters.items():
        value, part = node.get(name), f"{role}.{name}" if role else name
        if name == _SEED:
            filled[name] = seed_for(seed if value is None else value, path, part)
        elif parameter.rule.option_group is not None and isinstance(value, Mapping):
            filled[name] = seeded(catalog, parameter.rule.option_group, value, seed, path, part)
    return filled
