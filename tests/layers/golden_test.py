"""The layers against outputs of their authors' released code.

These are kept beside the project, in ../shared/golden/layers.
"""

import pathlib

import naive
import naive_layers
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers import (
    CoherentSemanticAttention,
    ContextualAttention,
    MultiScaleAttention,
    MultistageAttention,
    PartialConv2D,
    PatchAttention,
    ShiftLayer,
)

FOLDER = pathlib.Path(__file__).resolve().parents[2] / ".." / "shared" / "golden" / "layers"
TOLERANCE = 1e-4  # of the largest value

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no golden vectors: {FOLDER} is missing"
)


def load(name):
    return np.load(FOLDER / f"{name}.npz")


def assert_near(got, want):
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    assert np.abs(got - want).max() < TOLERANCE * np.abs(want).max()


@pytest.mark.golden("partial_conv")
@pytest.mark.parametrize(
    "case,kernel_size,strides", [("k7s2_", 7, 2), ("k5s2_", 5, 2), ("k3s2_", 3, 2), ("k3s1_", 3, 1)]
)
def test_partial_conv(case, kernel_size, strides):
    z = load("partial_conv")
    layer = PartialConv2D(len(z[case + "bias"]), kernel_size, strides=strides)
    inputs = [z[case + "features"], z[case + "valid"]]
    layer(inputs)
    layer.set_weights([z[case + "kernel"], z[case + "bias"]])
    features, valid = layer(inputs)
    assert_near(features, z[case + "output"])
    np.testing.assert_array_equal(valid, z[case + "valid_out"])


@pytest.mark.golden("partial_conv")
def test_partial_conv_in_parts():
    """The decoder's case consists of two maps, of its first 6 and last 4 channels: given in parts
    the result is the same."""
    z = load("partial_conv")
    features, valid = z["k3s1_features"], z["k3s1_valid"]
    layer = PartialConv2D(len(z["k3s1_bias"]), 3)
    inputs = [[features[..., :6], features[..., 6:]], [valid[..., :1], valid[..., 6:7]]]
    layer(inputs)
    layer.set_weights([z["k3s1_kernel"], z["k3s1_bias"]])
    output, valid_out = layer(inputs)
    assert_near(output, z["k3s1_output"])
    np.testing.assert_array_equal(valid_out, z["k3s1_valid_out"])


@pytest.mark.golden("multistage")
@pytest.mark.parametrize("case", ["pixel_", "pixel_rect_"])
def test_multistage_attention(case):
    z = load("multistage_attention")
    inputs = [z[case + "features"], 1 - z[case + "valid"]]
    assert_near(
        PatchAttention(patch_size=1, propagation=3, variant="official")(inputs),
        z[case + "attended"],
    )
    block = MultistageAttention(variant="official")
    block(inputs)
    block.squeeze_excite.set_weights([z[case + "se_" + w] for w in ("w1", "b1", "w2", "b2")])
    block.merge.set_weights([z[case + "merge_kernel"], z[case + "merge_bias"]])
    assert_near(block(inputs), z[case + "output"])


@pytest.mark.golden("musical")
@pytest.mark.parametrize("patch_size", [1, 3])
def test_multiscale_attention(patch_size):
    z = load("multiscale_attention")
    inputs = [z["features"], np.repeat(z["hole"], len(z["features"]), 0)]
    got = PatchAttention(patch_size=patch_size, propagation=3, variant="official")(inputs)
    assert_near(got, z[f"attended_{patch_size}x{patch_size}"])


@pytest.mark.golden("musical")
def test_multiscale_block():
    z = load("multiscale_attention")
    inputs = [z["features"], np.repeat(z["hole"], len(z["features"]), 0)]
    block = MultiScaleAttention(variant="official")
    block(inputs)
    block.squeeze_excite.set_weights([z["se_" + w] for w in ("w1", "b1", "w2", "b2")])
    block.merge.set_weights([z["merge_kernel"], z["merge_bias"]])
    assert_near(block(inputs), z["output"])


def contextual_attention_case(z, case):
    features = z[case + "features"]
    fuse = 3 if z[case + "fuse"] else 1
    return [features, np.repeat(z[case + "hole"], len(features), 0)], {
        "rate": int(z[case + "rate"]),
        "fuse": fuse,
    }


@pytest.mark.golden("contextual_attention")
@pytest.mark.parametrize("case", ["rate2_fuse_", "rate1_fuse_", "rate2_rect_"])
def test_contextual_attention(case):
    z = load("contextual_attention")
    inputs, arguments = contextual_attention_case(z, case)
    assert_near(ContextualAttention(**arguments)(inputs), z[case + "output"])


@pytest.mark.golden("contextual_attention")
def test_contextual_attention_in_its_network():
    """The released graph's own layer: 64 x 64 with 128 channels. Its hole is given at that size and
    at the picture's, 256 x 256."""
    z = np.load(FOLDER.parent / "deepfill_v1" / "center_256.npz")
    hole = (z["mask_u8"][None, ..., :1] > 127).astype(np.float32)
    for at_any_size in (z["attention_mask"], hole):
        assert_near(ContextualAttention()([z["attention_in"], at_any_size]), z["attention_out"])


