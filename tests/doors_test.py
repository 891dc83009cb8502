"""The zoo of picture files through every door: `inpaint`, training, evaluation, studio, the graph.

Each file is a photograph and, where it can be, a mask. What a door gives is the array that the file
was made from, or the file is refused by a line that says what it is. The exported graph reads fewer
kinds; what it reads it reads as the others do. One file of five is taken, all in `slow`.
"""

import functools
import io
import json
import os
import re
from urllib.parse import quote, unquote

import numpy as np
import pytest
import tensorflow as tf
import zoo
from asgi import post
from PIL import Image
from red_painter import Red
from starlette.applications import Starlette

from tfinpaint import inpaint, loading
from tfinpaint.data.batches import named_squares, training_batches
from tfinpaint.data.photos import open_photos
from tfinpaint.evaluation.cases import read_blocks
from tfinpaint.export import decoding
from tfinpaint.metrics.protocols import OWN
from tfinpaint.photo import read_photo
from tfinpaint.settings import EvaluationSettings, HoleSettings, PhotoSettings
from tfinpaint.studio.routes import page_routes

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

STRIDE = 5
SIDE = zoo.HEIGHT  # of the central square, which loaders cut out without resizing
LEFT = (zoo.WIDTH - SIDE) // 2
HOLE = np.zeros((zoo.HEIGHT, zoo.WIDTH), np.uint8)
HOLE[5:10, 5:15] = 255
BEYOND = np.ones(HOLE.shape, bool)
BEYOND[:16, :16] = False  # squares of JPEG that the hole reaches into
JPEG_OFF = 8  # levels by which writing as JPEG may change smooth pictures


class Zoo:
    """Files in a folder, {name without ending: animal}."""

    def __init__(self, folder, stride):
        self.folder, self.animals, self.paths = folder, {}, {}
        folder.mkdir()
        for number, animal in enumerate(list(zoo.animals())[::stride]):
            # without an ending content decides; an ending makes sure that nothing is passed over
            ending = ".jpg" if animal.refused else ""
            name = f"{number:03d}_" + re.sub(r"\W", "_", animal.name)
            self.animals[name], self.paths[name] = animal, folder / f"{name}{ending}"
            self.paths[name].write_bytes(animal.content)

    def read(self):
        return {name: animal for name, animal in self.animals.items() if not animal.refused}

    def refused(self):
        return {name: animal for name, animal in self.animals.items() if animal.refused}

    @functools.cached_property
    def masks(self):
        """{name: its hole, uint8 [H, W]} of those that are exact and have no alpha, but for those
        that leave nothing to fill, or nothing to fill it from."""
        found = {
            name: np.where(_luminance(animal.colour) > 127, np.uint8(255), np.uint8(0))
            for name, animal in self.read().items()
            if animal.alpha is None and not animal.off
        }
        return {name: hole for name, hole in found.items() if hole.any() and not hole.all()}


@pytest.fixture(
    scope="module", params=[STRIDE, pytest.param(1, marks=pytest.mark.slow)], ids="stride{}".format
)
def files(request, tmp_path_factory):
    return Zoo(tmp_path_factory.mktemp("zoo") / "photos", request.param)


def _luminance(colour):
    return np.asarray(Image.fromarray(colour).convert("L"))


def _off(found, expected):
    assert found.shape == expected.shape and found.dtype == np.uint8
    return int(np.abs(found.astype(int) - expected).max())


@pytest.fixture
def run(command_line, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda path: Red())
    return lambda *arguments: command_line(inpaint.main, "--model=a_run", *arguments)


def test_photographs_through_inpaint(files, run, tmp_path):
    Image.fromarray(HOLE).save(tmp_path / "mask.png")
    output = tmp_path / "out"
    status, _, err = run(
        f"--image={files.folder}", f"--mask={tmp_path}/mask.png", f"--output={output}"
    )
    assert status == 1  # because of those that are refused
    lines = err.splitlines()
    for name, animal in files.refused().items():
        (line,) = [line for line in lines if f"{name}.jpg" in line]
        assert re.search(animal.refused, line), (animal.name, line)
    assert f"{len(files.refused())} of {len(files.animals)} photographs could not be" in err
    made = {os.path.splitext(name)[0]: name for name in os.listdir(output)}
    assert set(made) == set(files.read())
    for name, animal in files.read().items():
        written = read_photo(str(output / made[name]))
        is_jpeg = made[name].endswith(".jpg")
        known = BEYOND if is_jpeg else HOLE == 0
        off = _off(written.pixels[known], animal.colour[known])
        assert off <= animal.off + JPEG_OFF * is_jpeg, (animal.name, off)
        assert is_jpeg or written.grey or (written.pixels[HOLE > 0] == [255, 0, 0]).all()
        if animal.alpha is not None:
            np.testing.assert_array_equal(written.alpha, animal.alpha, animal.name)


