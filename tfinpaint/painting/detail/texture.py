"""The roughness and contrast of a photograph at each place.

The hole is expected to have the roughness and contrast of known places that are near and have the
guide's colour.

Reference: Newson et al., Video inpainting of complex scenes, 2014, section 3.3 (texture features).
"""

import tensorflow as tf

from tfinpaint.painting.detail.levels import COARSEST, SIZE, smoothed

# How far a known place counts: colour difference in grey levels, distance in cells of the coarsest
# size. At these values its weight falls to 1 / e.
ALIKE, NEARBY = 20.0, 12.0
BROAD = 32  # pixels: side of the surroundings with which a place is contrasted


def roughness(picture: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
    """How much neighbours differ in brightness, across and down, in grey levels.

    picture float32 [h, w, 3], hole bool [h, w, 1] -> float32 [h, w, 2].

    It is the mean over the known pixels of a 7 x 7 square. In the hole it is the mean of known
    places that are near and have the guide's colour.
    """
    known = 1.0 - tf.cast(hole, tf.float32)[tf.newaxis]
    grey = tf.reduce_mean(picture, -1, keepdims=True)[tf.newaxis]  # [1, h, w, 1]
    # Of two known pixels; the first column and row have none before them.
    pairs = [known * tf.roll(known, 1, axis) * _after_first(known, axis) for axis in (2, 1)]
    steps = [pair * tf.abs(grey - tf.roll(grey, 1, axis)) for axis, pair in zip((2, 1), pairs)]
    found = tf.concat([*steps, *pairs], -1)  # [1, h, w, 4]
    expected = _expected(picture, tf.concat(steps, -1), tf.concat(pairs, -1))
    total, count = tf.split(tf.nn.avg_pool2d(found, SIZE, 1, "SAME"), 2, -1)
    return tf.where(hole | (count == 0), expected, total / tf.maximum(count, 1e-12))[0]


def _after_first(maps, axis):
    """1 but for 0 in the first row (axis 1) or column (axis 2) of [1, h, w, 1]."""
    later = tf.cast(tf.range(tf.shape(maps)[axis]) > 0, tf.float32)
    return tf.reshape(later, [1, -1, 1, 1] if axis == 1 else [1, 1, -1, 1])


def contrast(picture: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
    """How far the smoothed colours of a place are from those of its surroundings, in grey levels.

    picture float32 [h, w, 3], hole bool [h, w, 1] -> float32 [h, w, 1].

    At every place, known or not, it is the mean of known places that are near and have its colour.
    """
    size, whole = tf.shape(hole)[:2], picture[tf.newaxis]
    broad = tf.image.resize(whole, tf.maximum(size // BROAD, 1), method="area")
    apart = smoothed(whole) - smoothed(tf.image.resize(broad, size))  # [1, h, w, 3]
    apart = smoothed(tf.reduce_max(tf.abs(apart), -1, keepdims=True))
    known = 1.0 - tf.cast(hole, tf.float32)[tf.newaxis]
    return _expected(picture, known * apart, known)[0]


def _expected(picture, sums, counts):
    """At each place, the mean of the known values that are near it and have its colour.

    picture: float32 [h, w, 3].
    sums, counts: float32 [1, h, w, n], the known values and their number, 0 in the hole.
    Returns: float32 [1, h, w, n].
    """
    size, n = tf.shape(picture)[:2], sums.shape[-1]
    # Cells of the coarsest size, each compared with all others: c is at most 48 * 48.
    small = tf.minimum(size, COARSEST)
    cells = tf.image.resize(
        tf.concat([picture[tf.newaxis], sums, counts], -1), small, method="area"
    )
    colours, sums, counts = tf.split(tf.reshape(cells, [-1, 3 + 2 * n]), [3, n, n], -1)  # [c, ...]
    numbers = tf.range(tf.size(colours) // 3)
    # Places are in cells.
    places = tf.cast(tf.stack([numbers // small[1], numbers % small[1]], -1), tf.float32)  # [c, 2]
    at = tf.concat([colours * (1 / ALIKE), places * (1 / NEARBY)], -1)  # [c, 5]
    squares = tf.reduce_sum(tf.square(at), -1, keepdims=True)
    # At most 60, so that weights stay above 0.
    far = tf.minimum(
        squares + tf.transpose(squares) - 2.0 * tf.matmul(at, at, transpose_b=True), 60.0
    )
    weights = tf.exp(-far)  # [c, c]
    expected = tf.matmul(weights, sums) / tf.maximum(tf.matmul(weights, counts), 1e-30)  # [c, n]
    return tf.image.resize(tf.reshape(expected, [1, *tf.unstack(small), n]), size)
