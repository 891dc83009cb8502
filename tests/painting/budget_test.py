"""The budget of thin holes: each hole pixel once, the cost bounded by the area, rough places first.

What is within the budget has the windows of windows.py.
"""

import itertools

import cv2
import numpy as np
import pytest

from tfinpaint.painting import budget, rims, windows
from tfinpaint.painting.boxes import Box, Context, tiles_with_holes, window_around
from tfinpaint.painting.budget import Network
from tools import first_fill
from tools.benchmarks import window_rows

NETWORK = window_rows.NETWORK
CASES = window_rows.cases(1500, 2000)
THICK = ("dust", "sparse", "letters")  # strokes and specks of more than 6 pixels


@pytest.fixture(scope="module")
def photo():
    return window_rows.photograph(1500, 2000)


def total(groups, network=NETWORK):
    return sum(budget.cost(group, network.working_size) for group in groups)


def check(hole, groups, network):
    """Each hole pixel is in one group. Windows show at least `_BESIDE` pixels around their boxes,
    and what is reduced is above the working size."""
    covered = np.zeros(hole.shape, int)
    for box, window, pixels, way, _ in groups:
        covered[box.slices] += pixels
        for near, far, side in zip(window, box, (0, 0, *hole.shape)):
            assert abs(near - far) >= budget._BESIDE or near == side
        assert 0 <= window.top <= box.top < box.bottom <= window.bottom <= hole.shape[0]
        assert 0 <= window.left <= box.left < box.right <= window.right <= hole.shape[1]
        if way == "reduced":
            assert max(window.size) > network.working_size
    np.testing.assert_array_equal(covered, hole > 0)


@pytest.mark.parametrize("name", CASES)
def test_the_cost_follows_the_area(photo, name):
    hole = CASES[name]
    groups = budget.plan(photo, hole, NETWORK)
    check(hole, groups, NETWORK)
    before = budget.unlimited(photo, hole, NETWORK)
    allowed = budget.budget(int(hole.sum()), NETWORK.working_size)
    assert allowed == max(4 * hole.sum(), 512**2)
    if name in THICK:  # the network fills all of it, at half the size at least
        allowed = max(allowed, 512**2 * len(tiles_with_holes(hole, 2 * 448)))
        assert {group.way for group in groups} <= {"network", "reduced"}
    assert total(groups) <= allowed
    assert total(before) > 1.5 * total(groups)
    # Not less than it may cost, either: a cell's step is at most four windows.
    assert total(groups) > allowed - 4 * 512**2 - 1
    seen = [group for group in groups if group.way != "smooth"]
    assert len(seen) < len(before)
    assert all(max(group.window.size) <= 512 for group in seen if group.way == "network")
    assert all(max(group.window.size) <= 1024 for group in seen)


@pytest.mark.slow
def test_the_cost_at_12_megapixels():
    """A square of the same area has one window, of 0.26 megapixels, and its detail looks at four
    times its area or more. So the cost of both is about the same."""
    photo = window_rows.photograph()
    for hole in (window_rows.holes()["mesh"], window_rows.dust(*photo.shape[:2], 10_000, 1)):
        square = window_rows.blob(*hole.shape, int(hole.sum()))
        square = budget.plan(photo, square, NETWORK)
        assert [group.way for group in square] == ["network"]
        groups = budget.plan(photo, hole, NETWORK)
        assert total(groups) <= max(1.1 * total(square), 512**2)
        assert sum(group.way != "smooth" for group in groups) <= 40


def test_a_small_photograph_has_no_budget():
    """Strokes of 20 pixels are filled visibly worse without the network, which needs only seconds
    for a megapixel."""
    photo = window_rows.photograph(800, 1200)
    for hole in window_rows.cases(800, 1200).values():
        groups = budget.plan(photo, hole, Network(8, 256))
        assert {group.way for group in groups} == {"network"}
        check(hole, groups, Network(8, 256))


