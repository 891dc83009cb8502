"""Finds the versions of an exported model, laid out as TensorFlow Serving expects: FOLDER/1, 2, ...

The module needs no TensorFlow, so a command can check a path before it loads anything.
"""

import os
import re
from typing import List, Optional

_NOT_IN_NAMES = re.compile(r"[^\w.-]+", re.ASCII)  # a URL would have to escape these


def is_version(path: str) -> bool:
    """Whether `path` is a version directory: one SavedModel."""
    return os.path.isfile(os.path.join(path, "saved_model.pb"))


def versions(path: str) -> List[int]:
    """The version numbers of the models in a folder, ascending."""
    names = os.listdir(path) if os.path.isdir(path) else []
    return sorted(
        int(name)
        for name in names
        if re.fullmatch("0|[1-9][0-9]*", name) and os.path.isdir(os.path.join(path, name))
    )


def version_directory(path: str) -> Optional[str]:
    """The version directory that an export is loaded from.

    path:  a version directory, or the folder of version directories, whose highest is taken.

    Returns: None if `path` is neither.
    """
    if is_version(path):
        return path
    numbers = versions(path)
    return os.path.join(path, str(numbers[-1])) if numbers else None


def exported_version(path: str) -> Optional[str]:
    """As `version_directory`, but None for a run directory or a packed model.

    These have a settings.json (see `tfinpaint.runs`), and may have exports of themselves inside.
    """
    return None if os.path.isfile(os.path.join(path, "settings.json")) else version_directory(path)


def name_of(path: str) -> str:
    """The name of the model at `path` on a server: that of its folder, without the version."""
    folder, name = os.path.split(os.path.abspath(path))
    if name.isdecimal():  # a version
        name = os.path.basename(folder) or name
    return _NOT_IN_NAMES.sub("-", name).strip("-") or "model"
