"""The nearest right name for a wrong one: by the words people type for it, then by spelling."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest"]

# What people type -> what it is called here. Keras's and Hydra's own words need no entry.
_SYNONYMS = {
    "lr": "learning_rate",
    "learning-rate": "learning_rate",
    "batch": "batch_size",
    "bs": "batch_size",
    "n_epochs": "epochs",
    "num_epochs": "epochs",
    "max_epochs": "epochs",
    "opt": "optimizer",
    "act": "activation",
    "init": "initializer",
    "reg": "regularizer",
    "val": "validation",
    "bn": "batch_norm",
    "batchnorm": "batch_norm",
    "xavier": "glorot_uniform",
    "xavier_uniform": "glorot_uniform",
    "xavier_normal": "glorot_normal",
    "kaiming": "he_normal",
    "he": "he_normal",
    "swish": "silu",
    "momentum_sgd": "sgd",
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "cross_entropy": "sparse_categorical_crossentropy",
    "categorical_crossentropy": "sparse_categorical_crossentropy",
    "bce": "binary_crossentropy",
    "cancer": "breast_cancer",
    "mnist": "digits",
    "hidden_units": "hidden",
    "layers": "hidden",
    "units": "hidden",
}
_CUTOFF = 0.6


def nearest(word: str, candidates: Iterable[str], cutoff: float = _CUTOFF) -> str | None:
    """The candidate that `word` most likely means, or None when none is as near as `cutoff`, of 1."""
    names = list(candidates)
    synonym = _SYNONYMS.get(word.lower())
    if synonym in names:
        return synonym
    found = difflib.get_close_matches(word.lower(), names, n=1, cutoff=cutoff)
    return found[0] if found else None


def did_you_mean(word: str, candidates: Iterable[str], shown: str = "{}") -> str | None:
    """A sentence with the nearest candidate, put into `shown`; None when none is near."""
    name = nearest(word, candidates)
    return None if name is None else f"Did you mean {shown.format(name)}?"
