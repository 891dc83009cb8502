"""Chooses the holes that are cut along a grid: long thin ones, and thin ones close together.

A long thin hole (a scratch, a wire) would have a window so large that it had to be reduced. It is
filled from the pixels beside it, and reducing would blur just these. Thin holes that lie close
together (a hatch, a mesh, lines of text) share the windows of one grid where that saves more than
half of the pixels in windows.
"""

from typing import List, NamedTuple, Tuple

import cv2
import numpy as np

from tfinpaint.painting.boxes import CONTEXT, Box, Context, depth, is_reduced, window_sides

_BAND = 1024  # rows that are processed at a time, to save memory


class Size(NamedTuple):
    """Sizes in pixels."""

    shape: Tuple[int, ...]  # of the photograph
    stride: int
    working_size: int
    tile: int  # side of a box whose window is not reduced


class Holes(NamedTuple):
    """Connected holes. Boxes are relative to the corner of the box around all of them."""

    labels: np.ndarray  # int32 [h, w], 0 = known
    boxes: np.ndarray  # int64 [holes, 4], row k for label k + 1
    large: np.ndarray  # labels of the holes that are not specks
    specks: np.ndarray  # labels of the specks
    cells: np.ndarray  # int64 [cells, 4]: the boxes that specks share
    number: np.ndarray  # int32 [labels]: for a speck, the number of its cell, from 1


class Sharing(NamedTuple):
    """Thin holes that are cut along one grid."""

    members: np.ndarray  # labels
    parts: List[Box]
    around: Context


def thin(holes: Holes, size: Size, context: Context) -> Tuple[set, List[Sharing]]:
    """The labels of large holes that are cut along grids of their own, and the shared grids.

    A label may be in both. The shared grid then counts.
    """
    if not len(holes.large):
        return set(), _shared_grids(holes, holes.large, set(), size, context)
    radii = np.array(
        [
            _thickest(Box(*map(int, holes.boxes[label - 1])), *size[:3], context)
            for label in holes.large
        ]
    )
    depths = _depths(holes)
    cut = set(holes.large[depths < radii].tolist())
    narrow = holes.large[depths < size.working_size / 8]
    return cut, _shared_grids(holes, narrow, cut, size, context)


def _depths(holes):
    """Radius of the largest disc in each large hole, float [holes], in pixels.

    Everything beyond the border counts as known.
    """
    boxes = [Box(*map(int, holes.boxes[label - 1])) for label in holes.large]
    if sum(height * width for height, width in (box.size for box in boxes)) < holes.labels.size:
        return np.array(
            [
                depth(holes.labels[box.slices] == label).max()
                for box, label in zip(boxes, holes.large)
            ]
        )
    # The boxes overlap, as in a hatch, so all holes are measured at once. That gives the same,
    # because known pixels lie between any two holes.
    everywhere, deepest = depth(holes.labels > 0), np.zeros(len(holes.number))
    for begin in range(0, len(everywhere), _BAND):
        part = slice(begin, begin + _BAND)
        missing = holes.labels[part] > 0
        np.maximum.at(deepest, holes.labels[part][missing], everywhere[part][missing])
    return deepest[holes.large]


