"""Some positions of a map only, those in the hole, as the rows of a matrix of scores.

A list of rows is [B, R] int32: each picture's own positions, counted row by row of the map, none of them twice. All pictures list as
many as the one that needs most; what the others list beyond their own is computed in vain.
"""

import tensorflow as tf
from tensorflow.python.ops import control_flow_util  # no public function tells

from tfinpaint.layers.patches import shape


def compiled() -> bool:
    """Whether what is being traced is for XLA, which needs sizes that do not depend on the hole."""
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def listed(chosen):
    """Bool [B, N] -> the positions in order, chosen ones first [B, N]; the most that a picture has chosen, at least 1."""
    chosen = tf.cast(chosen, tf.int32)
    most = tf.reduce_max(tf.reduce_sum(chosen, axis=1))
    return tf.argsort(chosen, axis=1, direction="DESCENDING", stable=True), tf.maximum(most, 1)


def marked(rows, n):
    """A list -> [B, n] float32, 1 at its positions."""
    return tf.scatter_nd(places(rows), tf.ones_like(rows, tf.float32), [tf.shape(rows)[0], n])


def put_back(found, rows, n):
    """What was found for the listed positions at its place, [B, R, P] -> [B, n, P], 0 elsewhere."""
    return tf.scatter_nd(places(rows), found, tf.stack([tf.shape(rows)[0], n, shape(found)[2]]))


def shifted_sum(scores, have, want, size, axis, taps):
    """The sum over d of s(x + d, k + d), d from -(taps // 2) to taps // 2 along one axis of the map (0 rows, 1 columns).

    scores [B, R, N] of the listed queries `have`, size (H, W) of the map -> [B, R', N] of the queries `want`. Beyond the border, and
    of queries that are not in `have`, scores count as 0. It is its own adjoint, with the lists exchanged.
    """

    @tf.custom_gradient
    def run(scores):
        total = _shifted_sum(scores, have, want, size, axis, taps)
        return total, lambda upstream: shifted_sum(upstream, want, have, size, axis, taps)

    return run(scores)


def _shifted_sum(scores, have, want, size, axis, taps):
    (h, w), reach, (b, listed_rows, _) = size, taps // 2, shape(scores)
    # One row of zeros for all queries that are not there, and zeros around the keys.
    around = [[reach, reach], [0, 0]] if axis == 0 else [[0, 0], [reach, reach]]
    scores = tf.pad(tf.reshape(scores, [b, listed_rows, h, w]), [[0, 0], [0, 1], *around])
    absent = tf.fill([b, h * w], listed_rows)
    number = tf.broadcast_to(tf.range(listed_rows), tf.shape(have))
    place = tf.tensor_scatter_nd_update(absent, places(have), number)  # [B, N] where each position's row is

    def row_of(shift):
        position = want + shift * (w if axis == 0 else 1)
        line = want // w + shift if axis == 0 else want % w + shift
        inside = tf.logical_and(line >= 0, line < (h if axis == 0 else w))
        return tf.where(inside, tf.gather(place, tf.where(inside, position, 0), batch_dims=1), listed_rows)  # [B, R']

    total = []
    for i in range(taps):
        row = row_of(i - reach)
        if axis == 0:  # in pieces of one line of keys, which lie together
            lines = tf.reshape(scores, [b, -1, w])
            line = row[..., tf.newaxis] * (h + 2 * reach) + i + tf.range(h)  # [B, R', H]
            total.append(tf.gather(lines, line, batch_dims=1))
        else:
            total.append(tf.gather(scores, row, batch_dims=1)[..., i:i + w])
    return tf.reshape(tf.add_n(total), [b, -1, h * w])


def places(rows):
    """[B, R] -> [B, R, 2]: picture and position, as scatters take them."""
    picture = tf.broadcast_to(tf.range(tf.shape(rows)[0])[:, tf.newaxis], tf.shape(rows))
    return tf.stack([picture, rows], axis=-1)