@pytest.mark.parametrize(
    "working_size", [256, *(pytest.param(n, marks=pytest.mark.slow) for n in (320, 512))]
)
def test_each_hole_pixel_is_in_one_group(working_size):
    network, ways = Network(8, working_size), set()
    photo = window_rows.photograph(950, 1150)  # a little more than a small one
    for hole in window_rows.cases(950, 1150).values():
        groups = budget.plan(photo, hole, network)
        check(hole, groups, network)
        ways |= {group.way for group in groups}
    assert len(ways) > 1 or working_size == 512


@pytest.mark.parametrize(
    "network",
    [
        Network(1, 112, Context(11 / 16, centred=True)),
        Network(1, 512, Context(11 / 16, centred=True)),
        Network(8, 248),
    ],
)
def test_other_networks_have_the_windows_of_windows_py(network):
    photo = window_rows.photograph(950, 1150)  # a little more than a small one
    for name in ("mesh", "dust"):
        hole = window_rows.cases(950, 1150)[name]
        wanted = [group[:2] for group in budget.unlimited(photo, hole, network)]
        assert [group[:2] for group in budget.plan(photo, hole, network)] == wanted


@pytest.mark.parametrize("seed", range(6))
def test_each_hole_pixel_is_in_one_group_of_random_holes(photo, seed):
    rng = np.random.default_rng(seed)
    hole = np.zeros(rng.integers(700, 1500, 2), np.uint8)
    for _ in range(rng.integers(200, 600)):
        ends = rng.integers(0, hole.shape[::-1], (2, 2))
        ends[1] = ends[0] + (ends[1] - ends[0]) // rng.integers(1, 9)
        cv2.line(hole, *map(tuple, ends.tolist()), 1, int(rng.integers(1, 12)))
    for _ in range(3):
        middle = rng.integers(0, hole.shape[::-1]).tolist()
        cv2.circle(hole, middle, int(rng.integers(20, 160)), 1, cv2.FILLED)
    groups = budget.plan(photo[: hole.shape[0], : hole.shape[1]], hole, NETWORK)
    check(hole, groups, NETWORK)


def scratch(shape):
    hole = np.zeros(shape, np.uint8)
    cv2.line(hole, (20, 30), (shape[1] - 30, shape[0] - 50), 1, 9)
    return hole


def few_letters(shape):
    hole = np.zeros(shape, np.uint8)
    cv2.putText(hole, "A DATE OR A NAME", (50, 400), cv2.FONT_HERSHEY_SIMPLEX, 4, 1, 18)
    return hole


def objects(shape):
    hole = np.zeros(shape, np.uint8)
    for x, y in itertools.product(range(150, shape[1] - 150, 300), range(150, shape[0] - 150, 300)):
        cv2.circle(hole, (x, y), 60, 1, cv2.FILLED)
    return hole


@pytest.mark.parametrize(
    "make", [scratch, few_letters, objects, lambda shape: window_rows.blob(*shape, 300_000)]
)
def test_ordinary_holes_have_the_windows_of_windows_py(photo, make):
    hole = make(photo.shape[:2])
    groups = budget.plan(photo, hole, NETWORK)
    wanted = list(windows.plan(hole, NETWORK.stride, NETWORK.working_size))
    assert len(groups) == len(wanted)
    for group, (box, window, pixels) in zip(groups, wanted, strict=True):
        assert (group.box, group.window, group.way) == (box, window, "network")
        assert group.detail
        np.testing.assert_array_equal(group.pixels, pixels)


@pytest.mark.parametrize("case", first_fill.CASES, ids=lambda case: case.photo)
def test_first_fills_have_the_windows_of_windows_py(case):
    photo, mask = first_fill.read(case)
    hole = (mask > 127).astype(np.uint8)
    found = [(*group[:2], group.way) for group in budget.plan(photo, hole, NETWORK)]
    assert found == [(*group[:2], "network") for group in budget.unlimited(photo, hole, NETWORK)]


