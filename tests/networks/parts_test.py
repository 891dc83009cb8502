"""What generators are made of, against loops.

PyTorch's padding, PyTorch's norms, and TensorFlow's own padding for DeepFill.
"""

import naive
import naive_layers
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers.shapes import double
from tfinpaint.networks import DeepFill
from tfinpaint.networks.parts import conv, instance_norm, up_conv
from tfinpaint.systems.coherent_semantic.unets import (
    CoherentSemanticUNets,
    RefinementUNet,
    RoughUNet,
    _DilatedHalving,
)
from tfinpaint.systems.musical.unet import MusicalUNet


def random_features(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def with_random_weights(layer, x):
    layer(x)
    for variable in layer.variables:
        variable.assign(np.random.default_rng(7).normal(0, 0.3, variable.shape))
    return layer


def transposed(x, kernel, bias, stride, padding):
    """PyTorch's transposed convolution: every input pixel adds its k x k window at
    stride * (y, x) - padding. kernel [k, k, out, in]."""
    (batch, height, width, _), k = x.shape, kernel.shape[0]
    rows, columns = ((n - 1) * stride - 2 * padding + k for n in (height, width))
    output = np.zeros((batch, rows, columns, kernel.shape[2])) + bias
    for i, j, u, v in np.ndindex(height, width, k, k):
        y, x_ = i * stride + u - padding, j * stride + v - padding
        if 0 <= y < rows and 0 <= x_ < columns:
            output[:, y, x_] += np.asarray(x[:, i, j], np.float64) @ kernel[u, v].T.astype(
                np.float64
            )
    return output


@pytest.mark.parametrize("kernel_size, stride, size", [(4, 2, (12, 10)), (3, 1, (6, 5))])
def test_up_conv_is_a_transposed_convolution_with_padding_1(kernel_size, stride, size):
    x = random_features(2, 6, 5, 3)
    layer = with_random_weights(up_conv(4, kernel_size, "up", strides=stride), x)
    expected = transposed(x, layer.kernel.numpy(), layer.bias.numpy(), stride, 1)
    assert expected.shape == (2, *size, 4)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "kernel_size, stride, dilation, padding", [(4, 2, 1, 1), (3, 1, 1, 1), (3, 1, 2, 2)]
)
def test_conv_pads_the_same_on_every_side(kernel_size, stride, dilation, padding):
    x = random_features(2, 8, 6, 3)
    layer = with_random_weights(
        conv(4, kernel_size, "conv", strides=stride, dilation_rate=dilation), x
    )
    kernel = layer.kernel.numpy()
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0))).astype(np.float64)
    expected = np.zeros((2, 8 // stride, 6 // stride, 4)) + layer.bias.numpy()
    for i, j, u, v in np.ndindex(*expected.shape[1:3], kernel_size, kernel_size):
        expected[:, i, j] += (
            padded[:, i * stride + u * dilation, j * stride + v * dilation] @ kernel[u, v]
        )
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("height, width", [(16, 12), (4, 2), (2, 2)])
def test_dilated_halving_has_stride_2_dilation_2_and_padding_3(height, width):
    """The convolution itself: windows every 2 pixels, each of 4 x 4 pixels 2 apart, starting 3
    pixels above and left of the picture."""
    x = random_features(2, height, width, 3)
    layer = with_random_weights(_DilatedHalving(5), x)
    kernel = layer.kernel.numpy().astype(np.float64)
    expected = np.zeros((2, height // 2, width // 2, 5)) + layer.bias.numpy()
    for i, j, u, v in np.ndindex(height // 2, width // 2, 4, 4):
        row, column = 2 * i + 2 * u - 3, 2 * j + 2 * v - 3
        if 0 <= row < height and 0 <= column < width:
            expected[:, i, j] += x[:, row, column] @ kernel[u, v]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_instance_norm_has_pytorchs_epsilon():
    # Small: 1e-3, Keras' epsilon, would be 10 times the variance.
    x = 0.01 * random_features(2, 4, 5, 3)
    for affine in (True, False):
        layer = with_random_weights(instance_norm("norm", affine), x)
        assert len(layer.trainable_variables) == (2 if affine else 0)
        expected = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(
            x.var((1, 2), keepdims=True) + 1e-5
        )
        if affine:
            expected = expected * layer.gamma.numpy() + layer.beta.numpy()
        np.testing.assert_allclose(layer(x), expected, rtol=1e-3, atol=1e-4)


def test_double_repeats_rows_and_columns():
    x = random_features(1, 2, 3, 2)
    np.testing.assert_array_equal(double(x), tf.image.resize(x, (4, 6), "nearest"))


def test_u_nets_start_from_small_numbers():
    """N(0, 0.02) and bias 0, as in the pix2pix family. DeepFill starts from Keras' own
    initializers."""
    kernels = np.concatenate(
        [v.numpy().ravel() for v in RoughUNet(8, 4).trainable_variables if "kernel" in v.name]
    )
    assert kernels.std() == pytest.approx(0.02, rel=0.05)
    layer = _DilatedHalving(16)
    layer(tf.zeros([1, 4, 4, 16]))
    assert (
        layer.kernel.numpy().std() == pytest.approx(0.02, rel=0.1) and not layer.bias.numpy().any()
    )


@pytest.fixture(scope="module", params=[False, True], ids=["v1", "v2"])
def deepfill(request):
    return DeepFill(4, request.param)


def test_deepfill_pads_as_tensorflow_does(deepfill):
    """The first halvings of its coarse stage, in loops: 5 x 5 with 2 on every side; 3 x 3 at stride
    2 with nothing before and 1 after."""
    image, hole = random_features(1, 16, 16, 3), np.zeros((1, 16, 16, 1), np.float32)
    x = np.concatenate([image, np.ones_like(hole), hole], -1)
    for layer, (size, stride) in zip(deepfill.coarse, ((5, 1), (3, 2), (3, 1), (3, 2))):
        kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
        if deepfill.gated:
            expected = naive_layers.gated_conv(x, kernel, bias, stride)
        elif stride == 1:
            expected = naive_layers.ACTIVATIONS["elu"](naive.convolution(x, kernel, bias))
        else:
            padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
            expected = np.zeros((1, x.shape[1] // 2, x.shape[2] // 2, kernel.shape[-1])) + bias
            for i, j, u, v in np.ndindex(*expected.shape[1:3], size, size):
                expected[:, i, j] += padded[:, 2 * i + u, 2 * j + v] @ kernel[u, v]
            expected = naive_layers.ACTIVATIONS["elu"](expected)
        np.testing.assert_allclose(layer(np.asarray(x, np.float32)), expected, rtol=1e-4, atol=1e-5)
        x = expected


def test_deepfills_channels_are_the_papers(deepfill):
    gated = deepfill.gated
    channels = [(layer.filters * 2 if gated else layer.filters) for layer in deepfill.coarse]
    assert channels == [4, 8, 8] + 9 * [16] + [8, 8, 4, 2]
    assert deepfill.coarse[0].kernel.shape[2] == 5
    # v2 shows its second stage the picture alone.
    assert deepfill.refine[0].kernel.shape[2] == (3 if gated else 5)
    dilations = [
        layer.dilation_rate if gated else layer.dilation_rate[0] for layer in deepfill.coarse
    ]
    assert dilations == 6 * [1] + [2, 4, 8, 16] + 6 * [1]
    relu = deepfill.attend[5].activation
    assert (relu if gated else relu.__name__) == "relu"


def test_deepfills_pictures_are_between_minus_1_and_1(deepfill):
    for layer in (deepfill.coarse_output, deepfill.refined_output):
        layer.bias.assign([5.0, -5.0, 0.0])
    for output in deepfill(
        [random_features(1, 16, 16, 3), np.ones((1, 16, 16, 1), np.float32)], with_stages=True
    ):
        assert np.abs(output).max() <= 1
        assert np.all(output[..., 0] > 0.9) and np.all(output[..., 1] < -0.9)


@pytest.mark.slow
def test_outputs_have_the_pictures_size_and_range():
    image, hole = random_features(2, 32, 48, 3), np.zeros((2, 32, 48, 1), np.float32)
    hole[:, 8:20, 10:30] = 1
    assert np.abs(MusicalUNet(4)([image, hole])).max() <= 1  # tanh
    unets = CoherentSemanticUNets(4, 4)
    unets.refine.last.bias.assign([5.0, 0.0, 0.0])
    rough, refined, maps = unets([image, hole], with_stages=True)
    assert (
        rough.shape == refined.shape == (2, 32, 48, 3)
        and [m.shape for m in maps] == [(2, 4, 6, 32)] * 2
    )
    assert np.abs(rough).max() <= 1 and np.max(refined) > 3  # tanh; linear


@pytest.mark.slow
def test_depth_of_the_refinement_leaves_out_the_innermost_levels():
    shallow, deep = RefinementUNet(1, 4), RefinementUNet(1, 5)
    assert len(deep.trainable_variables) > len(shallow.trainable_variables)
    assert set(shallow.encoders) == {"1", "2", "3"} and set(shallow.dilated) == {"1", "2", "3", "4"}


def test_musicals_mask_channel_is_1_where_known():
    """The first convolution sees [picture, 1 - hole]."""
    network = MusicalUNet(2)
    network.encoders["1"].kernel.assign(tf.zeros_like(network.encoders["1"].kernel))
    image, hole = random_features(1, 16, 16, 3), np.ones((1, 16, 16, 1), np.float32)
    before = network([image, hole])
    kernel = network.encoders["1"].kernel.numpy()
    kernel[:, :, 3] = 1.0
    network.encoders["1"].kernel.assign(kernel)
    np.testing.assert_array_equal(network([image, hole]), before)  # all is hole: the channel is 0
    assert np.abs(network([image, 1 - hole]) - before).max() > 0
