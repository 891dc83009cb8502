"""Reads and writes picture files for the studio's page, as the commands do.

    POST /opened/photograph?name=NAME   a file -> PNG, upright, with its alpha and colour profile
    POST /opened/mask?name=NAME         a file -> PNG of 0 and 255, white is hole
    POST /saved/NAME.avif               a PNG of the page -> a file in the format of the ending

Browsers read fewer formats than tfinpaint, and some files differently: they do not turn a
photograph whose EXIF data are damaged, and refuse floating-point or 16-bit pixels. So the page
sends the file here and shows the PNG that comes back. Notes about the file are in the header
`Notes`, JSON, percent-encoded. An answer of status 400 has an `error` of one line. Only a few files
are read or written at the same time, because one of 64 megapixels takes hundreds of megabytes of
memory, however small the file is. No file is kept.
"""

import asyncio
import concurrent.futures
import io
import json
import os
from typing import Dict, Optional
from urllib.parse import quote

from PIL import Image
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfinpaint import temporary
from tfinpaint.photo import photo_size, png_file, read_hole, read_photo, write_photo
from tfinpaint.serving.limits import LARGEST, RETRY_AFTER
from tfinpaint.settings import SettingsError
from tfinpaint.wording import shown

MOST = 64  # megapixels of a picture: the most that a browser's canvas takes
AT_ONCE, WAITING = 2, 64  # files that are read or written at the same time, and that may wait
_MOST_NOTES, _LONGEST_NOTE = 20, 400  # number of notes, and characters of each


def file_routes() -> list:
    """The Starlette routes in the module's docstring."""
    turns = _Turns()

    async def opened(request: Request) -> Response:
        reader = {"photograph": _photograph, "mask": _mask}.get(request.path_params["what"])
        if reader is None:
            return error(404, "A photograph or a mask is opened")
        name = shown(request.query_params.get("name") or "What was pasted")
        return await _answered(request, turns, reader, name)

    async def saved(request: Request) -> Response:
        return await _answered(request, turns, _written, request.path_params["name"])

    return [
        Route("/opened/{what}", opened, methods=["POST"]),
        Route("/saved/{name}", saved, methods=["POST"]),
    ]


class TooLarge(Exception):
    """A request has too many bytes."""


class _Busy(Exception):
    """Too many files are waiting."""


class _Turns:
    """Runs functions in threads, `AT_ONCE` at a time."""

    def __init__(self):
        self._workers = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
        self._inside = 0

    async def run(self, function, *arguments):
        if self._inside >= AT_ONCE + WAITING:
            raise _Busy("The studio is busy: too many files are waiting. Try again")
        self._inside += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._workers, function, *arguments)
        finally:
            self._inside -= 1


async def body_of(request: Request) -> bytes:
    """The body of a request. Raises TooLarge if it has more than `LARGEST` bytes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            raise TooLarge(f"A request has at most {LARGEST // 2**20} MB")
        parts.append(part)
    return b"".join(parts)


async def _answered(request: Request, turns: _Turns, function, name: str) -> Response:
    try:
        content = await body_of(request)
        answer, kind, notes = await turns.run(function, name, content)
    except TooLarge as large:
        return error(413, str(large))
    except _Busy as busy:
        return error(503, str(busy), {"Retry-After": str(RETRY_AFTER)})
    except SettingsError as wrong:
        return error(400, str(wrong))
    lines = [note[:_LONGEST_NOTE] for note in notes[:_MOST_NOTES]]  # a header must not be too long
    headers = {"Notes": quote(json.dumps(lines)), "Cache-Control": "no-store"}
    return Response(answer, headers=headers, media_type=kind)


def _photograph(name: str, content: bytes):
    _check_size("photograph", name, content)
    photo = read_photo(name, MOST, content=content)
    return png_file(photo), "image/png", photo.notes


def _mask(name: str, content: bytes):
    _check_size("mask", name, content)
    hole, notes = read_hole(name, max_megapixels=MOST, content=content)
    file = io.BytesIO()
    Image.fromarray(hole).save(file, "PNG", compress_level=1)
    return file.getvalue(), "image/png", notes


def _written(name: str, content: bytes):
    photo = read_photo("What the page sent", MOST, content=content)
    with temporary.folder("tfinpaint-") as folder:
        path = os.path.join(folder, "saved" + os.path.splitext(name)[1])
        try:
            notes = write_photo(path, photo.pixels, argument="name")
        except SettingsError as wrong:
            raise SettingsError(str(wrong).replace(path, name)) from None
        with open(path, "rb") as file:
            return file.read(), "application/octet-stream", notes


def _check_size(what: str, name: str, content: bytes) -> None:
    width, height = photo_size(name, content=content)
    if width * height > MOST * 10**6:
        raise SettingsError(
            f"A {what} has at most {MOST} megapixels here. {name} has {width}x{height}, "
            f"{width * height / 10**6:.0f} megapixels"
        )


def error(status: int, message: str, headers: Optional[Dict[str, str]] = None) -> Response:
    """An error answer with one line for the user: {"error": message}."""
    return Response(json.dumps({"error": message}), status, headers, "application/json")
