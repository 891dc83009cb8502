"""Fills that need no learning, with which systems are compared.

Each function takes a photograph uint8 [H, W, 3] and a hole [H, W] or [H, W, 1] (any number but 0 is
hole). It returns a new uint8 [H, W, 3] whose known pixels are the photograph's. The photograph's
pixels under the hole are never used. Telea (2004, "An image inpainting technique based on the fast
marching method") and Navier-Stokes (Bertalmio et al. 2001) are OpenCV's, radius 3. They treat all
channels alike, so they work for RGB and BGR.

All raise ValueError for other shapes or dtypes.
"""

import cv2
import numpy as np

RADIUS = 3  # pixels around each missing pixel that OpenCV's two methods use
_NOTHING_KNOWN = 128  # mid grey, if no pixel is known


def mean_fill(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The hole filled with the mean colour of the known pixels, rounded to whole numbers.

    It is mid grey if no pixel is known.
    """
    photo, hole = np.asarray(photo), np.asarray(hole)
    inside = _inside(photo, hole)
    known = photo[~inside]
    filled = photo.copy()
    filled[inside] = np.rint(known.mean(axis=0)).astype(np.uint8) if len(known) else _NOTHING_KNOWN
    return filled


def telea(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The hole filled from its edge inwards with weighted means of known pixels (INPAINT_TELEA)."""
    return _opencv(photo, hole, cv2.INPAINT_TELEA)


def navier_stokes(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The hole filled by continuing lines of equal brightness, as in fluid flow (INPAINT_NS)."""
    return _opencv(photo, hole, cv2.INPAINT_NS)


def _opencv(photo: np.ndarray, hole: np.ndarray, method: int) -> np.ndarray:
    # At the picture's border OpenCV uses a little of what lies under the hole (and returns it if
    # everything is hole). Left there, the original would leak into the fill. Black would darken the
    # fill. The mean colour does neither.
    photo, hole = np.asarray(photo), np.asarray(hole)
    blanked = mean_fill(photo, hole)
    inside = _inside(photo, hole)
    if inside.all():
        return blanked
    return np.where(
        inside[..., None], cv2.inpaint(blanked, inside.astype(np.uint8), RADIUS, method), photo
    )


def _inside(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The hole as bool [H, W]."""
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[-1] != 3 or photo.size == 0:
        raise ValueError(f"photo is uint8 [H, W, 3]. Got {photo.dtype} {list(photo.shape)}")
    if hole.shape not in (photo.shape[:2], photo.shape[:2] + (1,)):
        raise ValueError(
            f"hole is [H, W] or [H, W, 1] of {list(photo.shape[:2])}. Got {list(hole.shape)}"
        )
    return hole.reshape(photo.shape[:2]) != 0
