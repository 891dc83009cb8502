"""Painter.attention_maps: maps are placed in photographs of any size.

The systems are small and untrained.
"""

import numpy as np
import pytest

import tfinpaint
from tfinpaint.attention_maps import placing
from tfinpaint.painting.boxes import Box
from tfinpaint.painting.painter import Painter
from tfinpaint.settings import SettingsError

SMALL = {
    "multistage": dict(width=4, depth=4),
    "musical": dict(width=4),
    "coherent_semantic": dict(width=4, depth=4),
    "gated_conv": dict(width=8),
    "contextual_attention": dict(width=8),
    "residual": dict(width=4, depth=2),
    "shift_net": dict(width=4, depth=4),
    "pluralistic": dict(width=4, depth=4),
}


def painter(name, image_size=64):
    return Painter(tfinpaint.create(name, **SMALL[name]), image_size)


@pytest.fixture(scope="module")
def multistage():
    return painter("multistage")


def photo_of(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def mask_of(height, width, top, left, bottom, right):
    mask = np.zeros((height, width), np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


def cells(map_, pixels):
    """For each pixel (row, column) of the photograph, the cell of the map that it lies in."""
    return [
        tuple(
            int((p + 0.5 - first) / cell) for p, first, cell in zip(pixel, map_.window, map_.cell)
        )
        for pixel in pixels
    ]


def test_a_square_photograph_gives_what_the_system_says(multistage):
    photo, mask = photo_of(64, 64), mask_of(64, 64, 20, 24, 40, 44)
    maps = multistage.attention_maps(photo, mask)
    assert [map_.name for map_ in maps] == ["stage_1 8x8", "stage_2 16x16"] and (
        maps[0].layer == "stage_1"
    )
    at = maps[0].at
    assert at in ((29, 33), (29, 34), (30, 33), (30, 34))  # the middle of the box
    images = np.where(mask[..., None] > 0, 0, photo / np.float32(127.5) - 1)[None].astype(
        np.float32
    )
    _, found = multistage.system.attention_maps(
        images, (mask[None, ..., None] > 0).astype(np.float32), np.array([at])
    )
    for map_, (matches, weights) in zip(maps, found, strict=True):
        assert (
            map_.window == Box(0, 0, 64, 64)
            and map_.cell == (64 / len(map_.weights),) * 2
            and not map_.is_flow
        )
        np.testing.assert_allclose(map_.weights, weights[0], atol=1e-5)
        y, x = cells(map_, [at])[0]
        assert tuple(map_.matches[y, x]) == np.unravel_index(
            map_.weights.argmax(), map_.weights.shape
        )
        if map_ is maps[1]:
            np.testing.assert_array_equal(map_.matches, matches[0])


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name == "residual" else pytest.mark.slow) for name in SMALL],
)
def test_all_systems_know_their_layers(name):
    maps = painter(name).attention_maps(
        photo_of(64, 64), mask_of(64, 64, 20, 24, 40, 44), at=(25, 30)
    )
    assert (
        len({map_.name for map_ in maps})
        == len(maps)
        == {"multistage": 2, "musical": 2}.get(name, 1)
    )
    for map_ in maps:
        assert map_.is_flow == (name in ("gated_conv", "contextual_attention", "shift_net"))
        assert map_.at == (25, 30)
        assert map_.weights.sum() <= 1 + 1e-5 and (
            name in ("gated_conv", "contextual_attention") or map_.weights.sum() > 1 - 1e-5
        )


@pytest.mark.parametrize(
    "height, width, box",
    [
        (70, 91, (20, 30, 41, 55)),  # odd sides: padded by reflection
        (50, 1, (10, 0, 20, 1)),
        (9, 7, (0, 0, 2, 7)),  # at the border
        (64, 64, (0, 0, 20, 64)),
        (300, 200, (100, 0, 250, 150)),  # reduced
        (700, 1000, (600, 900, 700, 1000)),  # a corner of a large one
    ],
)
def test_any_size(multistage, height, width, box):
    photo, mask = photo_of(height, width), mask_of(height, width, *box)
    for map_ in multistage.attention_maps(photo, mask):
        top, left, bottom, right = map_.window
        assert (
            0 <= top <= box[0]
            and 0 <= left <= box[1]
            and box[2] <= bottom <= height
            and box[3] <= right <= width
        )
        shape = np.array(map_.weights.shape)
        assert (
            map_.matches.shape == (*shape, 2)
            and (map_.matches >= 0).all()
            and (map_.matches < shape).all()
        )
        # Cells cover the window and no more: the last one begins inside it.
        assert ((shape - 1) * map_.cell < map_.window.size).all() and (
            (shape * map_.cell >= np.array(map_.window.size) - 1e-6).all()
        )
        assert map_.weights.sum() == pytest.approx(1, abs=1e-4) and mask[map_.at]
        if min(height, width) < 16:
            continue  # mostly padding; each padding cell mirrors parts of two cells
        # Cells of the hole have no weight, and none is a best match.
        inside = np.zeros(shape, bool)
        for y, x in cells(map_, np.argwhere(mask > 0)):
            inside[y, x] = True
        assert not inside.all() and map_.weights[inside].max() == 0
        seen = map_.matches[inside]
        assert not inside[seen[:, 0], seen[:, 1]].any()


