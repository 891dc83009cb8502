"""16 bits per channel: fills that keep the known pixels' 16 bits, and PNG and TIFF files of them.

    with_fill(...)      a filled photograph, uint16, whose known pixels are those of the file
    png, tiff           the bytes of a file

Pillow does not write colour with 16 bits. It writes a file of one pixel with all the metadata. Then
the size and the pixels in that file are replaced.
"""

import io
import struct
import zlib
from typing import Any, Dict

import numpy as np
from PIL import Image

from tfinpaint.photo.decoded import eight_bits
from tfinpaint.photo.record import Photo
from tfinpaint.photo.tiff_file import Directory

_LEVEL = 4  # of zlib's compression, as for 8 bits
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_PNG_KINDS = {1: 0, 2: 4, 3: 2, 4: 6}
_RGB, _GREY, _DEFLATE, _ACROSS, _UNASSOCIATED = 2, 1, 8, 2, 2  # values of TIFF's tags


def with_fill(photo: Photo, filled: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """A filled photograph with 16 bits, uint16 [H, W, 3].

    filled: uint8 [H, W, 3], the fill of `photo.pixels`.   hole: bool [H, W].

    Pixels in the hole, and others that the fill changed, are dithered within the levels that become
    the same 8 bits on reading. All other pixels are those of `photo.deep`. In a grey photograph,
    the fill's colours become grey in the same way as with 8 bits.
    """
    if photo.grey:
        grey = np.asarray(Image.fromarray(filled).convert("L"))
        filled = np.repeat(grey[..., np.newaxis], 3, axis=-1)
    deep = photo.pixels.astype(np.uint16) * 257 if photo.deep is None else photo.deep
    changed = hole | (filled != photo.pixels).any(axis=-1)
    levels = filled[changed].astype(np.int32)  # [changed pixels, 3]
    random = np.random.default_rng(0)
    shape = (len(levels), 1 if photo.grey else 3)
    levels = levels * 257 + random.integers(-128, 129, shape)
    found = deep.copy()
    found[changed] = np.clip(levels, 0, 65535).astype(np.uint16)
    return found


def samples(pixels: np.ndarray, like: Photo) -> np.ndarray:
    """The samples that are written, uint16 [H, W, C]: grey or RGB, and alpha if `like` has it.

    pixels: uint16 [H, W, 3].
    """
    parts = [pixels[..., :1] if like.grey else pixels]
    alpha = like.alpha
    if alpha is not None and alpha.shape == pixels.shape[:2]:
        wide = alpha.astype(np.uint16) * 257
        if like.deep_alpha is not None and like.deep_alpha.shape == alpha.shape:
            wide = np.where(alpha == eight_bits(like.deep_alpha), like.deep_alpha, wide)
        parts.append(wide[..., np.newaxis])
    return np.concatenate(parts, axis=2)


def mode(numbers: np.ndarray) -> str:
    """Pillow's mode of samples [H, W, C]."""
    return _MODES[numbers.shape[2]]


def _one_pixel(numbers: np.ndarray, kind: str, options: Dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode(numbers), (1, 1)).save(buffer, kind, **options)
    return buffer.getvalue()


def png(numbers: np.ndarray, options: Dict[str, Any]) -> bytes:
    """A PNG file of samples [H, W, C], uint16, with the options of Pillow's writer."""
    height, width, channels = numbers.shape
    rows = numbers.astype(">u2").reshape(height, -1).view(np.uint8)
    packer, parts = zlib.compressobj(_LEVEL), []
    above = np.zeros_like(rows[0])
    for row in rows:
        parts.append(packer.compress(b"\2" + (row - above).tobytes()))  # 2: minus the row above
        above = row
    parts.append(packer.flush())
    pixels = b"".join(parts)
    head = struct.pack(">IIBBBBB", width, height, 16, _PNG_KINDS[channels], 0, 0, 0)
    small = _one_pixel(numbers, "PNG", options)
    found, at = [small[:8]], 8
    while at < len(small):
        (length,) = struct.unpack_from(">I", small, at)
        kind, content = small[at + 4 : at + 8], small[at + 8 : at + 8 + length]
        at += 12 + length
        content = {b"IHDR": head, b"IDAT": pixels}.get(kind, content)
        found += [struct.pack(">I", len(content)), kind, content]
        found.append(struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))))
    return b"".join(found)


def tiff(numbers: np.ndarray, options: Dict[str, Any]) -> bytes:
    """A TIFF file of samples [H, W, C], uint16, with the options of Pillow's writer.

    Pillow's file is kept as the beginning, so that the values that its tags point to stay in place.
    The pixels and a new table of tags follow it.
    """
    height, width, channels = numbers.shape
    small = _one_pixel(numbers, "TIFF", {**options, "compression": None})
    small += bytes(len(small) % 2)
    tags = Directory(small)
    order = tags.order
    differences = numbers.copy()
    differences[:, 1:] -= numbers[:, :-1]  # modulo 2^16
    pixels = zlib.compress(differences.astype(order + "u2").tobytes(), _LEVEL)
    pixels += bytes(len(pixels) % 2)
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    bits_at = len(small) + len(pixels)

    def entry(tag: int, value: int, kind: int = 4, count: int = 1) -> bytes:
        packed = struct.pack(order + ("I" if kind == 4 else "H"), value).ljust(4, b"\0")
        return struct.pack(order + "HHI", tag, kind, count) + packed

    entries = {tag: small[place : place + 12] for tag, place in tags.places.items()}
    colour = _RGB if channels > 2 else _GREY
    for tag, value in ((256, width), (257, height), (273, len(small)), (278, height)):
        entries[tag] = entry(tag, value)
    entries[279] = entry(279, len(pixels))
    for tag, value in ((259, _DEFLATE), (262, colour), (277, channels), (284, 1), (317, _ACROSS)):
        entries[tag] = entry(tag, value, kind=3)
    if channels in (2, 4):
        entries[338] = entry(338, _UNASSOCIATED, kind=3)
    if len(bits) > 4:
        entries[258] = entry(258, bits_at)[:2] + struct.pack(order + "HII", 3, channels, bits_at)
    else:
        entries[258] = struct.pack(order + "HHI", 258, 3, channels) + bits.ljust(4, b"\0")
    table = struct.pack(order + "H", len(entries))
    table += b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)
    head = small[:4] + struct.pack(order + "I", bits_at + len(bits))
    return b"".join([head, small[8:], pixels, bits, table])
