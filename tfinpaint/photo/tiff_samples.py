"""TIFF's samples as pixels: bits, byte order, planes, predictors, palettes, inks and alpha.

Inputs: the tags of a file and its `Layout`, which the table in tiff_layout has accepted.
Output: `Decoded`, uint16 if the file has more than 8 bits per sample.
libtiff, through Pillow, only decompresses the bytes. Everything else is done on arrays here.
"""

from typing import List, Optional, Tuple

import numpy as np
from PIL import Image

from tfinpaint.photo.decoded import (
    PREMULTIPLIED,
    Damaged,
    Decoded,
    Unsupported,
    eight_bits,
    to_eight,
)
from tfinpaint.photo.pillow_modes import from_pillow
from tfinpaint.photo.tiff_file import Directory, make_file, open_file, strips_of
from tfinpaint.photo.tiff_layout import (
    BLACK_IS_ZERO,
    CHANNELS,
    CMYK,
    PALETTE,
    WHITE_IS_ZERO,
    Layout,
)

_MARGIN = 2**24  # pixels that tiles may have beyond the picture
_OVERSHOOT = 0.001  # allowed beyond 0 and 1 in floating-point pixels: rounding errors
_ROWS = 256  # rows that are converted at a time


def from_samples(tags: Directory, layout: Layout, icc: Optional[bytes]) -> Decoded:
    """Decodes the picture. Raises Unsupported or Damaged."""
    samples = _samples(tags, layout)  # [H, W, C], uint8 or uint16
    colours = CHANNELS[layout.photometric]
    notes: Tuple[str, ...] = ()
    alpha, premultiplied, extra = _alpha(tags, layout, samples)
    if extra:
        what = "one more channel" if extra == 1 else f"{extra} more channels"
        notes += (f"{what} of no known meaning left out",)
    bits = f"{layout.bits} {'floating-point ' if layout.floating else ''}bits"
    top = 2**layout.bits - 1
    if layout.floating:
        samples, top = _of_floats(samples[..., :colours]), 65535
        alpha = None if alpha is None else _of_floats(alpha)
        notes += ("its floating-point pixels were taken as 0 for black to 1 for white",)
    if layout.photometric == PALETTE:
        colour, note = _coloured(tags, layout, samples[..., 0])
        notes += note
    else:
        colour = _scaled(samples[..., :colours], top)
    if layout.photometric == WHITE_IS_ZERO:
        colour = np.iinfo(colour.dtype).max - colour
    if alpha is not None:
        alpha = _scaled(alpha, top)
        if premultiplied:
            colour = _divided(colour, alpha)
            notes += (PREMULTIPLIED,)
    if layout.photometric == CMYK:
        if colour.dtype == np.uint16:
            colour = eight_bits(colour)
            alpha = None if alpha is None else eight_bits(alpha)
            notes += (to_eight(bits),)
        found = from_pillow(Image.fromarray(np.ascontiguousarray(colour), "CMYK"), icc)
        found.alpha, found.notes = alpha, found.notes + notes
        return found
    if colours == 1 and layout.photometric != PALETTE:
        colour = colour[..., 0]
    return Decoded(colour, alpha, icc, notes=notes, bits=bits)


def _of_floats(values: np.ndarray) -> np.ndarray:
    """Floating-point numbers 0 to 1 as uint16 0 to 65535.

    Raises: Unsupported for other ranges, because the value of white is then unknown.
    """
    low, high = float(values.min()), float(values.max())  # nan if there is one
    if not (low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT):
        raise Unsupported(
            f"floating-point pixels from {low:g} to {high:g}, of which 0 to 1 is read: convert it "
            "to 8 or 16 bits first"
        )
    found = np.empty(values.shape, np.uint16)
    for row in range(0, len(found), _ROWS):
        part = np.clip(values[row : row + _ROWS].astype(np.float64), 0, 1)
        found[row : row + _ROWS] = np.rint(part * 65535)
    return found


