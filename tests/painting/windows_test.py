"""Windows around holes.

Every hole pixel is in exactly one box, boxes are inside windows and these inside the photograph,
and there are few windows.
"""

import cv2
import numpy as np
import pytest

from tfinpaint.painting import budget, windows
from tfinpaint.painting.boxes import CONTEXT, Box, Context, bounding_box, window_around
from tools.benchmarks import window_rows


def _hole(shape, *boxes):
    hole = np.zeros(shape, np.uint8)
    for box in boxes:
        hole[Box(*box).slices] = 1
    return hole


@pytest.mark.parametrize("seed", range(20))
def test_each_hole_pixel_is_in_exactly_one_group(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 900, 2))
    hole = np.zeros(shape, np.uint8)
    for _ in range(rng.integers(1, 40)):
        top, left = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        hole[top : top + rng.integers(1, 120), left : left + rng.integers(1, 120)] = rng.integers(
            1, 256
        )
    stride = int(rng.choice([1, 8, 64, 256]))
    covered = np.zeros(shape, np.int32)
    for box, window, pixels in windows.plan(hole, stride, 512):
        assert pixels.shape == box.size and pixels.any()
        covered[box.slices] += pixels
        assert 0 <= window.top <= box.top < box.bottom <= window.bottom <= shape[0]
        assert 0 <= window.left <= box.left < box.right <= window.right <= shape[1]
        for side, limit in zip(window.size, shape):
            assert side % stride == 0 or side == limit
    np.testing.assert_array_equal(covered, hole > 0)


def test_a_window_shows_as_much_context_as_hole():
    # 300 x 20 pixels: 150 above and below; to the left and right the least, 64.
    assert window_around(Box(400, 500, 700, 520), (2000, 2000), 1) == Box(250, 436, 850, 584)


def test_a_window_is_rounded_up_to_the_stride():
    assert window_around(Box(400, 500, 410, 510), (2000, 2000), 64).size == (192, 192)
    assert window_around(Box(400, 500, 410, 510), (150, 2000), 64).size == (150, 192)


def test_at_a_border_the_window_is_shifted_and_keeps_its_size():
    assert window_around(Box(0, 0, 10, 10), (2000, 2000), 8) == Box(0, 0, 144, 144)
    assert window_around(Box(1990, 1995, 2000, 2000), (2000, 2000), 8) == Box(
        1856, 1864, 2000, 2000
    )


def boxes_of(hole, working_size=512):
    return [box for box, _, _ in windows.plan(hole, 8, working_size)]


def test_a_centred_context_is_a_square_with_more_around_it():
    """The longer side counts on both axes: 300 and 2 x 207 around it (11/16, rounded up)."""
    context = Context(11 / 16, centred=True)
    box = Box(400, 500, 700, 520)
    assert window_around(box, (2000, 2000), 1, context) == Box(193, 153, 907, 867)
    assert window_around(box, (2000, 600), 1, context).size == (714, 600)
    small = Box(400, 500, 410, 520)  # 64 pixels around it, as for every network
    assert window_around(small, (2000, 2000), 1, context).size == (148, 148)


def test_far_holes_have_a_window_each_in_reading_order():
    boxes = [Box(10, 2500, 40, 2540), Box(900, 30, 930, 90)]
    assert boxes_of(_hole((1000, 3000), *boxes)) == boxes


def test_specks_in_one_cell_share_a_window():
    assert boxes_of(_hole((1000, 1000), (500, 500, 510, 510), (530, 530, 540, 540))) == [
        Box(500, 500, 540, 540)
    ]


def test_larger_holes_have_a_window_each_however_near():
    boxes = [Box(100, 100, 350, 350), Box(100, 370, 350, 620)]
    assert boxes_of(_hole((1000, 1000), *boxes)) == boxes


