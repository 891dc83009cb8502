"""TIFF: what the file says of its samples is read first, and a table decides who decodes them.

Inputs: the bytes of a TIFF or BigTIFF file; its first picture is read.
Output: `Decoded`, uint16 where the file has more than 8 bits per sample.
Who decodes:
    this file   whatever is uncompressed or compressed without loss by whole bytes (LZW, Deflate,
                PackBits, LZMA, Zstandard): libtiff only unpacks bytes, through Pillow, and samples
                are made of them here. Grey, palette, RGB and CMYK, 1 to 16 bits, either byte order,
                strips or tiles, planes together or apart, white is zero or black is zero.
    Pillow      JPEG (grey, RGB, YCbCr), CCITT fax, WebP and Lab, 8 bits (fax: 1), planes together.
    nobody      everything else: Unsupported says what it is.
Pillow is never handed the file itself, which it reads wrongly where planes are apart or white is
zero, but one that is made of the tags that matter.
"""

import io
import struct
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from PIL import Image, TiffImagePlugin

from tfinpaint.photo.decoded import PREMULTIPLIED, Damaged, Decoded, Unsupported, from_pillow

_TYPES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_SIZES = {**{kind: struct.calcsize(t) for kind, t in _TYPES.items()}, 5: 8, 10: 8, 11: 4, 12: 8}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
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
_CHANNELS = {
    _WHITE_IS_ZERO: 1,
    _BLACK_IS_ZERO: 1,
    _RGB: 3,
    _PALETTE: 1,
    _CMYK: 4,
    _YCBCR: 3,
    _LAB: 3,
}
_WHOLE_BYTES = (1, 5, 8, 32773, 32946, 34925, 50000)  # compressions that this file goes on from
_BY_PILLOW = {  # compression: photometric interpretations that Pillow decodes rightly
    2: (_WHITE_IS_ZERO, _BLACK_IS_ZERO),
    3: (_WHITE_IS_ZERO, _BLACK_IS_ZERO),
    4: (_WHITE_IS_ZERO, _BLACK_IS_ZERO),
    7: (_BLACK_IS_ZERO, _RGB, _YCBCR),
    50001: (_RGB,),
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
_RAW = "camera raw: develop it to TIFF, PNG or JPEG first, with darktable or RawTherapee say"
_MAX_CHANNELS = 16
_MARGIN = 2**24  # pixels of tiles that are not the picture's
_ROWS = 256  # of samples that are narrower than a byte, unpacked at a time


class Layout(NamedTuple):
    """What the file says of its samples."""

    width: int
    height: int
    bits: int
    samples: int  # per pixel, with alpha
    photometric: int
    compression: int
    predictor: int
    apart: bool  # each plane in strips of its own
    backwards: bool  # the lowest bit of a byte comes first
    order: str  # "<" or ">"


class Directory:
    """The tags of a TIFF file's first picture; values are read when they are asked for."""

    def __init__(self, data: bytes):
        self.data = data
        self.order = {b"II": "<", b"MM": ">"}[data[:2]]
        self._big = struct.unpack(self.order + "H", data[2:4])[0] == 43
        try:
            self.tags, self._next = self._read(self._offset(8 if self._big else 4))
        except struct.error:
            raise Damaged("it has no table of tags") from None
        if not self.tags:
            raise Damaged("its table of tags is empty")

    def _offset(self, at: int) -> int:
        form = "Q" if self._big else "I"
        return struct.unpack_from(self.order + form, self.data, at)[0]

    def _read(self, start: int):
        """{tag: (type, count, where its value is)}, and where the next directory is."""
        head, size = ("Q", 20) if self._big else ("H", 12)
        (count,) = struct.unpack_from(self.order + head, self.data, start)
        at = start + struct.calcsize(head)
        if count > 65535:
            raise Damaged("its table of tags is too long")
        tags: Dict[int, Tuple[int, int, int]] = {}
        for entry in range(at, at + count * size, size):
            tag, kind = struct.unpack_from(self.order + "HH", self.data, entry)
            length, place = self._offset(entry + 4), entry + (12 if self._big else 8)
            if _SIZES.get(kind, 1) * length > (8 if self._big else 4):
                place = self._offset(place)
            tags.setdefault(tag, (kind, length, place))
        try:
            following = self._offset(at + count * size)
        except struct.error:  # cut off behind the first picture
            following = 0
        return tags, following

    def pictures(self) -> int:
        """How many the file holds, as far as its chain of directories is whole."""
        seen, at = set(), self._next
        while at and at not in seen and len(seen) < 100_000:
            seen.add(at)
            try:
                _, at = self._read(at)
            except (struct.error, Damaged):
                break
        return 1 + len(seen)

    def __contains__(self, tag: int) -> bool:
        return tag in self.tags

    def values(self, tag: int, default: Optional[Sequence[int]] = None) -> Tuple[int, ...]:
        """Whole numbers. Raises Damaged if the tag is missing and has no default."""
        if tag not in self.tags:
            if default is None:
                raise Damaged(f"its tag {tag} is missing")
            return tuple(default)
        kind, count, place = self.tags[tag]
        if kind not in _TYPES:
            raise Damaged(f"its tag {tag} is of type {kind}")
        try:
            return struct.unpack_from(f"{self.order}{count}{_TYPES[kind]}", self.data, place)
        except (struct.error, MemoryError, OverflowError):
            raise Damaged(f"its tag {tag} points beyond the end of the file") from None

    def value(self, tag: int, default: Optional[int] = None) -> int:
        found = self.values(tag, None if default is None else [default])
        if not found:
            raise Damaged(f"its tag {tag} is empty")
        return found[0]

    def optional_bytes(self, tag: int) -> Optional[bytes]:
        """The content of a tag that pixels do not depend on; None if missing or damaged."""
        if tag not in self.tags:
            return None
        kind, count, place = self.tags[tag]
        size = _SIZES.get(kind, 0) * count
        return self.data[place : place + size] if 0 < size <= len(self.data) - place else None

    def ratio(self, tag: int) -> Optional[float]:
        content = self.optional_bytes(tag)
        if content is None or len(content) != 8 or self.tags[tag][0] != 5:
            return None
        above, below = struct.unpack(self.order + "II", content)
        return above / below if above and below else None


def read(data: bytes, check) -> Decoded:
    """Decodes the first picture. Raises Unsupported or Damaged."""
    tags = Directory(data)
    _refuse_camera_raw(tags)
    layout = _layout(tags)
    check(layout.width, layout.height)
    _refuse(tags, layout)
    icc = tags.optional_bytes(34675)
    if layout.compression in _WHOLE_BYTES and layout.photometric not in (_YCBCR, _LAB):
        found = _from_samples(tags, layout, icc)
    else:
        found = from_pillow(_by_pillow(tags, layout), icc)
    if 34675 in tags and icc is None:
        found.notes += ("its ICC profile is damaged and was left out",)
    found.exif, found.is_tiff = data, True
    found.xmp = tags.optional_bytes(700)
    across, down = tags.ratio(282), tags.ratio(283)
    unit = {2: 1.0, 3: 2.54}.get(_quietly(tags, 296, 2))
    if across and down and unit:
        found.dpi = (across * unit, down * unit)
    found.pictures = tags.pictures()
    return found


def _quietly(tags: Directory, tag: int, default: int) -> int:
    try:
        return tags.value(tag, default)
    except Damaged:
        return default


def _refuse_camera_raw(tags: Directory) -> None:
    photometric = _quietly(tags, 262, 1)
    # A raw file's first directory holds a small picture (bit 0 of its kind); the rest is below it.
    is_preview = _quietly(tags, 254, 0) & 1 and 330 in tags
    if photometric in (32803, 34892) or 50706 in tags or is_preview or tags.data[8:10] == b"CR":
        raise Unsupported(_RAW)


def _layout(tags: Directory) -> Layout:
    samples = tags.value(277, 1)
    bits = tags.values(258, [1])
    if len(set(bits)) != 1:
        raise Unsupported(f"its channels have different numbers of bits, {_list(bits)}")
    if 262 in tags:
        photometric = tags.value(262)
    elif samples in (3, 4):
        photometric = _RGB  # as libtiff takes it
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
    )


