"""Random brush strokes: chains of line segments, painted into a field.

Conventions: lengths and fields as in `distance_fields`; directions are 1/1024 of a circle.
Reference: Yu et al., Free-Form Image Inpainting with Gated Convolution, ICCV 2019, algorithm 1.
    Two things differ from the paper's code. A stroke starts in any direction and its turns add up,
    whereas in that code every stroke runs from left to right. And a stroke is reflected at the
    border, not clipped to it.
"""

import math
from typing import Callable

import numpy as np
import tensorflow as tf

from tfinpaint.data.distance_fields import FAR, FEWEST, SIDE, UNIT, busiest, centres, inside
from tfinpaint.settings import HoleSettings

_CIRCLE = 1024
_LONGEST = 256.0  # longest segment and widest brush, in pixels of a 256-pixel square
_SMALL = 0.02  # below this share of missing pixels the brush shrinks


def random_chain(
    numbers: Callable[[int], tf.Tensor], share: tf.Tensor, settings: HoleSettings
) -> tf.Tensor:
    """Random segments of strokes, stroke after stroke, enough for the upper bound of the share.

    Args:
        numbers: `numbers(n)` draws uniform float32 [B, n] in [0, 1).
        share: float32 [B], wanted share of missing pixels. Under 2 %, widths and lengths shrink
            with its square root, because one dab of an ordinary brush would already be too much.

    Returns:
        float32 [K, B, 6]: x and y of the start, vector to the end (x, y), 1 / its squared length,
        half the brush width. K is static.
    """
    count = segments(settings)
    fewest, most = (corners - 1 for corners in settings.stroke_vertices)  # segments of one stroke
    stroke_count = math.ceil(count / fewest)
    brush = tf.minimum(tf.sqrt(share / _SMALL), 1.0)[:, tf.newaxis]  # [B, 1]

    # The lengths of all strokes, [B, J], give the stroke of each segment and the first segment of
    # that stroke, [B, K].
    lengths = tf.minimum(
        fewest + tf.floor(numbers(stroke_count) * (most - fewest + 1)), float(count)
    )
    ends = tf.cumsum(lengths, axis=1)
    place = tf.range(count, dtype=tf.float32)  # [K]
    stroke = tf.reduce_sum(tf.cast(ends[:, :, tf.newaxis] <= place, tf.int32), 1)
    first = tf.cast(_take(ends - lengths, stroke), tf.int32)

    # Directions: the turns of a stroke, to alternating sides, are added up.
    mean, spread = (degrees * _CIRCLE / 360 for degrees in settings.stroke_angle)
    turn = tf.round(mean + spread * (2 * numbers(count) - 1))
    side = _take(tf.where(numbers(stroke_count) < 0.5, -1.0, 1.0), stroke)
    turns = tf.cumsum(turn * side * (1 - 2 * (place % 2)), axis=1)
    heading = _take(tf.floor(numbers(stroke_count) * _CIRCLE), stroke) + turns - _take(turns, first)
    heading = tf.cast(tf.math.floormod(heading, _CIRCLE), tf.int32)

    # Lengths: the mean of two uniform numbers, from 0 to twice the mean length, in place of the
    # clipped normal of the paper's code.
    longest = 2 * min(settings.stroke_length, _LONGEST) * UNIT
    length = brush * ((numbers(count) + numbers(count)) * (longest / 2))
    low, high = (min(width, _LONGEST) * UNIT / 2 for width in settings.stroke_width)
    half_width = tf.round(brush * (low + _take(numbers(stroke_count), stroke) * (high - low)))

    circle = 2 * np.pi * np.arange(_CIRCLE) / _CIRCLE
    starts, vectors = [], []
    # Tables, because cosines differ in their last bit between devices.
    for table in (np.cos(circle), np.sin(circle)):
        move = tf.round(length * tf.gather(tf.constant(table, tf.float32), heading))
        path = tf.cumsum(move, axis=1)
        origin = _take(tf.floor(numbers(stroke_count) * SIDE), stroke)
        start = origin + (path - move) - _take(path - move, first)
        starts.append(_mirrored(start))
        vectors.append(_mirrored(start + move) - starts[-1])
    squared = vectors[0] * vectors[0] + vectors[1] * vectors[1]
    chain = tf.stack([*starts, *vectors, 1 / tf.maximum(squared, 1.0), half_width])  # [6, B, K]
    return tf.transpose(chain, [2, 1, 0])


