"""The critics: the sizes of their scores, their padding, and what each score depends on."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.networks import FreeFormCritic, PatchCritic
from tfinpaint.systems.coherent_semantic.critics import FeaturePatchCritic, InstancePatchCritic
from tfinpaint.systems.contextual_attention.wasserstein_critic import WassersteinCritic
from tfinpaint.systems.shift_net.critic import ShiftCritic


def random_images(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def convolution(x, kernel, bias, stride, before, after):
    """Zeros on both sides: `before` rows and columns above and left, `after` below and right. Then
    windows every `stride` pixels."""
    x, k = (
        np.pad(np.asarray(x, np.float64), ((0, 0), (before, after), (before, after), (0, 0))),
        kernel.shape[0],
    )
    rows, columns = ((n - k) // stride + 1 for n in x.shape[1:3])
    output = np.zeros((len(x), rows, columns, kernel.shape[-1])) + bias
    for i, j, u, v in np.ndindex(rows, columns, k, k):
        output[:, i, j] += x[:, i * stride + u, j * stride + v] @ np.asarray(
            kernel[u, v], np.float64
        )
    return output


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


@pytest.mark.parametrize(
    "critic, channels, size, shape",
    [
        (lambda: InstancePatchCritic(4), 3, 256, (30, 30, 1)),
        (lambda: InstancePatchCritic(4), 3, 64, (6, 6, 1)),
        (lambda: PatchCritic(4), 3, 256, (30, 30, 1)),
        (lambda: ShiftCritic(4), 3, 256, (30, 30, 1)),
        (lambda: ShiftCritic(4, "official"), 3, 120, (13, 13, 1)),
        (lambda: FeaturePatchCritic(4), 256, 32, (4, 4, 32)),  # features of 256 x 256 pixels
        (lambda: FeaturePatchCritic(4), 256, 8, (1, 1, 32)),
        (lambda: FreeFormCritic(4), 4, 256, (4, 4, 16)),
        (lambda: FreeFormCritic(4), 4, 64, (1, 1, 16)),
    ],
)
def test_what_a_critic_says(critic, channels, size, shape):
    assert critic()(tf.zeros([2, size, size, channels])).shape == (2, *shape)


@pytest.mark.parametrize("last, dense", [(4, 4), (8, 8)])
def test_wasserstein_critic_weighs_all_that_is_left(last, dense):
    critic = WassersteinCritic(64, 4, last)
    assert critic(tf.zeros([2, 64, 64, 3])).shape == (2, 1)
    assert critic.score.kernel.shape == (4 * 4 * 4 * dense, 1)
    assert [c.filters for c in critic.convolutions] == [4, 8, 16, 4 * last]


def test_wasserstein_critic_pads_as_tensorflow_does():
    """5 x 5 at stride 2: one row above, two below (for an even picture). All layers against
    loops."""
    critic = WassersteinCritic(16, 2, 4)
    for variable in critic.variables:
        variable.assign(np.random.default_rng(1).normal(0, 0.3, variable.shape))
    x = images = random_images(2, 16, 16, 3)
    for layer in critic.convolutions:
        x = leaky(convolution(x, layer.kernel.numpy(), layer.bias.numpy(), 2, 1, 2))
    assert x.shape == (2, 1, 1, 8)
    expected = x.reshape(2, -1) @ critic.score.kernel.numpy() + critic.score.bias.numpy()
    np.testing.assert_allclose(critic(images), expected, rtol=1e-4, atol=1e-5)


def test_wasserstein_critic_has_no_bound_and_judges_each_picture_by_itself():
    critic = WassersteinCritic(16, 2)
    images = random_images(3, 16, 16, 3)
    # Leaky ReLU and no bias yet: homogeneous.
    np.testing.assert_allclose(critic(1e3 * images), 1e3 * critic(images), rtol=1e-3)
    np.testing.assert_allclose(critic(images)[1:2], critic(images[1:2]), rtol=1e-4, atol=1e-6)


def test_instance_patch_critic_against_loops():
    """4 x 4 windows, padding 1. Four layers, of which all but the first are normalised, then the
    score, without a sigmoid."""
    critic = InstancePatchCritic(2)
    for variable in critic.variables:
        variable.assign(np.random.default_rng(len(variable.shape)).normal(0.5, 0.3, variable.shape))
    x = images = random_images(2, 32, 32, 3)
    for layer, norm in zip(critic.convolutions, [None, *critic.norms]):
        x = convolution(x, layer.kernel.numpy(), layer.bias.numpy(), layer.strides[0], 1, 1)
        if norm is not None:
            x = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
            x = x * norm.gamma.numpy() + norm.beta.numpy()
        x = leaky(x)
    assert x.shape == (2, 3, 3, 16)  # 16, 8, 4, 3
    expected = convolution(x, critic.score.kernel.numpy(), critic.score.bias.numpy(), 1, 1, 1)
    np.testing.assert_allclose(critic(images), expected, rtol=1e-3, atol=1e-3)


def test_instance_patch_critic_looks_at_70_pixels():
    """Without its norms, which see the whole picture, a score depends on a window of 70 x 70 and on
    nothing else."""
    critic = InstancePatchCritic(1)
    for variable in critic.variables:
        variable.assign(
            tf.ones_like(variable) / 16 if "kernel" in variable.name else tf.zeros_like(variable)
        )
    critic.norms = [tf.identity] * 3
    image = tf.Variable(tf.ones([1, 128, 128, 3]))
    with tf.GradientTape() as tape:
        score = critic(image)[0, 7, 7, 0]
    seen = np.argwhere(np.abs(tape.gradient(score, image)[0]).max(-1) > 0)
    assert (seen.max(0) - seen.min(0) + 1).tolist() == [70, 70] and len(seen) == 70 * 70


def test_patch_critic_against_loops():
    critic = PatchCritic(2)
    x = images = random_images(1, 32, 32, 3)
    for k, layer in enumerate(critic.convolutions):
        assert layer.layer.bias is None
        x = convolution(x, layer.layer.kernel.numpy(), 0, layer.layer.strides[0], 1, 1)
        x = leaky(x) if k < 4 else x
    assert x.shape == (1, 2, 2, 1)
    np.testing.assert_allclose(critic(images), x, rtol=1e-3, atol=1e-7)


def test_free_form_critic_pads_as_tensorflow_does():
    critic = FreeFormCritic(2)
    x = images = random_images(1, 64, 64, 4)
    for k, layer in enumerate(critic.convolutions):
        # 5 x 5 at stride 2: even pictures are padded by 1 before and 2 after.
        x = convolution(x, layer.layer.kernel.numpy(), layer.layer.bias.numpy(), 2, 1, 2)
        x = leaky(x) if k < 5 else x
    np.testing.assert_allclose(critic(images), x, rtol=1e-4, atol=1e-6)


def test_spectral_critics_change_their_kernels_in_training_only():
    for critic, channels in ((PatchCritic(2), 3), (FreeFormCritic(2), 4)):
        images = random_images(1, 64, 64, channels)
        start = [v.numpy() for v in critic.variables]
        critic(images)
        assert all(np.array_equal(a, b) for a, b in zip(start, critic.variables, strict=True))
        critic(images, training=True)
        assert not np.array_equal(start[0], critic.variables[0])
        kernels = [c.layer.kernel.numpy() for c in critic.convolutions]
        # Each has an initializer of its own: no two layers start from the same numbers.
        assert len({k[0, 0, 0, 0] for k in kernels}) == len(kernels)


def test_feature_patch_critic_normalises_the_middle_without_scale_and_shift():
    critic = FeaturePatchCritic(1)
    assert [v.shape.as_list() for v in critic.trainable_variables] == [
        [4, 4, 256, 8],
        [8],
        [4, 4, 8, 8],
        [8],
        [4, 4, 8, 8],
        [8],
    ]
    x = features = random_images(2, 16, 16, 256)
    for k, layer in enumerate(critic.convolutions):
        x = convolution(x, layer.kernel.numpy(), layer.bias.numpy(), 2, 1, 1)
        if k == 1:
            x = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
        x = leaky(x) if k < 2 else x
    assert x.shape == (2, 2, 2, 8)
    np.testing.assert_allclose(critic(features), x, rtol=1e-3, atol=1e-5)
