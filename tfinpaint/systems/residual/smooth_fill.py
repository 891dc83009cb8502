"""A smooth first fill: a membrane (a harmonic function) stretched between the known pixels.

It is the part of a fill that a network need not learn.

Sources
  the pyramid      pull-push: Gortler, Grzeszczuk, Szeliski and Cohen, The Lumigraph, SIGGRAPH 1996,
                   section 3.4.
  the relaxation   cascadic multigrid: Bornemann and Deuflhard, The cascadic multigrid method for
                   elliptic problems, 1996.

Pull: each level halves the picture. A cell is the weighted mean of the four cells of the finer
level that it covers; the weight of a cell is its known share. Push: from the coarsest level to the
finest, the missing share of each cell is filled from the cell of the coarser level. It is then
relaxed: replaced several times by the mean of the 3x3 cells around it. With more and more
relaxations the fill converges to the solution of Laplace's equation. A few are enough.
"""

from typing import List, Tuple

import tensorflow as tf

from tfinpaint.layers.shapes import double

_LEVELS = 9  # halvings: a picture of 512 pixels becomes one cell


def pull(images: tf.Tensor, holes: tf.Tensor) -> List[Tuple[tf.Tensor, tf.Tensor]]:
    """The pyramid, the finest level first.

    Args:
        images: float32 [B, H, W, C], H and W at least 1. Pixels in the holes have no influence.
        holes: float32 [B, H, W, 1], 1 where missing.

    Returns: a pair for each level: the mean of the known pixels times the known share, float32
        [B, h, w, C], and the known share of each cell, [B, h, w, 1], from 0 to 1.
    """
    known = 1.0 - holes
    levels = [(images * known, known)]
    for _ in range(_LEVELS):
        # [B, ceil(h / 2), ceil(w / 2), C] and [..., 1]
        total, share = (tf.nn.avg_pool2d(x, 2, 2, "SAME") for x in levels[-1])
        # A cell with two known pixels of four counts as known.
        more = tf.minimum(2.0 * share, 1.0) / tf.maximum(share, 1e-6)
        levels.append((total * more, share * more))
    return levels


def coarsest(levels: List[Tuple[tf.Tensor, tf.Tensor]]) -> tf.Tensor:
    """The fill of the last level of a pyramid: the mean colour of each cell.

    With a side above 512 pixels there are several cells. A cell without known pixels gets the mean
    of all cells. The fill of an image without known pixels is 0.
    """
    total, share = levels[-1]
    mean = tf.reduce_sum(total, (1, 2), keepdims=True) / tf.maximum(
        tf.reduce_sum(share, (1, 2), keepdims=True), 1e-6
    )
    return tf.where(share > 0, total / tf.maximum(share, 1e-6), mean)


def push(above: tf.Tensor, total: tf.Tensor, share: tf.Tensor, turns: int) -> tf.Tensor:
    """The fill of a level, computed from the coarser level and relaxed.

    Args:
        above: the fill of the coarser level, [B, ceil(h / 2), ceil(w / 2), C].
        total, share: this level of the pyramid, see `pull`.
        turns: number of relaxations.

    Returns: [B, h, w, C].
    """
    lacking = 1.0 - share
    filled = total + lacking * tf.slice(double(above), [0, 0, 0, 0], tf.shape(total))
    for _ in range(turns):
        filled = total + lacking * tf.nn.avg_pool2d(filled, 3, 1, "SAME")
    return filled
