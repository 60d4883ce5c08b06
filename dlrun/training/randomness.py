"""Random numbers of a training that no seed of a layer or initializer rules."""

from __future__ import annotations

import random

import keras
import numpy as np
import tensorflow as tf

__all__ = ["draws_without_seed", "seed_compilation", "seed_python"]

_STATEFUL = ("Random", "Multinomial", "ParameterizedTruncatedNormal", "TruncatedNormal")
"""How TensorFlow's operations begin that draw from a seed written into the graph; its seeded ones begin `Stateless`."""


def seed_python(seed: int) -> None:
    """Begin the sequences that Python code of callbacks and layers may draw from."""
    random.seed(seed)
    np.random.seed(seed)


def seed_compilation(seed: int) -> None:
    """Begin the sequences that a graph's own operations draw from: before a model is compiled, not at every run.

    TensorFlow forgets all compiled functions of the process when its seed is set.
    """
    keras.utils.set_random_seed(seed)


def draws_without_seed(graph: tf.Graph) -> bool:
    """Whether a traced graph draws random numbers from a seed that another run could not be given."""
    nodes = (node.op for function in graph.as_graph_def().library.function for node in function.node_def)
    operations = (operation.type for operation in graph.get_operations())
    drawn = keras.src.backend.common.global_state.get_global_attribute("global_seed_generator") is not None
    return drawn or any(name.startswith(_STATEFUL) for name in (*nodes, *operations))
