"""Keeps the cost of thin holes to their area, however many strokes and specks they are.

windows.py gives every hole a window at full size. A hatch, a mesh or dust over a whole photograph
then costs as much as the whole photograph, though little is missing. Here the pixels that the
network is given for thin holes have a budget: PER_PIXEL for each missing pixel, about twice what
one compact hole of that area takes in all. Where that is too little, it goes where the photograph
is rough, and the rest is filled in one of two cheaper ways, each of which is nearly as good there:

    "network"   at full size, as windows.py has it
    "reduced"   by the network at half the size; rims.py brings back the finest detail at the rim
    "smooth"    without the network: rims.py goes on with the lines of the surroundings

Input:   photo uint8 [H, W, 3], hole uint8 [H, W], above 0 = hole.
Output:  `Group`s, which have each hole pixel once. What lies under a hole has no influence.
"""

from typing import List, NamedTuple

import cv2
import numpy as np

from tfinpaint import windows
from tfinpaint.windows import Box, Context

PER_PIXEL = 5  # pixels that the network is given for each missing one
FLOOR = 4  # windows of the working size that any photograph may take
_CONTEXT = 32  # pixels that a window at full size shows around its box: strokes need little
_BESIDE = 16  # the same for what is filled without the network
_NEAR = 9  # pixels: side of the square in which roughness counts, around each missing pixel

# The squared error of a fill over that of the network at full size. Measured on photographs of
# cameras with strokes, hatches and specks of 3 to 13 pixels.
_REDUCED = 1.1
_SMOOTHER = 1 / 40  # what each pixel of thickness adds to 1 without the network


class Group(NamedTuple):
    """Hole pixels that are filled together.

    box, window: as in windows.py.   pixels: bool [h, w] of the box.
    way: "network", "reduced" or "smooth".
    """

    box: Box
    window: Box
    pixels: np.ndarray
    way: str = "network"


class _Choice(NamedTuple):
    """One way to fill a cell: pixels that the network is given, and the error that is expected."""

    cost: int
    error: float
    groups: List[Group]


def plan(
    photo: np.ndarray,
    hole: np.ndarray,
    stride: int,
    working_size: int,
    context: Context = Context(),
) -> List[Group]:
    """Groups of hole pixels in the order in which they are filled.

    Those of `windows.plan` if they are within the budget. Strokes that are no longer together than
    the photograph is wide and high (a scratch or two) always are.
    """
    groups = unlimited(photo, hole, stride, working_size, context)
    thin = _over_budget(groups, working_size)
    if not thin:
        return groups
    missing = np.zeros(hole.shape, np.uint8)
    for k in thin:
        missing[groups[k].box.slices] |= groups[k].pixels
    sizes = _Sizes.of(hole.shape, stride, working_size, context)
    cells = [
        _Cell(photo, hole, missing, box) for box in windows.tiles_with_holes(missing, sizes.cell)
    ]
    if sum(cell.length for cell in cells) <= sum(hole.shape):
        return groups
    chosen = _within(
        [cell.choices(sizes) for cell in cells], budget(int(missing.sum()), working_size)
    )
    own = set(thin)
    found = [group for k, group in enumerate(groups) if k not in own]
    found += [group for choice in chosen for group in choice.groups]
    order = {"network": 0, "smooth": 0, "reduced": 1}

    def late(group):  # compact holes that are reduced come last, as in windows.py
        large = max(group.window.size) > working_size
        return 2 if group.way == "network" and large else order[group.way]

    return sorted(found, key=lambda group: (late(group), group.box))


def unlimited(
    photo: np.ndarray,
    hole: np.ndarray,
    stride: int,
    working_size: int,
    context: Context = Context(),
) -> List[Group]:
    """Those of `windows.plan`, whatever they cost; see `plan`."""
    return [Group(*group) for group in windows.plan(hole, stride, working_size, context)]


def budget(missing: int, working_size: int) -> int:
    """The pixels that the network may be given for thin holes with so many missing pixels."""
    return max(PER_PIXEL * missing, FLOOR * working_size**2)


def cost(window: Box, working_size: int) -> int:
    """The pixels of a window that the network is given."""
    height, width = window.size
    reduction = max(height, width, working_size) / working_size
    return round(height * width / reduction**2)


def _over_budget(groups, working_size):
    """Numbers of the groups of thin holes, if these cost too much; else none."""

    def too_much(some):
        missing = sum(int(group.pixels.sum()) for group in some)
        spent = sum(cost(group.window, working_size) for group in some)
        return spent > budget(missing, working_size)

    small = [k for k, group in enumerate(groups) if max(group.window.size) <= working_size]
    if len(small) <= FLOOR:
        return []
    small = [k for k in small if _depth(groups[k].pixels).max() < working_size / 8]
    return small if too_much([groups[k] for k in small]) else []