def test_a_hole_within_the_box_of_another_is_a_group_of_its_own():
    ring = _hole((400, 400), (100, 100, 300, 300))
    ring[110:290, 110:290] = 0
    ring[195:205, 195:205] = 1
    (outer, _, outer_pixels), (inner, _, inner_pixels) = windows.plan(ring, 8, 512)
    assert (outer, inner) == (Box(100, 100, 300, 300), Box(195, 195, 205, 205))
    assert inner_pixels.all() and outer_pixels.sum() == 200**2 - 180**2


def test_a_long_thin_hole_is_cut_into_windows_that_need_no_reduction():
    line = np.zeros((2000, 2000), np.uint8)
    cv2.line(line, (20, 30), (1970, 1950), 1, 9)
    found = boxes_of(line)
    assert len(found) > 8
    assert all(max(window_around(box, line.shape, 8).size) <= 512 for box in found)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "boxes",
    [
        [(0, 0, 100, 800)],  # from edge to edge, at the end of a banner
        [(0, 500, 100, 1900)],
        [(0, 0, 100, 900), (40, 905, 60, 925), (20, 940, 30, 1000)],  # with others beside it
    ],
)
def test_every_window_of_a_narrow_photograph_shows_something_known(boxes, turned):
    hole = _hole((100, 2000), *boxes)
    hole = np.ascontiguousarray(hole.T) if turned else hole
    covered = np.zeros(hole.shape, np.int32)
    for box, window, pixels in windows.plan(hole, 64, 512):
        covered[box.slices] += pixels
        assert not hole[window.slices].all()
    np.testing.assert_array_equal(covered, hole)


def test_a_large_thick_hole_stays_whole_and_comes_last():
    hole = _hole((2000, 2000), (100, 100, 900, 900), (1500, 1500, 1540, 1540))
    assert boxes_of(hole) == [Box(1500, 1500, 1540, 1540), Box(100, 100, 900, 900)]


@pytest.mark.parametrize("share", [0.0005, 0.01])
def test_dust_takes_no_more_windows_than_there_are_cells_and_none_is_reduced(share):
    # Some 3,000 and 55,000 holes.
    hole = (np.random.default_rng(0).random((2000, 3000)) < share).astype(np.uint8)
    found = [window for _, window, _ in windows.plan(hole, 8, 512)]
    assert len(found) <= 11 * 16  # cells of 192 pixels
    assert all(max(window.size) <= 512 for window in found)


# --------------------------------------------------------------- thin holes that are close together


