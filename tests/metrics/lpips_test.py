"""tfinpaint.metrics.lpips against the released package's figures and NumPy loops in float64."""

import hashlib
import math

import numpy as np
import pytest
import shared
from PIL import Image

from tfinpaint.metrics.lpips import Lpips
from tfinpaint.networks.lpips_features import CHANNELS, LEAST, SHAPES
from tfinpaint.settings import SettingsError

FOLDER = shared.SHARED / "weights" / "lpips"
FILES = {
    "alex": FOLDER / "alexnet_torchvision_features_plus_lpips_v0.1_lin.npz",
    "squeeze": FOLDER / "squeezenet1_1_torchvision_features_plus_lpips_v0.1_lin.npz",
}


def made_arrays(network):
    rs = np.random.RandomState(5)
    arrays = {
        name: rs.normal(0, np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.2, shape)
        for name, shape in SHAPES[network].items()
    }
    arrays.update(
        {f"lin{k}": rs.uniform(0, 2, channels) for k, channels in enumerate(CHANNELS[network])}
    )
    return {name: array.astype(np.float32) for name, array in arrays.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """For each network, its file of random arrays and the metric that reads it."""
    paths = {network: tmp_path_factory.mktemp("lpips") / f"{network}.npz" for network in SHAPES}
    for network, path in paths.items():
        np.savez(path, **made_arrays(network))
    return {network: (path, Lpips(str(path))) for network, path in paths.items()}


def photos(count, height, width, seed=0):
    """Two sets of photographs, uint8, of different contrast."""
    rs = np.random.RandomState(seed)
    return (
        rs.randint(0, 256, (count, height, width, 3)).astype(np.uint8),
        rs.randint(60, 160, (count, height, width, 3)).astype(np.uint8),
    )


# --------------------------------------------------------------------------- the networks, in loops


def convolve(x, arrays, name, stride=1, padding=0):
    kernel = arrays[f"{name}_kernel"].astype(np.float64)
    k = len(kernel)
    padded = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    output = np.zeros([(side - k) // stride + 1 for side in padded.shape[:2]] + [kernel.shape[-1]])
    for i, j in np.ndindex(output.shape[:2]):
        window = padded[i * stride : i * stride + k, j * stride : j * stride + k]
        output[i, j] = np.einsum("uvc,uvcf->f", window, kernel) + arrays[f"{name}_bias"]
    return np.maximum(output, 0)


def pool(x, rounded):
    """The largest value of each 3 x 3 window, at stride 2.

    If `rounded` rounds up, there may be one more window, which is cut off at the edge.
    """
    output = np.zeros([rounded((side - 3) / 2) + 1 for side in x.shape[:2]] + [x.shape[2]])
    for i, j in np.ndindex(output.shape[:2]):
        output[i, j] = x[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max(axis=(0, 1))
    return output


def naive_alex(x, arrays):
    first = convolve(x, arrays, "conv1", 4, 2)
    second = convolve(pool(first, math.floor), arrays, "conv2", 1, 2)
    third = convolve(pool(second, math.floor), arrays, "conv3", 1, 1)
    fourth = convolve(third, arrays, "conv4", 1, 1)
    return [first, second, third, fourth, convolve(fourth, arrays, "conv5", 1, 1)]


def naive_squeeze(x, arrays):
    x = convolve(x, arrays, "conv1", 2)
    maps = [x]
    for k in range(2, 10):
        if k in (2, 4, 6):
            x = pool(x, math.ceil)
        squeezed = convolve(x, arrays, f"fire{k}_squeeze1x1")
        x = np.concatenate(
            [
                convolve(squeezed, arrays, f"fire{k}_expand1x1"),
                convolve(squeezed, arrays, f"fire{k}_expand3x3", 1, 1),
            ],
            2,
        )
        if k not in (2, 4):
            maps.append(x)
    return maps


def naive_lpips(network, arrays, output, original):
    """Equation (1) for one pair of photographs."""

    def maps(image):
        # torchvision's normalisation of [0, 1]. LPIPS rounds it: 2 x 0.485 - 1 = -0.030,
        # 2 x 0.229 = 0.458, ...
        normalised = (image / 255.0 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        return (naive_alex if network == "alex" else naive_squeeze)(normalised, arrays)

    total = 0.0
    for k, (y, y0) in enumerate(zip(maps(output), maps(original))):
        for i, j in np.ndindex(y.shape[:2]):
            a, b = (v / (np.sqrt((v**2).sum()) + 1e-10) for v in (y[i, j], y0[i, j]))
            total += (arrays[f"lin{k}"] * (a - b) ** 2).sum() / (y.shape[0] * y.shape[1])
    return total


# 31 and 17 are the least sides. With 47 x 36, each pool of either network meets even and odd sides.
@pytest.mark.parametrize(
    "network, sizes",
    [
        ("alex", [(31, 31), (47, 36)]),
        pytest.param("squeeze", [(17, 17), (47, 36), (30, 33)], marks=pytest.mark.slow),
    ],
)
def test_equals_loops(network, sizes, made):
    arrays = made_arrays(network)
    for size in sizes:
        outputs, originals = photos(1, *size)
        expected = naive_lpips(network, arrays, outputs[0], originals[0])
        assert expected > 0.02
        np.testing.assert_allclose(
            made[network][1](outputs, originals), [expected], rtol=1e-5, err_msg=str(size)
        )


# ----------------------------------------------------------------------------- the released figures


@shared.needs_shared
@pytest.mark.parametrize(
    "network, expected", [("alex", (0.7218807, 0.1375656)), ("squeeze", (0.7110476, 0.1479016))]
)
def test_figures_of_the_released_package(network, expected):
    """The package's documentation prints 0.722 and 0.138.

    The further digits, and the figures of SqueezeNet, are those of its version 0.1.4.
    """
    reference, *others = (
        np.asarray(Image.open(FOLDER / f"ex_{name}.png").convert("RGB"))
        for name in ("ref", "p0", "p1")
    )
    lpips = Lpips(str(FILES[network]))
    assert lpips.network == network
    np.testing.assert_allclose(
        lpips(np.stack(others), np.stack([reference] * 2)), expected, atol=1e-5
    )


# ---------------------------------------------------------------------------------------- the class


@pytest.mark.parametrize("network", SHAPES)
def test_a_batch_is_its_photographs_one_by_one(network, made):
    lpips = made[network][1]
    outputs, originals = photos(3, 40, 45)
    originals[2] = outputs[2]
    together = lpips(outputs, originals)
    assert together.shape == (3,) and together.dtype == np.float32
    singles = [lpips(outputs[k : k + 1], originals[k : k + 1])[0] for k in range(3)]
    np.testing.assert_allclose(together, singles, rtol=1e-5)
    assert together[2] == 0 and together[0] > 0 and abs(together[0] - together[1]) > 1e-5
    np.testing.assert_allclose(lpips(originals, outputs), together, rtol=1e-5)


@pytest.mark.parametrize("network", SHAPES)
def test_flat_and_black_photographs_give_finite_figures(network, made):
    flat = np.stack([np.zeros((40, 40, 3), np.uint8), np.full((40, 40, 3), 255, np.uint8)])
    figures = made[network][1](flat, flat[::-1])
    assert np.isfinite(figures).all() and (figures > 0).all()


@pytest.mark.parametrize("network", SHAPES)
def test_the_least_size_is_said(network, made):
    lpips, least = made[network][1], LEAST[network]
    assert np.isfinite(lpips(*photos(1, least, least))).all()
    for size in ((least - 1, 60), (60, least - 1)):
        with pytest.raises(ValueError, match=f"at least {least} x {least} pixels"):
            lpips(*photos(1, *size))


def test_other_shapes_and_dtypes_are_refused(made):
    outputs, originals = photos(1, 40, 40)
    for pair in (
        (outputs.astype(np.float32), originals),
        (outputs, originals[0]),
        (outputs, originals[:, 1:]),
        (outputs[..., :1],) * 2,
        (outputs[:0],) * 2,
        (outputs.tolist(), originals),
    ):
        with pytest.raises(ValueError, match="outputs|originals"):
            made["alex"][1](*pair)


def test_the_fingerprint_is_the_files(made):
    for network, (path, lpips) in made.items():
        assert lpips.network == network
        assert lpips.fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _lacks(arrays):
    del arrays["lin3"]


def _reshaped(arrays):
    arrays["conv2_kernel"] = arrays["conv2_kernel"].transpose(3, 2, 0, 1)


def _not_finite(arrays):
    arrays["conv5_bias"][7] = np.nan


@pytest.mark.parametrize(
    "spoil, says",
    [
        (_lacks, "lin3"),
        (_reshaped, r"conv2_kernel.*\[5, 5, 64, 192\].*Got float32 \[192, 64, 5, 5\]"),
        (_not_finite, "conv5_bias is finite"),
        (dict.clear, "lacks conv1_kernel and 14 more"),
    ],
)
def test_files_of_other_arrays_are_refused(spoil, says, tmp_path):
    arrays = made_arrays("alex")
    spoil(arrays)
    np.savez(tmp_path / "w.npz", **arrays)
    with pytest.raises(SettingsError, match=rf"`lpips_weights='\S+w\.npz'`.*{says}"):
        Lpips(str(tmp_path / "w.npz"))


def test_what_is_no_npz_is_refused(tmp_path):
    (tmp_path / "w.npz").write_bytes(b"no zip")
    np.save(tmp_path / "one.npy", np.zeros(3))
    for path in (
        "",
        None,
        tmp_path,
        tmp_path / "none.npz",
        tmp_path / "w.npz",
        tmp_path / "one.npy",
    ):
        with pytest.raises(SettingsError, match="^`lpips_weights=.*npz") as error:
            Lpips(path)
        assert "\n" not in str(error.value)
