"""Poisson blending: colours from around the hole, texture from the fill, no shift, exact bytes."""

import cv2
import numpy as np
import pytest

from tfinpaint.painting import blending


def boxed(shape, *boxes):
    hole = np.zeros(shape, np.uint8)
    for top, left, bottom, right in boxes:
        hole[top:bottom, left:right] = 1
    return hole


@pytest.fixture(scope="module")
def photo():
    """A slope with fine texture, uint8 [80, 100, 3]."""
    rows, columns = np.mgrid[:80, :100]
    slope = 60 + rows * 0.8 + columns * 0.5
    texture = np.random.default_rng(0).normal(0, 12, (80, 100, 3))
    return np.clip(slope[..., None] + texture, 0, 255).astype(np.uint8)


# Even and odd sides, each border and corner.
BOXES = [
    (20, 30, 44, 60),
    (21, 31, 44, 60),
    (20, 30, 45, 61),
    (0, 0, 20, 31),
    (50, 70, 80, 100),
    (0, 40, 80, 60),
    (30, 0, 41, 100),
    (1, 1, 79, 99),
]


@pytest.mark.parametrize("box", BOXES)
def test_a_picture_cloned_into_itself_is_itself(photo, box, monkeypatch):
    """What lies below is the picture here. A clone that is one pixel off would differ by tens of
    levels in this texture."""
    monkeypatch.setattr(cv2, "inpaint", lambda picture, *_: picture.copy())
    blended = blending.poisson(photo, boxed(photo.shape[:2], box))
    assert np.abs(blended.astype(int) - photo).max() <= 1


@pytest.mark.parametrize("box", BOXES[:5])
def test_colours_come_from_around_and_texture_from_the_fill(photo, box):
    """The fill is the photograph itself, 50 levels darker."""
    hole = boxed(photo.shape[:2], box)
    there = hole > 0
    filled = photo.copy()
    filled[there] = np.maximum(photo[there].astype(int) - 50, 0)
    blended = blending.poisson(filled, hole).astype(int)
    wrong = blended[there] - photo[there]
    assert abs(wrong.mean()) < 12
    inner = cv2.erode(hole, np.ones((9, 9), np.uint8), borderValue=0) > 0

    def fine(picture):
        picture = picture.astype(np.float32)
        return (picture - cv2.blur(picture, (5, 5)))[inner].ravel()

    assert np.corrcoef(fine(blended), fine(photo))[0, 1] > 0.98


def test_known_pixels_keep_their_bytes_and_the_fill_is_not_changed(photo):
    hole = boxed(photo.shape[:2], (5, 5, 30, 40), (40, 50, 70, 95), (35, 3, 38, 60))
    filled = np.where(hole[..., None] > 0, np.uint8(200), photo)
    before = filled.copy()
    blended = blending.poisson(filled, hole)
    np.testing.assert_array_equal(filled, before)
    np.testing.assert_array_equal(blended[hole == 0], photo[hole == 0])
    assert (blended[hole > 0] != 200).any()
    assert blended.dtype == np.uint8 and blended.shape == photo.shape


def test_each_hole_is_blended_by_itself(photo):
    """Far holes: together as one after the other."""
    boxes = [(5, 5, 25, 30), (50, 60, 75, 95)]
    both = boxed(photo.shape[:2], *boxes)
    filled = np.where(both[..., None] > 0, np.uint8(128), photo)
    one = filled
    for box in boxes:
        one = blending.poisson(one, boxed(photo.shape[:2], box))
    np.testing.assert_array_equal(blending.poisson(filled, both), one)


@pytest.mark.parametrize(
    "box", [(10, 10, 11, 11), (10, 10, 16, 90), (0, 7, 80, 10), (79, 99, 80, 100)]
)
def test_thin_holes_are_teleas(photo, box):
    hole = boxed(photo.shape[:2], box)
    filled = np.where(hole[..., None] > 0, np.uint8(0), photo)
    want = cv2.inpaint(filled, hole, 1, cv2.INPAINT_TELEA)
    np.testing.assert_array_equal(blending.poisson(filled, hole), want)


def test_photographs_of_few_pixels_and_without_a_known_one(photo):
    for height, width in ((1, 1), (1, 30), (3, 3), (8, 8), (9, 40)):
        small = photo[:height, :width]
        full = np.ones((height, width), np.uint8)
        np.testing.assert_array_equal(blending.poisson(small, full), small)
        full[0, 0] = 0
        blended = blending.poisson(small, full)
        assert blended.shape == small.shape and (blended[0, 0] == small[0, 0]).all()


def test_a_diagonal_scratch_is_teleas_whatever_its_box(photo):
    """Whether a hole is thin is no matter of its box: each would be cloned in all of it."""
    hole = np.zeros(photo.shape[:2], np.uint8)
    cv2.line(hole, (5, 5), (90, 70), 1, 3)
    filled = np.where(hole[..., None] > 0, np.uint8(0), photo)
    want = cv2.inpaint(filled, hole, 1, cv2.INPAINT_TELEA)
    np.testing.assert_array_equal(blending.poisson(filled, hole), want)


@pytest.mark.parametrize("thickness, is_thin", [(6, True), (7, False)])
def test_up_to_six_pixels_a_hole_is_teleas_and_not_above(photo, thickness, is_thin):
    hole = boxed(photo.shape[:2], (20, 10, 20 + thickness, 90))
    filled = np.where(hole[..., None] > 0, np.uint8(0), photo)
    filled[23, 12:88:2] = 255  # texture, which a clone keeps
    telea = cv2.inpaint(filled, hole, 1, cv2.INPAINT_TELEA)
    assert np.array_equal(blending.poisson(filled, hole), telea) == is_thin


def test_a_hole_within_a_ring_is_blended_by_itself(photo):
    """It lies in the ring's box, and is no part of the ring."""
    ring, inner = boxed(photo.shape[:2], (5, 10, 75, 90)), boxed(photo.shape[:2], (33, 40, 47, 60))
    ring[17:63, 22:78] = 0
    filled = np.where((ring | inner)[..., None] > 0, np.uint8(30), photo)
    one_by_one = blending.poisson(blending.poisson(filled, ring), inner)
    np.testing.assert_array_equal(blending.poisson(filled, ring | inner), one_by_one)
