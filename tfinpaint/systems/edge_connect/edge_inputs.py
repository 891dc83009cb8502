"""Edges by scikit-image's Canny, on the host: those of training squares, and of photographs.

Training squares get their edges in the input pipeline, as they are trained on. (The released code
finds the edges first and mirrors them with the photograph, which gives the same but for pixels that
tie.)
"""

from typing import Optional

import numpy as np
import tensorflow as tf

from tfinpaint.data.python_calls import python_call
from tfinpaint.systems.edge_connect.canny import SIGMA, luminance


def edges_of(images: tf.Tensor) -> tf.Tensor:
    """Canny's edges of whole photographs.

    Args:
        images: [B, H, W, 3] in [-1, 1], of known shape.

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
    """The edges of a photograph where it is known: uint8 [H, W], 255 on an edge.

    photo: uint8 [H, W, 3].   hole: uint8 [H, W], 1 = hole. Pixels beside the hole have no edges.
    """
    grey = luminance(tf.constant(photo, tf.float32) / 255.0).numpy()[..., 0]
    return (255 * _canny(grey, hole == 0)).astype(np.uint8)


def _canny(grey: np.ndarray, known: Optional[np.ndarray] = None) -> np.ndarray:
    """float32 [H, W] of 0 and 1."""
    from skimage.feature import canny  # late: half a second, which filling does without

    return canny(grey.astype(np.float64), sigma=SIGMA, mask=known).astype(np.float32)
