"""tfinpaint.layers.spectral_conv against NumPy's singular values, and its gradient."""

import numpy as np
import tensorflow as tf

from tfinpaint.layers.spectral_conv import SpectralConv2D


def made():
    """A layer with random weights, an input, and its kernel as a matrix in float64."""
    tf.keras.utils.set_random_seed(1)
    layer, x = SpectralConv2D(5, 4, 2), tf.random.normal([2, 9, 8, 3])
    layer(x)
    return layer, x, layer.kernel.numpy().reshape(-1, 5).astype(np.float64)


def divisor(layer, x):
    """What the kernel is divided by."""
    plain = tf.nn.conv2d(x, layer.kernel, 2, "VALID")
    return float(tf.reduce_sum(plain) / tf.reduce_sum(layer(x) - layer.bias))


def test_power_iteration_reaches_the_largest_singular_value():
    layer, x, matrix = made()
    u = layer.filter_vector.numpy() / np.linalg.norm(layer.filter_vector)
    v = matrix @ u / np.linalg.norm(matrix @ u)
    # Without training the vectors stay.
    for _ in range(2):
        np.testing.assert_allclose(divisor(layer, x), v @ matrix @ u, rtol=1e-4)
    layer(x, training=True)
    np.testing.assert_allclose(
        layer.filter_vector, matrix.T @ v / np.linalg.norm(matrix.T @ v), atol=1e-6
    )
    for _ in range(200):
        layer(x, training=True)
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    np.testing.assert_allclose(divisor(layer, x), largest, rtol=1e-4)
    np.testing.assert_allclose(layer.kernel.numpy().reshape(-1, 5), matrix, rtol=1e-6)  # kept


def test_gradient_passes_through_the_divisor():
    """d<G, W / s> = (G - <G, W> u v' / s) / s with constant vectors: by hand in NumPy."""
    layer, x, matrix = made()
    for _ in range(200):
        layer(x, training=True)
    with tf.GradientTape(persistent=True) as tape:
        upstream = tf.random.stateless_normal([2, 3, 3, 5], [0, 1])
        value = tf.reduce_sum(layer(x, training=True) * upstream)
        kernel = layer.kernel.read_value()
        tape.watch(kernel)
        plain = tf.reduce_sum(tf.nn.conv2d(x, kernel, 2, "VALID") * upstream)
    g = tape.gradient(plain, kernel).numpy().reshape(-1, 5).astype(np.float64)
    left, values, right = np.linalg.svd(matrix)
    outer = np.outer(left[:, 0], right[0])
    want = (g - (g * matrix).sum() / values[0] * outer) / values[0]
    got = tape.gradient(value, layer.kernel).numpy().reshape(-1, 5)
    np.testing.assert_allclose(got, want, atol=1e-4 * np.abs(want).max())


def test_compiled_and_in_half_precision():
    layer, x, _ = made()
    start = layer.filter_vector.numpy()
    want = layer(x, training=True)
    after = layer.filter_vector.numpy()
    layer.filter_vector.assign(start)
    compiled = tf.function(lambda x: layer(x, training=True), jit_compile=True)
    np.testing.assert_allclose(compiled(x), want, atol=1e-5)
    np.testing.assert_allclose(layer.filter_vector, after, atol=1e-6)
    half = SpectralConv2D(5, 4, 2, dtype=tf.keras.mixed_precision.Policy("mixed_float16"))
    half.build(x.shape)
    half.set_weights(layer.get_weights())
    assert half.filter_vector.dtype == tf.float32
    got = half(x)
    assert got.dtype == tf.float16
    np.testing.assert_allclose(got, layer(x), atol=2e-2)
