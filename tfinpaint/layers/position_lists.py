"""Lists of some positions of a map, such as those in the hole.

A list is int32 [B, R]: positions of each picture, numbered row by row on its map of N = H * W. The
lists of all pictures in a batch are equally long. Shorter ones are padded with further positions.

A list can be the first axis of a matrix of scores [B, R, H, W], listed queries by all keys. Sums of
the scores of neighbours (shifts.py) need lists in which neighbours on the map are neighbours in the
list. Such a list goes along the rows of the map, or along its columns. Between two lines it has the
number N, which stands for a position beyond the border, whose scores are 0. So no sum runs from one
line into the next.
"""

from typing import Tuple

import tensorflow as tf

from tfinpaint.layers.shapes import Size, shape

COLUMNS, ROWS = 0, 1  # the order of a list: column by column of the map, or row by row


def chosen_first(chosen: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
    """All positions, first the chosen ones, then the others, each in ascending order.

    chosen: bool [B, N]. -> int32 [B, N], and the largest number of chosen positions in a picture,
    at least 1.
    """
    chosen = tf.cast(chosen, tf.int32)
    most = tf.reduce_max(tf.reduce_sum(chosen, axis=1))
    order = tf.argsort(chosen, axis=1, direction="DESCENDING", stable=True)
    return order, tf.maximum(most, 1)


def indices(positions: tf.Tensor) -> tf.Tensor:
    """Indices for tf.scatter_nd, (picture, position): [B, R] -> [B, R, 2]."""
    picture = tf.range(tf.shape(positions)[0])[:, tf.newaxis]  # [B, 1]
    return tf.stack([tf.broadcast_to(picture, tf.shape(positions)), positions], axis=-1)


def put_back(values: tf.Tensor, positions: tf.Tensor, n: Size) -> tf.Tensor:
    """Puts the values of the listed positions in place, 0 elsewhere: [B, R, P] -> [B, n, P]."""
    size = tf.stack([tf.shape(positions)[0], n, shape(values)[2]])
    return tf.scatter_nd(indices(positions), values, size)


def line_up(chosen: tf.Tensor, order: int, reach: int, gap: int) -> Tuple[tf.Tensor, tf.Tensor]:
    """Lists the chosen positions and those up to `reach` before and after them in their line.

    Args:
        chosen: bool [B, H, W].
        order: ROWS or COLUMNS, the lines along which the list goes.
        reach: positions to either side that all sums over the list reach together.
        gap: entries of N between two lines; at least the reach of the widest sum.

    Returns: the list [B, R], and which positions it has, bool [B, H, W]. The list ends with
        `reach` + 1 entries of N, so that its last row of scores stays 0 through all sums.
    """
    b, h, w = shape(chosen)
    chosen = tf.cast(chosen, tf.float32)  # TFLite cannot pad bools
    lines = chosen if order == ROWS else tf.transpose(chosen, [0, 2, 1])  # [B, lines, length]
    _, number, length = shape(lines)
    step = length + gap
    lines = tf.reshape(tf.pad(lines, [[0, 0], [0, 0], [0, gap]]), [b, number * step, 1])
    near = tf.nn.max_pool1d(lines, 2 * reach + 1, 1, "SAME")[..., 0] > 0  # [B, lines * step]
    places, most = chosen_first(near)
    line, place = places[:, :most] // step, places[:, :most] % step
    position = line * w + place if order == ROWS else place * w + line
    positions = tf.where(place < length, position, h * w)  # [B, R]
    near = tf.reshape(near, [b, number, step])[..., :length]  # [B, lines, length]
    near = near if order == ROWS else tf.transpose(near, [0, 2, 1])  # [B, H, W]
    return tf.pad(positions, [[0, 0], [0, reach + 1]], constant_values=h * w), near


def move(scores: tf.Tensor, have: tf.Tensor, want: tf.Tensor, n: Size) -> tf.Tensor:
    """Reorders scores from one list of queries to another, and exchanges the axes of the keys.

    scores [B, R, H, W] of the list `have` [B, R] -> [B, R', W, H] of the list `want` [B, R'].
    Positions that `have` lacks, and n, get the last row of `scores`, which is 0.
    """
    last = shape(scores)[1] - 1
    row_of = tf.fill(tf.stack([shape(have)[0], n + 1]), last)  # [B, N + 1]
    rows = tf.broadcast_to(tf.range(last + 1), tf.shape(have))
    row_of = tf.tensor_scatter_nd_update(row_of, indices(have), rows)
    rows = tf.where(want < n, tf.gather(row_of, want, batch_dims=1), last)  # [B, R']
    return tf.transpose(tf.gather(scores, rows, batch_dims=1), [0, 1, 3, 2])


def pick(values: tf.Tensor, have: tf.Tensor, want: tf.Tensor, n: Size) -> tf.Tensor:
    """Values of the list `have` for the positions `want`, all in it: [B, R, C] -> [B, R', C]."""
    b, number = tf.shape(have)[0], tf.shape(have)[1]
    rows = tf.broadcast_to(tf.range(number), tf.shape(have))
    row_of = tf.scatter_nd(indices(have), rows, tf.stack([b, n + 1]))  # [B, N + 1]
    return tf.gather(values, tf.gather(row_of, want, batch_dims=1), batch_dims=1)
