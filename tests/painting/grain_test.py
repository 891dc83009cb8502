"""Grain of thin holes: as strong as around them, none where the photograph has none."""

import itertools

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.painting import budget, filling, grain, rims, window_grain
from tfinpaint.painting.painter import Painter


class Grey:
    """Fills with grey, as smoothly as can be."""

    system_name, stride = "grey", 1

    def generate(self, images, holes):
        return tf.zeros_like(images)


def _noisy(height=200, width=220, deviation=9.0, blur=0.0, is_coloured=True, level=127.5):
    noise = np.random.RandomState(1).normal(0, 1, (height, width, 3 if is_coloured else 1))
    noise = np.broadcast_to(noise, (height, width, 3))
    if blur:
        noise = cv2.GaussianBlur(noise, (0, 0), blur)
    return (level + deviation * noise / noise.std()).astype(np.float32)


def _strokes(height=200, width=220, thickness=5):
    hole = np.zeros((height, width), np.uint8)
    for k in range(4):
        cv2.line(hole, (20 + 45 * k, 5), (45 * k, height - 6), 1, thickness)
    return hole > 0


def _filled(picture, hole, level=127.5):
    return grain.added(np.where(hole[..., None], np.float32(level), picture), hole, hole)


def _naive(picture, hole, part):
    """`grain.added`, pixel by pixel, from its description."""
    height, width = hole.shape

    def blurred(x):
        padded = np.pad(x.astype(np.float64), [(1, 1), (1, 1), (0, 0)], "symmetric")
        result = np.zeros_like(x, np.float64)
        for row, down in enumerate((0.25, 0.5, 0.25)):
            for column, across in enumerate((0.25, 0.5, 0.25)):
                result += down * across * padded[row : row + len(x), column : column + len(x[0])]
        return result

    def bands(x):
        low = blurred(x)
        found = []
        for band in (x - low, low - blurred(blurred(low))):
            found += [band.mean(-1, keepdims=True), band - band.mean(-1, keepdims=True)]
        return found

    def sizes(found):
        return [np.abs(band).mean(-1) for band in found]

    # Cells of 4 x 4 pixels. What is missing of the last ones is missing equally on both sides.
    tops, lefts = (range(-((-side % 4) // 2), side, 4) for side in (height, width))

    def near(cells):
        """The mean of the cells within two cells."""
        return np.array(
            [
                [cells[max(r - 2, 0) : r + 3, max(c - 2, 0) : c + 3].mean((0, 1)) for c in across]
                for r in down
            ]
        )

    down, across = range(len(tops)), range(len(lefts))

    def strengths(size, counts):
        """The geometric mean near each cell; NaN where nothing counts."""
        cells = np.zeros((len(tops), len(lefts), 2))
        for r, c in itertools.product(down, across):
            cell = np.s_[max(tops[r], 0) : tops[r] + 4, max(lefts[c], 0) : lefts[c] + 4]
            cells[r, c] = (np.log(size[cell] + 0.5) * counts[cell]).mean(), counts[cell].mean()
        total, weight = np.moveaxis(near(near(cells)), -1, 0)
        there = weight > 1e-3
        return np.where(there, np.exp(total / np.where(there, weight, 1)) - 0.5, np.nan)

    known = cv2.dilate(hole.astype(np.uint8), np.ones((7, 7))) == 0
    noise = bands(grain.NOISE)
    result = picture.astype(np.float64)
    for size, band, own in zip(sizes(bands(picture)), noise, sizes(noise)):
        there, has = strengths(size, known), np.nan_to_num(strengths(size, part))
        floor = np.sort(there[~np.isnan(there)])
        floor = floor[int(0.2 * len(floor))]
        there = np.where(np.isnan(there), floor, np.minimum(there, floor))
        lack = np.sqrt(np.maximum(there**2 - np.maximum(has, 0) ** 2, 0)).astype(np.float32)
        lack = cv2.resize(lack, (width, height), interpolation=cv2.INTER_LINEAR)
        scale = np.exp(np.log(own + 0.5).mean()) - 0.5
        for row, column in np.argwhere(part):
            result[row, column] += lack[row, column] / scale * band[row % 128, column % 128]
    return result


def test_grain_is_that_of_its_description():
    picture = _noisy(37, 42, blur=0.6) + np.linspace(-30, 30, 42, dtype=np.float32)[:, None]
    hole = np.zeros((37, 42), bool)
    hole[5:9, 4:40] = hole[10:37, 20:23] = True
    part = hole.copy()
    part[30:] = False
    picture[hole] = 120
    found = grain.added(picture, hole, part)
    np.testing.assert_allclose(found, _naive(picture, hole, part), atol=1e-3)
    assert np.abs(found - picture)[part].mean() > 3


@pytest.mark.parametrize("size", [(131, 150), (40, 52), (9, 7), (1, 5), (33, 1), (1, 2), (4, 4)])
def test_the_graph_adds_the_same_grain(size):
    picture, hole = _noisy(*size), np.zeros(size, bool)
    hole[size[0] // 2, 1:] = hole[size[0] // 3 :, size[1] // 2] = True
    hole[0, 0] = False
    expected = grain.added(picture, hole, hole)
    maps = tf.constant(hole[..., None])
    found = tf.function(window_grain.added)(tf.constant(picture), maps, maps)
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("blur", [0.0, 0.8])
@pytest.mark.parametrize("is_coloured", [True, False])
def test_a_stroke_gets_the_grain_around_it(blur, is_coloured):
    """As strong, as coarse and as coloured; a little less, as the smoothest fifth decides."""
    picture, hole = _noisy(blur=blur, is_coloured=is_coloured), _strokes()
    filled = _filled(picture, hole)
    found, known = (grain.bands(each) for each in (filled, picture))
    for k, (lowest, highest) in enumerate([(0.8, 1.25)] * 2 + [(0.4, 1.1)] * 2):
        if is_coloured or k in (0, 2):
            # The coarse bands see beyond a stroke of 5 pixels.
            assert lowest < found[k][hole].std() / known[k][~hole].std() < highest, k
    if not is_coloured:
        assert np.ptp(filled, -1).max() < 1e-3


def test_a_smooth_photograph_gets_none():
    rows, columns = np.mgrid[:200, :220].astype(np.float32)
    picture = np.repeat((rows + columns)[..., None] / 2, 3, -1)
    hole = _strokes()
    np.testing.assert_allclose(grain.added(picture, hole, hole), picture, atol=0.05)


def test_texture_in_some_places_is_no_grain():
    """Grain is in all of the photograph: a lawn under a clear sky is none."""
    picture, hole = _noisy(), _strokes()
    picture[:80] = 127.5
    np.testing.assert_allclose(_filled(picture, hole)[hole], 127.5, atol=0.01)


def test_a_white_sky_hides_no_grain():
    """White and black have no grain in any photograph, so they do not count."""
    picture, hole = _noisy(), _strokes()
    picture[:120] = 255
    filled = _filled(picture, hole)
    assert filled[140:][hole[140:]].std() > 5
    lost = np.where(hole[..., None], np.float32(255), picture)
    grown = grain.added(lost, hole, hole)
    assert np.abs(grown - lost)[:90].max() < 0.01, "but in the white sky itself is none"


def test_a_fill_that_has_grain_gets_no_more():
    picture, hole = _noisy(), _strokes()
    change = grain.added(picture, hole, hole) - picture
    assert np.abs(change).mean() < 0.1 * np.abs(_filled(picture, hole) - 127.5)[hole].mean()


def test_only_the_part_changes_and_a_hole_without_known_pixels_near_it_does_not():
    picture, hole = _noisy(), _strokes()
    part = hole.copy()
    part[100:] = False
    found = grain.added(picture, hole, part)
    np.testing.assert_array_equal(found[~part], picture[~part])
    everything = np.ones_like(hole)
    np.testing.assert_array_equal(grain.added(picture, everything, everything), picture)


def test_a_painter_adds_grain_to_thin_strokes_with_detail_alone():
    photo, hole = np.rint(_noisy()).astype(np.uint8), _strokes()
    painter, mask = Painter(Grey()), np.uint8(255) * hole
    off = painter.fill(photo, mask, detail="off")
    assert (np.abs(off[hole] - 127.5) < 1).all()
    filled = painter.fill(np.where(hole[..., None], np.uint8(0), photo), mask)
    expected = np.clip(_filled(photo.astype(np.float32), hole), 0, 255)
    np.testing.assert_allclose(filled, expected, atol=1.01)
    np.testing.assert_array_equal(filled[~hole], photo[~hole])
    np.testing.assert_array_equal(painter.fill(photo, mask), filled)
    assert filled[hole].std() > 5


def test_texture_gets_no_grain_on_top(monkeypatch):
    photo, hole = np.rint(_noisy()).astype(np.uint8), np.zeros((200, 220), np.uint8)
    hole[60:140, 60:160] = 255
    hole[55:58, 30:200] = 255
    maps = np.minimum(hole, 1)[..., None]
    painter, other = Painter(Grey()), Painter(Grey())
    filled = painter.fill_window(photo, maps, maps * filling.AIM, True).numpy()
    monkeypatch.setattr(window_grain, "added", lambda picture, hole, part: picture)
    without = other.fill_window(photo, maps, maps * filling.AIM, True).numpy()
    thick = np.s_[60:140, 60:160]
    np.testing.assert_array_equal(filled[thick], without[thick])
    assert filled[55:58, 175:200].std() > 5 > 1 > without[55:58, 175:200].std()


def test_strokes_that_are_filled_without_the_network_get_grain_too():
    """A photograph of more than a megapixel with many strokes: see budget.py."""
    photo = np.rint(_noisy(1100, 1100)).astype(np.uint8)
    mask = np.zeros((1100, 1100), np.uint8)
    mask[20:1080:12, 20:1080] = 255

    def fill_window(window, hole, shown, with_detail):
        return window

    network = budget.Network(1, 512)
    hole = np.zeros((1100, 1100), bool)
    for group in budget.plan(photo, filling.hole_of(mask), network):
        if group.way == "smooth":
            hole[group.box.slices] |= group.pixels
    assert hole.sum() > 10_000
    found = {}
    for detail in ("auto", "off"):
        options = filling.Options(detail=detail)
        filled = filling.fill(fill_window, 1, 512, network.context, photo, mask, options)
        found[detail] = [band[hole].std() for band in grain.bands(filled.astype(np.float32))]
    known = [band[mask == 0].std() for band in grain.bands(photo.astype(np.float32))]
    assert found["off"][0] < 0.7 * known[0] and found["off"][1] < 0.7 * known[1]
    for has, wanted in zip(found["auto"], known):
        assert 0.75 < has / wanted < 1.1


def test_what_earlier_fills_have_does_not_count():
    """A window mostly of an earlier, smooth fill: only the photograph says how much grain."""
    photo, stroke = np.rint(_noisy()).astype(np.uint8), np.zeros((200, 220, 1), np.uint8)
    photo[:150] = 127
    stroke[170:174, 20:200] = 1
    shown = stroke * filling.AIM
    painter = Painter(Grey())
    counted = painter.fill_window(photo, stroke, shown, True).numpy()
    assert counted[stroke[..., 0] > 0].std() < 1
    shown[:150] = filling.OTHER
    filled = painter.fill_window(photo, stroke, shown, True).numpy()
    assert filled[stroke[..., 0] > 0].std() > 5


@pytest.mark.parametrize("blur", [0.0, 0.7])
def test_what_was_made_at_a_smaller_size_gets_its_grain_once(blur):
    """`fill_window` adds grain, `refined` takes some of it, and the rest is added."""
    photo = np.rint(_noisy(blur=blur)).astype(np.uint8)
    hole, blanked = _strokes(), photo.copy()
    blanked[hole] = 0
    maps = np.uint8(hole)[..., None]
    painter = Painter(Grey())
    filled = painter.fill_window(blanked, maps, maps * filling.AIM, True).numpy()
    filled = rims.refined(filled, np.uint8(hole), 2.0, True)
    filled = filling._grained(filled, photo, hole, hole, True)
    found, known = (grain.bands(each.astype(np.float32)) for each in (filled, photo))
    for k in (0, 1):
        assert 0.8 < found[k][hole].std() / known[k][~hole].std() < 1.2


def test_a_band_that_fades_does_not_count_as_the_photograph():
    """With a feather, a fill has the network's output around the hole too."""
    photo, hole = np.rint(_noisy()).astype(np.uint8), _strokes()
    result = np.full_like(photo, 127)
    grained = filling._grained(result, photo, hole, hole, True)
    assert grained[hole].std() > 5
    np.testing.assert_array_equal(grained[~hole], result[~hole])