def test_masks_through_inpaint(files, run, tmp_path):
    photo = zoo.noise()
    photo[photo == 255] = 254  # no pixel is red by itself
    (tmp_path / "photos").mkdir()
    (tmp_path / "masks").mkdir()
    for name in files.masks:
        Image.fromarray(photo).save(tmp_path / f"photos/{name}.png", compress_level=0)
        os.link(files.paths[name], tmp_path / f"masks/{name}")
    status, _, err = run(*(f"--{flag}={tmp_path}/{folder}" for flag, folder in (
        ("image", "photos"), ("mask", "masks"), ("output", "out"))))  # fmt: skip
    assert status == 0, err
    for name, hole in files.masks.items():
        written = np.asarray(Image.open(tmp_path / f"out/{name}.png"))
        np.testing.assert_array_equal((written == [255, 0, 0]).all(-1), hole > 0, name)


def test_photographs_through_the_loader(files):
    photos = open_photos(f"folder:{files.folder}")
    squares = dict(named_squares(photos, SIDE))
    assert set(squares) == set(files.read())
    assert set(photos.unreadable) == {str(files.paths[name]) for name in files.refused()}
    for name, animal in files.read().items():
        off = _off(squares[name], animal.colour[:, LEFT : LEFT + SIDE])
        assert off <= animal.off, (animal.name, off)


def test_photographs_through_training(files):
    """One round. For a photograph that is refused the next one stands in."""
    settings = PhotoSettings(f"folder:{files.folder}", SIDE, SIDE, "center", mirror=False)
    count = len(files.animals)
    batches = training_batches(settings, HoleSettings("box"), count, 0)
    images = next(iter(batches))[0].numpy()
    found = np.rint((images + 1) * 127.5).astype(np.uint8)  # [N, S, S, 3]
    expected = np.stack([a.colour[:, LEFT : LEFT + SIDE] for a in files.read().values()])
    offs = np.array([animal.off for animal in files.read().values()])
    apart = np.stack(
        [np.abs(expected.astype(np.int16) - square).max(axis=(1, 2, 3)) for square in found]
    )  # [found, expected]
    assert (apart <= offs).any(axis=1).all()  # each is a photograph of the set
    assert (apart <= offs).any(axis=0).all()  # each of the set was delivered


def test_pairs_through_evaluation(files, tmp_path):
    folder = tmp_path / "pairs"
    folder.mkdir()
    photo = zoo.noise()
    for name in files.animals:
        os.link(files.paths[name], folder / files.paths[name].name)
        Image.fromarray(HOLE).save(folder / f"{name}_mask.png")
    for name in files.masks:
        Image.fromarray(photo).save(folder / f"m{name}.png", compress_level=0)
        os.link(files.paths[name], folder / f"m{name}_mask")
    settings = EvaluationSettings(("mean",), f"pairs:{folder}")
    (block,) = read_blocks(settings, OWN, None)
    holes, photos = dict(zip(block.names, block.holes)), dict(zip(block.names, block.photos))
    assert set(photos) == {*files.read(), *(f"m{name}" for name in files.masks)}
    for name, animal in files.read().items():
        off = _off(photos[name], animal.colour)
        assert off <= animal.off, (animal.name, off)
    for name, hole in files.masks.items():
        np.testing.assert_array_equal(holes[f"m{name}"] > 0, hole > 0, name)


@pytest.mark.slow
def test_files_through_the_exported_graph(files):
    """What it reads it reads rightly; it reads JPEG, PNG, BMP and GIF."""
    file = tf.TensorSpec([], tf.string)
    decode, decode_mask = (
        tf.function(function, input_signature=[file])
        for function in (decoding.decode_image, decoding.decode_mask)
    )
    read, masks = 0, files.masks
    for name, animal in files.animals.items():
        try:
            pixels = decode(tf.constant(animal.content)).numpy()
        except tf.errors.InvalidArgumentError as error:
            # a line of ours, or of the decoder that found damage
            assert re.search("image_bytes: |Invalid|invalid|damage", error.message), animal.name
        else:
            read += 1
            assert not animal.refused, animal.name
            assert _off(pixels, animal.colour) <= animal.off, animal.name
        if name in masks:
            try:
                level = decode_mask(tf.constant(animal.content)).numpy()[..., 0]
            except tf.errors.InvalidArgumentError as error:
                assert re.search("mask_bytes: |Invalid|invalid", error.message), animal.name
            else:
                np.testing.assert_array_equal(level > 127, masks[name] > 0, animal.name)
    assert read >= 0.2 * len(files.animals)


def test_files_through_the_studio(files):
    studio = Starlette(routes=page_routes([]))
    for name, animal in files.animals.items():
        arguments = (f"name={quote(name)}", animal.content)
        status, headers, body = post(studio, "/opened/photograph", *arguments)
        if animal.refused:
            line = json.loads(body)["error"]
            assert status == 400 and re.search(animal.refused, line), (animal.name, line)
            assert "\n" not in line
            continue
        assert status == 200, (animal.name, body)
        assert isinstance(json.loads(unquote(headers["notes"])), list)
        image = Image.open(io.BytesIO(body))
        assert image.format == "PNG" and image.getexif().get(0x0112, 1) == 1
        off = _off(np.asarray(image.convert("RGB")), animal.colour)
        assert off <= animal.off, (animal.name, off)
        if animal.alpha is not None:
            np.testing.assert_array_equal(image.getchannel("A"), animal.alpha, animal.name)
        if name in (masks := files.masks):
            mask = Image.open(io.BytesIO(post(studio, "/opened/mask", *arguments)[2]))
            np.testing.assert_array_equal(np.asarray(mask), masks[name], animal.name)
