"""tfinpaint.layers.down_conv against TensorFlow's own convolution."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers import down_conv, tracing
from tfinpaint.layers.down_conv import DownConv2D


def numbers(seed, *shape, dtype=np.float64):
    return np.random.RandomState(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("batch, height, width", [(1, 2, 2), (3, 4, 2), (2, 4, 6)])
def test_is_the_convolution_and_so_is_its_gradient(batch, height, width):
    x, kernel = (
        tf.constant(numbers(0, batch, height, width, 3)),
        tf.constant(numbers(1, 4, 4, 3, 5)),
    )
    upstream = numbers(2, batch, height // 2, width // 2, 5)
    results = []
    for function in (down_conv.down_conv, lambda x, k: tf.nn.conv2d(x, k, 2, "SAME")):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = function(x, kernel)
        results.append([y, *tape.gradient(y, [x, kernel], upstream)])
    for got, want in zip(*results):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_layer_is_keras_and_chooses_by_size(monkeypatch):
    """Only small maps of a large kernel are computed as a product, and none for a converter."""
    used, function = [], down_conv.down_conv
    monkeypatch.setattr(down_conv, "down_conv", lambda *inputs: used.append(1) or function(*inputs))
    monkeypatch.setattr(down_conv, "_LARGE", 16 * 6 * 5)
    ours, keras = DownConv2D(5, activation="relu"), tf.keras.layers.Conv2D(5, 4, 2, "same")
    for sides, times in (((4, 2), 1), ((2, 2), 1), ((8, 4), 0), ((3, 4), 0)):
        x = numbers(3, 2, *sides, 6, dtype=np.float32)
        ours(x), keras(x)
        ours.set_weights([keras.kernel.numpy(), numbers(4, 5, dtype=np.float32)])
        keras.set_weights(ours.get_weights())
        used.clear()
        want = tf.nn.relu(keras(x))
        np.testing.assert_allclose(ours(x), want, atol=1e-5)
        assert len(used) == times
        np.testing.assert_allclose(tf.function(ours, jit_compile=True)(x), want, atol=1e-5)
        any_size = tf.function(ours, input_signature=[tf.TensorSpec([None, None, None, 6])])
        used.clear()
        np.testing.assert_allclose(any_size(x), want, atol=1e-5)
        with tracing.static_sizes():
            tf.function(ours)(x)
        assert not used
    monkeypatch.setattr(down_conv, "_LARGE", 16 * 6 * 5 + 1)
    ours(numbers(3, 2, 2, 2, 6, dtype=np.float32))
    assert not used
    half = DownConv2D(5, dtype="mixed_bfloat16")
    assert half(numbers(5, 1, 2, 2, 60, dtype=np.float32)).dtype == tf.bfloat16 and used
