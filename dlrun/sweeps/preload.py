"""What workers are forked from: TensorFlow, Keras and the pipeline, imported once.

Nothing may be computed here: a tensor made before the fork starts TensorFlow's threads, and these do not survive one.
"""

from __future__ import annotations

import signal

from dlrun.training.quiet import import_tensorflow

signal.signal(signal.SIGTERM, signal.SIG_IGN)  # sent to all processes of a command; this one ends with the others
import_tensorflow()

from dlrun import pipeline  # noqa: E402, F401 - which finds TensorFlow imported without its greetings
