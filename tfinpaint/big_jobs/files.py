"""Files on any file system that Beam knows, by path: a local path, or SCHEME://PLACE/NAME.

    with local_copies(jobs) as (here, names):     # jobs whose files lie on this machine
        ...                                       # read here[k].image, write here[k].output
        put(here[k].output, jobs[k].output)

Local files are used directly. Of other files there is a copy in a temporary folder during the
block. A file is written under another name and then renamed: it is there whole, or not at all.
"""

import contextlib
import os
import re
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Iterator, List, Sequence, Tuple

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from tfinpaint import temporary
from tfinpaint.jobs import ALPHA, Job
from tfinpaint.photo import folders
from tfinpaint.settings import SettingsError, os_reason

_GLOB = re.compile(r"[*?\[]")  # characters of a glob
_AT_ONCE = 8  # files that are copied at the same time


def is_local(path: str) -> bool:
    """Whether the path is on this machine, without a scheme (gs://)."""
    return FileSystems.get_scheme(path) is None


def is_there(path: str) -> bool:
    """Whether a file, a folder or the folder of a glob exists.

    Of a path on another file system, only the scheme is checked.

    Raises: ValueError, from Beam, for a scheme that it does not know.
    """
    if not is_local(path):
        FileSystems.get_filesystem(path)
        return True
    return os.path.exists(path) or is_glob(path) and os.path.isdir(fixed_part(path) or ".")


def is_glob(path: str) -> bool:
    """Whether Beam treats the path as a glob."""
    return bool(_GLOB.search(path))


def real_folder(path: str) -> str:
    """The path of a folder with a slash at its end; absolute and without links if it is local."""
    return os.path.join(os.path.realpath(path) if is_local(path) else path, "")


def are_same(one: str, other: str) -> bool:
    """Whether two paths lead to one file. On other file systems, whether they are equal."""
    if one == other or not (is_local(one) and is_local(other)):
        return one == other
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # one does not exist, or is not a valid path
        return False


def fixed_part(pattern: str) -> str:
    """The folder of a glob's matches, with a slash at its end: "a/b*/**" -> "a/"."""
    before = _GLOB.split(pattern, maxsplit=1)[0]
    return before[: before.rfind("/") + 1]


def as_pattern(path: str) -> str:
    """The glob of all files in a folder, at any depth; a glob is returned unchanged."""
    if is_local(path) and "/" not in path:
        path = f"./{path}"
    return path if is_glob(path) else path.rstrip("/") + "/**"


def match(pattern: str) -> List[str]:
    """Paths of the files that match a glob, sorted, without hidden ones."""
    found = [metadata.path for metadata in FileSystems.match([pattern])[0].metadata_list]
    start = len(fixed_part(pattern))
    return sorted(path for path in found if "/." not in f"/{path[start:]}")


def open_read(path: str):
    """Opens a file for reading its bytes, without decompressing it, whatever its ending."""
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


def head(path: str) -> bytes:
    """The first bytes of a file; b"" if it cannot be read, which the reader will report."""
    try:
        with open_read(path) as file:
            return file.read(folders.HEAD)
    except Exception:
        return b""


def exists(path: str) -> bool:
    """Whether there is a file of this name."""
    return FileSystems.exists(path)


def write(path: str, content: bytes) -> None:
    """Writes a file, whole or not at all.

    Raises: SettingsError if it cannot be written.
    """
    with temporary.folder("tfinpaint-") as folder:
        here = os.path.join(folder, "content")
        with open(here, "wb") as file:
            file.write(content)
        put(here, path)


def put(here: str, path: str) -> None:
    """Copies the local file `here` to `path`: under another name first, and then renames it.

    Raises: SettingsError if it cannot be written.
    """
    folder, name = path[: path.rfind("/") + 1], path[path.rfind("/") + 1 :]
    beside = f"{folder}.{name[:40]}.{uuid.uuid4().hex[:12]}"
    try:
        new = FileSystems.create(beside, compression_type=CompressionTypes.UNCOMPRESSED)
        with open(here, "rb") as source, new:
            shutil.copyfileobj(source, new, 2**20)
        FileSystems.rename([beside], [path])
    except Exception as error:  # each file system has its own classes
        with contextlib.suppress(Exception):
            FileSystems.delete([beside])
        reason = os_reason(error).replace(beside, path)
        raise SettingsError(f"{path} cannot be written: {reason}") from error


@contextlib.contextmanager
def local_copies(jobs: Sequence[Job]) -> Iterator[Tuple[List[Job], Dict[str, str]]]:
    """Yields the jobs with local paths, and {local path: original path}.

    Photographs and masks on other file systems are fetched. If one cannot be fetched, its copy does
    not exist, and the reader reports it.
    """
    with temporary.folder("tfinpaint-") as folder:
        names: Dict[str, str] = {}
        fetched: Dict[str, str] = {}

        def here(path: str, fetches: bool) -> str:
            if path == ALPHA or is_local(path):
                return path
            if fetches and path in fetched:  # for example one mask for all
                return fetched[path]
            ending = os.path.splitext(path)[1]
            copy = os.path.join(folder, f"{len(names)}{ending}")
            names[copy] = path
            if fetches:
                fetched[path] = copy
            return copy

        copies = [
            job._replace(
                image=here(job.image, True),
                mask=here(job.mask, True),
                output=here(job.output, False),
            )
            for job in jobs
        ]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(_fetch, fetched, fetched.values()))
        yield copies, names


def _fetch(path: str, to: str) -> None:
    try:
        with open_read(path) as source, open(to, "wb") as file:
            shutil.copyfileobj(source, file, 2**20)
    except Exception:
        with contextlib.suppress(FileNotFoundError):
            os.remove(to)  # an incomplete copy
