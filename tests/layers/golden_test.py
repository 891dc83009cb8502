"""The layers against outputs of their authors' own released code, kept beside the project in ../shared/golden/layers."""
import pathlib

import naive
import numpy as np
import pytest

from tfinpaint.layers import MultistageAttention, PartialConv2D, PatchAttention

FOLDER = pathlib.Path(__file__).resolve().parents[2] / ".." / "shared" / "golden" / "layers"
TOLERANCE = 1e-4  # of the largest value

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no golden vectors: {FOLDER} is missing")


def load(name):
    return np.load(FOLDER / f"{name}.npz")


def assert_near(got, want):
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    assert np.abs(got - want).max() < TOLERANCE * np.abs(want).max()


@pytest.mark.parametrize("case,kernel_size,strides", [("k7s2_", 7, 2), ("k5s2_", 5, 2), ("k3s2_", 3, 2), ("k3s1_", 3, 1)])
def test_partial_conv(case, kernel_size, strides):
    z = load("partial_conv")
    layer = PartialConv2D(len(z[case + "bias"]), kernel_size, strides=strides)
    inputs = [z[case + "features"], z[case + "valid"]]
    layer(inputs)
    layer.set_weights([z[case + "kernel"], z[case + "bias"]])
    features, valid = layer(inputs)
    assert_near(features, z[case + "output"])
    np.testing.assert_array_equal(valid, z[case + "valid_out"])


def test_partial_conv_in_parts():
    """The decoder's case holds two maps, of its first 6 and last 4 channels: given as parts it is the same."""
    z = load("partial_conv")
    features, valid = z["k3s1_features"], z["k3s1_valid"]
    layer = PartialConv2D(len(z["k3s1_bias"]), 3)
    inputs = [[features[..., :6], features[..., 6:]], [valid[..., :1], valid[..., 6:7]]]
    layer(inputs)
    layer.set_weights([z["k3s1_kernel"], z["k3s1_bias"]])
    output, valid_out = layer(inputs)
    assert_near(output, z["k3s1_output"])
    np.testing.assert_array_equal(valid_out, z["k3s1_valid_out"])


@pytest.mark.parametrize("case", ["pixel_", "pixel_rect_"])
def test_multistage_attention(case):
    z = load("multistage_attention")
    inputs = [z[case + "features"], 1 - z[case + "valid"]]
    assert_near(PatchAttention(patch_size=1, propagation=3, variant="official")(inputs), z[case + "attended"])
    block = MultistageAttention(variant="official")
    block(inputs)
    block.squeeze_excite.set_weights([z[case + "se_" + w] for w in ("w1", "b1", "w2", "b2")])
    block.merge.set_weights([z[case + "merge_kernel"], z[case + "merge_bias"]])
    assert_near(block(inputs), z[case + "output"])


@pytest.mark.parametrize("patch_size", [1, 3])
def test_multiscale_attention(patch_size):
    z = load("multiscale_attention")
    inputs = [z["features"], np.repeat(z["hole"], len(z["features"]), 0)]
    got = PatchAttention(patch_size=patch_size, propagation=3, variant="official")(inputs)
    assert_near(got, z[f"attended_{patch_size}x{patch_size}"])


def test_the_loops_themselves():
    """The other tests' yardstick agrees too, so that what it says of other sizes and holes means something."""
    z = load("partial_conv")
    got, valid = naive.partial_conv(z["k3s1_features"], z["k3s1_valid"], z["k3s1_kernel"], z["k3s1_bias"])
    assert_near(got, z["k3s1_output"])
    np.testing.assert_array_equal(valid, z["k3s1_valid_out"])
    z = load("multistage_attention")
    weights = [z["pixel_rect_se_" + w] for w in ("w1", "b1", "w2", "b2")]
    merge = z["pixel_rect_merge_kernel"], z["pixel_rect_merge_bias"]
    hole = 1 - z["pixel_rect_valid"]
    assert_near(naive.multistage_attention(z["pixel_rect_features"], hole, weights, *merge, "official"), z["pixel_rect_output"])
    z = load("multiscale_attention")
    assert_near(naive.patch_attention(z["features"][:1], z["hole"], 3, 3, "official"), z["attended_3x3"][:1])
