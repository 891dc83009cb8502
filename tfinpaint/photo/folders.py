"""Which photographs a folder has."""

from typing import List

from tfinpaint import photo_folders

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def list_photos(folder: str) -> List[str]:
    """Paths of the photographs in a folder at any depth, found by their content, sorted.

    See photo_folders.py. Raises SettingsError if there is no such folder.
    """
    return photo_folders.list_pictures(folder)
