"""tfinpaint.metrics.references: simple fills whose results are known in advance."""

import cv2
import numpy as np
import pytest
from PIL import Image

from tfinpaint.metrics import references

FILLS = (references.mean_fill, references.telea, references.navier_stokes)
ALIKE = (
    lambda h: h,
    lambda h: h // 255,
    lambda h: h > 0,
    lambda h: h[..., None],
    lambda h: (h / 255).astype(np.float32),
)


def picture():
    """A smooth colour picture, uint8 [24, 31, 3]."""
    y, x = np.mgrid[:24, :31]
    return np.stack([4 * y + 100, 6 * x, 200 - 2 * x - 3 * y], -1).astype(np.uint8)


def hole_at(*boxes):
    hole = np.zeros((24, 31), np.uint8)
    for top, left, bottom, right in boxes:
        hole[top:bottom, left:right] = 255
    return hole


def test_mean_fill_by_hand():
    photo = np.array([[[10, 0, 255], [11, 1, 255]], [[10, 2, 254], [99, 99, 99]]], np.uint8)
    # Means of the known pixels: 31 / 3 = 10.33, 3 / 3 = 1, 764 / 3 = 254.67. They are rounded.
    filled = references.mean_fill(photo, np.array([[0, 0], [0, 255]], np.uint8))
    np.testing.assert_array_equal(
        filled, [[[10, 0, 255], [11, 1, 255]], [[10, 2, 254], [10, 1, 255]]]
    )


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize(
    "hole",
    [
        hole_at((5, 6, 12, 15)),
        hole_at((0, 0, 5, 7), (20, 28, 24, 31)),
        hole_at((0, 0, 24, 12)),
        hole_at((0, 0, 24, 31)),
        hole_at(),
    ],
)
def test_known_pixels_stay_and_hidden_ones_are_not_looked_at(fill, hole):
    photo = picture()
    filled = fill(photo, hole)
    assert filled.dtype == np.uint8 and filled.shape == photo.shape
    np.testing.assert_array_equal(filled[hole == 0], photo[hole == 0])
    np.testing.assert_array_equal(photo, picture())
    other = np.where(
        hole[..., None] > 0, np.random.RandomState(0).randint(0, 256, photo.shape), photo
    ).astype(np.uint8)
    np.testing.assert_array_equal(fill(other, hole), filled)


@pytest.mark.parametrize("fill", FILLS)
def test_a_flat_photograph_is_filled_with_its_colour(fill):
    photo = np.broadcast_to(np.array([20, 130, 250], np.uint8), (24, 31, 3)).copy()
    hole = hole_at((0, 4, 6, 14), (15, 20, 24, 31))
    blanked = np.where(hole[..., None] > 0, 77, photo).astype(np.uint8)
    # OpenCV's own Telea is up to 3 grey levels off.
    assert np.abs(fill(blanked, hole).astype(int) - photo).max() <= 3


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("like", ALIKE)
def test_any_number_but_zero_is_hole(fill, like):
    hole = hole_at((5, 6, 12, 15))
    np.testing.assert_array_equal(fill(picture(), like(hole)), fill(picture(), hole))


@pytest.mark.parametrize(
    "fill,method",
    [(references.telea, cv2.INPAINT_TELEA), (references.navier_stokes, cv2.INPAINT_NS)],
)
def test_opencv_with_radius_3_in_either_channel_order(fill, method):
    hole = hole_at((5, 6, 12, 15), (15, 20, 20, 26))
    bgr = np.ascontiguousarray(picture()[..., ::-1])
    np.testing.assert_array_equal(
        fill(picture(), hole), cv2.inpaint(bgr, hole, 3, method)[..., ::-1]
    )


@pytest.mark.parametrize("fill", FILLS)
def test_nothing_known_gives_mid_grey(fill):
    assert (fill(picture(), hole_at((0, 0, 24, 31))) == 128).all()


@pytest.mark.parametrize("fill", FILLS)
def test_a_flipped_view_is_taken(fill):
    """Mirrored and cropped photographs are arrays that are not contiguous."""
    hole = hole_at((5, 6, 12, 15))
    photo, hole = picture()[:, ::-1], hole[:, ::-1]
    np.testing.assert_array_equal(
        fill(photo, hole), fill(np.ascontiguousarray(photo), np.ascontiguousarray(hole))
    )


@pytest.mark.parametrize("fill", FILLS)
def test_what_numpy_reads_as_an_array_is_taken(fill):
    photo, hole = picture(), hole_at((5, 6, 12, 15))
    np.testing.assert_array_equal(
        fill(Image.fromarray(photo), hole.tolist()), fill(photo, np.asarray(hole))
    )


@pytest.mark.parametrize("fill", FILLS)
def test_other_shapes_and_dtypes_are_refused(fill):
    with pytest.raises(ValueError, match="photo is uint8 .* Got int64"):
        fill(picture().tolist(), hole_at())
    with pytest.raises(ValueError, match="photo"):
        fill(picture().astype(np.float32), hole_at())
    with pytest.raises(ValueError, match="photo"):
        fill(picture()[..., 0], hole_at())
    with pytest.raises(ValueError, match="hole"):
        fill(picture(), hole_at()[:-1])
