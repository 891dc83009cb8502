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
_BAND = 1024  # rows that are looked through at a time, for the memory
SPECK = 64  # pixels: a hole whose longer side is at most this shares its window with its neighbours


class Context(NamedTuple):
    """How much of a photograph a network needs to see around a hole.

    share:    of the side of a hole's box, on each side of it.
    centred:  whether the network fills the centre of a square and no more. The longer side of the
              box then counts for both axes.
    least:    pixels on each side of the box, whatever its share.
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
    default as much context as box), and at least `context.least` there. It is rounded up to the
    stride, and is at most as large as the photograph.
    """
    if context.centred:
        sides = np.broadcast_to(sides.max(-1, keepdims=True), sides.shape)
    wanted = sides + 2 * np.maximum(
        context.least, np.ceil(context.share * sides).astype(sides.dtype)
    )
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
    """The boxes and pixels of `plan`, without the windows."""
    for box, _, pixels in plan(hole, stride, working_size, context):
        yield box, pixels


def plan(
    hole: np.ndarray, stride: int, working_size: int, context: Context = Context()
) -> Iterator[Tuple[Box, Box, np.ndarray]]:
    """The hole pixels in groups, one for each window.

    Yields: a box, its window, and which of the box's pixels are in the group, bool [h, w].

    Every hole pixel is in exactly one group, but boxes may overlap. Each connected hole is a group
    of its own, with three exceptions:
      * Specks in one cell of a grid share a window. So a noisy mask takes as many windows as it has
        cells, not specks.
      * A long thin hole (a scratch, a wire) is cut along a grid if its window would have to be
        reduced. Reduced to a few pixels, it would lose what is beside it, which is all it needs.
        Where the network fills the centre alone, so is one that is longer than half of the
        photograph, if what is beside it is seen from each piece.
      * Thin holes that lie close together (a hatch, a mesh, lines of text) are cut along one grid,
        whose windows they share, if that takes less than half of the pixels in windows. So the
        time follows the area, not the number of strokes.
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
    found: list = []  # (box, group, what its window shows)
    size = _Size(hole.shape, stride, working_size, tile)
    large, specks = (1 + np.flatnonzero(s) for s in (~small, small))
    holes = _Holes(labels, boxes, large, specks, cells, number)
    cut, shared = _thin(holes, size, context)
    for members, parts, around in shared:
        number[members] = group = int(number.max()) + 1
        found += [(part, group, around) for part in parts]
    together = {label for sharing in shared for label in sharing.members.tolist()}
    left = set(number[1:][small].tolist())  # groups of the specks that share nothing more
    found += [(Box(*map(int, box)), 1 + k, context) for k, box in enumerate(cells) if 1 + k in left]
    for label in holes.large.tolist():
        if label not in together:
            box = Box(*map(int, boxes[label - 1]))
            parts = _tiles(box, tile) if label in cut else [box]
            found += [(part, int(number[label]), context) for part in parts]

    found.sort(
        key=lambda item: (
            _is_reduced(item[0], hole.shape, stride, working_size, item[2]),
            item[:2],
        )
    )
    for box, group, around in found:
        pixels = number[labels[box.slices]] == group
        if pixels.any():
            whole = _moved(box, frame)
            yield whole, window_around(whole, hole.shape, stride, around), pixels


def _moved(box: Box, frame: Box) -> Box:
    """A box that was counted from the corner of `frame`, counted from that of the photograph."""
    return Box(
        box.top + frame.top, box.left + frame.left, box.bottom + frame.top, box.right + frame.left
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


class _Size(NamedTuple):
    shape: Tuple[int, ...]  # of the photograph
    stride: int
    working_size: int
    tile: int  # side of a box whose window is not reduced


class _Holes(NamedTuple):
    labels: np.ndarray  # int32 [h, w], 0 = known
    boxes: np.ndarray  # int64 [holes, 4] of labels 1 and on
    large: np.ndarray  # labels of the holes that are no specks
    specks: np.ndarray  # labels of the others
    cells: np.ndarray  # int64 [cells, 4]: the boxes that specks share
    number: np.ndarray  # int32 [labels]: of a speck, that of its cell, from 1 on


class _Sharing(NamedTuple):
    """Thin holes that are cut along one grid."""

    members: np.ndarray  # labels
    parts: List[Box]
    around: Context


def _thin(holes: _Holes, size: _Size, context: Context) -> Tuple[set, List[_Sharing]]:
    """The labels of large holes that are cut along grids of their own, and holes that share one.

    The latter may be among the former.
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
    thin = holes.large[depths < size.working_size / 8]
    return cut, _shared_grids(holes, thin, cut, size, context)


