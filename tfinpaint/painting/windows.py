"""Groups the holes of a photograph and chooses a window for each group, before anything is filled.

A network is trained on squares of about 256 pixels a side, and its attention compares every
position with every other. So a photograph of many megapixels is not filled at once: each hole is
filled in a window of the photograph around it (boxes.py). thin_holes.py decides which thin holes
are cut into pieces and which share windows.

Input:   hole uint8 [H, W], above 0 = hole.
"""

from typing import Iterator, Tuple

import cv2
import numpy as np

from tfinpaint.painting import thin_holes
from tfinpaint.painting.boxes import Box, Context, bounding_box, grid, is_reduced, window_around

SPECK = 64  # pixels: a hole whose longer side is at most this shares its window with its neighbours


def plan(
    hole: np.ndarray, stride: int, working_size: int, context: Context = Context()
) -> Iterator[Tuple[Box, Box, np.ndarray]]:
    """The hole pixels in groups, one for each window.

    hole: uint8 [H, W], above 0 = hole.
    stride, working_size: the network's stride, and the side of its largest window, in pixels.
    context: how much the network needs to see around a hole.

    Yields: a box, its window, and which of the box's pixels are in the group, bool [h, w].

    Every hole pixel is in exactly one group, but boxes may overlap. Each connected hole is a group
    of its own, with three exceptions:
      * Specks in one cell of a grid share a window. So a noisy mask takes one window per cell, not
        one per speck.
      * A long thin hole (a scratch, a wire) is cut along a grid if its window would have to be
        reduced. It is filled from the pixels beside it, and reducing would blur just these. It is
        not cut if a piece would have nothing known in its window, as in a narrow photograph that is
        missing from edge to edge. If the network fills only the centre of its window, a thin hole
        longer than half of the photograph is cut as well.
      * Thin holes that lie close together (a hatch, a mesh, lines of text) are cut along one grid
        and share its windows, if that at least halves the pixels in windows. So the time follows
        the area of the holes, not the number of strokes.
    Holes whose windows are reduced come last, when everything around them is known. The others come
    in reading order.
    """
    frame = bounding_box(hole)  # labels take 4 bytes per pixel: only where the holes are
    count, labels, stats, _ = cv2.connectedComponentsWithStats(hole[frame.slices], connectivity=8)
    left, top, width, height = stats[1:, :4].T.astype(np.int64)
    # Coordinates are relative to the corner of the frame.
    boxes = np.stack([top, left, top + height, left + width], axis=1)  # [holes, 4]
    tile = max(working_size // 2, 2)  # a box of this side has a window of the working size
    if context.centred:
        tile = max(min(tile, max(hole.shape) // 2), 1)
    speck = min(SPECK, tile // 2)
    small = np.maximum(height, width) <= speck

    number = np.zeros(count, np.int32)  # label -> group; label 0 is the known pixels
    cells, number[1:][small] = _share_cells(boxes[small], tile - speck)
    number[1:][~small] = 1 + len(cells) + np.arange(np.count_nonzero(~small))
    found: list = []  # (box, group, context of its window)
    size = thin_holes.Size(hole.shape, stride, working_size, tile)
    large, specks = (1 + np.flatnonzero(s) for s in (~small, small))
    holes = thin_holes.Holes(labels, boxes, large, specks, cells, number)
    cut, shared = thin_holes.thin(holes, size, context)

    def sees(part: Box, members: np.ndarray, around: Context) -> bool:
        """Whether the window of a piece has a known pixel, if the piece has any of these holes."""
        window = window_around(part.beyond(frame), hole.shape, stride, around)
        return not (hole[window.slices].all() and np.isin(labels[part.slices], members).any())

    shared = [s for s in shared if all(sees(part, s.members, s.around) for part in s.parts)]
    for members, parts, around in shared:
        number[members] = group = int(number.max()) + 1
        found += [(part, group, around) for part in parts]
    together = {label for sharing in shared for label in sharing.members.tolist()}
    left = set(number[1:][small].tolist())  # groups of specks outside shared grids
    found += [(Box(*map(int, box)), 1 + k, context) for k, box in enumerate(cells) if 1 + k in left]
    for label in holes.large.tolist():
        if label not in together:
            box = Box(*map(int, boxes[label - 1]))
            parts = grid(box, tile) if label in cut else [box]
            if not (context.centred or all(sees(part, label, context) for part in parts)):
                parts = [box]
            found += [(part, int(number[label]), context) for part in parts]

    found.sort(
        key=lambda item: (
            is_reduced(item[0], hole.shape, stride, working_size, item[2]),
            item[:2],
        )
    )
    for box, group, around in found:
        pixels = number[labels[box.slices]] == group
        if pixels.any():
            whole = box.beyond(frame)
            yield whole, window_around(whole, hole.shape, stride, around), pixels


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