# Compiled: a segment is forty operations on small fields. Without compiling, calling them would
# take four times as long as their arithmetic.
@tf.function(jit_compile=True)
def paint(field: tf.Tensor, chain: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Paints segments into fields, one after another, until the wanted area is reached.

    Args:
        field: float32 [B, 64, 64], the fields so far (FAR where nothing is painted).
        chain: float32 [K, B, 6] of `random_chain`.
        wanted: float32 [B], the number of cells to be inside. Painting stops at the segment that
            comes closest, or at the end of the chain.

    Returns:
        float32 [B, 64, 64].

    It is compiled once for each B and K, which takes a quarter of a second.
    """
    return _paint(0, field, inside(field), tf.ones_like(wanted, tf.bool), chain, wanted)


def _paint(index, field, count, active, chain, wanted):
    """`paint` from segment `index` on.

    `count` cells are inside, and only `active` fields take more segments.
    """
    at = centres()  # [1, 64]
    batch = field.shape[0]
    half = batch // 2 if batch and batch >= 2 * FEWEST else 0

    def more(index, field, count, active):
        del field, count
        return (index < chain.shape[0]) & (tf.reduce_sum(tf.cast(active, tf.int32)) > half)

    def add(index, field, count, active):
        # [B, 1, 1]
        x, y, along_x, along_y, per_length, half_width = tf.unstack(
            chain[index][..., tf.newaxis, tf.newaxis], axis=1
        )
        to_x = at[:, tf.newaxis, :] - x  # [B, 1, 64]
        to_y = at[:, :, tf.newaxis] - y  # [B, 64, 1]
        # The nearest point of the segment is rounded to whole units. All arithmetic after that is
        # exact, with or without fused multiply-adds.
        part = tf.clip_by_value((to_x * along_x + to_y * along_y) * per_length, 0.0, 1.0)
        off_x = to_x - tf.round(part * along_x)
        off_y = to_y - tf.round(part * along_y)
        distance = tf.round(tf.sqrt(off_x * off_x + off_y * off_y))
        half_width = tf.where(active[:, tf.newaxis, tf.newaxis], half_width, -2 * FAR)
        field = tf.minimum(field, distance - half_width)
        now = inside(field)
        # Stops if half of another such segment would reach the wanted area: going on would then
        # miss it by more.
        return index + 1, field, now, active & (now + (now - count) / 2 < wanted)

    index, field, count, active = tf.while_loop(more, add, [index, field, count, active])
    if not half:
        return field
    rest = busiest(active, half)
    state = [tf.gather(x, rest) for x in (field, count, active)]
    painted = _paint(index, *state, tf.gather(chain, rest, axis=1), tf.gather(wanted, rest))
    return tf.tensor_scatter_nd_update(field, rest[:, tf.newaxis], painted)


def segments(settings: HoleSettings) -> int:
    """How many segments a chain has: more than the upper bound needs on average, at most 256."""
    width = min(sum(settings.stroke_width) / 2, _LONGEST)
    one = (min(settings.stroke_length, _LONGEST) * width + width**2 / 4) / 256**2
    return min(256, 8 + math.ceil(-2 * math.log(1 - settings.bounds[1]) / one))


def _take(values, index) -> tf.Tensor:
    """values [B, N] at index [B, K] -> [B, K]."""
    return tf.gather(values, index, axis=1, batch_dims=1)


def _mirrored(at) -> tf.Tensor:
    """Coordinates outside the square mirrored back into it."""
    return SIDE - tf.abs(tf.math.floormod(at, 2.0 * SIDE) - SIDE)
