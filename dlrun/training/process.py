"""TensorFlow's settings for the whole process: one combination, chosen before the first operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dlrun.errors import ConfigError, Problem, UserError
from dlrun.training.quiet import import_tensorflow
from dlrun.training.settings import Settings

__all__ = ["configure", "is_deterministic", "takes"]


_settings: Settings | None = None

_REORDERING = ("arithmetic_optimization", "constant_folding")
"""Passes of TensorFlow's Grappler that factor out and fold what they find around a step, which may give a step inside a
loop other last bits than one alone. The others were found to leave the bits alone, and a step takes as long without
these two, give or take 5%."""


def is_deterministic() -> bool:
    """Whether this process promises the same bits every time."""
    return _settings is None or _settings.deterministic


def takes(settings: Settings) -> bool:
    """Whether this process is set up so, or can be."""
    return _settings is None or _same(_settings, settings)


def configure(trainer: Mapping[str, Any]) -> None:
    """Import TensorFlow and set it up as `trainer` says: determinism, threads, device.

    Args:
        trainer: the trainer's keys `deterministic`, `threads` and `device`.

    Raises:
        UserError: the process already runs with other settings, or TensorFlow has started without us.
        ConfigError: there is no GPU where one is asked for.
    """
    global _settings
    wanted = Settings.of(trainer)
    if _settings is not None and _same(_settings, wanted):
        return
    if _settings is not None:
        raise UserError(
            f"TensorFlow is set up once in a process: it runs with trainer {_settings} and cannot change to {wanted}."
            " Run the two with two commands."
        )
    import_tensorflow()
    _apply(wanted)
    _settings = wanted


def _same(first: Settings, second: Settings) -> bool:
    """Whether two settings are one: without a GPU, `auto` is the CPU."""
    devices = {first.device, second.device}
    if devices == {"auto", "cpu"} and not _gpus():
        return replace(first, device="cpu") == replace(second, device="cpu")
    return first == second


def _gpus() -> list[Any]:
    import tensorflow as tf

    return list(tf.config.list_physical_devices("GPU"))


def _apply(settings: Settings) -> None:
    import tensorflow as tf

    gpus = _gpus()
    if settings.device == "gpu" and not gpus:
        mend = "Use trainer.device=cpu, or see https://www.tensorflow.org/install for its GPU libraries."
        raise ConfigError([Problem("trainer.device", "must be a device that TensorFlow sees", got="gpu", mend=mend)])
    try:
        if settings.device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        for gpu in gpus if settings.device != "cpu" else ():
            tf.config.experimental.set_memory_growth(gpu, True)  # else one process takes the whole of its memory
        if settings.threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(settings.threads)
            tf.config.threading.set_inter_op_parallelism_threads(settings.threads)
    except RuntimeError as error:
        raise UserError(
            f"TensorFlow has already started in this process and cannot be set to {settings}: {error}"
            " Call dlrun before the first TensorFlow operation."
        ) from error
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
        tf.config.optimizer.set_experimental_options(dict.fromkeys(_REORDERING, False))
