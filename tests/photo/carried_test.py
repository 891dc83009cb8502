"""What a photograph's file carries beside its pixels is written again, or a note names it."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import zoo
from PIL import Image, PngImagePlugin

from tfinpaint.photo import Photo, read_photo, write_photo

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" b="kept"/></x:xmpmeta>'
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def _through(tmp_path, source, ending):
    """Reads `source`, writes it with another ending. Returns the file and the notes."""
    read = read_photo(str(source))
    notes = write_photo(str(tmp_path / f"out{ending}"), read.pixels, read)
    return read_photo(str(tmp_path / f"out{ending}")), notes


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".bmp"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".tif", ".bmp"])
def test_resolution_is_kept(tmp_path, source, ending):
    Image.fromarray(PIXELS).save(tmp_path / f"a{source}", dpi=(300, 150))
    read, notes = _through(tmp_path, tmp_path / f"a{source}", ending)
    assert read.dpi == pytest.approx((300, 150), abs=0.5)
    assert not any("resolution" in note for note in notes)


def test_resolution_is_turned_with_the_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(tmp_path / "a.png", dpi=(300, 150), exif=exif)
    assert read_photo(str(tmp_path / "a.png")).dpi == pytest.approx((150, 300), abs=0.5)


@pytest.mark.parametrize("source", [".png", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_names_the_turned_size_and_resolution(tmp_path, orientation, source):
    exif = Image.Exif()
    exif[0x0112], exif[282], exif[283], exif[296] = orientation, 300.0, 150.0, 2
    exif[0x8769] = {0xA002: 30, 0xA003: 20, 0x829D: 2.5}
    Image.fromarray(PIXELS).save(tmp_path / f"a{source}", exif=exif.tobytes())
    read, _ = _through(tmp_path, tmp_path / f"a{source}", ".png")
    kept = Image.Exif()
    kept.load(read.exif)
    camera = kept.get_ifd(0x8769)
    assert (camera[0xA003], camera[0xA002]) == read.pixels.shape[:2]
    assert (kept[282], kept[283]) == ((150, 300) if orientation > 4 else (300, 150))
    assert camera[0x829D] == 2.5


def test_a_turned_exif_that_lacks_half_of_its_size(tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[282] = 6, 300.0
    exif[0x8769] = {0xA003: 20}
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    kept = Image.Exif()
    kept.load(read_photo(str(tmp_path / "a.png")).exif)
    assert kept.get_ifd(0x8769) == {0xA002: 20} and kept[283] == 300 and 282 not in kept


def test_webp_says_that_it_holds_no_resolution(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png", dpi=(300, 300))
    _, notes = _through(tmp_path, tmp_path / "a.png", ".webp")
    assert notes == ("WebP does not hold its resolution (300 dpi), which was left out",)


@pytest.mark.parametrize("with_exif", [False, True])
@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_xmp_is_kept_and_says_upright(tmp_path, ending, with_exif):
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    Image.fromarray(PIXELS).save(
        tmp_path / "a.webp", lossless=True, xmp=XMP, **({"exif": exif} if with_exif else {})
    )
    read, notes = _through(tmp_path, tmp_path / "a.webp", ending)
    assert read.pixels.shape == (30, 20, 3)  # its orientation was XMP's, and is applied once
    assert read.xmp == XMP.replace(b'"6"', b'"1"')
    assert (read.exif is not None) == with_exif
    assert not any("XMP" in note for note in notes)


def test_bmp_says_that_it_holds_no_xmp(tmp_path):
    notes = write_photo(str(tmp_path / "a.bmp"), PIXELS, Photo(PIXELS, xmp=XMP))
    assert notes == ("BMP does not hold its XMP, which was left out",)


def _png_chunks(path):
    content, at, found = path.read_bytes(), 8, []
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        found.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def test_png_keeps_gamma_chromaticities_and_texts_byte_by_byte(tmp_path):
    info = PngImagePlugin.PngInfo()
    given = [
        (b"gAMA", struct.pack(">I", 100000)),
        (b"cHRM", struct.pack(">8I", *range(30000, 30008))),
        (b"tEXt", b"Comment\0by hand"),
        (b"zTXt", b"workflow\0\0" + zlib.compress(b"[" * 3_000)),
        (b"iTXt", b"prompt\0\0\0\0\0" + "\u00e9".encode()),
    ]
    for name, content in given:
        info.add(name, content)
    Image.fromarray(PIXELS).save(tmp_path / "a.png", pnginfo=info)
    _, notes = _through(tmp_path, tmp_path / "a.png", ".png")
    assert notes == ()
    written = _png_chunks(tmp_path / "out.png")
    assert [chunk for chunk in written if chunk[0] in dict(given)] == given
    kinds = [name for name, _ in written]
    assert kinds.index(b"gAMA") < kinds.index(b"IDAT")


def test_large_texts_are_kept_so_that_others_can_read_them(tmp_path):
    """Compressed, they keep Pillow's programs from reading the picture."""
    long = b"[" * 3_000_000
    info = PngImagePlugin.PngInfo()
    info.add(b"zTXt", b"workflow\0\0" + zlib.compress(long))
    info.add(b"iTXt", b"prompt\0\1\0en\0word\0" + zlib.compress(long))
    info.add(b"zTXt", b"bomb\0\0" + zlib.compress(bytes(40_000_000)))
    info.add(b"zTXt", b"broken\0\0 no zlib")
    Image.fromarray(PIXELS).save(tmp_path / "a.png", pnginfo=info)
    read, notes = _through(tmp_path, tmp_path / "a.png", ".png")
    assert notes == ()
    assert read_photo(str(tmp_path / "a.png")).notes == (
        "texts that are damaged or larger than 16 MB left out: bomb, broken",
    )
    assert dict(read.chunks) == {
        b"tEXt": b"workflow\0" + long,
        b"iTXt": b"prompt\0\0\0en\0word\0" + long,
    }
    with Image.open(tmp_path / "out.png") as image:
        image.load()
        assert image.text == {"workflow": long.decode(), "prompt": long.decode()}


