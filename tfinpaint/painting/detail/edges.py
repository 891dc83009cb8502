"""Sharpens the edges of a guide, which a network blurs the more the deeper they lie in a hole.

    guide = sharpened(picture, hole, part)     # float32 [h, w, 3], 0 to 255

A blurred edge is like nothing in the photograph. The patches that are most similar to it show other
things, such as a collar of the same grey. So edges are made steep first, by a shock filter: on the
bright side of an edge each pixel goes towards the highest value of its neighbours, on the dark side
towards the lowest. The filter adds no value that was not near by, and leaves what is flat or
changes evenly.

References: Osher and Rudin, Feature-oriented image enhancement using shock filters, SIAM Journal on
Numerical Analysis, 1990; Alvarez and Mazorra, Signal and image restoration using shock filters and
anisotropic diffusion, 1994 (the smoothed second derivative).
"""

import tensorflow as tf

from tfinpaint.painting.detail import levels

STEPS = 20  # each moves the foot of an edge by STEP pixels
STEP = 0.4  # of the way to the neighbours' highest or lowest value
# A step is smaller where the brightness bends less (grey levels: at a second derivative of CURVED
# it is 0.76 of STEP) and where it is less steep (grey levels per pixel: at SLOPE it is half).
# Otherwise faint spots of a network would become worms.
CURVED, SLOPE = 0.3, 2.0
_MARGIN = 8  # pixels around the part that its edges are seen with


@tf.autograph.experimental.do_not_convert
def sharpened(picture: tf.Tensor, hole: tf.Tensor, part: tf.Tensor) -> tf.Tensor:
    """The picture with steep edges in a part of its hole: float32 [h, w, 3].

    picture:  float32 [h, w, 3], 0 to 255: the photograph, and in its hole the guide.
    hole:     bool [h, w, 1]. Nothing in it but the part has an influence.
    part:     bool [h, w, 1], the part of the hole that may change.
    """
    return tf.cond(tf.reduce_any(part), lambda: _sharpened(picture, hole, part), lambda: picture)


def _sharpened(picture, hole, part):
    size = tf.shape(picture)[:2]
    places = tf.cast(tf.where(part[..., 0]), tf.int32)  # only the box of the part takes time
    first = tf.maximum(tf.reduce_min(places, 0) - _MARGIN, 0)
    last = tf.minimum(tf.reduce_max(places, 0) + 1 + _MARGIN, size)
    (top, left), (bottom, right) = tf.unstack(first), tf.unstack(last)
    inside = part[top:bottom, left:right]
    counts = tf.logical_or(inside, tf.logical_not(hole[top:bottom, left:right]))
    numbers = tf.cast(counts, tf.float32)

    def smoothed(grey):  # as by a Gaussian with a standard deviation of 2 pixels
        return levels.smoothed(grey[tf.newaxis], 5)[0]

    share = tf.maximum(smoothed(numbers), 1e-3)

    def step(number, here):
        lowest, highest = (
            _extreme(extreme, tf.where(counts, here, least))
            for extreme, least in ((tf.minimum, 255.0), (tf.maximum, 0.0))
        )
        grey = smoothed(numbers * tf.reduce_mean(here, -1, keepdims=True)) / share
        side = _side(grey)
        goal = tf.where(side > 0, lowest, highest)
        return number + 1, tf.where(inside, here + STEP * tf.abs(side) * (goal - here), here)

    shapes = [tf.TensorShape([]), tf.TensorShape([None, None, 3])]
    state = [0, picture[top:bottom, left:right]]
    here = tf.while_loop(
        lambda number, _: number < STEPS, step, state, shapes, parallel_iterations=1
    )[1]
    beyond = [*tf.unstack(tf.stack([first, size - last], 1)), [0, 0]]
    return tf.where(part, tf.pad(here, beyond), picture)


def _extreme(extreme, picture):
    """The extreme value of each pixel and its four neighbours."""
    up, down, before, after = _beside(picture)
    return extreme(extreme(extreme(up, down), extreme(before, after)), picture)


def _side(grey):
    """On which side of an edge each pixel is: above 0 on the dark one, float32 [h, w, 1], -1 to 1.

    It is near 0 where nothing is steep enough, or bends enough, to be an edge.
    """
    down, right = _slopes(grey)
    (down_down, down_right), (right_down, right_right) = _slopes(down), _slopes(right)
    # The second derivative in the direction of the slope.
    along = down * (down * down_down + right * down_right)
    across = right * (down * right_down + right * right_right)
    steep = tf.square(down) + tf.square(right)
    curved = (along + across) / tf.maximum(steep, 1e-3)
    return tf.tanh(curved * (1 / CURVED)) * steep / (steep + SLOPE * SLOPE)


def _slopes(map_):
    """How much a map rises going down and going right, two of [h, w, 1]."""
    up, down, before, after = _beside(map_)
    return 0.5 * (down - up), 0.5 * (after - before)


def _beside(picture):
    """The neighbours above, below, left and right of each pixel; at the border the pixel itself."""
    padded = tf.pad(picture, [[1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    return padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
