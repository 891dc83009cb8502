"""BMP: palettes of 1 to 8 bits, 16, 24 and 32 bits are decoded here; run lengths by Pillow.

Inputs: the bytes of a BMP file.
Output: `Decoded`. A palette that is black and white or the greys in their order is grey.
Pillow takes a palette of two entries for one bit per pixel, however many there are.
"""

import io
import struct
from typing import Optional

import numpy as np
from PIL import BmpImagePlugin

from tfinpaint.photo.decoded import Damaged, Decoded, Unsupported, from_pillow

_PLAIN, _RUNS_8, _RUNS_4, _MASKS, _ALPHA_MASKS = 0, 1, 2, 3, 6
_OF_15_BITS, _OF_32_BITS = (0x7C00, 0x3E0, 0x1F, 0), (0xFF0000, 0xFF00, 0xFF, 0)
_METRES = 39.37  # inches in one
_PROFILES = (b"DEBM", b"KNIL")  # "MBED" and "LINK", the lowest byte first


def read(data: bytes, check) -> Decoded:
    """Decodes the picture. Raises Unsupported or Damaged."""
    try:
        return _read(data, check)
    except struct.error:
        raise Damaged("its header is cut off") from None


def _read(data: bytes, check) -> Decoded:
    start, size = struct.unpack_from("<II", data, 10)
    dpi = None
    if size == 12:
        width, height, planes, bits = struct.unpack_from("<HHHH", data, 18)
        compression, used, entry = _PLAIN, 0, 3
    elif size >= 40:
        width, height, planes, bits, compression, _, across, down, used = struct.unpack_from(
            "<iiHHIIiiI", data, 18
        )
        entry = 4
        if across > 0 and down > 0:
            dpi = (across / _METRES, down / _METRES)
    else:
        raise Unsupported(f"a header of {size} bytes, as OS/2 writes it")
    if width <= 0 or height == 0:
        raise Damaged("it has no pixels")
    check(width, abs(height))
    if compression in (_RUNS_8, _RUNS_4):
        image = BmpImagePlugin.BmpImageFile(io.BytesIO(data))
        image.load()
        found = from_pillow(image)
    elif bits in (1, 2, 4, 8) and compression == _PLAIN:
        rows = _rows(data, start, width, height, bits)
        colours = min(used or 2**bits, 2**bits)
        found = Decoded(_coloured(rows, data, 14 + size, entry, colours, width, bits))
    elif bits == 24 and compression == _PLAIN:
        rows = _rows(data, start, width, height, bits)
        found = Decoded(rows[:, : 3 * width].reshape(-1, width, 3)[..., ::-1])
    elif bits in (16, 32) and compression in (_PLAIN, _MASKS, _ALPHA_MASKS):
        masks = _OF_15_BITS if bits == 16 else _OF_32_BITS
        if compression != _PLAIN:
            has_alpha = size >= 56 or compression == _ALPHA_MASKS
            masks = struct.unpack_from("<4I" if has_alpha else "<3I", data, 54)
            masks = (*masks, 0)[:4]
        rows = _rows(data, start, width, height, bits).view(f"<u{bits // 8}")[:, :width]
        red, green, blue, alpha = (_channel(rows, mask) for mask in masks)
        if red is None or green is None or blue is None:
            raise Damaged("a colour has no bits")
        found = Decoded(np.stack([red, green, blue], axis=-1), alpha)
    else:
        raise Unsupported(f"{bits} bits per pixel, compression {compression}")
    found.dpi = dpi
    found.icc = _profile(data, size)
    if found.icc is None and size >= 124 and data[70:74] in _PROFILES:
        found.notes += ("its ICC profile is damaged or in another file, and was left out",)
    return found


def _profile(data: bytes, size: int) -> Optional[bytes]:
    """The ICC profile that a header of version 5 points to, or None."""
    if size < 124 or data[70:74] != _PROFILES[0]:
        return None
    start, length = struct.unpack_from("<II", data, 14 + 112)
    profile = data[14 + start : 14 + start + length]
    return profile if length and len(profile) == length else None


def _rows(data: bytes, start: int, width: int, height: int, bits: int) -> np.ndarray:
    """The bytes of the rows, the upper first, uint8 [H, bytes]."""
    stride = (width * bits + 31) // 32 * 4
    count = abs(height) * stride
    if start + count > len(data):
        raise Damaged("it ends before its pixels do")
    rows = np.frombuffer(data, np.uint8, count, start).reshape(abs(height), stride)
    return np.ascontiguousarray(rows[::-1] if height > 0 else rows)


def _coloured(rows, data, at, entry, colours, width, bits) -> np.ndarray:
    table = np.frombuffer(data, np.uint8, entry * colours, at).reshape(colours, entry)[:, 2::-1]
    padded = np.zeros((2**bits, 3), np.uint8)
    padded[:colours] = table
    ones = np.unpackbits(rows, axis=1)[:, : width * bits].reshape(len(rows), width, bits)
    indices = rows[:, :width] if bits == 8 else np.packbits(ones, axis=2)[..., 0] >> (8 - bits)
    greys = np.arange(2**bits) * 255 // (2**bits - 1)
    two_greys = np.array([0, 255])
    is_grey = (table == greys[:colours, np.newaxis]).all() or (
        colours == 2 and (table == two_greys[:, np.newaxis]).all()
    )
    return padded[indices, 0] if is_grey else padded[indices]


def _channel(pixels: np.ndarray, mask: int):
    """uint8 of the bits of a mask; None without one."""
    if not mask:
        return None
    shift = (mask & -mask).bit_length() - 1
    top = mask >> shift
    if top & (top + 1):
        raise Unsupported(f"a colour of scattered bits, mask {mask:#x}")
    numbers = ((pixels & np.array(mask, pixels.dtype)) >> np.array(shift, pixels.dtype)).astype(
        np.uint64
    )
    return (numbers * 255 // top).astype(np.uint8)
