"""Blurred edges become steep, nothing new is added, and the filter is that of plain loops."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.painting.detail import edges


@pytest.fixture(scope="module")
def sharpened():
    traced = tf.function(
        edges.sharpened,
        input_signature=[
            tf.TensorSpec([None, None, 3]),
            *[tf.TensorSpec([None, None, 1], tf.bool)] * 2,
        ],
        autograph=False,
    )

    def call(picture, part, hole=None):
        maps = (each[..., np.newaxis] for each in (part if hole is None else hole, part))
        return traced(tf.constant(picture, tf.float32), *maps).numpy()

    return call


def _at(picture, i, j):
    """The pixel, or the nearest one inside."""
    return picture[min(max(i, 0), picture.shape[0] - 1), min(max(j, 0), picture.shape[1] - 1)]


def _step(picture, part):
    """One step of the filter, pixel by pixel."""
    height, width = picture.shape[:2]
    pixels = [(i, j) for i in range(height) for j in range(width)]
    grey = picture.mean(-1)
    for _ in range(2):
        grey = np.reshape(
            [grey[max(i - 2, 0) : i + 3, max(j - 2, 0) : j + 3].mean() for i, j in pixels],
            (height, width),
        )

    def slope(map_, down, right):
        return np.reshape(
            [
                (_at(map_, i + down, j + right) - _at(map_, i - down, j - right)) / 2
                for i, j in pixels
            ],
            (height, width),
        )

    y, x = slope(grey, 1, 0), slope(grey, 0, 1)
    second = (
        y**2 * slope(y, 1, 0) + x * y * (slope(x, 1, 0) + slope(y, 0, 1)) + x**2 * slope(x, 0, 1)
    )
    steep = x**2 + y**2
    side = np.tanh(second / np.maximum(steep, 1e-3) / 0.3) * steep / (steep + 2**2)
    stepped = picture.copy()
    for i, j in pixels:
        if part[i, j]:
            cross = [
                _at(picture, i + a, j + b) for a, b in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
            ]
            goal = np.min(cross, 0) if side[i, j] > 0 else np.max(cross, 0)
            stepped[i, j] += 0.4 * abs(side[i, j]) * (goal - picture[i, j])
    return stepped


def test_steps_are_those_of_plain_loops(sharpened, monkeypatch):
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.uniform(0, 255, (27, 31, 3)), (0, 0), 2)
    part = np.zeros((27, 31), bool)
    part[5:20, 3:31] = True
    part[10, 12] = False
    monkeypatch.setattr(edges, "STEPS", 3)
    maps = [tf.constant(part[..., None])] * 2
    found = edges.sharpened(tf.constant(picture, tf.float32), *maps)
    expected = picture
    for _ in range(3):
        expected = _step(expected, part)
    assert np.abs(expected - picture).max() > 3
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("turned", [False, True])
def test_a_blurred_edge_becomes_steep_where_it_was(sharpened, turned):
    edge = np.full((90, 120, 3), 40.0)
    edge[:, 55:] = [210, 180, 160]
    blurred = cv2.GaussianBlur(edge, (0, 0), 4)
    part = np.zeros((90, 120), bool)
    part[20:70, 30:90] = True
    if turned:
        edge, blurred, part = edge.swapaxes(0, 1), blurred.swapaxes(0, 1), part.T
    result = sharpened(blurred, part)
    inner = cv2.erode(part.astype(np.uint8), np.ones((21, 21))) > 0
    assert np.abs(result - edge)[inner].mean() < 0.2 * np.abs(blurred - edge)[inner].mean()
    np.testing.assert_array_equal(result[~part], blurred.astype(np.float32)[~part])


def test_even_changes_stay_and_no_value_is_new(sharpened):
    rows, columns = np.mgrid[:80, :100].astype(np.float64)
    part = np.zeros((80, 100), bool)
    part[15:65, 15:85] = True
    ramp = np.stack([rows + columns, 200 - rows, 0 * rows + 90], -1)
    np.testing.assert_allclose(sharpened(ramp, part), ramp, atol=0.01)
    rng = np.random.default_rng(1)
    picture = cv2.GaussianBlur(rng.uniform(0, 255, (80, 100, 3)), (0, 0), 3)
    result = sharpened(picture, part)
    for channel in range(3):
        low, high = picture[..., channel].min(), picture[..., channel].max()
        assert (
            low - 1e-3 <= result[..., channel].min() and result[..., channel].max() <= high + 1e-3
        )
    assert np.abs(np.diff(result, axis=1)).max() > 2 * np.abs(np.diff(picture, axis=1)).max()


def test_faint_spots_stay():
    """Steep ones become islands; a tenth of their contrast is no edge."""
    rng, part = np.random.default_rng(5), np.zeros((80, 80, 1), bool)
    part[10:70, 10:70] = True
    spots = cv2.GaussianBlur(rng.uniform(-600, 600, (80, 80, 1)), (0, 0), 4)[..., np.newaxis]
    changed = []
    for contrast in (1.0, 0.1):
        picture = (128 + contrast * np.repeat(spots, 3, -1)).astype(np.float32)
        result = edges.sharpened(tf.constant(picture), tf.constant(part), tf.constant(part))
        changed.append(np.abs(result - picture)[part[..., 0]].mean() / contrast)
    assert changed[0] > 3 and changed[1] < 0.1 * changed[0]


def test_the_rest_of_the_hole_has_no_influence(sharpened):
    rng = np.random.default_rng(3)
    picture = 130 + cv2.GaussianBlur(rng.uniform(-500, 500, (60, 70, 3)), (0, 0), 3)
    hole, part = np.zeros((2, 60, 70), bool)
    hole[10:50, 10:60] = True
    part[10:50, 30:60] = True
    with_black = picture.copy()
    with_black[hole & ~part] = 0
    result = sharpened(with_black, part, hole)
    np.testing.assert_allclose(result[part], sharpened(picture, part, hole)[part], atol=1e-4)
    assert np.abs(result - picture)[part].max() > 5
    np.testing.assert_array_equal(result[~part], with_black.astype(np.float32)[~part])


@pytest.mark.parametrize("height, width", [(1, 1), (1, 40), (40, 1), (3, 5), (50, 60)])
def test_any_size_and_parts_at_the_border(sharpened, height, width):
    picture = np.random.default_rng(2).uniform(0, 255, (height, width, 3)).astype(np.float32)
    for part in (np.ones((height, width), bool), np.zeros((height, width), bool)):
        result = sharpened(picture, part)
        assert result.shape == picture.shape and np.isfinite(result).all()
        if not part.any():
            np.testing.assert_array_equal(result, picture)
    corner = np.zeros((height, width), bool)
    corner[0, 0] = True
    result = sharpened(picture, corner)
    np.testing.assert_array_equal(result[~corner], picture[~corner])
