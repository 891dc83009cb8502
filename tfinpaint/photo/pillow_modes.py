"""Converts Pillow's pictures, of any mode with 8 bits per channel, to grey or RGB."""

from typing import Optional

import numpy as np
from PIL import Image

from tfinpaint.photo.decoded import PREMULTIPLIED, Decoded, Unsupported


def from_pillow(image: Image.Image, icc: Optional[bytes] = None) -> Decoded:
    """Converts a Pillow picture of any mode with 8 bits per channel.

    CMYK and Lab become sRGB.   icc: the file's ICC profile.

    Raises: Unsupported for other modes, and for CMYK without a usable profile.
    """
    if image.mode in ("CMYK", "LAB"):
        from tfinpaint.photo.profiles import to_rgb

        image, note = to_rgb(image, icc)
        return Decoded(
            np.asarray(image), notes=(note,)
        )  # without the profile, which is not for sRGB
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
    """The pixels in a mode. They are converted in strips to save memory: Pillow makes copies."""
    width, height = image.size
    pixels = np.empty((height, width, 3) if mode == "RGB" else (height, width), np.uint8)
    for top in range(0, height, 256):
        strip = image.crop((0, top, width, min(top + 256, height)))
        pixels[top : top + 256] = np.asarray(strip if strip.mode == mode else strip.convert(mode))
    return pixels