def _alpha(tags: Directory, layout: Layout, samples):
    """The alpha channel or None, whether colours are premultiplied, and how many channels remain.

    samples: [H, W, channels].
    """
    colours = CHANNELS[layout.photometric]
    extra = layout.samples - colours
    kinds = list(tags.values(338, ()))[:extra]
    if not kinds and extra == 1:
        kinds = [2]  # OpenCV, and TIFF older than the tag, write alpha without it
    for number, kind in enumerate(kinds):
        if kind in (1, 2):
            return samples[..., colours + number], kind == 1, extra - 1
    return None, False, extra


def _coloured(tags: Directory, layout: Layout, indices) -> Tuple[np.ndarray, Tuple[str, ...]]:
    table = np.array(tags.values(320), np.uint16)
    if len(table) != 3 * 2**layout.bits:
        raise Damaged(f"its palette has {len(table)} numbers, not {3 * 2**layout.bits}")
    table = table.reshape(3, -1).T  # [entries, 3]
    if table.max() < 256:  # some programs write 8 bits instead of 16
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
    """Colours [H, W, C] that were premultiplied by alpha [H, W], divided by it."""
    top = int(np.iinfo(colour.dtype).max)
    below = np.maximum(alpha, 1)[..., np.newaxis].astype(np.uint64)
    straight = np.minimum(colour.astype(np.uint64) * top // below, top).astype(colour.dtype)
    return np.where(alpha[..., np.newaxis] > 0, straight, colour)


def _samples(tags: Directory, layout: Layout) -> np.ndarray:
    """The samples [H, W, C]: uint8 up to 8 bits, uint16 above, or floating-point numbers."""
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
    strips = strips_of(tags, tiled)
    if len(strips) != planes * columns * rows:
        raise Damaged(f"it has {len(strips)} strips or tiles, not {planes * columns * rows}")
    dtype = np.dtype(np.uint8 if layout.bits <= 8 else np.uint16)
    if layout.floating:
        dtype = np.dtype(f"f{layout.bits // 8}")
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
        262: (3, [BLACK_IS_ZERO]),
        266: (3, [2 if layout.backwards else 1]),
        277: (3, [1]),
        278: (4, [down]),
    }
    return np.asarray(open_file(make_file(tags, strips, False, layout.order)))


def _numbers(bytes_: np.ndarray, layout: Layout, width: int, channels: int) -> np.ndarray:
    """Samples [rows, width, channels] from bytes [rows, row_bytes]."""
    rows = len(bytes_)
    if layout.floating:
        return _floating(bytes_, layout, channels).reshape(rows, width, channels)
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


def _floating(bytes_: np.ndarray, layout: Layout, channels: int) -> np.ndarray:
    """Floating-point samples [rows, width * channels] from bytes [rows, row_bytes]."""
    size, order = layout.bits // 8, layout.order
    if layout.predictor == 3 and layout.compression != 1:
        # In each row, all first bytes come first, then all second ones, and so on. Each byte is
        # stored as the difference to the one `channels` places before.
        bytes_ = bytes_.reshape(len(bytes_), -1, channels)
        bytes_ = np.cumsum(bytes_, axis=1, dtype=np.uint8).reshape(len(bytes_), size, -1)
        bytes_, order = bytes_.swapaxes(1, 2).reshape(len(bytes_), -1), ">"
    return np.ascontiguousarray(bytes_).view(f"{order}f{size}")


def _narrow(bytes_: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Samples [rows, count] from packed bytes: `bits` bits each, the highest bit first."""
    ones = np.unpackbits(bytes_, axis=1)[:, : count * bits].reshape(len(bytes_), count, bits)
    numbers: np.ndarray = np.zeros(ones.shape[:2], np.uint8 if bits <= 8 else np.uint16)
    for bit in range(bits):
        numbers = numbers * 2 + ones[..., bit]
    return numbers
