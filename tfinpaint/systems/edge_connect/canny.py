"""Canny's edge detector in TensorFlow operations. The edges equal scikit-image's.

Input:   grey [B, H, W, 1] in [0, 1], and optionally known [B, H, W, 1], 1 where a pixel is known.
Output:  float32 [B, H, W, 1], 1 on an edge. Each picture is treated separately.

    1. Smoothing: a Gaussian filter of standard deviation 2 over the known pixels, divided by the
       same filter of `known`. Pixels beyond the border are unknown.
    2. Gradient: Sobel's differences, and their magnitude.
    3. Non-maximum suppression: a pixel is kept if its magnitude is at least 0.1, and not below the
       magnitudes one pixel ahead and one behind along the gradient, which are interpolated between
       neighbours. All its eight neighbours must be known.
    4. Hysteresis: of the pixels kept, those are edges that are connected, through kept pixels, to
       one with a magnitude of at least 0.2.

It computes in float64 and adds up in scikit-image's order, so that ties are decided alike. For a
converter, such as TFLite's, it computes in float32. All operations are standard ones with fixed
shapes; only the number of iterations of step 4 depends on the picture.

Sources: Canny, A Computational Approach to Edge Detection, PAMI 1986. Thresholds and deviation are
those of EdgeConnect's released code (skimage.feature.canny with sigma 2).
"""

from typing import Optional

import numpy as np
import tensorflow as tf

from tfinpaint.layers.shapes import shape
from tfinpaint.layers.tracing import converting

SIGMA = 2.0
_LOW, _HIGH = 0.1, 0.2  # least magnitudes: of every pixel of an edge, and of at least one of them
_RED, _GREEN, _BLUE = 0.2125, 0.7154, 0.0721  # luminance of Rec. 709, as in scikit-image
_ROUND = 8  # pixels by which edges grow before the next check whether they are complete


def luminance(images: tf.Tensor) -> tf.Tensor:
    """The luminance of pictures: [B, H, W, 3] -> float32 [B, H, W, 1], in the same range."""
    red, green, blue = tf.split(tf.cast(images, _precision()), 3, -1)
    return tf.cast(_RED * red + _GREEN * green + _BLUE * blue, tf.float32)


def canny(grey: tf.Tensor, known: Optional[tf.Tensor] = None) -> tf.Tensor:
    """Edges of grey pictures; see the top of the file. They have no gradient.

    Args:
        grey: [B, H, W, 1] in [0, 1].
        known: [B, H, W, 1], above 0.5 where a pixel is known; None means everywhere.

    Returns: float32 [B, H, W, 1] of 0 and 1.
    """
    grey = tf.cast(tf.stop_gradient(grey), _precision())[..., 0]  # [B, H, W]
    known = tf.ones_like(grey, tf.bool) if known is None else known[..., 0] > 0.5
    smooth = _smooth(grey, known)
    inner = _all_neighbours(known)

    # Sobel. Pixels at the border are never edges, but their neighbours are compared with them.
    around = tf.pad(smooth, [[0, 0], [1, 1], [1, 1]], "SYMMETRIC")
    across, down = around[:, :, 2:] - around[:, :, :-2], around[:, 2:] - around[:, :-2]
    across = 2 * across[:, 1:-1] + (across[:, :-2] + across[:, 2:])  # [B, H, W]
    down = 2 * down[:, :, 1:-1] + (down[:, :, :-2] + down[:, :, 2:])
    magnitude = tf.sqrt(down * down + across * across)

    stays = inner & (magnitude >= _LOW) & _is_ridge(magnitude, down, across)
    weak = tf.expand_dims(tf.cast(stays, tf.float32), -1)  # [B, H, W, 1]
    strong = tf.expand_dims(tf.cast(stays & (magnitude >= _HIGH), tf.float32), -1)
    return tf.stop_gradient(_connected(strong, weak))


def _precision():
    return tf.float32 if converting() else tf.float64


def _smooth(grey, known):
    """The mean of the known pixels around each pixel, weighted by a Gaussian: [B, H, W]."""
    share = tf.cast(known, grey.dtype)
    total = _gaussian(tf.where(known, grey, tf.zeros_like(grey)))
    return total / (_gaussian(share) + np.finfo(grey.dtype.as_numpy_dtype).eps)


def _gaussian(x):
    """Gaussian filter, [B, H, W] -> [B, H, W], 0 beyond the border, cut off at 4 deviations."""
    reach = int(4 * SIGMA + 0.5)
    taps = np.exp(-0.5 / SIGMA**2 * np.arange(-reach, reach + 1) ** 2)
    taps /= taps.sum()
    return _weighed(_weighed(x, 1, taps), 2, taps)


def _weighed(x, axis, taps):
    """The weighted sum of neighbours along an axis: [B, H, W] -> [B, H, W]."""
    reach, size = len(taps) // 2, shape(x)
    padded = tf.pad(x, [[reach * (n == axis)] * 2 for n in range(3)])

    def neighbour(k):
        return tf.slice(padded, [k * (n == axis) for n in range(3)], size)

    total = neighbour(reach) * taps[reach]
    for k in range(reach):  # from the outermost pair to the innermost, as SciPy adds them up
        total += (neighbour(k) + neighbour(2 * reach - k)) * taps[k]
    return total


def _all_neighbours(known):
    """Whether a pixel and all its eight neighbours are known: bool [B, H, W]."""
    unknown = tf.expand_dims(tf.cast(~known, tf.float32), -1)  # [B, H, W, 1]
    around = tf.pad(unknown, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1.0)
    return tf.nn.max_pool2d(around, 3, 1, "VALID")[..., 0] < 0.5


def _is_ridge(magnitude, down, across):
    """Whether the magnitudes one pixel ahead and behind along the gradient are not larger.

    The gradient points between two of the eight neighbours: a straight one (along its larger
    component) and a diagonal one. The magnitude is interpolated between them. [B, H, W] each ->
    bool [B, H, W].
    """
    b, h, w = shape(magnitude)
    padded = tf.pad(magnitude, [[0, 0], [1, 1], [1, 1]])

    def neighbour(row, column):
        return tf.slice(padded, [0, 1 + row, 1 + column], [b, h, w])

    steep = tf.abs(down) > tf.abs(across)
    falling = down * across >= 0  # down and right, or up and left
    small = tf.minimum(tf.abs(down), tf.abs(across))
    slope = tf.math.divide_no_nan(small, tf.maximum(tf.abs(down), tf.abs(across)))

    def interpolated(way):
        """The magnitude one pixel ahead (way = 1) or behind (way = -1) along the gradient."""
        diagonal = tf.where(falling, neighbour(way, way), neighbour(-way, way))
        upright = tf.where(falling, neighbour(way, 0), neighbour(-way, 0))
        straight = tf.where(steep, upright, neighbour(0, way))
        return diagonal * slope + straight * (1 - slope)

    return (interpolated(1) <= magnitude) & (interpolated(-1) <= magnitude)


def _connected(strong, weak):
    """The pixels of `weak` that are connected to one of `strong`: [B, H, W, 1] of 0 and 1."""

    def grow(edges, _):
        grown = edges
        for _ in range(_ROUND):
            grown = tf.minimum(tf.nn.max_pool2d(grown, 3, 1, "SAME"), weak)
        return grown, tf.reduce_sum(grown - edges) > 0

    edges, _ = tf.while_loop(lambda _, growing: growing, grow, (strong, tf.constant(True)))
    return tf.ensure_shape(edges, weak.shape)
