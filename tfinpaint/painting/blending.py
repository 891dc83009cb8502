"""Poisson blending: a fill keeps its texture and takes its colours from what lies around the hole.

    filled uint8 [H, W, 3], hole uint8 [H, W] (1 = hole) -> uint8 [H, W, 3]

Source: Iizuka et al., Globally and Locally Consistent Image Completion, SIGGRAPH 2017, and its
released code: OpenCV's Telea inpainting fills the hole, and OpenCV's seamlessClone (Perez et al.,
Poisson Image Editing, SIGGRAPH 2003) clones the network's fill into the result. Known pixels keep
their bytes.

Two traps of seamlessClone are avoided. It drops the border of a mask, so a hole at the border of
the photograph gets a margin. And it places the mask by size // 2, so the centre is computed in the
same way: with (first + last) // 2, a hole of an even size would move by one pixel.
"""

import cv2
import numpy as np

from tfinpaint.painting import boxes

_RADIUS = 1  # of Telea's method, pixels, as in the released code
_AROUND = 8  # pixels around a hole that Telea's method sees
_MARGIN = 2  # pixels, for seamlessClone
# seamlessClone takes the outer 3 pixels of a mask from the picture below. A hole that is nowhere
# deeper has nothing left to clone.
_RIM = 3


def poisson(filled: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Blends the fill of every hole into the photograph around it; returns a new array.

    filled:  uint8 [H, W, 3], a photograph with its fill.
    hole:    uint8 [H, W], 1 = hole. Each connected hole is blended by itself, so that the time
             depends on the holes, not on the photograph. A hole at most 6 pixels thick gets Telea's
             fill. A photograph without a known pixel is returned unchanged.
    """
    blended = filled.copy()
    if hole.all() or not hole.any():
        return blended
    frame = boxes.bounding_box(hole)  # labels take 4 bytes per pixel: only where the holes are
    count, labels, stats, _ = cv2.connectedComponentsWithStats(hole[frame.slices], connectivity=8)
    thin = _depths(labels, count) <= _RIM
    thin[0] = False  # the known pixels
    if thin.any():  # all at once: a noisy mask has thousands of thin holes
        here = np.zeros_like(hole)
        here[frame.slices] = thin[labels]
        box = boxes.bounding_box(here, _AROUND)
        part, here = blended[box.slices], here[box.slices]
        part[here > 0] = _telea(part, here)[here > 0]
    for label in range(1, count):
        if not thin[label]:
            left, top, width, height = (int(n) for n in stats[label, :4])
            inner = boxes.Box(top, left, top + height, left + width)
            box, here = _with_surroundings(inner, labels[inner.slices] == label, frame, hole.shape)
            part = blended[box.slices]
            part[here > 0] = _cloned(part, _telea(part, here), here)[here > 0]
    return blended


def _depths(labels, count):
    """The largest distance of each hole's pixels to a known pixel, in pixels, float32 [count]."""
    deepest, missing = np.zeros(count, np.float32), labels > 0
    np.maximum.at(deepest, labels[missing], boxes.depth(missing)[missing])
    return deepest


def _with_surroundings(inner, pixels, frame, shape):
    """The box of a hole with _AROUND pixels more on each side, and the hole in it, uint8.

    inner: box of the hole, relative to the corner of `frame`.   pixels: bool, the hole in `inner`.
    """
    inner = inner.beyond(frame)
    box = boxes.Box(
        max(inner.top - _AROUND, 0),
        max(inner.left - _AROUND, 0),
        min(inner.bottom + _AROUND, shape[0]),
        min(inner.right + _AROUND, shape[1]),
    )
    here = np.zeros(box.size, np.uint8)
    here[inner.within(box).slices] = pixels
    return box, here


def _telea(picture, here):
    return cv2.inpaint(np.ascontiguousarray(picture), here, _RADIUS, cv2.INPAINT_TELEA)


def _cloned(picture, below, here):
    """The pixels of `picture` where `here` is 1, cloned into `below`: uint8 [h, w, 3]."""
    margins = (_MARGIN,) * 4
    picture, below = (
        cv2.copyMakeBorder(x, *margins, cv2.BORDER_REPLICATE) for x in (picture, below)
    )
    mask = cv2.copyMakeBorder(255 * here, *margins, cv2.BORDER_CONSTANT, value=0)
    left, top, width, height = cv2.boundingRect(mask)
    centre = (left + width // 2, top + height // 2)
    cloned = cv2.seamlessClone(picture, below, mask, centre, cv2.NORMAL_CLONE)
    return cloned[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
