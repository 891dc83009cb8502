"""What a JPEG XL file holds compressed beside its picture is named."""

import io
import struct

import numpy as np
import pytest
import zoo
from PIL import Image

from tfinpaint.photo import read_photo

pytest.importorskip("pillow_jxl", reason="no JPEG XL: pip install pillow-jxl-plugin")
XMP = b"<x:xmpmeta>about the picture</x:xmpmeta>"


def read(tmp_path, content):
    path = tmp_path / "photo"
    path.write_bytes(content)
    return read_photo(str(path))


def saved(pixels, kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def box(kind, content):
    return struct.pack(">I4s", len(content) + 8, kind) + content


def test_what_is_compressed_in_a_jpeg_xl_file_is_named(tmp_path):
    def brotli(content):  # as it is, in one block
        head = 0x0B | (len(content) - 1) << 7 | 1 << 23
        return head.to_bytes(3, "little") + content + b"\x03"

    stream = saved(zoo.noise(), "JXL", lossless=True)
    assert stream[:2] == b"\xff\x0a"
    start = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    start += box(b"brob", b"xml " + brotli(XMP))
    start += box(b"brob", b"Exif" + brotli(bytes(4) + zoo.exif_block(1, prefix=b"")))
    photo = read(tmp_path, start + box(b"jumb", bytes(20)) + box(b"jxlc", stream))
    np.testing.assert_array_equal(photo.pixels, zoo.noise())
    assert photo.notes == (
        "its XMP, compressed, was left out",
        "its EXIF, compressed, was left out",
        "its JUMBF block (content credentials) was left out",
    )
    # a JPEG file that was packed: its EXIF is compressed, and comes back with it
    exif = zoo.exif_block(6)
    (tmp_path / "a.jpg").write_bytes(saved(zoo.stored(zoo.smooth(), 6), "JPEG", exif=exif))
    with Image.open(tmp_path / "a.jpg") as image:
        image.save(tmp_path / "a.jxl", lossless_jpeg=True)
    content = (tmp_path / "a.jxl").read_bytes()
    assert b"brobExif" in content
    packed = read(tmp_path, content)
    assert packed.notes == () and b"A camera" in packed.exif
