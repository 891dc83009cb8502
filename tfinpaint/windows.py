"""Groups the holes of a photograph and chooses a window for each group, before anything is filled.

A network is trained on squares of some 256 pixels, and its attention compares every position with
every other. So a photograph of many megapixels is not filled whole: each hole is filled in a window
of the photograph around it.

Box:     int (top, left, bottom, right) of hole pixels; bottom and right are excluded.
Window:  the same, for the part of the photograph that is cut out for a box: the box and its
         surroundings, inside the photograph. The painter then reduces it if it is too large, and
         pads it to the network's stride.

Input:   hole uint8 [H, W], above 0 = hole.
"""

from typing import Iterator, List, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

CONTEXT = 64  # pixels that a window shows on each side of a box, at least
SPECK = 64  # pixels: a hole whose longer side is at most this shares its window with its neighbours


class Context(NamedTuple):
    """How much of a photograph a network needs to see around a hole.

    share:    of the side of a hole's box, on each side of it.
    centred:  whether the network fills the centre of a square and no more. The longer side of the
              box then counts for both axes.
    """

    share: float = 0.5
    centred: bool = False


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

    def within(self, outer: "Box") -> "Box":
        """The same box counted from the corner of `outer`."""
        return Box(
            self.top - outer.top,
            self.left - outer.left,
            self.bottom - outer.top,
            self.right - outer.left,
        )


def bounding_box(hole: np.ndarray, margin: int = 0) -> Box:
    """The box of all hole pixels, with `margin` pixels more on each side, inside the photograph."""
    left, top, width, height = cv2.boundingRect(hole)
    return Box(
        max(top - margin, 0),
        max(left - margin, 0),
        min(top + height + margin, hole.shape[0]),
        min(left + width + margin, hole.shape[1]),
    )


def window_sides(
    sides: np.ndarray, limits: np.ndarray, stride: int, context: Context = Context()
) -> np.ndarray:
    """Sides of the windows of boxes with `sides`, in a photograph with sides `limits`.

    Both are arrays that broadcast. A window has the context's share of the box on each side (by
    default as much context as box), and at least CONTEXT there. It is rounded up to the stride, and
    is at most as large as the photograph.
    """
    if context.centred:
        sides = np.broadcast_to(sides.max(-1, keepdims=True), sides.shape)
    wanted = sides + 2 * np.maximum(CONTEXT, np.ceil(context.share * sides).astype(sides.dtype))
    return np.minimum((wanted + stride - 1) // stride * stride, limits)


def window_around(box: Box, shape: Sequence[int], stride: int, context: Context = Context()) -> Box:
    """The window of a box in a photograph of `shape`.

    At a border it is shifted inwards, so that no context is lost.
    """
    height, width = (
        int(side) for side in window_sides(np.array(box.size), np.array(shape[:2]), stride, context)
    )
    top = min(max((box.top + box.bottom - height) // 2, 0), shape[0] - height)
    left = min(max((box.left + box.right - width) // 2, 0), shape[1] - width)
    return Box(top, left, top + height, left + width)


def groups(
    hole: np.ndarray, stride: int, working_size: int, context: Context = Context()
) -> Iterator[Tuple[Box, np.ndarray]]:
    """The hole pixels in groups, one for each window: a box, and which of its pixels, bool [h, w].

    Every hole pixel is in exactly one group, but boxes may overlap. Each connected hole is a group
    of its own, with two exceptions:
      * Specks in one cell of a grid share a window. So a noisy mask takes as many windows as it has
        cells, not specks.
      * A long thin hole (a scratch, a wire) is cut along a grid if its window would have to be
        reduced. Reduced to a few pixels, it would lose what is beside it, which is all it needs.
        Where the network fills the centre alone, so is one that is longer than half of the
        photograph, if what is beside it is seen from each piece.
    Holes whose windows are reduced come last, when everything around them is known. The others come
    in reading order.
    """
    frame = bounding_box(hole)  # labels take 4 bytes per pixel: only where the holes are
    count, labels, stats, _ = cv2.connectedComponentsWithStats(hole[frame.slices], connectivity=8)
    left, top, width, height = stats[1:, :4].T.astype(np.int64)
    # Counted from the corner of the frame.
    boxes = np.stack([top, left, top + height, left + width], axis=1)  # [holes, 4]
    tile = max(working_size // 2, 2)  # a box of this side has a window of the working size
    if context.centred:
        tile = max(min(tile, max(hole.shape) // 2), 1)
    speck = min(SPECK, tile // 2)
    small = np.maximum(height, width) <= speck

    number = np.zeros(count, np.int32)  # label -> group; label 0 is what is known
    cells, number[1:][small] = _share_cells(boxes[small], tile - speck)
    number[1:][~small] = 1 + len(cells) + np.arange(np.count_nonzero(~small))
    found = [(Box(*map(int, box)), 1 + k) for k, box in enumerate(cells)]  # (box, group)
    for box, group in zip(boxes[~small], number[1:][~small]):
        box = Box(*map(int, box))
        if _is_thin(
            number[labels[box.slices]] == group,
            _thickest(box, hole.shape, stride, working_size, context),
        ):
            found += [(part, group) for part in _tiles(box, tile)]
        else:
            found.append((box, group))

    found.sort(
        key=lambda item: (_is_reduced(item[0], hole.shape, stride, working_size, context), item)
    )
    for box, group in found:
        pixels = number[labels[box.slices]] == group
        if pixels.any():
            yield (
                Box(
                    box.top + frame.top,
                    box.left + frame.left,
                    box.bottom + frame.top,
                    box.right + frame.left,
                ),
                pixels,
            )


def _share_cells(boxes: np.ndarray, cell: int):
    """Joins the boxes [n, 4] whose centres share a cell of a grid.

    -> boxes [cells, 4], and the number of each box's cell, counted from 1.
    """
    _, index = np.unique((boxes[:, :2] + boxes[:, 2:]) // 2 // cell, axis=0, return_inverse=True)
    index = index.reshape(-1)
    joined = np.zeros((index.max(initial=-1) + 1, 4), boxes.dtype)
    joined[:, :2] = np.iinfo(boxes.dtype).max
    np.minimum.at(joined[:, :2], index, boxes[:, :2])
    np.maximum.at(joined[:, 2:], index, boxes[:, 2:])
    return joined, 1 + index


def _is_reduced(box: Box, shape, stride: int, working_size: int, context: Context) -> bool:
    sides = window_sides(np.array(box.size), np.array(shape[:2]), stride, context)
    return sides.max() > working_size


def _thickest(box: Box, shape, stride: int, working_size: int, context: Context) -> float:
    """Radius of the disc that no hole with this box holds that is cut along a grid; 0: none is."""
    if context.centred and 2 * max(box.size) > max(shape[:2]):
        return working_size / 3  # too long for one window
    return working_size / 8 if _is_reduced(box, shape, stride, working_size, context) else 0


def _is_thin(pixels: np.ndarray, radius: float) -> bool:
    """Whether no disc of this radius fits into the pixels."""
    return cv2.distanceTransform(np.pad(pixels, 1).astype(np.uint8), cv2.DIST_L2, 3).max() < radius


def _tiles(box: Box, tile: int) -> List[Box]:
    return [
        Box(top, left, min(top + tile, box.bottom), min(left + tile, box.right))
        for top in range(box.top, box.bottom, tile)
        for left in range(box.left, box.right, tile)
    ]
