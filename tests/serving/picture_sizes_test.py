"""Pixels are counted from a file's headers as a decoder counts them."""

import io

import numpy as np
import pytest
from PIL import Image
from serving.calls import gif

from tfinpaint.serving import picture_sizes

NOISE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)


def written(kind, mode="RGB", **options):
    file = io.BytesIO()
    Image.fromarray(NOISE).convert(mode).save(file, kind, **options)
    return file.getvalue()


EXIF = Image.Exif()
EXIF[0x0112] = 6
COMMENT = b"a" * 70_000


@pytest.mark.parametrize(
    "content",
    [
        written("png"),
        written("png", "L"),
        written("jpeg"),
        written("jpeg", progressive=True, exif=EXIF, comment=b"\xff\xc0" * 1000),
        written("jpeg", "L", icc_profile=COMMENT),
        written("jpeg", "CMYK"),
        written("bmp"),
        written("bmp", "P"),
        written("gif", "P"),
        written("gif", "L", comment=b"\x2c" * 600),
    ],
)
def test_pixels_of_whole_files(content):
    assert picture_sizes.pixels(content) == 37 * 53
    for end in range(len(content)):  # a file that breaks off never raises, nor counts more
        assert picture_sizes.pixels(content[:end]) in (0, 37 * 53)


def test_a_bmp_from_top_to_bottom():
    content = bytearray(written("bmp"))
    content[22:26] = (-37).to_bytes(4, "little", signed=True)
    assert picture_sizes.pixels(bytes(content)) == 37 * 53


def test_all_pictures_of_a_gif_count():
    assert picture_sizes.pixels(gif(1, 20)) == 400
    assert picture_sizes.pixels(gif(5, 20)) == 5 * 400


@pytest.mark.parametrize("content", [b"", b"\x00", b"RIFF", b"\x89PN", b"BM", b"GIF8", b"\xff\xd8"])
def test_other_files_have_none(content):
    assert picture_sizes.pixels(content) == 0