def test_a_large_window_is_reduced_to_the_working_size(multistage):
    map_ = multistage.attention_maps(photo_of(512, 256), mask_of(512, 256, 100, 0, 400, 256))[1]
    # The working size is 128 x 64 pixels, which the network halves twice.
    assert map_.window.size == (512, 256) and map_.name == "stage_2 32x16" and map_.cell == (16, 16)


@pytest.mark.slow
def test_the_same_photograph_gives_the_same_whatever_was_asked_before(multistage):
    photo, mask = photo_of(70, 91), mask_of(70, 91, 20, 30, 41, 55)
    first = multistage.attention_maps(photo, mask)
    before = multistage.fill(photo, mask)
    multistage.attention_maps(photo_of(64, 64, seed=1), mask_of(64, 64, 0, 0, 9, 9))
    for a, b in zip(first, multistage.attention_maps(photo, mask), strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
        np.testing.assert_array_equal(a.matches, b.matches)
    np.testing.assert_array_equal(multistage.fill(photo, mask), before)


def test_what_lies_under_the_hole_has_no_influence(multistage):
    mask = mask_of(64, 64, 20, 24, 40, 44)
    photo = photo_of(64, 64)
    other = np.where(mask[..., None] > 0, photo_of(64, 64, seed=1), photo)
    for a, b in zip(multistage.attention_maps(photo, mask), multistage.attention_maps(other, mask)):
        np.testing.assert_array_equal(a.weights, b.weights)


@pytest.mark.parametrize(
    "at, words",
    [
        ((0, 0), r"`at=\(0, 0\)` is no pixel of the hole; its innermost pixel is"),
        ((64, 3), "64 rows and 64 columns. Got 64,3"),
        ((-1, 3), "Got -1,3"),
    ],
)
def test_a_pixel_outside_the_hole_is_refused(multistage, at, words):
    with pytest.raises(SettingsError, match=words):
        multistage.attention_maps(photo_of(64, 64), mask_of(64, 64, 20, 24, 40, 44), at)


def test_a_photograph_that_is_all_hole_is_refused(multistage):
    with pytest.raises(SettingsError, match="All of the photograph is hole"):
        multistage.attention_maps(photo_of(64, 64), mask_of(64, 64, 0, 0, 64, 64))


def test_a_system_without_attention_says_so():
    plain = Painter(tfinpaint.create("partial_conv", width=4, depth=4), 64)
    with pytest.raises(SettingsError, match="partial_conv has no attention to show"):
        plain.attention_maps(photo_of(64, 64), mask_of(64, 64, 20, 24, 40, 44))


def test_the_innermost_pixel():
    hole = mask_of(30, 40, 5, 6, 16, 37)
    hole[10, 6:30] = 0  # after this cut the widest part is at the right
    row, column = placing.choose_pixel(hole)
    assert 8 <= row <= 12 and column == 33
    assert placing.choose_pixel(mask_of(31, 41, 0, 0, 31, 41))[0] == 15  # all hole: the middle
    assert placing.choose_pixel(hole, (5, 6)) == (5, 6)


def test_padding_is_brought_back_to_what_it_mirrors():
    """10 x 10 pixels are padded to 16 x 16, in cells of 4.

    Cells 0 to 2 begin inside. Cell 3 (pixels 12 to 15) mirrors pixels 7 to 4, which are cell 1.
    """

    class System:
        attention_layers, attention_is_flow = ("only",), False

    weights = np.zeros((1, 4, 4), np.float32)
    weights[0, 3, 3], weights[0, 1, 1], weights[0, 0, 3] = 0.5, 0.3, 0.2
    matches = np.full((1, 4, 4, 2), 3, np.int32)
    (map_,) = placing.place_maps(
        System, [(matches, weights)], Box(5, 5, 25, 25), (10, 10), (16, 16), (7, 7)
    )
    want = np.zeros((3, 3))
    want[1, 1], want[0, 1] = 0.8, 0.2
    np.testing.assert_allclose(map_.weights, want)
    assert (map_.matches == 1).all() and map_.cell == (8, 8) and map_.name == "only 4x4"
