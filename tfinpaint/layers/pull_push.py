"""A smooth first fill: averages of the known pixels, from a pyramid. What a network need not learn.

Source: pull-push, Gortler, Grzeszczuk, Szeliski and Cohen, The Lumigraph, SIGGRAPH 1996, section 3.4.

Pull: each level halves the picture; a cell is the weighted mean of the known pixels below it, and the more of them are known, the more it
counts. Push: from the coarsest level down, what a cell lacks comes from the enlarged level above it.
"""

import tensorflow as tf

_LEVELS = 9  # halvings: a picture of 512 pixels becomes one cell
_TAPS = [0.25, 0.5, 0.25]  # of a repeated map they make a bilinear one


def pull_push(images, holes):
    """Fills holes smoothly.

    Args:
        images: float32 [B, H, W, C]. What lies under the holes is not looked at. H and W are at least 1.
        holes: float32 [B, H, W, 1], 1 where missing.

    Returns:
        float32 [B, H, W, C]: the images, and in the holes averages of known pixels, the nearer the more. An image without a known pixel
        becomes 0.
    """
    known = 1.0 - holes
    levels = [(images * known, known)]  # sums and shares of known pixels
    for _ in range(_LEVELS):
        total, weight = (tf.nn.avg_pool2d(x, 2, 2, "SAME") for x in levels[-1])  # [B, ceil(h / 2), ceil(w / 2), C] and [..., 1]
        more = tf.minimum(2.0 * weight, 1.0) / tf.maximum(weight, 1e-6)  # two known pixels of four are enough for a whole cell
        levels.append((total * more, weight * more))
    total, weight = levels.pop()
    filled = total / tf.maximum(weight, 1e-6)
    while levels:
        total, weight = levels.pop()
        filled = total + (1.0 - weight) * _enlarged(filled, tf.shape(total))  # [B, h, w, C]
    return filled


def _enlarged(x, shape):
    """Twice as high and wide, bilinearly, cut to height and width of `shape`: [B, h, w, C] -> [B, 2 h, 2 w, C] or one less."""
    x = tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)[:, :shape[1], :shape[2]]
    for axis in (1, 2):
        paddings = [[0, 0], [0, 0], [0, 0], [0, 0]]
        paddings[axis] = [1, 1]
        padded = tf.pad(x, paddings, "SYMMETRIC")
        size = tf.shape(x)[axis]
        x = tf.add_n([t * (padded[:, k:k + size] if axis == 1 else padded[:, :, k:k + size]) for k, t in enumerate(_TAPS)])
    return x