def _refuse(tags: Directory, layout: Layout) -> None:
    """The table: raises Unsupported for every combination that is not decoded here."""
    photometric, compression, bits = layout.photometric, layout.compression, layout.bits
    kind = _PHOTOMETRIC.get(photometric, f"photometric interpretation {photometric}")
    packed = _COMPRESSIONS.get(compression, f"compression {compression}")
    form = set(tags.values(339, [1]))
    if not layout.width or not layout.height or not layout.samples:
        raise Damaged("it has no pixels")
    if 3 in form or 6 in form:
        raise Unsupported(f"floating-point pixels, {bits} bits: convert it to 8 or 16 bits first")
    if form - {1, 4}:
        raise Unsupported(f"signed pixels, {bits} bits: convert it to 8 or 16 bits first")
    if photometric not in _CHANNELS:
        raise Unsupported(kind)
    if layout.samples > _MAX_CHANNELS:
        raise Unsupported(f"{layout.samples} channels")
    if layout.samples < _CHANNELS[photometric]:
        raise Damaged(f"{kind} has {_CHANNELS[photometric]} channels, it says {layout.samples}")
    if photometric == _CMYK and tags.value(332, 1) != 1:
        raise Unsupported("inks other than CMYK")
    if compression in _WHOLE_BYTES and photometric not in (_YCBCR, _LAB):
        if not 1 <= bits <= 16:
            raise Unsupported(f"{bits}-bit pixels: convert it to 8 or 16 bits first")
        if layout.predictor not in (1, 2) and compression != 1:
            raise Unsupported(f"predictor {layout.predictor}")
        if layout.predictor == 2 and compression != 1 and bits not in (8, 16):
            raise Unsupported(f"a predictor over {bits}-bit pixels")
        return
    by_pillow = photometric in _BY_PILLOW.get(compression, ())
    if photometric == _LAB and compression in _WHOLE_BYTES and layout.samples == 3:
        by_pillow = layout.predictor in (1, 2)
    wanted = 1 if compression in (2, 3, 4) else 8
    extra = layout.samples - _CHANNELS[photometric]
    if not by_pillow or bits != wanted or layout.apart or extra > (compression == 50001):
        planes = ", planes apart" if layout.apart else ""
        raise Unsupported(f"{kind}, {packed}, {layout.samples} x {bits} bits{planes}")