def coherent_case(z, case, variant):
    hole = z[case + ("image_hole" if variant == "official" else "feature_hole")].astype(np.float32)
    return [z[case + "features"], np.repeat(hole, len(z[case + "features"]), 0)]


@pytest.mark.golden("coherent_semantic")
@pytest.mark.parametrize("case", ["center_", "irregular_"])
@pytest.mark.parametrize("variant", ["official", "paper"])
def test_coherent_semantic_attention(case, variant):
    z = load("coherent_semantic_attention")
    assert_near(
        CoherentSemanticAttention(variant)(coherent_case(z, case, variant)),
        z[case + "output_" + variant],
    )


def shift_case(z, case):
    return [z[case + "features"], z[case + "image_hole"].astype(np.float32)]


@pytest.mark.golden("shift_net")
@pytest.mark.parametrize("case", ["batch_", "rect_", "tie_"])
def test_shift_layer(case):
    """Output and chosen cells are exact; so is the gradient, up to the order of its sums."""
    z = load("shift_layer")
    inputs, layer = [tf.constant(x) for x in shift_case(z, case)], ShiftLayer("official")
    with tf.GradientTape() as tape:
        tape.watch(inputs[0])
        output, matches = layer(inputs, with_attention_maps=True)
    np.testing.assert_array_equal(output, z[case + "output"])
    width = z[case + "features"].shape[2]
    index = np.asarray(matches[..., 0] * width + matches[..., 1]).reshape(len(matches), -1)
    want = z[case + "index"].reshape(index.shape)
    np.testing.assert_array_equal(np.where(want < 0, -1, index), want)
    # The hole as it is at the features' size.
    small = z[case + "feature_hole"].astype(np.float32).reshape(*z[case + "features"].shape[:3], 1)
    for variant in ("paper", "official"):
        np.testing.assert_array_equal(ShiftLayer(variant)([inputs[0], small]), output)
    if case != "tie_":
        gradient = tape.gradient(output, inputs[0], z[case + "grad_output"])
        want = z[case + "grad_features"]
        np.testing.assert_allclose(gradient, want, atol=1e-5 * np.abs(want).max())


@pytest.mark.slow
def test_the_loops_themselves():
    """The loops that other tests compare with agree too, so their word on other sizes and holes
    counts."""
    z = load("partial_conv")
    got, valid = naive.partial_conv(
        z["k3s1_features"], z["k3s1_valid"], z["k3s1_kernel"], z["k3s1_bias"]
    )
    assert_near(got, z["k3s1_output"])
    np.testing.assert_array_equal(valid, z["k3s1_valid_out"])
    z = load("multistage_attention")
    weights = [z["pixel_rect_se_" + w] for w in ("w1", "b1", "w2", "b2")]
    merge = z["pixel_rect_merge_kernel"], z["pixel_rect_merge_bias"]
    hole = 1 - z["pixel_rect_valid"]
    assert_near(
        naive.multistage_attention(z["pixel_rect_features"], hole, weights, *merge, "official"),
        z["pixel_rect_output"],
    )
    z = load("multiscale_attention")
    assert_near(
        naive.patch_attention(z["features"][:1], z["hole"], 3, 3, "official"), z["attended_3x3"][:1]
    )


@pytest.mark.slow
def test_the_loops_of_the_other_layers():
    z = load("contextual_attention")
    for case in ("rate2_fuse_", "rate1_fuse_", "rate2_rect_"):
        inputs, arguments = contextual_attention_case(z, case)
        assert_near(naive_layers.contextual_attention(*inputs, **arguments)[0], z[case + "output"])
    z = load("coherent_semantic_attention")
    for case in ("center_", "irregular_"):
        reduced = naive_layers.coherent_hole(z[case + "image_hole"], 16, 16, "official")
        np.testing.assert_array_equal(reduced, z[case + "feature_hole"])
        for variant in ("official", "paper"):
            output, _ = naive_layers.coherent_semantic_attention(
                *coherent_case(z, case, variant), variant
            )
            assert_near(output, z[case + "output_" + variant])
    z = load("shift_layer")
    for case in ("batch_", "rect_", "tie_"):
        output, index = naive_layers.shift_layer(*shift_case(z, case), "official")
        np.testing.assert_array_equal(output.astype(np.float32), z[case + "output"])
        np.testing.assert_array_equal(index, z[case + "index"].reshape(index.shape))
    z = load("multiscale_attention")
    weights = [z["se_" + w] for w in ("w1", "b1", "w2", "b2")]
    got = naive_layers.multi_scale_attention(
        z["features"][:1], z["hole"], weights, z["merge_kernel"], z["merge_bias"], "official"
    )
    assert_near(got, z["output"][:1])
