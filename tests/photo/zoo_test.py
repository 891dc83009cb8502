"""Hundreds of small files are read as the arrays that they were made from, or refused by a line."""

import os
import re
import warnings

import cv2
import numpy as np
import pytest
import zoo
from PIL import Image

from tfinpaint.photo import read_hole, read_photo, write_photo
from tfinpaint.settings import SettingsError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def _trouble(path, animal):
    """What is wrong with how a file is read, or None."""
    try:
        photo = read_photo(path)
    except SettingsError as error:
        text = str(error)
        if animal.refused and "\n" not in text and re.search(animal.refused, text):
            return None
        return f"refused: {text}"
    if animal.refused:
        return f"read, where {animal.refused!r} is due"
    if photo.pixels.shape != animal.colour.shape or photo.pixels.dtype != np.uint8:
        return f"shape {photo.pixels.shape}"
    off = np.abs(photo.pixels.astype(int) - animal.colour).max()
    if off > animal.off:
        return f"off by {off}"
    if (photo.alpha is None) != (animal.alpha is None):
        return f"alpha {photo.alpha is not None}"
    if animal.alpha is not None and np.abs(photo.alpha.astype(int) - animal.alpha).max() > 0:
        return "alpha differs"
    if animal.alpha is None and not animal.off:
        hole, _ = read_hole(path)
        luminance = np.asarray(Image.fromarray(animal.colour).convert("L"))
        if not np.array_equal(hole > 0, luminance > 127):
            return "as a mask it differs"
    return None


def test_every_file_of_the_zoo_is_read_as_it_was_made_or_refused(tmp_path):
    count, troubles = 0, []
    for animal in zoo.animals():
        count += 1
        path = str(tmp_path / animal.name.replace("<", "l").replace(">", "b"))
        with open(path, "wb") as file:
            file.write(animal.content)
        trouble = _trouble(path, animal)
        if trouble:
            troubles.append(f"{animal.name}: {trouble}")
    assert not troubles, "\n".join(troubles)
    assert count >= 400
    assert len(os.listdir(tmp_path)) == count  # no name twice


@pytest.mark.slow
def test_what_was_read_of_the_zoo_is_written_and_others_can_open_it(tmp_path):
    """Whatever metadata a file had, what is written with it is whole."""
    for number, animal in enumerate(zoo.animals()):
        if animal.refused:
            continue
        path = str(tmp_path / "a.picture")
        with open(path, "wb") as file:
            file.write(animal.content)
        read = read_photo(path)
        ending = (".png", ".tif", ".webp", ".jpg", ".bmp")[number % 5]
        notes = write_photo(str(tmp_path / f"o{ending}"), read.pixels, read)
        assert all("\n" not in note for note in notes), animal.name
        with Image.open(tmp_path / f"o{ending}") as image:
            assert image.getexif().get(0x0112, 1) == 1, animal.name
            off = np.abs(np.asarray(image.convert("RGB")).astype(int) - read.pixels)
        assert ending == ".jpg" or off.max() == 0, animal.name
        again = read_photo(str(tmp_path / f"o{ending}"))
        assert not any("damaged" in note for note in again.notes), (animal.name, again.notes)


@pytest.mark.slow
def test_two_other_readers_agree_on_the_zoo(tmp_path):
    """tifffile and OpenCV, which share no code with ours, where they read a kind at all."""
    tifffile = pytest.importorskip("tifffile")
    agreed = {"tifffile": 0, "opencv": 0}
    for animal in zoo.animals():
        if animal.refused or animal.off or re.match(r"\d|animation|xmp|magick", animal.name):
            continue
        if animal.name.endswith(".tif"):
            numbers = _by_tifffile(tifffile, tmp_path, animal)
            if numbers is not None:
                np.testing.assert_array_equal(numbers, animal.colour, animal.name)
                agreed["tifffile"] += 1
        elif animal.name.endswith((".png", ".bmp")) and "grey1" not in animal.name:
            numbers = cv2.imdecode(np.frombuffer(animal.content, np.uint8), cv2.IMREAD_UNCHANGED)
            if numbers is None or numbers.dtype != np.uint8 or "5" in animal.name:
                continue
            colour = (
                numbers[..., 2::-1] if numbers.ndim == 3 else np.repeat(numbers[..., None], 3, 2)
            )
            np.testing.assert_array_equal(colour, animal.colour, animal.name)
            agreed["opencv"] += 1
    assert agreed["tifffile"] >= 60 and agreed["opencv"] >= 40, agreed


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_libtiff_agrees_on_the_predictor_of_floating_point_numbers(channels):
    name = f"float32{channels}0_predictor.tif"
    animal = next(animal for animal in zoo.tiffs() if animal.name == name)
    numbers = cv2.imdecode(np.frombuffer(animal.content, np.uint8), cv2.IMREAD_UNCHANGED)
    numbers = np.rint(255 * numbers)
    colour = zoo.rgb(numbers) if channels == 1 else numbers[..., 2::-1]
    np.testing.assert_array_equal(colour, animal.colour)


def _by_tifffile(tifffile, tmp_path, animal):
    """RGB of 8 bits, [H, W, 3], or None if tifffile cannot unpack it or gives it no meaning."""
    path = tmp_path / "a.tif"
    path.write_bytes(animal.content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with tifffile.TiffFile(path) as file:
                page = file.pages[0]
                numbers, bits = page.asarray(), page.bitspersample
        except Exception:  # most compressions need a package of their own
            return None
    if page.photometric.name not in ("MINISWHITE", "MINISBLACK", "RGB") or bits not in (
        1,
        8,
        16,
        32,
        64,
    ):
        return None
    if numbers.dtype.kind == "f":
        numbers, bits = np.rint(numbers * 255), 8
    if page.photometric.name == "MINISWHITE":
        numbers = 2**bits - 1 - numbers.astype(int)
    if page.photometric.name == "RGB" and page.planarconfig.name == "SEPARATE":
        numbers = np.moveaxis(numbers, 0, -1)
    numbers = np.asarray(numbers).astype(int)
    if bits == 16:
        numbers = (numbers + 128) // 257
    elif bits == 1:
        numbers = numbers * 255
    return (
        numbers[..., :3]
        if page.photometric.name == "RGB"
        else np.stack([numbers if numbers.ndim == 2 else numbers[..., 0]] * 3, axis=-1)
    )
