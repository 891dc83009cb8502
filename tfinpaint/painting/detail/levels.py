"""One level of an image pyramid: the photograph at one size, and places in it.

Tracing and preparing the graph takes most of the time of a first fill. So the code uses as few
operations as it can.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

REACH = 3  # pixels from the middle of a patch to its side
SIZE = 2 * REACH + 1
COARSEST = 48  # approximate longer side of the coarsest level, pixels
COVERED = 0.75  # least share of the known pixels that patches cover at the coarsest level
CHANNELS = 5  # red, green, blue, and the roughness across and down
FADING = 0.5  # certainty of a missing pixel, relative to its neighbour nearer to the known pixels
LEAST_SURE = 0.05  # the least certainty
# The low frequencies of a picture are its means over squares of this side (pixels), taken twice.
LOW = 5


class Level(NamedTuple):
    """The photograph at one size. Places are flat indices: row * width + column.

    size:     int32 [2], height and width.
    height, width: the same, int32 [].
    picture:  float32 [1, h, w, 5]: colours (the guide's where the photograph is missing), and ROUGH
              times the roughness.
    part:     bool [1, h, w, 1], the pixels that are restored.
    sure:     float32 [1, h, w, 1], the certainty of each pixel: 1 outside the part, and less the
              further inside.
    sources:  bool [h * w], the middles of wholly known patches.
    targets:  int32 [n], the middles of patches that touch the part.
    """

    size: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor
    picture: tf.Tensor
    part: tf.Tensor
    sure: tf.Tensor
    sources: tf.Tensor
    targets: tf.Tensor


def first_level(hole: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """The number of the coarsest level: how many times the photograph is halved, int32 [].

    hole: bool [H, W, 1].   size: int32 [2], its height and width.

    The longer side of the level is about COARSEST. A finer level is chosen if wholly known patches
    would cover less than COVERED of the known pixels there. Otherwise a narrow strip of ground
    beside a large hole might contain no patch, and the ground in the hole would be made from sky.
    The number is -1 if no patch is known at any level.
    """
    longer = tf.cast(tf.reduce_max(size), tf.float32)
    number = tf.maximum(
        tf.cast(tf.round(tf.math.log(longer / COARSEST) / np.log(2.0)), tf.int32), 0
    )

    def unusable(number):
        scale = 2 ** tf.maximum(number, 0)
        small = (size + scale - 1) // scale
        # [1, h, w, 1], the missing share of each cell
        missing = tf.image.resize(padded(hole, small * scale - size), small, method="area")
        # Patches lie inside the picture.
        around = [[0, 0], *margins(REACH)]
        outside = tf.pad(missing, around, constant_values=1.0)
        sources = tf.cast(highest(outside, SIZE, "VALID") <= 0, tf.float32)
        covered, known = tf.reduce_sum(highest(sources, SIZE)), tf.reduce_sum(1.0 - missing)
        # At least one patch is needed. At full size, one is enough.
        least = tf.maximum(tf.where(number > 0, COVERED * known, 0.0), 0.5)
        return tf.logical_and(number >= 0, covered < least)

    return tf.while_loop(unusable, lambda number: [number - 1], [number])[0]


def level_of(picture: tf.Tensor, maps: tf.Tensor, size: tf.Tensor, number: tf.Tensor) -> Level:
    """The level that is halved `number` times.

    picture: float32 [1, H, W, 5].   maps: its hole and part, uint8 [1, H, W, 2].
    size: int32 [2], H and W.
    """
    small = size // 2**number
    # The shares of each cell that are hole and part.
    missing, wanted = tf.split(tf.image.resize(maps, small, method="area"), 2, -1)  # [1, h, w, 1]
    part = wanted > 0
    # Only patches inside the picture.
    sources, touching = (
        tf.reshape(tf.pad(map_, [[0, 0], *margins(REACH)]), [-1])
        for map_ in (highest(missing, SIZE, "VALID") <= 0, highest(wanted, SIZE, "VALID") > 0)
    )
    targets = tf.cast(tf.squeeze(tf.where(touching), 1), tf.int32)
    sure = tf.maximum(nearness(part), LEAST_SURE)
    height, width = tf.unstack(small)
    return Level(
        small,
        height,
        width,
        tf.image.resize(picture, small, method="area"),
        part,
        sure,
        sources,
        targets,
    )


def nearness(part: tf.Tensor) -> tf.Tensor:
    """FADING to the power of the distance to the nearest pixel outside the part.

    Distances count diagonal steps as 1. The value is 0 beyond the first distance at which it is
    less than LEAST_SURE.

    bool [1, h, w, 1] -> float32 [1, h, w, 1].
    """
    near = 1.0 - tf.cast(part, tf.float32)
    fading = tf.constant(FADING)
    for _ in range(int(np.ceil(np.log(LEAST_SURE) / np.log(FADING)))):
        near = tf.maximum(near, fading * highest(near, 3))
    return near


def offsets(level: Level) -> tf.Tensor:
    """The flat offsets from the middle of a patch to each of its pixels, int32 [49]."""
    rows, columns = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1].astype(np.int32).reshape(2, -1)
    return rows * level.width + columns


def dense(level: Level, values: tf.Tensor, empty: float) -> tf.Tensor:
    """Values of the targets, [n], as a map of all places, [h * w], `empty` elsewhere."""
    blank = tf.fill(tf.shape(level.sources), tf.constant(empty, values.dtype))
    return tf.tensor_scatter_nd_update(blank, tf.expand_dims(level.targets, 1), values)


def highest(x: tf.Tensor, size: int, padding: str = "SAME") -> tf.Tensor:
    """The maximum over squares of side `size`: float32 [1, h, w, 1]. No pixel beyond counts."""
    return _pooled(x, lambda lines: tf.nn.max_pool2d(lines, [size, 1], 1, padding))


def smoothed(x: tf.Tensor, side: int = LOW) -> tf.Tensor:
    """The low frequencies: float32 [1, h, w, n]. Means count only pixels inside the picture.

    They are means over squares, taken twice.
    """

    def twice(lines):
        for _ in range(2):
            lines = tf.nn.avg_pool2d(lines, [side, 1], 1, "SAME")
        return lines

    return _pooled(x, twice)


def lows(x: tf.Tensor, small: tf.Tensor) -> tf.Tensor:
    """The low frequencies that x has at a smaller size, at its own size: float32 [1, h, w, n].

    small: int32 [2], that height and width.
    """
    reduced = smoothed(tf.image.resize(x, small, method="area"))
    return tf.image.resize(reduced, tf.shape(x)[1:3])


def _pooled(x, pool):
    """[1, h, w, n] pooled down and then, turned, across."""
    for _ in range(2):
        _, height, width, channels = tf.unstack(tf.shape(x))
        # Pooling is many times faster with the values of a row as channels.
        lines = pool(tf.reshape(x, [1, height, 1, width * channels]))
        x = tf.transpose(tf.reshape(lines, [1, -1, width, channels]), [0, 2, 1, 3])
    return x


def margins(reach: int) -> list:
    """What tf.pad takes to add `reach` rows and columns around [h, w, n]."""
    return [[reach, reach], [reach, reach], [0, 0]]


def padded(maps: tf.Tensor, more: tf.Tensor) -> tf.Tensor:
    """bool [h, w, n] -> uint8 [1, H, W, n]. Beyond the picture the first map is 1, the others 0.

    more: int32 [2], rows and columns to add.
    """
    rows, columns = tf.unstack(more)
    first, *others = tf.split(tf.cast(maps, tf.uint8)[tf.newaxis], maps.shape[-1], -1)
    paddings = [[0, 0], [0, rows], [0, columns], [0, 0]]
    return tf.concat(
        [tf.pad(first, paddings, constant_values=1), *(tf.pad(map_, paddings) for map_ in others)],
        -1,
    )
