"""Thin holes filled from the pixels beside them, and the rim of fills that were made smaller."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from tfinpaint.painting import detail, rims


def waves(height=200, width=240):
    """uint8 [H, W, 3], with detail of some 5 pixels and larger."""
    rows, columns = np.mgrid[:height, :width]
    sums = [40 * np.sin(columns / 9 + k) + 35 * np.sin((rows + columns) / 1.6) for k in range(3)]
    return np.rint(128 + np.stack(sums, -1)).astype(np.uint8)


def stripes(shape=(200, 240), thickness=3):
    hole = np.zeros(shape, np.uint8)
    for x in range(15, shape[1], 25):
        cv2.line(hole, (x, 0), (x - 10, shape[0]), 1, thickness)
    return hole


def error(one, other, hole):
    return float(np.square(one[hole > 0].astype(float) - other[hole > 0]).mean())


def test_a_ramp_goes_on_through_a_thin_hole():
    rows, columns = np.mgrid[:100, :120]
    ramp = np.stack([rows, columns, rows + columns // 2], -1).astype(np.uint8)
    hole = stripes((100, 120))
    hole[:10], hole[-10:] = 0, 0
    filled = rims.continued(np.where(hole[..., None] > 0, np.uint8(255), ramp), hole)
    assert np.abs(filled.astype(int) - ramp).max() <= 4
    assert np.abs(filled.astype(int) - ramp)[hole > 0].mean() < 1


def test_known_pixels_keep_their_bytes_and_the_hole_has_no_influence():
    photo, hole = waves(), stripes()
    for function in (rims.continued, lambda x, h: rims.refined(x, h, 2.0)):
        filled = function(photo, hole)
        assert filled.dtype == np.uint8 and filled.shape == photo.shape
        np.testing.assert_array_equal(filled[hole == 0], photo[hole == 0])
    other = np.where(hole[..., None] > 0, 255 - photo, photo)
    np.testing.assert_array_equal(rims.continued(photo, hole), rims.continued(other, hole))


def test_nothing_known_is_black_and_nothing_missing_is_the_picture():
    photo = waves(20, 30)
    assert not rims.continued(photo, np.ones((20, 30), np.uint8)).any()
    nothing = np.zeros((20, 30), np.uint8)
    np.testing.assert_array_equal(rims.continued(photo, nothing), photo)
    np.testing.assert_array_equal(rims.refined(photo, nothing, 2.0), photo)
    assert rims.refined(photo, np.ones((20, 30), np.uint8), 2.0).shape == photo.shape


@pytest.mark.parametrize("reduction", [1.5, 2.0])
def test_a_reduced_fill_gets_the_finest_detail_back(reduction):
    """The reduced fill is the best there can be: the photograph itself, reduced and enlarged."""
    rows, columns = np.mgrid[:200, :240]
    photo = np.rint(128 + 60 * np.sin(rows * 1.9 + columns / 50))[..., None].repeat(3, -1)
    photo, hole = photo.astype(np.uint8), np.zeros((200, 240), np.uint8)
    hole[:, 100:140] = 1
    small = cv2.resize(
        photo, [round(side / reduction) for side in (240, 200)], interpolation=cv2.INTER_AREA
    )
    blurred = cv2.resize(small, (240, 200), interpolation=cv2.INTER_CUBIC)
    guide = np.where(hole[..., None] > 0, blurred, photo)
    refined = rims.refined(guide, hole, reduction)
    rim = hole * (cv2.erode(hole, np.ones((3, 3), np.uint8)) == 0)
    assert error(refined, photo, rim) < 0.8 * error(guide, photo, rim)
    assert error(refined, photo, hole) <= error(guide, photo, hole)


@pytest.mark.parametrize("thickness", [3, 6, 13])
def test_in_thin_holes_errors_of_the_fill_are_smaller(thickness):
    """A fill that is off by up to 30 at each pixel, where lines that go on are nearly right."""
    rows, columns = np.mgrid[:200, :240]
    photo = np.stack([rows, columns, (rows + columns) // 2], -1).astype(np.uint8)
    hole = stripes(thickness=thickness)
    off = np.random.default_rng(0).integers(-30, 31, photo.shape)
    fill = np.clip(photo + off * hole[..., None], 0, 255).astype(np.uint8)
    assert error(rims.refined(fill, hole, 2.0), photo, hole) < 0.7 * error(fill, photo, hole)


def test_thick_holes_are_not_mixed_with_continued_lines():
    """In the middle of what is thick the fill stays as it is; so does all of it in a flat place."""
    hole = np.zeros((200, 240), np.uint8)
    hole[60:140, 60:180] = 1
    flat = np.full((200, 240, 3), 90, np.uint8)
    flat[60:140, 60:180] = np.random.default_rng(0).integers(80, 100, (80, 120, 3))
    refined = rims.refined(flat, hole, 2.0)
    np.testing.assert_array_equal(refined[70:130, 70:170], flat[70:130, 70:170])
    # In the outermost row about half of the fill is from `continued`, which is flat.
    row, before = (np.abs(x[60, 60:180].astype(int) - 90).mean() for x in (refined, flat))
    assert row < 0.7 * before
    plain = np.full((200, 240, 3), 90, np.uint8)
    np.testing.assert_array_equal(rims.refined(plain, hole, 2.0), plain)


def test_texture_is_not_mixed_and_a_fill_without_texture_is():
    hole = np.zeros((60, 90), np.uint8)
    hole[20:34, 10:80] = 1  # a stroke of 14 pixels
    hole[45:50, 10:80] = 1  # and one that is too thin for texture
    fill = np.full((60, 90, 3), 90, np.uint8)
    fill[hole > 0] = np.random.default_rng(0).integers(60, 120, (hole.sum(), 3))
    with_detail = rims.refined(fill, hole, 2.0, with_detail=True)
    without = rims.refined(fill, hole, 2.0)
    # Lines that go on are flat here. In the first row of the stroke half of the fill is theirs.
    flat = np.full_like(fill, 90)
    row = np.s_[20:21, 10:80]
    assert error(without[row], flat[row], hole[row]) < 0.3 * error(
        with_detail[row], flat[row], hole[row]
    )
    np.testing.assert_array_equal(with_detail[40:], without[40:])


@pytest.mark.parametrize("seed", range(4))
def test_thick_is_that_of_detail(seed):
    rng = np.random.default_rng(seed)
    hole = np.zeros((150, 200), np.uint8)
    for _ in range(12):
        ends = rng.integers(0, 200, (2, 2))
        cv2.line(hole, *map(tuple, ends.tolist()), 1, int(rng.integers(3, 45)))
    wanted = detail.thick(hole[..., None] > 0).numpy()[..., 0]
    np.testing.assert_array_equal(rims.thick(hole), wanted)
    assert rims.thick(hole).any() == detail.is_thick(hole[..., None])


@pytest.mark.parametrize("with_detail", [False, True])
def test_a_refined_fill_is_that_of_the_definition(with_detail):
    """What the photograph loses at half the size is spread by a Gaussian of one pixel over the
    share of known pixels plus 0.03. Half of the result is from `continued` up to 2 pixels from the
    edge, and nothing from 6 on; no thick part of it where there is texture."""
    rng = np.random.default_rng(1)
    hole = np.zeros((80, 100), np.uint8)
    hole[20:40], hole[60:65] = 1, 1  # thick, and thin
    filled = rng.integers(40, 216, (80, 100, 3)).astype(np.uint8)
    small = filled.reshape(40, 2, 50, 2, 3).mean((1, 3))
    low = cv2.resize(np.rint(small).astype(np.uint8), (100, 80), interpolation=cv2.INTER_CUBIC)
    known = (hole == 0).astype(float)[..., np.newaxis]
    lost, share = (
        ndimage.gaussian_filter(x, (1, 1, 0), mode="mirror")
        for x in ((filled.astype(float) - low) * known, known)
    )
    expected = filled + lost / (share + 0.03)
    # From the middle of a row to that of the first known one. OpenCV counts 0.955 for a step.
    rows = np.arange(80)[:, np.newaxis]
    depth = 0.955 * np.abs(rows - np.flatnonzero(hole[:, 0] == 0)).min(1)
    weight = 0.5 * np.clip((6 - depth) / 4, 0, 1)
    weight[20:40] *= not with_detail
    lines = rims.continued(filled, hole).astype(float)
    expected += weight[:, np.newaxis, np.newaxis] * (lines - expected)
    expected = np.where(known > 0, filled, np.clip(expected, 0, 255))
    refined = rims.refined(filled, hole, 2.0, with_detail).astype(float)
    assert np.abs(refined - expected).max() < 2.5 and np.abs(refined - expected).mean() < 0.3