# ------------------------------------------------------------------------------- decoded by Pillow


def _by_pillow(tags: Directory, layout: Layout) -> Image.Image:
    """The picture as Pillow decodes it, from a file of the tags that matter alone."""
    chosen = {}
    for tag in (256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 293, 317, 322, 323, 338, 347):
        if tag in tags:
            chosen[tag] = (tags.tags[tag][0], tags.values(tag))
    for tag in (530, 531):  # of YCbCr
        if tag in tags and layout.photometric == _YCBCR:
            chosen[tag] = (tags.tags[tag][0], tags.values(tag))
    chosen[262] = (3, (layout.photometric,))
    tiled = 322 in tags
    strips = _strips(tags, tiled)
    return _open(_file(chosen, strips, tiled, layout.order))


def _strips(tags: Directory, tiled: bool) -> List[bytes]:
    offsets = tags.values(324 if tiled else 273)
    if not tiled and 279 not in tags and len(offsets) == 1:
        return [tags.data[offsets[0] :]]
    counts = tags.values(325 if tiled else 279)
    if len(offsets) != len(counts):
        raise Damaged(f"it names {len(offsets)} strips and the sizes of {len(counts)}")
    end = len(tags.data)
    if any(offset + count > end for offset, count in zip(offsets, counts)):
        raise Damaged("its pixels go beyond the end of the file")
    return [tags.data[offset : offset + count] for offset, count in zip(offsets, counts)]


def _file(tags, strips: List[bytes], tiled: bool, order: str) -> bytes:
    """A classic TIFF file of the given tags, {tag: (type, values)}, and strips."""
    tags = {tag: value for tag, value in tags.items() if tag not in (273, 279, 324, 325)}
    content, offsets = [], []
    at = 8
    for strip in strips:
        offsets.append(at)
        content.append(strip)
        at += len(strip)
    tags[324 if tiled else 273] = (4, offsets)
    tags[325 if tiled else 279] = (4, [len(strip) for strip in strips])
    entries = b""
    for tag, (kind, values) in sorted(tags.items()):
        kind = {16: 4, 18: 4, 13: 4, 2: 7}.get(kind, kind)
        packed = struct.pack(f"{order}{len(values)}{_TYPES[kind]}", *values)
        if len(packed) > 4:
            content.append(packed)
            where, at = struct.pack(order + "I", at), at + len(packed)
        else:
            where = packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + where
    if at > 2**32 - 2**20:
        raise Unsupported("more than 4 GB of compressed pixels")
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(order + "HI", 42, at)
    directory = struct.pack(order + "H", len(tags)) + entries + bytes(4)
    return b"".join([head, *content, directory])


