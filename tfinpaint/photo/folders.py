"""Which photographs a folder has."""

import os
from typing import List

from tfinpaint.settings import SettingsError

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def list_photos(folder: str) -> List[str]:
    """Paths of the photographs in a folder at any depth, found by their ending, sorted.

    Hidden files and folders are left out.
    """
    if not os.path.isdir(folder):
        raise SettingsError(
            f"{folder} is not a folder"
            if os.path.exists(folder)
            else f"There is no folder {folder}"
        )
    paths, seen = [], set()
    for here, folders, names in os.walk(folder, followlinks=True):
        if os.path.realpath(here) in seen:  # links may go round in circles
            folders[:] = []
            continue
        seen.add(os.path.realpath(here))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths += [
            os.path.join(here, name)
            for name in names
            if not name.startswith(".") and name.lower().endswith(PHOTO_ENDINGS)
        ]
    return sorted(paths)
