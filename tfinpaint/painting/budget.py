"""Keeps the cost of thin holes to their area, however many strokes and specks they are.

windows.py gives every hole a window at full size. A hatch, a mesh or dust over a whole photograph
then costs as much as the whole photograph, though little of it is missing. Here thin holes have a
budget, unless the photograph is SMALL: PER_PIXEL pixels in windows for each missing one. With it
they take at most about twice the time of one compact hole of their area. Where the budget is too
small, it goes where the photograph is rough. The rest is filled in one of two cheaper ways:

    "network"   at full size, as windows.py has it
    "reduced"   by the network at half the size; rims.py brings back the finest detail at the rim
    "smooth"    without the network: rims.py goes on with the lines of the surroundings. Only for
                strokes of up to 6 pixels

Input:   photo uint8 [H, W, 3], hole uint8 [H, W], above 0 = hole.
Output:  `Group`s, which have each hole pixel once. What lies under a hole has no influence.
"""

from typing import List, NamedTuple

import cv2
import numpy as np

from tfinpaint.painting import boxes, rims, windows
from tfinpaint.painting.boxes import Box, Context

PER_PIXEL = 4  # pixels in windows for each missing one, but at least those of one window
FEW = 4  # windows that any photograph may take
SMALL = 2**20  # pixels of a photograph that needs no budget: all its windows take a few seconds
# Pixels from the edge of a hole to its middle: a hole with more keeps its windows. So does one with
# more than an eighth of the working size.
_THIN = 24
_CONTEXT = 32  # pixels that a window at full size shows around its box: strokes need little
_BESIDE = 16  # the same for what is filled without the network
_NEAR = 9  # pixels: side of the square around a missing pixel in which roughness counts
# Detail is left out where less of the missing pixels is thick: where the strokes of letters meet.
_THICK_SHARE = 0.25

# The squared error of a fill over that of the network at full size. Measured on squares of 1.4
# and 3.2 megapixels of two photographs with strokes of 2 to 22 pixels.
_REDUCED = 1.1
# The same where detail is wanted and left out. Not measured: blur shows more than its error says.
_WITHOUT_DETAIL = 1.2
_SMOOTHER = 1 / 12  # what each pixel of thickness adds to 1 without the network
# Pixels: thicker strokes have stairs and breaks without the network, even in a sky.
_SMOOTH_UP_TO = 6


class Group(NamedTuple):
    """Hole pixels that are filled together.

    box, window: as in windows.py.   pixels: bool [h, w] of the box.
    way: "network", "reduced" or "smooth".
    detail: whether the texture of what is thick may be restored (detail/).
    """

    box: Box
    window: Box
    pixels: np.ndarray
    way: str = "network"
    detail: bool = True


class Network(NamedTuple):
    """What plans depend on beside photograph and hole; see `filling.fill`."""

    stride: int
    working_size: int
    context: Context = Context()
    detail: bool = True


def unlimited(photo: np.ndarray, hole: np.ndarray, network: Network) -> List[Group]:
    """The groups of windows.py, whatever they cost; see `plan`."""
    found = windows.plan(hole, network.stride, network.working_size, network.context)
    return [Group(*group, detail=network.detail) for group in found]


def plan(photo: np.ndarray, hole: np.ndarray, network: Network) -> List[Group]:
    """Groups of hole pixels in the order in which they are filled.

    Those of windows.py if they are within the budget, or the photograph is SMALL. Strokes that are
    together no longer than the photograph is wide and high (a scratch or two) always are. So is all
    that a network fills which fills the centre of its window alone, or whose windows are always
    reduced, because they are smaller than what they have to show.
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

    def turn(group):  # what is reduced comes when all around it is known, compact holes last
        if max(group.window.size) <= network.working_size or group.way == "smooth":
            return 0
        return 1 if group.way == "reduced" else 2

    return sorted(found, key=lambda group: (turn(group), group.box))


def budget(missing: int, working_size: int) -> int:
    """What thin holes with so many missing pixels may cost."""
    return max(PER_PIXEL * missing, working_size**2)


def cost(group: Group, working_size: int) -> int:
    """The pixels that the network is given for a group, and those that detail is given."""
    if group.way == "smooth":
        return 0
    height, width = group.window.size
    reduction = max(height, width, working_size) / working_size
    pixels = round(height * width / reduction**2)
    return pixels + height * width * (group.detail and bool(rims.thick(group.pixels).any()))


def _over_budget(groups, network):
    """Numbers of the groups of thin holes, if these cost too much; else none."""
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

    cell: side of the squares that have one window at half the size.
    tile: side of the squares, four of a cell, that have one window at full size.
    around, around_tile: what their windows show.
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
    """One way to fill a cell, its cost, and the error that is expected."""

    cost: int
    error: float
    groups: List[Group]


class _Cell:
    """The thin holes in one square of a photograph.

    length: about how long the strokes are together, in pixels.
    """

    def __init__(self, photo, hole, missing, box):
        self._photo, self._hole, self._missing, self._box = photo, hole, missing, box
        pixels = missing[box.slices]
        # Across a stroke of n pixels the depth is n / 4 + 1 / 2 in the mean.
        self._thickness = max(4 * float(boxes.depth(pixels)[pixels > 0].mean()) - 2, 1.0)
        self.length = int(pixels.sum()) / self._thickness
        self._thick = rims.thick(pixels).sum() >= _THICK_SHARE * pixels.sum()
        self._always_by_network = self._thick or self._thickness > _SMOOTH_UP_TO

    def choices(self, sizes: _Sizes, network: Network) -> List[_Choice]:
        """The ways to fill it: of its tiles, each number of the roughest by the network, the others
        without; and all by the network at half the size. What is thicker than 6 pixels is never
        filled without the network, but at either size perhaps without detail.
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
        """The squared error to expect, up to a factor: that of a step from pixel to pixel."""
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
        """The missing pixels of a square, in the smallest box that has them."""
        box = boxes.bounding_box(self._missing[square.slices]).beyond(square)
        stride = 1 if way == "smooth" else network.stride
        window = boxes.window_around(box, self._hole.shape, stride, around)
        detail = bool(network.detail and self._thick)
        return Group(box, window, self._missing[box.slices] > 0, way, detail)


def _within(cells: List[List[_Choice]], allowed: int) -> List[_Choice]:
    """A choice for each cell, with the smallest error that steps within the budget lead to.

    All start with the cheapest. Then, again and again, the step is taken that saves the most error
    for what it costs. If the cheapest are over the budget together, it is these.
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
        steps[k] = _best_step(chosen[k], cells[k], left)  # again, with what is left


def _best_step(now, choices, left):
    """The error that the best step saves for each pixel, and that step; 0 if there is none."""
    steps = [choice for choice in choices if 0 < choice.cost - now.cost <= left]
    gains = [(now.error - step.error) / (step.cost - now.cost) for step in steps]
    best = max(range(len(steps)), key=gains.__getitem__, default=None)
    return (0.0, now) if best is None else (gains[best], steps[best])
