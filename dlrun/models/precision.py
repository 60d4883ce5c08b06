"""In which precision layers compute: Keras's dtype policy, in force while the layers of one model are made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import keras

__all__ = ["computing_in", "precision_of"]

_FULL = "float32"


def precision_of(spec: Mapping[str, Any]) -> str:
    """The policy that `trainer.precision` names; a spec without a trainer, as of a model alone, is in float32."""
    trainer: Mapping[str, Any] = spec.get("trainer", {})
    return str(trainer.get("precision", _FULL))


@contextlib.contextmanager
def computing_in(policy: str) -> Iterator[None]:
    """Layers that are made inside compute as `policy` says; afterwards everything is as it was.

    With `mixed_bfloat16` weights stay float32 and the arithmetic is done in bfloat16, which has the range of float32
    and three digits: its gradients need no scaling, as those of float16 do.

    References:
        Micikevicius et al., Mixed Precision Training (2018); https://keras.io/api/mixed_precision/.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
