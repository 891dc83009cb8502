"""What an exported graph reads of a file: the pixels that the commands read, or a refusal.

A zoo of files is made from arrays that are known. Each kind is decoded in the graph and by
`tfinpaint.photo`, and compared with the array.
"""

import io
import re
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, PngImagePlugin

from tfinpaint.export import decoding
from tfinpaint.photo import read_hole, read_photo
from tfinpaint.settings import SettingsError

HEIGHT, WIDTH = 21, 30
RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
GREY = RGB[..., 0]
HOLE = np.zeros((HEIGHT, WIDTH), np.uint8)
HOLE[4:15, 8:22] = 255
INDICES = RNG.integers(0, 16, (HEIGHT, WIDTH), np.uint8)
PALETTE = RNG.integers(0, 256, (16, 3), np.uint8)


def save(array, kind, mode=None, **options):
    file = io.BytesIO()
    image = Image.fromarray(array) if mode is None else Image.fromarray(array, mode)
    image.save(file, kind, **options)
    return file.getvalue()


def indexed(kind, **options):
    image = Image.fromarray(INDICES, "P")
    image.putpalette(PALETTE.tobytes())
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(colour, bits, values, before=b"", after=b""):
    """A PNG of samples [H, W, C], written by hand. before, after: chunks around the pixels."""
    height, width = values.shape[:2]
    if bits == 16:
        rows = [row.astype(">u2").tobytes() for row in values]
    else:
        places = np.unpackbits(values.astype(np.uint8)[..., np.newaxis], axis=-1)[..., 8 - bits :]
        rows = [row.tobytes() for row in np.packbits(places.reshape(height, -1), axis=1)]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before
        + pixels
        + after
        + chunk(b"IEND", b"")
    )


def interlaced(values):
    """A PNG in the seven passes of Adam7, written by hand."""
    rows = [
        b"\0" + row.tobytes()
        for top, left, down, right in (
            (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
            (1, 0, 2, 1),
        )
        for row in values[top::down, left::right]
    ]  # fmt: skip
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 8, 2, 0, 0, 1)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"".join(rows)))
        + chunk(b"IEND", b"")
    )


def bmp(bits, rows, packing=0, palette=b"", colours=0, masks=b"", upwards=True):
    """A BMP of rows of bytes, from the top."""
    rows = [row + bytes(-len(row) % 4) for row in (rows[::-1] if upwards else rows)]
    data, begin = b"".join(rows), 54 + len(masks) + len(palette)
    return (
        b"BM"
        + struct.pack("<IHHI", begin + len(data), 0, 0, begin)
        + struct.pack("<IiiHH", 40, WIDTH, HEIGHT if upwards else -HEIGHT, 1, bits)
        + struct.pack("<IIiiII", packing, len(data), 2835, 2835, colours, 0)
        + masks
        + palette
        + data
    )


def blue_first(fourth=None):
    """RGB in the rows of a BMP."""
    parts = [RGB[..., ::-1]]
    if fourth is not None:
        parts.append(np.full((HEIGHT, WIDTH, 1), fourth, np.uint8))
    return [row.tobytes() for row in np.concatenate(parts, -1)]


BMP_PALETTE = np.concatenate([PALETTE[:, ::-1], np.zeros((16, 1), np.uint8)], 1).tobytes()
DEEP = RNG.integers(0, 65536, (HEIGHT, WIDTH, 4))


