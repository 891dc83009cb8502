"""`Photo`: a photograph in memory.

`read_photo` returns it and `write_photo` takes it as `like`. It holds the pixels, and the metadata
of the file that are to be written again.
"""

import dataclasses
from typing import Optional, Tuple

import numpy as np

THRESHOLD = 127  # of a mask: a brighter pixel is white

Notes = Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Photo:
    """One photograph.

    pixels:   uint8 [H, W, 3], RGB, upright.
    alpha:    uint8 [H, W], or None if the file has none.
    grey:     the file has one channel; `write_photo` writes one again.
    icc:      ICC profile of the pixels, or None.
    exif:     EXIF block ("Exif\\0\\0" and on), orientation 1 and no thumbnail, or None.
    notes:    what was converted or left out on reading.
    xmp:      XMP packet with orientation 1, or None.
    dpi:      pixels per inch, (across, down), or None.
    chunks:   (type, content) of a PNG's chunks of gamma, chromaticities and text.
    comment:  the comment of a JPEG, JPEG 2000 or GIF, or None.
    deep, deep_alpha: pixels [H, W, 3] and alpha [H, W] with 16 bits, uint16, if the file has them
              and they were asked for; otherwise None.
    """

    pixels: np.ndarray
    alpha: Optional[np.ndarray] = None
    grey: bool = False
    icc: Optional[bytes] = None
    exif: Optional[bytes] = None
    notes: Notes = ()
    xmp: Optional[bytes] = None
    dpi: Optional[Tuple[float, float]] = None
    chunks: Tuple[Tuple[bytes, bytes], ...] = ()
    comment: Optional[bytes] = None
    deep: Optional[np.ndarray] = None
    deep_alpha: Optional[np.ndarray] = None
