"""tfinpaint.layers.up_conv against TensorFlow's own transposed convolution."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers import up_conv
from tfinpaint.layers.doubled_conv import DoubledConv2D, DoubledGatedConv2D
from tfinpaint.layers.down_conv import DownConv2D
from tfinpaint.layers.up_conv import UpConv2D


def numbers(seed, *shape, dtype=np.float64):
    return np.random.RandomState(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("batch,height,width", [(1, 1, 1), (2, 1, 3), (3, 4, 2), (1, 5, 5)])
def test_is_the_transposed_convolution_and_so_is_its_gradient(batch, height, width):
    x, kernel = (
        tf.constant(numbers(0, batch, height, width, 3)),
        tf.constant(numbers(1, 4, 4, 5, 3)),
    )
    upstream = numbers(2, batch, 2 * height, 2 * width, 5)
    results = []
    for function in (
        up_conv.up_conv,
        lambda x, k: tf.nn.conv2d_transpose(x, k, upstream.shape, 2, "SAME"),
    ):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = function(x, kernel)
        results.append([y, *tape.gradient(y, [x, kernel], upstream)])
    for got, want in zip(*results):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_one_tap_by_hand():
    """A kernel with one tap, at row 3 and column 0, puts pixel (y, x) at (2 y + 2, 2 x - 1): both
    taps count from -1."""
    kernel = np.zeros((4, 4, 1, 1), np.float32)
    kernel[3, 0] = 1
    x = np.arange(1, 5, dtype=np.float32).reshape(1, 2, 2, 1)
    want = np.zeros((4, 4), np.float32)
    want[2, 1] = 2  # (0, 0) falls to column -1; (1, 0) and (1, 1) to row 4
    np.testing.assert_array_equal(up_conv.up_conv(x, kernel)[0, ..., 0], want)


KINDS = pytest.mark.parametrize("kind", ["narrow", "library's", "wide"])


def choose(monkeypatch, kind):
    """How layers with 5 filters are computed."""
    monkeypatch.setattr(up_conv, "_WIDE", 1 if kind == "wide" else 512)
    monkeypatch.setattr(up_conv, "_NARROW", 8 if kind == "narrow" else 4)


@KINDS
def test_layer_of_each_kind_is_keras(monkeypatch, kind):
    choose(monkeypatch, kind)
    ours, keras = UpConv2D(5), tf.keras.layers.Conv2DTranspose(5, 4, 2, "same")
    x = numbers(3, 2, 3, 4, 6, dtype=np.float32)
    ours(x), keras(x)
    assert [v.shape for v in ours.weights] == [v.shape for v in keras.weights]
    keras.set_weights([ours.kernel.numpy(), numbers(4, 5, dtype=np.float32)])
    ours.set_weights(keras.get_weights())
    np.testing.assert_allclose(ours(x), keras(x), atol=1e-5)
    any_size = tf.function(ours, input_signature=[tf.TensorSpec([None, None, None, 6])])
    np.testing.assert_allclose(any_size(x), keras(x), atol=1e-5)
    compiled = tf.function(ours, jit_compile=True)
    np.testing.assert_allclose(compiled(x), keras(x), atol=1e-5)
    gradients = []
    for layer in (ours, keras):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(x) ** 2)
        gradients.append(tape.gradient(total, layer.trainable_variables))
    for got, want in zip(*gradients):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    assert UpConv2D.from_config(ours.get_config()).filters == 5


def test_layer_computes_in_half_precision(monkeypatch):
    monkeypatch.setattr(up_conv, "_WIDE", 1)
    layer = UpConv2D(5, dtype="mixed_bfloat16")
    assert layer(numbers(5, 1, 2, 2, 3, dtype=np.float32)).dtype == tf.bfloat16


@KINDS
def test_layer_takes_activation_and_no_bias(monkeypatch, kind):
    choose(monkeypatch, kind)
    layer = UpConv2D(5, activation="relu", use_bias=False)
    x = numbers(6, 1, 2, 3, 4, dtype=np.float32)
    want = np.maximum(
        layer(x) * 0 + tf.nn.conv2d_transpose(x, layer.kernel, (1, 4, 6, 5), 2, "SAME"), 0
    )
    np.testing.assert_allclose(layer(x), want, atol=1e-6)
    assert len(layer.weights) == 1 and want.max() > 0


@pytest.mark.parametrize(
    "layer,name,value",
    [
        (UpConv2D, "strides", 1),
        (UpConv2D, "kernel_size", 3),
        (DownConv2D, "strides", 1),
        (DoubledConv2D, "strides", 2),
        (DoubledConv2D, "dilation_rate", 2),
        (DoubledGatedConv2D, "kernel_size", 5),
        (DoubledGatedConv2D, "strides", 2),
    ],
)
def test_what_a_layer_has_one_value_for_is_refused_otherwise(layer, name, value):
    with pytest.raises(ValueError, match=f"`{name}` is .* here. Got {value}"):
        layer(4, **{name: value})
    assert layer.from_config(layer(4).get_config()).filters == 4