def _depth(pixels):
    """The distance of hole pixels to what is not among them, float32 [h, w]."""
    bordered = cv2.copyMakeBorder(pixels.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return cv2.distanceTransform(bordered, cv2.DIST_L2, 3)[1:-1, 1:-1]


class _Sizes(NamedTuple):
    """How cells and tiles are cut.

    cell: side of the squares that have one window at half the size.
    tile: side of the squares, four of a cell, that have one window at full size.
    around, around_tile: what their windows show.
    """

    cell: int
    tile: int
    around: Context
    around_tile: Context
    shape: tuple
    stride: int
    working_size: int

    @classmethod
    def of(cls, shape, stride, working_size, context):
        tile = working_size - 2 * _CONTEXT
        contexts = Context(0.0), Context(0.0, least=_CONTEXT)
        if context.centred or 2 * tile < working_size:
            # A box of this side has a window of the working size.
            tile, contexts = max(working_size // 2, 1), (context, context)
        if context.centred:  # twice of it must not be too long for the photograph
            tile = max(min(tile, max(shape) // 4), 1)
        return cls(2 * tile, tile, *contexts, tuple(shape), stride, working_size)


class _Cell:
    """The thin holes in one square of the photograph.

    length: about how long its strokes are, in pixels.
    """

    def __init__(self, photo, hole, missing, box):
        self.missing, self.box = missing, box
        pixels = missing[box.slices]
        # Across a stroke of n pixels the depth is n / 4 + 1 / 2 in the mean.
        self.thickness = max(4 * float(_depth(pixels)[pixels > 0].mean()) - 2, 1.0)
        self.length = int(pixels.sum()) / self.thickness
        self._photo, self._hole = photo, hole

    def choices(self, sizes: _Sizes) -> List[_Choice]:
        """The ways to fill it, the cheapest first."""
        tiles = [
            Box(
                box.top + self.box.top,
                box.left + self.box.left,
                box.bottom + self.box.top,
                box.right + self.box.left,
            )
            for box in windows.tiles_with_holes(self.missing[self.box.slices], sizes.tile)
        ]
        errors = [self._error(box) for box in tiles]
        order = np.argsort(errors)[::-1]
        network = [self._group(box, sizes, sizes.around_tile, "network") for box in tiles]
        smooth = [self._group(box, sizes, Context(0.0, least=_BESIDE), "smooth") for box in tiles]
        without = 1 + _SMOOTHER * self.thickness
        found = []
        for count in range(len(tiles) + 1):  # so many of the roughest tiles are the network's
            best = set(order[:count].tolist())
            found.append(
                _Choice(
                    sum(cost(network[k].window, sizes.working_size) for k in best),
                    sum(e * (1 if k in best else without) for k, e in enumerate(errors)),
                    [(network if k in best else smooth)[k] for k in range(len(tiles))],
                )
            )
        half = self._group(self.box, sizes, sizes.around, "reduced")
        if max(half.window.size) > sizes.working_size:
            found.append(
                _Choice(cost(half.window, sizes.working_size), _REDUCED * sum(errors), [half])
            )
        return found

    def _error(self, box):
        """The squared error to expect, up to a factor: that of a step from pixel to pixel."""
        grey = self._photo[box.slices].astype(np.float32).mean(-1)
        here = self.missing[box.slices]
        near = cv2.dilate(here, np.ones((_NEAR, _NEAR), np.uint8)) > 0
        known = self._hole[box.slices] == 0
        squares, pairs = 0.0, 0
        for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
            both = known[one] & known[other] & near[one]
            squares += float(np.square(grey[one] - grey[other])[both].sum())
            pairs += int(both.sum())
        return int(here.sum()) * (1.0 + squares / max(pairs, 1))

    def _group(self, box, sizes, around, way):
        """The missing pixels of a square, in the smallest box that has them."""
        tight = windows.bounding_box(self.missing[box.slices])
        tight = Box(
            tight.top + box.top,
            tight.left + box.left,
            tight.bottom + box.top,
            tight.right + box.left,
        )
        stride = 1 if way == "smooth" else sizes.stride
        return Group(
            tight,
            windows.window_around(tight, sizes.shape, stride, around),
            self.missing[tight.slices] > 0,
            way,
        )


def _within(cells: List[List[_Choice]], allowed: int) -> List[_Choice]:
    """A choice for each cell, with the smallest error that steps within the budget lead to.

    All start with the cheapest. Then, again and again, the step is taken that saves the most error
    for each pixel that it costs.
    """
    chosen = [min(choices, key=lambda choice: choice.cost) for choices in cells]
    left = allowed - sum(choice.cost for choice in chosen)
    steps = [_best_step(now, choices, left) for now, choices in zip(chosen, cells)]
    while True:
        k = max(range(len(steps)), key=lambda k: steps[k][0])
        if steps[k][0] <= 0:
            return chosen
        step = steps[k][1]
        if step.cost - chosen[k].cost <= left:
            left -= step.cost - chosen[k].cost
            chosen[k] = step
        steps[k] = _best_step(chosen[k], cells[k], left)  # again, with what is left


def _best_step(now, choices, left):
    """The error that the best step saves for each pixel, and that step; 0 if there is none."""
    best = 0.0, now
    for choice in choices:
        more = choice.cost - now.cost
        if 0 < more <= left:
            best = max(best, ((now.error - choice.error) / more, choice), key=lambda step: step[0])
    return best