def _open(data: bytes) -> Image.Image:
    # the class itself, because Image.open has a limit of its own on pixels
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    image.load()
    return image


# ---------------------------------------------------------------------------------- decoded here


def _from_samples(tags: Directory, layout: Layout, icc: Optional[bytes]) -> Decoded:
    samples = _samples(tags, layout)  # [H, W, C], uint8 or uint16
    colours = _CHANNELS[layout.photometric]
    notes: Tuple[str, ...] = ()
    alpha, premultiplied, extra = _alpha(tags, layout, samples)
    if extra:
        what = "one more channel" if extra == 1 else f"{extra} more channels"
        notes += (f"{what} of no known meaning left out",)
    top = 2**layout.bits - 1
    if layout.photometric == _PALETTE:
        colour, note = _coloured(tags, layout, samples[..., 0])
        notes += note
    else:
        colour = _scaled(samples[..., :colours], top)
    if layout.photometric == _WHITE_IS_ZERO:
        colour = np.iinfo(colour.dtype).max - colour
    if alpha is not None:
        alpha = _scaled(alpha, top)
        if premultiplied:
            colour = _divided(colour, alpha)
            notes += (PREMULTIPLIED,)
    if layout.photometric == _CMYK:
        if colour.dtype == np.uint16:
            colour = (colour >> 8).astype(np.uint8)
            alpha = None if alpha is None else (alpha >> 8).astype(np.uint8)
            notes += ("16 bits per channel were converted to 8",)
        found = from_pillow(Image.fromarray(np.ascontiguousarray(colour), "CMYK"), icc)
        found.alpha, found.notes = alpha, found.notes + notes
        return found
    if colours == 1 and layout.photometric != _PALETTE:
        colour = colour[..., 0]
    return Decoded(colour, alpha, icc, notes=notes)


def _alpha(tags: Directory, layout: Layout, samples):
    """The alpha channel or None, whether colours are premultiplied, and channels left over."""
    colours = _CHANNELS[layout.photometric]
    extra = layout.samples - colours
    kinds = list(tags.values(338, ()))[:extra]
    if not kinds and extra == 1:
        kinds = [2]  # TIFF of before the tag, and OpenCV, write alpha so
    for number, kind in enumerate(kinds):
        if kind in (1, 2):
            return samples[..., colours + number], kind == 1, extra - 1
    return None, False, extra


def _coloured(tags: Directory, layout: Layout, indices) -> Tuple[np.ndarray, Tuple[str, ...]]:
    table = np.array(tags.values(320), np.uint16)
    if len(table) != 3 * 2**layout.bits:
        raise Damaged(f"its palette has {len(table)} numbers, not {3 * 2**layout.bits}")
    table = table.reshape(3, -1).T  # [entries, 3]
    if table.max() < 256:  # some programs write 8 bits where 16 are due
        return table.astype(np.uint8)[indices], ()
    return (table >> 8).astype(np.uint8)[indices], ()


