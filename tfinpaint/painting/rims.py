"""What thin holes get from the pixels beside them, without a network.

    continued(picture, hole)            lines of equal brightness go on through the hole
    refined(filled, hole, reduction)    the finest detail of a fill that was made at a smaller size
    thick(hole)                         what is thick enough for texture (detail/)

picture, filled: uint8 [h, w, 3].   hole: uint8 [h, w], above 0 = hole.   -> uint8 [h, w, 3].
Pixels outside the hole keep their bytes.

Source of `continued`: Bertalmio et al., Navier-Stokes, fluid dynamics, and image and video
inpainting, CVPR 2001, by OpenCV.
"""

import cv2
import numpy as np

_RADIUS = 1  # pixels, of `continued`: in strokes of 3 to 13 pixels better than larger ones
_SPREAD = 1.0  # pixels: how far the finest detail of the surroundings reaches into the hole
_FAINT = 0.03  # share of known pixels around at which half of that detail is believed
# Pixels from the edge of the hole: up to the first, half of a refined fill is `continued`; from the
# second on nothing is.
_MIXED = 2.0, 6.0
_THICK = 8  # pixels: what is thicker has texture of its own


def continued(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """See the top of the file. What lies in the hole has no influence."""
    missing = (hole > 0).astype(np.uint8)
    blanked = np.where(missing[..., np.newaxis] > 0, np.uint8(0), picture)
    if missing.all():
        return blanked
    filled = cv2.inpaint(blanked, missing, _RADIUS, cv2.INPAINT_NS)
    return np.where(missing[..., np.newaxis] > 0, filled, picture)


def refined(
    filled: np.ndarray, hole: np.ndarray, reduction: float, with_detail: bool = False
) -> np.ndarray:
    """A fill that was made `reduction` times as small and enlarged, with the finest detail.

    filled: the photograph, and in its hole the enlarged fill.
    with_detail: whether what is thick has texture (detail/).

    The photograph is reduced and enlarged in the same way. What it lost is what the fill lacks. It
    goes on into the hole, and fades there within a few pixels. Near the edge, the mean of the fill
    and of `continued` is taken, because their errors differ, unless there is texture.
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

    As `detail.thick` has it, in NumPy.
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
