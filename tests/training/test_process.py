"""TensorFlow is set up once in a process, and quietly."""

import subprocess
import sys

import pytest

from dlrun.errors import UserError

FRESH = """
import sys
from dlrun.training import process
assert "tensorflow" not in sys.modules
process.configure({"deterministic": True, "threads": 1, "device": "cpu"})
import keras, tensorflow as tf
threads, gpus = tf.config.threading.get_intra_op_parallelism_threads(), tf.config.get_visible_devices("GPU")
print(threads, keras.backend.backend(), gpus)
tf.constant(1)
print("spoken afterwards", file=sys.stderr)
"""


def test_a_fresh_process_is_set_up_without_a_word():
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    assert done.stdout == "1 tensorflow []\n"
    assert done.stderr == "spoken afterwards\n"


def test_a_second_combination_is_refused(tensorflow, make_spec):
    from dlrun.training import process

    trainer = make_spec()["trainer"]
    process.configure(trainer)  # the same again changes nothing
    if not tensorflow.config.list_physical_devices("GPU"):
        process.configure({**trainer, "device": "auto"})  # which is the CPU here
    with pytest.raises(UserError, match=r"threads=3 .*two commands"):
        process.configure({**trainer, "threads": 3})
