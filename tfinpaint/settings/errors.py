"""Errors that a user's mistake causes, in the library's words.

A message names arguments in backquotes, with their value if it helps, as Python would write it:

    `width` is at least 8. Got 5
    `freeze_batch_norm='all'`: gated_conv has no batch norm; none is allowed
    `loss_weights['style']` is at least 0 and finite. Got -1

If an argument can come from several places, the function takes the name that its caller uses
for it (`argument="eval_data"`). The commands turn these names into flags: flags.in_flags.
"""

import errno
import os
import re

_FULL = (errno.ENOSPC, errno.EDQUOT)
_READ_ONLY = errno.EROFS


class SettingsError(ValueError):
    """Something the user can put right. One line: the argument, what is allowed, what was given."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, short enough to be quoted in one of ours.

    Without the places in a graph that TensorFlow puts before it.
    """
    text = re.sub(r"\{\{(function_)?node [^}]*\}\}\s*", "", str(error)).strip()
    return (text.splitlines() or [type(error).__name__])[0][:240]


def os_reason(error: BaseException) -> str:
    """Why the system could not write a file: by an error of Python's, or of TensorFlow's.

    In words, without the file's name: mostly it is that of a temporary file beside the one that
    the user knows.
    """
    number = error.errno if isinstance(error, OSError) else None
    for known, words in (
        (_FULL, "the disk is full"),
        ((_READ_ONLY,), "the file system can only be read"),
    ):
        said = [os.strerror(code) for code in known]
        if number in known or any(text in str(error) for text in said):
            return words
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = first_line(error)
    # TensorFlow's: "NAME; No such file or directory", and which operation it was
    found = re.search(r"; ([^;]*?)(?: \[Op:\w+\])?$", text)
    return found[1] if found and found[1] in map(os.strerror, errno.errorcode) else text


def disk_is_full(error: Exception) -> bool:
    """Whether a file could not be written for want of room: an error of Python's or TensorFlow's.

    TensorFlow raises the class that it has for want of memory.
    """
    return os_reason(error) == "the disk is full"


def check_writable(argument: str, path: str) -> None:
    """Checks that the folder `path` can be made or written to. Leaves nothing behind.

    Args:
        argument: the caller's name for `path`, for messages.

    Raises: SettingsError if it cannot.
    """
    parent = os.path.abspath(path)
    while not os.path.exists(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(parent):
        raise SettingsError(f"`{argument}={path!r}` cannot be written: {parent} is a file")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise SettingsError(f"`{argument}={path!r}` cannot be written: no permission in {parent}")


def check_utf8(argument: str, path: str) -> None:
    """Checks that TensorFlow, which takes names in UTF-8 alone, can write to `path`.

    Args:
        argument: the caller's name for `path`, for messages.

    Raises: SettingsError if it cannot.
    """
    try:
        os.path.abspath(path).encode("utf-8")
    except UnicodeEncodeError:
        raise SettingsError(
            f"`{argument}={path!r}`: its name is no UTF-8, and TensorFlow cannot write there"
        ) from None
