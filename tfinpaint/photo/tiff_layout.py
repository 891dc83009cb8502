"""The layout of a TIFF file's samples, and the table of what is decoded and how.

    tiff_samples    decodes files that are uncompressed or losslessly compressed byte by byte (LZW,
                    Deflate, PackBits, LZMA, Zstandard): grey, palette, RGB and CMYK, 1 to 16 bits,
                    either byte order, strips or tiles, interleaved or separate planes, zero for
                    white or for black; grey and RGB of floating-point numbers from 0 to 1.
    Pillow          decodes JPEG (grey, RGB, YCbCr), CCITT fax, WebP and Lab, 8 bits (fax: 1),
                    interleaved.

Everything else is refused: `Unsupported` says what it is.
"""

from typing import NamedTuple

from tfinpaint.photo.decoded import Damaged, Unsupported
from tfinpaint.photo.tiff_file import Directory

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
_PHOTOMETRIC = {
    0: "white is zero",
    1: "black is zero",
    2: "RGB",
    3: "palette",
    4: "transparency mask",
    5: "separated inks",
    6: "YCbCr",
    8: "CIE Lab",
    9: "ICC Lab",
    10: "ITU Lab",
    32844: "LogL",
    32845: "LogLuv",
}
CHANNELS = {
    WHITE_IS_ZERO: 1,
    BLACK_IS_ZERO: 1,
    RGB: 3,
    PALETTE: 1,
    CMYK: 4,
    YCBCR: 3,
    LAB: 3,
}
WHOLE_BYTES = (1, 5, 8, 32773, 32946, 34925, 50000)  # uncompressed, and compressions of whole bytes
_BY_PILLOW = {  # compression: photometric interpretations that Pillow decodes correctly
    2: (WHITE_IS_ZERO, BLACK_IS_ZERO),
    3: (WHITE_IS_ZERO, BLACK_IS_ZERO),
    4: (WHITE_IS_ZERO, BLACK_IS_ZERO),
    7: (BLACK_IS_ZERO, RGB, YCBCR),
    50001: (RGB,),
}
_COMPRESSIONS = {
    1: "uncompressed",
    2: "CCITT",
    3: "CCITT group 3",
    4: "CCITT group 4",
    5: "LZW",
    6: "old-style JPEG",
    7: "JPEG",
    8: "Deflate",
    32773: "PackBits",
    32946: "Deflate",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
}
_RAW = (
    "camera raw: develop it to TIFF, PNG or JPEG first, for example with darktable or RawTherapee"
)
_MAX_CHANNELS = 16
_FLOATING, _FLOATING_PREDICTOR = 3, 3  # values of the tags SampleFormat and Predictor


class Layout(NamedTuple):
    """How the samples of a TIFF file are stored. Numbers are the values of TIFF's tags."""

    width: int
    height: int
    bits: int
    samples: int  # per pixel, with alpha
    photometric: int
    compression: int
    predictor: int
    apart: bool  # separate planes: each has its own strips
    backwards: bool  # the lowest bit of a byte is first
    order: str  # "<" or ">"
    floating: bool  # samples are floating-point numbers


def layout_of(tags: Directory) -> Layout:
    """Reads the layout. Raises Unsupported or Damaged."""
    samples = tags.value(277, 1)
    bits = tags.values(258, [1])
    if len(set(bits)) != 1:
        raise Unsupported(f"its channels have different numbers of bits, {_list(bits)}")
    if 262 in tags:
        photometric = tags.value(262)
    elif samples in (3, 4):
        photometric = RGB  # as libtiff assumes
    else:
        raise Unsupported("it does not say whether black or white is zero")
    return Layout(
        tags.value(256),
        tags.value(257),
        bits[0],
        samples,
        photometric,
        tags.value(259, 1),
        tags.value(317, 1),
        tags.value(284, 1) == 2 and samples > 1,
        tags.value(266, 1) == 2,
        tags.order,
        set(tags.values(339, [1])) == {_FLOATING},
    )


