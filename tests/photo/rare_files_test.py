"""Files that are rare but whole: what they say of themselves decides, whatever lies beside it."""

import io
import re
import struct
import time
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin, features

from tests import zoo
from tfinpaint.photo import photo_size, read_photo, write_photo
from tfinpaint.settings import SettingsError

needs_jpeg_2000 = pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow without it")
needs_avif = pytest.mark.skipif(not features.check("avif"), reason="Pillow without it")


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


def test_what_a_jpeg_carries_is_kept_or_named(tmp_path):
    plain = saved(zoo.smooth(), "JPEG", quality=95)
    more = segment(0xE0, b"JFIF\0\1\1\0\0\4\0\3\0\0") + segment(0xEB, b"JP\0\1" + bytes(40))
    more += segment(0xFE, b"one") + segment(0xFE, b"two")
    photo = read(tmp_path, plain[:2] + more + plain[20:])
    np.testing.assert_array_equal(photo.pixels, np.asarray(Image.open(io.BytesIO(plain))))
    assert photo.comment == b"one\ntwo" and photo.dpi is None
    assert photo.notes == (
        "its pixels are 3:4 wide to high, which is not kept",
        "its JUMBF block (content credentials) was left out",
    )


def test_a_file_of_several_jpeg_pictures_says_which_was_taken(tmp_path):
    turned = Image.fromarray(zoo.smooth()[::-1].copy())
    content = saved(zoo.smooth(), "MPO", save_all=True, append_images=[turned], quality=95)
    photo = read(tmp_path, content)
    assert np.abs(photo.pixels.astype(int) - zoo.smooth()).max() < 16
    assert photo.notes == ("the first of 2 pictures in the file was taken",)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_jpeg_that_lacks_no_more_than_the_mark_of_its_end(tmp_path, mode, subsampling):
    for picture in (zoo.noise(), zoo.smooth(), np.full_like(zoo.noise(), 90)):
        image = Image.fromarray(picture).convert(mode)
        plain = saved(np.asarray(image), "JPEG", quality=90, subsampling=subsampling)
        whole = read(tmp_path, plain)
        for length in (-1, -2):
            photo = read(tmp_path, plain[:length])
            np.testing.assert_array_equal(photo.pixels, whole.pixels)
            assert photo.notes == ("the mark of its end is missing",)
        for length in (-5, -12, -20):
            with pytest.raises(SettingsError, match="damaged or incomplete"):
                read(tmp_path, plain[:length])
        progressive = saved(np.asarray(image), "JPEG", progressive=True)
        with pytest.raises(SettingsError, match="damaged or incomplete"):
            read(tmp_path, progressive[:-2])


@pytest.mark.parametrize("restarts", [{"restart_marker_rows": 1}, {"restart_marker_blocks": 1}])
def test_a_jpeg_that_was_cut_off_at_a_restart_marker(tmp_path, restarts):
    picture = np.random.default_rng(0).integers(0, 256, (40, 72, 3), dtype=np.uint8)
    plain = saved(picture, "JPEG", quality=85, **restarts)
    whole = read(tmp_path, plain).pixels
    scan = plain.index(b"\xff\xda")
    markers = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", plain[scan:])]
    assert len(markers) >= 2
    for marker in markers[-10:]:
        for length in (0, 1, 2):
            for fill in (b"", b"\xff\xff"):  # before a marker there may be any number of these
                with pytest.raises(SettingsError, match="it ends before its pixels do"):
                    read(tmp_path, plain[: scan + marker + length] + fill)
    for length in (-1, -2):
        photo = read(tmp_path, plain[:length])
        np.testing.assert_array_equal(photo.pixels, whole)
        assert photo.notes == ("the mark of its end is missing",)


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 80}])
@pytest.mark.parametrize("channels", [3, 4])
def test_a_webp_file_that_lacks_a_byte_of_its_pixels(tmp_path, options, channels):
    pixels = np.concatenate([zoo.noise(), zoo.smooth()], axis=2)[..., :channels]
    pixels = np.ascontiguousarray(pixels)
    plain = saved(pixels, "WEBP", **options)
    for lacks in (2, 3, 4, 8):  # the last byte may be one that fills up
        with pytest.raises(SettingsError, match="it ends before its pixels do"):
            read(tmp_path, plain[:-lacks])
    assert photo_size("photo", plain[:-8]) == pixels.shape[1::-1]
    # what follows the pixels may be cut
    more = plain + b"junk" + struct.pack("<I", 9) + b"junk"
    np.testing.assert_array_equal(read(tmp_path, more).pixels, read(tmp_path, plain).pixels)


