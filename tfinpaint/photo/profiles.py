"""Converts CMYK and Lab to sRGB: CMYK through the file's ICC profile, never by a plain formula."""

import io
from typing import Any, Optional, Tuple

from PIL import Image, ImageCms

from tfinpaint.photo.decoded import Unsupported


def to_rgb(image: Image.Image, icc: Optional[bytes]) -> Tuple[Image.Image, str]:
    """A picture of mode CMYK or LAB as sRGB, mode RGB, and the note that says so.

    Raises: Unsupported for CMYK whose profile is missing or does not work. The colours of its inks
        are then unknown.
    """
    if image.mode == "LAB":
        profile: Any = ImageCms.createProfile("LAB")
    else:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc or b""))
        except (ImageCms.PyCMSError, OSError):
            which = "a colour profile that is damaged" if icc else "no colour profile"
            raise Unsupported(f"CMYK with {which}: {_ADVICE}") from None
    try:
        rgb = ImageCms.profileToProfile(
            image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        raise Unsupported(
            f"{image.mode} with a colour profile that does not fit it: {_ADVICE}"
        ) from None
    if rgb is None:  # only for a conversion in place
        raise Unsupported(f"{image.mode}: {_ADVICE}")
    how = "its colour profile" if image.mode == "CMYK" else "its definition"
    return rgb, f"{image.mode} was converted to sRGB by {how}"


_ADVICE = "convert it to RGB first"
