"""tfinpaint.metrics.quality against values worked out by hand and against scikit-image."""

import math

import numpy as np
import pytest
from skimage import color, metrics

from tfinpaint.metrics import quality
from tfinpaint.metrics.quality import Measure


def one(kind, output, original, hole=None, **options):
    """One figure of one photograph."""
    hole = np.zeros(original.shape[:2]) if hole is None else np.asarray(hole)
    return float(
        quality.measure(output[None], original[None], hole[None], [Measure("it", kind, **options)])[
            "it"
        ][0]
    )


def psnr(output, original):
    return one("psnr", output, original)


def psnr_in_hole(output, original, hole):
    return one("psnr", output, original, hole, region="hole")


def ssim(output, original):
    return one("ssim", output, original)


def l1(output, original):
    return one("l1", output, original)


def l1_in_hole(output, original, hole):
    return one("l1", output, original, hole, region="hole")


def flat(value, height=8, width=8):
    return np.full((height, width, 3), value, np.uint8)


def noise(seed, height=20, width=17):
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)


def square(height, width, top, left, side):
    hole = np.zeros((height, width), np.uint8)
    hole[top : top + side, left : left + side] = 255
    return hole


def test_psnr_of_black_and_white_is_zero_in_both_orders():
    assert psnr(flat(0), flat(255)) == 0.0
    assert psnr(flat(255), flat(0)) == 0.0  # subtracting as uint8 would give 1, not 255


def test_psnr_of_a_constant_error():
    # Error 10 everywhere: mse 100, 10 log10(65025 / 100) = 28.1308036
    assert psnr(flat(100), flat(110)) == pytest.approx(28.1308036, abs=1e-6)


def test_psnr_counts_every_channel():
    # Error 30 in one of 12 values: mse 900 / 12 = 75, 10 log10(65025 / 75) = 29.3801910
    image = flat(50, 2, 2)
    other = image.copy()
    other[1, 0, 2] = 80
    assert psnr(image, other) == pytest.approx(29.3801910, abs=1e-6)


def test_psnr_of_equal_images_is_infinite_without_a_warning(recwarn):
    assert psnr(noise(0), noise(0)) == math.inf
    assert not recwarn.list


def test_psnr_is_scikit_images():
    ours, theirs = (
        psnr(noise(1), noise(2)),
        metrics.peak_signal_noise_ratio(noise(1), noise(2), data_range=255),
    )
    assert ours == pytest.approx(theirs, rel=1e-12)


def test_psnr_in_hole_looks_at_the_hole_only():
    # In the hole (4 of 64 pixels) one channel is off by 60: mse 3600 / 3 = 1200,
    # 10 log10(65025 / 1200) = 17.3389912
    image, other = flat(100), flat(100)
    hole = square(8, 8, 2, 3, 2)
    other[2:4, 3:5, 0] = 160
    assert psnr_in_hole(other, image, hole) == pytest.approx(17.3389912, abs=1e-6)
    other[0] = 7  # known pixels do not count
    assert psnr_in_hole(other, image, hole) == pytest.approx(17.3389912, abs=1e-6)


def test_psnr_in_hole_differs_from_psnr_by_the_holes_share():
    # The same error is spread over 16 times the pixels: 10 log10(16) = 12.0411998 dB more
    image, other = flat(100), flat(100)
    hole = square(8, 8, 2, 3, 2)
    other[hole > 0] = 31
    assert psnr(other, image) - psnr_in_hole(other, image, hole) == pytest.approx(
        12.0411998, abs=1e-6
    )