def _scaled(values: np.ndarray, top: int) -> np.ndarray:
    """Samples 0..top as uint8 0..255, or as uint16 0..65535 if they are wider than a byte."""
    if top in (255, 65535):
        return values
    if top < 255:
        return (values.astype(np.uint16) * 255 // top).astype(np.uint8)
    return ((values.astype(np.uint32) * 65535 + top // 2) // top).astype(np.uint16)


def _divided(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours [H, W, C] that were premultiplied by alpha [H, W]."""
    top = int(np.iinfo(colour.dtype).max)
    below = np.maximum(alpha, 1)[..., np.newaxis].astype(np.uint64)
    straight = np.minimum(colour.astype(np.uint64) * top // below, top).astype(colour.dtype)
    return np.where(alpha[..., np.newaxis] > 0, straight, colour)


def _samples(tags: Directory, layout: Layout) -> np.ndarray:
    """[H, W, samples], uint8 up to 8 bits and uint16 beyond."""
    planes = layout.samples if layout.apart else 1
    channels = 1 if layout.apart else layout.samples  # of one plane
    tiled = 322 in tags
    if tiled:
        across, down = tags.value(322), tags.value(323)
    else:
        across, down = layout.width, min(tags.value(278, layout.height), layout.height)
    if not across or not down:
        raise Damaged("its strips or tiles are empty")
    columns, rows = -(-layout.width // across), -(-layout.height // down)
    if columns * across * rows * down > 4 * layout.width * layout.height + _MARGIN:
        raise Damaged(f"its tiles of {across}x{down} pixels are larger than the picture")
    strips = _strips(tags, tiled)
    if len(strips) != planes * columns * rows:
        raise Damaged(f"it has {len(strips)} strips or tiles, not {planes * columns * rows}")
    dtype = np.uint8 if layout.bits <= 8 else np.uint16
    found = np.empty((layout.height, layout.width, planes * channels), dtype)
    each = columns * rows
    for plane in range(planes):
        packed = strips[plane * each : (plane + 1) * each]
        height = each * down if tiled else layout.height
        bytes_ = _unpacked(packed, layout, -(-across * channels * layout.bits // 8), down, height)
        target = found[..., plane : plane + 1] if layout.apart else found
        for number in range(each):
            row, column = divmod(number, columns)
            top, left = row * down, column * across
            high = down if tiled else min(down, layout.height - top)
            block = _numbers(bytes_[number * down : number * down + high], layout, across, channels)
            keep = block[: layout.height - top, : layout.width - left]
            target[top : top + high, left : left + across] = keep
    return found


def _unpacked(strips: List[bytes], layout: Layout, row_bytes: int, down: int, height: int):
    """The bytes of one plane, uint8 [height, row_bytes]."""
    if layout.compression == 1:
        data = b"".join(
            strip[: row_bytes * min(down, height - number * down)]
            for number, strip in enumerate(strips)
        )
        if len(data) != height * row_bytes:
            raise Damaged("its strips are shorter than its size needs")
        found = np.frombuffer(data, np.uint8).reshape(height, row_bytes)
        return (
            np.packbits(np.unpackbits(found, axis=1), axis=1, bitorder="little")
            if (layout.backwards)
            else found
        )
    tags = {
        256: (4, [row_bytes]),
        257: (4, [height]),
        258: (3, [8]),
        259: (3, [layout.compression]),
        262: (3, [_BLACK_IS_ZERO]),
        266: (3, [2 if layout.backwards else 1]),
        277: (3, [1]),
        278: (4, [down]),
    }
    return np.asarray(_open(_file(tags, strips, False, layout.order)))


def _numbers(bytes_: np.ndarray, layout: Layout, width: int, channels: int) -> np.ndarray:
    """Samples [rows, width, channels] of bytes [rows, row_bytes]."""
    rows = len(bytes_)
    if layout.bits == 8:
        numbers = bytes_
    elif layout.bits == 16:
        numbers = np.ascontiguousarray(bytes_).view(layout.order + "u2").astype(np.uint16)
    else:
        numbers = np.concatenate(
            [
                _narrow(bytes_[first : first + _ROWS], layout.bits, width * channels)
                for first in range(0, rows, _ROWS)
            ]
        )
    numbers = numbers.reshape(rows, width, channels)
    if layout.predictor == 2 and layout.compression != 1:
        numbers = np.cumsum(numbers, axis=1, dtype=numbers.dtype)  # modulo 2^bits
    return numbers


def _narrow(bytes_: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Samples [rows, count] of `bits` bits each, the highest bit first."""
    ones = np.unpackbits(bytes_, axis=1)[:, : count * bits].reshape(len(bytes_), count, bits)
    numbers = np.zeros(ones.shape[:2], np.uint8 if bits <= 8 else np.uint16)
    for bit in range(bits):
        numbers = numbers * 2 + ones[..., bit]
    return numbers


def _list(values) -> str:
    return ", ".join(map(str, values[:6]))