def _shared_grids(holes, thin, cut, size, context):
    """A `Sharing` for each cluster in which one grid saves more than half of the window pixels.

    thin: labels of the large holes that are thin.   cut: labels that have grids of their own.

    A cluster consists of thin holes and specks whose boxes lie close together.
    """
    if not len(thin) and not len(holes.cells):
        return []
    side, around = size.working_size - 2 * CONTEXT, Context(0.0)
    if context.centred or side < size.tile:
        side, around = size.tile, context
    boxes = np.concatenate([holes.boxes[thin - 1], holes.cells])
    of_box = _clusters(boxes, holes.labels.shape)
    cluster = np.zeros(len(holes.boxes) + 1, np.int64)  # label -> cluster, 0: none
    cluster[thin] = of_box[: len(thin)]
    cluster[holes.specks] = of_box[len(thin) :][holes.number[holes.specks] - 1]
    count = of_box.max() + 1
    whole = np.zeros((count, 4), np.int64)  # the box of each cluster
    whole[:, :2] = np.iinfo(np.int64).max
    np.minimum.at(whole[:, :2], of_box, boxes[:, :2])
    np.maximum.at(whole[:, 2:], of_box, boxes[:, 2:])

    # Each hole's own pieces, with which the pieces of the common grids are compared.
    every = np.arange(len(cluster))
    tiles = np.where(np.isin(every, list(cut)), size.tile, 2**31)
    own = _pieces(holes.labels, np.isin(every, thin), every, _padded(holes.boxes), tiles)
    common = _pieces(holes.labels, cluster > 0, cluster, whole, np.full(count, side))

    def cost(pieces, of, shown):  # pixels in windows, for each cluster
        sides = window_sides(
            pieces[:, 2:] - pieces[:, :2], np.array(size.shape[:2]), size.stride, shown
        )
        return np.bincount(of, np.prod(sides, 1), count).astype(np.int64)

    alone = cost(own[:, 1:], cluster[own[:, 0]], context)
    alone += cost(holes.cells, of_box[len(thin) :], context)
    saves = 2 * cost(common[:, 1:], common[:, 0], around) < alone
    return [
        Sharing(
            np.flatnonzero(cluster == k),
            [Box(*map(int, piece)) for piece in common[common[:, 0] == k, 1:]],
            around,
        )
        for k in np.flatnonzero(saves)
    ]


def _padded(boxes):
    """Boxes indexed by label: a row for label 0 is added in front."""
    return np.concatenate([np.zeros((1, 4), boxes.dtype), boxes])


def _pieces(labels, wanted, which, boxes, tiles):
    """The pieces of grids that wanted holes reach into, int64 [pieces, 5]: the grid and the box.

    labels: int32 [h, w].
    wanted, which: indexed by label: whether the hole counts, and the number of the grid that cuts
        it.
    boxes, tiles: int64 [n, 4] and [n], the box of each grid and the side of its pieces.
    """
    keys = []
    for begin in range(0, len(labels), _BAND):
        part = labels[begin : begin + _BAND]
        rows, columns = np.nonzero(wanted[part])
        of = which[part[rows, columns]]
        down = (rows + begin - boxes[of, 0]) // tiles[of]
        right = (columns - boxes[of, 1]) // tiles[of]
        keys.append(np.unique((of << 40) | (down << 20) | right))
    key = np.unique(np.concatenate(keys))
    of, place = key >> 40, np.stack([key >> 20, key], 1) & (2**20 - 1)
    starts = boxes[of, :2] + place * tiles[of, np.newaxis]
    ends = np.minimum(starts + tiles[of, np.newaxis], boxes[of, 2:])
    return np.concatenate([of[:, np.newaxis], starts, ends], 1)


def _clusters(boxes, shape):
    """The number of each box's cluster, from 1: int64 [n]. Boxes close together share a cluster."""
    coarse = 16  # pixels
    area = np.zeros((shape[0] // coarse + 1, shape[1] // coarse + 1), np.uint8)
    for top, left, bottom, right in boxes.tolist():
        first = max(left - CONTEXT // 2, 0) // coarse, max(top - CONTEXT // 2, 0) // coarse
        last = (right + CONTEXT // 2) // coarse, (bottom + CONTEXT // 2) // coarse
        cv2.rectangle(area, first, last, 1, cv2.FILLED)
    _, found = cv2.connectedComponents(area, connectivity=4)
    return found[boxes[:, 0] // coarse, boxes[:, 1] // coarse].astype(np.int64)


def _thickest(box: Box, shape, stride: int, working_size: int, context: Context) -> float:
    """A hole with this box is cut along a grid if no disc of this radius fits into it.

    With a radius of 0 it is not cut.
    """
    if context.centred and 2 * max(box.size) > max(shape[:2]):
        return working_size / 3  # too long for one window
    return working_size / 8 if is_reduced(box, shape, stride, working_size, context) else 0
