"""The shares of fill, guide and texture: those of a plain sum; no texture where it is wrong, and
the guide alone where it repeats the photograph."""

import numpy as np
import tensorflow as tf

from tfinpaint.painting import detail
from tfinpaint.painting.detail import trust


def _smoothed(x):
    """Means over 5 x 5 pixels, taken twice, pixel by pixel."""
    height, width = x.shape
    for _ in range(2):
        x = np.array(
            [
                [x[max(i - 2, 0) : i + 3, max(j - 2, 0) : j + 3].mean() for j in range(width)]
                for i in range(height)
            ]
        )
    return x


def test_texture_gives_way_to_the_guide_where_they_are_apart_and_both_to_a_certain_fill():
    rng = np.random.default_rng(8)
    fill, guide = rng.uniform(0, 255, (2, 24, 31, 3)).astype(np.float32)
    texture = guide + np.linspace(-90, 120, 31)[:, np.newaxis] * rng.uniform(0, 1, guide.shape)
    contrast = rng.uniform(0, 30, (24, 31, 1))
    certain = rng.choice([0.0, 0.3, 1.0], contrast.shape)
    repeats = rng.choice([0.0, 0.4, 1.0], contrast.shape)
    given = (fill, guide, texture, contrast, certain, repeats)
    mixed = trust.mixed(*(tf.constant(x, tf.float32) for x in given)).numpy()
    apart = np.max([np.abs(_smoothed((texture - guide)[..., k])) for k in range(3)], 0)
    wrong = np.clip((_smoothed(apart) - 0.45 * contrast[..., 0]) / 50, 0, 1)[..., np.newaxis]
    assert wrong.min() == 0 and wrong.max() == 1
    share = 1 - (1 - 0.2 * (1 - repeats)) * (1 - certain)
    guided = np.maximum(wrong, repeats)
    expected = share * fill + (1 - share) * (guided * guide + (1 - guided) * texture)
    np.testing.assert_allclose(mixed, expected, atol=1e-3)
    sure = (repeats == 1) & (certain == 0)
    np.testing.assert_allclose(mixed[sure[..., 0]], guide[sure[..., 0]], atol=1e-3)


def test_a_fifth_of_the_guide_is_in_fine_texture_and_all_of_it_where_a_thing_does_not_belong():
    guide = np.full((60, 60, 3), 120.0, np.float32)
    fine = np.where(np.indices((60, 60)).sum(0)[..., np.newaxis] % 2, 80.0, 160.0)
    ledge = guide.copy()
    ledge[20:40] = 230
    for texture, contrast, share in ((fine, 0.0, 0.2), (ledge, 50.0, 1.0), (ledge, 245.0, 0.2)):
        mixed = trust.mixed(
            tf.constant(guide),
            tf.constant(guide),
            tf.constant(texture, tf.float32),
            tf.fill([60, 60, 1], contrast),
            *[tf.zeros([60, 60, 1])] * 2,
        ).numpy()
        expected = texture + share * (guide - texture)
        np.testing.assert_allclose(mixed[26:34, 10:50], expected[26:34, 10:50], atol=0.1)


def test_contrast_is_expected_where_known_places_of_that_colour_have_it():
    """Stripes on the left, a plain ground of another colour on the right, a hole in each."""
    picture = np.full((96, 192, 3), 200.0, np.float32)
    picture[:, :96] = np.where(np.arange(96) // 8 % 2, 20.0, 120.0)[:, np.newaxis]
    hole = np.zeros((96, 192, 1), bool)
    for left, colour in ((30, 70.0), (140, 200.0)):
        hole[30:60, left : left + 30] = True
        picture[30:60, left : left + 30] = colour
    contrast = detail.contrast(tf.constant(picture), tf.constant(hole)).numpy()
    assert contrast.shape == (96, 192, 1)
    # The stripes are smoothed by 5 pixels twice, so half of their 50 levels is left.
    assert contrast[40:50, 40:50].min() > 20 and contrast[40:50, 150:160].max() < 8
