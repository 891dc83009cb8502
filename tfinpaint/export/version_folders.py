"""Where the versions of an exported model lie, as TensorFlow Serving takes them: FOLDER/1, 2, ...

It needs no TensorFlow, so a command can look before it loads anything.
"""

import os
import re
from typing import List, Optional


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
