"""What option files say of Keras (`Keras: ...`) is true of the installed one: a number each."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest

RATE, GRADIENT = 0.1, 2.0


def steps(optimizer: Any, *gradients: float, start: float = 1.0) -> list[float]:
    """A weight after each step of an optimizer."""
    weight = keras.Variable(start)
    optimizer.build([weight])
    found = []
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)])
        found.append(float(weight.numpy()))
    return found


def test_adam_adds_epsilon_before_the_correction() -> None:
    epsilon, beta_1, beta_2 = 0.5, 0.9, 0.999
    found = steps(keras.optimizers.Adam(RATE, beta_1, beta_2, epsilon), GRADIENT)
    m, v = (1 - beta_1) * GRADIENT, (1 - beta_2) * GRADIENT**2
    hat = RATE * math.sqrt(1 - beta_2) / (1 - beta_1) * m / (math.sqrt(v) + epsilon)
    paper = RATE * (m / (1 - beta_1)) / (math.sqrt(v / (1 - beta_2)) + epsilon)
    assert found == pytest.approx([1 - hat])
    assert abs(hat - paper) > 0.01
    assert keras.optimizers.Adam().epsilon == 1e-7


def test_adamw_takes_the_rate_into_the_decay_and_decays_biases() -> None:
    assert steps(keras.optimizers.AdamW(RATE, weight_decay=0.5), 0.0) == pytest.approx([1 - RATE * 0.5])
    assert keras.optimizers.AdamW()._use_weight_decay(keras.Variable(1.0, name="bias"))


def test_adagrad_starts_its_sum_and_puts_epsilon_under_the_root() -> None:
    found = steps(keras.optimizers.Adagrad(RATE, epsilon=0.5), GRADIENT)
    assert found == pytest.approx([1 - RATE * GRADIENT / math.sqrt(0.1 + GRADIENT**2 + 0.5)])
    assert float(keras.optimizers.Adagrad().learning_rate) == pytest.approx(0.001)


def test_adadelta_and_rmsprop_have_these_defaults() -> None:
    adadelta, rmsprop = keras.optimizers.Adadelta(), keras.optimizers.RMSprop()
    assert (float(adadelta.learning_rate), adadelta.epsilon) == (pytest.approx(0.001), 1e-7)
    assert rmsprop.rho == 0.9


def test_rmsprop_divides_by_the_root_of_the_sum() -> None:
    found = steps(keras.optimizers.RMSprop(RATE, rho=0.9, epsilon=0.5), GRADIENT)
    assert found == pytest.approx([1 - RATE * GRADIENT / math.sqrt(0.1 * GRADIENT**2 + 0.5)])


def test_sgd_has_the_rate_inside_the_momentum() -> None:
    optimizer = keras.optimizers.SGD(RATE, momentum=0.9)
    first = steps(optimizer, GRADIENT)
    optimizer.learning_rate = 0.0
    optimizer.apply([keras.ops.convert_to_tensor(GRADIENT)])
    v = -RATE * GRADIENT
    assert first == pytest.approx([1 + v])
    assert float(optimizer._trainable_variables[0].numpy()) == pytest.approx(1 + v + 0.9 * v), "the old step goes on"


def test_nesterov_takes_the_gradient_where_the_weights_are() -> None:
    found = steps(keras.optimizers.SGD(RATE, momentum=0.9, nesterov=True), GRADIENT)
    v = -RATE * GRADIENT
    assert found == pytest.approx([1 + 0.9 * v - RATE * GRADIENT])


@pytest.mark.parametrize(
    ("name", "variance"), [("GlorotNormal", 2 / 400), ("HeNormal", 2 / 200), ("LecunNormal", 1 / 200)]
)
def test_normals_are_cut_and_widened(name: str, variance: float) -> None:
    drawn = np.asarray(getattr(keras.initializers, name)(seed=1)((200, 200)))
    assert drawn.std() == pytest.approx(math.sqrt(variance), rel=0.02)
    assert np.abs(drawn).max() <= 2 * math.sqrt(variance) / 0.8796 * 1.0001


def test_a_truncated_normal_is_not_widened() -> None:
    drawn = np.asarray(keras.initializers.TruncatedNormal(stddev=1.0, seed=1)((300, 300)))
    assert drawn.std() == pytest.approx(0.88, abs=0.01)


def test_an_orthogonal_kernel_is_flattened_to_its_last_axis() -> None:
    kernel = np.asarray(keras.initializers.Orthogonal(seed=1)((3, 3, 2, 4))).reshape(-1, 4)
    assert kernel.T @ kernel == pytest.approx(np.eye(4), abs=1e-5)


def test_penalties_are_sums_without_a_half() -> None:
    weights = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    assert float(keras.regularizers.L2(0.1)(weights)) == pytest.approx(3.0)
    assert float(keras.regularizers.L1(0.1)(weights)) == pytest.approx(1.0)
    assert float(keras.regularizers.L1L2(0.1, 0.1)(weights)) == pytest.approx(4.0)


def test_huber_is_half_the_square() -> None:
    loss = keras.losses.Huber(delta=100.0)
    assert float(loss(np.zeros((1, 2)), np.full((1, 2), 3.0))) == pytest.approx(4.5)
    assert float(keras.losses.MeanSquaredError()(np.zeros((1, 2)), np.full((1, 2), 3.0))) == pytest.approx(9.0)


def test_label_smoothing_goes_half_the_way() -> None:
    loss = keras.losses.BinaryCrossentropy(label_smoothing=0.1)
    p = 0.7
    expected = -(0.95 * math.log(p) + 0.05 * math.log(1 - p))
    assert float(loss(np.array([[1.0]]), np.array([[p]]))) == pytest.approx(expected, rel=1e-5)


def test_hinge_turns_the_labels() -> None:
    assert float(keras.losses.Hinge()(np.array([[0.0]]), np.array([[0.3]]))) == pytest.approx(1.3)


def test_metrics_at_the_threshold() -> None:
    accuracy = keras.metrics.BinaryAccuracy()
    accuracy.update_state([[1.0]], [[0.5]])
    assert float(accuracy.result()) == 0.0
    for metric in (keras.metrics.Precision(), keras.metrics.Recall()):
        metric.update_state([[1.0]], [[0.5]])
        assert float(metric.result()) == 0.0
    nobody = keras.metrics.Recall()
    nobody.update_state([[0.0]], [[0.9]])
    assert float(nobody.result()) == 0.0


def test_activations() -> None:
    ones = np.array([1.0], "float32")
    assert float(keras.activations.hard_sigmoid(ones)[0]) == pytest.approx(0.5 + 1 / 6)
    exact = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    assert float(keras.activations.gelu(ones)[0]) == pytest.approx(exact, abs=1e-6)
    assert keras.layers.LeakyReLU().negative_slope == 0.3
    assert float(keras.activations.leaky_relu(-ones)[0]) == pytest.approx(-0.2)
    prelu = keras.layers.PReLU()
    prelu.build((None, 2, 3))
    assert prelu.alpha.shape == (2, 3) and not np.asarray(prelu.alpha).any()


def test_batch_normalization_keeps_the_batchs_own_variance() -> None:
    layer = keras.layers.BatchNormalization(momentum=0.0)
    assert (keras.layers.BatchNormalization().momentum, layer.epsilon) == (0.99, 0.001)
    batch = np.array([[1.0], [3.0]], "float32")
    layer(batch, training=True)
    assert np.asarray(layer.moving_variance) == pytest.approx([1.0]), "corrected it would be 2"
    assert (keras.layers.LayerNormalization().epsilon, keras.layers.GroupNormalization(1).epsilon) == (0.001, 0.001)


def test_dropout_scales_what_it_keeps() -> None:
    for layer in (keras.layers.Dropout(0.5, seed=1), keras.layers.SpatialDropout2D(0.5, seed=1)):
        kept = np.asarray(layer(np.ones((1, 4, 4, 8), "float32"), training=True))
        assert set(np.unique(kept)) == {0.0, 2.0}


def test_convolution_and_padding() -> None:
    image = np.zeros((1, 3, 3, 1), "float32")
    image[0, 1, 1, 0] = 1.0
    kernel = np.arange(9.0, dtype="float32").reshape(3, 3, 1, 1)
    found = np.asarray(keras.ops.conv(image, kernel, padding="same"))[0, ..., 0]
    assert found == pytest.approx(kernel[::-1, ::-1, 0, 0]), "not flipped: the answer to a point is the kernel turned"
    assert keras.layers.Conv2D(1, 3).padding == "valid"
    even = np.arange(16.0, dtype="float32").reshape(1, 4, 4, 1)
    taken = np.asarray(keras.ops.conv(even, np.ones((3, 1, 1, 1), "float32"), 2, "same"))
    assert taken[0, 0, 0, 0] == even[0, 0:3, 0, 0].sum(), "nothing is added above: the odd row goes to the bottom"
    pooled = np.asarray(keras.layers.AveragePooling2D(2, padding="same")(np.ones((1, 3, 3, 1), "float32")))
    assert pooled == pytest.approx(np.ones((1, 2, 2, 1))), "zeros of the border do not count"


def test_recurrent_layers() -> None:
    gru = keras.layers.GRU(2, use_bias=True)
    gru.build((None, 3, 4))
    assert gru.cell.bias.shape == (2, 6), "two biases"
    kernel = np.zeros((4, 6), "float32")
    gru.cell.kernel.assign(kernel)
    gru.cell.bias.assign(np.concatenate([np.full((2, 2), 50.0), np.zeros((2, 4))], axis=1))  # the update gate is 1
    old = np.array([[0.3, -0.4]], "float32")
    _, (new,) = gru.cell(np.ones((1, 4), "float32"), [old])
    assert np.asarray(new) == pytest.approx(old), "an update gate of 1 keeps the old state"
    lstm = keras.layers.LSTM(2)
    lstm.build((None, 3, 4))
    assert np.asarray(lstm.cell.bias).tolist() == [0, 0, 1, 1, 0, 0, 0, 0], "one bias a gate, the forget gate's at 1"


def test_other_layers() -> None:
    dense = keras.layers.Dense(3)
    dense.build((None, 2))
    assert dense.kernel.shape == (2, 3)
    vectors = keras.layers.Embedding(50, 50)
    vectors.build()
    assert 0.045 < np.abs(np.asarray(vectors.embeddings)).max() <= 0.05
    attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    attention.build((None, 3, 8), (None, 3, 8))
    assert attention._query_dense.kernel.shape == (8, 2, 4)
    assert attention._query_dense.bias is not None


def test_callbacks() -> None:
    plateau = keras.callbacks.ReduceLROnPlateau()
    assert (plateau.factor, plateau.patience) == (0.1, 10)
    stopping = keras.callbacks.EarlyStopping(min_delta=0.1, patience=3)
    stopping.set_model(type("Model", (), {"stop_training": False})())
    stopping._set_monitor_op = lambda: setattr(stopping, "monitor_op", keras.ops.greater)
    stopping.on_train_begin()
    stopping.best = -1.0
    for epoch, score in enumerate([0.0, 0.05, 0.09, 0.095]):
        stopping.on_epoch_end(epoch, {"val_loss": score})
    assert stopping.stopped_epoch == 3, "a slow creep stops it"
