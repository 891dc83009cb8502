"""Grain for thin holes, in the graph that fills a window.

    filled = added(picture, hole, part)     # float32 [h, w, 3], 0 to 255

The same as grain.py, which says what it does and why.
"""

from typing import Sequence, Tuple

import numpy as np
import tensorflow as tf

from tfinpaint.painting.grain import (
    BRIGHT,
    CELL,
    DARK,
    FLOOR,
    LEAST,
    NEAR,
    NOISE,
    REACH,
    ROUNDING,
    SIDE,
)


def added(picture: tf.Tensor, hole: tf.Tensor, part: tf.Tensor) -> tf.Tensor:
    """The picture with grain in a part of its hole: float32 [h, w, 3].

    picture:  float32 [h, w, 3], 0 to 255: the photograph, and in its hole a fill.
    hole:     bool [h, w, 1]. What is in it does not count as the photograph's grain.
    part:     bool [h, w, 1], the part of the hole that gets grain.
    """
    height, width = tf.unstack(tf.shape(picture)[:2])
    near = tf.cast(hole, tf.float32)[tf.newaxis]
    for _ in range(REACH):
        near = _blurred(near)
    known, inside = tf.cast(near <= 0, tf.float32), tf.cast(part, tf.float32)[tf.newaxis]
    logs = _logs(_bands(picture[tf.newaxis]))
    there, is_there = _strengths(logs, known)  # [1, H, W, 4], [1, H, W, 1]
    brightness = _cells(tf.reduce_mean(picture, -1, keepdims=True)[tf.newaxis])
    clipped = tf.cast((brightness < DARK) | (brightness > BRIGHT), tf.float32)
    floor = _floor(there, is_there & (_near(clipped) < LEAST))
    there = tf.where(is_there, tf.minimum(there, floor), floor)
    lack = tf.sqrt(tf.maximum(tf.square(there) - tf.square(_strengths(logs, inside)[0]), 0.0))

    noise = _bands(tf.constant(NOISE[np.newaxis]))
    strength = tf.exp(tf.reduce_mean(_logs(noise), [0, 1, 2])) - ROUNDING  # [4]
    shares = tf.split(tf.image.resize(lack / strength, [height, width]), 4, -1)
    times = [1, height // SIDE + 1, width // SIDE + 1, 1]
    grain = sum(
        share * tf.tile(band, times)[:, :height, :width] for share, band in zip(shares, noise)
    )
    return tf.where(part, picture + grain[0], picture)


def _bands(pictures: tf.Tensor) -> Tuple[tf.Tensor, ...]:
    """See `grain.bands`: float32 [1, h, w, 3] -> float32 [1, h, w, 1], [1, h, w, 3], and again."""
    found, low = [], _blurred(pictures)
    for band in (pictures - low, low - _blurred(_blurred(low))):
        brightness = tf.reduce_mean(band, -1, keepdims=True)
        found += [brightness, band - brightness]
    return tuple(found)


def _blurred(maps: tf.Tensor) -> tf.Tensor:
    """Means over 3 x 3 pixels with weights 1, 2, 1, mirrored at the border: [1, h, w, n].

    Slices are several times faster here than pooling.
    """
    wider = tf.pad(maps, [[0, 0], [1, 1], [0, 0], [0, 0]], "SYMMETRIC")
    maps = 0.5 * maps + 0.25 * (wider[:, :-2] + wider[:, 2:])
    wider = tf.pad(maps, [[0, 0], [0, 0], [1, 1], [0, 0]], "SYMMETRIC")
    return 0.5 * maps + 0.25 * (wider[:, :, :-2] + wider[:, :, 2:])


def _logs(bands: Sequence[tf.Tensor]) -> tf.Tensor:
    """The logarithm of how large each band is at each place, float32 [1, h, w, 4]."""
    sizes = [tf.reduce_mean(tf.abs(band), -1, keepdims=True) for band in bands]
    return tf.math.log(tf.concat(sizes, -1) + ROUNDING)


def _strengths(logs: tf.Tensor, counted: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
    """The strength of each band near each cell, and whether anything near it was counted.

    logs: float32 [1, h, w, 4].   counted: float32 [1, h, w, 1], 1 where a pixel counts.
    Returns: float32 [1, H, W, 4], 0 where nothing was counted; bool [1, H, W, 1].
    """
    sums = _near(_cells(tf.concat([logs * counted, counted], -1)))
    sums, counts = sums[..., :4], sums[..., 4:]
    is_there = counts > LEAST
    found = tf.exp(sums / tf.maximum(counts, LEAST)) - ROUNDING
    return tf.where(is_there, tf.maximum(found, 0.0), 0.0), is_there


def _near(cells: tf.Tensor) -> tf.Tensor:
    """Means over squares of NEAR cells, twice. Only cells inside the picture count."""
    for _ in range(2):
        cells = tf.nn.avg_pool2d(cells, NEAR, 1, "SAME")
    return cells


def _floor(strengths: tf.Tensor, usable: tf.Tensor) -> tf.Tensor:
    """The strength that FLOOR of the usable cells do not exceed, [4]; 0 if none is usable."""
    ordered = tf.sort(tf.reshape(tf.where(usable, strengths, np.inf), [-1, 4]), 0)
    count = tf.reduce_sum(tf.cast(usable, tf.float32))
    return tf.where(count > 0, ordered[tf.cast(FLOOR * count, tf.int32)], 0.0)


def _cells(maps: tf.Tensor) -> tf.Tensor:
    """Means over cells: [1, h, w, n] -> [1, H, W, n]."""
    return tf.nn.avg_pool2d(maps, CELL, CELL, "SAME")