@pytest.mark.parametrize("size, kept", [(3_000_000, True), (40_000_000, False)])
def test_large_profiles_are_kept_up_to_a_limit(tmp_path, size, kept):
    profile = (bytes(36) + b"acsp").ljust(size, b"x")
    content = io.BytesIO()
    Image.fromarray(PIXELS).save(content, "PNG")
    whole = content.getvalue()
    packed = b"large\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(packed)) + b"iCCP" + packed
    chunk += struct.pack(">I", zlib.crc32(b"iCCP" + packed))
    (tmp_path / "a.png").write_bytes(whole[:33] + chunk + whole[33:])
    read = read_photo(str(tmp_path / "a.png"))
    np.testing.assert_array_equal(read.pixels, PIXELS)
    assert read.icc == (profile if kept else None)
    assert bool(read.notes) != kept


@pytest.mark.parametrize("ending, kept", [(".jpg", "Comment"), (".webp", ""), (".tif", "")])
def test_other_formats_name_what_a_png_said(tmp_path, ending, kept):
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", 100000))
    info.add_text("Comment", "by hand")
    info.add_text("workflow", "nodes", zip=True)
    Image.fromarray(PIXELS).save(tmp_path / "a.png", pnginfo=info)
    read, notes = _through(tmp_path, tmp_path / "a.png", ending)
    (note,) = [note for note in notes if "does not hold" in note]
    texts = "workflow" if kept else "Comment, workflow"
    assert f"its gamma and chromaticities and its texts ({texts}), which were left out" in note
    assert read.comment == (b"by hand" if kept else None)


def test_what_says_srgb_needs_no_note(tmp_path):
    for chunks in (
        ((b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 45455)), (b"cHRM", bytes(32))),
        ((b"gAMA", struct.pack(">I", 45455)),),
    ):
        assert write_photo(str(tmp_path / "a.tif"), PIXELS, Photo(PIXELS, chunks=chunks)) == ()


def test_a_jpegs_comment_is_kept_or_named(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", comment=b"by hand")
    assert _through(tmp_path, tmp_path / "a.jpg", ".jpg")[0].comment == b"by hand"
    read, _ = _through(tmp_path, tmp_path / "a.jpg", ".png")
    assert (b"tEXt", b"Comment\0by hand") in read.chunks
    _, notes = _through(tmp_path, tmp_path / "a.jpg", ".webp")
    assert "WebP does not hold its comment, which was left out" in notes


def test_a_profile_in_parts_and_one_that_lacks_a_part(tmp_path):
    profile = np.random.default_rng(0).bytes(150_000)
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "JPEG", icc_profile=profile)
    content = buffer.getvalue()
    (tmp_path / "a.jpg").write_bytes(content)
    assert read_photo(str(tmp_path / "a.jpg")).icc == profile
    at = content.index(b"ICC_PROFILE\0\2")  # the second part loses its name
    (tmp_path / "a.jpg").write_bytes(content[:at] + b"X" + content[at + 1 :])
    read = read_photo(str(tmp_path / "a.jpg"))
    assert read.icc is None and "ICC profile is damaged and was left out" in read.notes[0]


