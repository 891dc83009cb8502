"""Pictures that show matches: their pixels."""

import numpy as np

from tfinpaint import pictures


def test_bytes_survive_the_round_trip_and_values_beyond_the_range_are_clipped():
    photo = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3)
    np.testing.assert_array_equal(pictures.to_uint8(pictures.to_float(photo)), photo)
    assert pictures.to_float(photo).min() == -1 and pictures.to_float(photo).max() == 1
    np.testing.assert_array_equal(pictures.to_uint8([-7.0, 0.0, 3.0]), [0, 128, 255])


def test_positions_are_green_at_the_top_left_and_pink_at_the_bottom_right():
    colors = pictures.position_colors(4, 6).astype(int)
    assert colors.shape == (4, 6, 3)
    red, green, blue = colors[0, 0]
    assert green > red and green > blue
    red, green, blue = colors[-1, -1]
    assert red > blue > green
    assert len({tuple(c) for c in colors.reshape(-1, 3)}) == 24  # every position has its own colour


def test_missing_pixels_have_the_colour_of_their_best_match():
    matches = np.zeros((2, 2, 2), int)
    matches[0, 1] = (1, 0)  # the top right cell matches the bottom left one
    photo = np.full((4, 4, 3), 100, np.uint8)
    hole = np.zeros((4, 4))
    hole[0:2, 2:4] = 1
    shown = pictures.matches_in_colors(matches, photo, hole)
    np.testing.assert_array_equal(
        shown[0:2, 2:4], np.broadcast_to(pictures.position_colors(2, 2)[1, 0], (2, 2, 3))
    )
    assert (shown[2:] == int(100 * 0.35 + 255 * 0.65)).all()


def test_a_sample_row_and_its_grid():
    photo, output = np.full((2, 3, 3), 10, np.uint8), np.full((2, 3, 3), 200, np.uint8)
    hole = np.array([[1, 0, 0], [0, 0, 0]])
    blanked, shown_hole, raw, composite, original = pictures.sample_row(photo, hole, output)
    assert blanked[0, 0, 0] == 255 and blanked[1, 1, 0] == 10
    assert shown_hole[0, 0, 0] == 255 and shown_hole.sum() == 3 * 255
    assert (raw == 200).all() and (original == 10).all()
    assert composite[0, 0, 0] == 200 and (composite.reshape(-1, 3)[1:] == 10).all()
    sheet = pictures.grid([[photo, output], [output, photo]])
    assert sheet.shape == (2 * 2 + 4, 2 * 3 + 4, 3)
    assert (
        sheet[0, 0, 0] == 10
        and sheet[0, -1, 0] == 200
        and sheet[-1, 0, 0] == 200
        and sheet[2, 3, 0] == 255
    )
