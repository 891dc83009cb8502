"""How windows become what a network takes: mirrored to its stride, reduced, and enlarged again."""

import types

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.painting.fitting import Fitting
from tfinpaint.painting.painter import Painter


def fitting(stride=8, smallest=1, working_size=64):
    made = Fitting()
    made.stride, made.smallest, made.working_size = stride, smallest, working_size
    return made


@pytest.mark.parametrize("height, width", [(1, 3), (8, 9), (13, 40), (5, 16)])
def test_sides_are_extended_by_mirroring_as_often_as_needed(height, width):
    """NumPy's "symmetric" includes the edge too."""
    array = np.random.default_rng(0).uniform(size=(height, width, 2)).astype(np.float32)
    for stride, smallest in ((8, 1), (8, 24)):
        sides = [max(-(-side // stride) * stride, smallest) for side in (height, width)]
        more = [(0, side - old) for side, old in zip(sides, (height, width))]
        extended = fitting(stride, smallest)._extended(tf.constant(array))
        np.testing.assert_array_equal(extended, np.pad(array, [*more, (0, 0)], "symmetric"))


def test_a_fill_is_enlarged_smoothly():
    """Waves of 8 pixels, of which straight lines between pixels would lose 6 % of the height."""

    def waves(side):
        at = 2 * np.pi * (np.arange(side) + 0.5) / side * 8
        return np.add.outer(np.sin(at), np.cos(at))[..., np.newaxis].repeat(3, -1)

    small = tf.constant(128 + 50 * waves(64), tf.float32)
    shown = tf.ones([64, 64, 1], tf.bool)
    large = fitting()._enlarged(small, tf.zeros_like(small), shown, tf.constant([128, 128]))
    inner = np.s_[8:-8, 8:-8]
    assert np.abs(large - (128 + 50 * waves(128)))[inner].max() < 2.5  # 6 by straight lines


@pytest.mark.parametrize(
    "image_size, stride, expected", [(256, 64, 512), (64, 8, 128), (100, 48, 192), (8, 64, 64)]
)
def test_windows_are_up_to_twice_as_large_as_the_squares_of_training(image_size, stride, expected):
    system = types.SimpleNamespace(stride=stride)
    assert Painter(system, image_size).working_size == expected
