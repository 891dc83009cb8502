"""The pipeline: the papers' preprocessing, equal batches for equal seeds, resuming at any step."""

import dataclasses
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from tfinpaint.data import batches
from tfinpaint.data.batches import cut, evaluation_squares, resized, training_batches
from tfinpaint.data.colors import jittered
from tfinpaint.data.holes import holes
from tfinpaint.data.indexed_photos import IndexedPhotos
from tfinpaint.data.photos import open_photos
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError

BOXES = HoleSettings("box")


@pytest.fixture
def folder(tmp_path):
    draw = np.random.RandomState(0)
    for index in range(5):
        Image.fromarray(draw.randint(0, 256, (40 + 3 * index, 60, 3), np.uint8)).save(
            tmp_path / f"{index}.png"
        )
    return f"folder:{tmp_path}"


def take(count, *arguments, **named):
    return [
        [np.array(part) for part in batch]
        for batch in training_batches(*arguments, **named).take(count)
    ]


def test_batches_are_what_they_promise(folder):
    dataset = training_batches(PhotoSettings(folder, 32), BOXES, 3, 0)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    assert dataset.element_spec == (
        tf.TensorSpec([3, 32, 32, 3], tf.float32),
        tf.TensorSpec([3, 32, 32, 1], tf.float32),
    )
    for images, made in dataset.take(4):
        assert -1 <= images.numpy().min() < -0.9 and 0.9 < images.numpy().max() <= 1
        assert set(np.unique(made)) == {0, 1}


def test_holes_in_the_pipeline_are_those_of_the_pure_function(folder):
    settings = HoleSettings("mixed")
    for step, (_, made) in enumerate(take(3, PhotoSettings(folder, 32), settings, 3, 11)):
        np.testing.assert_array_equal(made, holes(11, step, 3, 32, settings))


def test_resuming_at_a_step_gives_the_batches_of_an_uninterrupted_run(folder):
    arguments = PhotoSettings(folder, 32), BOXES, 3, 11
    whole = take(6, *arguments)
    for (images, made), (later_images, later_made) in zip(
        whole[3:], take(3, *arguments, start_step=3)
    ):
        np.testing.assert_array_equal(images, later_images)
        np.testing.assert_array_equal(made, later_made)
    other = take(1, PhotoSettings(folder, 32), BOXES, 3, 12)[0]
    assert not np.array_equal(whole[0][0], other[0]) and not np.array_equal(whole[0][1], other[1])


