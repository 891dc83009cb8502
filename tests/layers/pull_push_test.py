"""The smooth first fill: the loops of its definition, and what a user would expect of it."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers.pull_push import pull_push


def naive_pull_push(image, hole, levels=9):
    """image [H, W, C], hole [H, W]: cell by cell, as the file describes it."""
    known = (1 - hole).astype(np.float64)
    pyramid = [(image * known[..., None], known)]
    for _ in range(levels):
        total, weight = pyramid[-1]
        h, w = ((side + 1) // 2 for side in weight.shape)
        coarse, share = np.zeros((h, w, image.shape[-1])), np.zeros((h, w))
        for y in range(h):
            for x in range(w):
                place = slice(2 * y, 2 * y + 2), slice(2 * x, 2 * x + 2)
                coarse[y, x], share[y, x] = total[place].mean((0, 1)), weight[place].mean()
                if share[y, x] > 0:
                    coarse[y, x] *= min(2 * share[y, x], 1) / share[y, x]
                    share[y, x] = min(2 * share[y, x], 1)
        pyramid.append((coarse, share))
    total, weight = pyramid.pop()
    filled = total / np.maximum(weight, 1e-6)[..., None]
    for total, weight in reversed(pyramid):
        h, w = weight.shape
        up = np.zeros((h, w, image.shape[-1]))
        for y in range(h):
            for x in range(w):
                for dy, a in zip((-1, 0, 1), (0.25, 0.5, 0.25)):
                    for dx, b in zip((-1, 0, 1), (0.25, 0.5, 0.25)):
                        yy, xx = min(max(y + dy, 0), h - 1), min(max(x + dx, 0), w - 1)  # mirrored, edge included
                        up[y, x] += a * b * filled[yy // 2, xx // 2]
        filled = total + (1 - weight)[..., None] * up
    return filled


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (2, 11, 14, 3)).astype(np.float32)
    holes = np.zeros((2, 11, 14, 1), np.float32)
    holes[0, 2:9, 3:12] = 1
    holes[1, :, 6:] = 1
    return images, holes


def test_equals_the_loops(batch):
    images, holes = batch
    for got, image, hole in zip(pull_push(*batch).numpy(), images, holes):
        np.testing.assert_allclose(got, naive_pull_push(image, hole[..., 0]), atol=1e-5)


def test_known_pixels_stay_and_what_lies_in_the_hole_counts_for_nothing(batch):
    images, holes = batch
    filled = pull_push(images, holes).numpy()
    np.testing.assert_array_equal(np.where(holes > 0, 0, filled), np.where(holes > 0, 0, images))
    np.testing.assert_array_equal(pull_push(np.where(holes > 0, 7, images).astype(np.float32), holes), filled)
    known = [image[hole[..., 0] == 0] for image, hole in zip(images, holes)]
    for fill, values in zip(filled, known):  # means of known values lie between them
        assert (fill >= values.min(0) - 1e-5).all() and (fill <= values.max(0) + 1e-5).all()


def test_one_colour_is_continued_exactly_and_no_known_pixel_gives_zero():
    colour = np.broadcast_to(np.float32([0.3, -0.7, 0.9]), (1, 40, 24, 3))
    hole = np.zeros((1, 40, 24, 1), np.float32)
    hole[:, 3:39, :20] = 1
    np.testing.assert_allclose(pull_push(colour, hole), colour, atol=1e-5)
    np.testing.assert_array_equal(pull_push(colour, np.ones_like(hole)), np.zeros_like(colour))


def test_graph_compiled_and_unknown_sizes_give_the_same(batch):
    expected = pull_push(*batch)
    for function in (tf.function(pull_push), tf.function(pull_push, jit_compile=True),
                     tf.function(pull_push, input_signature=[tf.TensorSpec([None, None, None, c]) for c in (3, 1)])):
        np.testing.assert_allclose(function(*map(tf.constant, batch)), expected, atol=1e-6)