@pytest.mark.parametrize("name", ["hatch", "lines", "mesh", "dust"])
@pytest.mark.parametrize("shape", [(1000, 1500), (2000, 2000)])
def test_windows_follow_the_area_and_not_the_number_of_strokes(name, shape):
    hole = window_rows.holes(*shape)[name]
    assert 0.08 < hole.mean() < 0.12
    ways, photographs = window_rows.spent(
        hole, hole, lambda *given: budget.unlimited(*given[:2], given[2]._replace(detail=False))
    )
    # One window in each piece of 384 pixels; so many and their context are less than 2.2 times
    # the photograph.
    assert sum(ways.values()) <= -(-shape[0] // 384) * -(-shape[1] // 384) and photographs < 2.2


def covered_once(hole, working_size=512, context=Context()):
    """The plan's windows, after a check that it has each hole pixel once, within its window."""
    covered, found = np.zeros(hole.shape, int), []
    for box, window, pixels in windows.plan(hole, 8, working_size, context):
        covered[box.slices] += pixels
        assert window.top <= box.top < box.bottom <= window.bottom
        assert window.left <= box.left < box.right <= window.right
        found.append(window)
    np.testing.assert_array_equal(covered, hole > 0)
    return found


@pytest.mark.parametrize("working_size", [16, 128, 200, 512])
@pytest.mark.parametrize("context", [Context(), Context(11 / 16, centred=True)])
def test_shared_windows_have_each_hole_pixel_once(working_size, context):
    """With the usual context and working size, all but the blob's are not reduced either."""
    for name, hole in window_rows.holes(400, 600).items():
        found = covered_once(hole, working_size, context)
        if working_size == 512 and name != "blob" and not context.centred:
            assert all(max(window.size) <= 512 for window in found)


def test_shared_windows_show_what_is_beside_each_stroke():
    hole = window_rows.holes(1200, 1600)["hatch"]
    for box, window, _ in windows.plan(hole, 8, 512):
        for near, far, limit in zip(window, box, (0, 0, *hole.shape)):
            assert abs(near - far) >= CONTEXT or near in (0, limit)


def test_a_scratch_beside_a_hatch_far_away_keeps_its_windows():
    hatch, scratch = np.zeros((1500, 4000), np.uint8), np.zeros((1500, 4000), np.uint8)
    hatch[:, :1200] = window_rows.holes(1500, 1200)["hatch"]
    cv2.line(scratch, (2400, 100), (3900, 1300), 1, 5)
    alone = [window for _, window, _ in windows.plan(scratch, 8, 512)]
    both = [window for _, window, _ in windows.plan(hatch | scratch, 8, 512)]
    assert set(alone) < set(both) and len(both) - len(alone) <= 16


def test_compact_holes_keep_a_window_each_among_strokes_that_share():
    hole = window_rows.holes(1500, 1500)["lines"]
    hole[:700, :700] = 0
    boxes = [Box(100, 100, 250, 250), Box(350, 350, 520, 520), Box(100, 400, 170, 480)]
    compact = _hole(hole.shape, *boxes)
    plan = {box: window for box, window, _ in windows.plan(hole | compact, 8, 512)}
    for box in boxes[:2]:
        assert plan[box] == window_around(box, hole.shape, 8)
    covered_once(hole | compact)


def test_a_few_thin_holes_keep_a_window_each():
    boxes = [Box(10, 10, 20, 200), Box(10, 500, 210, 510), Box(700, 100, 712, 330)]
    assert boxes_of(_hole((1000, 1000), *boxes)) == boxes


@pytest.mark.parametrize("seed", range(6))
def test_shared_windows_of_random_strokes(seed):
    rng = np.random.default_rng(seed)
    hole = np.zeros(rng.integers(300, 1500, 2), np.uint8)
    for _ in range(rng.integers(1, 200)):
        ends = rng.integers(0, hole.shape[::-1], (2, 2))
        ends[1] = ends[0] + (ends[1] - ends[0]) // rng.integers(1, 9)
        cv2.line(hole, *map(tuple, ends.tolist()), 1, int(rng.integers(1, 12)))
    covered_once(hole)


def test_bounding_box_with_margin_stays_inside():
    assert bounding_box(_hole((50, 60), (3, 20, 5, 30)), 10) == Box(0, 10, 15, 40)


@pytest.mark.parametrize("side, together", [(64, True), (65, False)])
def test_a_speck_has_sides_of_up_to_64_pixels(side, together):
    boxes = [Box(10, 10, 10 + side, 10 + side), Box(90, 90, 90 + side, 90 + side)]
    joined = [Box(10, 10, 90 + side, 90 + side)]
    assert boxes_of(_hole((1000, 1000), *boxes)) == (joined if together else boxes)


@pytest.mark.parametrize("thickness, is_cut", [(120, True), (140, False)])
def test_long_holes_are_cut_up_to_a_quarter_of_the_working_size(thickness, is_cut):
    bar = Box(900, 200, 900 + thickness, 1800)
    found = boxes_of(_hole((2000, 2000), bar))
    assert (len(found) > 4) if is_cut else (found == [bar])


@pytest.mark.parametrize("side, share", [(120, True), (140, False)])
def test_holes_that_are_not_thin_share_no_windows_however_close_they_are(side, share):
    boxes = [
        Box(top, left, top + side, left + side)
        for top in range(10, 900, side + 2)
        for left in range(10, 900, side + 2)
    ]
    found = boxes_of(_hole((1100, 1100), *boxes))
    assert (len(found) < len(boxes) / 2) if share else (found == boxes)
