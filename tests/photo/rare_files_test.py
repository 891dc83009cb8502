"""Files that are rare but whole: what they say of themselves decides, whatever lies beside it."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from tests import zoo
from tfinpaint.photo import read_photo
from tfinpaint.settings import SettingsError


def read(tmp_path, content):
    path = tmp_path / "photo"
    path.write_bytes(content)
    return read_photo(str(path))


def saved(pixels, kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def segment(code, content):
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


# -------------------------------------------------------------------------------------------- JPEG


@pytest.mark.parametrize("between", [b"\0\0\0", b"\xff\xff\xff", b"\0\xff\0junk", b""])
def test_bytes_between_segments_do_not_hide_the_orientation(tmp_path, between):
    stored = saved(zoo.stored(zoo.smooth(), 6), "JPEG", quality=95, subsampling=0)
    exif = segment(0xE1, zoo.exif_block(6))
    photo = read(tmp_path, stored[:20] + between + exif + between + stored[20:])
    plain = np.asarray(Image.open(io.BytesIO(stored)))
    np.testing.assert_array_equal(photo.pixels, np.rot90(plain, -1))


# -------------------------------------------------------------------------------------------- TIFF


def test_pixels_that_look_like_a_mark_of_camera_raw(tmp_path):
    picture = zoo.noise()
    picture[0, 0] = [*b"CR", 2]  # first in the file's pixels, where Canon's raw files have these
    np.testing.assert_array_equal(read(tmp_path, zoo.tiff(picture, 2)).pixels, picture)
    raw = b"II*\0" + struct.pack("<I", 16) + b"CR\2\0" + bytes(4)
    table = zoo.tiff(picture, 2)
    start = struct.unpack_from("<I", table, 4)[0]
    with pytest.raises(SettingsError, match="camera raw"):
        read(tmp_path, raw + table[start:] + bytes(4000))
