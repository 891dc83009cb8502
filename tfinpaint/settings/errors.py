"""Errors that a user's mistake causes.

A message names arguments in backquotes, with their value in Python's notation if that helps:

    `width` is at least 8. Got 5
    `freeze_batch_norm='all'`: gated_conv has no batch norm; none is allowed
    `loss_weights['style']` is at least 0 and finite. Got -1

If callers have different names for an argument, they pass the name (`argument="eval_data"`). The
commands turn these names into flags: flags.in_flags.
"""

import errno
import os
import re

_FULL = (errno.ENOSPC, errno.EDQUOT)
_READ_ONLY = errno.EROFS


class SettingsError(ValueError):
    """A mistake that the user can put right.

    The message is one line: the argument, what is allowed, what was given.
    """


def first_line(error: BaseException) -> str:
    """The first line of an error's text, at most 240 characters, to be quoted in a message.

    The names of graph nodes that TensorFlow puts before it are left out.
    """
    text = re.sub(r"\{\{(function_)?node [^}]*\}\}\s*", "", str(error)).strip()
    return (text.splitlines() or [type(error).__name__])[0][:240]


def os_reason(error: BaseException) -> str:
    """Why a file could not be written, in words, from an error of Python or TensorFlow.

    The file's name is left out, because it is mostly that of a temporary file which the user does
    not know.
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
    # TensorFlow's text is "NAME; No such file or directory", followed by the operation.
    found = re.search(r"; ([^;]*?)(?: \[Op:\w+\])?$", text)
    return found[1] if found and found[1] in map(os.strerror, errno.errorcode) else text


def disk_is_full(error: Exception) -> bool:
    """Whether an error of Python or TensorFlow says that the disk is full.

    TensorFlow then raises the same class as when memory runs out.
    """
    return os_reason(error) == "the disk is full"


def check_writable(argument: str, path: str) -> None:
    """Checks that the folder `path` can be made or written to. Makes nothing.

    Args:
        argument: the caller's name for `path`, for messages.
        path: the folder.

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
    """Checks that the name of `path` is UTF-8, because TensorFlow cannot write to another.

    Args:
        argument: the caller's name for `path`, for messages.
        path: a file or folder.

    Raises: SettingsError if it is not.
    """
    try:
        os.path.abspath(path).encode("utf-8")
    except UnicodeEncodeError:
        raise SettingsError(
            f"`{argument}={path!r}`: its name is no UTF-8, and TensorFlow cannot write there"
        ) from None
