"""Bilinear resizing with aligned corners, against loops."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers.aligned_resize import resize_aligned


def naive(x, height, width):
    """Each pixel from the four around its place, in float64."""
    x = np.asarray(x, np.float64)
    b, h, w, c = x.shape
    result = np.zeros((b, height, width, c))
    for i in range(height):
        for j in range(width):
            y = i * (h - 1) / (height - 1) if height > 1 else 0.0
            z = j * (w - 1) / (width - 1) if width > 1 else 0.0
            top, left = min(int(y), h - 1), min(int(z), w - 1)
            bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
            for row, share in ((top, 1 - (y - top)), (bottom, y - top)):
                for column, part in ((left, 1 - (z - left)), (right, z - left)):
                    result[:, i, j] += share * part * x[:, row, column]
    return result


@pytest.mark.parametrize(
    "size, wanted", [((16, 24), (2, 3)), ((9, 7), (5, 11)), ((4, 4), (1, 1)), ((1, 5), (3, 5))]
)
def test_against_loops(size, wanted):
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    expected = naive(x, *wanted)
    np.testing.assert_allclose(resize_aligned(tf.constant(x), *wanted), expected, atol=1e-5)
    unknown = tf.function(
        lambda x, size: resize_aligned(x, size[0], size[1]),
        input_signature=[tf.TensorSpec([None] * 4), tf.TensorSpec([2], tf.int32)],
    )
    np.testing.assert_allclose(unknown(x, wanted), expected, atol=1e-5)


def test_its_gradient_is_the_transposed():
    """<resized, y> = <x, gradient>: resizing is linear."""
    x, y = (tf.constant(np.random.default_rng(0).normal(size=(1, s, s, 1))) for s in (8, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        product = tf.reduce_sum(resize_aligned(x, 3, 3) * y)
    np.testing.assert_allclose(tf.reduce_sum(tape.gradient(product, x) * x), product)


def test_the_size_that_it_has():
    x = tf.random.stateless_normal([1, 4, 6, 2], [1, 2])
    assert resize_aligned(x, 4, 6) is x
