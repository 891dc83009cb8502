"""Files that are whole or not there: each is written beside its place and then renamed into it.

    write_text("runs/a/settings.json", text)
    write_bytes("model.tflite", content)
    with replacing("filled.png") as beside:             # a picture, an .npz, a folder, anything
        image.save(beside)
    with replacing_all(["a.txt", "a.csv"]) as places:   # none of them is renamed before all are written
        ...

What is written beside has a hidden name that nobody else has and the ending of its place. A reader
sees the old content or the new one, never half of it. Where writing fails, the old content stays
and nothing is left beside it. Errors are the writer's own: mostly OSError.
"""

import contextlib
import os
import shutil
import uuid
from typing import Iterator, List, Sequence

_LONGEST = 40  # characters of a name that are repeated: a name in full may be as long as names can be


def write_text(path: str, text: str) -> None:
    """Writes a text file, in UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str, content: bytes) -> None:
    """Writes a file."""
    with replacing(path) as beside, open(beside, "wb") as f:
        f.write(content)


@contextlib.contextmanager
def replacing(path: str) -> Iterator[str]:
    """Gives a path for what shall be at `path`, and renames it when the block ends without an error.

    A folder replaces an empty folder or none; a block may remove the old one as its last act.
    """
    with replacing_all([path]) as (new,):
        yield new


@contextlib.contextmanager
def replacing_all(paths: Sequence[str]) -> Iterator[List[str]]:
    """As `replacing`, for several paths: the block writes all of them, then all are renamed."""
    with contextlib.ExitStack() as stack:
        news = [stack.enter_context(beside(path)) for path in paths]
        yield news
        for new, path in zip(news, paths):
            os.replace(new, path)


@contextlib.contextmanager
def beside(path: str) -> Iterator[str]:
    """Gives a path in the folder of `path` at which there is nothing, and removes what is left there at the end.

    For those who rename by themselves.
    """
    folder, name = os.path.split(os.path.abspath(path))
    stem, ending = os.path.splitext(name)
    new = os.path.join(folder, f".{stem[:_LONGEST]}.{uuid.uuid4().hex[:12]}{ending}")
    try:
        yield new
    finally:
        if os.path.isdir(new):
            shutil.rmtree(new, ignore_errors=True)
        elif os.path.lexists(new):
            os.remove(new)
