"""tfinpaint.metrics.quality against values worked out by hand and against scikit-image."""
import math

import numpy as np
import pytest
from skimage import metrics

from tfinpaint.metrics import quality


def flat(value, height=8, width=8):
    return np.full((height, width, 3), value, np.uint8)


def noise(seed, height=20, width=17):
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)


def square(height, width, top, left, side):
    hole = np.zeros((height, width), np.uint8)
    hole[top:top + side, left:left + side] = 255
    return hole


def test_psnr_of_black_and_white_is_zero_in_both_orders():
    assert quality.psnr(flat(0), flat(255)) == 0.0
    assert quality.psnr(flat(255), flat(0)) == 0.0  # bytes subtracted as bytes would give 1, not 255


def test_psnr_of_a_constant_error():
    # error 10 everywhere: mse 100, 10 log10(65025 / 100) = 28.1308036
    assert quality.psnr(flat(100), flat(110)) == pytest.approx(28.1308036, abs=1e-6)


def test_psnr_counts_every_channel():
    # error 30 in one of 12 values: mse 900 / 12 = 75, 10 log10(65025 / 75) = 29.3801910
    image = flat(50, 2, 2)
    other = image.copy()
    other[1, 0, 2] = 80
    assert quality.psnr(image, other) == pytest.approx(29.3801910, abs=1e-6)


def test_psnr_of_equal_images_is_infinite_without_a_warning(recwarn):
    assert quality.psnr(noise(0), noise(0)) == math.inf
    assert not recwarn.list


def test_psnr_is_scikit_images():
    ours, theirs = quality.psnr(noise(1), noise(2)), metrics.peak_signal_noise_ratio(noise(1), noise(2), data_range=255)
    assert ours == pytest.approx(theirs, rel=1e-12)


def test_psnr_in_hole_looks_at_the_hole_only():
    # In the hole (4 of 64 pixels) one channel is off by 60: mse 3600 / 3 = 1200, 10 log10(65025 / 1200) = 17.3389912
    image, other = flat(100), flat(100)
    hole = square(8, 8, 2, 3, 2)
    other[2:4, 3:5, 0] = 160
    assert quality.psnr_in_hole(other, image, hole) == pytest.approx(17.3389912, abs=1e-6)
    other[0] = 7  # known pixels do not count
    assert quality.psnr_in_hole(other, image, hole) == pytest.approx(17.3389912, abs=1e-6)


def test_psnr_in_hole_differs_from_psnr_by_the_holes_share():
    # The same error spread over 16 times the pixels: 10 log10(16) = 12.0411998 dB more
    image, other = flat(100), flat(100)
    hole = square(8, 8, 2, 3, 2)
    other[hole > 0] = 31
    assert quality.psnr(other, image) - quality.psnr_in_hole(other, image, hole) == pytest.approx(12.0411998, abs=1e-6)


