"""Damaged files through every door: loader, `inpaint`, the exported signature, server and studio.

Each file is answered or refused by a line, which names it where files have names; nothing crashes,
hangs or takes much memory. The damage is what disks, networks and attackers do: files cut short,
bits that flip, blocks that are lost, moved or doubled, sizes that are made enormous. 80 files are
taken, 2,000 in `slow`.
"""

import faulthandler
import os
import time

import memory_use
import numpy as np
import pytest
import tensorflow as tf
import zoo
from asgi import post
from PIL import Image
from red_painter import Red
from serving.calls import b64, png, rest, unb64
from starlette.applications import Starlette

from tfinpaint import fill_file, inpaint, loading
from tfinpaint.data.batches import named_squares
from tfinpaint.data.photos import open_photos
from tfinpaint.studio.routes import page_routes

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

HOLE = np.zeros((zoo.HEIGHT, zoo.WIDTH), np.uint8)
HOLE[5:10, 5:15] = 255
MOST_SECONDS = 60  # for one file; most take milliseconds
MOST_MEMORY = 2048  # MiB by which a door may rise over what the process had


def damaged(content, rng):
    """The file with one or two kinds of damage."""
    content = bytearray(content)
    kinds = ["flip", "flip", "flip", "cut", "lose", "move", "double", "number", "insert"]
    for kind in rng.choice(kinds, rng.integers(1, 3)):
        if len(content) < 16:
            break
        # half of the damage is done to the first 100 bytes, where the sizes and kinds stand
        end = min(len(content), 100) if rng.integers(2) else len(content)
        at, length = int(rng.integers(end - 8)), int(rng.integers(1, 2 + len(content) // 8))
        if kind == "cut":
            del content[at:]
        elif kind == "flip":
            for place in rng.integers(0, end, rng.integers(1, 4)):
                content[place] ^= 1 << rng.integers(8)
        elif kind == "lose":
            lost = len(content[at : at + length])
            content[at : at + length] = bytes([rng.choice([0, 255])]) * lost
        elif kind == "move":
            block = content[at : at + length]
            del content[at : at + length]
            place = int(rng.integers(len(content) + 1))
            content[place:place] = block
        elif kind == "double":
            content[at:at] = content[at : at + length]
        elif kind == "number":
            number = [0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF][rng.integers(7)]
            content[at : at + 4] = number.to_bytes(4, ["big", "little"][rng.integers(2)])
        else:
            content[at:at] = rng.bytes(length)
    return bytes(content)


@pytest.fixture(
    scope="module", params=[80, pytest.param(2000, marks=pytest.mark.slow)], ids="{}files".format
)
def files(request):
    """{name: damaged content}, the same each time."""
    whole = [animal.content for animal in zoo.animals() if not animal.refused]
    rng = np.random.default_rng(18)
    chosen = rng.integers(0, len(whole), request.param)
    return {f"{k:04d}": damaged(whole[one], rng) for k, one in enumerate(chosen)}


@pytest.fixture(scope="module")
def folder(files, tmp_path_factory):
    """The files in a folder. An ending makes sure that none is passed over."""
    folder = tmp_path_factory.mktemp("damaged")
    for name, content in files.items():
        (folder / f"{name}.jpg").write_bytes(content)
    return folder


def end_if_it_hangs():
    """Ends all tests, with what each thread does, unless it is called again in a while."""
    faulthandler.dump_traceback_later(5 * MOST_SECONDS, exit=True, file=2)


@pytest.fixture(autouse=True)
def nothing_hangs():
    end_if_it_hangs()
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def memory_is_bounded():
    memory_use.forget_most()
    before = memory_use.most_megabytes()
    yield
    rise = memory_use.most_megabytes() - before
    assert rise < MOST_MEMORY, f"{rise:.0f} MiB"


class Quick:
    """Asks that what stands in its `with` block is not slow."""

    def __init__(self, name):
        self._name = name

    def __enter__(self):
        self._begin = time.monotonic()
        end_if_it_hangs()

    def __exit__(self, kind, *_):
        if kind is None:
            assert time.monotonic() - self._begin < MOST_SECONDS, self._name


def test_the_loader_reads_or_names_each(files, folder):
    photos = open_photos(f"folder:{folder}")
    squares, read, found = named_squares(photos, 16), {}, None
    while found or not read:
        with Quick("loader"):
            found = next(squares, None)
        read.update([found] if found else [])
    assert all(square.shape == (16, 16, 3) for square in read.values())
    refused = {os.path.basename(path) for path in photos.unreadable}
    assert refused | set(read) == {f"{name}.jpg" for name in files}
    assert not refused & set(read)
    assert min(len(refused), len(read)) > 0.1 * len(files)  # both are tried


@pytest.fixture
def quick_red(monkeypatch):
    """Makes `inpaint` paint red, and asks that it reads no pair of files slowly."""
    real = fill_file.read

    def read(job, how):
        with Quick(job.image):
            return real(job, how)

    monkeypatch.setattr(fill_file, "read", read)
    monkeypatch.setattr(loading, "load", lambda path: Red())


def check_inpaint(command_line, photos, masks, output, names):
    """Each is filled, or named by the file's name in what is printed."""
    status, _, err = command_line(
        inpaint.main, "--model=a_run", f"--image={photos}", f"--mask={masks}", f"--output={output}"
    )
    made = {os.path.splitext(name)[0] for name in os.listdir(output)}
    assert status == 1 and made
    for name in set(names) - made:
        assert f"{name}.jpg" in err, name
    assert "Traceback" not in err


def test_inpaint_fills_or_names_each(files, folder, command_line, quick_red, tmp_path):
    (tmp_path / "masks").mkdir()
    for name in files:  # a mask for each, of the size that files have unless damaged
        Image.fromarray(HOLE).save(tmp_path / f"masks/{name}.png")
    check_inpaint(command_line, folder, tmp_path / "masks", tmp_path / "out", files)


def test_damaged_masks_are_read_or_named(files, folder, command_line, quick_red, tmp_path):
    (tmp_path / "photos").mkdir()
    photo = zoo.noise()
    for name in files:
        Image.fromarray(photo).save(tmp_path / f"photos/{name}.png", compress_level=0)
    check_inpaint(command_line, tmp_path / "photos", folder, tmp_path / "out", files)


@pytest.mark.slow
def test_the_exported_signature_answers_or_refuses_each(files, exported):
    fill = tf.saved_model.load(str(exported / "1")).signatures["serving_default"]
    good = {"image_bytes": png(zoo.noise()), "mask_bytes": png(HOLE)}
    answered = 0
    for name, content in files.items():
        for place in good:
            with Quick(name):
                try:
                    arguments = {**good, place: content}
                    filled = fill(**{k: tf.constant([v]) for k, v in arguments.items()})
                except tf.errors.InvalidArgumentError:
                    continue
                assert filled["filled_bytes"][0].numpy().startswith(b"\x89PNG")
                answered += 1
    assert 0 < answered < 2 * len(files)


@pytest.mark.slow
def test_the_server_answers_or_refuses_each_and_goes_on(files, server):
    url = f"{server.url}/v1/models/small:predict"
    good = {"image_bytes": b64(png(zoo.noise())), "mask_bytes": b64(png(HOLE))}
    status, expected = rest(url, {"instances": [good]})
    assert status == 200
    statuses = set()
    for name, content in files.items():
        for place in good:
            with Quick(name):
                status, answer = rest(url, {"instances": [{**good, place: b64(content)}]})
            assert status in (200, 400), (name, status, answer)
            statuses.add(status)
            if status == 200:
                assert unb64(answer["predictions"][0]).startswith(b"\x89PNG"), name
            else:
                assert answer["error"] and "Traceback" not in answer["error"], name
    assert statuses == {200, 400}
    assert rest(url, {"instances": [good]}) == (200, expected)


def test_the_studio_opens_or_refuses_each(files):
    studio, statuses = Starlette(routes=page_routes([])), set()
    for name, content in files.items():
        for what in ("photograph", "mask"):
            with Quick(name):
                status, _, body = post(studio, f"/opened/{what}", f"name={name}", content)
            assert status in (200, 400), (name, status, body)
            statuses.add(status)
            assert status == 200 or name in body.decode(), body
    assert statuses == {200, 400}
