"""Which masks are warned of as pictures: levels of video, noise and scanners are no pictures.

And what counts as transparent.
"""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter
from shared import SHARED, needs_shared

from tfinpaint.photo import Photo, hole_of_alpha, read_hole

WARNING = "looks like a picture"


def _strokes(size=200):
    rows, columns = np.mgrid[:size, :size]
    round_ = (rows - 60) ** 2 + (columns - 80) ** 2 < 35**2
    return np.where(round_ | (abs(rows - columns - 20) < 6), 255, 0).astype(np.uint8)


def _video(mask, rng):
    return np.clip(16 + mask * (219 / 255) + rng.normal(0, 2, mask.shape), 0, 255)


def _jpeg(mask, rng):
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "JPEG", quality=25)
    return np.asarray(Image.open(buffer))


def _video_jpeg(mask, rng):
    return _video(_jpeg(mask, rng), rng)


def _scan(mask, rng):
    """Paper that is not white, ink that is not black, light from one side, grain."""
    light = np.linspace(0, 20, mask.shape[1])
    return np.clip(35 + mask * (190 / 255) + light + rng.normal(0, 5, mask.shape), 0, 255)


def _one(mask, rng):
    return np.maximum(mask, 1)


def _grey_levels(mask, rng):
    return np.where(mask > 0, 200, 60)


def _near_levels(mask, rng):
    return np.where(mask > 0, 150, 100)


KINDS = [_one, _video, _jpeg, _video_jpeg, _scan, _grey_levels, _near_levels]


def _warns(folder, level):
    path = str(folder / "m.png")
    Image.fromarray(level.astype(np.uint8)).save(path)
    hole, notes = read_hole(path)
    return hole, any(WARNING in note for note in notes)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_masks_of_two_levels_give_no_alarm(tmp_path, kind, inverted):
    mask = 255 - _strokes() if inverted else _strokes()
    hole, warned = _warns(tmp_path, kind(mask, np.random.default_rng(0)))
    assert not warned
    assert np.mean(hole != mask) < 0.01


def _made_up_photographs():
    rng = np.random.default_rng(0)
    yield "ramp", np.linspace(1, 254, 200 * 200).reshape(200, 200)
    yield "noise", rng.integers(0, 256, (200, 200))
    sky = np.linspace(150, 230, 200)[:, np.newaxis] + rng.normal(0, 4, (200, 200))
    land = 70 + 30 * np.sin(np.mgrid[:200, :200].sum(0) / 9.0)
    yield "landscape", np.clip(np.where(np.mgrid[:200, :200][0] < 90, sky, land), 0, 255)
    soft = rng.integers(0, 256, (200, 200)).astype(np.uint8)
    soft = np.asarray(Image.fromarray(soft).filter(ImageFilter.GaussianBlur(3))).astype(float)
    yield "soft", np.clip((soft - 128) * 6 + 120, 0, 255)


@pytest.mark.parametrize("name, level", list(_made_up_photographs()))
def test_what_is_spread_over_the_levels_is_warned_of(tmp_path, name, level):
    assert _warns(tmp_path, level)[1]


def test_what_is_not_quite_opaque_is_hole_but_for_the_noise_of_lossy_formats():
    alpha = np.array([[0, 1, 128, 249, 250, 252, 255]], np.uint8)
    photo = Photo(np.zeros((1, 7, 3), np.uint8), alpha=alpha)
    hole, _ = hole_of_alpha(photo, "a.webp")
    np.testing.assert_array_equal(hole, [[255, 255, 255, 255, 0, 0, 0]])


@needs_shared
def test_real_masks_give_no_alarm_and_real_photographs_do(tmp_path):
    folder = SHARED / "cases" / "pairs"
    masks = sorted(folder.glob("*_mask.png"))
    photographs = sorted(set(folder.glob("*.png")) - set(masks))
    assert len(masks) >= 30 and len(photographs) >= 30
    rng = np.random.default_rng(0)
    for number, path in enumerate(masks):
        assert not any(WARNING in note for note in read_hole(str(path))[1]), path.name
        mask = read_hole(str(path))[0]
        kind = KINDS[number % len(KINDS)]
        assert not _warns(tmp_path, kind(mask, rng))[1], (path.name, kind.__name__)
    for path in photographs:
        assert any(WARNING in note for note in read_hole(str(path))[1]), path.name
