"""Distance fields of random smooth blobs, shaped like objects removed from photographs.

A field holds one to three blobs, which may overlap. A blob is a disc with a wavy radius,
r(angle) = R (1 + sum over k of a_k cos(k angle + p_k)), k = 2 to 6, stretched in a random direction
so that it is up to 2.5 times as long as wide.

Conventions: lengths and fields as in `distance_fields`. A blob's centre is the centre of a cell, so
    that angles can come from a table. All other numbers are products and sums of whole numbers
    below 2^24, divided by powers of 2 and rounded, so every device finds the same values.
"""

from typing import Callable

import numpy as np
import tensorflow as tf

from tfinpaint.data.distance_fields import CELLS, SIDE, centres

_MOST = 3  # blobs in a field
_CIRCLE = 1024  # angles are multiples of 1 / _CIRCLE of the circle
_ONE = 256  # cosines and factors are multiples of 1 / _ONE
_HARMONICS = np.arange(2, 7)
# the most by which all harmonics together may change the radius, in units of 1 / _ONE
_SWING = 96
_FARTHEST = 2000.0  # `distance_fields.enlarge` is exact up to here
_LONGEST = 2.5  # largest ratio of the sides of a stretched disc


def random_objects_field(numbers: Callable[[int], tf.Tensor], share: tf.Tensor) -> tf.Tensor:
    """A field of one, two or three blobs, with equal probability.

    Args:
        numbers: `numbers(n)` draws uniform float32 [B, n] in [0, 1).
        share: float32 [B], the area of all blobs together, as a share of the square, if none
            overlaps another one or the border.

    Returns:
        float32 [B, 64, 64].
    """
    count = 1 + tf.floor(_MOST * numbers(1))  # [B, 1]
    # no blob is more than four times as large as another
    weight = 64 + tf.floor(192 * numbers(_MOST))
    weight = tf.where(tf.range(_MOST, dtype=tf.float32) < count, weight, 0.0)
    part = weight / tf.reduce_sum(weight, 1, keepdims=True)
    radius = tf.round(tf.sqrt(share[:, tf.newaxis] * part) * (SIDE / np.sqrt(np.pi)))  # [B, 3]
    # [3 B, 64, 64]
    blobs = _blobs(lambda n: tf.reshape(numbers(_MOST * n), [-1, n]), tf.reshape(radius, [-1]))
    blobs = tf.reshape(blobs, [-1, _MOST, CELLS, CELLS])
    return tf.reduce_min(tf.where((weight > 0)[..., tf.newaxis, tf.newaxis], blobs, _FARTHEST), 1)


def _blobs(numbers, radius) -> tf.Tensor:
    """Fields [N, 64, 64] of one blob each. radius: [N], of its disc before stretching."""
    # The centre is far enough from the border that most of the blob is inside.
    margin = tf.minimum(tf.floor(radius * (0.75 * CELLS / SIDE)), CELLS // 2 - 1)  # [N], cells
    row, column = tf.unstack(
        margin[:, tf.newaxis] + tf.floor(numbers(2) * (CELLS - 2 * margin)[:, tf.newaxis]), axis=1
    )
    down, right = _offsets(row)[:, :, tf.newaxis], _offsets(column)[:, tf.newaxis, :]

    # Offsets from the centre in the turned frame, shortened along it and lengthened across it by
    # the same factor.
    turn = _index(numbers(1), _CIRCLE)  # [N, 1]
    # [N, 1, 1]
    cosine, sine = (tf.gather(table, turn)[..., tf.newaxis] for table in (_COSINES, _SINES))
    shape = _index(numbers(1), len(_SHORTER))
    shorter, longer = (tf.gather(table, shape)[..., tf.newaxis] for table in (_SHORTER, _LONGER))
    # [N, 64, 64]
    along = tf.round(tf.round((right * cosine + down * sine) / _ONE) * shorter / _ONE)
    across = tf.round(tf.round((down * cosine - right * sine) / _ONE) * longer / _ONE)
    distance = tf.round(tf.sqrt(along * along + across * across))

    return tf.minimum(distance - _looked_up(_outlines(numbers, radius), row, column), _FARTHEST)


def _outlines(numbers, radius) -> tf.Tensor:
    """The radius of each blob at each angle, [N, 1024]."""
    swing = tf.floor(numbers(1) * _SWING)  # [N, 1], of all harmonics together
    weight = tf.floor((1 + tf.floor(numbers(len(_HARMONICS)) * 64)) * _FADE / _ONE)  # [N, 5]
    # In units of 1 / _ONE of the radius. Half a unit is added so that no quotient is a whole
    # number, which rounding might move to either side.
    amplitude = tf.floor((weight * swing + 0.5) / tf.reduce_sum(weight, 1, keepdims=True))
    phase = _index(numbers(len(_HARMONICS)), _CIRCLE)  # [N, 5]
    # [N, 5, 1024]
    at = np.outer(_HARMONICS, np.arange(_CIRCLE)).astype(np.int32) + phase[..., tf.newaxis]
    # in units of 1 / _ONE^2
    wave = tf.reduce_sum(
        amplitude[..., tf.newaxis] * tf.gather(_COSINES, tf.bitwise.bitwise_and(at, _CIRCLE - 1)), 1
    )
    return tf.round(radius[:, tf.newaxis] * (_ONE + tf.round(wave / _ONE)) / _ONE)


def _index(numbers, count: int) -> tf.Tensor:
    """Uniform numbers as indices below `count`, int32."""
    return tf.cast(tf.floor(numbers * count), tf.int32)


def _looked_up(outline, row, column) -> tf.Tensor:
    """The outline [N, 1024] at the angle of each cell, seen from the cell at (row, column).

    row, column: [N]. Returns [N, 64, 64].
    """
    cells = np.arange(CELLS)
    rows = CELLS - 1 + cells - tf.cast(row, tf.int32)[:, tf.newaxis]  # [N, 64], of the table
    columns = CELLS - 1 + cells - tf.cast(column, tf.int32)[:, tf.newaxis]
    lines = tf.gather(_ANGLES, rows)  # [N, 64, 127]
    angles = tf.gather(lines, columns, axis=2, batch_dims=1)  # [N, 64, 64]
    flat = tf.reshape(angles, [-1, CELLS * CELLS])
    return tf.reshape(tf.gather(outline, flat, axis=1, batch_dims=1), [-1, CELLS, CELLS])


def _offsets(at) -> tf.Tensor:
    """Offsets from the centre of the cell `at` [N] to the centres of all cells, [N, 64]."""
    return centres() - (at * (SIDE // CELLS) + SIDE // CELLS // 2)[:, tf.newaxis]


def _table(values) -> np.ndarray:
    return np.round(values).astype(np.float32)


# Tables, because cosines, angles and powers differ in their last bit between devices.
_COSINES, _SINES = (
    _table(_ONE * function(2 * np.pi * np.arange(_CIRCLE) / _CIRCLE))
    for function in (np.cos, np.sin)
)
_SHORTER = _table(_ONE * _LONGEST ** np.linspace(0, -0.5, 33))
_LONGER = _table(_ONE * _LONGEST ** np.linspace(0, 0.5, 33))
_FADE = _table(_ONE * 2 / _HARMONICS)  # lower harmonics get larger amplitudes
_DOWN, _RIGHT = np.mgrid[1 - CELLS : CELLS, 1 - CELLS : CELLS]
# [127, 127]
_ANGLES = np.round(np.arctan2(_DOWN, _RIGHT) * _CIRCLE / (2 * np.pi)).astype(np.int32) % _CIRCLE
