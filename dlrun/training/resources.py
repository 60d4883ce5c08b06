"""What a training takes of the machine, sampled by a thread beside it: processor, main memory, graphics cards.

A sample is taken after the first second and then every so often; it costs about a millisecond. The names are those of
MLflow's system metrics, with `process_` in front of what the training's own process takes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from typing import Any

import psutil

__all__ = ["sampled", "sampling"]

_FIRST_SECONDS = 1.0  # a run that is over sooner has no sample: result.json has its peak memory
_MEGABYTE = 1e6  # as MLflow counts


def sampling(every_seconds: float, take: Callable[[Mapping[str, float]], None]) -> AbstractContextManager[None]:
    """Sample while inside.

    Args:
        every_seconds: between two samples; 0 takes none.
        take: given each sample, in another thread; what it raises ends the sampling and nothing else.
    """
    return _sampling(every_seconds, take) if every_seconds else nullcontext()


@contextmanager
def _sampling(every_seconds: float, take: Callable[[Mapping[str, float]], None]) -> Iterator[None]:
    over = threading.Event()

    def work() -> None:
        process = psutil.Process()
        for percent in (psutil.cpu_percent, process.cpu_percent):
            percent()  # counts from here on
        pause = min(_FIRST_SECONDS, every_seconds)
        while not over.wait(pause):
            began = time.monotonic()
            try:
                take(sampled(process))
            except (OSError, psutil.Error):  # a full disk, a system that does not tell: no reason to end a training
                return
            pause = max(every_seconds - (time.monotonic() - began), 0.0)

    thread = threading.Thread(target=work, name="resources", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def sampled(process: psutil.Process) -> dict[str, float]:
    """One sample: shares in percent (of all processors; of one for the process), memory in megabytes."""
    memory = psutil.virtual_memory()
    return {
        "cpu_utilization_percentage": psutil.cpu_percent(),
        "system_memory_usage_megabytes": memory.used / _MEGABYTE,
        "system_memory_usage_percentage": memory.percent,
        "process_cpu_percentage": process.cpu_percent(),
        "process_memory_megabytes": process.memory_info().rss / _MEGABYTE,
        **_of_gpus(),
    }


def _of_gpus() -> dict[str, float]:
    """Of each graphics card of NVIDIA's, where `nvidia-ml-py` (extra `gpu`) and the driver are there."""
    values: dict[str, float] = {}
    library = _library()
    for index, card in enumerate(_cards()):  # none without the library
        with suppress(library.NVMLError):  # not every card tells everything
            memory = library.nvmlDeviceGetMemoryInfo(card)
            values[f"gpu_{index}_memory_usage_megabytes"] = memory.used / _MEGABYTE
            values[f"gpu_{index}_memory_usage_percentage"] = 100 * memory.used / memory.total
        with suppress(library.NVMLError):
            values[f"gpu_{index}_utilization_percentage"] = float(library.nvmlDeviceGetUtilizationRates(card).gpu)
        with suppress(library.NVMLError):
            values[f"gpu_{index}_power_usage_watts"] = library.nvmlDeviceGetPowerUsage(card) / 1000
    return values


@cache
def _cards() -> tuple[Any, ...]:
    """Handles of the cards, in NVIDIA's order, which need not be TensorFlow's; () where none can be asked."""
    library = _library()
    if library is None:
        return ()
    try:
        library.nvmlInit()
        return tuple(library.nvmlDeviceGetHandleByIndex(index) for index in range(library.nvmlDeviceGetCount()))
    except library.NVMLError:  # the library without a driver
        return ()


@cache
def _library() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml
