"""Photographs of 16 bits keep theirs outside the hole, with metadata and alpha."""

import dataclasses

import cv2
import numpy as np
import pytest
import zoo
from PIL import Image

from tfinpaint.photo import Photo, read_photo, with_fill, write_photo
from tfinpaint.settings import SettingsError

HOLE = np.zeros((zoo.HEIGHT, zoo.WIDTH), bool)
HOLE[4:9, 5:12] = True


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_known_pixels_keep_16_bits_and_the_fill_its_8(tmp_path, ending, channels):
    picture = zoo.noise(channels, 65535)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    (tmp_path / "a.png").write_bytes(zoo.png(picture, kind, 16))
    read = read_photo(str(tmp_path / "a.png"), keep_deep=True)
    assert read.notes == ()
    fill = np.where(HOLE[..., np.newaxis], np.uint8([200, 200, 200]), read.pixels)
    assert write_photo(str(tmp_path / f"o{ending}"), with_fill(read, fill, HOLE), read) == ()
    again = read_photo(str(tmp_path / f"o{ending}"), keep_deep=True)
    np.testing.assert_array_equal(again.deep[~HOLE], read.deep[~HOLE])
    np.testing.assert_array_equal(again.pixels, fill)
    assert again.grey == read.grey == (channels < 3)
    assert len(np.unique(again.deep[HOLE])) > 20  # dithered
    if channels in (2, 4):
        np.testing.assert_array_equal(again.deep_alpha, picture[..., -1])
    by_opencv = cv2.imread(str(tmp_path / f"o{ending}"), cv2.IMREAD_UNCHANGED)
    if channels != 2:  # OpenCV has no grey with alpha
        expected = again.deep[..., 0] if channels == 1 else again.deep[..., ::-1]
        shown = by_opencv if channels == 1 else by_opencv[..., :3]
        np.testing.assert_array_equal(shown, expected)


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_metadata_is_kept(tmp_path, ending):
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    exif.get_ifd(0x8769)[0x829D] = 2.5
    picture = zoo.noise(3, 65535)
    like = Photo(
        np.zeros((*picture.shape[:2], 3), np.uint8),
        icc=zoo.SRGB,
        exif=exif.tobytes(),
        xmp=b"<x/>",
        dpi=(300.0, 300.0),
    )
    assert write_photo(str(tmp_path / f"a{ending}"), picture, like) == ()
    read = read_photo(str(tmp_path / f"a{ending}"), keep_deep=True)
    np.testing.assert_array_equal(read.deep, picture)
    assert read.icc == zoo.SRGB and read.xmp == b"<x/>"
    assert read.dpi == pytest.approx((300, 300), abs=0.1)
    kept = Image.Exif()
    kept.load(read.exif)
    assert kept[0x010F] == "A camera" and float(kept.get_ifd(0x8769)[0x829D]) == 2.5


def test_orientation_and_changed_pixels_around_the_hole(tmp_path):
    upright = zoo.smooth(top=65535)
    content = zoo.tiff(zoo.stored(upright, 6), 2, 16, tags=[(274, 3, [6])])
    (tmp_path / "a.tif").write_bytes(content)
    read = read_photo(str(tmp_path / "a.tif"), keep_deep=True)
    np.testing.assert_array_equal(read.deep, upright)
    feathered = read.pixels.copy()
    feathered[0, 0] += 1  # beyond the hole
    found = with_fill(read, feathered, HOLE)
    assert ((found[0, 0].astype(int) + 128) // 257 == feathered[0, 0]).all()
    np.testing.assert_array_equal(found[0, 1:], upright[0, 1:])


def test_eight_bits_are_widened_and_jpeg_is_refused(tmp_path):
    photo = Photo(zoo.noise())
    found = with_fill(photo, photo.pixels, np.zeros_like(HOLE))
    np.testing.assert_array_equal(found, photo.pixels.astype(int) * 257)
    opaque = dataclasses.replace(photo, alpha=np.full(HOLE.shape, 255, np.uint8))
    write_photo(str(tmp_path / "a.png"), found, opaque)
    assert (read_photo(str(tmp_path / "a.png"), keep_deep=True).deep_alpha == 65535).all()
    with pytest.raises(
        SettingsError, match="JPEG is written with 8 bits per channel, PNG and TIFF with 16"
    ):
        write_photo(str(tmp_path / "a.jpg"), found, photo)


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_a_grey_photograph_gets_the_grey_of_a_coloured_fill(tmp_path, ending):
    """As with 8 bits."""
    (tmp_path / "a.png").write_bytes(zoo.png(zoo.noise(1, 65535), 0, 16))
    read = read_photo(str(tmp_path / "a.png"), keep_deep=True)
    fill = np.where(HOLE[..., np.newaxis], np.uint8([200, 50, 30]), read.pixels)
    for bits, pixels in (("8", fill), ("16", with_fill(read, fill, HOLE))):
        write_photo(str(tmp_path / f"{bits}{ending}"), pixels, read)
    eight, sixteen = (read_photo(str(tmp_path / f"{bits}{ending}")) for bits in ("8", "16"))
    np.testing.assert_array_equal(sixteen.pixels, eight.pixels)
    assert (eight.pixels[HOLE] == round(0.299 * 200 + 0.587 * 50 + 0.114 * 30)).all()
