"""CMYK goes through its ICC profile, in JPEG and TIFF, with and without alpha."""

import struct

import numpy as np
import pytest
import zoo
from PIL import Image

from tfinpaint.photo import read_photo


def _profile():
    """An ICC profile of inks whose table mixes Lab linearly between the sixteen corners.

    It has nothing in common with the plain formula: cyan prints green, and black prints grey.
    """
    lab = np.zeros((2, 2, 2, 2, 3))
    for corner in np.ndindex(2, 2, 2, 2):
        cyan, magenta, yellow, black = corner
        lightness = 100 - 20 * cyan - 25 * magenta - 5 * yellow - 40 * black
        lab[corner] = [max(lightness, 5), -40 * cyan + 40 * magenta, 10 * cyan + 50 * yellow]
    numbers = np.round(lab / [100, 1, 1] * [255, 1, 1] + [0, 128, 128]).astype(np.uint8)
    ramp = np.arange(256, dtype=np.uint8).tobytes()
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0])
    table += struct.pack(">9i", *(65536 * k for k in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    table += ramp * 4 + numbers.tobytes() + ramp * 3
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"inks\0" + bytes(78)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    parts, tags, at = b"", b"", 128 + 4 + 3 * 12
    for name, content in ((b"A2B0", table), (b"desc", text), (b"wtpt", white)):
        content += bytes(-len(content) % 4)
        tags += name + struct.pack(">II", at + len(parts), len(content))
        parts += content
    head = struct.pack(
        ">I4sI4s4s4s", at + len(parts), bytes(4), 0x02400000, b"prtr", b"CMYK", b"Lab "
    )
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return head + struct.pack(">I", 3) + tags + parts


def _corners():
    """Sixteen fields of full inks, [H, W, 4], and what the profile makes of each."""
    picture = np.zeros((zoo.HEIGHT, zoo.WIDTH, 4), np.uint8)
    picture[:, :8] = [255, 0, 0, 0]
    picture[:, 8:16] = [0, 255, 255, 0]
    picture[:, 16:] = [0, 0, 0, 255]
    return picture


# CIE Lab (80, -40, 10), (70, 40, 50) and (60, 0, 0) in sRGB, by scikit-image; littleCMS differs by
# its gamut. The plain formula would give (0, 255, 255), (255, 0, 0) and black.
_EXPECTED = {0: (111, 218, 178), 8: (255, 139, 81), 16: (145, 145, 145)}


def _check(photo):
    for column, colour in _EXPECTED.items():
        np.testing.assert_allclose(photo.pixels[5, column + 4], colour, atol=14)
    assert photo.icc is None
    assert "CMYK was converted to sRGB by its colour profile" in photo.notes


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_with_alpha(tmp_path, bits, apart):
    alpha = zoo.noise(1)
    samples = np.dstack([_corners(), alpha]).astype(np.uint16) * (257 if bits == 16 else 1)
    tags = [(338, 3, [2]), (34675, 7, list(_profile()))]
    (tmp_path / "a.tif").write_bytes(zoo.tiff(samples, 5, bits, apart=apart, tags=tags))
    photo = read_photo(str(tmp_path / "a.tif"))
    _check(photo)
    np.testing.assert_array_equal(photo.alpha, alpha[..., 0])


def test_jpeg_whose_inks_are_inverted(tmp_path):
    Image.fromarray(_corners(), "CMYK").save(
        tmp_path / "a.jpg", quality=95, subsampling=0, icc_profile=_profile()
    )
    _check(read_photo(str(tmp_path / "a.jpg")))
