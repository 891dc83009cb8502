"""tfinpaint.layers.GatedConv2D (DeepFill v2) against a loop over windows and taps and by hand."""

import numpy as np
import pytest
import tensorflow as tf
from naive_layers import gated_conv, largest_difference, random_features

from tfinpaint.layers import GatedConv2D


def layer_with_weights(filters, kernel_size, channels, seed=0, dtype="float32", **arguments):
    """-> the layer, [kernel, bias]."""
    layer = GatedConv2D(filters, kernel_size, dtype=dtype, **arguments)
    layer(np.zeros((1, 8, 8, channels), dtype))
    weights = [
        random_features(seed + i, *w.shape, dtype=dtype) for i, w in enumerate(layer.get_weights())
    ]
    layer.set_weights(weights)
    return layer, weights


@pytest.mark.parametrize("kernel_size,strides,dilation_rate", [
    (1, 1, 1), (3, 1, 1), (5, 1, 1), (4, 1, 1), (2, 1, 1), (3, 2, 1), (5, 2, 1), (4, 2, 1),
    (1, 2, 1), (3, 3, 1), (3, 1, 2), (3, 1, 4), (4, 1, 3)])  # fmt: skip
def test_equations(kernel_size, strides, dilation_rate):
    layer, weights = layer_with_weights(
        3, kernel_size, 4, strides=strides, dilation_rate=dilation_rate
    )
    assert [w.shape for w in weights] == [(kernel_size, kernel_size, 4, 6), (6,)]
    for shape in ((2, 7, 9, 4), (1, 8, 6, 4), (1, 1, 5, 4), (1, 2, 1, 4)):
        features = random_features(2, *shape)
        got = layer(features)
        assert got.shape == (shape[0], -(-shape[1] // strides), -(-shape[2] // strides), 3)
        assert (
            largest_difference(got, gated_conv(features, *weights, strides, dilation_rate)) < 1e-5
        )


@pytest.mark.parametrize("activation", ["elu", "relu", "linear"])
def test_activation(activation):
    layer, weights = layer_with_weights(3, 3, 4, activation=activation)
    features = random_features(3, 1, 5, 6, 4)
    assert (
        largest_difference(layer(features), gated_conv(features, *weights, activation=activation))
        < 1e-5
    )


def test_no_activation_and_a_function():
    features = random_features(4, 1, 5, 6, 4)
    for activation, same in ((None, "linear"), (tf.nn.relu, "relu")):
        layer, weights = layer_with_weights(3, 3, 4, activation=activation)
        assert (
            largest_difference(layer(features), gated_conv(features, *weights, activation=same))
            < 1e-5
        )


def test_by_hand():
    """The first channel is the feature itself, the second is ln 3 times it: 1 gives
    elu(1) sigmoid(ln 3) = .75; -1 gives (1/e - 1) * .25 = -.158030; 0 gives 0, whatever the
    gate."""
    layer = GatedConv2D(1, 1)
    features = np.array([1, -1, 0], np.float32).reshape(1, 1, 3, 1)
    layer(features)
    layer.set_weights([np.array([1, np.log(3)]).reshape(1, 1, 1, 2), np.zeros(2)])
    np.testing.assert_allclose(np.ravel(layer(features)), [0.75, -0.158030, 0], atol=1e-6)


def test_halves_by_hand():
    """Four channels 5, 6, ln 3, -ln 3 from the bias alone: the first two are features, the last two
    their gates, 3/4 and 1/4."""
    layer = GatedConv2D(2, 3)
    layer(np.zeros((1, 1, 1, 1), np.float32))
    layer.set_weights([np.zeros((3, 3, 1, 4)), np.array([5, 6, np.log(3), -np.log(3)])])
    np.testing.assert_allclose(
        layer(np.ones((1, 1, 1, 1), np.float32)), [[[[3.75, 1.5]]]], rtol=1e-6
    )


@pytest.mark.parametrize(
    "width,strides,dilation_rate,sums",
    [
        (4, 1, 1, [3, 6, 9, 7]),
        (4, 2, 1, [6, 7]),  # 1 2 3 and 3 4 with one zero, all of it after
        (5, 2, 1, [3, 9, 9]),  # one zero before and one after
        (4, 1, 2, [4, 6, 4, 6]),  # 1 3 | 2 4 | 1 3 | 2 4, zeros two pixels away
        (6, 3, 1, [6, 15]),
    ],
)
def test_padding_by_hand(width, strides, dilation_rate, sums):
    """On 1, 2, 3, ... in a row, a kernel of ones adds up three; gates of weight 0 are 1/2."""
    layer = GatedConv2D(1, 3, strides=strides, dilation_rate=dilation_rate)
    features = np.arange(1, width + 1, dtype=np.float32).reshape(1, 1, width, 1)
    layer(features)
    layer.set_weights([np.ones((3, 3, 1, 2)) * [1, 0], np.zeros(2)])
    np.testing.assert_allclose(np.ravel(layer(features)), np.array(sums) / 2, rtol=1e-6)


def test_each_picture_by_itself():
    layer, _ = layer_with_weights(3, 3, 4)
    features = random_features(5, 3, 5, 6, 4)
    for i in range(3):
        assert largest_difference(layer(features)[i : i + 1], layer(features[i : i + 1])) < 1e-5


@pytest.mark.parametrize("strides,dilation_rate", [(2, 1), (1, 2)])
def test_eager_function_and_compiled_are_equal(strides, dilation_rate):
    layer, _ = layer_with_weights(3, 3, 4, strides=strides, dilation_rate=dilation_rate)
    features = random_features(6, 2, 7, 6, 4)
    for jit_compile in (False, True):
        assert (
            largest_difference(
                tf.function(layer, jit_compile=jit_compile)(features), layer(features)
            )
            < 1e-5
        )


@pytest.mark.parametrize("strides,dilation_rate", [(2, 1), (1, 2)])
def test_unknown_sizes(strides, dilation_rate):
    layer, weights = layer_with_weights(3, 3, 4, strides=strides, dilation_rate=dilation_rate)
    call = tf.function(layer, input_signature=[tf.TensorSpec([None, None, None, 4])])
    for shape in ((1, 7, 4, 4), (2, 2, 6, 4)):
        features = random_features(7, *shape)
        assert (
            largest_difference(
                call(features), gated_conv(features, *weights, strides, dilation_rate)
            )
            < 1e-5
        )
    assert layer(tf.keras.Input((None, None, 4))).shape.as_list() == [None, None, None, 3]


@pytest.mark.parametrize("strides,dilation_rate", [(1, 1), (2, 1), (1, 2)])
def test_gradients(strides, dilation_rate):
    """Of features, kernel and bias, in float64 against finite differences."""
    layer, weights = layer_with_weights(
        2, 3, 2, dtype="float64", strides=strides, dilation_rate=dilation_rate
    )
    features = random_features(8, 1, 4, 5, 2, dtype=np.float64)
    assert (
        largest_difference(layer(features), gated_conv(features, *weights, strides, dilation_rate))
        < 1e-12
    )
    theory, numeric = tf.test.compute_gradient(layer, [features], delta=1e-5)
    assert largest_difference(theory[0], numeric[0]) < 1e-7
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(features))
    for i, gradient in enumerate(tape.gradient(total, layer.trainable_weights)):
        for place in list(np.ndindex(weights[i].shape))[::7]:
            moved = [[w.copy() for w in weights] for _ in range(2)]
            moved[0][i][place] += 1e-5
            moved[1][i][place] -= 1e-5
            up, down = (gated_conv(features, *w, strides, dilation_rate).sum() for w in moved)
            np.testing.assert_allclose(gradient[place], (up - down) / 2e-5, rtol=1e-5, atol=1e-7)


def test_zero_and_huge_features_are_no_nan():
    layer, weights = layer_with_weights(3, 3, 4)
    for scale in (0, 1e4):
        features = tf.constant(scale * random_features(9, 1, 5, 6, 4))
        with tf.GradientTape() as tape:
            tape.watch(features)
            got = layer(features)
            total = tf.reduce_sum(got)
        assert np.isfinite(tape.gradient(total, features)).all()
        with np.errstate(over="ignore"):  # exp overflows in the loops' sigmoid, and the gate is 0
            assert largest_difference(got, gated_conv(features, *weights)) < 1e-5


def test_config_round_trip():
    layer, weights = layer_with_weights(3, 5, 4, strides=2, activation="relu", name="gate")
    again = GatedConv2D.from_config(layer.get_config())
    assert (again.filters, again.kernel_size, again.strides, again.dilation_rate, again.name) == (
        3, 5, 2, 1, "gate")  # fmt: skip
    features = random_features(10, 1, 6, 7, 4)
    again(features)
    again.set_weights(weights)
    np.testing.assert_array_equal(again(features), layer(features))
    dilated = GatedConv2D.from_config(GatedConv2D(3, 3, dilation_rate=4).get_config())
    assert (dilated.dilation_rate, dilated.strides) == (4, 1)


@pytest.mark.parametrize("arguments", [
    {"filters": 0}, {"filters": -1}, {"kernel_size": 0}, {"strides": 0}, {"dilation_rate": 0},
    {"strides": 2, "dilation_rate": 2}])  # fmt: skip
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Got"):
        GatedConv2D(**{"filters": 3, "kernel_size": 3, **arguments})
