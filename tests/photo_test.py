"""Photographs as files.

What is read is what was meant, and what is written loses nothing that the format can hold.
"""

import io
import os
import struct
import sys
import zlib

import cv2
import numpy as np
import pytest
from changed import changed
from PIL import Image, ImageCms
from zoo import stored

from tfinpaint import atomic
from tfinpaint.photo import (
    Photo,
    deep,
    exif,
    jxl,
    list_photos,
    photo_size,
    read_hole,
    read_photo,
    reading,
    warnings_of,
    writable_endings,
    write_photo,
    writing,
)
from tfinpaint.settings import SettingsError

# It warns about files that are damaged here on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

ENDINGS = writable_endings()
EXACT = tuple(ending for ending in ENDINGS if ending not in (".jpg", ".jpeg", ".avif"))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _noise(height=33, width=47, channels=3, seed=0):
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _smooth(height=33, width=47):
    """A ramp in each direction: JPEG keeps it within a few levels, and each rotation of it is a
    different picture."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 5, columns * 4, rows * 2 + columns * 2], axis=-1).astype(np.uint8)


def _save(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return str(path)


# ------------------------------------------------------------------------------------------ formats


@pytest.mark.parametrize("ending", EXACT)
def test_exact_formats_return_every_byte(tmp_path, ending):
    pixels = _noise()
    assert write_photo(str(tmp_path / f"a{ending}"), pixels) == ()
    read = read_photo(str(tmp_path / f"a{ending}"))
    np.testing.assert_array_equal(read.pixels, pixels)
    assert (read.alpha, read.grey, read.exif, read.notes) == (None, False, None, ())
    assert read.icc is None or ending == ".jxl"  # whose decoder makes one of sRGB
    assert os.listdir(tmp_path) == [f"a{ending}"]  # no temporary file stays


def test_jpeg_is_close_and_says_that_it_is_not_exact(tmp_path):
    (note,) = write_photo(str(tmp_path / "a.JPG"), _smooth())
    assert "JPEG cannot keep known pixels exact" in note
    assert np.abs(read_photo(str(tmp_path / "a.JPG")).pixels.astype(int) - _smooth()).max() <= 6


@pytest.mark.parametrize("ending", ENDINGS)
def test_grey_stays_grey(tmp_path, ending):
    grey = np.repeat(_smooth()[..., 2:], 3, axis=-1)
    path = str(tmp_path / f"a{ending}")
    write_photo(path, grey, Photo(grey, grey=True))
    with Image.open(path) as image:
        assert image.mode == ("RGB" if ending == ".webp" else "L")  # WebP has colour modes only
    read = read_photo(path)
    assert read.grey == (ending != ".webp")
    assert np.ptp(read.pixels, axis=-1).max() == 0
    assert np.abs(read.pixels.astype(int) - grey).max() <= (4 if "jp" in ending else 0)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("ending", sorted({".png", ".webp", ".tif", ".jxl"} & set(ENDINGS)))
def test_alpha_stays_as_it_was_and_so_do_colours_under_it(tmp_path, ending, grey):
    pixels = np.repeat(_noise(channels=1), 3, axis=-1) if grey else _noise()
    alpha = _noise(channels=0, seed=1)
    alpha[:9] = 0
    path = str(tmp_path / f"a{ending}")
    assert write_photo(path, pixels, Photo(pixels, alpha=alpha, grey=grey)) == ()
    read = read_photo(path)
    np.testing.assert_array_equal(read.pixels, pixels)
    np.testing.assert_array_equal(read.alpha, alpha)


@pytest.mark.parametrize("ending, kind", [(".jpg", "JPEG"), (".bmp", "BMP")])
def test_alpha_is_left_out_with_a_note_where_the_format_has_none(tmp_path, ending, kind):
    notes = write_photo(
        str(tmp_path / f"a{ending}"), _noise(), Photo(_noise(), alpha=_noise(channels=0))
    )
    assert f"{kind} has no alpha channel: it was left out" in notes
    assert read_photo(str(tmp_path / f"a{ending}")).alpha is None


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_icc_and_exif_are_kept(tmp_path, ending):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "A camera", 6
    exif.get_ifd(0x8769)[0x829D] = 2.5  # f-number
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    source = _save(tmp_path / "source.jpg", _smooth(), exif=exif, icc_profile=SRGB)
    read = read_photo(source)
    write_photo(str(tmp_path / f"a{ending}"), read.pixels, read)
    again = read_photo(str(tmp_path / f"a{ending}"))
    assert again.icc == SRGB
    kept = Image.Exif()
    kept.load(again.exif)
    assert kept[0x010F] == "A camera" and kept[0x0112] == 1
    assert float(kept.get_ifd(0x8769)[0x829D]) == 2.5 and kept.get_ifd(0x8825)[1] == "N"
    assert again.pixels.shape == (47, 33, 3)  # upright, and not turned twice


def test_avif_is_close_exact_for_grey_and_says_so(tmp_path):
    path = str(tmp_path / "a.avif")
    (note,) = write_photo(path, _noise())
    assert (
        note == "AVIF changes known pixels by up to 3 of 255 levels; PNG, WebP and TIFF keep them"
    )
    assert np.abs(read_photo(path).pixels.astype(int) - _noise()).max() <= 3
    grey = np.repeat(_noise(channels=1), 3, axis=-1)
    assert write_photo(path, grey, Photo(grey, grey=True)) == ()
    np.testing.assert_array_equal(read_photo(path).pixels, grey)
    alpha = _noise(channels=0, seed=1)
    write_photo(path, _noise(), Photo(_noise(), alpha=alpha))
    read = read_photo(path)
    np.testing.assert_array_equal(read.alpha, alpha)
    assert np.abs(read.pixels.astype(int) - _noise()).max() <= 3


def test_jpeg_xl_keeps_every_pixel_and_names_a_profile_that_it_cannot_write(tmp_path):
    pytest.importorskip("pillow_jxl", reason="no JPEG XL: pip install pillow-jxl-plugin")
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "A camera", 1
    xmp = b'<x:xmpmeta><a tiff:Orientation="1"/></x:xmpmeta>'
    path = str(tmp_path / "a.jxl")
    like = Photo(_noise(), icc=SRGB, exif=exif.tobytes(), xmp=xmp)
    assert write_photo(path, _noise(), like) == ()
    read = read_photo(path)
    np.testing.assert_array_equal(read.pixels, _noise())
    kept = Image.Exif()
    kept.load(read.exif)
    assert kept[0x010F] == "A camera" and read.xmp == xmp
    with open(path, "rb") as file:
        content = file.read()
    at = content.index(b"Exif")
    assert content[at + 4 : at + 10] in (bytes(4) + b"II", bytes(4) + b"MM")  # ISO/IEC 18181-2
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    notes = write_photo(path, _noise(), Photo(_noise(), icc=lab))
    assert notes == ("its ICC profile cannot be written as JPEG XL",)


@pytest.mark.parametrize(
    "height, width", [(1, 1), (8, 16), (33, 47), (30, 40), (9, 16), (600, 3), (40, 8192)]
)
def test_the_size_of_a_jpeg_xl_file_is_in_its_header(tmp_path, height, width):
    pytest.importorskip("pillow_jxl", reason="no JPEG XL: pip install pillow-jxl-plugin")
    for xmp in (None, b"<x/>"):  # bare, and in boxes
        path = str(tmp_path / "a.jxl")
        pixels = np.zeros((height, width, 3), np.uint8)
        write_photo(path, pixels, Photo(pixels, xmp=xmp))
        assert jxl.size((tmp_path / "a.jxl").read_bytes()) == (width, height)


def test_what_cannot_be_written_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    with pytest.raises(SettingsError, match=r"a.jxl'`: .* needs the package.*pip install pillow-j"):
        write_photo(str(tmp_path / "a.jxl"), _noise())
    monkeypatch.setattr(writing.features, "check", lambda name: False)
    with pytest.raises(SettingsError, match=r"a.avif'`: writing .avif needs a Pillow"):
        write_photo(str(tmp_path / "a.avif"), _noise())
    assert not {".avif", ".jxl"} & set(writable_endings())


def test_bmp_says_that_it_holds_no_profile(tmp_path):
    assert any(
        "no ICC profile" in note
        for note in write_photo(str(tmp_path / "a.bmp"), _noise(), Photo(_noise(), icc=SRGB))
    )


# ------------------------------------------------------------------------------------------ reading


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(tmp_path, ending, orientation):
    """The photograph is stored the way a camera would store it: the inverse of what the tag asks
    for."""
    upright = _smooth()
    kept = stored(upright, orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {".jpg": {"quality": 100, "subsampling": 0}, ".webp": {"lossless": True}}.get(
        ending, {}
    )
    path = _save(tmp_path / f"a{ending}", kept, exif=exif, **options)
    read = read_photo(path)
    assert read.pixels.shape == upright.shape
    assert np.abs(read.pixels.astype(int) - upright).max() <= (3 if ending == ".jpg" else 0)


def test_alpha_and_masks_are_turned_too(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    mask = np.zeros((30, 50), np.uint8)
    mask[:10, :20] = 255
    np.testing.assert_array_equal(
        read_hole(_save(tmp_path / "m.png", mask, exif=exif))[0], np.rot90(mask, -1)
    )
    picture = _noise(30, 50, 4)
    read = read_photo(_save(tmp_path / "a.png", picture, exif=exif))
    np.testing.assert_array_equal(read.alpha, np.rot90(picture[..., 3], -1))
    np.testing.assert_array_equal(read.pixels, np.rot90(picture[..., :3], -1))


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_size_is_read_without_decoding(tmp_path, ending):
    path = str(tmp_path / f"a{ending}")
    write_photo(path, _noise(700, 900))  # over 256 KB, where a TIFF file has its tags
    assert photo_size(path) == (900, 700)
    if ending not in (".tif", ".tiff", ".avif"):
        with open(path, "r+b") as file:
            file.truncate(2000)
        assert photo_size(path) == (900, 700)
    for content in (b"", b"not a picture"):
        (tmp_path / "b.png").write_bytes(content)
        with pytest.raises(SettingsError, match="b.png is not"):
            photo_size(str(tmp_path / "b.png"))


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path, ending):
    deep = (np.arange(33 * 47, dtype=np.uint16) * 42).reshape(33, 47)
    read = read_photo(_save(tmp_path / f"a.{ending}", deep))
    assert read.grey and any("16 bits" in note for note in read.notes)
    assert np.abs(read.pixels[..., 0] - deep / 257).max() <= 0.5


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_colour_is_scaled_and_told(tmp_path, ending, channels):
    deep = _noise(channels=channels).astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / f"a.{ending}"), deep)
    read = read_photo(str(tmp_path / f"a.{ending}"))
    assert any("16 bits" in note for note in read.notes)
    np.testing.assert_array_equal(read.pixels, deep[..., 2::-1] // 257)
    assert (read.alpha is None) == (channels == 3)


def test_palette_with_a_transparent_entry(tmp_path):
    indices = np.random.default_rng(0).integers(0, 3, (20, 30)).astype(np.uint8)
    palette = np.array([[255, 0, 0], [0, 255, 0], [10, 20, 30]], np.uint8)
    image = Image.frombytes("P", (30, 20), indices.tobytes())
    image.putpalette(palette.tobytes())
    image.save(tmp_path / "a.png", transparency=1)
    read = read_photo(str(tmp_path / "a.png"))
    np.testing.assert_array_equal(read.pixels, palette[indices])
    np.testing.assert_array_equal(read.alpha, np.where(indices == 1, 0, 255))
    assert not read.grey


def test_one_bit_and_grey_with_alpha(tmp_path):
    bits = np.random.default_rng(0).integers(0, 2, (20, 30)).astype(bool)
    read = read_photo(_save(tmp_path / "a.png", bits))
    assert read.grey
    np.testing.assert_array_equal(read.pixels[..., 1], bits * 255)
    both = _noise(channels=2)
    read = read_photo(_save(tmp_path / "b.png", both))
    assert read.grey
    np.testing.assert_array_equal(read.pixels[..., 2], both[..., 0])
    np.testing.assert_array_equal(read.alpha, both[..., 1])


@pytest.mark.parametrize("ending", ["jpg", "tif"])
@pytest.mark.parametrize("icc, words", [(b"not a profile", "that is damaged"), (None, "no colour")])
def test_cmyk_without_a_profile_that_works_is_refused(tmp_path, ending, icc, words):
    """Inks have no colours of their own: a plain formula gives wrong ones."""
    path = tmp_path / f"a.{ending}"
    Image.new("CMYK", (20, 10), (0, 255, 255, 0)).save(path, icc_profile=icc)
    with pytest.raises(
        SettingsError, match=f"a.{ending} is a valid .*not supported: CMYK.*{words}"
    ):
        read_photo(str(path))


@pytest.mark.parametrize("ending", ["tif", "webp", "png"])
def test_of_several_pictures_the_first_is_taken(tmp_path, ending):
    pages = [Image.fromarray(_noise(seed=k)) for k in range(3)]
    options = {"lossless": True} if ending == "webp" else {}
    pages[0].save(
        tmp_path / f"a.{ending}",
        save_all=True,
        append_images=pages[1:],
        icc_profile=SRGB,
        **options,
    )
    read = read_photo(str(tmp_path / f"a.{ending}"))
    assert read.icc == SRGB
    np.testing.assert_array_equal(read.pixels, _noise())
    assert read.notes == ("the first of 3 pictures in the file was taken",)


def test_damaged_bytes_are_read_or_refused_but_never_a_traceback(tmp_path):
    rng = np.random.default_rng(0)
    for ending in ENDINGS:
        path = tmp_path / f"a{ending}"
        write_photo(str(path), _noise(), Photo(_noise(), icc=SRGB))
        good = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(60):
            bad = good.copy()
            bad[
                rng.integers(0, min(len(bad), rng.choice([64, 300, 10**6])), rng.integers(1, 9))
            ] = rng.integers(256)
            path.write_bytes(bad.tobytes())
            try:
                assert read_photo(str(path)).pixels.ndim == 3
            except SettingsError as error:
                assert "\n" not in str(error)


def test_a_damaged_exif_block_does_not_cost_the_photograph(tmp_path):
    path = _save(tmp_path / "a.jpg", _smooth(), exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert read_photo(path).pixels.shape == (33, 47, 3)


def test_the_thumbnail_that_shows_what_was_there_is_not_kept(tmp_path):
    thumbnail = io.BytesIO()
    Image.fromarray(_smooth()).save(thumbnail, "JPEG")
    data = thumbnail.getvalue()
    first = struct.pack("<2sHIH HHII I", b"II", 42, 8, 1, 0x0112, 3, 1, 1, 26)
    second = struct.pack("<H HHII HHII I", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(data), 0)
    path = _save(tmp_path / "a.jpg", _smooth(), exif=b"Exif\0\0" + first + second + data)
    with Image.open(path) as image:
        assert data in image.info["exif"]
    assert data not in read_photo(path).exif


# ------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_truncated_files_are_refused_by_name(tmp_path, ending, share):
    path = str(tmp_path / f"a{ending}")
    write_photo(path, _noise(100, 100))
    with open(path, "r+b") as file:
        file.truncate(int(share * os.path.getsize(path)))
    with pytest.raises(SettingsError, match=f"a{ending} .*(damaged|not a)") as error:
        read_photo(path)
    assert "\n" not in str(error.value)


def test_a_jpeg_that_lacks_its_last_byte_of_pixels_is_refused(tmp_path):
    path = _save(tmp_path / "a.jpg", _noise())
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 3)  # the mark of the end has two
    with pytest.raises(SettingsError, match="incomplete"):
        read_photo(path)


def test_what_is_no_photograph_is_named(tmp_path):
    (tmp_path / "a.png").write_text("not a picture")
    for name, words in (
        ("a.png", "a.png is not a JPEG"),
        ("", "is a folder"),
        ("b", "There is no file"),
    ):
        with pytest.raises(SettingsError, match=words):
            read_photo(str(tmp_path / name))


def test_a_decompression_bomb_is_refused(tmp_path):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    with pytest.raises(SettingsError, match="900.0 megapixels: more than `max_megapixels=256`"):
        read_photo(str(tmp_path / "a.png"))


def test_floating_point_pictures_of_another_range_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="floating-point pixels from 0 to 255, of which 0 to 1"):
        read_photo(_save(tmp_path / "a.tif", np.float32([[0, 255], [3, 4]])))
    read = read_photo(_save(tmp_path / "a.tif", np.float32([[0, 1], [0.25, 0.5]])))
    np.testing.assert_array_equal(read.pixels[..., 0], [[0, 255], [64, 128]])
    assert read.grey and "taken as 0 for black to 1 for white" in read.notes[-1]
    assert read.notes[0] == "32 floating-point bits per channel were converted to 8"


@pytest.mark.parametrize(
    "name, words",
    [
        ("a.gif", "ends in .jpg.* Got .*a.gif"),
        ("a", "Got"),
        ("file/a.png", "is a file"),
        ("f.png", "is a folder"),
    ],
)
def test_places_that_cannot_be_written(tmp_path, name, words):
    (tmp_path / "file").write_text("")
    (tmp_path / "f.png").mkdir()
    with pytest.raises(SettingsError, match=words):
        write_photo(str(tmp_path / name), _noise())
    assert sorted(os.listdir(tmp_path)) == ["f.png", "file"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = str(tmp_path / "a.png")
    write_photo(path, _noise())
    before = (tmp_path / "a.png").read_bytes()

    def full(self, beside, **options):
        with open(beside, "wb") as file:
            file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(SettingsError, match="a.png'` cannot be written: the disk is full"):
        write_photo(path, _noise(seed=1))
    assert os.listdir(tmp_path) == ["a.png"] and (tmp_path / "a.png").read_bytes() == before


@pytest.mark.parametrize("pixels", [_noise(), np.zeros((4, 5, 3), np.uint16)])
def test_a_failed_write_names_the_file_that_was_asked_for(tmp_path, monkeypatch, pixels):
    """And not the hidden one beside it."""
    path = str(tmp_path / "a.png")
    fails = changed(os, replace=lambda new, old: os.stat(os.path.join(new, "x")))
    monkeypatch.setattr(atomic, "os", fails)
    with pytest.raises(SettingsError) as error:
        write_photo(path, pixels, argument="output")
    assert str(error.value) == f"`output='{path}'` cannot be written: {os.strerror(20)}"


def test_exif_that_a_format_refuses_does_not_cost_the_photograph(tmp_path):
    notes = write_photo(
        str(tmp_path / "a.tif"), _noise(), Photo(_noise(), exif=b"Exif\0\0MM broken")
    )
    assert notes == ("its EXIF block cannot be written as TIFF and was left out",)
    np.testing.assert_array_equal(read_photo(str(tmp_path / "a.tif")).pixels, _noise())
    assert os.listdir(tmp_path) == ["a.tif"]


@pytest.mark.parametrize("kind, name", [("png", "PNG"), ("tiff", "TIFF")])
def test_what_16_bits_cannot_be_written_is_one_line_and_exif_is_blamed_only_if_it_was_exif(
    tmp_path, monkeypatch, kind, name
):
    pixels, like = (
        np.zeros((4, 5, 3), np.uint16),
        Photo(_noise(), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"),
    )
    real = getattr(deep, kind)

    def refuses_exif(numbers, options):
        if "exif" in options:
            raise ValueError("tag")
        return real(numbers, options)

    path = str(tmp_path / f"a.{kind}")
    monkeypatch.setattr(deep, kind, refuses_exif)
    notes = write_photo(path, pixels, like, argument="output")
    assert f"its EXIF block cannot be written as {name} and was left out" in notes
    os.remove(path)

    def refuses_all(numbers, options):
        raise struct.error("'I' format requires a number")

    monkeypatch.setattr(deep, kind, refuses_all)
    with pytest.raises(SettingsError, match=f"`output='{path}'` cannot be written"):
        write_photo(path, pixels, like, argument="output")
    assert not os.listdir(tmp_path)


def test_notes_on_exif_are_kept_if_some_tags_cannot_be_written(monkeypatch):
    block = Image.Exif()
    block[0x010F], block[0x8649] = "maker", b"8BIM"  # the second: layers of Photoshop
    real, calls = Image.Exif.tobytes, []

    def fails_once(self, offset=8):
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("tag")
        return real(self, offset)

    content = block.tobytes()
    _, usual = exif.kept(content)
    monkeypatch.setattr(Image.Exif, "tobytes", fails_once)
    kept, notes = exif.kept(content)
    assert usual and notes == usual and exif.kept(kept)[0] is not None


@pytest.mark.parametrize("ending, most", [(".webp", 16383), (".jpg", 65500)])
def test_formats_with_a_longest_side(tmp_path, ending, most):
    path = str(tmp_path / f"a{ending}")
    with pytest.raises(SettingsError, match=f"{most} pixels a side.* {most + 1}x1"):
        write_photo(path, np.zeros((1, most + 1, 3), np.uint8))
    with pytest.raises(SettingsError, match=f"{most} pixels a side.* 1x{most + 1}"):
        write_photo(path, np.zeros((most + 1, 1, 3), np.uint8))
    assert not os.listdir(tmp_path)
    write_photo(path, np.zeros((1, most, 3), np.uint8))
    assert read_photo(path).pixels.shape == (1, most, 3)


# -------------------------------------------------------------------------------------------- masks


def _strokes():
    mask = np.zeros((40, 50), np.uint8)
    mask[10:20, 5:30] = 255
    return mask


def test_white_is_hole_and_the_notes_say_what_was_seen(tmp_path):
    hole, notes = read_hole(_save(tmp_path / "m.png", _strokes()))
    np.testing.assert_array_equal(hole, _strokes())
    assert notes == ("white is hole (`mask_is='hole'`), 12.5 % of 50x40 pixels is hole",)


def test_mask_is_known_flips(tmp_path):
    hole, notes = read_hole(_save(tmp_path / "m.png", _strokes()), "known")
    np.testing.assert_array_equal(hole, 255 - _strokes())
    assert "white is known" in notes[0] and "87.5 %" in notes[0]


def test_grey_levels_are_cut_at_127_and_counted(tmp_path):
    mask = _strokes()
    mask[10, 5:15], mask[11, 5:20] = 127, 128
    hole, notes = read_hole(_save(tmp_path / "m.png", mask))
    np.testing.assert_array_equal(hole, np.where(mask > 127, 255, 0))
    assert any(note.startswith("25 pixels (1.2 %) are grey") for note in notes)


def test_colour_masks_are_cut_by_luminance(tmp_path):
    colours = np.zeros((40, 50, 3), np.uint8)
    colours[_strokes() > 0] = [0, 255, 0]
    colours[30:] = [255, 0, 0]
    np.testing.assert_array_equal(read_hole(_save(tmp_path / "m.png", colours))[0], _strokes())


@pytest.mark.parametrize(
    "paint, paper",
    [
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (0, 0, 0)),
        ((0, 0, 0), (255, 255, 255)),
        ((255, 255, 255), (0, 0, 0)),
    ],
)
def test_strokes_on_a_transparent_layer_are_taken_from_alpha(tmp_path, paint, paper):
    layer = np.dstack(
        [np.where(_strokes()[..., np.newaxis] > 0, np.uint8(paint), np.uint8(paper)), _strokes()]
    )
    hole, notes = read_hole(_save(tmp_path / "m.png", layer))
    np.testing.assert_array_equal(hole, _strokes())
    assert any("alpha channel: opaque" in note for note in notes)


def test_an_alpha_channel_that_is_the_same_everywhere_is_nothing_special(tmp_path):
    layer = np.dstack([_strokes()] * 3 + [np.full_like(_strokes(), 255)])
    hole, notes = read_hole(_save(tmp_path / "m.png", layer))
    np.testing.assert_array_equal(hole, _strokes())
    assert len(notes) == 1


def test_a_mask_in_colours_and_alpha_is_taken_from_the_colours_and_says_so(tmp_path):
    alpha = np.full_like(_strokes(), 255)
    alpha[:15] = 200
    hole, notes = read_hole(_save(tmp_path / "m.png", np.dstack([_strokes()] * 3 + [alpha])))
    np.testing.assert_array_equal(hole, _strokes())
    assert any("alpha channel was left aside" in note for note in notes)


@pytest.mark.parametrize("level, share", [(255, "100.0 %"), (0, "0.05 %")])
def test_a_share_that_looks_wrong_is_warned_of(tmp_path, level, share):
    mask = np.full((40, 50), level, np.uint8)
    mask[0, 0] = 255 - level
    hole, notes = read_hole(_save(tmp_path / "m.png", mask))
    np.testing.assert_array_equal(hole, mask)
    assert any(
        note.startswith(f"warning: {share} of the picture is hole") and "`mask_is='known'`" in note
        for note in notes
    )


@pytest.mark.parametrize("white, warned", [(69, False), (70, False), (71, True), (92, True)])
def test_a_mask_that_is_mostly_hole_may_be_inverted(tmp_path, white, warned):
    pixels = np.zeros((100, 60), np.uint8)
    pixels[:white] = 255
    path = _save(tmp_path / "m.png", pixels)
    asks = f"{white}.0 % of the picture is hole: is the polarity right?"
    assert (asks in warnings_of(read_hole(path)[1])) == warned
    assert not warnings_of(read_hole(path, "known")[1])


@pytest.mark.parametrize(
    "level, warned",
    [
        (255, "all pixels are above 127, which is white"),
        (0, "no pixel is above 127, the brightest is 0; masks are black (0) and white (255)"),
    ],
)
def test_a_mask_of_one_level_is_warned_of_once_and_never_to_be_flipped(tmp_path, level, warned):
    path = _save(tmp_path / "m.png", np.full((40, 50), level, np.uint8))
    for mask_is in ("hole", "known"):
        assert warnings_of(read_hole(path, mask_is)[1]) == warned


def test_a_label_map_of_zeros_and_ones_is_explained(tmp_path):
    hole, notes = read_hole(_save(tmp_path / "m.png", _strokes() // 255))
    assert not hole.any()
    assert any(
        note.startswith("warning: no pixel is above 127, the brightest is 1") for note in notes
    )


def test_mask_is_has_two_words(tmp_path):
    with pytest.raises(SettingsError, match="hole or known. Got 'white'"):
        read_hole("m.png", "white")


# ------------------------------------------------------------------------------------------ folders


def test_list_photos_goes_deep_and_is_sorted(tmp_path):
    for name in ("b.PNG", "a/c.jpg", "a/.hidden.jpg", ".git/d.jpg", "notes.txt", "z.tiff"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert list_photos(str(tmp_path)) == [
        str(tmp_path / name) for name in ("a/c.jpg", "b.PNG", "z.tiff")
    ]
    for path, words in ((tmp_path / "b.PNG", "not a folder"), (tmp_path / "nix", "no folder")):
        with pytest.raises(SettingsError, match=words):
            list_photos(str(path))


@pytest.mark.parametrize("limit", [100, 1000])  # Image.open raises; warns
def test_pillows_limit_on_pixels_is_none_of_ours(tmp_path, recwarn, monkeypatch, limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    for ending in ENDINGS:
        path = str(tmp_path / f"a{ending}")
        write_photo(path, _smooth())
        assert read_photo(path).pixels.shape == (33, 47, 3)
        with pytest.raises(SettingsError, match="47x33 pixels.*more than `max_megapixels=0.001`"):
            read_photo(path, max_megapixels=0.001)
    assert not [w for w in recwarn if issubclass(w.category, Image.DecompressionBombWarning)]
    assert Image.MAX_IMAGE_PIXELS == limit


def test_what_needs_a_package_says_which(tmp_path, monkeypatch):
    for module, start, package in (
        ("pillow_heif", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "pillow-heif"),
        ("pillow_jxl", b"\0\0\0\x0cJXL \r\n\x87\n", "pillow-jxl-plugin"),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        (tmp_path / "a.jpg").write_bytes(start + bytes(50))
        with pytest.raises(SettingsError, match=f"a.jpg is a valid .*pip install {package}"):
            read_photo(str(tmp_path / "a.jpg"))


def test_a_file_for_which_memory_does_not_suffice_is_named(tmp_path, monkeypatch):
    def read(data, check):
        raise MemoryError

    write_photo(str(tmp_path / "a.png"), _smooth())
    monkeypatch.setitem(reading._READERS, "PNG", read)
    for asked in (read_photo, photo_size):
        with pytest.raises(SettingsError, match="a.png needs more memory than is available$"):
            asked(str(tmp_path / "a.png"))


def test_a_file_whose_reader_finds_no_size_is_named(tmp_path, monkeypatch):
    write_photo(str(tmp_path / "a.png"), _smooth())
    monkeypatch.setitem(reading._READERS, "PNG", lambda data, check: None)
    with pytest.raises(SettingsError, match="a.png does not say its size$"):
        photo_size(str(tmp_path / "a.png"))