def test_what_a_png_carries_is_kept_or_named(tmp_path):
    bomb = zlib.compress(bytes(20 * 2**20))
    content = zoo.png(
        zoo.noise(),
        2,
        before=[
            zoo.chunk(b"pHYs", struct.pack(">IIB", 2, 1, 0)),
            zoo.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
            zoo.chunk(b"zTXt", b"Raw profile type exif\0\0" + bomb),
        ],
    )
    photo = read(tmp_path, content)
    np.testing.assert_array_equal(photo.pixels, zoo.noise())
    assert photo.xmp is None and photo.exif is None and photo.dpi is None
    assert photo.notes == (
        "its pixels are 1:2 wide to high, which is not kept",
        "texts that are damaged or larger than 16 MB left out: XMP, EXIF",
    )


def raw_profile(kind, name, block):
    """A chunk of text as ImageMagick writes it."""
    digits = "\n".join(re.findall(".{1,72}", block.hex()))
    text = f"\n{name}\n{len(block):8}\n{digits}\n".encode()
    start = f"Raw profile type {name}".encode() + b"\0"
    if kind == b"iTXt":
        return zoo.chunk(kind, start + b"\0\0\0\0" + text)
    return zoo.chunk(kind, start + (b"\0" + zlib.compress(text) if kind == b"zTXt" else text))


THUMBNAIL = b"<xmp:Thumbnails><rdf:Alt>picture</rdf:Alt></xmp:Thumbnails>"
PACKET = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/>%skept</x:xmpmeta>'


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
@pytest.mark.parametrize("name, mark", [
    ("xmp", b""), ("XMP", b"http://ns.adobe.com/xap/1.0/\0"),
    ("APP1", b"http://ns.adobe.com/xap/1.0/\0"),
])  # fmt: skip
def test_xmp_that_a_png_holds_as_text(tmp_path, kind, name, mark):
    long = b"x" * 2**21  # longer than a text that Pillow reads
    chunk = raw_profile(kind, name, mark + PACKET % (THUMBNAIL + long))
    stored = zoo.stored(zoo.noise(), 6)
    photo = read(tmp_path, zoo.png(stored, 2, before=[chunk]))
    np.testing.assert_array_equal(photo.pixels, zoo.noise())
    upright = (PACKET % long).replace(b'"6"', b'"1"')
    assert (photo.xmp, photo.exif, photo.chunks, photo.notes) == (upright, None, (), ())
    write_photo(str(tmp_path / "out.png"), photo.pixels, photo)
    written = (tmp_path / "out.png").read_bytes()
    assert b"profile type" not in written.lower() and read(tmp_path, written).xmp == upright


def test_the_chunk_of_xmp_goes_before_the_text(tmp_path):
    text = raw_profile(b"zTXt", "xmp", PACKET % b"text")
    own = zoo.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PACKET % b"own")
    upright = (PACKET % b"own").replace(b'"6"', b'"1"')
    for chunks in ([text, own], [own, text]):
        photo = read(tmp_path, zoo.png(zoo.noise(), 2, before=chunks))
        assert photo.xmp == upright and photo.chunks == photo.notes == ()
    broken = zoo.chunk(b"iTXt", b"XML:com.adobe.xmp\0")
    for chunks in ([text, broken], [broken, text]):
        photo = read(tmp_path, zoo.png(zoo.noise(), 2, before=chunks))
        assert photo.xmp == (PACKET % b"text").replace(b'"6"', b'"1"')
    damaged = zoo.chunk(b"tEXt", b"Raw profile type xmp\0\nxmp\n 4\nno digits")
    photo = read(tmp_path, zoo.png(zoo.noise(), 2, before=[damaged]))
    assert photo.xmp is None and photo.chunks == ()
    assert photo.notes == ("texts that are damaged or larger than 16 MB left out: XMP",)


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
def test_blocks_of_iptc_that_a_png_holds_as_text(tmp_path, kind):
    block = b"8BIM\x04\x0c\0\0\0\0\0\x08thumbnai"
    chunks = [raw_profile(kind, name, block) for name in ("8bim", "iptc")]
    chunks.append(zoo.chunk(b"tEXt", b"Raw profile type\0is a text"))
    photo = read(tmp_path, zoo.png(zoo.noise(), 2, before=chunks))
    assert photo.chunks == ((b"tEXt", b"Raw profile type\0is a text"),)
    assert photo.notes == ("its IPTC block was left out",)


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


def test_a_chain_of_many_long_directories_takes_no_time(tmp_path):
    # each has 65,535 tags, most of which it shares with the others
    content = zoo.tiff(zoo.noise(), 2)
    count, each = 2000, 12 * 65535
    start = len(content)
    places = [start + 14 * k for k in range(count)]
    tail = bytearray(14 * count + 2 + each + 4)
    for place, following in zip(places, [*places[1:], 0]):
        struct.pack_into("<H", tail, place - start, 65535)
        struct.pack_into("<I", tail, place - start + 2 + each, following)
    first = struct.unpack_from("<I", content, 4)[0]
    (tags,) = struct.unpack_from("<H", content, first)
    content = bytearray(content)
    struct.pack_into("<I", content, first + 2 + 12 * tags, places[0])
    begun = time.process_time()
    photo = read(tmp_path, bytes(content + tail))
    assert time.process_time() - begun < 5
    np.testing.assert_array_equal(photo.pixels, zoo.noise())
    assert photo.notes == (f"the first of {count + 1} pictures in the file was taken",)


