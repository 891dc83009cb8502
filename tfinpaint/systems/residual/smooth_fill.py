"""A smooth first fill: the membrane that the known pixels hold at the edge of a hole.

It is the part of a fill that a network need not learn.

Sources
  the pyramid      pull-push: Gortler, Grzeszczuk, Szeliski and Cohen, The Lumigraph, SIGGRAPH 1996,
                   section 3.4.
  the relaxation   cascadic multigrid: Bornemann and Deuflhard, The cascadic multigrid method for
                   elliptic problems, 1996.

Pull: each level halves the picture. A cell is the weighted mean of the known pixels below it, and
the more of them are known, the more it counts. Push: from the coarsest level down, what a cell
lacks comes from the cell above it. It is then replaced several times by the mean of its neighbours.
With ever more turns this becomes the solution of Laplace's equation. A few are enough.
"""

from typing import List, Tuple

import tensorflow as tf

from tfinpaint.layers.shapes import double

_LEVELS = 9  # halvings: a picture of 512 pixels becomes one cell


def pull(images: tf.Tensor, holes: tf.Tensor) -> List[Tuple[tf.Tensor, tf.Tensor]]:
    """The pyramid, the finest level first.

    Args:
        images: float32 [B, H, W, C]. What lies under the holes has no influence. H and W are at
            least 1.
        holes: float32 [B, H, W, 1], 1 where missing.

    Returns: a pair for each level: what is known, float32 [B, h, w, C], 0 where nothing is, and its
        share [B, h, w, 1].
    """
    known = 1.0 - holes
    levels = [(images * known, known)]
    for _ in range(_LEVELS):
        # [B, ceil(h / 2), ceil(w / 2), C] and [..., 1]
        total, share = (tf.nn.avg_pool2d(x, 2, 2, "SAME") for x in levels[-1])
        # Two known pixels of four are enough for a whole cell.
        more = tf.minimum(2.0 * share, 1.0) / tf.maximum(share, 1e-6)
        levels.append((total * more, share * more))
    return levels


def coarsest(levels: List[Tuple[tf.Tensor, tf.Tensor]]) -> tf.Tensor:
    """The fill of the last level of a pyramid: its mean colours.

    A cell with nothing known has the mean of all cells (above 512 pixels, there are several). It is
    0 for an image without a known pixel.
    """
    total, share = levels[-1]
    mean = tf.reduce_sum(total, (1, 2), keepdims=True) / tf.maximum(
        tf.reduce_sum(share, (1, 2), keepdims=True), 1e-6
    )
    return tf.where(share > 0, total / tf.maximum(share, 1e-6), mean)


def push(above: tf.Tensor, total: tf.Tensor, share: tf.Tensor, turns: int) -> tf.Tensor:
    """The fill of a level from that of the level above, relaxed `turns` times.

    above [B, ceil(h / 2), ceil(w / 2), C] -> [B, h, w, C].
    """
    lacking = 1.0 - share
    filled = total + lacking * tf.slice(double(above), [0, 0, 0, 0], tf.shape(total))
    for _ in range(turns):
        filled = total + lacking * tf.nn.avg_pool2d(filled, 3, 1, "SAME")
    return filled
