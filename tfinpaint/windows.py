"""Where a photograph is cut around its holes: pure arithmetic on boxes, before anything is filled.

A network is trained on squares of some 256 pixels and its attention compares every place with every other, so a photograph of
many megapixels is not filled whole: each hole is filled in a window of the photograph around it.

Box:     int (top, left, bottom, right) of hole pixels, bottom and right excluded.
Window:  the same, of the part of the photograph that the network sees: the box and its surroundings, inside the photograph.

Input:   hole uint8 [H, W], above 0 = hole.
"""

from typing import List, NamedTuple

import cv2
import numpy as np

CONTEXT = 64  # pixels, the least that a window shows on each side of a box
CELL = 64  # pixels: specks in one cell of this size are one group from the start


class Box(NamedTuple):
    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self):
        """For array[box.slices]."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self):
        return self.bottom - self.top, self.right - self.left

    def within(self, outer: "Box") -> "Box":
        """The same box counted from the corner of `outer`."""
        return Box(self.top - outer.top, self.left - outer.left, self.bottom - outer.top, self.right - outer.left)


def bounding_box(hole: np.ndarray, margin: int = 0) -> Box:
    """The box of all hole pixels and `margin` pixels more on each side, as far as the photograph goes."""
    left, top, width, height = cv2.boundingRect(hole)
    return Box(max(top - margin, 0), max(left - margin, 0),
               min(top + height + margin, hole.shape[0]), min(left + width + margin, hole.shape[1]))


def window_sides(sides, limits, stride: int):
    """Sides of windows for boxes with `sides` in a photograph with `limits` (numbers or arrays that broadcast).

    At least as much context as box, half of it on each side, at least CONTEXT; rounded up to the stride; at most the photograph.
    """
    wanted = sides + 2 * np.maximum(CONTEXT, (sides + 1) // 2)
    return np.minimum((wanted + stride - 1) // stride * stride, limits)


def window_around(box: Box, shape, stride: int) -> Box:
    """The window of a box in a photograph of `shape`. At a border it is shifted inwards, so that no context is lost."""
    height, width = (int(side) for side in window_sides(np.array(box.size), np.array(shape[:2]), stride))
    top = min(max((box.top + box.bottom - height) // 2, 0), shape[0] - height)
    left = min(max((box.left + box.right - width) // 2, 0), shape[1] - width)
    return Box(top, left, top + height, left + width)


def hole_boxes(hole: np.ndarray, stride: int, working_size: int) -> List[Box]:
    """Disjoint boxes that hold all holes, one for each window, in reading order.

    Each connected hole is a box of its own, but boxes are joined
      * when they overlap or touch, so that the hole pixels in a box belong to it alone; and
      * when the joint window is no larger than their two windows together (they overlap much) and needs no reduction: a hundred
        specks of dust take a few windows.
    """
    frame = bounding_box(hole)  # labels are 4 bytes per pixel: only where holes are
    _, _, stats, _ = cv2.connectedComponentsWithStats(hole[frame.slices], connectivity=8)
    left, top, width, height = stats[1:, :4].T.astype(np.int64)
    boxes = np.stack([top, left, top + height, left + width], axis=1)  # [holes, 4]
    boxes = _join_specks(boxes) + np.array([frame.top, frame.left] * 2)
    boxes = _join(boxes, np.array(hole.shape), stride, working_size)
    return sorted(Box(*map(int, box)) for box in boxes)


def _join_specks(boxes: np.ndarray) -> np.ndarray:
    """Joins small boxes whose centres share a cell: there may be 100,000 of them in a noisy mask, too many to compare in pairs."""
    small = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) <= CELL
    specks = boxes[small]
    _, cell = np.unique((specks[:, :2] + specks[:, 2:]) // (2 * CELL), axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    joined = np.zeros((cell.max(initial=-1) + 1, 4), boxes.dtype)  # [cells, 4]
    joined[:, :2] = np.iinfo(boxes.dtype).max
    np.minimum.at(joined, (cell, slice(0, 2)), specks[:, :2])
    np.maximum.at(joined, (cell, slice(2, 4)), specks[:, 2:])
    return np.concatenate([boxes[~small], joined])


def _join(boxes: np.ndarray, limits: np.ndarray, stride: int, working_size: int) -> np.ndarray:
    """Joins boxes, one pair at a time, until no two are worth it."""
    def windows(some):
        return window_sides(some[:, 2:] - some[:, :2], limits, stride)  # [n, 2]

    i = 0
    while i < len(boxes):
        box = boxes[i]
        unions = np.concatenate([np.minimum(boxes[:, :2], box[:2]), np.maximum(boxes[:, 2:], box[2:])], axis=1)
        areas = windows(boxes).prod(axis=1)
        joint = windows(unions)
        cheaper = (joint.prod(axis=1) <= areas + areas[i]) & (joint.max(axis=1) <= working_size)
        touching = (np.maximum(boxes[:, :2], box[:2]) <= np.minimum(boxes[:, 2:], box[2:])).all(axis=1)
        partners = np.flatnonzero(cheaper | touching)
        partners = partners[partners != i]
        if not partners.size:
            i += 1  # no box up to here is worth joining with any other
            continue
        best = partners[np.argmin(joint[partners].prod(axis=1))]
        boxes[i] = unions[best]
        boxes = np.delete(boxes, best, axis=0)
        i -= best < i
    return boxes
