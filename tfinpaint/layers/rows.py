"""Some positions of a map only, those in the hole, as the rows of a matrix of scores.

A list of rows is [B, R] int32: each picture's own positions, counted row by row of the map. All pictures list as many as the one that
needs most; what the others list beyond their own is computed in vain.

Sums of scores over neighbours, s'(x, k) = sum over d of s(x + d, k + d), take lists in which what lies side by side in the map does so in
the list: `line_up` makes them, one axis of the map at a time. Each line of the map ends with positions beyond the border, listed as N, rows
of zeros, so that no sum runs into the next line. diagonal.py sums.
"""

import contextlib
import threading

import tensorflow as tf
from tensorflow.python.ops import control_flow_util  # no public function tells

from tfinpaint.layers.patches import shape


def compiled() -> bool:
    """Whether what is being traced is for XLA, which needs sizes that do not depend on the hole.

    It holds for the trace: a tf.function that was traced outside is taken as it is where compiled code calls it, and does not compile.
    Hand compiled code the Python function. Inside `with static_sizes():` it is True as well.
    """
    if converting():
        return True
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def converting() -> bool:
    """Whether what is being traced is for a converter: inside `with static_sizes():`."""
    return _static.on


@contextlib.contextmanager
def static_sizes():
    """What is traced inside has no sizes that depend on the hole, as for XLA: for converters that want none."""
    before, _static.on = _static.on, True
    try:
        yield
    finally:
        _static.on = before


class _Static(threading.local):
    on = False


_static = _Static()


def on_gpu() -> bool:
    """Whether there is a GPU. TensorFlow keeps int32 tensors on the host there, so that each list would be a round trip."""
    return bool(tf.config.list_logical_devices("GPU"))


def listed(chosen):
    """Bool [B, N] -> the positions in order, chosen ones first [B, N]; the most that a picture has chosen, at least 1."""
    chosen = tf.cast(chosen, tf.int32)
    most = tf.reduce_max(tf.reduce_sum(chosen, axis=1))
    return tf.argsort(chosen, axis=1, direction="DESCENDING", stable=True), tf.maximum(most, 1)


def places(rows):
    """[B, R] -> [B, R, 2]: picture and position, as scatters take them."""
    picture = tf.broadcast_to(tf.range(tf.shape(rows)[0])[:, tf.newaxis], tf.shape(rows))
    return tf.stack([picture, rows], axis=-1)


def put_back(found, rows, n):
    """What was found for the listed positions at its place, [B, R, P] -> [B, n, P], 0 at positions that are not listed."""
    return tf.scatter_nd(places(rows), found, tf.stack([tf.shape(rows)[0], n, shape(found)[2]]))


def line_up(chosen, axis, reach, beyond):
    """The chosen positions and those up to `reach` beside them along an axis, in the order of the lines along it.

    chosen bool [B, H, W]; axis 0: columns, from top to bottom; axis 1: rows. `reach` is half of all sums that are taken over the list,
    added up; `beyond` at least half of the largest. Returns a list [B, R] with N for positions beyond the border, and its last
    reach + 1, so that the last row stays zero; and the positions that it has, bool [B, H, W].
    """
    b, h, w = shape(chosen)
    chosen = tf.cast(chosen, tf.float32)  # TFLite cannot pad bools
    lines = chosen if axis == 1 else tf.transpose(chosen, [0, 2, 1])  # [B, lines, length]
    _, number, length = shape(lines)
    wide = length + beyond
    lines = tf.reshape(tf.pad(lines, [[0, 0], [0, 0], [0, beyond]]), [b, number * wide, 1])
    near = tf.nn.max_pool1d(lines, 2 * reach + 1, 1, "SAME")[..., 0] > 0  # [B, lines * wide]
    order, most = listed(near)
    line, place = order[:, :most] // wide, order[:, :most] % wide
    rows = tf.where(place < length, line * w + place if axis == 1 else place * w + line, h * w)
    near = tf.reshape(near, [b, number, wide])[..., :length]
    return tf.pad(rows, [[0, 0], [0, reach + 1]], constant_values=h * w), near if axis == 1 else tf.transpose(near, [0, 2, 1])


def move(scores, have, want, n):
    """Rows of one list to their places in another, and the two axes of the keys exchanged: [B, R, H, W] -> [B, R', W, H].

    Positions that are not in `have`, and n, become rows of zeros: the last row of `scores` is one.
    """
    last = shape(scores)[1] - 1
    place = tf.fill(tf.stack([shape(have)[0], n + 1]), last)
    place = tf.tensor_scatter_nd_update(place, places(have), tf.broadcast_to(tf.range(last + 1), tf.shape(have)))
    index = tf.where(want < n, tf.gather(place, want, batch_dims=1), last)
    return tf.transpose(tf.gather(scores, index, batch_dims=1), [0, 1, 3, 2])

