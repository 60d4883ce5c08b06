"""Train one model on several devices at once: `trainer.strategy`.

Each batch is cut into as many pieces as there are devices; what they learn from their pieces is averaged. Keras wants
the first batch in equal pieces, and a device without rows would count in the average: batches of which either is true
are refused.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from dlrun.errors import ConfigError, Problem
from dlrun.training.engine import Course

__all__ = ["check_batches", "rows_at_once", "scope", "shared_by"]


def scope(trainer: Mapping[str, Any]) -> AbstractContextManager[Any]:
    """Where a model, its optimizer and its metrics are made and trained: inside, each variable is on every device."""
    return nullcontext() if trainer["strategy"] == "none" else _mirrored().scope()


def check_batches(trainer: Mapping[str, Any], course: Course) -> None:
    """Refuse training batches that the devices cannot share.

    Raises:
        ConfigError: with a batch size that they can share.
    """
    if trainer["strategy"] == "none":
        return
    with scope(trainer):
        devices = _devices()
    rows, batch = len(course.train.x), course.rows_a_step
    if _is_shared(rows, batch, devices):
        return
    fitting = next((size for size in range(batch, 0, -1) if _is_shared(rows, size, devices)), None)
    rule = f"must leave each of {devices} devices rows of every batch, and the same number of the first"
    got = f"{batch}, and {rows % batch} in the last batch" if rows % batch else str(batch)
    mend = f"Type trainer.batch_size={fitting}." if fitting else "Type trainer.strategy=none."
    raise ConfigError([Problem("trainer.batch_size", rule, got, mend)])


def shared_by() -> str | None:
    """The devices of the current scope in words; None outside of one."""
    import tensorflow as tf

    if not tf.distribute.has_strategy():
        return None
    names = [name.rpartition("device:")[2] for name in tf.distribute.get_strategy().extended.worker_devices]
    return f"{len(names)} devices: {', '.join(names)}" if len(names) > 1 else f"one device alone: {names[0]}"


def rows_at_once(most: int, rows: int) -> int:
    """The largest batch of `most` rows or fewer that has equal pieces for the devices of the current scope.

    Nothing is averaged over devices in an evaluation: that one has no rows of the last batch changes no metric.
    """
    devices, most = _devices(), min(most, rows)
    return most - most % devices or most


def _is_shared(rows: int, batch: int, devices: int) -> bool:
    """Whether no device is without rows: a batch is cut into pieces of equal size, rounded up, from its front."""
    last = rows % batch or batch
    return batch % devices == 0 and (devices - 1) * math.ceil(last / devices) < last


def _devices() -> int:
    import tensorflow as tf

    return int(tf.distribute.get_strategy().num_replicas_in_sync)


@functools.cache  # models and optimizers of one process must agree on the object
def _mirrored() -> Any:
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])
