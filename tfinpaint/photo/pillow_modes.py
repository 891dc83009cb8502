"""Pictures of Pillow's, of any mode with 8 bits per channel, as grey or RGB."""

from typing import Optional

import numpy as np
from PIL import Image

from tfinpaint.photo.decoded import PREMULTIPLIED, Decoded, Unsupported


def from_pillow(image: Image.Image, icc: Optional[bytes] = None) -> Decoded:
    """A picture of Pillow's with 8 bits per channel, of any mode but deep ones.

    CMYK and Lab become sRGB. Raises Unsupported.
    """
    if image.mode in ("CMYK", "LAB"):
        from tfinpaint.photo.profiles import to_rgb

        image, note = to_rgb(image, icc)
        return Decoded(np.asarray(image), notes=(note,))  # the profile was of the other space
    if image.mode.startswith(("I", "F")):
        raise Unsupported(f"its pixels are of Pillow's mode {image.mode}")
    grey = image.mode in ("1", "L", "LA", "La")
    premultiplied = image.mode in ("RGBa", "La")
    alpha = None
    if image.has_transparency_data:
        with_alpha = "LA" if grey else "RGBA"
        image = image if image.mode == with_alpha else image.convert(with_alpha)
        alpha = np.asarray(image.getchannel("A"))  # [H, W]
    notes = (PREMULTIPLIED,) if premultiplied else ()
    return Decoded(_pixels(image, "L" if grey else "RGB"), alpha, icc, notes=notes)


def _pixels(image: Image.Image, mode: str) -> np.ndarray:
    """The pixels in a mode, in strips: of all at once Pillow makes two more copies."""
    width, height = image.size
    pixels = np.empty((height, width, 3) if mode == "RGB" else (height, width), np.uint8)
    for top in range(0, height, 256):
        strip = image.crop((0, top, width, min(top + 256, height)))
        pixels[top : top + 256] = np.asarray(strip if strip.mode == mode else strip.convert(mode))
    return pixels
