"""Random rectangles: as holes of an exact share, and as fields to be joined with strokes."""

import math
from typing import Callable, Tuple

import numpy as np
import tensorflow as tf

from tfinpaint.data.distance_fields import SIDE, centres


def random_box(
    drawn: Callable[[], tf.Tensor], size: int, limits: Tuple[int, int], aspect: float = 2.0
) -> tf.Tensor:
    """One rectangle in each image, of a uniformly drawn area, at a uniformly drawn position.

    Args:
        drawn: draws uniform float32 [B] in [0, 1).
        size: S, side of the image in pixels.
        limits: fewest and most pixels of the rectangle, at least `size` apart.
        aspect: at least 1. The longer side is up to `aspect` times the other if that fits. With 1
            the rectangle is a square if there is one within the limits.

    Returns:
        float32 [B, S, S, 1], 1 = inside.
    """
    fewest, most = limits
    area = fewest + drawn() * (most - fewest)  # [B]
    stretch = _stretch(drawn, aspect)
    height = tf.clip_by_value(tf.round(tf.sqrt(area) * stretch), math.ceil(fewest / size), size)
    height = tf.maximum(height, tf.math.ceil(area / size))
    width = area / height
    if aspect == 1:
        height -= tf.cast(height * height > most, tf.float32)
        height += tf.cast(height * height < fewest, tf.float32)
        width = height
    rows = tf.cast(height, tf.int32)
    # The limits are `size` apart, so some whole number always lies between these two.
    columns = tf.cast(tf.round(width), tf.int32)
    columns = tf.clip_by_value(columns, (fewest + rows - 1) // rows, tf.minimum(most // rows, size))
    width = tf.cast(columns, tf.float32)
    top = tf.floor(drawn() * (size - height + 1))
    left = tf.floor(drawn() * (size - width + 1))
    at = tf.range(size, dtype=tf.float32)[tf.newaxis]  # [1, S]

    def between(first, count):  # [B, S]
        return (at >= first[:, tf.newaxis]) & (at < (first + count)[:, tf.newaxis])

    inside = between(top, height)[:, :, tf.newaxis] & between(left, width)[:, tf.newaxis, :]
    return tf.cast(inside, tf.float32)[..., tf.newaxis]


def random_box_field(drawn: Callable[[], tf.Tensor], share: tf.Tensor) -> tf.Tensor:
    """Fields [B, 64, 64] of a rectangle that covers `share` [B] of the square and lies inside it.

    drawn: draws uniform float32 [B] in [0, 1).
    """
    half = tf.sqrt(share) * (SIDE / 2)  # [B]
    stretch = _stretch(drawn)
    half_height = tf.clip_by_value(tf.round(half * stretch), 1, SIDE / 2)
    half_width = tf.clip_by_value(tf.round(half / stretch), 1, SIDE / 2)
    centre_y = half_height + tf.round(drawn() * (SIDE - 2 * half_height))
    centre_x = half_width + tf.round(drawn() * (SIDE - 2 * half_width))
    beyond_y = tf.abs(centres() - centre_y[:, tf.newaxis]) - half_height[:, tf.newaxis]  # [B, 64]
    beyond_x = tf.abs(centres() - centre_x[:, tf.newaxis]) - half_width[:, tf.newaxis]
    return tf.maximum(beyond_y[:, :, tf.newaxis], beyond_x[:, tf.newaxis, :])


def _stretch(drawn, aspect: float = 2.0) -> tf.Tensor:
    """The square root of a log-uniform aspect ratio, [B].

    It comes from a table, because devices compute powers differently.
    """
    table = tf.constant(aspect ** np.linspace(-0.5, 0.5, 65), tf.float32)
    return tf.gather(table, tf.cast(tf.round(64 * drawn()), tf.int32))
