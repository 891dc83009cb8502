"""Flagfiles as users have them: any line ends, UTF-8 with or without a byte-order mark, UTF-16.

    argv, places = expand(["train", "--flagfile=a.flags", "--steps=9"])

Every --flagfile in the arguments is replaced by the flags in the file, in its place, so that those
that follow override them. A flagfile may name others. Empty lines and lines that begin with # or //
are left out. What absl does for a file in plain UTF-8, this does for the others too.

A file in UTF-8 may hold a name whose bytes are no UTF-8: these bytes are kept, as they are in an
argument.

Errors name the file: it is missing, is not text, or has a line that is no flag (`place_of`).
"""

import codecs
import os
import re
from typing import Dict, List, Sequence, Tuple

from absl import flags

from tfinpaint.settings.errors import SettingsError

# longer ones first: the mark of UTF-32 begins with that of UTF-16
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# no others: names of files may hold what Unicode counts among line ends
_LINE_END = re.compile("\r\n|\n|\r")
_LARGEST = 2**20  # bytes; a flagfile has a few thousand

Places = Dict[str, str]


def expand(arguments: Sequence[str]) -> Tuple[List[str], Places]:
    """The arguments with those of flagfiles in their place, and {argument: "FILE, line N"}.

    arguments: as sys.argv, with the program's name first.

    Raises: SettingsError for a flagfile that cannot be read.
    """
    places: Places = {}
    return [*arguments[:1], *_expand(list(arguments[1:]), places, ())], places


def place_of(message: str, places: Places) -> str:
    """ " (FILE, line N)" if the message is about a flag of a flagfile, else ""."""
    for argument, place in places.items():
        name = argument.lstrip("-").partition("=")[0]
        if argument == message or (argument.startswith("-") and _names(message, name)):
            return f" ({place})"
    return ""


def _names(message: str, name: str) -> bool:
    """Whether an error of absl is about the flag of this name."""
    words = message.replace("'", " ").replace(":", " ").replace("=", " ").split()
    return f"--{name}" in words or message.startswith(f"Unknown command line flag '{name}'")


def _expand(arguments: List[str], places: Places, within: Tuple[str, ...]) -> List[str]:
    found: List[str] = []
    while arguments:
        argument = arguments.pop(0)
        name, equals, value = argument.lstrip("-").partition("=")
        if argument == "--" or not argument.startswith("-"):
            return [*found, argument, *arguments]  # here flags end
        if name == "flagfile":
            if not equals:
                if not arguments:
                    raise SettingsError("--flagfile is a file of flags, one a line")
                value = arguments.pop(0)
            if value:
                found += _of_file(os.path.expanduser(value), places, within)
            continue
        found.append(argument)
        # the value of --name value is no flag, whatever it looks like
        flag = flags.FLAGS[name] if name in flags.FLAGS else None
        if not equals and flag is not None and not flag.boolean and arguments:
            if not arguments[0].startswith("-"):
                found.append(arguments.pop(0))
    return found


def _of_file(path: str, places: Places, within: Tuple[str, ...]) -> List[str]:
    if os.path.realpath(path) in within:
        raise SettingsError(f"--flagfile={path} names itself, by way of {' and '.join(within)}")
    found = []
    for number, line in enumerate(_LINE_END.split(_text(path)), start=1):
        line = line.strip()
        if not line or line.startswith(("#", "//")):
            continue
        for argument in _expand([line], places, (*within, os.path.realpath(path))):
            places.setdefault(argument, f"{path}, line {number}")
            found.append(argument)
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
            f"that it is: {error.reason} at byte {len(mark) + error.start}"
        ) from None
    if "\0" in text:
        raise SettingsError(f"--flagfile={path} is no text file: it has a byte of zero")
    return text.lstrip("\ufeff")  # some editors write a second one


def _unmarked(content: bytes) -> str:
    """UTF-8, or UTF-16 without its mark: every other byte of its ASCII characters is zero."""
    if content[:1] and content[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if content[:1] == b"\0" and content[1:2] not in (b"", b"\0") else "utf-8"
