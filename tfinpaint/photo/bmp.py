"""BMP: palettes of 1 to 8 bits, with or without run lengths; 16, 24 and 32 bits per pixel.

Inputs: the bytes of a BMP file.
Output: `Decoded`. It is grey if the palette is black and white, or the greys in order.

The file is decoded here without Pillow. Pillow takes a palette of two entries for one bit per
pixel, whatever the file says, and refuses run lengths that leave pixels out.
"""

import struct
from typing import Optional

import numpy as np

from tfinpaint.photo.decoded import METRES_PER_INCH, Damaged, Decoded, Unsupported

_PLAIN, _RUNS_8, _RUNS_4, _MASKS, _ALPHA_MASKS = 0, 1, 2, 3, 6
_OF_15_BITS, _OF_32_BITS = (0x7C00, 0x3E0, 0x1F, 0), (0xFF0000, 0xFF00, 0xFF, 0)
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
            dpi = (across * METRES_PER_INCH, down * METRES_PER_INCH)
    else:
        raise Unsupported(f"a header of {size} bytes, as OS/2 writes it")
    if width <= 0 or height == 0:
        raise Damaged("it has no pixels")
    check(width, abs(height))
    runs = {_RUNS_8: 8, _RUNS_4: 4}.get(compression)
    if bits in (1, 2, 4, 8) and compression == _PLAIN or bits == runs and height > 0:
        if runs:
            indices = _unpacked_runs(data, start, width, height, bits)
        else:
            indices = _indices(_rows(data, start, width, height, bits), width, bits)
        colours = min(used or 2**bits, 2**bits)
        found = Decoded(_coloured(indices, data, 14 + size, entry, colours, bits))
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
    """The bytes of the rows, from the top, uint8 [H, bytes]."""
    stride = (width * bits + 31) // 32 * 4
    count = abs(height) * stride
    if start + count > len(data):
        raise Damaged("it ends before its pixels do")
    rows = np.frombuffer(data, np.uint8, count, start).reshape(abs(height), stride)
    return np.ascontiguousarray(rows[::-1] if height > 0 else rows)


def _unpacked_runs(data: bytes, at: int, width: int, height: int, bits: int) -> np.ndarray:
    """Unpacks run lengths to palette indices, from the top, uint8 [H, W]; 0 where none are written.

    The file holds pairs of bytes. A count above 0 is followed by the byte that is repeated. A count
    of 0 is followed by 0 (end of the row), 1 (end of the picture), 2 (a step to the right and up
    follows) or the number of indices that follow unpacked.
    """
    pairs = [bytes([byte >> 4, byte & 15]) if bits == 4 else bytes([byte]) for byte in range(256)]
    each = 8 // bits  # indices of a byte
    found = bytearray(height * width)
    x = y = 0
    while at + 2 <= len(data):
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            indices = pairs[value] * -(-count // each)
        elif value == 0:
            x, y = 0, y + 1
            continue
        elif value == 1:
            break
        elif value == 2:
            step = data[at : at + 2].ljust(2, b"\0")
            x, y, at = x + step[0], y + step[1], at + 2
            continue
        else:
            count, length = value, -(-value // each)
            indices = b"".join([pairs[byte] for byte in data[at : at + length]])
            at += length + length % 2
        if y < height:
            indices = indices[: max(min(count, width - x), 0)]
            found[y * width + x : y * width + x + len(indices)] = indices
        x += count
    else:
        if y < height - 1 or (y == height - 1 and x < width):
            raise Damaged("it ends before its pixels do")
    return np.frombuffer(found, np.uint8).reshape(height, width)[::-1]


def _indices(rows: np.ndarray, width: int, bits: int) -> np.ndarray:
    """Palette indices [H, W] from rows of bytes."""
    if bits == 8:
        return rows[:, :width]
    ones = np.unpackbits(rows, axis=1)[:, : width * bits].reshape(len(rows), width, bits)
    return np.packbits(ones, axis=2)[..., 0] >> (8 - bits)


def _coloured(indices, data, at, entry, colours, bits) -> np.ndarray:
    table = np.frombuffer(data, np.uint8, entry * colours, at).reshape(colours, entry)[:, 2::-1]
    padded = np.zeros((2**bits, 3), np.uint8)
    padded[:colours] = table
    greys = np.arange(2**bits) * 255 // (2**bits - 1)
    two_greys = np.array([0, 255])
    is_grey = (table == greys[:colours, np.newaxis]).all() or (
        colours == 2 and (table == two_greys[:, np.newaxis]).all()
    )
    return padded[indices, 0] if is_grey else padded[indices]


def _channel(pixels: np.ndarray, mask: int):
    """The bits of a mask as a channel, uint8; None if the mask is 0."""
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