@pytest.mark.parametrize(
    "like", [lambda h: h, lambda h: h > 0, lambda h: (h // 255)[..., None], lambda h: h / 255.0]
)
def test_a_hole_is_whatever_is_not_zero(like):
    hole = square(20, 17, 3, 4, 6)
    expected = psnr_in_hole(noise(1), noise(2), hole)
    assert psnr_in_hole(noise(1), noise(2), like(hole)) == expected
    assert l1_in_hole(noise(1), noise(2), like(hole)) == l1_in_hole(noise(1), noise(2), hole)


def test_l1_by_hand():
    # |0 - 51| / 255 = 0.2 in one of 4 pixels, all channels: 0.05
    image, other = flat(0, 2, 2), flat(0, 2, 2)
    other[0, 1] = 51
    assert l1(image, other) == pytest.approx(0.05, abs=1e-12)
    assert l1(other, image) == pytest.approx(0.05, abs=1e-12)
    assert l1_in_hole(other, image, np.array([[0, 1], [0, 0]])) == pytest.approx(0.2, abs=1e-12)
    assert l1_in_hole(other, image, np.array([[0, 1], [1, 0]])) == pytest.approx(0.1, abs=1e-12)
    assert l1(flat(0), flat(255)) == pytest.approx(1.0, abs=1e-12)


def test_an_empty_hole_measures_nothing():
    hole = np.zeros((8, 8), np.uint8)
    assert math.isnan(psnr_in_hole(flat(1), flat(2), hole))
    assert math.isnan(l1_in_hole(flat(1), flat(2), hole))


def test_ssim_of_two_flat_images():
    # Without variance: (2 ab + c1) / (a^2 + b^2 + c1), c1 = (.01 * 255)^2 = 6.5025.
    # a = 100, b = 120: 24006.5025 / 24406.5025
    assert ssim(flat(100), flat(120)) == pytest.approx(24006.5025 / 24406.5025, abs=1e-9)


def test_ssim_of_equal_images_is_one():
    assert ssim(noise(3), noise(3)) == pytest.approx(1.0, abs=1e-12)


def test_ssim_is_the_mean_of_the_channels_of_scikit_image():
    a = noise(4)
    b = np.clip(a.astype(int) + np.random.RandomState(5).randint(-40, 41, a.shape), 0, 255).astype(
        np.uint8
    )
    channels = [
        metrics.structural_similarity(a[..., c], b[..., c], win_size=7, data_range=255)
        for c in range(3)
    ]
    assert ssim(a, b) == pytest.approx(np.mean(channels), abs=1e-12)
    assert 0 < ssim(a, b) < 1


def test_ssim_of_one_window_by_hand():
    """A 7 x 7 image has one window, so SSIM is the formula itself, with sample variances.

    Source: Wang et al. 2004.
    """
    a, b = noise(6, 7, 7).astype(np.float64), noise(7, 7, 7).astype(np.float64)
    c1, c2, values = (0.01 * 255) ** 2, (0.03 * 255) ** 2, []
    for c in range(3):
        x, y = a[..., c].ravel(), b[..., c].ravel()
        covariance = ((x - x.mean()) * (y - y.mean())).sum() / 48
        values.append(
            (2 * x.mean() * y.mean() + c1)
            * (2 * covariance + c2)
            / ((x.mean() ** 2 + y.mean() ** 2 + c1) * (x.var(ddof=1) + y.var(ddof=1) + c2))
        )
    assert ssim(a.astype(np.uint8), b.astype(np.uint8)) == pytest.approx(np.mean(values), abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("height,width", [(1, 1), (3, 20), (6, 6), (20, 2), (7, 5)])
def test_ssim_of_small_images(height, width):
    a, b = noise(8, height, width), noise(9, height, width)
    assert ssim(a, a) == pytest.approx(1.0, abs=1e-12)
    assert -1 <= ssim(a, b) < 1
    # Mirrored out to 7 rows and columns, edge included, as often as needed.
    after = [(0, max(0, 7 - side)) for side in (height, width)] + [(0, 0)]
    assert ssim(a, b) == ssim(*(np.pad(i, after, "symmetric") for i in (a, b)))


def test_a_batch_is_measured_one_by_one():
    a, b = (np.stack([noise(seed + k) for k in range(3)]) for seed in (1, 11))
    holes = np.stack([square(20, 17, 3, 4, 6), square(20, 17, 0, 0, 20), square(20, 17, 19, 16, 1)])
    together = quality.measure(a, b, holes)
    assert list(together) == [
        "psnr",
        "ssim",
        "l1",
        "l2",
        "psnr_in_hole",
        "ssim_in_hole",
        "l1_in_hole",
        "l2_in_hole",
    ]
    for k in range(3):
        for name, values in quality.measure(a[k : k + 1], b[k : k + 1], holes[k : k + 1]).items():
            assert values[0] == pytest.approx(together[name][k], rel=1e-12), name


def test_measure_does_not_change_its_inputs():
    a, b, hole = noise(1)[None], noise(2)[None], square(20, 17, 3, 4, 6)[None]
    quality.measure(a, b, hole)
    np.testing.assert_array_equal(a[0], noise(1))
    np.testing.assert_array_equal(hole[0], square(20, 17, 3, 4, 6))


def test_averages():
    nan, inf = math.nan, math.inf
    means = quality.averages(
        {
            "psnr": [10.0, 30.0],
            "l1": [0.25, 0.75],
            "ssim": [nan, nan],
            "psnr_in_hole": [3.0, inf],
            "l1_in_hole": [nan, 0.5],
        }
    )
    assert means["psnr"] == 20.0 and means["l1"] == 0.5
    assert means["psnr_in_hole"] == inf
    assert means["l1_in_hole"] == 0.5  # only the second photograph has one
    assert math.isnan(means["ssim"])


# -------------------------------------------------------------------- each definition of the papers


def near(seed, height=60, width=70):
    """A picture, and another that is similar to it."""
    a = (noise(seed, height, width) // 2 + 60).astype(np.uint8)
    return (
        a,
        np.clip(a + np.random.RandomState(seed + 50).normal(0, 25, a.shape), 0, 255).astype(
            np.uint8
        ),
    )


def test_psnr_of_grey_is_scikit_images():
    a, b = near(0)
    expected = metrics.peak_signal_noise_ratio(color.rgb2gray(b), color.rgb2gray(a), data_range=1)
    assert one("psnr", a, b, colour="grey") == pytest.approx(expected, abs=1e-4)
    assert one("psnr", a, b, colour="grey_bgr") == pytest.approx(
        metrics.peak_signal_noise_ratio(
            color.rgb2gray(b[..., ::-1]), color.rgb2gray(a[..., ::-1]), data_range=1
        ),
        abs=1e-4,
    )


@pytest.mark.parametrize("window", ["7", "51"])
@pytest.mark.parametrize("colour", ["rgb", "grey", "grey_bgr"])
def test_ssim_with_uniform_windows_is_scikit_images(window, colour):
    a, b = near(1)
    if colour == "rgb":
        expected = metrics.structural_similarity(
            a, b, win_size=int(window), channel_axis=-1, data_range=255
        )
    else:
        x, y = (color.rgb2gray(i if colour == "grey" else i[..., ::-1]) for i in (a, b))
        expected = metrics.structural_similarity(x, y, win_size=int(window), data_range=1)
    assert one("ssim", a, b, window=window, colour=colour) == pytest.approx(expected, abs=1e-4)


def test_ssim_with_the_gaussian_window_is_scikit_images():
    a, b = near(2)
    expected = metrics.structural_similarity(
        a,
        b,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=-1,
        data_range=255,
    )
    assert one("ssim", a, b, window="gauss11") == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("window", ["7", "gauss11"])
def test_ssim_in_the_hole_is_the_mean_of_scikit_images_map_there(window):
    a, b = near(3)
    hole = square(60, 70, 0, 40, 30)  # at two borders, where the map is of the mirrored picture
    options = (
        {"win_size": 7}
        if window == "7"
        else {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    )
    _, full = metrics.structural_similarity(
        a, b, channel_axis=-1, data_range=255, full=True, **options
    )
    assert one("ssim", a, b, hole, region="hole", window=window) == pytest.approx(
        full[hole > 0].mean(), abs=1e-4
    )


def test_errors_by_hand():
    # One of four pixels is 51 instead of 0; the others are 102 in both. Sums are over red, green
    # and blue.
    original = flat(102, 2, 2)
    original[0, 1] = 0
    output = original.copy()
    output[0, 1] = 51
    hole = np.array([[0, 1], [1, 0]])
    assert one("l2", output, original) == pytest.approx(0.2**2 / 4, abs=1e-12)
    assert one("l2", output, original, hole, region="hole") == pytest.approx(0.2**2 / 2, abs=1e-12)
    assert one("l1_of_sum", output, original) == pytest.approx(51 / (3 * 204 + 51), abs=1e-12)
    assert one("l1_relative", output, original) == pytest.approx(51 / (3 * 102), abs=1e-12)
    assert one("l2_relative", output, original) == pytest.approx(51**2 / (3 * 102**2), abs=1e-12)
    for kind in ("l1_relative", "l2_relative"):  # nothing is relative to black, exact or not
        assert np.isnan([one(kind, fill, flat(0, 2, 2)) for fill in (output, flat(0, 2, 2))]).all()
    # Differences of neighbours in the output: 51 and 0 across, 0 and 51 down.
    assert one("variation", output, original) == pytest.approx((25.5 + 25.5) / 255, abs=1e-12)


def test_l1_of_grey_with_exchanged_weights_by_hand():
    original, output = flat(100, 2, 2), flat(100, 2, 2)
    output[0, 0, 0] = 200  # red, which has the weight of blue in BGR order
    assert one("l1_of_sum", output, original, colour="grey_bgr") == pytest.approx(
        0.0721 * 100 / (8 * 100 + 7.21), abs=1e-12
    )
    assert one("l1_of_sum", output, original, colour="grey") == pytest.approx(
        0.2125 * 100 / (8 * 100 + 21.25), abs=1e-12
    )


@pytest.mark.parametrize("arguments, words", [
    ({"kind": "mse"}, "`kind` of the measure 'a' is one of psnr, .*, variation. Got 'mse'"),
    ({"kind": "psnr", "colour": "gray"}, "`colour` .* is one of rgb, grey, grey_bgr. Got 'gray'"),
    ({"kind": "psnr", "region": "holes"}, "`region` .* is one of whole, hole. Got 'holes'"),
    ({"kind": "ssim", "window": 7}, "`window` .* is one of 7, 51, gauss11. Got 7"),
    ({"kind": "variation", "region": "hole"}, "`region` .* is one of whole. Got 'hole'"),
])  # fmt: skip
def test_a_measure_that_there_is_not_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Measure("a", **arguments)


def test_a_definition_says_all_that_papers_differ_in():
    text = Measure("ssim", "ssim", "hole", "grey", "51").definition
    assert all(word in text for word in ("51 x 51", "0-255", "grey", "hole"))
    assert "whole picture" in Measure("psnr", "psnr").definition


@pytest.mark.parametrize("function", [psnr, ssim, l1])
@pytest.mark.parametrize(
    "other", [flat(1, 8, 9), flat(1).astype(np.float32), flat(1)[..., 0], flat(1)[..., :1]]
)
def test_other_shapes_and_dtypes_are_refused(function, other):
    with pytest.raises(ValueError, match="outputs"):
        function(other, flat(1))


def test_a_hole_of_another_size_is_refused():
    with pytest.raises(ValueError, match="hole"):
        psnr_in_hole(flat(1), flat(2), np.zeros((8, 9)))
    with pytest.raises(ValueError, match="hole"):
        l1_in_hole(flat(1), flat(2), np.zeros((8, 8, 3)))