def _depths(holes):
    """Radius of the largest disc in each large hole, float [holes]. Nothing is missing beyond."""

    def depth(inside):
        bordered = cv2.copyMakeBorder(inside.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        return cv2.distanceTransform(bordered, cv2.DIST_L2, 3)[1:-1, 1:-1]

    boxes = [Box(*map(int, holes.boxes[label - 1])) for label in holes.large]
    if sum(height * width for height, width in (box.size for box in boxes)) < holes.labels.size:
        return np.array(
            [
                depth(holes.labels[box.slices] == label).max()
                for box, label in zip(boxes, holes.large)
            ]
        )
    # Their boxes overlap, as a hatch's: all at once. Between two holes something is known.
    everywhere, deepest = depth(holes.labels > 0), np.zeros(len(holes.number))
    for begin in range(0, len(everywhere), _BAND):
        part = slice(begin, begin + _BAND)
        missing = holes.labels[part] > 0
        np.maximum.at(deepest, holes.labels[part][missing], everywhere[part][missing])
    return deepest[holes.large]


def _shared_grids(holes, thin, cut, size, context):
    """A `_Sharing` for each cluster that one grid saves more than half of the pixels in windows.

    thin: labels of large holes. A cluster is of thin holes and specks whose boxes lie close
        together.
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

    # Each hole's own pieces, with which the common ones are compared.
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
        _Sharing(
            np.flatnonzero(cluster == k),
            [Box(*map(int, piece)) for piece in common[common[:, 0] == k, 1:]],
            around,
        )
        for k in np.flatnonzero(saves)
    ]


def _padded(boxes):
    """Boxes by label: a row for label 0 comes first."""
    return np.concatenate([np.zeros((1, 4), boxes.dtype), boxes])


def _pieces(labels, wanted, which, boxes, tiles):
    """The pieces of grids that wanted holes reach into, int64 [pieces, 5]: of what, and its box.

    labels: int32 [h, w]. wanted, which: by label, whether it counts, and whose grid cuts it.
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
    """Numbers of the clusters of boxes, from 1 on: int64 [n]. Close ones are in one cluster."""
    coarse = 16  # pixels
    area = np.zeros((shape[0] // coarse + 1, shape[1] // coarse + 1), np.uint8)
    for top, left, bottom, right in boxes.tolist():
        first = max(left - CONTEXT // 2, 0) // coarse, max(top - CONTEXT // 2, 0) // coarse
        last = (right + CONTEXT // 2) // coarse, (bottom + CONTEXT // 2) // coarse
        cv2.rectangle(area, first, last, 1, cv2.FILLED)
    _, found = cv2.connectedComponents(area, connectivity=4)
    return found[boxes[:, 0] // coarse, boxes[:, 1] // coarse].astype(np.int64)


def tiles_with_holes(hole: np.ndarray, tile: int) -> List[Box]:
    """The squares with sides of `tile` that have hole pixels, of a grid on the box of all holes."""
    return [box for box in _tiles(bounding_box(hole), tile) if hole[box.slices].any()]


def _tiles(box: Box, tile: int) -> List[Box]:
    return [
        Box(top, left, min(top + tile, box.bottom), min(left + tile, box.right))
        for top in range(box.top, box.bottom, tile)
        for left in range(box.left, box.right, tile)
    ]