@pytest.mark.parametrize("big", [False, True])
def test_tags_of_a_tiff_file_are_kept_without_its_layout(tmp_path, big):
    tags = [(271, 2, list(b"A camera\0"))]
    (tmp_path / "a.tif").write_bytes(zoo.tiff(zoo.noise(), 2, big=big, tags=tags, apart=True))
    read = read_photo(str(tmp_path / "a.tif"))
    assert read.notes == ()
    kept = Image.Exif()
    kept.load(read.exif)
    assert dict(kept) == {271: "A camera", 0x0112: 1}


def _png_with_tags(picture, tags):
    """A PNG file whose EXIF has a camera's name and these tags, {tag: value}."""
    make, entries = b"A camera\0", sorted(tags.items())
    table = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in entries if tag < 271)
    table += struct.pack("<HHII", 271, 2, len(make), 8 + 2 + 12 * (len(tags) + 1) + 4)
    table += b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in entries if tag > 271)
    block = b"II*\0" + struct.pack("<IH", 8, len(tags) + 1) + table + bytes(4) + make
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    kind = {1: 0, 3: 2, 4: 6}[channels]
    picture = picture.reshape(*picture.shape[:2], channels)
    return zoo.png(picture, kind, 8 * picture.itemsize, before=[zoo.chunk(b"eXIf", block)])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "tags",
    [
        *({262: value} for value in (1, 2, 3, 5, 6)),
        {277: 1},
        {277: 3},
        {262: 2, 277: 3},
        {284: 2},
        {266: 2},
        {338: 2},
        {339: 3},
        {256: 5, 257: 5, 258: 1, 259: 7},
        {32995: 1},
        {32996: 3},
        {32998: 0},
        {50706: 1},
    ],
    ids=str,
)
def test_tags_of_layout_in_exif_do_not_change_a_tiff(tmp_path, tags, channels, bits):
    picture = zoo.noise(channels, 2**bits - 1)
    if channels == 4:
        picture[..., 3] = 2**bits - 1  # OpenCV multiplies 8 bits by alpha
    picture = picture.squeeze()
    (tmp_path / "a.png").write_bytes(_png_with_tags(picture, tags))
    read = read_photo(str(tmp_path / "a.png"), keep_deep=True)
    written = str(tmp_path / "a.tif")
    assert write_photo(written, read.pixels if bits == 8 else read.deep, read) == ()
    again = read_photo(written, keep_deep=True)
    np.testing.assert_array_equal(again.pixels, read.pixels)
    np.testing.assert_array_equal(again.deep, read.deep)
    np.testing.assert_array_equal(again.alpha, read.alpha)
    np.testing.assert_array_equal(again.deep_alpha, read.deep_alpha)
    assert again.grey == read.grey == (channels == 1)
    assert again.notes == () and b"A camera" in again.exif
    found = cv2.imread(written, cv2.IMREAD_UNCHANGED)
    in_order = picture if channels == 1 else picture[..., [2, 1, 0, 3][:channels]]
    assert found.dtype == picture.dtype
    np.testing.assert_array_equal(found, in_order)
    if bits == 8 or channels == 1:  # Pillow does not read colour with 16 bits
        np.testing.assert_array_equal(np.asarray(Image.open(written)), picture)


@pytest.mark.parametrize("tag, what", [(700, "XMP"), (34675, "ICC profile")])
def test_what_exif_holds_besides_its_own_is_named(tmp_path, tag, what):
    (tmp_path / "a.png").write_bytes(_png_with_tags(PIXELS, {tag: 1}))
    read = read_photo(str(tmp_path / "a.png"))
    assert read.notes == (f"the {what} in its EXIF block was left out",)
    exif = Image.Exif()
    exif.load(read.exif)
    assert dict(exif) == {271: "A camera", 0x0112: 1}


@pytest.mark.filterwarnings("ignore:Tag data larger")
def test_a_tag_of_layout_that_cannot_be_read_needs_no_note(tmp_path):
    (tmp_path / "a.png").write_bytes(_png_with_tags(PIXELS, {}))
    content = bytearray(_png_with_tags(PIXELS, {273: 1, 320: 1}))
    at = content.index(struct.pack("<HHI", 320, 3, 1))
    content[at : at + 8] = struct.pack("<HHI", 320, 3, 10**6)  # far beyond the block's end
    start = content.index(b"eXIf")
    (length,) = struct.unpack_from(">I", content, start - 4)
    check = zlib.crc32(bytes(content[start : start + 4 + length]))
    struct.pack_into(">I", content, start + 4 + length, check)
    (tmp_path / "b.png").write_bytes(content)
    plain, odd = (read_photo(str(tmp_path / f"{name}.png")) for name in "ab")
    assert odd.notes == () and odd.exif == plain.exif
