"""Edges by scikit-image's Canny, computed on the host: for training images and for photographs.

The input pipeline finds the edges of a training image after cropping and mirroring it. (The
released code finds them first and mirrors them with the photograph. The result is the same, except
for ties.)
"""

from typing import Optional

import numpy as np
import tensorflow as tf

from tfinpaint.data.python_calls import python_call
from tfinpaint.systems.edge_connect.canny import SIGMA, luminance


def edges_of(images: tf.Tensor) -> tf.Tensor:
    """Canny's edges of whole photographs.

    Args:
        images: [B, H, W, 3] in [-1, 1]. The graph must know the shape.

    Returns:
        float32 [B, H, W, 1], 1 on an edge.
    """
    return python_call(
        lambda grey: np.stack([_canny(one[..., 0]) for one in grey])[..., np.newaxis],
        [luminance((images + 1) / 2)],
        tf.float32,
        [*images.shape[:3], 1],
    )


def known_edges(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The edges of a photograph where it is known: uint8 [H, W], 255 on an edge, else 0.

    Pixels next to the hole have no edges.

    photo: uint8 [H, W, 3].   hole: uint8 [H, W], 1 = hole.
    """
    grey = luminance(tf.constant(photo, tf.float32) / 255.0).numpy()[..., 0]
    return (255 * _canny(grey, hole == 0)).astype(np.uint8)


def _canny(grey: np.ndarray, known: Optional[np.ndarray] = None) -> np.ndarray:
    """float32 [H, W] of 0 and 1."""
    from skimage.feature import canny  # late: it takes half a second, and filling does without

    return canny(grey.astype(np.float64), sigma=SIGMA, mask=known).astype(np.float32)
