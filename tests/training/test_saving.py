"""The saved model takes raw rows, gives predictions in the data's units, and needs no dlrun."""

import subprocess
import sys

import numpy as np
import pytest

SIGNATURE = {"columns": []}
LOAD = """
import sys, numpy, keras
model = keras.models.load_model(sys.argv[1])
numpy.save(sys.argv[3], model.predict(numpy.load(sys.argv[2]), verbose=0))
assert not [name for name in sys.modules if name.startswith("dlrun")]
"""


def test_a_saved_model_is_loaded_by_keras_alone(train_now, make_prepared, run_directory, tmp_path):
    from dlrun.data.encoding.scale import Normalize
    from dlrun.data.prepare import TargetScale
    from dlrun.training.saving import save_model

    raw = np.random.default_rng(1).normal(5, 3, size=(20, 4)).astype("float32")
    step = Normalize(tuple(raw.mean(axis=0).tolist()), tuple(raw.var(axis=0).tolist()))
    target = TargetScale((50.0,), (1000.0,))
    prepared = make_prepared("regression", target, (step,))
    _, core, events = train_now("regression", prepared=prepared, metric=["mean_absolute_error", "r2"])
    save_model(core, prepared, SIGNATURE, run_directory, lambda event, fields: events.append((event, fields)))

    assert events[-1] == ("artifact", {"path": "model.keras"})
    assert [path.name for path in run_directory.path.glob("*.keras")] == ["model.keras"]
    rows, found = tmp_path / "rows.npy", tmp_path / "found.npy"
    np.save(rows, raw)
    subprocess.run([sys.executable, "-c", LOAD, run_directory.model, rows, found], check=True, capture_output=True)
    expected = target.in_units(core.predict(np.asarray(step(raw, "scaled")), verbose=0))
    assert np.load(found).shape == (20, 1)
    np.testing.assert_allclose(np.load(found), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("asked", "auto", "kept"), [("always", False, True), ("never", True, False), ("auto", True, True)]
)
def test_the_model_is_kept_as_asked(asked, auto, kept, make_spec, tensorflow):
    from dlrun.training.saving import wants_model

    assert wants_model(make_spec(trainer={"save_model": asked}), auto) is kept


def test_a_model_with_a_call_of_its_own_is_trained_and_loaded_again(train_now, make_prepared, run_directory):
    import keras

    from dlrun.training.saving import save_model

    @keras.saving.register_keras_serializable("tests")
    class Own(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.head(x)

    prepared = make_prepared()
    outcome, model, _ = train_now(prepared=prepared, model=Own(), metric=["accuracy"])
    assert outcome.status == "finished"
    save_model(model, prepared, SIGNATURE, run_directory, lambda event, fields: None)
    loaded = keras.models.load_model(run_directory.model)
    rows = prepared.test.x
    np.testing.assert_array_equal(loaded.predict(rows, verbose=0), model.predict(rows, verbose=0))


@pytest.mark.parametrize(("shape", "samples", "count"), [((4,), 150, 3), ((4,), 2, 2), ((512, 512, 3), 5, 0)])
def test_the_example_of_a_signature_is_of_a_few_small_samples(shape, samples, count):
    from types import SimpleNamespace

    from dlrun.training.signature import signature_of

    x = np.zeros((samples, *shape), dtype="float32")
    facts = {
        "outputs": 1,
        "classes": (),
        "features": (),
        "columns": (),
        "resizing": None,
        "levels": (),
        "task": "regression",
    }
    found = signature_of(None, SimpleNamespace(x=x, samples=samples, input_shape=shape, **facts), {}, [])
    assert len(found["example"]) == count
    assert found["shape"] == list(shape)
