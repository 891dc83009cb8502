"""Limits the cost of thin holes by their area, however many strokes and specks there are.

windows.py gives every hole a window at full size. A hatch, a mesh or dust over a whole photograph
then costs as much as the whole photograph, though little of it is missing. So thin holes have a
budget, unless the photograph is SMALL: PER_PIXEL pixels in windows for each missing pixel. Within
it they take at most about three times as long as one compact hole of the same area. If the
budget is too small, it is spent where the photograph is rough, and the rest is filled in a cheaper
way. The three ways to fill a group of hole pixels are:

    "network"   by the network at full size, in the windows of windows.py
    "reduced"   by the network at half the size; rims.py restores the finest detail at the rim
    "smooth"    without the network: rims.py continues the lines of the surroundings. Only for
                strokes up to 6 pixels thick

Input:   photo uint8 [H, W, 3], hole uint8 [H, W], above 0 = hole.
Output:  `Group`s; each hole pixel is in exactly one. The pixels under a hole have no influence.
"""

from typing import List, NamedTuple

import cv2
import numpy as np

from tfinpaint.painting import boxes, rims, windows
from tfinpaint.painting.boxes import Box, Context

PER_PIXEL = 4  # pixels in windows for each missing pixel; a budget is at least one window
FEW = 4  # windows that any photograph may take
SMALL = 2**20  # pixels of a photograph that needs no budget: all its windows take a few seconds
# A thin hole is less deep than this, in pixels from its edge to its middle, and less deep than an
# eighth of the working size. Deeper holes keep their windows.
_THIN = 24
_CONTEXT = 32  # pixels that a window at full size shows around its box: strokes need little
_BESIDE = 16  # the same for strokes that are filled without the network
_NEAR = 9  # pixels: side of the square around a missing pixel in which roughness counts
# Detail is left out if a smaller share of the missing pixels is thick. Then only small parts are,
# such as the places where the strokes of letters meet.
_THICK_SHARE = 0.25

# The squared error of a fill, relative to that of the network at full size. Measured on squares of
# 1.4 and 3.2 megapixels of two photographs with strokes of 2 to 22 pixels.
_REDUCED = 1.1
# The same if detail is wanted and left out. Not measured: blur is more visible than its squared
# error suggests.
_WITHOUT_DETAIL = 1.2
_SMOOTHER = 1 / 12  # without the network, it is 1 + this for each pixel of thickness
# Pixels: without the network, thicker strokes show steps and breaks, even in a sky.
_SMOOTH_UP_TO = 6


class Group(NamedTuple):
    """Hole pixels that are filled together.

    box, window: as in windows.py.
    pixels: bool [h, w], which pixels of the box are in the group.
    way: "network", "reduced" or "smooth".
    detail: whether the texture of thick parts may be restored (detail/).
    """

    box: Box
    window: Box
    pixels: np.ndarray
    way: str = "network"
    detail: bool = True


class Network(NamedTuple):
    """What a plan depends on besides the photograph and the hole; see `filling.fill`."""

    stride: int
    working_size: int
    context: Context = Context()
    detail: bool = True


def unlimited(photo: np.ndarray, hole: np.ndarray, network: Network) -> List[Group]:
    """The groups of windows.py, whatever they cost. The arguments are those of `plan`."""
    found = windows.plan(hole, network.stride, network.working_size, network.context)
    return [Group(*group, detail=network.detail) for group in found]


