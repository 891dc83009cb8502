"""Reads flagfiles with any line ends, in UTF-8 or UTF-16, with or without a byte-order mark.

    argv, places = expand(["train", "--flagfile=a.flags", "--steps=9"])

Each --flagfile in the arguments is replaced by the flags in the file, so that flags after it
override them. A flagfile may name other flagfiles. Empty lines and lines that begin with # or //
are left out. absl does the same, but only for plain UTF-8.

A file in UTF-8 may hold file names whose bytes are not UTF-8. These bytes are kept, as in a
command-line argument.

Errors name the file if it is missing or is not text, and also the line if that is no flag
(`place_of`).
"""

import codecs
import os
import re
from typing import List, Sequence, Tuple

from absl import flags

from tfinpaint.settings.errors import SettingsError

# Longer marks first: the mark of UTF-32-LE begins with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# No other line ends: file names may hold characters that Unicode counts among them.
_LINE_END = re.compile("\r\n|\n|\r")
_LARGEST = 2**20  # bytes; a flagfile has a few thousand

# (argument, "FILE, line N") for each argument in order; "" is the place of the command line's own.
Places = List[Tuple[str, str]]


def expand(arguments: Sequence[str]) -> Tuple[List[str], Places]:
    """Replaces each --flagfile by the flags in the file.

    arguments: as sys.argv, with the program's name first.

    Returns: the arguments, and the place of each but the program's name.
    Raises: SettingsError for a flagfile that cannot be read.
    """
    places = _expand(list(arguments[1:]), ())
    return [*arguments[:1], *(argument for argument, _ in places)], places


def place_of(message: str, places: Places) -> str:
    """Returns " (FILE, line N)" if a message of absl is about a flag of a flagfile, else "".

    A flag may be given several times, in files and on the command line. absl reads them in order
    and ends at the first one that is wrong, so the first that the message fits is meant.
    """
    for (argument, place), (following, _) in zip(places, [*places[1:], ("", "")], strict=True):
        if argument == message or _is_about(message, argument, following):
            return f" ({place})" if place else ""
    return ""


def _is_about(message: str, argument: str, following: str) -> bool:
    """Whether an error of absl is about this argument.

    following: the next argument, which may be its value.
    """
    if not argument.startswith("-"):
        return False
    name, equals, value = argument.lstrip("-").partition("=")
    if message.startswith(f"flag --{name}="):
        return message.startswith(f"flag --{name}={value if equals else following}: ")
    if message.startswith("Missing value") and equals:
        return False
    words = message.replace("'", " ").replace(":", " ").split()
    return f"--{name}" in words or message.startswith(f"Unknown command line flag '{name}'")


def _expand(arguments: List[str], within: Tuple[str, ...]) -> Places:
    found: Places = []
    while arguments:
        argument = arguments.pop(0)
        name, equals, value = argument.lstrip("-").partition("=")
        if argument == "--" or not argument.startswith("-"):
            return [
                *found,
                *((word, "") for word in (argument, *arguments)),
            ]  # what follows are no flags
        if name == "flagfile":
            if not equals:
                if not arguments:
                    raise SettingsError("--flagfile is a file of flags, one per line")
                value = arguments.pop(0)
            if value:
                found += _of_file(os.path.expanduser(value), within)
            continue
        found.append((argument, ""))
        # In "--name value", the value is no flag, whatever it looks like.
        flag = flags.FLAGS[name] if name in flags.FLAGS else None
        if not equals and flag is not None and not flag.boolean and arguments:
            if not arguments[0].startswith("-"):
                found.append((arguments.pop(0), ""))
    return found


def _of_file(path: str, within: Tuple[str, ...]) -> Places:
    if os.path.realpath(path) in within:
        raise SettingsError(f"--flagfile={path} names itself, by way of {' and '.join(within)}")
    found: Places = []
    for number, line in enumerate(_LINE_END.split(_text(path)), start=1):
        line = line.strip()
        if not line or line.startswith(("#", "//")):
            continue
        for argument, place in _expand([line], (*within, os.path.realpath(path))):
            found.append((argument, place or f"{path}, line {number}"))  # or of a file within it
    return found


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise SettingsError(f"--flagfile={path} cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST:
        raise SettingsError(f"--flagfile={path} is larger than a megabyte: it is no flagfile")
    mark, encoding = next(
        (found for found in _MARKS if content.startswith(found[0])), (b"", _unmarked(content))
    )
    try:
        text = content[len(mark) :].decode(
            encoding, "surrogateescape" if encoding == "utf-8" else "strict"
        )
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"--flagfile={path} cannot be read as {encoding.upper()}, which its first bytes say "
            f"it is: {error.reason} at byte {len(mark) + error.start}"
        ) from None
    if "\0" in text:
        raise SettingsError(f"--flagfile={path} is no text file: it has a byte of zero")
    return text.lstrip("\ufeff")  # some editors write a second one


def _unmarked(content: bytes) -> str:
    """The encoding of a text without a mark. In UTF-16, one byte of an ASCII character is zero."""
    if content[:1] and content[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if content[:1] == b"\0" and content[1:2] not in (b"", b"\0") else "utf-8"
