import numpy as np
import tensorflow as tf

from tfinpaint.layers.windows import cut


def test_cut_is_slicing():
    images = np.random.default_rng(0).normal(size=(3, 20, 24, 2)).astype(np.float32)
    corners = np.array([[0, 0], [5, 7], [10, 16]])
    found = cut(tf.constant(images), tf.constant(corners, tf.int32), 10, 8)
    for got, image, (row, column) in zip(found, images, corners):
        np.testing.assert_array_equal(got, image[row : row + 10, column : column + 8])