def plan(photo: np.ndarray, hole: np.ndarray, network: Network) -> List[Group]:
    """Groups of hole pixels in the order in which they are filled.

    photo: uint8 [H, W, 3].   hole: uint8 [H, W], above 0 = hole.

    These are the groups of windows.py if they are within the budget. They are also used whatever
    they cost if
      * the photograph is SMALL,
      * all strokes together are at most as long as the photograph's width plus its height (a
        scratch or two),
      * the network fills only the centre of its window, or
      * the working size is so small that a window shows little besides its context.
    """
    groups = unlimited(photo, hole, network)
    if network.context.centred or network.working_size < 4 * boxes.CONTEXT:
        return groups
    if hole.size <= SMALL:
        return groups
    thin = _over_budget(groups, network)
    if not thin:
        return groups
    missing = np.zeros(hole.shape, np.uint8)
    for k in thin:
        missing[groups[k].box.slices] |= groups[k].pixels
    sizes = _Sizes.of(network.working_size)
    cells = [
        _Cell(photo, hole, missing, box) for box in boxes.tiles_with_holes(missing, sizes.cell)
    ]
    if sum(cell.length for cell in cells) <= sum(hole.shape):
        return groups
    allowed = budget(int(missing.sum()), network.working_size)
    chosen = _within([cell.choices(sizes, network) for cell in cells], allowed)
    thin = set(thin)
    found = [group for k, group in enumerate(groups) if k not in thin]
    found += [group for choice in chosen for group in choice.groups]

    def turn(group):  # reduced groups come when all around them is known, compact holes last
        if max(group.window.size) <= network.working_size or group.way == "smooth":
            return 0
        return 1 if group.way == "reduced" else 2

    return sorted(found, key=lambda group: (turn(group), group.box))


def budget(missing: int, working_size: int) -> int:
    """The pixels in windows that thin holes with `missing` pixels may take."""
    return max(PER_PIXEL * missing, working_size**2)


def cost(group: Group, working_size: int) -> int:
    """The pixels that the network sees for a group, plus those that detail/ sees."""
    if group.way == "smooth":
        return 0
    height, width = group.window.size
    reduction = max(height, width, working_size) / working_size
    pixels = round(height * width / reduction**2)
    return pixels + height * width * (group.detail and bool(rims.thick(group.pixels).any()))


def _over_budget(groups, network):
    """Indices of the groups of thin holes if these cost too much; otherwise none."""
    size = network.working_size
    small = [k for k, group in enumerate(groups) if max(group.window.size) <= size]
    if len(small) <= FEW:
        return []
    radius = min(_THIN, size / 8)
    thin = [k for k in small if boxes.depth(groups[k].pixels).max() < radius]
    missing = sum(int(groups[k].pixels.sum()) for k in thin)
    return thin if sum(cost(groups[k], size) for k in thin) > budget(missing, size) else []


class _Sizes(NamedTuple):
    """How the photograph is cut.

    cell: side of the squares that get one window at half the size, in pixels.
    tile: side of the squares, four to a cell, that get one window at full size, in pixels.
    around, around_tile: the contexts of these windows.
    """

    cell: int
    tile: int
    around: Context
    around_tile: Context

    @classmethod
    def of(cls, working_size: int) -> "_Sizes":
        tile = working_size - 2 * _CONTEXT
        return cls(2 * tile, tile, Context(0.0), Context(0.0, least=_CONTEXT))


class _Choice(NamedTuple):
    """One way to fill a cell, its cost, and the expected error."""

    cost: int
    error: float
    groups: List[Group]


