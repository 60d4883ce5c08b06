"""What the last bits of a training depend on beside its spec, and in what two places differ.

TensorFlow promises equal bits on equal hardware only; its libraries choose their code by the processor's abilities.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["describe", "differences", "processor", "resolved_threads"]

_CPUINFO = Path("/proc/cpuinfo")
_MODEL, _ABILITIES = ("model name", "CPU part"), ("flags", "Features")  # as x86 and ARM call them
_NAMES = {
    "cpu": "processor",
    "abilities": "abilities of the processor",
    "gpu": "GPU",
    "onednn": "TF_ENABLE_ONEDNN_OPTS",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "numpy": "NumPy",
    "dlrun": "dlrun",
}


def describe() -> dict[str, Any]:
    """This machine, its libraries and their settings. TensorFlow must have been set up."""
    import keras
    import numpy as np
    import tensorflow as tf

    cpu, abilities = processor()
    return {
        "cpu": cpu,
        "abilities": abilities,
        "gpu": [_gpu(device) for device in tf.config.get_visible_devices("GPU")],
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "not set"),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "dlrun": metadata.version("dlrun"),
    }


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What changed from one description to another, a line each: `TensorFlow: 2.20.0 -> 2.21.0`."""
    return [
        f"{name}: {_shown(then.get(key))} -> {_shown(now.get(key))}"
        for key, name in _NAMES.items()
        if then.get(key) != now.get(key)
    ]


def resolved_threads(threads: int | None) -> int:
    """The threads that TensorFlow computes an operation with: for None as many as it may use processors."""
    if threads is not None:
        return threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


@cache
def processor() -> tuple[str, str]:
    """The processor's name, and a digest of what it can do."""
    facts: dict[str, str] = {}
    try:
        for line in _CPUINFO.read_text(encoding="utf-8").split("\n\n")[0].splitlines():
            key, _, value = line.partition(":")
            facts[key.strip()] = value.strip()
    except OSError:  # no Linux
        return platform.processor() or platform.machine(), platform.machine()
    name = next((facts[key] for key in _MODEL if key in facts), platform.machine())
    abilities = sorted(next((facts[key] for key in _ABILITIES if key in facts), "").split())
    return name, hashlib.sha256(" ".join(abilities).encode()).hexdigest()[:8]


def _gpu(device: Any) -> str:
    import tensorflow as tf

    return str(tf.config.experimental.get_device_details(device).get("device_name", device.name))
