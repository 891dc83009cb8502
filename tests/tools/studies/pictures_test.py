"""Pictures of the study: which photograph, and which fill is where."""

import numpy as np

from tools.studies import pictures


def test_the_median_is_one_of_the_photographs():
    assert pictures.median(np.array([5.0, 1.0, 3.0])) == 2
    assert pictures.median(np.array([4.0, 1.0, 3.0, 2.0])) == 3  # the lower one of two
    assert pictures.median(np.array([7.0])) == 0
    assert pictures.median(np.array([np.nan, 9.0, np.nan, 1.0, 5.0])) == 4  # not filled by all
    assert pictures.median(np.array([np.nan])) is None


def test_fills_stand_in_the_order_of_their_figures():
    photo = np.full((16, 16, 3), 100, np.uint8)
    hole = np.zeros((16, 16), np.uint8)
    hole[4:12, 4:12] = 1

    def fill(value):
        return lambda photos, holes: np.where(holes[..., None] > 0, np.uint8(value), photos)

    systems = {"dark": fill(10), "bright": fill(240)}
    picture, lines = pictures.side_by_side(photo, hole, systems, {"dark": 8.0, "bright": 9.5})
    assert lines == [
        "original",
        "hole",
        "bright: 9.50 dB in the hole",
        "dark: 8.00 dB in the hole",
    ]
    height = 2 * 16 + 20  # with a name below
    assert picture.shape[0] == height and picture.dtype == np.uint8
    middles = [int(picture[16, 16 + k * 36, 0]) for k in range(7)]  # cells of 32, gaps of 4
    assert middles == [100, 255, 240, 10, 255, 255, 255]
    assert picture[0, 36 * 2, 0] == 100  # the known pixels are the photograph's
    strips = picture[32:, :32].min(), picture[32:, 36 * 5 :].min()
    assert strips[0] < 100 and strips[1] == 255  # a name, and none
