"""How rough a photograph is at each place, and how rough its hole is expected to be.

Reference: Newson et al., Video inpainting of complex scenes, 2014, section 3.3 (texture features).
"""

import tensorflow as tf

from tfinpaint.detail.levels import COARSEST, SIZE

# Grey levels and cells (of the coarsest size) over which an expected roughness holds.
ALIKE, NEARBY = 20.0, 12.0


def roughness(picture: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
    """How much neighbours differ in brightness, across and down, in grey levels.

    picture float32 [h, w, 3], hole bool [h, w, 1] -> float32 [h, w, 2].

    It is the mean over the known pixels of 7 x 7. In the hole it is the mean of known places that
    are near and have the guide's colour.
    """
    size, known = tf.shape(hole)[:2], 1.0 - tf.cast(hole, tf.float32)[tf.newaxis]
    grey = tf.reduce_mean(picture, -1, keepdims=True)[tf.newaxis]  # [1, h, w, 1]
    pairs = [known * tf.roll(known, 1, axis) for axis in (2, 1)]  # of two known pixels
    steps = [pair * tf.abs(grey - tf.roll(grey, 1, axis)) for axis, pair in zip((2, 1), pairs)]
    found = tf.concat([*steps, *pairs], -1)  # [1, h, w, 4]

    # Cells of the coarsest size, each compared with all others: n is at most 48 * 48.
    small = tf.minimum(size, COARSEST)
    cells = tf.image.resize(tf.concat([picture[tf.newaxis], found], -1), small, method="area")
    colours, steps, pairs = tf.split(tf.reshape(cells, [-1, 7]), [3, 2, 2], -1)  # [n, ...]
    numbers = tf.range(tf.size(colours) // 3)
    # Places are in cells.
    places = tf.cast(tf.stack([numbers // small[1], numbers % small[1]], -1), tf.float32)  # [n, 2]
    at = tf.concat([colours / ALIKE, places / NEARBY], -1)  # [n, 5]
    squares = tf.reduce_sum(at**2, -1, keepdims=True)
    # At most 60, so that weights stay above 0.
    far = tf.minimum(
        squares + tf.transpose(squares) - 2.0 * tf.matmul(at, at, transpose_b=True), 60.0
    )
    weights = tf.exp(-far)  # [n, n]
    expected = tf.matmul(weights, steps) / tf.maximum(tf.matmul(weights, pairs), 1e-30)  # [n, 2]
    expected = tf.image.resize(tf.reshape(expected, [1, *tf.unstack(small), 2]), size)

    total, count = tf.split(tf.nn.avg_pool2d(found, SIZE, 1, "SAME"), 2, -1)
    return tf.where(hole | (count == 0), expected, total / tf.maximum(count, 1e-12))[0]