def test_compact_holes_among_strokes_keep_their_windows(photo):
    hole = CASES["lines"].copy()
    hole[:700, :700] = 0
    compact = np.zeros_like(hole)
    compact[100:250, 100:250] = compact[350:520, 350:520] = 1
    groups = budget.plan(photo, hole | compact, NETWORK)
    check(hole | compact, groups, NETWORK)
    own = {group.box: group for group in groups if group.way == "network"}
    for box in (Box(100, 100, 250, 250), Box(350, 350, 520, 520)):
        assert own[box].window == window_around(box, hole.shape, NETWORK.stride)
    assert any(group.way == "smooth" for group in groups)


def test_the_network_fills_what_is_rough():
    photo = np.full((1500, 2000, 3), 128, np.uint8)
    photo[:, 1000:] = np.random.default_rng(0).integers(0, 256, (1500, 1000, 3))
    groups = budget.plan(photo, CASES["mesh"], NETWORK)
    for box, _, _, way, _ in groups:
        if way != "smooth":
            assert box.right > 1000
    assert sum(box.left >= 896 for box, _, _, way, _ in groups if way == "network") >= 4


def test_what_lies_under_the_hole_has_no_influence(photo):
    hole = CASES["hatch"]
    other = np.where(hole[..., np.newaxis] > 0, 255 - photo, photo)
    plans = (budget.plan(pixels, hole, NETWORK) for pixels in (photo, other))
    for one, two in zip(*plans, strict=True):
        assert (one.box, one.window, one.way) == (two.box, two.window, two.way)


def test_what_is_thick_is_never_filled_without_the_network():
    hole = window_rows.letters(1500, 2000, 30)
    photo = window_rows.photograph(1500, 2000)
    groups = budget.plan(photo, hole, NETWORK)
    check(hole, groups, NETWORK)
    assert {group.way for group in groups} >= {"reduced"}
    thick = rims.thick(hole)
    for group in groups:
        if group.way == "smooth":
            assert thick[group.box.slices][group.pixels].mean() < 0.5
    assert total(groups) < 0.5 * total(budget.unlimited(photo, hole, NETWORK))


def test_thick_strokes_may_be_filled_at_both_sizes_with_and_without_detail(photo):
    hole = window_rows.letters(1500, 2000)
    sizes = budget._Sizes.of(NETWORK.working_size)
    box = tiles_with_holes(hole, sizes.cell)[0]
    choices = budget._Cell(photo, hole, hole, box).choices(sizes, NETWORK)
    found = {(c.groups[0].way, c.groups[0].detail): (c.cost, c.error) for c in choices}
    assert len(choices) == len(found) == 4
    for detail in (True, False):  # at half the size it costs less and is worse
        whole, half = found["network", detail], found["reduced", detail]
        assert half[0] < whole[0] and half[1] == pytest.approx(1.1 * whole[1])
    for way in ("network", "reduced"):  # so it is without detail
        textured, bare = found[way, True], found[way, False]
        assert bare[0] < textured[0] and bare[1] == pytest.approx(1.2 * textured[1])
    off = budget._Cell(photo, hole, hole, box).choices(sizes, NETWORK._replace(detail=False))
    assert off and not any(group.detail for choice in off for group in choice.groups)


def test_detail_that_is_off_stays_off_and_costs_nothing(photo):
    hole = np.zeros(photo.shape[:2], np.uint8)
    for top, left in itertools.product(range(40, 1350, 150), range(40, 1900, 90)):
        hole[top : top + 110, left : left + 30] = 1  # thick enough for detail
    without = budget.unlimited(photo, hole, NETWORK._replace(detail=False))
    assert not any(group.detail for group in without)
    assert total(without) < 0.6 * total(budget.unlimited(photo, hole, NETWORK))


