"""One model on two devices: two logical CPUs, in a process of its own, because a process has its devices for good.
What is said of one device is tried in this process, which has one CPU.
"""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import dlrun
from dlrun.errors import ConfigError
from dlrun.training import strategy

TRAIN = """
import json, sys
from dlrun.training.quiet import import_tensorflow
import_tensorflow()
import tensorflow as tf
parts = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
import dlrun
found = {}
for name in ("none", "mirrored"):
    result = dlrun.run([*sys.argv[1:], "trainer.save_model=always", f"trainer.strategy={name}"])
    assert result.status == "finished", result.cause
    weights = [weight.tolist() for weight in result.load_model().get_weights()]
    found[name] = {"metrics": result.metrics, "engine": result.engine, "weights": weights, "id": result.id}
print(json.dumps(found))
"""


QUIET = ("tracking=none", "trainer.device=cpu", "model.dropout=0")


def test_two_devices_learn_what_one_learns(tmp_path):
    """Batches of equal pieces: the mean of the pieces' gradients is the batch's, up to rounding."""
    words = (*QUIET, "optimizer=sgd", "trainer.epochs=2", "trainer.limit_batches=10")
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = json.loads(done.stdout.splitlines()[-1]).values()
    assert two["engine"] == {"name": "fit", "why": "trainer.strategy=mirrored trains with fit; 2 devices: CPU:0, CPU:1"}
    assert one["id"] != two["id"]
    for first, second in zip(one["weights"], two["weights"], strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-5)
    for name, value in one["metrics"].items():
        assert two["metrics"][name] == pytest.approx(value, rel=1e-4), name


def test_one_device_alone_has_the_bits_of_none_and_says_so(tmp_path):
    words = [*QUIET, "trainer.epochs=1", "trainer.engine=fit", "trainer.save_model=never"]
    none, one = (dlrun.run([*words, f"trainer.strategy={name}"], directory=tmp_path) for name in ("none", "mirrored"))
    assert none.status == one.status == "finished", (none.cause, one.cause)
    assert one.engine["why"].endswith("one device alone: CPU:0")
    assert one.fingerprint == none.fingerprint
    assert one.metrics == none.metrics


@pytest.fixture
def devices(monkeypatch):
    """A machine of so many devices."""

    def devices(number):
        monkeypatch.setattr(strategy, "_devices", lambda: number)
        monkeypatch.setattr(strategy, "scope", lambda trainer: strategy.nullcontext())

    return devices


@pytest.mark.parametrize(
    ("number", "most", "rows", "size"),
    [
        (1, 1024, 359, 359),
        (2, 1024, 358, 358),
        (2, 1024, 359, 358),
        (8, 60, 1000, 56),
        (2, 1024, 1, 1),  # cannot be shared
    ],
)
def test_an_evaluation_takes_batches_of_equal_pieces(number, most, rows, size, devices):
    devices(number)
    assert strategy.rows_at_once(most, rows) == size


def check(batch, rows=100, name="mirrored"):
    course = SimpleNamespace(train=SimpleNamespace(x=np.zeros(rows)), rows_a_step=batch)
    strategy.check_batches({"strategy": name}, course)


def test_a_batch_that_cannot_be_shared_is_refused_with_one_that_can(devices):
    devices(2)
    check(32)
    check(33, name="none")
    with pytest.raises(ConfigError, match=r"must leave each of 2 devices rows .* got 33, and 1 in the last batch"):
        check(33)
    with pytest.raises(ConfigError, match=r"trainer.batch_size=32\."):
        check(33)
    devices(8)
    with pytest.raises(ConfigError, match=r"Type trainer.strategy=none\."):
        check(4, rows=4)
