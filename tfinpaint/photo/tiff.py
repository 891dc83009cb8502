"""TIFF: the layout of the samples is read first, and a table decides how they are decoded.

Inputs: the bytes of a TIFF or BigTIFF file; its first picture is read.
Output: `Decoded`, uint16 if the file has more than 8 bits per sample.

Pillow never gets the file itself, because it misreads separate planes and files in which zero is
white. It gets a new file that contains only the relevant tags.

    tiff_file       tags and strips
    tiff_layout     the layout of the samples; the table
    tiff_samples    samples as pixels
"""

from PIL import Image

from tfinpaint.photo.decoded import Decoded
from tfinpaint.photo.pillow_modes import from_pillow
from tfinpaint.photo.tiff_file import Directory, make_file, open_file, strips_of
from tfinpaint.photo.tiff_layout import (
    LAB,
    WHOLE_BYTES,
    YCBCR,
    Layout,
    layout_of,
    quietly,
    refuse,
    refuse_camera_raw,
)
from tfinpaint.photo.tiff_samples import from_samples


def read(data: bytes, check) -> Decoded:
    """Decodes the first picture. Raises Unsupported or Damaged."""
    tags = Directory(data)
    refuse_camera_raw(tags)
    layout = layout_of(tags)
    check(layout.width, layout.height)
    refuse(tags, layout)
    icc = tags.optional_bytes(34675)
    if layout.compression in WHOLE_BYTES and layout.photometric not in (YCBCR, LAB):
        found = from_samples(tags, layout, icc)
    else:
        found = from_pillow(_by_pillow(tags, layout), icc)
    if 34675 in tags and icc is None:
        found.notes += ("its ICC profile is damaged and was left out",)
    found.exif, found.is_tiff = data, True
    found.xmp = tags.optional_bytes(700)
    across, down = tags.ratio(282), tags.ratio(283)
    unit = {2: 1.0, 3: 2.54}.get(quietly(tags, 296, 2))
    if across and down and unit:
        found.dpi = (across * unit, down * unit)
    found.pictures = tags.pictures()
    return found


def _by_pillow(tags: Directory, layout: Layout) -> Image.Image:
    """The picture, decoded by Pillow from a file that contains only the relevant tags."""
    chosen = {}
    for tag in (256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 293, 317, 322, 323, 338, 347):
        if tag in tags:
            chosen[tag] = (tags.tags[tag][0], tags.values(tag))
    for tag in (530, 531):  # of YCbCr
        if tag in tags and layout.photometric == YCBCR:
            chosen[tag] = (tags.tags[tag][0], tags.values(tag))
    chosen[262] = (3, (layout.photometric,))
    tiled = 322 in tags
    strips = strips_of(tags, tiled)
    return open_file(make_file(chosen, strips, tiled, layout.order))
