"""Sources of photographs: what they hold, and what the message says if one cannot be used."""

import logging
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from tfinpaint.data.photos import SAMPLES, PhotoFiles, PhotoStream, open_photos
from tfinpaint.photo import read_photo
from tfinpaint.settings import SettingsError


def save(path, value, size=(20, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), value, np.uint8)).save(path)


def test_folder_at_any_depth_with_any_ending(tmp_path):
    for value, name in enumerate(["a.png", "B.JPG", "deep/er/c.webp", "d.TIFF", "e.bmp"]):
        save(tmp_path / name, 10 * value)
    (tmp_path / "notes.txt").write_text("no photograph")
    photos = open_photos(f"folder:{tmp_path}")
    assert isinstance(photos, PhotoFiles) and len(photos) == 5
    assert photos.names == sorted(photos.names) and "deep/er/c.webp" in photos.names
    assert photos.read(photos.names.index("a.png")).shape == (20, 30, 3)


def test_orientation_is_honoured(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    assert open_photos(f"folder:{tmp_path}").read(0).shape == (30, 20, 3)


def test_unreadable_photographs_are_named_once_counted_and_replaced_by_the_next(tmp_path, caplog):
    for value in range(4):
        save(tmp_path / f"{value}.png", value)
    for broken in (1, 2):
        whole = (tmp_path / f"{broken}.png").read_bytes()
        (tmp_path / f"{broken}.png").write_bytes(whole[: len(whole) // 2])
    photos = open_photos(f"folder:{tmp_path}")
    with caplog.at_level(logging.WARNING, "tfinpaint"):
        values = [photos.read(index)[0, 0, 0] for index in (0, 1, 2, 3, 1)]
    assert values == [0, 3, 3, 3, 3]
    assert set(photos.unreadable) == {str(tmp_path / "1.png"), str(tmp_path / "2.png")}
    assert (
        len(caplog.messages) == 2
        and "1.png" in caplog.messages[0]
        and "2 of 4" in caplog.messages[1]
    )
    assert photos.read_or_none(1) is None


@pytest.mark.parametrize("source", ["", None, "photos", "folder:", "tfds:", "directory:x"])
def test_sources_that_are_none(source):
    with pytest.raises(
        SettingsError, match=r"`eval_data` is folder:PATH, shards:PATH, tfds:NAME\[:SPLIT\]"
    ):
        open_photos(source, "eval_data")


def test_folders_that_cannot_be_used(tmp_path):
    with pytest.raises(SettingsError, match="`source='folder:.*/x'`: there is no such folder$"):
        open_photos(f"folder:{tmp_path}/x")
    with pytest.raises(SettingsError, match="no photograph in it .*PNG"):
        open_photos(f"folder:{tmp_path}")
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(SettingsError, match="none of its 1 photographs can be read .*a.png"):
        open_photos(f"folder:{tmp_path}")
    with pytest.raises(SettingsError, match="is a file: give the folder"):
        open_photos(f"folder:{tmp_path}/a.png")


@pytest.mark.parametrize(
    "folder, words",
    [
        ("data/paris", "on request"),
        ("data/paris/train", "on request"),
        ("celeba", "tfds:celeb_a"),
        ("data/Places2/", "tfds:places365_small"),
    ],
)
def test_missing_sets_of_the_papers_say_how_to_obtain_them(tmp_path, folder, words):
    with pytest.raises(
        SettingsError, match=f"no such folder.*{words}.*Any other folder of photographs will do"
    ):
        open_photos(f"folder:{tmp_path}/{folder}")


def test_samples_are_the_colour_photographs_but_coffee():
    photos = open_photos("samples:")
    assert sorted([*photos.names, "coffee"]) == sorted(SAMPLES) and len(photos) == 8
    for index in range(len(photos)):
        pixels = photos.read(index)
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and min(pixels.shape[:2]) >= 256
        assert np.ptp(pixels.astype(int), axis=2).max() > 50, photos.names[index]  # colour
    assert not photos.unreadable
    assert open_photos("samples:coffee, astronaut").names == ["coffee", "astronaut"]
    with pytest.raises(
        SettingsError, match="no sample named lena. There are: astronaut, chelsea, coffee"
    ):
        open_photos("samples:lena")


@pytest.mark.parametrize(
    "source, shape",
    [
        ("tfds:celeb_a", (218, 178, 3)),
        pytest.param("tfds:places365_small:validation", (256, 256, 3), marks=pytest.mark.slow),
    ],
)
def test_tfds_sets(source, shape):
    with tfds.testing.mock_data(num_examples=5):
        photos = open_photos(source)
        assert isinstance(photos, PhotoStream)
        once = list(photos.stream().as_numpy_iterator())
        assert len(once) == 5 and once[0].shape == shape and once[0].dtype == np.uint8
        first = [p.tobytes() for p in photos.stream(seed=3).take(12).as_numpy_iterator()]
        assert (
            len(set(first[:5])) == 5
            and first[:5] != first[5:10]
            and set(first[:5]) == set(first[5:10])
        )
        assert first[7:] == [
            p.tobytes() for p in photos.stream(seed=3, skip=7).take(5).as_numpy_iterator()
        ]
        assert first[:5] != [p.tobytes() for p in photos.stream(seed=4).take(5).as_numpy_iterator()]


def test_photographs_of_a_tfds_set_come_through_the_door_of_all_files(tmp_path):
    """TensorFlow's decoder turns nothing, and takes indices of a palette BMP for grey."""
    exif = Image.Exif()
    exif[0x0112] = 6
    ramp = np.repeat(np.arange(0, 240, 8, dtype=np.uint8)[:, np.newaxis], 20, axis=1)  # [30, 20]
    Image.fromarray(ramp).save(tmp_path / "a.jpg", quality=95, exif=exif)
    Image.fromarray(255 - ramp).convert("P").save(tmp_path / "b.bmp")
    contents = [(tmp_path / name).read_bytes() for name in ("a.jpg", "b.bmp")]
    builder = mock.Mock()
    builder.as_dataset.side_effect = lambda **_: tf.data.Dataset.from_tensor_slices(
        {"image": contents}
    )
    turned, palette = PhotoStream(builder, "train").stream().as_numpy_iterator()
    read = read_photo("a.jpg", content=contents[0])
    np.testing.assert_array_equal(turned, read.pixels)
    assert turned.shape == (20, 30, 3) and (np.diff(turned[5, :, 0].astype(int)) < 0).all()
    np.testing.assert_array_equal(palette[..., 0], 255 - ramp)


def test_tfds_sets_that_cannot_be_used():
    with pytest.raises(
        SettingsError,
        match="`source='tfds:no_such_set'`: the set could not be found .*folder:PATH works",
    ):
        open_photos("tfds:no_such_set")
    with (
        pytest.raises(SettingsError, match="no feature named image .it has text, label"),
        tfds.testing.mock_data(),
    ):
        open_photos("tfds:imdb_reviews")
    failing = mock.patch.object(
        tfds.core.DatasetBuilder, "download_and_prepare", side_effect=OSError("no network")
    )
    with (
        failing,
        pytest.raises(
            SettingsError,
            match="could not be obtained .no network.; folder:PATH works on any folder",
        ),
    ):
        open_photos("tfds:celeb_a")


def test_linked_folders_are_followed_and_circles_end(tmp_path):
    (tmp_path / "real").mkdir()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "real" / "a.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "link").symlink_to(tmp_path / "real")
    (tmp_path / "set" / "round").symlink_to(tmp_path / "set")
    assert open_photos(f"folder:{tmp_path / 'set'}").paths == [str(tmp_path / "set/link/a.png")]


def test_photographs_beyond_the_limit_are_left_out_by_name(tmp_path, caplog):
    Image.new("RGB", (1500, 1000)).save(tmp_path / "a.png")
    Image.new("RGB", (30, 20)).save(tmp_path / "b.png")
    with caplog.at_level(logging.WARNING):
        photos = open_photos(f"folder:{tmp_path}", max_megapixels=1)
        assert photos.read(0).shape == (20, 30, 3)
    assert "a.png has 1500x1000 pixels" in caplog.text and "`max_megapixels=1`" in caplog.text
    assert open_photos(f"folder:{tmp_path}", max_megapixels=2).read(0).shape == (1000, 1500, 3)
