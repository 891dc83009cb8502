"""Pictures of attention maps: their colours against values worked out by hand."""

import colorsys

import numpy as np
import pytest

from tfinpaint.attention_maps import pictures
from tfinpaint.attention_maps.placing import AttentionMap
from tfinpaint.painting.boxes import Box
from tfinpaint.pictures import position_colors


def map_of(matches, weights=None, window=None, cell=(8.0, 8.0), at=(0, 0), is_flow=True):
    matches = np.array(matches, np.int32)
    h, w = matches.shape[:2]
    weights = (
        np.full((h, w), 1 / (h * w), np.float32)
        if weights is None
        else np.array(weights, np.float32)
    )
    return AttentionMap(
        "stage_1 9x9",
        window or Box(0, 0, int(h * cell[0]), int(w * cell[1])),
        cell,
        matches,
        weights,
        at,
        is_flow,
    )


def test_places_by_hand():
    """2 x 2 cells of 8 pixels. Known pixels are faded.

    The best match of the top right cell is the bottom left one; that of the bottom right cell is
    itself.
    """
    matches = [[[0, 0], [1, 0]], [[0, 0], [1, 1]]]
    photo, hole = np.full((16, 16, 3), 100, np.uint8), np.zeros((16, 16), bool)
    hole[:, 8:] = True
    picture = pictures.places(map_of(matches), photo, hole)
    colors = position_colors(2, 2)
    assert (picture[:8, 8:16] == colors[1, 0]).all() and (picture[8:16, 8:16] == colors[1, 1]).all()
    assert (picture[:16, :8] == int(100 * 0.35 + 255 * 0.65)).all()
    # The legend has the colours of the positions: green at the top left of its square, pink at
    # the bottom right.
    legend = picture[16:]
    drawn = np.argwhere((legend != 255).any(-1) & (np.arange(legend.shape[1]) < 8 + 48))
    (top, left), (bottom, right) = drawn.min(0), drawn.max(0)
    np.testing.assert_array_equal(legend[top, left], colors[0, 0])
    np.testing.assert_array_equal(legend[bottom, right], colors[1, 1])


def test_pictures_are_of_the_window_and_one_size():
    """A small window is enlarged, and a large one is reduced.

    A window of 16 x 24 pixels in a photograph of 40 x 50 is enlarged 22 times, to 352 x 528, with
    a legend of 64 rows below. One of 3000 x 1500 is reduced to 1024 x 512.
    """
    photo = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    mask = np.zeros((40, 50), np.uint8)
    mask[10:14, 20:30] = 255
    small = map_of(np.zeros((2, 3, 2)), window=Box(6, 12, 22, 36), at=(11, 21))
    found = pictures.pictures(small, photo, mask)
    assert list(found) == ["places", "weights", "flow"]
    assert {p.shape for p in found.values()} == {(352 + 64, 528, 3)} and (
        {p.dtype for p in found.values()} == {np.dtype(np.uint8)}
    )
    # The hole begins at row 4 and column 8 of the window, so at 88 and 176 of the picture. Its
    # best match is the cell at the top left.
    assert (found["places"][88:176, 176:396] == position_colors(2, 3)[0, 0]).all()
    assert not (found["places"][80, 176:396] == position_colors(2, 3)[0, 0]).all()
    large = map_of(
        np.zeros((2, 1, 2)), window=Box(0, 0, 3000, 1500), cell=(1500.0, 1500.0), is_flow=False
    )
    found = pictures.pictures(large, np.zeros((3000, 1500, 3), np.uint8), np.ones((3000, 1500)))
    assert list(found) == ["places", "weights"] and found["weights"].shape == (1024 + 64, 512, 3)


def test_weights_by_hand():
    """Two cells, each of 100 x 100 pixels, have the weights 0.6 and 0.15.

    The first is dark red. The second has a quarter of its weight: the second of five colours, at
    half strength.
    """
    weights = np.zeros((3, 3))
    weights[0, 0], weights[0, 2] = 0.6, 0.15
    map_ = map_of(np.zeros((3, 3, 2)), weights, cell=(100.0, 100.0), at=(250, 250))
    photo, hole = np.full((300, 300, 3), 200, np.uint8), np.zeros((300, 300), bool)
    hole[200:, 200:] = True
    picture = pictures.weights(map_, photo, hole)
    np.testing.assert_array_equal(picture[10, 10], [130, 0, 0])
    grey = np.uint8(90 + 0.55 * 200)
    np.testing.assert_array_equal(
        picture[10, 290], np.rint((grey + np.array([90.0, 200, 190])) / 2)
    )
    assert (picture[10, 110:190] == grey).all() and (picture[290, 290] == 255).all()
    assert (picture[250, 250] == 0).all()  # the cross at the chosen pixel
    assert (picture[242, 250] == 0).all() and not (picture[242, 256] == 0).all()


def test_negative_weights_are_not_drawn():
    weights = [[2.0, -1.0]]
    picture = pictures.weights(
        map_of(np.zeros((1, 2, 2)), weights, cell=(100.0, 100.0)),
        np.zeros((100, 200, 3), np.uint8),
        np.zeros((100, 200), bool),
    )
    assert (picture[90, 150] == 90).all() and (picture[90, 90] == [130, 0, 0]).all()


@pytest.mark.parametrize(
    "offset, hue", [((0, 1), 0), ((1, 1), 45), ((1, 0), 90), ((0, -1), 180), ((-1, 0), 270)]
)
def test_a_constant_flow_has_one_hue(offset, hue):
    matches = np.moveaxis(np.indices((4, 4)), 0, -1) + offset
    map_ = map_of(matches)
    np.testing.assert_array_equal(
        pictures.flow_offsets(map_), np.broadcast_to(8 * np.array(offset), (4, 4, 2))
    )
    picture = pictures.flow(map_, np.zeros((32, 32, 3), np.uint8), np.ones((32, 32), bool))[
        :32, :32
    ]
    want = np.array(colorsys.hsv_to_rgb(hue / 360, 1, 1)) * 255
    assert np.abs(picture - want).max() <= 1


def test_the_length_of_a_flow_is_saturation():
    """An offset half as long as the longest is half as saturated. A zero offset is white."""
    matches = np.moveaxis(np.indices((1, 5)), 0, -1).copy()
    matches[0, 0, 1] += 4
    matches[0, 1, 1] += 2
    picture = pictures.flow(map_of(matches), np.zeros((8, 40, 3), np.uint8), np.ones((8, 40), bool))
    np.testing.assert_allclose(picture[4, 4], [255, 0, 0])
    np.testing.assert_allclose(picture[4, 12], [255, 128, 128], atol=1)
    np.testing.assert_allclose(picture[4, 20:40], 255)
