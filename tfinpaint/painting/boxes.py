"""Boxes of hole pixels, and the windows around them that a network sees.

Box:     int (top, left, bottom, right) of hole pixels; bottom and right are excluded.
Window:  the part of the photograph that is cut out for a box, in the same form: the box and its
         surroundings, inside the photograph. The painter reduces a window that is too large, and
         pads it to the network's stride.
"""

from typing import List, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

CONTEXT = 64  # pixels that a window shows on each side of a box, at least


class Context(NamedTuple):
    """How much of a photograph a network needs to see around a hole.

    share:    context on each side of a hole's box, as a share of the side of the box.
    centred:  whether the network fills only the centre of a square. The longer side of the box then
              counts for both axes.
    least:    context on each side of the box, in pixels, if the share is less.
    """

    share: float = 0.5
    centred: bool = False
    least: int = CONTEXT


class Box(NamedTuple):
    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> Tuple[slice, slice]:
        """For array[box.slices]."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> Tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    def beyond(self, outer: "Box") -> "Box":
        """This box, given relative to the corner of `outer`, relative to that of the photograph."""
        return Box(
            self.top + outer.top,
            self.left + outer.left,
            self.bottom + outer.top,
            self.right + outer.left,
        )

    def within(self, outer: "Box") -> "Box":
        """This box relative to the corner of `outer`; the inverse of `beyond`."""
        return Box(
            self.top - outer.top,
            self.left - outer.left,
            self.bottom - outer.top,
            self.right - outer.left,
        )


def bounding_box(hole: np.ndarray, margin: int = 0) -> Box:
    """The box of all hole pixels, with `margin` pixels more on each side, inside the photograph.

    hole: uint8 [H, W], above 0 = hole.
    """
    left, top, width, height = cv2.boundingRect(hole)
    return Box(
        max(top - margin, 0),
        max(left - margin, 0),
        min(top + height + margin, hole.shape[0]),
        min(left + width + margin, hole.shape[1]),
    )


def depth(pixels: np.ndarray) -> np.ndarray:
    """The distance of each marked pixel to the nearest unmarked one, in pixels, float32 [h, w].

    pixels: [h, w], above 0 or True = marked. Everything beyond the border counts as unmarked.
    """
    bordered = cv2.copyMakeBorder(pixels.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return cv2.distanceTransform(bordered, cv2.DIST_L2, 3)[1:-1, 1:-1]


def window_sides(
    sides: np.ndarray, limits: np.ndarray, stride: int, context: Context = Context()
) -> np.ndarray:
    """Sides of the windows of boxes with `sides`, in a photograph with sides `limits`.

    sides, limits: int [..., 2] in pixels, which broadcast.

    A window adds the context's share of the box on each side (by default half of the box, so as
    much context as box), and at least `context.least` pixels. Its sides are rounded up to a
    multiple of the stride, and are at most those of the photograph.
    """
    if context.centred:
        sides = np.broadcast_to(sides.max(-1, keepdims=True), sides.shape)
    wanted = sides + 2 * np.maximum(
        context.least, np.ceil(context.share * sides).astype(sides.dtype)
    )
    return np.minimum((wanted + stride - 1) // stride * stride, limits)


def window_around(box: Box, shape: Sequence[int], stride: int, context: Context = Context()) -> Box:
    """The window of a box in a photograph of `shape`, [H, W] or [H, W, 3].

    At a border of the photograph it is shifted inwards, so that no context is lost.
    """
    height, width = (
        int(side) for side in window_sides(np.array(box.size), np.array(shape[:2]), stride, context)
    )
    top = min(max((box.top + box.bottom - height) // 2, 0), shape[0] - height)
    left = min(max((box.left + box.right - width) // 2, 0), shape[1] - width)
    return Box(top, left, top + height, left + width)


def is_reduced(
    box: Box, shape: Sequence[int], stride: int, working_size: int, context: Context
) -> bool:
    """Whether the window of a box is larger than the working size, so that it is reduced."""
    sides = window_sides(np.array(box.size), np.array(shape[:2]), stride, context)
    return sides.max() > working_size


def tiles_with_holes(hole: np.ndarray, tile: int) -> List[Box]:
    """The squares with hole pixels, of a grid with sides of `tile` over the box of all holes."""
    return [box for box in grid(bounding_box(hole), tile) if hole[box.slices].any()]


def grid(box: Box, tile: int) -> List[Box]:
    """The pieces of a box, cut along a grid with sides of `tile` from its corner."""
    return [
        Box(top, left, min(top + tile, box.bottom), min(left + tile, box.right))
        for top in range(box.top, box.bottom, tile)
        for left in range(box.left, box.right, tile)
    ]
