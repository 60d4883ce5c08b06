"""Import TensorFlow without its greetings, and faster.

Its logging starts only after its libraries are loaded, so what they say while loading ("Could not find cuda drivers
on your machine") heeds no setting. While the import runs, standard error goes to a file; afterwards everything but
the greetings is passed on.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator

__all__ = ["import_tensorflow"]

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_GREETING = re.compile(
    rb"^(WARNING: All log messages before absl|[IW]\d{4} |\d{4}-\d\d-\d\d .*?: [IW] ).*\n?", re.MULTILINE
)


def import_tensorflow() -> None:
    """Import TensorFlow and Keras, Keras on TensorFlow; a second call does nothing.

    `TF_CPP_MIN_LOG_LEVEL` below 3 in the environment shows everything.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    level = os.environ.setdefault(_LEVEL, "3")
    if "tensorflow" in sys.modules and "keras" in sys.modules:
        return
    with _without_collecting(), _without_greetings() if level >= "3" else contextlib.nullcontext():
        import keras  # noqa: F401 - which imports TensorFlow
    if level >= "3":  # it warns of retracing when a process trains its fifth model
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Have Python look for no garbage meanwhile, and never again in what was imported.

    Nearly all of half a million objects stay, and to look through them takes a quarter of a second each time: a fifth
    of the whole import, and as much again in the first training.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def _without_greetings() -> Iterator[None]:
    sys.stderr.flush()
    with tempfile.TemporaryFile() as file:
        terminal = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            file.seek(0)
            if rest := _GREETING.sub(b"", file.read()):
                os.write(2, rest)
