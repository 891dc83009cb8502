"""The smooth first fill against loops of its definition, and what a user would expect of it."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.systems.residual.smooth_fill import coarsest, pull, push


def smooth_fill(images, holes):
    """All levels pushed down: four turns of relaxation on the two finest, eight on the others."""
    levels = pull(images, holes)
    filled = coarsest(levels)
    for k in reversed(range(len(levels) - 1)):
        filled = push(filled, *levels[k], 4 if k < 2 else 8)
    return filled


def naive_fill(image, hole, levels=9):
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
    for level, (total, weight) in reversed(list(enumerate(pyramid))):
        h, w = weight.shape
        above = filled.repeat(2, 0).repeat(2, 1)[:h, :w]
        filled = total + (1 - weight)[..., None] * above
        for _ in range(4 if level < 2 else 8):
            means = [
                [
                    filled[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].mean((0, 1))
                    for x in range(w)
                ]
                for y in range(h)
            ]
            filled = total + (1 - weight)[..., None] * np.array(means)
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
    for got, image, hole in zip(smooth_fill(*batch).numpy(), images, holes):
        np.testing.assert_allclose(got, naive_fill(image, hole[..., 0]), atol=1e-5)


def test_known_pixels_stay_and_what_lies_in_the_hole_counts_for_nothing(batch):
    images, holes = batch
    filled = smooth_fill(images, holes).numpy()
    np.testing.assert_array_equal(np.where(holes > 0, 0, filled), np.where(holes > 0, 0, images))
    np.testing.assert_array_equal(
        smooth_fill(np.where(holes > 0, 7, images).astype(np.float32), holes), filled
    )
    known = [image[hole[..., 0] == 0] for image, hole in zip(images, holes)]
    for fill, values in zip(filled, known):  # means of known values lie between them
        assert (fill >= values.min(0) - 1e-5).all() and (fill <= values.max(0) + 1e-5).all()


def test_one_colour_is_continued_exactly_and_no_known_pixel_gives_zero():
    colour = np.broadcast_to(np.float32([0.3, -0.7, 0.9]), (1, 40, 24, 3))
    hole = np.zeros((1, 40, 24, 1), np.float32)
    hole[:, 3:39, :20] = 1
    np.testing.assert_allclose(smooth_fill(colour, hole), colour, atol=1e-5)
    np.testing.assert_array_equal(smooth_fill(colour, np.ones_like(hole)), np.zeros_like(colour))


@pytest.mark.slow
def test_graph_compiled_and_unknown_sizes_give_the_same(batch):
    expected = smooth_fill(*batch)
    for function in (
        tf.function(smooth_fill),
        tf.function(smooth_fill, jit_compile=True),
        tf.function(
            smooth_fill, input_signature=[tf.TensorSpec([None, None, None, c]) for c in (3, 1)]
        ),
    ):
        np.testing.assert_allclose(function(*map(tf.constant, batch)), expected, atol=1e-6)


def test_is_near_the_membrane():
    """A slope solves Laplace's equation, so it continues through a hole."""
    slope = np.broadcast_to(
        np.linspace(-1, 1, 64, dtype=np.float32)[None, None, :, None], (1, 64, 64, 1)
    )
    hole = np.zeros((1, 64, 64, 1), np.float32)
    hole[:, 16:48, 16:48] = 1
    assert np.abs(smooth_fill(slope, hole) - slope).max() < 0.05
    assert np.abs(smooth_fill(slope, hole) - slope)[hole > 0].mean() < 0.02
