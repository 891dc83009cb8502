"""Resamples a square window of a photograph to n x n cells, and back.

    small = cut(photo, rows, columns, n)            # [H, W, C] -> [n, n, C], area means
    large = enlarge(small, rows, columns, (H, W))   # back, bicubic; 0 far from the window

`rows` and `columns` say where the window begins and how many pixels make a cell (`Axis`). A window
may extend beyond the photograph. The photograph is then continued by mirroring at its edge, with
the edge pixel repeated, as often as needed.

Both functions multiply by one matrix for the rows and one for the columns. So shapes do not depend
on values, as TFLite requires, and at scale 1 pixels keep their values.
"""

from typing import NamedTuple, Tuple

import tensorflow as tf


class Axis(NamedTuple):
    """A window along one axis, in pixels of the photograph, float32 scalars.

    begin: position of the beginning of the first cell; may be below 0.
    scale: the size of a cell, at least 1.
    """

    begin: tf.Tensor
    scale: tf.Tensor


def cut(photo: tf.Tensor, rows: Axis, columns: Axis, cells: int) -> tf.Tensor:
    """float32 [H, W, C] -> [cells, cells, C]. Each cell is the mean of the area that it covers."""
    size = tf.shape(photo)
    return _product(_coverage(rows, size[0], cells), _coverage(columns, size[1], cells), photo)


def enlarge(window: tf.Tensor, rows: Axis, columns: Axis, size: Tuple) -> tf.Tensor:
    """float32 [n, n, C] -> [H, W, C], with Keys' cubic interpolation, as TensorFlow's "bicubic".

    size: (H, W), ints or integer scalars. Pixels two cells or more outside of the window are 0.
    """
    cells = window.shape[0]
    return _product(_cubics(rows, size[0], cells), _cubics(columns, size[1], cells), window)


def _product(rows, columns, array):
    """rows [h, H], columns [w, W], array [H, W, C] -> [h, w, C]."""
    size, channels = tf.shape(array), array.shape[2]
    height, width = tf.shape(rows)[0], tf.shape(columns)[0]
    array = tf.matmul(rows, tf.reshape(array, [size[0], size[1] * channels]))  # [h, W C]
    array = tf.transpose(tf.reshape(array, [height, size[1], channels]), [1, 0, 2])  # [W, h, C]
    array = tf.matmul(columns, tf.reshape(array, [size[1], height * channels]))  # [w, h C]
    return tf.transpose(tf.reshape(array, [width, height, channels]), [1, 0, 2])


def _coverage(axis, side, cells):
    """The share of each cell that the copies of each pixel cover, [cells, side]."""
    side = tf.cast(side, tf.float32)
    edges = axis.begin + axis.scale * tf.range(cells + 1, dtype=tf.float32)  # [cells + 1]
    # The mirrored photograph has a period of 2 * side pixels, with two copies of each pixel.
    # `before` is the length of a pixel's copies between 0 and each edge of a cell.
    periods = tf.floor(edges / (2 * side))
    rest = (edges - 2 * side * periods)[:, tf.newaxis]
    pixels = tf.range(side)[tf.newaxis]  # [1, side]
    before = (
        2 * periods[:, tf.newaxis]
        + tf.clip_by_value(rest - pixels, 0.0, 1.0)
        + tf.clip_by_value(rest - (2 * side - 1 - pixels), 0.0, 1.0)
    )  # [cells + 1, side]
    return (before[1:] - before[:-1]) / axis.scale


def _cubics(axis, side, cells):
    """The weight of each cell in each pixel: Keys' cubic with a = -1/2. [side, cells]."""
    pixels = tf.range(tf.cast(side, tf.float32))[:, tf.newaxis]  # [side, 1]
    position = (pixels + 0.5 - axis.begin) / axis.scale - 0.5  # in cells
    away = tf.abs(position - tf.range(cells, dtype=tf.float32)[tf.newaxis])  # [side, cells]
    near = (1.5 * away - 2.5) * away * away + 1
    far = ((2.5 - 0.5 * away) * away - 4) * away + 2
    return tf.where(away < 1, near, tf.where(away < 2, far, tf.zeros_like(away)))