def refuse(tags: Directory, layout: Layout) -> None:
    """Applies the table.

    Raises: Unsupported for every combination that is not decoded; Damaged for contradictory tags.
    """
    photometric, compression, bits = layout.photometric, layout.compression, layout.bits
    kind = _PHOTOMETRIC.get(photometric, f"photometric interpretation {photometric}")
    packed = _COMPRESSIONS.get(compression, f"compression {compression}")
    form = set(tags.values(339, [1]))
    if not layout.width or not layout.height or not layout.samples:
        raise Damaged("it has no pixels")
    if layout.floating:
        _refuse_floating(layout, kind)
    elif form & {3, 5, 6}:
        raise Unsupported(f"complex or mixed pixels, {bits} bits: convert it to 8 or 16 bits first")
    elif form - {1, 4}:
        raise Unsupported(f"signed pixels, {bits} bits: convert it to 8 or 16 bits first")
    if photometric not in CHANNELS:
        raise Unsupported(kind)
    if layout.samples > _MAX_CHANNELS:
        raise Unsupported(f"{layout.samples} channels")
    if layout.samples < CHANNELS[photometric]:
        raise Damaged(f"{kind} has {CHANNELS[photometric]} channels, it says {layout.samples}")
    if photometric == CMYK and tags.value(332, 1) != 1:
        raise Unsupported("inks other than CMYK")
    if layout.floating:
        return
    if compression in WHOLE_BYTES and photometric not in (YCBCR, LAB):
        if not 1 <= bits <= 16:
            raise Unsupported(f"{bits}-bit pixels: convert it to 8 or 16 bits first")
        if layout.predictor not in (1, 2) and compression != 1:
            raise Unsupported(f"predictor {layout.predictor}")
        if layout.predictor == 2 and compression != 1 and bits not in (8, 16):
            raise Unsupported(f"a predictor over {bits}-bit pixels")
        return
    by_pillow = photometric in _BY_PILLOW.get(compression, ())
    if photometric == LAB and compression in WHOLE_BYTES and layout.samples == 3:
        by_pillow = layout.predictor in (1, 2)
    wanted = 1 if compression in (2, 3, 4) else 8
    extra = layout.samples - CHANNELS[photometric]
    if not by_pillow or bits != wanted or layout.apart or extra > (compression == 50001):
        planes = ", planes apart" if layout.apart else ""
        raise Unsupported(f"{kind}, {packed}, {layout.samples} x {bits} bits{planes}")


def _refuse_floating(layout: Layout, kind: str) -> None:
    """Refuses floating-point pixels other than grey and RGB with 16, 32 or 64 bits."""
    what = f"floating-point pixels, {layout.bits} bits"
    if layout.photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):
        raise Unsupported(f"{what}, {kind}")
    if layout.bits not in (16, 32, 64):
        raise Unsupported(f"{what}: convert it to 8 or 16 bits first")
    if layout.compression not in WHOLE_BYTES:
        raise Unsupported(f"{what}, {_COMPRESSIONS.get(layout.compression, layout.compression)}")
    if layout.compression != 1 and layout.predictor not in (1, _FLOATING_PREDICTOR):
        raise Unsupported(f"{what}, predictor {layout.predictor}")


def refuse_camera_raw(tags: Directory) -> None:
    """Raises Unsupported for DNG, NEF, CR2, ARW and others that are TIFF files."""
    photometric = quietly(tags, 262, 1)
    # The first directory of a raw file may hold a preview (bit 0 of tag 254), and subdirectories
    # (tag 330) the rest.
    is_preview = quietly(tags, 254, 0) & 1 and 330 in tags
    # Canon's mark, with the first directory at byte 16. In other files these bytes may be pixels.
    is_canon = tags.data[4:11] == b"\x10\0\0\0CR\2"
    if photometric in (32803, 34892) or 50706 in tags or is_preview or is_canon:
        raise Unsupported(_RAW)


def quietly(tags: Directory, tag: int, default: int) -> int:
    """The value of a tag, or the default if it is missing or damaged."""
    try:
        return tags.value(tag, default)
    except Damaged:
        return default


def _list(values) -> str:
    return ", ".join(map(str, values[:6]))