@pytest.mark.parametrize("like", [lambda h: h, lambda h: h > 0, lambda h: (h // 255)[..., None], lambda h: h / 255.0])
def test_a_hole_is_whatever_is_not_zero(like):
    hole = square(20, 17, 3, 4, 6)
    expected = quality.psnr_in_hole(noise(1), noise(2), hole)
    assert quality.psnr_in_hole(noise(1), noise(2), like(hole)) == expected
    assert quality.l1_in_hole(noise(1), noise(2), like(hole)) == quality.l1_in_hole(noise(1), noise(2), hole)


def test_l1_by_hand():
    # |0 - 51| / 255 = 0.2 in one of 4 pixels, all channels: 0.05
    image, other = flat(0, 2, 2), flat(0, 2, 2)
    other[0, 1] = 51
    assert quality.l1(image, other) == pytest.approx(0.05, abs=1e-12)
    assert quality.l1(other, image) == pytest.approx(0.05, abs=1e-12)
    assert quality.l1_in_hole(other, image, np.array([[0, 1], [0, 0]])) == pytest.approx(0.2, abs=1e-12)
    assert quality.l1_in_hole(other, image, np.array([[0, 1], [1, 0]])) == pytest.approx(0.1, abs=1e-12)
    assert quality.l1(flat(0), flat(255)) == 1.0


def test_an_empty_hole_measures_nothing():
    hole = np.zeros((8, 8), np.uint8)
    assert math.isnan(quality.psnr_in_hole(flat(1), flat(2), hole))
    assert math.isnan(quality.l1_in_hole(flat(1), flat(2), hole))


def test_ssim_of_two_flat_images():
    # No variance: (2 ab + c1) / (a^2 + b^2 + c1), c1 = (.01 * 255)^2 = 6.5025; a 100, b 120: 24006.5025 / 24406.5025
    assert quality.ssim(flat(100), flat(120)) == pytest.approx(24006.5025 / 24406.5025, abs=1e-9)


def test_ssim_of_equal_images_is_one():
    assert quality.ssim(noise(3), noise(3)) == pytest.approx(1.0, abs=1e-12)


def test_ssim_is_the_mean_of_the_channels_of_scikit_image():
    a = noise(4)
    b = np.clip(a.astype(int) + np.random.RandomState(5).randint(-40, 41, a.shape), 0, 255).astype(np.uint8)
    channels = [metrics.structural_similarity(a[..., c], b[..., c], win_size=7, data_range=255) for c in range(3)]
    assert quality.ssim(a, b) == pytest.approx(np.mean(channels), abs=1e-12)
    assert 0 < quality.ssim(a, b) < 1


def test_ssim_of_one_window_by_hand():
    """A 7 x 7 image has one window, so SSIM is the formula itself (Wang et al. 2004) with sample variances."""
    a, b = noise(6, 7, 7).astype(np.float64), noise(7, 7, 7).astype(np.float64)
    c1, c2, values = (0.01 * 255) ** 2, (0.03 * 255) ** 2, []
    for c in range(3):
        x, y = a[..., c].ravel(), b[..., c].ravel()
        covariance = ((x - x.mean()) * (y - y.mean())).sum() / 48
        values.append((2 * x.mean() * y.mean() + c1) * (2 * covariance + c2)
                      / ((x.mean() ** 2 + y.mean() ** 2 + c1) * (x.var(ddof=1) + y.var(ddof=1) + c2)))
    assert quality.ssim(a.astype(np.uint8), b.astype(np.uint8)) == pytest.approx(np.mean(values), abs=1e-9)


@pytest.mark.parametrize("height,width", [(1, 1), (3, 20), (6, 6), (20, 2), (7, 5)])
def test_ssim_of_small_images(height, width):
    a, b = noise(8, height, width), noise(9, height, width)
    assert quality.ssim(a, a) == pytest.approx(1.0, abs=1e-12)
    assert -1 <= quality.ssim(a, b) < 1
    mirrored = [np.concatenate([i, i[::-1]], 0) for i in (a, b)]
    if height == 6:  # mirrored out to 7 rows and columns: the first 7 of the image followed by its mirror image
        mirrored = [np.concatenate([i, i[:, ::-1]], 1)[:7, :7] for i in mirrored]
        assert quality.ssim(a, b) == quality.ssim(*mirrored)


def test_measure_has_all_figures():
    a, b, hole = noise(1), noise(2), square(20, 17, 3, 4, 6)
    assert quality.measure(a, b, hole) == {
        "psnr": quality.psnr(a, b),
        "psnr_in_hole": quality.psnr_in_hole(a, b, hole),
        "ssim": quality.ssim(a, b),
        "l1": quality.l1(a, b),
        "l1_in_hole": quality.l1_in_hole(a, b, hole),
    }
    assert all(type(v) is float for v in quality.measure(a, b, hole).values())


def test_measure_does_not_change_its_inputs():
    a, b, hole = noise(1), noise(2), square(20, 17, 3, 4, 6)
    quality.measure(a, b, hole)
    np.testing.assert_array_equal(a, noise(1))
    np.testing.assert_array_equal(hole, square(20, 17, 3, 4, 6))


def test_average():
    nan, inf = math.nan, math.inf
    measured = [{"psnr": 10.0, "l1": 0.25, "ssim": nan, "psnr_in_hole": 3.0, "l1_in_hole": nan},
                {"psnr": 30.0, "l1": 0.75, "ssim": nan, "psnr_in_hole": inf, "l1_in_hole": 0.5}]
    means = quality.average(measured)
    assert means["psnr"] == 20.0 and means["l1"] == 0.5
    assert means["psnr_in_hole"] == inf
    assert means["l1_in_hole"] == 0.5  # only the second photograph has one
    assert math.isnan(means["ssim"])
    with pytest.raises(ValueError, match="at least one"):
        quality.average([])


@pytest.mark.parametrize("function", [quality.psnr, quality.ssim, quality.l1])
@pytest.mark.parametrize("other", [flat(1, 8, 9), flat(1).astype(np.float32), flat(1)[..., 0], flat(1)[..., :1]])
def test_other_shapes_and_dtypes_are_refused(function, other):
    with pytest.raises(ValueError, match="output"):
        function(other, flat(1))


def test_a_hole_of_another_size_is_refused():
    with pytest.raises(ValueError, match="hole"):
        quality.psnr_in_hole(flat(1), flat(2), np.zeros((8, 9)))
    with pytest.raises(ValueError, match="hole"):
        quality.l1_in_hole(flat(1), flat(2), np.zeros((8, 8, 3)))
