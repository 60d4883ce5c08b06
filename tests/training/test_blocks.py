"""How many steps a block holds."""

import pytest

from dlrun.training.blocks import multiply_adds, steps_per_block


def test_multiplications_of_known_models(tensorflow):
    import keras
    from keras import layers

    dense = keras.Sequential([keras.Input((64,)), layers.Dense(10)])
    assert multiply_adds(dense) == 640
    image = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(32, 3, padding="same")])
    assert multiply_adds(image) == 28 * 28 * 9 * 32
    nested = keras.Sequential([keras.Input((64,)), dense, layers.Dense(2)])
    assert multiply_adds(nested) == 660


@pytest.mark.parametrize(("steps", "block"), [(34, 34), (2400, 2400), (5000, 1250), (1, 1), (7919, 1)])
def test_a_small_model_has_its_epoch_in_one_block(steps, block, make_model):
    assert steps_per_block(steps, 32, make_model()) == block


def test_a_heavy_model_goes_step_by_step(tensorflow):
    import keras
    from keras import layers

    heavy = keras.Sequential([keras.Input((224, 224, 3)), layers.Conv2D(64, 7, padding="same")])
    assert steps_per_block(1000, 32, heavy) == 1