@pytest.mark.parametrize("seed", range(20))
def test_choices_stay_within_the_budget_and_are_near_the_best(seed):
    rng = np.random.default_rng(seed)
    cells = []
    for _ in range(5):
        costs, errors = np.sort(rng.integers(1, 100, 3)), np.sort(rng.random(4))[::-1]
        pairs = zip([0, *costs.tolist()], errors.tolist())
        cells.append([budget._Choice(cost, error, []) for cost, error in pairs])
    allowed = int(rng.integers(0, 500))
    chosen = budget._within(cells, allowed)
    assert sum(choice.cost for choice in chosen) <= allowed
    every = [c for c in itertools.product(*cells) if sum(choice.cost for choice in c) <= allowed]
    error = sum(choice.error for choice in chosen)
    best = min(sum(choice.error for choice in c) for c in every)
    worst = sum(max(choice.error for choice in choices) for choices in cells)
    assert worst - error >= 0.6 * (worst - best)


def test_the_cheapest_choices_are_taken_if_even_they_cost_too_much():
    cells = [[budget._Choice(10, 1.0, []), budget._Choice(20, 0.5, [])]] * 3
    assert [choice.cost for choice in budget._within(cells, 5)] == [10, 10, 10]


def test_what_is_reduced_comes_after_what_is_not_and_large_holes_last(photo):
    """When a hole is filled at a smaller size, all around it is to be known."""
    hole = window_rows.letters(1500, 2000, 30)
    hole[600:1300, 700:1500] = 0
    hole[650:1250, 750:1450] = 1
    large = Box(650, 750, 1250, 1450)
    groups = budget.plan(photo, hole, NETWORK)
    turns = [2 if g.box == large else int(g.way == "reduced") for g in groups]
    assert set(turns) == {0, 1, 2} and turns == sorted(turns) and turns.count(2) == 1


def comb(shape, left, top):
    """A hole of 20 strokes that are joined at one end, in a square of 240 pixels."""
    hole = np.zeros(shape, np.uint8)
    hole[top : top + 240, left : left + 2] = 1
    for row in range(top, top + 240, 12):
        hole[row : row + 2, left : left + 240] = 1
    return hole


@pytest.mark.parametrize("count", [4, 5])
def test_four_windows_need_no_budget(photo, count):
    hole = sum(comb(photo.shape[:2], 20 + 380 * k, 500) for k in range(count))
    network = budget.unlimited(photo, hole, NETWORK)
    assert len(network) == count
    assert total(network) > 2 * budget.budget(int(hole.sum()), 512)
    ways = {group.way for group in budget.plan(photo, hole, NETWORK)}
    assert (ways == {"network"}) == (count == 4)


def test_the_expected_error_is_that_of_known_pixels_near_the_hole():
    """The number of missing pixels times 1 + the mean squared step of known neighbours of which the
    later one is at most 4 pixels from a missing one, across or down."""
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    photo[:, 20:] //= 8  # smooth, and far from the hole
    hole = np.zeros((30, 40), np.uint8)
    hole[10:13, 5:30], hole[4:6, 2:4] = 1, 1
    missing = hole.copy()
    missing[4:6, 2:4] = 0  # a compact hole: not known, and not among the strokes
    grey, steps = photo.astype(float).mean(-1), []
    for y, x in np.ndindex(hole.shape):
        near = missing[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5].any()
        for v, u in ((y - 1, x), (y, x - 1)):
            if near and min(v, u) >= 0 and not hole[y, x] and not hole[v, u]:
                steps.append((grey[y, x] - grey[v, u]) ** 2)
    cell = budget._Cell(photo, hole, missing, Box(0, 0, 30, 40))
    expected = missing.sum() * (1 + np.mean(steps))
    assert cell._error(Box(0, 0, 30, 40)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("side, has_detail", [(16, False), (60, True)])
def test_detail_is_left_out_where_little_is_thick(photo, side, has_detail):
    """Of 2,400 pixels of strokes and a square of 256 or 3,600 pixels."""
    hole = np.zeros(photo.shape[:2], np.uint8)
    hole[20:28, 30:330] = 1
    hole[100 : 100 + side, 30 : 30 + side] = 1
    sizes = budget._Sizes.of(NETWORK.working_size)
    (box,) = tiles_with_holes(hole, sizes.cell)
    choices = budget._Cell(photo, hole, hole, box).choices(sizes, NETWORK)
    assert any(group.detail for choice in choices for group in choice.groups) == has_detail
