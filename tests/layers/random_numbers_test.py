import numpy as np
import tensorflow as tf

from tfinpaint.layers.random_numbers import uniform


def test_numbers_are_uniform():
    """Chi-squared over 64 equal parts; three times its mean is beyond any chance that counts."""
    drawn = np.asarray(uniform([200, 100], [3, 4]))
    assert drawn.dtype == np.float32 and drawn.min() >= 0 and drawn.max() < 1
    counts = np.bincount(np.int64(drawn.ravel() * 64), minlength=64)
    expected = drawn.size / 64
    assert np.sum((counts - expected) ** 2 / expected) < 3 * 64


def test_numbers_come_from_the_seed_with_and_without_xla():
    first = uniform([5, 7], [1, 2])
    np.testing.assert_array_equal(first, uniform([5, 7], tf.constant([1, 2], tf.int64)))
    np.testing.assert_array_equal(first, tf.function(uniform, jit_compile=True)([5, 7], [1, 2]))
    assert not np.any(np.equal(first, uniform([5, 7], [1, 3])))
