"""Fills and refines thin holes from the pixels beside them, without a network.

    continued(picture, hole)            continues lines of equal brightness through the hole
    refined(filled, hole, reduction)    adds the finest detail to a fill made at a smaller size
    thick(hole)                         the part that is thick enough for texture (detail/)

picture, filled: uint8 [h, w, 3].   hole: uint8 [h, w], above 0 = hole.   -> uint8 [h, w, 3].
Pixels outside the hole keep their bytes.

Source of `continued`: Bertalmio et al., Navier-Stokes, fluid dynamics, and image and video
inpainting, CVPR 2001, by OpenCV.
"""

import cv2
import numpy as np

_RADIUS = 1  # pixels, of `continued`: better than larger radii in strokes of 3 to 13 pixels
_SPREAD = 1.0  # pixels: how far the finest detail of the surroundings reaches into the hole
_FAINT = 0.03  # where the share of known pixels around is this, half of that detail is added
# Distances from the edge of the hole, pixels. Up to the first, half of a refined fill comes from
# `continued`; from the second on, nothing does.
_MIXED = 2.0, 6.0
_THICK = 8  # pixels: thicker parts have texture of their own


def continued(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The picture with its hole filled by lines of equal brightness from its surroundings.

    picture: uint8 [h, w, 3]; its pixels in the hole have no influence.
    hole: uint8 [h, w], above 0 = hole.

    Returns: uint8 [h, w, 3]; black in the hole if no pixel is known.
    """
    missing = (hole > 0).astype(np.uint8)
    blanked = np.where(missing[..., np.newaxis] > 0, np.uint8(0), picture)
    if missing.all():
        return blanked
    filled = cv2.inpaint(blanked, missing, _RADIUS, cv2.INPAINT_NS)
    return np.where(missing[..., np.newaxis] > 0, filled, picture)


def refined(
    filled: np.ndarray, hole: np.ndarray, reduction: float, with_detail: bool = False
) -> np.ndarray:
    """Adds the finest detail to a fill that was made at 1 / `reduction` of the size and enlarged.

    filled: uint8 [h, w, 3], the photograph, and in its hole the enlarged fill.
    hole: uint8 [h, w], above 0 = hole.
    with_detail: whether thick parts have texture (detail/).

    The photograph is reduced and enlarged in the same way. The detail that it loses is what the
    fill lacks. This detail is continued into the hole, where it fades within a few pixels. Near the
    edge, the mean of the fill and of `continued` is taken, because their errors differ, unless
    there is texture.
    """
    height, width = hole.shape
    small = max(round(width / reduction), 1), max(round(height / reduction), 1)
    low = cv2.resize(
        cv2.resize(filled, small, interpolation=cv2.INTER_AREA),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    known = (hole == 0).astype(np.float32)
    lost = (filled.astype(np.float32) - low) * known[..., np.newaxis]  # [h, w, 3]
    share = cv2.GaussianBlur(known, (0, 0), _SPREAD)[..., np.newaxis] + _FAINT  # [h, w, 1]
    fill = filled + cv2.GaussianBlur(lost, (0, 0), _SPREAD) / share
    weight = _weight(hole)  # [h, w]
    if with_detail:
        weight[thick(hole)] = 0
    weight = weight[..., np.newaxis]  # [h, w, 1]
    fill += weight * (continued(filled, hole) - fill)
    fill = np.rint(np.clip(fill, 0, 255)).astype(np.uint8)
    return np.where(hole[..., np.newaxis] > 0, fill, filled)


def thick(hole: np.ndarray) -> np.ndarray:
    """The part of a hole near a place thicker than 8 pixels: [h, w] -> bool [h, w].

    The same as `detail.thick`, in NumPy.
    """
    missing = np.ascontiguousarray(hole > 0).astype(np.uint8)
    square = np.ones((_THICK + 1,) * 2, np.uint8)
    core = cv2.erode(missing, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if not core.any():
        return np.zeros(hole.shape, bool)
    return (cv2.dilate(core, np.ones((2 * _THICK + 1,) * 2, np.uint8)) > 0) & (hole > 0)


def _weight(hole):
    """The share of `continued` in a refined fill, float32 [h, w]."""
    depth = cv2.distanceTransform((hole > 0).astype(np.uint8), cv2.DIST_L2, 3)
    full, none = _MIXED
    return 0.5 * np.clip((none - depth) / (none - full), 0, 1)