def spread(values, bits):
    """Samples of few bits as RGB of eight, [H, W, 3]."""
    return np.repeat((values * (255 // (2**bits - 1))).astype(np.uint8), 3, -1)


def to_eight(values):
    return np.rint(values / 257).astype(np.uint8)


FEW = {bits: RNG.integers(0, 2**bits, (HEIGHT, WIDTH, 1)) for bits in (1, 2, 4)}
ANOTHER = Image.fromarray(RGB).quantize(5)
# name -> file, and the array that it was made from, or None if the way there loses something
READ = {
    "PNG": (save(RGB, "PNG"), RGB),
    "PNG, interlaced": (interlaced(RGB), RGB),
    "PNG, grey": (save(GREY, "PNG"), np.dstack([GREY] * 3)),
    "PNG, alpha": (save(np.dstack([RGB, GREY]), "PNG"), RGB),
    "PNG, grey and alpha": (save(np.dstack([GREY, HOLE]), "PNG", "LA"), np.dstack([GREY] * 3)),
    "PNG, palette": (indexed("PNG"), PALETTE[INDICES]),
    "PNG, palette with one clear colour": (indexed("PNG", transparency=3), PALETTE[INDICES]),
    "PNG, palette with alphas": (indexed("PNG", transparency=b"\0\x80\xff"), PALETTE[INDICES]),
    **{f"PNG, grey {b}": (png(0, b, FEW[b]), spread(FEW[b], b)) for b in FEW},
    "PNG, grey 16": (png(0, 16, DEEP[..., :1]), np.repeat(to_eight(DEEP[..., :1]), 3, -1)),
    "PNG, grey and alpha 16": (
        png(4, 16, DEEP[..., :2]),
        np.repeat(to_eight(DEEP[..., :1]), 3, -1),
    ),
    "PNG, colour 16": (png(2, 16, DEEP[..., :3]), to_eight(DEEP[..., :3])),
    "PNG, colour and alpha 16": (png(6, 16, DEEP), to_eight(DEEP[..., :3])),
    "PNG, gamma": (png(2, 8, RGB, chunk(b"gAMA", struct.pack(">I", 100000))), RGB),
    "PNG, text": (png(2, 8, RGB, chunk(b"tEXt", b"Comment\0" + b"x" * 3000)), RGB),
    "PNG, animated": (
        save(RGB, "PNG", save_all=True, append_images=[Image.fromarray(255 - RGB)]),
        RGB,
    ),
    "JPEG": (save(RGB, "JPEG"), None),
    "JPEG, full colour": (save(RGB, "JPEG", subsampling=0, quality=95), None),
    "JPEG, progressive": (save(RGB, "JPEG", progressive=True), None),
    "JPEG, grey": (save(GREY, "JPEG"), None),
    "JPEG, ICC and comment": (
        save(RGB, "JPEG", icc_profile=bytes(70000), comment=b"x" * 900),
        None,
    ),
    "BMP": (save(RGB, "BMP"), RGB),
    "BMP, from the top": (bmp(24, blue_first(), upwards=False), RGB),
    "BMP, grey": (save(GREY, "BMP"), np.dstack([GREY] * 3)),
    "BMP, palette": (indexed("BMP"), PALETTE[INDICES]),
    "BMP, palette of 16": (
        bmp(8, [row.tobytes() for row in INDICES], palette=BMP_PALETTE, colours=16),
        PALETTE[INDICES],
    ),
    "BMP, more bytes": (save(RGB, "BMP") + b"more", RGB),
    "BMP, 32 bits": (bmp(32, blue_first(0)), RGB),
    "BMP, 32 bits with 255": (bmp(32, blue_first(255)), RGB),
    "GIF": (indexed("GIF"), PALETTE[INDICES]),
    "GIF, animated": (indexed("GIF", save_all=True, append_images=[ANOTHER]), PALETTE[INDICES]),
    "GIF, comment": (indexed("GIF", comment=b"hello " * 90), PALETTE[INDICES]),
}
SHORT = [row.tobytes() for row in RNG.integers(0, 2**15, (HEIGHT, WIDTH), np.uint16)]
RED_LAST = struct.pack("<III", 0xFF, 0xFF00, 0xFF0000)
# name -> file, and what the message says
REFUSED = {
    "nothing": (b"", "an empty file"),
    "text": (b"no picture", "no JPEG, PNG, BMP or GIF"),
    "WebP": (save(RGB, "WEBP"), "no JPEG, PNG, BMP or GIF"),
    "TIFF": (save(RGB, "TIFF"), "no JPEG, PNG, BMP or GIF"),
    "JPEG, CMYK": (save(np.dstack([RGB, GREY]), "JPEG", "CMYK"), r"four colours \(CMYK\)"),
    "JPEG, its header alone": (save(RGB, "JPEG")[:60], "Invalid JPEG"),
    "JPEG, cut": (save(RGB, "JPEG")[:-200], "Invalid JPEG"),
    "PNG, cut": (save(RGB, "PNG")[:300], "Invalid PNG"),
    "PNG, signature alone": (save(RGB, "PNG")[:8], "Invalid PNG"),
    "BMP, 1 bit": (bmp(1, [bytes(4)] * HEIGHT, palette=bytes(8)), "1 bits per pixel"),
    "BMP, 4 bits": (bmp(4, [bytes(15)] * HEIGHT, palette=bytes(64)), "4 bits per pixel"),
    "BMP, 16 bits": (bmp(16, SHORT), "16 bits per pixel"),
    "BMP, 16 bits and masks": (bmp(16, SHORT, 3, masks=RED_LAST), "16 bits per pixel"),
    "BMP, 32 bits and masks": (bmp(32, blue_first(0), 3, masks=RED_LAST), r"masks \(kind 3\)"),
    "BMP, packed": (bmp(8, [b"\x1e\1\0\0"] * HEIGHT, 1, bytes(1024)), r"compressed .*\(kind 1\)"),
    "BMP, OS/2": (b"BM" + bytes(8) + b"\x1a\0\0\0\x0c\0\0\0" + bytes(900), "a header of 12 bytes"),
    "BMP, cut": (save(RGB, "BMP")[:-5], "Invalid BMP: it ends before its pixels do"),
    "BMP, signature alone": (b"BM", "a header of 0 bytes"),
    "GIF, clear": (indexed("GIF", transparency=3), "transparent parts"),
    "GIF, a part": (
        indexed("GIF").replace(struct.pack("<HH", WIDTH, HEIGHT), struct.pack("<HH", 99, 99), 1),
        "does not cover",
    ),
    "GIF, signature alone": (b"GIF89a", "Invalid GIF"),
}
CLEAR_GREY = png(0, 8, GREY[..., np.newaxis], chunk(b"tRNS", b"\0\x07"))
CLEAR_RGB = png(2, 8, RGB, chunk(b"tRNS", bytes(6)))
FILE = tf.TensorSpec([], tf.string)


@pytest.fixture(scope="module")
def graphs():
    """decode_image and decode_mask as an exported graph has them."""
    return [
        tf.function(function, input_signature=[FILE])
        for function in (decoding.decode_image, decoding.decode_mask)
    ]


def refusal(function, content):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        function(tf.constant(content))
    return error.value.message


def by_command(read, content, tmp_path):
    """What a command reads, or None if it refuses the file."""
    (tmp_path / "file").write_bytes(content)
    try:
        return read(str(tmp_path / "file"))
    except SettingsError:
        return None


@pytest.mark.parametrize("name", READ)
def test_the_graph_reads_what_was_written_and_what_the_commands_read(graphs, tmp_path, name):
    content, truth = READ[name]
    pixels = graphs[0](tf.constant(content)).numpy()
    if truth is not None:
        np.testing.assert_array_equal(pixels, truth)
    photo = by_command(read_photo, content, tmp_path)
    np.testing.assert_array_equal(pixels, photo.pixels)


def mask_files():
    """name -> a mask of HOLE in each kind that is read."""
    image = Image.fromarray(HOLE)
    inverse = Image.fromarray(HOLE // 255, "P")
    inverse.putpalette([0, 0, 0, 255, 255, 255])
    turned = Image.fromarray(1 - HOLE // 255, "P")
    turned.putpalette([255, 255, 255, 0, 0, 0])
    strokes = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    strokes[..., 1], strokes[..., 3] = 200, HOLE

    def saved(image, kind):
        file = io.BytesIO()
        image.save(file, kind)
        return file.getvalue()

    files = {f"grey {kind}": saved(image, kind) for kind in ("PNG", "BMP", "GIF")}
    files["grey JPEG"] = save(HOLE, "JPEG", quality=95)
    files |= {f"RGB {kind}": saved(image.convert("RGB"), kind) for kind in ("PNG", "BMP", "JPEG")}
    files |= {f"palette {kind}": saved(inverse, kind) for kind in ("PNG", "BMP", "GIF")}
    files |= {f"turned palette {kind}": saved(turned, kind) for kind in ("PNG", "BMP", "GIF")}
    files["one bit PNG"] = saved(image.convert("1"), "PNG")
    files["16 bits PNG"] = png(0, 16, HOLE[..., np.newaxis].astype(np.uint16) * 257)
    files["strokes PNG"] = save(strokes, "PNG")
    files["grey and alpha PNG"] = save(np.dstack([np.full_like(HOLE, 9), HOLE]), "PNG", "LA")
    files["opaque PNG"] = save(np.dstack([HOLE] * 3 + [np.full_like(HOLE, 255)]), "PNG")
    return files


@pytest.mark.parametrize("name, content", mask_files().items())
def test_masks_of_every_kind(graphs, tmp_path, name, content):
    np.testing.assert_array_equal(graphs[1](tf.constant(content))[..., 0].numpy() > 127, HOLE > 0)
    hole = by_command(read_hole, content, tmp_path)
    np.testing.assert_array_equal(hole[0], HOLE)


@pytest.mark.parametrize("which", [0, 1], ids=["image_bytes", "mask_bytes"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_rightly_is_refused(graphs, name, which):
    content, words = REFUSED[name]
    message = refusal(graphs[which], content)
    assert re.search(words, message)
    assert ("image_bytes", "mask_bytes")[which] in message


@pytest.mark.parametrize("content", [CLEAR_GREY, CLEAR_RGB], ids=["grey", "colour"])
def test_one_clear_colour_is_refused_in_masks_and_left_aside_in_photographs(graphs, content):
    assert "one colour is transparent (tRNS)" in refusal(graphs[1], content)
    truth = RGB if content == CLEAR_RGB else np.dstack([GREY] * 3)
    np.testing.assert_array_equal(graphs[0](tf.constant(content)).numpy(), truth)


# -------------------------------------------------------------------------------------- orientation

TURNS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    8: lambda p: np.rot90(p),
}


def exif(value, order=">", kind=3, before=2):
    """A TIFF block with an orientation after a few other tags."""
    tags = [(0x100 + k, 3, 1, struct.pack(order + "HH", 7, 0)) for k in range(before)]
    short = struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
    tags.append((0x112, kind, 1, short))
    tags.append((0x11A, 99, 2**31, b"\xff\xff\xff\xff"))  # broken
    return (
        (b"MM" if order == ">" else b"II")
        + struct.pack(order + "HI", 42, 8)
        + struct.pack(order + "H", len(tags))
        + b"".join(struct.pack(order + "HHI", *tag[:3]) + tag[3] for tag in tags)
        + bytes(4)
    )


def jpeg_with(*segments):
    plain = save(RGB, "JPEG", subsampling=0)
    return (
        plain[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(s) + 2) + s for s in segments)
    ) + plain[2:]


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'


def xmp_text(value, packed=0):
    text = zlib.compress(XMP % value) if packed else XMP % value
    return chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bytes([packed, 0, 0, 0]) + text)


def turned_files(value):
    jpeg = b"Exif\0\0"
    xap = b"http://ns.adobe.com/xap/1.0/\0"
    return {
        "JPEG": jpeg_with(jpeg + exif(value)),
        "JPEG, little": jpeg_with(jpeg + exif(value, "<")),
        "JPEG, long": jpeg_with(jpeg + exif(value, "<", 4)),
        "JPEG, many tags": jpeg_with(b"other", xap + b"<x/>", jpeg + exif(value, before=9)),
        "JPEG, XMP": jpeg_with(xap + XMP % value),
        "JPEG, EXIF before XMP": jpeg_with(xap + XMP % 3, jpeg + exif(value)),
        "PNG": png(2, 8, RGB, chunk(b"eXIf", exif(value))),
        "PNG, after": png(2, 8, RGB, b"", chunk(b"eXIf", exif(value, "<"))),
        "PNG, XMP": png(2, 8, RGB, xmp_text(value)),
    }


@pytest.mark.parametrize("value", TURNS)
def test_pictures_are_turned_upright(graphs, tmp_path, value):
    plain = graphs[0](tf.constant(jpeg_with())).numpy()
    for name, content in turned_files(value).items():
        truth = TURNS[value](RGB if name.startswith("PNG") else plain)
        np.testing.assert_array_equal(graphs[0](tf.constant(content)).numpy(), truth, name)
        luminance = np.asarray(Image.fromarray(np.ascontiguousarray(truth)).convert("L"))
        np.testing.assert_array_equal(graphs[1](tf.constant(content))[..., 0], luminance, name)
        if name in ("JPEG", "JPEG, little", "PNG"):
            # as a camera writes it: without a broken tag
            block = Image.Exif()
            block[0x112] = value
            clean = (
                save(RGB, "JPEG", subsampling=0, exif=block)
                if "JPEG" in name
                else save(RGB, "PNG", exif=block)
            )
            np.testing.assert_array_equal(
                graphs[0](tf.constant(clean)).numpy(),
                by_command(read_photo, clean, tmp_path).pixels,
            )


@pytest.mark.parametrize("block", [
    exif(0), exif(9), exif(40000), exif(6, kind=4)[:12], exif(6)[:20], b"", b"II", exif(6, kind=7),
    b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"XX" + exif(6)[2:],
], ids=range(11))  # fmt: skip
def test_an_orientation_that_is_none_turns_nothing(graphs, block):
    plain = graphs[0](tf.constant(jpeg_with())).numpy()
    content = jpeg_with(b"Exif\0\0" + block)
    np.testing.assert_array_equal(graphs[0](tf.constant(content)).numpy(), plain)


def test_a_png_whose_orientation_is_hidden_is_refused(graphs):
    raw = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"exif"))
    for before in (raw, xmp_text(6, packed=1)):
        assert "orientation may stand" in refusal(graphs[0], png(2, 8, RGB, before))
        known = png(2, 8, RGB, before, chunk(b"eXIf", exif(8)))
        np.testing.assert_array_equal(graphs[0](tf.constant(known)).numpy(), TURNS[8](RGB))


def test_text_that_pillow_writes_hides_nothing(graphs):
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", "x" * 5000, zip=True)
    info.add_itxt("Title", "Grüße", "de", "Titel", zip=True)
    content = save(RGB, "PNG", pnginfo=info)
    np.testing.assert_array_equal(graphs[0](tf.constant(content)).numpy(), RGB)