def test_an_uncompressed_tiff_that_does_not_say_how_long_its_strip_is(tmp_path):
    content = zoo.tiff(zoo.noise(), 2, tags=[(279, 4, [0])])
    np.testing.assert_array_equal(read(tmp_path, content).pixels, zoo.noise())


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


def bmp_of_runs(runs, table, bits):
    header = struct.pack("<IiiHHIIiiII", 40, zoo.WIDTH, zoo.HEIGHT, 1, bits, 1, 0, 0, 0, 16, 0)
    header = header[:16] + struct.pack("<I", 1 if bits == 8 else 2) + header[20:]
    start = 14 + len(header) + len(table)
    return b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + header + table + runs


@pytest.mark.parametrize("bits", [4, 8])
def test_run_lengths_of_a_bmp_with_steps_and_an_early_end(tmp_path, bits):
    table = np.random.default_rng(0).integers(1, 256, (16, 4), dtype=np.uint8)
    five, literal = (b"\x55", b"\x12\x30") if bits == 4 else (b"\5", b"\1\2\3\0")
    runs = b"\0\2\3\2" + bytes([6]) + five  # right by 3, up by 2; six of the fifth colour
    runs += b"\0\3" + literal + b"\0\0" + b"\0\2\0\1" + bytes([90]) + five + b"\0\1"
    indices = np.zeros((zoo.HEIGHT, zoo.WIDTH), int)
    indices[-3, 3:9], indices[-3, 9:12], indices[-5] = 5, (1, 2, 3), 5
    content = bmp_of_runs(runs, table.tobytes(), bits)
    np.testing.assert_array_equal(read(tmp_path, content).pixels, table[indices, 2::-1])
    with pytest.raises(SettingsError, match="ends before its pixels do"):
        read(tmp_path, content[:-2])
    rows = zoo.noise(1, 15)[..., 0]
    every = b"".join(
        b"".join(bytes([1, index << 4 if bits == 4 else index]) for index in row) + b"\0\0"
        for row in rows[::-1]
    )
    for end in (b"\0\1", b""):
        content = bmp_of_runs(every + end, table.tobytes(), bits)
        np.testing.assert_array_equal(read(tmp_path, content).pixels, table[rows, 2::-1])
    other = cv2.imdecode(
        np.frombuffer(bmp_of_runs(every + b"\0\1", table.tobytes(), bits), np.uint8), 1
    )
    np.testing.assert_array_equal(other[..., ::-1], table[rows, 2::-1])


# ------------------------------------------------------------------------------- JPEG 2000 and AVIF


def box(kind, content):
    return struct.pack(">I4s", len(content) + 8, kind) + content


XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


@needs_jpeg_2000
def test_what_lies_beside_the_picture_of_a_jpeg_2000_file(tmp_path):
    plain = saved(zoo.noise(), "JPEG2000")
    start = plain.index(b"jp2h") - 4
    end = start + struct.unpack_from(">I", plain, start)[0]
    inner = plain[start + 8 : plain.index(b"colr", start) - 4]
    inner += box(b"colr", b"\2\0\0" + zoo.SRGB)
    inner += box(b"res ", box(b"resc", struct.pack(">4H2b", 11811, 100, 11811, 100, 2, 2)))
    xmp = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + XMP.replace(b"6", b"1")
    more = box(b"jp2h", inner) + box(b"uuid", xmp)
    more += box(b"uuid", b"JpgTiffExif->JP2" + zoo.exif_block(3, prefix=b""))
    photo = read(tmp_path, plain[:start] + more + plain[end:])
    np.testing.assert_array_equal(photo.pixels, zoo.noise()[::-1, ::-1])
    assert photo.icc == zoo.SRGB and photo.xmp == XMP.replace(b"6", b"1")
    assert photo.dpi == pytest.approx((300, 300), rel=1e-3)
    assert b"A camera" in photo.exif
    broken = read(tmp_path, plain[:start] + box(b"uuid", xmp[:10]) + plain[start:])
    np.testing.assert_array_equal(broken.pixels, zoo.noise())
    assert (broken.icc, broken.dpi, broken.xmp, broken.exif) == (None, None, None, None)


@needs_avif
def test_the_orientation_of_an_avif_file_is_its_own(tmp_path):
    picture = np.kron(zoo.smooth(), np.ones((4, 4, 1), np.uint8))
    for more, turns in (({"xmp": XMP}, 0), ({"exif": zoo.exif_block(6), "xmp": XMP}, -1)):
        content = saved(picture, "AVIF", quality=100, subsampling="4:4:4", **more)
        pixels = read(tmp_path, content).pixels.astype(int)
        assert np.abs(pixels - np.rot90(picture, turns)).max() <= 4
