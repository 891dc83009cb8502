"""Writes files atomically: each is written under a temporary name, then renamed.

    write_text("runs/a/settings.json", text)
    write_bytes("model.tflite", content)
    with replacing("filled.png") as beside:               # a picture, an .npz, a folder
        image.save(beside)
    with replacing_all(["a.txt", "a.csv"]) as places:     # all are written before any is renamed
        ...
    with folder("report"), replacing("report/a.txt") as beside:     # in a folder that may be new
        ...

A reader sees the old content or the new, never a part of it. If writing fails, the old content
stays and no temporary file is left. A process that is killed may leave one hidden file. Errors are
those of the writer, mostly OSError.
"""

import collections
import contextlib
import os
import shutil
import threading
import uuid
from typing import Dict, Iterator, List, Sequence

# characters of the name that the temporary name keeps: a full name may already have the greatest
# length
_LONGEST = 40
_lock = threading.Lock()
_in_use: Dict[str, int] = collections.Counter()  # {path: running blocks of `folder(path)`}


def write_text(path: str, text: str) -> None:
    """Writes a text file in UTF-8. Surrogate escapes (from file names) become their bytes again."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_bytes(path: str, content: bytes) -> None:
    """Writes a file."""
    with replacing(path) as new, open(new, "wb") as f:
        f.write(content)


@contextlib.contextmanager
def replacing(path: str) -> Iterator[str]:
    """Yields a path to write a file or folder to. At the end of the block it is renamed to `path`.

    A folder can only replace an empty folder. To replace one that is not empty, the block itself
    must remove the old one at its end.
    """
    with replacing_all([path]) as (new,):
        yield new


@contextlib.contextmanager
def replacing_all(paths: Sequence[str]) -> Iterator[List[str]]:
    """Like `replacing`, for several paths: all are renamed once the block has written them."""
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(beside(path)) for path in paths]
        yield places
        for new, path in zip(places, paths):
            os.replace(new, path)


@contextlib.contextmanager
def folder(path: str) -> Iterator[None]:
    """Makes a folder, and the folders above it, for a block that writes into it.

    If the block fails, the folders that were made are removed again, unless they are not empty or
    another thread is about to write into them.
    """
    place = os.path.join(*_place(path))
    made = [place]
    with _lock:
        while not os.path.lexists(made[-1]):
            made.append(os.path.dirname(made[-1]))
        made.pop()  # the last one existed already
        _in_use[place] += 1
    try:
        os.makedirs(place, exist_ok=True)
        yield
    except BaseException:
        with _lock, contextlib.suppress(OSError):  # the deepest first, up to one that is not empty
            for one in made:
                if _in_use[one] > (one == place):
                    break
                os.rmdir(one)
        raise
    finally:
        with _lock:
            _in_use[place] -= 1
            if not _in_use[place]:
                del _in_use[place]


@contextlib.contextmanager
def beside(path: str) -> Iterator[str]:
    """Yields an unused path in the folder of `path`, for a block that does the renaming itself.

    The name is hidden and has the ending of `path`. A file or folder that still exists there at the
    end is removed.
    """
    folder, name = _place(path)
    stem, ending = os.path.splitext(name)
    new = os.path.join(folder, f".{stem[:_LONGEST]}.{uuid.uuid4().hex[:12]}{ending}")
    try:
        yield new
    finally:
        if os.path.isdir(new):
            shutil.rmtree(new, ignore_errors=True)
        elif os.path.lexists(new):
            os.remove(new)


def _place(path):
    """The folder of a path, with links resolved, and the name in it, which may be a link."""
    folder, name = os.path.split(path.rstrip(os.sep))
    if name in ("", os.curdir, os.pardir):
        folder, name = os.path.split(os.path.realpath(path))
    return os.path.realpath(folder or os.curdir), name
