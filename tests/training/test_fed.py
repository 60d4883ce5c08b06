"""A number that is fed gives the bits of the number written into the graph, whatever Keras computes from it."""

import math
from numbers import Real

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

VALUES = st.floats(0.01, 0.95, allow_nan=False)


@pytest.fixture(scope="module")
def fed(tensorflow):
    from dlrun.training.fed import Fed, Pool

    return lambda value, numbers=1: Fed(value, Pool(numbers))


@pytest.fixture(scope="module")
def both_ways(tensorflow, fed):
    """Output and gradient of a layer with a fed number, and of a stock one; the fed graph is traced once."""
    import keras

    x = tensorflow.constant(np.random.default_rng(0).normal(size=(16, 8)).astype("float32"))

    def run(layer):
        def call(x):
            with tensorflow.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
                total = tensorflow.reduce_sum(y * y)
            return y, tape.gradient(total, x)

        return tensorflow.function(call)

    graphs = {}

    def compare(kind, attribute, value):
        if kind not in graphs:
            layer, number = getattr(keras.layers, kind)(0.5, seed=3), fed(0.5)
            setattr(layer, attribute, number)
            graphs[kind] = layer, number, run(layer)
        layer, number, graph = graphs[kind]
        assert number.fits(value)
        number.assign(value)
        layer.seed_generator.state.assign([3, 0])
        stock = run(getattr(keras.layers, kind)(value, seed=3))(x)
        return [a.numpy().tobytes() == b.numpy().tobytes() for a, b in zip(graph(x), stock, strict=True)], graph

    return compare


@pytest.mark.parametrize(("kind", "attribute"), [("Dropout", "rate"), ("GaussianNoise", "stddev")])
def test_a_fed_rate_gives_the_bits_of_a_stock_layer(kind, attribute, both_ways):
    @settings(max_examples=15, deadline=None, derandomize=True)
    @given(VALUES)
    def for_any(value):
        assert both_ways(kind, attribute, value)[0] == [True, True]

    for_any()
    assert both_ways(kind, attribute, 0.5)[1].experimental_get_tracing_count() == 1


def test_a_tensor_in_its_place_gives_other_bits(tensorflow):
    """Why a variable alone will not do."""
    import keras

    def outputs(rate):
        layer = keras.layers.Dropout(0.5, seed=3)
        layer.rate = rate
        return layer(tensorflow.ones((1000,)) / 3, training=True).numpy().tobytes()

    rates = np.linspace(0.05, 0.9, 20).tolist()
    assert any(outputs(rate) != outputs(tensorflow.constant(rate)) for rate in rates)


def test_it_computes_in_python_as_a_number_does(fed):
    number = fed(0.3)
    derived = 1 / (1 - number)
    assert derived.__tf_tensor__().numpy() == np.float32(1 / (1 - 0.3))
    number.assign(0.7)
    assert derived.__tf_tensor__().numpy() == np.float32(1 / (1 - 0.7))
    assert isinstance(number, Real)


def test_what_was_decided_by_it_holds_for_values_that_decide_alike(fed):
    number = fed(0.3)
    assert number > 0
    assert number < 1
    assert number.fits(0.9)
    assert not number.fits(0.0)
    assert not number.fits(1.5)


def test_what_was_decided_by_a_number_computed_from_it_counts_too(fed):
    number = fed(0.3)
    assert 1 - number > 0.5
    assert number.fits(0.4)
    assert not number.fits(0.6)


@pytest.mark.parametrize(
    "taken", [float, math.sqrt, int, lambda number: number + number, lambda number: f"{number:.2f}"]
)
def test_it_refuses_to_be_taken_as_it_is_now(taken, fed):
    with pytest.raises(TypeError):
        taken(fed(0.3))


def test_equal_computations_share_a_variable(fed):
    number = fed(0.3)
    assert -number is -number
    assert 2 * number is 2 * number
    assert 2 * number is not 3 * number
