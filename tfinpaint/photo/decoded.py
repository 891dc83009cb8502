"""`Decoded`, which the reader of each format returns, and the errors that it may raise.

A reader (`jpeg`, `png`, `webp`, `bmp`, `tiff`, `others`) takes the bytes of a file and a function
`check(width, height)`, which it calls before it decodes; `check` may raise an error. It returns a
`Decoded`: pixels as they are stored, not yet turned upright, and the raw metadata.
"""

import contextlib
import dataclasses
import threading
from typing import Any, Iterator, Optional, Tuple

import numpy as np
from PIL import Image

METRES_PER_INCH = 0.0254  # some formats count pixels per metre, `dpi` those per inch


class Unsupported(Exception):
    """The file is whole, but of a kind that is not read. The text names the kind."""


class Damaged(Exception):
    """The file breaks its format's rules where its pixels depend on it."""


@dataclasses.dataclass
class Decoded:
    """Pixels as they are stored, and the raw metadata.

    colour:       uint8 or uint16, [H, W] (grey) or [H, W, 3] (RGB).
    alpha:        of the type of `colour`, [H, W], or None.
    icc:          ICC profile, or None.
    exif:         bytes that hold EXIF in TIFF's layout, whole or damaged, or None.
    is_tiff:      whether `exif` is a whole TIFF file. Its tags of layout are not EXIF.
    orientation:  1 to 8, if the format itself determines it; None if EXIF or XMP may.
    xmp, dpi, chunks, comment: as in `Photo`.
    pictures:     how many pictures the file holds.
    notes:        what was converted or left out.
    deep:         colour and alpha before they became uint8, uint16, or None for each.
    bits:         the bits of a channel in the file, in words, if `colour` is uint16.
    """

    colour: np.ndarray
    alpha: Optional[np.ndarray] = None
    icc: Optional[bytes] = None
    exif: Optional[bytes] = None
    is_tiff: bool = False
    orientation: Optional[int] = None
    xmp: Optional[bytes] = None
    dpi: Optional[Tuple[float, float]] = None
    chunks: Tuple[Tuple[bytes, bytes], ...] = ()
    comment: Optional[bytes] = None
    pictures: int = 1
    notes: Tuple[str, ...] = ()
    deep: Tuple[Optional[np.ndarray], Optional[np.ndarray]] = (None, None)
    bits: str = "16 bits"


def eight_bits(numbers: np.ndarray) -> np.ndarray:
    """uint16 as uint8, to the nearest level: 0 to 65535 becomes 0 to 255.

    Dropping the lower bits, as some libraries do, darkens a picture by half a level.
    """
    found = np.empty(numbers.shape, np.uint8)
    for row in range(0, len(found), 256):  # in strips: the sums take four bytes per number
        found[row : row + 256] = (numbers[row : row + 256].astype(np.uint32) + 128) // 257
    return found


def to_eight(bits: str) -> str:
    """The note on channels of more than 8 bits, as `Decoded.bits` names them."""
    return f"{bits} per channel were converted to 8"


def not_square(across: int, down: int) -> str:
    """The note on a file that gives the aspect ratio of its pixels, but no resolution."""
    return f"its pixels are {down}:{across} wide to high, which is not kept"


@contextlib.contextmanager
def pillow_without_limit() -> Iterator[None]:
    """Lifts Pillow's limit on the number of pixels, which is global, while it decodes.

    It is for readers that check the size themselves. It is thread-safe.
    """
    global _inside, _limit
    with _lock:
        if not _inside:
            _limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                Image.MAX_IMAGE_PIXELS = _limit


_lock = threading.Lock()
_inside = 0
_limit: Any = None
PREMULTIPLIED = "its colours were premultiplied by alpha and were divided by it"
