"""`filling.fill`: what a network is told of a window, and what it sees there."""

import numpy as np
import pytest

from tfinpaint.painting import filling
from tfinpaint.painting.boxes import Context
from tfinpaint.painting.filling import AIM, BAND, OTHER, Options

PHOTO = np.random.default_rng(0).integers(60, 200, (120, 260, 3)).astype(np.uint8)
HOLES = np.s_[30:90, 20:90], np.s_[30:90, 110:180]  # each is in the window of the other


class Listening:
    """A network that paints 7 wherever something is shown, and remembers what it was given."""

    def __init__(self):
        self.given = []

    def __call__(self, window, hole, shown, with_detail):
        self.given.append((window.copy(), hole[..., 0].copy(), shown[..., 0].copy()))
        return np.where(shown > 0, np.uint8(7), window)


def fill(feather):
    mask = np.zeros(PHOTO.shape[:2], np.uint8)
    for hole in HOLES:
        mask[hole] = 255
    network = Listening()
    # With so much context, each window is all of the photograph.
    filling.fill(network, 1, 512, Context(2.0), PHOTO, mask, Options(0, feather))
    assert [window.shape for window, *_ in network.given] == [PHOTO.shape] * 2
    return network.given


@pytest.mark.parametrize("feather", [0, 6])
def test_later_windows_see_the_photograph_where_an_earlier_fill_will_fade(feather):
    """And the earlier fill itself in its hole, which is no longer missing."""
    _, (window, missing, _) = fill(feather)
    expected, left = PHOTO.copy(), np.zeros(PHOTO.shape[:2], np.uint8)
    expected[HOLES[0]], left[HOLES[1]] = 7, 1
    np.testing.assert_array_equal(missing, left)
    np.testing.assert_array_equal(window[left == 0], expected[left == 0])


@pytest.mark.parametrize("feather", [0, 6])
def test_a_window_says_what_it_is_for_and_where_other_holes_are(feather):
    for k, (_, _, shown) in enumerate(fill(feather)):
        expected = np.zeros(PHOTO.shape[:2], np.uint8)
        for number, hole in enumerate(HOLES):
            marked = np.zeros_like(expected)
            marked[hole] = 1
            band = (filling.grown(marked, feather) > 0) & (marked == 0)
            own = number == k
            expected[band] = AIM if own else BAND
            expected[hole] = AIM if own else OTHER
        np.testing.assert_array_equal(shown, expected)