class _Cell:
    """The thin holes in one square of a photograph.

    length: approximate total length of the strokes, in pixels.
    """

    def __init__(self, photo, hole, missing, box):
        self._photo, self._hole, self._missing, self._box = photo, hole, missing, box
        pixels = missing[box.slices]
        # Across a stroke n pixels thick, the mean depth is n / 4 + 1 / 2.
        self._thickness = max(4 * float(boxes.depth(pixels)[pixels > 0].mean()) - 2, 1.0)
        self.length = int(pixels.sum()) / self._thickness
        self._thick = rims.thick(pixels).sum() >= _THICK_SHARE * pixels.sum()
        self._always_by_network = self._thick or self._thickness > _SMOOTH_UP_TO

    def choices(self, sizes: _Sizes, network: Network) -> List[_Choice]:
        """The ways to fill the cell.

        Either the k roughest tiles are filled by the network and the others without it, for each
        k; or the whole cell is filled by the network at half the size. Strokes thicker than 6
        pixels are always filled by the network. Where detail is wanted, there are the same ways
        without it.
        """

        def choice(groups, error):
            return _Choice(
                sum(cost(group, network.working_size) for group in groups), error, groups
            )

        inside = self._missing[self._box.slices]
        tiles = [tile.beyond(self._box) for tile in boxes.tiles_with_holes(inside, sizes.tile)]
        errors = [self._error(tile) for tile in tiles]
        by_network = [self._group(tile, sizes.around_tile, "network", network) for tile in tiles]
        beside = Context(0.0, least=_BESIDE)
        without = [self._group(tile, beside, "smooth", network) for tile in tiles]
        worse, order = 1 + _SMOOTHER * self._thickness, np.argsort(errors)[::-1].tolist()
        found = []
        for count in range(len(tiles) if self._always_by_network else 0, len(tiles) + 1):
            best = set(order[:count])
            groups = [(by_network if k in best else without)[k] for k in range(len(tiles))]
            found.append(
                choice(groups, sum(e * (1 if k in best else worse) for k, e in enumerate(errors)))
            )
        half = self._group(self._box, sizes.around, "reduced", network)
        if max(half.window.size) > network.working_size:
            found.append(choice([half], _REDUCED * sum(errors)))
        if half.detail:
            found += [
                choice([group._replace(detail=False) for group in groups], _WITHOUT_DETAIL * error)
                for _, error, groups in found
            ]
        return found

    def _error(self, tile):
        """The expected squared error of a fill, up to a factor.

        It is the number of missing pixels times (1 + the mean squared step between neighbouring
        known pixels near them).
        """
        grey, here = (
            self._photo[tile.slices].astype(np.float32).mean(-1),
            self._missing[tile.slices],
        )
        near = cv2.dilate(here, np.ones((_NEAR, _NEAR), np.uint8)) > 0
        known = self._hole[tile.slices] == 0
        squares, pairs = 0.0, 0
        for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
            both = known[one] & known[other] & near[one]
            squares += float(np.square(grey[one] - grey[other])[both].sum())
            pairs += int(both.sum())
        return int(here.sum()) * (1.0 + squares / max(pairs, 1))

    def _group(self, square, around, way, network):
        """The missing pixels of a square, in the smallest box that contains them."""
        box = boxes.bounding_box(self._missing[square.slices]).beyond(square)
        stride = 1 if way == "smooth" else network.stride
        window = boxes.window_around(box, self._hole.shape, stride, around)
        detail = bool(network.detail and self._thick)
        return Group(box, window, self._missing[box.slices] > 0, way, detail)


def _within(cells: List[List[_Choice]], allowed: int) -> List[_Choice]:
    """A choice for each cell, so that the total error is small and the cost within the budget.

    Each cell starts with its cheapest choice. Then the step that saves the most error for its cost
    is taken, again and again. If the cheapest choices together exceed the budget, they remain.
    """
    chosen = [min(choices, key=lambda choice: choice.cost) for choices in cells]
    left = allowed - sum(choice.cost for choice in chosen)
    steps = [_best_step(*pair, left) for pair in zip(chosen, cells)]
    while True:
        k = max(range(len(steps)), key=lambda k: steps[k][0])
        gain, step = steps[k]
        if gain <= 0:
            return chosen
        if step.cost - chosen[k].cost <= left:
            left -= step.cost - chosen[k].cost
            chosen[k] = step
        steps[k] = _best_step(chosen[k], cells[k], left)  # again, with the budget that is left


def _best_step(now, choices, left):
    """The error that the best step saves per pixel of cost, and that step.

    0 and the present choice if no step fits.
    """
    steps = [choice for choice in choices if 0 < choice.cost - now.cost <= left]
    gains = [(now.error - step.error) / (step.cost - now.cost) for step in steps]
    best = max(range(len(steps)), key=gains.__getitem__, default=None)
    return (0.0, now) if best is None else (gains[best], steps[best])
