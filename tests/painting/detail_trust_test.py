"""The shares of fill, guide and texture: those of a plain sum, in each band of frequencies; no
texture where it is wrong, and the guide alone where it repeats the photograph."""

import numpy as np
import tensorflow as tf

from tfinpaint.painting import detail
from tfinpaint.painting.detail import trust


def _smoothed(x, side=5):
    """Means over squares of this side, taken twice, pixel by pixel."""
    reach = side // 2
    for _ in range(2):
        x = np.array(
            [
                [
                    x[max(i - reach, 0) : i + reach + 1, max(j - reach, 0) : j + reach + 1].mean()
                    for j in range(x.shape[1])
                ]
                for i in range(len(x))
            ]
        )
    return x


def _channels(smoothed, x):
    return np.stack([smoothed(x[..., k]) for k in range(3)], -1)


def _across(small, size):
    """The matrix that enlarges `small` pixels to `size` by linear interpolation, [size, small]."""
    at = np.clip((np.arange(size) + 0.5) * small / size - 0.5, 0, small - 1)
    return np.maximum(1 - np.abs(at[:, np.newaxis] - np.arange(small)), 0)


def _mixed(fill, guide, texture, contrast, certain, repeats, lowest):
    """trust.mixed in NumPy. lowest: the function for the lowest frequencies of [h, w]."""
    apart = np.max(np.abs(_channels(_smoothed, texture - guide)), -1)
    wrong = np.clip((_smoothed(apart) - 0.45 * contrast[..., 0]) / 50, 0, 1)[..., np.newaxis]
    guided = np.maximum(wrong, repeats)
    trusted = guided * guide + (1 - guided) * texture
    finest = trusted - fill - _channels(lambda x: _smoothed(x, 3), trusted - fill)
    low = _channels(lowest, trusted - (fill + guide) / 2)
    most = trusted - (1 - repeats) * (0.15 * finest + low)
    return certain * fill + (1 - certain) * most, wrong


def test_texture_gives_way_to_the_guide_where_they_are_apart_and_both_to_a_certain_fill():
    rng = np.random.default_rng(8)
    fill, guide = rng.uniform(0, 255, (2, 24, 31, 3)).astype(np.float32)
    texture = guide + np.linspace(-90, 120, 31)[:, np.newaxis] * rng.uniform(0, 1, guide.shape)
    contrast = rng.uniform(0, 30, (24, 31, 1))
    certain = rng.choice([0.0, 0.3, 1.0], contrast.shape)
    repeats = rng.choice([0.0, 0.4, 1.0], contrast.shape)
    given = (fill, guide, texture, contrast, certain, repeats)
    mixed = trust.mixed(*(tf.constant(x, tf.float32) for x in given)).numpy()
    expected, wrong = _mixed(*given, lowest=_smoothed)  # a picture below 192 pixels stays whole
    assert wrong.min() == 0 and wrong.max() == 1
    np.testing.assert_allclose(mixed, expected, atol=1e-3)
    sure = (repeats == 1) & (certain == 0)
    np.testing.assert_allclose(mixed[sure[..., 0]], guide[sure[..., 0]], atol=1e-3)


def test_the_lowest_frequencies_are_those_of_the_picture_at_192_pixels():
    rng = np.random.default_rng(9)
    fill, texture = rng.uniform(0, 255, (2, 40, 384, 3)).astype(np.float32)
    nothing = np.zeros((40, 384, 1), np.float32)
    given = (fill, texture, texture, nothing, nothing, nothing)
    mixed = trust.mixed(*(tf.constant(x) for x in given)).numpy()

    def lowest(x):
        small = _smoothed(x.reshape(20, 2, 192, 2).mean((1, 3)))
        return _across(20, 40) @ small @ _across(192, 384).T

    expected, _ = _mixed(*given, lowest=lowest)
    np.testing.assert_allclose(mixed, expected, atol=2e-3)


def test_contrast_is_kept_and_colours_are_mixed():
    """Stripes keep their contrast of 40 levels.

    Their mean becomes that of fill and guide.
    """
    fill = np.full((64, 768, 3), 120.0, np.float32)
    guide = fill + 20
    texture = np.where(np.arange(768) // 6 % 2, 130.0, 170.0)[:, np.newaxis] + np.zeros_like(fill)
    nothing = tf.zeros([64, 768, 1])
    known = tf.fill([64, 768, 1], 1e3)  # so high a contrast that nothing is wrong
    mixed = trust.mixed(
        *(tf.constant(x, tf.float32) for x in (fill, guide, texture)), known, nothing, nothing
    ).numpy()[16:48, 96:672]
    np.testing.assert_allclose(mixed.mean(), 130, atol=0.5)
    middles = mixed[:, 2::6].mean((0, 2)), mixed[:, 3::6].mean((0, 2))
    for each in middles:
        assert each[::2].mean() - each[1::2].mean() > 0.95 * 40


def test_the_guide_takes_the_place_of_stripes_where_none_are_known():
    guide = np.full((64, 768, 3), 120.0, np.float32)
    stripes = np.where(np.arange(768) // 12 % 2, 20.0, 220.0)[:, np.newaxis] + np.zeros_like(guide)
    for contrast, least, most in ((50.0, 0.0, 0.5), (245.0, 180.0, 205.0)):
        mixed = trust.mixed(
            tf.constant(guide),
            tf.constant(guide),
            tf.constant(stripes, tf.float32),
            tf.fill([64, 768, 1], contrast),
            *[tf.zeros([64, 768, 1])] * 2,
        ).numpy()[16:48, 96:672]
        bright, dark = mixed[:, 6::24].mean(), mixed[:, 18::24].mean()
        assert least <= abs(bright - dark) <= most


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
