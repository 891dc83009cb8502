"""Folders of photographs: the pictures in them, by content, and what was left out and why.

    found = look_through("photos")
    found.paths            every file that is a picture, at any depth, sorted
    found.passed_over      {reason: [path]}, the files that are no pictures or cannot be reached

A file with a picture's ending is listed without opening it; the reader finds out whether it can be
read. Of any other file the first bytes are read, so that photographs without an ending are found.
Hidden files and folders are left out. A problem with one entry does not affect the others: a broken
link or a folder that cannot be opened is left out and named in a line.

Order: by path, the same on every machine.
"""

import dataclasses
import logging
import os
import stat
import time
from typing import Callable, Dict, List, Optional, Set, Tuple

from tfinpaint.photo import kinds
from tfinpaint.settings import SettingsError
from tfinpaint.wording import counted, shown

# Endings of pictures. The reader decides whether such a file can be read, and says why not.
ENDINGS = frozenset(
    ".jpg .jpeg .jpe .jfif .jif .pjpeg .mpo .png .apng .bmp .dib .webp .tif .tiff .gif .avif .heic "
    ".heif .hif .jp2 .j2k .jpf .jpx .jpc .j2c .jxl".split()
)
# Their content begins like a TIFF's. They often lie beside the JPEG of the same picture.
_RAW = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf "
    ".pef .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f".split()
)
# Why an entry is left out.
NO_LINK = "a link that leads nowhere"
NO_FOLDER = "a folder that cannot be read"
NO_PERMISSION = "a file that cannot be read"
NO_FILE = "a pipe or a device"
RAW = "camera raw, which is not read; develop it to TIFF, PNG or JPEG first"
NO_PICTURE = "not a picture"

HEAD = 64  # bytes that tell what a file is
_NAMED = 3  # names in the line of a reason
_PROGRESS_SECONDS = 5.0
_log = logging.getLogger("tfinpaint")
_said: Set[str] = set()  # lines are logged once, even if a program opens a folder twice


@dataclasses.dataclass
class Found:
    """The contents of a folder.

    paths:        of the pictures, sorted.
    passed_over:  {reason: paths, sorted} of the entries that were left out.
    """

    paths: List[str]
    passed_over: Dict[str, List[str]]


def list_photos(folder: str) -> List[str]:
    """Paths of the pictures in a folder at any depth, sorted.

    For each reason to leave files out, one line is logged. The names of all these files are logged
    at the debug level.

    Raises: SettingsError if there is no such folder, or it cannot be read.
    """
    found = look_through(folder)
    for line, severe in lines(folder, found.passed_over):
        if line in _said:
            continue
        _said.add(line)
        _log.log(logging.WARNING if severe else logging.INFO, "%s", line)
    for reason, paths in found.passed_over.items():
        for path in paths:
            _log.debug("left out (%s): %s", reason, path)
    return found.paths


def lines(folder: str, passed_over: Dict[str, List[str]]) -> List[Tuple[str, bool]]:
    """A line for each reason, and whether the line points out a likely mistake."""
    made = []
    for reason, paths in passed_over.items():
        names = [shown(inside(path, folder)) for path in paths[:_NAMED]]
        more = ", ..." if len(paths) > _NAMED else ""
        made.append(
            (
                f"{shown(folder)}: {counted(len(paths), 'file')} left out ({reason}): "
                f"{', '.join(names)}{more}",
                reason != NO_PICTURE,
            )
        )
    return made


def look_through(folder: str) -> Found:
    """Looks through a folder at any depth.

    Raises: SettingsError if there is no such folder, or it cannot be read.
    """
    if not os.path.isdir(folder):
        raise SettingsError(
            f"{folder} is not a folder"
            if os.path.exists(folder)
            else f"There is no folder {folder}"
        )
    found = Found([], {})
    seen: Set[Tuple[int, int]] = set()  # links may form a cycle
    waiting, said = [folder], time.monotonic()
    while waiting:
        here = waiting.pop()
        try:
            status = os.stat(here)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as entries:
                below = sorted(
                    entry.name
                    for entry in entries
                    if _sort_in(os.path.join(here, ""), entry, found)
                )
        except OSError as error:
            if here == folder:
                raise SettingsError(f"{folder} cannot be read: {error.strerror}") from None
            found.passed_over.setdefault(NO_FOLDER, []).append(here)
            continue
        # The end is taken first, so the order is reversed. A folder linked to twice is listed under
        # its first name.
        waiting += [os.path.join(here, name) for name in reversed(below)]
        if time.monotonic() - said > _PROGRESS_SECONDS:
            said = time.monotonic()
            _log.info("%s: %s so far", folder, counted(len(found.paths), "photograph"))
    found.paths.sort()
    for paths in found.passed_over.values():
        paths.sort()
    return found


def inside(path: str, folder: str) -> str:
    """The path of a found file inside its folder. (os.path.relpath takes ten times as long.)"""
    return path[len(os.path.join(folder, "")) :]


def stem(path: str) -> str:
    """The path without the ending of a picture: "a/b.jpg" -> "a/b", but "a/b.2024" is kept."""
    beginning, ending = os.path.splitext(path)
    return beginning if ending.lower() in ENDINGS else path


def ending_of(path: str) -> str:
    """The ending for the output of a photograph whose own ending names no format.

    It is .jpg for a JPEG file, and for all others .png, which keeps every pixel.
    """
    try:
        return ".jpg" if _head(path).startswith(b"\xff\xd8\xff") else ".png"
    except OSError:  # the reader will report it
        return ".png"


def reason_against(path: str, head: Callable[[str], bytes]) -> Optional[str]:
    """Why a file is left out, judging by its name and content; None for a picture.

    head: returns the first bytes of a file. It is called only if the name does not decide.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending in _RAW:
        return RAW
    return None if ending in ENDINGS or is_picture(head(path)) else NO_PICTURE


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a picture of a kind that a reader may know."""
    found = kinds.kind(head)
    # "BM" is too short a mark: the reserved bytes and the header's length are checked as well.
    if found == "BMP":
        return head[6:10] == bytes(4) and head[14:15] in _BMP_HEADERS
    return found is not None and found != "camera raw"


_BMP_HEADERS = (b"\x0c", b"\x10", b"\x28", b"\x34", b"\x38", b"\x40", b"\x6c", b"\x7c")


def _sort_in(here: str, entry: os.DirEntry, found: Found) -> bool:
    """Adds one entry of a folder to `found`. Returns True for a folder that is to be looked into.

    here: the path of the folder, with a separator at its end.
    """
    if entry.name.startswith("."):
        return False
    path = here + entry.name
    reason = None
    try:
        if entry.is_dir():
            return True
        reason = reason_against(path, _head) if entry.is_file() else _no_file(path)
    except PermissionError:
        reason = NO_PERMISSION
    except OSError:  # a cycle of links, a network drive that is gone
        reason = NO_LINK if entry.is_symlink() else NO_PERMISSION
    if reason:
        found.passed_over.setdefault(reason, []).append(path)
    else:
        found.paths.append(path)
    return False


def _no_file(path: str) -> str:
    try:
        mode: Optional[int] = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    return NO_LINK if mode is None or stat.S_ISLNK(mode) else NO_FILE


def _head(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read(HEAD)