class Recorded(IndexedPhotos):
    """Photographs of one colour, which remember what is read. The red of each is its number."""

    where = staticmethod(str)

    def __init__(self, count):
        super().__init__(count)
        self.asked = []

    @property
    def names(self):
        return [str(k) for k in range(len(self))]

    def read(self, index):
        self.asked.append(index)
        assert len(self.asked) < 1000, "far more is read than delivered"
        return np.full((32, 32, 3), [index % 256, index // 256, 0], np.uint8)


def numbers_of(images):
    """The numbers of `Recorded` photographs in a batch."""
    red, green = np.round((images[:, 0, 0, :2] + 1) * 127.5).astype(int).T
    return (256 * green + red).tolist()


def test_resuming_costs_nothing_at_a_million_steps(monkeypatch):
    monkeypatch.setattr(batches, "_CACHE_BYTES", 0)  # what is read twice is seen twice
    photos, step = Recorded(400), 10**6
    settings = PhotoSettings("folder:x", 32, resize=32)
    ((images, _),) = take(1, settings, BOXES, 3, 0, start_step=step, photos=photos)
    assert [str(k) for k in numbers_of(images)] == batches.names_of_batch(photos, 3, 0, step)
    assert len(photos.asked) < 300  # it reads some batches ahead


def test_every_round_shows_every_photograph_once_in_another_order(tmp_path):
    for value in range(7):
        Image.fromarray(np.full((32, 32, 3), 30 * value, np.uint8)).save(tmp_path / f"{value}.png")
    shown = take(7, PhotoSettings(f"folder:{tmp_path}", 32), BOXES, 4, 0)
    order = (
        np.round((np.concatenate([images[:, 0, 0, 0] for images, _ in shown]) + 1) * 127.5 / 30)
        .astype(int)
        .reshape(4, 7)
    )
    assert all(sorted(row) == list(range(7)) for row in order)
    assert len({tuple(row) for row in order}) == 4


def test_an_unreadable_photograph_is_left_out_and_batches_stay_full(tmp_path):
    for value in range(3):
        Image.fromarray(np.full((32, 32, 3), 100 * value, np.uint8)).save(tmp_path / f"{value}.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:60])
    photos = open_photos(f"folder:{tmp_path}")
    shown = take(3, PhotoSettings(f"folder:{tmp_path}", 32), BOXES, 3, 0, photos=photos)
    values = [sorted(np.round((images[:, 0, 0, 0] + 1) * 127.5).astype(int)) for images, _ in shown]
    assert values == [[0, 200, 200]] * 3
    assert len(photos.unreadable) == 1


def test_holes_on_the_device_come_as_seed_and_step(folder):
    arguments = PhotoSettings(folder, 32), BOXES, 3, 11
    for step, ((images, seeds), (same, _)) in enumerate(
        zip(take(3, *arguments, holes_on_device=True), take(3, *arguments), strict=True)
    ):
        np.testing.assert_array_equal(seeds, [11, step])
        assert seeds.dtype == np.int32
        np.testing.assert_array_equal(images, same)


def test_what_functions_of_images_make_comes_with_holes_and_with_seeds(folder):
    make = {"brightness": lambda images: tf.reduce_mean(images, [1, 2, 3])}
    both = {"extra_inputs": {"share": lambda images, holes: tf.reduce_mean(holes)}}
    for on_device in (False, True):
        (images, second, more), *_ = take(
            1, PhotoSettings(folder, 32), HoleSettings("center"), 2, 5,
            holes_on_device=on_device, image_inputs=make, **both,
        )  # fmt: skip
        more = more.item()
        np.testing.assert_allclose(more["brightness"], images.mean((1, 2, 3)), atol=1e-6)
        assert set(more) == {"brightness"} | (set() if on_device else {"share"})
        assert second.shape == ((2,) if on_device else (2, 32, 32, 1))
        if not on_device:
            np.testing.assert_allclose(more["share"], second.mean(), atol=1e-6)


def test_mask_files_in_the_pipeline(folder, tmp_path):
    hole = np.zeros((32, 32), np.uint8)
    hole[:16, :10] = 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(hole).save(tmp_path / "masks/a.png")
    settings = HoleSettings(f"files:{tmp_path}/masks")
    whole = take(4, PhotoSettings(folder, 32), settings, 3, 5)
    assert {made.sum() for _, batch in whole for made in batch} == {160.0}
    later = (
        take(1, PhotoSettings(folder, 32), settings, 3, 5, start_step=3, holes_on_device=True)
    )[0]
    np.testing.assert_array_equal(whole[3][0], later[0])
    np.testing.assert_array_equal(whole[3][1], later[1])


def test_preprocessing_of_the_papers():
    """Paris and Places: shorter side 350, random crop of 256. CelebA: shorter side 256, centred."""
    photo = np.random.RandomState(1).randint(0, 256, (400, 600, 3), np.uint8)
    paris, celeba = PhotoSettings("samples:"), PhotoSettings("samples:", resize=256, crop="center")
    medium = resized(photo, paris.shorter_side)
    assert medium.shape == (350, 525, 3)
    np.testing.assert_array_equal(medium, Image.fromarray(photo).resize((525, 350), Image.BICUBIC))
    corners = np.float32([[0, 0, 0.9], [0.9999999, 0.9999999, 0.9], [0.5, 0.25, 0.4]])
    np.testing.assert_array_equal(cut(medium, corners[0], paris), medium[:256, :256])
    np.testing.assert_array_equal(cut(medium, corners[1], paris), medium[-256:, -256:])
    np.testing.assert_array_equal(cut(medium, corners[2], paris), medium[47:303, 67:323][:, ::-1])
    small = resized(photo, celeba.shorter_side)
    assert small.shape == (256, 384, 3)
    np.testing.assert_array_equal(cut(small, corners[0], celeba), small[:, 64:320])
    assert resized(photo.transpose(1, 0, 2), 350).shape == (525, 350, 3)
    assert resized(photo[:20, :10], 350).shape == (700, 350, 3)
    no_mirror = PhotoSettings("samples:", mirror=False)
    np.testing.assert_array_equal(cut(medium, corners[2], no_mirror), medium[47:303, 67:323])


def test_preprocessing_in_the_pipeline_is_the_eager_one(folder):
    """Each image of a batch is, bit for bit, a square that can be cut from the photographs. They
    come from all places, and about half of them are mirrored."""
    settings = PhotoSettings(folder, 32, resize=33)
    photos = open_photos(folder)
    possible, found = {}, []  # pixels -> top, left, mirrored
    for index in range(len(photos)):
        medium = resized(photos.read(index), 33)
        for top in range(medium.shape[0] - 31):
            for left in range(medium.shape[1] - 31):
                square = medium[top : top + 32, left : left + 32]
                possible[square.tobytes()] = top, left, False
                possible[square[:, ::-1].tobytes()] = top, left, True
    for images, _ in take(8, settings, BOXES, 3, 0):
        np.testing.assert_array_equal(
            images, np.float32(np.round((images + 1) * 127.5)) / np.float32(127.5) - 1
        )
        pixels = np.round((images + 1) * 127.5).astype(np.uint8)
        found += [possible[image.tobytes()] for image in pixels]
    assert {top for top, _, _ in found} == {0, 1}
    assert len({left for _, left, _ in found}) > 8
    assert 6 <= sum(mirrored for *_, mirrored in found) <= 18  # of 24


def test_colour_jitter_changes_the_colours_alone_and_repeats(folder):
    plain, jitter = (PhotoSettings(folder, 32, color_jitter=x) for x in (0.0, 0.3))
    first, *rest = (take(4, jitter, BOXES, 3, 11, start_step=start) for start in (0, 2))
    for (images, _), (later, _) in zip(first[2:], rest[0]):
        np.testing.assert_array_equal(images, later)
    numbers = []
    for step, ((images, made), (changed, made_too)) in enumerate(
        zip(take(4, plain, BOXES, 3, 11), first, strict=True)
    ):
        np.testing.assert_array_equal(made, made_too)
        for index, (before, after) in enumerate(zip(images, changed)):
            key = tf.random.experimental.stateless_fold_in(
                tf.constant([11, 3 * step + index], tf.int64), batches._COLOR
            )
            numbers.append(tf.random.stateless_uniform([3], key, alg="philox").numpy())
            square = np.round((before + 1) * 127.5).astype(np.uint8)
            np.testing.assert_array_equal(
                np.round((after + 1) * 127.5), jittered(square, numbers[-1], 0.3)
            )
    assert len({tuple(n) for n in numbers}) == len(numbers)


def test_zoom_draws_the_scale_of_each_square_alone_and_repeats(folder):
    plain = PhotoSettings(folder, 32, resize=32, crop="center", mirror=False)
    zoomed = dataclasses.replace(plain, photo_zoom=(1.25, 2.5))
    first, later = (take(4, zoomed, BOXES, 3, 11, start_step=start) for start in (0, 2))
    photos, sides = open_photos(folder), []
    for step, ((images, made), (_, made_too)) in enumerate(
        zip(first, take(4, plain, BOXES, 3, 11), strict=True)
    ):
        np.testing.assert_array_equal(made, made_too)
        for index, image in enumerate(images):
            element = tf.constant(3 * step + index, tf.int64)
            key = tf.random.experimental.stateless_fold_in(
                tf.stack([tf.constant(11, tf.int64), element]), batches._ZOOM
            )
            drawn = tf.random.stateless_uniform([1], key, alg="philox").numpy()[0]
            sides.append(round(32 * (1.25 + 1.25 * float(drawn))))
            photo = photos.read(int(batches._place(element, len(photos), 11)))
            square = cut(resized(resized(photo, 80), sides[-1]), np.zeros(3), plain)
            np.testing.assert_array_equal(np.round((image + 1) * 127.5), square)
    assert 40 <= min(sides) < 50 and 70 < max(sides) <= 80
    for one, two in zip(first[2:], later):
        np.testing.assert_array_equal(one[0], two[0])


@pytest.mark.slow
def test_a_zoom_of_one_number_is_another_resize(folder):
    once = PhotoSettings(folder, 32, resize=64)
    zoomed = PhotoSettings(folder, 32, resize=32, photo_zoom=(2.0, 2.0))
    for one, two in zip(take(2, once, BOXES, 3, 5), take(2, zoomed, BOXES, 3, 5), strict=True):
        np.testing.assert_array_equal(one[0], two[0])


@pytest.mark.parametrize("pair", [(0.5, 1.0), (2.0, 1.0), (1.0, 20.0)])
def test_a_zoom_that_cannot_be_is_refused(pair):
    with pytest.raises(SettingsError, match="`photo_zoom` is two numbers LO,HI with 1 <= LO"):
        PhotoSettings("samples:", photo_zoom=pair)


def test_the_three_factors_of_colour_jitter():
    square = np.random.RandomState(0).randint(60, 180, (16, 16, 3), np.uint8)
    half = np.full(3, 0.5, np.float32)
    np.testing.assert_array_equal(jittered(square, half, 0.4), square)

    def changed(place, number):
        return jittered(
            square, np.where(np.arange(3) == place, number, 0.5).astype(np.float32), 0.4
        ).astype(float)

    np.testing.assert_allclose(changed(0, 1.0), square * 1.4, atol=0.51)
    np.testing.assert_allclose(changed(0, 0.25), square * 0.8, atol=0.51)
    grey = square @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(
        changed(1, 0.0), grey.mean() + 0.6 * (square - grey.mean()), atol=0.51
    )
    np.testing.assert_allclose(
        changed(2, 0.0), grey[..., None] + 0.6 * (square - grey[..., None]), atol=0.51
    )
    everything = jittered(square, np.array([0.9, 0.2, 0.8]), 0.4).astype(float)
    bright = square * 1.32
    mean = (bright @ [0.299, 0.587, 0.114]).mean()
    flat = mean + 0.76 * (bright - mean)
    own = (flat @ [0.299, 0.587, 0.114])[..., None]
    np.testing.assert_allclose(everything, np.clip(own + 1.24 * (flat - own), 0, 255), atol=0.51)


@pytest.mark.parametrize("amount", [-0.1, 1.0, float("nan")])
def test_colour_jitter_that_cannot_be_is_refused(amount):
    with pytest.raises(SettingsError, match="`color_jitter` is at least 0 and below 1. Got"):
        PhotoSettings("samples:", color_jitter=amount)


def test_memory_makes_no_difference(folder, monkeypatch):
    arguments = PhotoSettings(folder, 32), BOXES, 3, 2
    kept = take(5, *arguments)
    monkeypatch.setattr(batches, "_CACHE_BYTES", 0)
    for one, other in zip(kept, take(5, *arguments), strict=True):
        np.testing.assert_array_equal(one[0], other[0])


def test_bounds_are_checked_before_anything_is_read():
    with pytest.raises(SettingsError, match="too narrow"):
        training_batches(
            PhotoSettings("folder:/nowhere", 32), HoleSettings("strokes", (0.2, 0.201)), 2, 0
        )


@pytest.mark.slow
def test_tfds_set_resumes():
    with tfds.testing.mock_data(num_examples=5):
        arguments = PhotoSettings("tfds:celeb_a", 64, resize=64), BOXES, 2, 0
        whole, later = take(5, *arguments), take(2, *arguments, start_step=3)
        assert whole[0][0].shape == (2, 64, 64, 3)
        for one, other in zip(whole[3:], later):
            np.testing.assert_array_equal(one[0], other[0])
            np.testing.assert_array_equal(one[1], other[1])
        assert evaluation_squares("tfds:celeb_a:test", 32, 3).shape == (3, 32, 32, 3)


TWO_OF_TWO = [batches.Share(0, 6, 2), batches.Share(6, 6, 2)]  # processes of two devices each


def check_shares(photos, hole_settings, holes_on_device=False, several=(TWO_OF_TWO,)):
    """Shares of processes against one process that reads whole batches."""
    arguments = photos, hole_settings, 12, 5, 3, holes_on_device
    whole = take(3, *arguments)
    for shares in several:
        read = [take(3 * share.pieces, *arguments, share=share) for share in shares]
        for step, (images, made) in enumerate(whole):
            for share, pieces in zip(shares, read):
                part = slice(share.first, share.first + share.number)
                own = pieces[step * share.pieces : (step + 1) * share.pieces]
                np.testing.assert_array_equal(np.concatenate([p[0] for p in own]), images[part])
                if holes_on_device:
                    assert all((piece[1] == made).all() for piece in own)
                else:
                    np.testing.assert_array_equal(np.concatenate([p[1] for p in own]), made[part])


@pytest.mark.parametrize("kind", ["center", pytest.param("box", marks=pytest.mark.slow)])
def test_shares_of_processes_are_the_whole_batch(kind, folder):
    several = TWO_OF_TWO, [batches.Share(0, 12, 3)], [batches.Share(6, 6)]
    check_shares(PhotoSettings(folder, 32, color_jitter=0.2), HoleSettings(kind), several=several)


def test_a_share_reads_no_photographs_of_the_others(monkeypatch):
    monkeypatch.setattr(batches, "_CACHE_BYTES", 0)
    photos, settings = Recorded(400), PhotoSettings("folder:x", 32, resize=32)
    take(3, settings, HoleSettings("center"), 12, 5, photos=photos, share=batches.Share(6, 6))
    names = [batches.names_of_batch(photos, 12, 5, step) for step in range(60)]
    first, *asked = photos.asked
    assert first == 0 and len(asked) >= 18  # one is tried before the first step
    own = [int(name) for of_step in names for name in of_step[6:]]
    assert sorted(asked) == sorted(own[: len(asked)])


@pytest.mark.slow
def test_a_share_of_a_stream_decodes_no_photographs_of_the_others(monkeypatch):
    with tfds.testing.mock_data(num_examples=60):
        photos, read = open_photos("tfds:celeb_a"), []
        real = photos._read
        monkeypatch.setattr(photos, "_read", lambda content: read.append(content) or real(content))
        every = list(photos.stream())
        assert len(read) == 60
        own = list(photos.stream(skip=3, chosen=lambda k: k % 3 == 1))
        assert len(read) == 60 + len(own) == 60 + 19
    for one, other in zip(own, every[4::3], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_shares_with_mask_files_seeds_and_tfds(folder, tmp_path):
    (tmp_path / "masks").mkdir()
    for k in range(4):
        mask = np.zeros((40, 40), np.uint8)
        mask[k : 9 + 4 * k, 3:30] = 255
        Image.fromarray(mask).save(tmp_path / f"masks/{k}.png")
    files = HoleSettings(f"files:{tmp_path}/masks", mask_rotate="any", mask_zoom=(1.0, 1.3))
    check_shares(PhotoSettings(folder, 32), files)
    check_shares(PhotoSettings(folder, 32), BOXES, holes_on_device=True)
    with tfds.testing.mock_data(num_examples=7):
        several = ([batches.Share(6, 6, 2)],)
        check_shares(PhotoSettings("tfds:celeb_a", 32), BOXES, several=several)


def test_evaluation_squares(folder, tmp_path):
    squares = evaluation_squares(folder, 24, 3)
    assert squares.shape == (3, 24, 24, 3) and squares.dtype == np.uint8
    photo = Image.open(tmp_path / "0.png")
    np.testing.assert_array_equal(
        squares[0], np.asarray(photo.resize((36, 24), Image.BICUBIC))[:, 6:30]
    )
    every = evaluation_squares(folder, 24, 99)
    assert len(every) == 5
    np.testing.assert_array_equal(squares, every[[0, 1, 3]])
    for broken, expected in ((1, [0, 2]), (2, [0, 3]), (3, [0, 4])):
        (tmp_path / f"{broken}.png").write_bytes(b"broken")
        np.testing.assert_array_equal(evaluation_squares(folder, 24, 2), every[expected])
    (tmp_path / "4.png").write_bytes(b"broken")
    np.testing.assert_array_equal(evaluation_squares(folder, 24, 3), every[:1])


def test_photographs_of_which_none_can_be_read_are_one_line(monkeypatch):
    """Shards are not tried when they are opened."""

    class Damaged(IndexedPhotos):
        names = ["a", "b"]
        where = staticmethod(str)

    monkeypatch.setattr(batches, "open_photos", lambda *arguments, **keywords: Damaged(2))
    with pytest.raises(
        SettingsError, match="`eval_data='shards:x'`: none of its 2 photographs can be read$"
    ):
        evaluation_squares("shards:x", 24, 1, "eval_data")
    with pytest.raises(
        SettingsError, match="`source='shards:x'`: none of 2 photographs can be read"
    ):
        training_batches(PhotoSettings("shards:x", 32), HoleSettings(), 2, 0)


def test_an_even_choice_over_class_folders(tmp_path):
    for shade in range(8):
        for k in range(6):
            path = tmp_path / f"class {shade}" / f"{k}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(np.full((24, 24, 3), 30 * shade + k, np.uint8)).save(path)
    shades = evaluation_squares(f"folder:{tmp_path}", 24, 16)[:, 0, 0, 0]
    assert list(shades) == [30 * shade + k for shade in range(8) for k in (0, 3)]


@pytest.mark.slow
def test_a_program_may_end_while_the_pipeline_reads_ahead():
    program = (
        "import sys; from tfinpaint.data import batches; from tfinpaint.settings import *; "
        "batches._CACHE_BYTES = 0;"
        "batch = iter(batches.training_batches("
        "PhotoSettings('samples:', 256), HoleSettings('box'), 8, 0));"
        "[next(batch) for _ in range(3)]; sys.exit(7)"
    )
    root = pathlib.Path(__file__).resolve().parents[2]
    assert (
        subprocess.run(
            [sys.executable, "-c", program], cwd=root, timeout=120, check=False
        ).returncode
        == 7
    )


def test_a_strip_is_cut_before_it_is_enlarged():
    strip = np.zeros((10, 20000, 3), np.uint8)
    strip[:, 10000:] = 255
    out = batches.resized(strip, 350)
    assert out.shape == (350, 8 * 350, 3)
    edge = 2 * 35  # the bicubic filter spans two source pixels, of 35 pixels each
    assert (out[:, : 1400 - edge] == 0).all() and (out[:, 1400 + edge :] == 255).all()
