"""Cuts a square window of any size out of a photograph, as n x n cells, and puts it back.

A window may reach beyond the photograph, which is then continued by mirroring, the edge included,
as often as needed. Both ways are a product with one matrix for the rows and one for the columns:
shapes depend on no value, so that TFLite takes it, and at scale 1 pixels keep their values.

    small = cut(photo, rows, columns)               # [H, W, C] -> [n, n, C]: means of areas
    large = enlarge(small, rows, columns, (H, W))   # back, cubic; 0 far from the window

An axis of a window (`Axis`) is the position where it begins and the pixels for each of its cells.
"""

from typing import NamedTuple, Tuple

import tensorflow as tf


class Axis(NamedTuple):
    """A window along one axis, in pixels of the photograph, float32 scalars.

    begin: where its first cell begins; may be below 0.
    scale: pixels for each cell, at least 1.
    """

    begin: tf.Tensor
    scale: tf.Tensor


def cut(photo: tf.Tensor, rows: Axis, columns: Axis, cells: int) -> tf.Tensor:
    """float32 [H, W, C] -> [cells, cells, C], the mean of the pixels that each cell covers."""
    size = tf.shape(photo)
    return _product(_coverage(rows, size[0], cells), _coverage(columns, size[1], cells), photo)


def enlarge(window: tf.Tensor, rows: Axis, columns: Axis, size: Tuple) -> tf.Tensor:
    """float32 [n, n, C] -> [H, W, C], interpolated with Keys' cubics as TensorFlow's "bicubic" is.

    size: H, W, integers or integer scalars. What is more than two cells outside of the window is 0.
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
    """The share of each cell that each pixel of the mirrored photograph fills, [cells, side]."""
    side = tf.cast(side, tf.float32)
    edges = axis.begin + axis.scale * tf.range(cells + 1, dtype=tf.float32)  # [cells + 1]
    # The mirrored photograph repeats itself every 2 * side pixels. In each period a pixel has two
    # places. What of it lies between 0 and an edge grows with the edge.
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
    """The weight of each cell in each pixel, [side, cells]."""
    pixels = tf.range(tf.cast(side, tf.float32))[:, tf.newaxis]  # [side, 1]
    position = (pixels + 0.5 - axis.begin) / axis.scale - 0.5  # in cells
    away = tf.abs(position - tf.range(cells, dtype=tf.float32)[tf.newaxis])  # [side, cells]
    near = (1.5 * away - 2.5) * away * away + 1
    far = ((2.5 - 0.5 * away) * away - 4) * away + 2
    return tf.where(away < 1, near, tf.where(away < 2, far, tf.zeros_like(away)))
