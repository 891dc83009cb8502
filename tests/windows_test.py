"""Windows around holes: every hole pixel in exactly one box, boxes inside windows inside the photograph, few windows."""

import numpy as np
import pytest

from tfinpaint import windows
from tfinpaint.windows import Box


def _hole(shape, *boxes):
    hole = np.zeros(shape, np.uint8)
    for box in boxes:
        hole[Box(*box).slices] = 1
    return hole


@pytest.mark.parametrize("seed", range(20))
def test_each_hole_pixel_lies_in_exactly_one_box(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 900, 2))
    hole = np.zeros(shape, np.uint8)
    for _ in range(rng.integers(1, 40)):
        top, left = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        hole[top:top + rng.integers(1, 120), left:left + rng.integers(1, 120)] = rng.integers(1, 256)
    stride = int(rng.choice([1, 8, 64, 256]))
    covered = np.zeros(shape, np.int32)
    for box in windows.hole_boxes(hole, stride, 512):
        covered[box.slices] += 1
        window = windows.window_around(box, shape, stride)
        assert 0 <= window.top <= box.top < box.bottom <= window.bottom <= shape[0]
        assert 0 <= window.left <= box.left < box.right <= window.right <= shape[1]
        for side, limit in zip(window.size, shape):
            assert side % stride == 0 or side == limit
    assert covered.max() == 1
    assert (covered[hole > 0] == 1).all()


def test_a_window_shows_as_much_context_as_hole():
    # 300 x 20 pixels: 150 above and below, and the least, 64, to the left and right
    assert windows.window_around(Box(400, 500, 700, 520), (2000, 2000), 1) == Box(250, 436, 850, 584)


def test_a_window_is_rounded_up_to_the_stride():
    assert windows.window_around(Box(400, 500, 410, 510), (2000, 2000), 64).size == (192, 192)
    assert windows.window_around(Box(400, 500, 410, 510), (150, 2000), 64).size == (150, 192)


def test_at_a_border_the_window_is_shifted_and_keeps_its_size():
    assert windows.window_around(Box(0, 0, 10, 10), (2000, 2000), 8) == Box(0, 0, 144, 144)
    assert windows.window_around(Box(1990, 1995, 2000, 2000), (2000, 2000), 8) == Box(1856, 1864, 2000, 2000)


def test_far_holes_have_a_window_each_in_reading_order():
    boxes = [Box(10, 2500, 40, 2540), Box(900, 30, 930, 90)]
    assert windows.hole_boxes(_hole((1000, 3000), *boxes), 8, 512) == boxes


def test_near_holes_share_a_window():
    assert windows.hole_boxes(_hole((1000, 1000), (500, 500, 510, 510), (530, 530, 540, 540)), 8, 512) == [Box(500, 500, 540, 540)]


def test_near_holes_too_large_for_one_window_stay_apart():
    boxes = [Box(100, 100, 350, 350), Box(100, 370, 350, 620)]
    assert windows.hole_boxes(_hole((1000, 1000), *boxes), 8, 512) == boxes


def test_overlapping_boxes_are_joined_whatever_their_size():
    ring = _hole((1000, 1000), (100, 100, 900, 900))
    ring[110:890, 110:890] = 0
    ring[500:510, 500:510] = 1  # within the ring, not connected with it
    assert windows.hole_boxes(ring, 8, 512) == [Box(100, 100, 900, 900)]


def test_dust_takes_few_windows_and_little_time():
    rng = np.random.default_rng(0)
    hole = (rng.random((2000, 3000)) < 0.01).astype(np.uint8)  # some 55,000 holes
    assert len(windows.hole_boxes(hole, 64, 512)) <= 60


def test_bounding_box_with_margin_stays_inside():
    assert windows.bounding_box(_hole((50, 60), (3, 20, 5, 30)), 10) == Box(0, 10, 15, 40)
