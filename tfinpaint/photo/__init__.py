"""Photographs and masks as files: read upright as uint8, written with their metadata.

A photograph becomes a `Photo`: RGB pixels turned upright, with its alpha channel, ICC profile, EXIF
and other metadata, so that `write_photo` can put them back (with orientation tag 1, because the
pixels are upright now). A mask becomes uint8 [H, W] of 0 and 255, 255 = hole, whatever white means
in the file. Every command and the training loop read image files through this package only.

Functions return notes: one line each about everything the user may want to know (converted,
dropped, guessed). A note that starts with "warning: " points out a likely mistake.

A file that cannot be used (missing, truncated, not an image, too large, of a kind that would not be
decoded correctly) raises `SettingsError` with the path. docs/files.md has the table of what is
read, converted and refused.

    record      Photo
    reading     read_photo; masks: read_hole, hole_of_alpha, read_drawing
    folders     list_photos: the pictures in a folder, by content, and the files that are left out
    deep        16 bits per channel
    writing     write_photo, check_photo_path; carried: the metadata that each format can hold
    jpeg, png, webp, bmp, tiff, others      one reader for each format, which returns a `Decoded`
    tiff_file, tiff_layout, tiff_samples    TIFF's tags, the table of its kinds, its pixels
    jp2, jxl    metadata of a JPEG 2000 file; size and XMP of a JPEG XL file
    kinds, exif, profiles                   formats by content, orientation, CMYK and Lab
"""

import warnings

from tfinpaint.photo.carried import OF_FORMAT
from tfinpaint.photo.deep import with_fill
from tfinpaint.photo.folders import list_photos
from tfinpaint.photo.masks import hole_of_alpha, read_drawing, read_hole, warnings_of
from tfinpaint.photo.reading import photo_size, read_photo
from tfinpaint.photo.record import THRESHOLD, Notes, Photo
from tfinpaint.photo.writing import (
    PHOTO_ENDINGS,
    check_deep_path,
    check_photo_path,
    keeps_alpha,
    png_file,
    writable_endings,
    write_photo,
)
from tfinpaint.settings import MAX_MEGAPIXELS

# Pillow's warnings are about damaged files. Damage that matters raises an error.
warnings.filterwarnings("ignore", module=r"PIL\.", append=True)

__all__ = [
    "MAX_MEGAPIXELS",
    "OF_FORMAT",
    "PHOTO_ENDINGS",
    "THRESHOLD",
    "Notes",
    "Photo",
    "check_deep_path",
    "check_photo_path",
    "hole_of_alpha",
    "keeps_alpha",
    "list_photos",
    "photo_size",
    "png_file",
    "read_drawing",
    "read_hole",
    "read_photo",
    "warnings_of",
    "with_fill",
    "writable_endings",
    "write_photo",
]
