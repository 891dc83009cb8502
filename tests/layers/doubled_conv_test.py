"""tfinpaint.layers.doubled_conv equals repeating rows and columns and then convolving.

Forward and backward.
"""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers import GatedConv2D
from tfinpaint.layers.doubled_conv import DoubledConv2D, DoubledGatedConv2D, doubled_conv


def plain(x, kernel):
    return tf.nn.conv2d(
        np.repeat(np.repeat(x, 2, 1), 2, 2)
        if isinstance(x, np.ndarray)
        else tf.repeat(tf.repeat(x, 2, 1), 2, 2),
        kernel,
        1,
        "SAME",
    )


def test_by_hand():
    """One pixel of 1: the block's four pixels see it through the parts of the window that fall on
    it. The kernel is 1 to 9, row by row: the top left pixel sees the window's lower right 2 x 2
    part, 5 + 6 + 8 + 9; and so on."""
    kernel = np.arange(1, 10, dtype=np.float32).reshape(3, 3, 1, 1)
    got = doubled_conv(np.ones((1, 1, 1, 1), np.float32), kernel)
    np.testing.assert_array_equal(
        got[0, ..., 0], [[5 + 6 + 8 + 9, 4 + 5 + 7 + 8], [2 + 3 + 5 + 6, 1 + 2 + 4 + 5]]
    )


@pytest.mark.parametrize("height, width", [(1, 1), (1, 5), (4, 3), (7, 8)])
def test_equals_repeating_first(height, width):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, height, width, 3)), rng.normal(size=(3, 3, 3, 5))
    np.testing.assert_allclose(doubled_conv(x, kernel), plain(x, kernel), atol=1e-12)
    gradients = []
    for function in (doubled_conv, plain):
        with tf.GradientTape() as tape:
            variables = [tf.constant(x), tf.constant(kernel)]
            tape.watch(variables)
            total = tf.reduce_sum(function(*variables) ** 3)
        gradients.append(tape.gradient(total, variables))
    for a, b in zip(*gradients):
        np.testing.assert_allclose(a, b, atol=1e-9 * np.abs(b).max())


def test_layers_are_the_plain_ones_on_a_repeated_map():
    x = np.random.default_rng(1).normal(size=(2, 4, 6, 3)).astype(np.float32)
    repeated = np.repeat(np.repeat(x, 2, 1), 2, 2)
    for doubled, layer in (
        (
            DoubledConv2D(4, activation="elu"),
            tf.keras.layers.Conv2D(4, 3, padding="same", activation="elu"),
        ),
        (DoubledGatedConv2D(4), GatedConv2D(4, 3)),
    ):
        expected = layer(repeated)
        doubled.build(x.shape)
        doubled.set_weights(layer.get_weights())
        np.testing.assert_allclose(doubled(x), expected, atol=1e-5)
        for jit in (False, True):
            np.testing.assert_allclose(
                tf.function(doubled, jit_compile=jit)(x), expected, atol=1e-5
            )
        unknown = tf.function(doubled, input_signature=[tf.TensorSpec([None, None, None, 3])])
        np.testing.assert_allclose(unknown(x), expected, atol=1e-5)
        again = type(doubled).from_config(doubled.get_config())
        again.build(x.shape)
        again.set_weights(layer.get_weights())
        np.testing.assert_allclose(again(x), expected, atol=1e-5)
