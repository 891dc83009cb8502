"""Files that are rare but whole: what they say of themselves decides, whatever lies beside it."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from tests import zoo
from tfinpaint.photo import read_photo, write_photo
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


def test_layers_and_thumbnails_of_what_was_there_are_left_out(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, kind, content in (
        (37724, 7, b"Adobe Photoshop Document Data Block\0 layers"),
        (34377, 1, b"8BIM\x04\x0c\0\0\0\0\0\x08thumbnai"),
        (301, 3, tuple(range(256))),
        (315, 2, "An artist"),
    ):
        tags[tag], tags.tagtype[tag] = content, kind
    xmp = b"<x:xmpmeta><xmp:Thumbnails><rdf:Alt>picture</rdf:Alt></xmp:Thumbnails>kept</x:xmpmeta>"
    tags[700], tags.tagtype[700] = xmp, 1
    photo = read(tmp_path, saved(zoo.noise(), "TIFF", tiffinfo=tags))
    assert photo.notes == (
        "the layers of Photoshop were left out",
        "a block of Photoshop was left out",
        "its transfer function was left out",
    )
    assert photo.xmp == b"<x:xmpmeta>kept</x:xmpmeta>"
    assert b"An artist" in photo.exif and b"layers" not in photo.exif
    assert b"thumbnai" not in photo.exif
    path = str(tmp_path / "out.tif")
    write_photo(path, photo.pixels, photo)
    written = (tmp_path / "out.tif").read_bytes()
    assert b"layers" not in written and b"thumbnai" not in written and b"An artist" in written


@pytest.mark.parametrize("order", "<>")
def test_the_tags_of_a_big_tiff_in_either_byte_order(tmp_path, order):
    artist = (315, 2, [*b"An artist\0"])
    content = zoo.tiff(zoo.noise(), 2, order=order, big=True, tags=[artist, (274, 3, [3])])
    photo = read(tmp_path, content)
    np.testing.assert_array_equal(photo.pixels, zoo.noise()[::-1, ::-1])
    exif = Image.Exif()
    exif.load(photo.exif)
    assert photo.notes == () and exif[315] == "An artist" and exif[274] == 1
    plain = read(tmp_path, zoo.tiff(zoo.noise(), 2, order=order, big=True))
    assert plain.exif is None and plain.notes == ()


# --------------------------------------------------------------------------------------------- BMP


@pytest.mark.parametrize("mark, kept", [(b"DEBM", True), (b"KNIL", False), (b"BGRs", None)])
def test_the_profile_of_a_bmp(tmp_path, mark, kept):
    picture = zoo.noise()
    rows = np.pad(picture[::-1, :, ::-1].reshape(zoo.HEIGHT, -1), ((0, 0), (0, -3 * zoo.WIDTH % 4)))
    profile = zoo.SRGB
    header = struct.pack(
        "<IiiHHIIiiII", 124, zoo.WIDTH, zoo.HEIGHT, 1, 24, 0, rows.size, 0, 0, 0, 0
    )
    header += bytes(16) + mark + bytes(48)
    header += struct.pack("<IIII", 4, 124 + rows.size, len(profile), 0)
    size = 14 + len(header) + rows.size + len(profile)
    start = b"BM" + struct.pack("<IHHI", size, 0, 0, 14 + len(header))
    photo = read(tmp_path, start + header + rows.tobytes() + profile)
    np.testing.assert_array_equal(photo.pixels, picture)
    assert photo.icc == (profile if kept else None)
    assert ("ICC profile" in "".join(photo.notes)) == (kept is False)


def test_a_file_without_content_is_called_empty(tmp_path):
    with pytest.raises(SettingsError, match="photo is empty"):
        read(tmp_path, b"")
