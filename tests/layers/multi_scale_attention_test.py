"""tfinpaint.layers.MultiScaleAttention (MUSICAL) against loops over its equations and by hand."""

import naive
import numpy as np
import pytest
import tensorflow as tf
from naive_layers import hole_map, largest_difference, multi_scale_attention, random_features

from tfinpaint.layers import MultiScaleAttention, PatchAttention

VARIANTS = ("paper", "official")
HOLES = {  # for maps of 6 x 7
    "inside": hole_map(6, 7, (3, 4, 5, 6)),
    "corner": hole_map(6, 7, (0, 0, 2, 3)),
    "several": hole_map(6, 7, (0, 6, 2, 7), (4, 4, 5, 5), (5, 0, 6, 1)),
    "none": hole_map(6, 7),
    "all": hole_map(6, 7, (0, 0, 6, 7)),
}
BATCH = np.concatenate(list(HOLES.values()))


def block(variant, channels=4, dtype="float32"):
    """-> the layer with random weights, those of its squeeze-excite, those of its convolution."""
    layer = MultiScaleAttention(variant, dtype=dtype)
    layer([np.ones((1, 6, 7, channels), dtype), HOLES["inside"].astype(dtype)])
    rs = np.random.RandomState(0)
    for part in (layer.squeeze_excite, layer.merge):
        part.set_weights([rs.standard_normal(w.shape) for w in part.get_weights()])
    return layer, layer.squeeze_excite.get_weights(), layer.merge.get_weights()


@pytest.mark.parametrize("variant,maps", [("paper", 3), ("official", 2)])
def test_equations(variant, maps):
    layer, squeeze, merge = block(variant)
    n = 4 * maps
    assert [w.shape for w in squeeze] == [(n, n), (n,), (n, n), (n,)]
    assert [w.shape for w in merge] == [(1, 1, n, 4), (4,)]
    for part, size in ((layer.attention_1x1, 1), (layer.attention_3x3, 3)):
        assert (part.patch_size, part.propagation, part.variant) == (size, 3, variant)
    features = random_features(1, len(BATCH), 6, 7, 4)
    want = multi_scale_attention(features, BATCH, squeeze, *merge, variant)
    for hole in (BATCH, BATCH.repeat(4, 1).repeat(4, 2)):
        assert largest_difference(layer([features, hole]), want) < 2e-5


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("height,width", [(1, 1), (1, 9), (7, 2)])
def test_thin_maps(variant, height, width):
    layer, squeeze, merge = block(variant)
    features, hole = random_features(2, 1, height, width, 4), hole_map(height, width, (0, 0, 1, 1))
    assert (
        largest_difference(
            layer([features, hole]), multi_scale_attention(features, hole, squeeze, *merge, variant)
        )
        < 2e-5
    )


def test_by_hand():
    """A hole pixel (3, 4) between known (1, 0) and (0, 1): the cosines are .6 and .8, the scale 10,
    so the pixel-wise fill is (.119203, .880797). No 3 x 3 patch is known, so patch-wise the pixel
    stays.

    Gates of weight 0 are 1/2. The convolution takes 2, 20 and 200 times each channel of the
    features, the pixel-wise and the patch-wise fill, and adds 7: 1 * 3 + 10 * .119203 + 100 * 3 + 7
    = 311.19203 and 1 * 4 + 10 * .880797 + 100 * 4 + 7 = 419.80797. A known (1, 0) becomes 111 + 7
    and 7.
    """
    features = np.array([[[[1, 0], [3, 4], [0, 1]]]], np.float32)
    hole, layer = hole_map(1, 3, (0, 1, 1, 2)), MultiScaleAttention("paper")
    layer([features, hole])
    layer.squeeze_excite.set_weights([np.zeros_like(w) for w in layer.squeeze_excite.get_weights()])
    layer.merge.set_weights(
        [
            np.concatenate([2 * np.eye(2), 20 * np.eye(2), 200 * np.eye(2)])[None, None],
            np.full(2, 7),
        ]
    )
    np.testing.assert_allclose(
        layer([features, hole]), [[[[118, 7], [311.19203, 419.80797], [7, 118]]]], rtol=1e-6
    )


def test_official_by_hand():
    """Nothing is missing: both maps are the features. Gates of weight 0 are 1/2; the convolution
    takes 20 times the one and 200 times the other."""
    features, layer = np.array([[[[1], [-2]]]], np.float32), MultiScaleAttention("official")
    layer([features, hole_map(1, 2)])
    layer.squeeze_excite.set_weights([np.zeros_like(w) for w in layer.squeeze_excite.get_weights()])
    layer.merge.set_weights([np.array([20, 200]).reshape(1, 1, 2, 1), np.array([7])])
    np.testing.assert_allclose(layer([features, hole_map(1, 2)]), [[[[117], [-213]]]], rtol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_larger_hole_is_reduced(variant):
    """`paper` takes a cell's largest pixel, `official` its top left one: the two differ here."""
    layer, squeeze, merge = block(variant)
    hole = (np.random.RandomState(3).uniform(size=(2, 12, 14, 1)) < 0.08).astype(np.float32)
    reduced = naive.reduce_hole(hole, 6, 7, variant)
    assert (
        reduced[0].any()
        and (reduced != naive.reduce_hole(hole, 6, 7, VARIANTS[variant == "paper"])).any()
    )
    features = random_features(3, 2, 6, 7, 4)
    got = layer([features, hole])
    np.testing.assert_array_equal(got, layer([features, reduced.astype(np.float32)]))
    assert (
        largest_difference(got, multi_scale_attention(features, hole, squeeze, *merge, variant))
        < 2e-5
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_picture_has_its_own_hole(variant):
    layer, _, _ = block(variant)
    features = random_features(4, len(BATCH), 6, 7, 4)
    got = layer([features, BATCH])
    for i in range(len(BATCH)):
        assert (
            largest_difference(got[i : i + 1], layer([features[i : i + 1], BATCH[i : i + 1]]))
            < 1e-5
        )


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_eager_function_and_compiled_are_equal(variant):
    layer, _, _ = block(variant)
    features = random_features(5, len(BATCH), 6, 7, 4)
    want = layer([features, BATCH])
    for jit_compile in (False, True):
        got = tf.function(lambda f, h: layer([f, h]), jit_compile=jit_compile)(features, BATCH)
        assert largest_difference(got, want) < 1e-5


@pytest.mark.parametrize("variant", ["paper", pytest.param("official", marks=pytest.mark.slow)])
def test_unknown_sizes(variant):
    layer, squeeze, merge = block(variant)
    signature = [tf.TensorSpec([None, None, None, 4]), tf.TensorSpec([None, None, None, 1])]
    call = tf.function(lambda f, h: layer([f, h]), input_signature=signature)
    for batch, height, width, factor in ((1, 6, 5, 1), (3, 4, 7, 2)):
        features, hole = (
            random_features(6, batch, height, width, 4),
            np.zeros((batch, height * factor, width * factor, 1), np.float32),
        )
        hole[0, : 2 * factor, :factor], hole[-1, -factor:, factor : 3 * factor] = 1, 1
        want = multi_scale_attention(features, hole, squeeze, *merge, variant)
        assert largest_difference(call(features, hole), want) < 2e-5
    inputs = tf.keras.Input((None, None, 4)), tf.keras.Input((None, None, 1))
    assert layer(list(inputs)).shape.as_list() == [None, None, None, 4]


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_gradient(variant):
    """In float64 against finite differences."""
    layer, squeeze, merge = block(variant, 2, "float64")
    features = random_features(7, 1, 4, 5, 2, dtype=np.float64)
    hole = hole_map(4, 5, (0, 3, 2, 5)).astype(np.float64)
    assert (
        largest_difference(
            layer([features, hole]), multi_scale_attention(features, hole, squeeze, *merge, variant)
        )
        < 1e-9
    )
    theory, numeric = tf.test.compute_gradient(
        tf.function(lambda f: layer([f, hole])), [features], delta=1e-5
    )
    assert largest_difference(theory[0], numeric[0]) < 1e-6


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "where", ["corner", *(pytest.param(w, marks=pytest.mark.slow) for w in ("none", "all"))]
)
def test_zero_features_are_no_nan(variant, where):
    layer, squeeze, merge = block(variant)
    partly = random_features(8, 1, 6, 7, 4)
    partly[:, :, 3] = 0
    partly[HOLES[where][..., 0] > 0] = 0
    for features in (tf.constant(partly), tf.zeros_like(partly)):
        with tf.GradientTape() as tape:
            tape.watch(features)
            got = layer([features, HOLES[where]])
            total = tf.reduce_sum(got * random_features(9, 6, 7, 4))
        assert np.isfinite(tape.gradient(total, features)).all()
        assert (
            largest_difference(
                got, multi_scale_attention(features, HOLES[where], squeeze, *merge, variant)
            )
            < 2e-5
        )


@pytest.mark.parametrize(
    "variant,channels,parameters",
    [("official", 128, 164_480), ("paper", 128, 344_960), ("paper", 10, 2_170)],
)
def test_parameter_counts(variant, channels, parameters):
    """For n = 2C or 3C channels: two dense layers 2 (n^2 + n), the 1 x 1 convolution n C + C.
    n = 30: 1,860 + 310."""
    layer = MultiScaleAttention(variant)
    layer([tf.zeros((1, 2, 2, channels)), tf.zeros((1, 2, 2, 1))])
    n = channels * (2 if variant == "official" else 3)
    assert layer.count_params() == 2 * (n * n + n) + n * channels + channels == parameters


@pytest.mark.parametrize("variant", VARIANTS)
def test_config_round_trip(variant):
    layer, _, _ = block(variant)
    again = MultiScaleAttention.from_config(layer.get_config())
    assert (again.variant, again.name) == (variant, layer.name)
    features = random_features(10, 1, 6, 7, 4)
    again([features, HOLES["several"]])
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        again([features, HOLES["several"]]), layer([features, HOLES["several"]])
    )
    assert MultiScaleAttention().variant == "paper"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("squeeze_excite", [True, False])
@pytest.mark.parametrize("patches, sizes", [("1", (1,)), ("3", (3,)), ("both", (1, 3))])
def test_parts_that_are_left_out(variant, patches, sizes, squeeze_excite):
    """The rest is (3) as it was: the convolution sees what is left, weighed or not."""
    layer = MultiScaleAttention(variant, patches, squeeze_excite)
    features = random_features(12, len(BATCH), 6, 7, 4)
    _, maps = layer([features, BATCH], with_attention_maps=True)
    seen = [features] if variant == "paper" else []
    seen += [PatchAttention(size, 3, variant)([features, BATCH]) for size in sizes]
    seen = np.concatenate(seen, -1)
    if squeeze_excite:
        squeeze, excite = layer.squeeze_excite.squeeze, layer.squeeze_excite.excite
        hidden = np.maximum(seen.mean((1, 2)) @ squeeze.kernel + squeeze.bias, 0)
        gates = 1 / (1 + np.exp(-(hidden @ excite.kernel + excite.bias)))
        seen = seen * np.asarray(gates)[:, None, None]
    wanted = seen @ layer.merge.kernel[0, 0] + layer.merge.bias
    assert largest_difference(layer([features, BATCH]), wanted) < 1e-5
    assert len(maps) == len(sizes) and (layer.squeeze_excite is not None) == squeeze_excite
    n = 4 * (len(sizes) + (variant == "paper"))
    assert layer.count_params() == squeeze_excite * 2 * (n * n + n) + n * 4 + 4
    again = MultiScaleAttention.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="Got.*papers"):
        MultiScaleAttention("papers")


def test_unknown_patches_are_refused():
    with pytest.raises(ValueError, match="`patches` is both, 1 or 3. Got 'none'"):
        MultiScaleAttention(patches="none")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("height,width", [(9, 8), (4, 8), (6, 3), (3, 2)])
def test_a_hole_whose_size_does_not_fit_is_refused(variant, height, width):
    with pytest.raises(ValueError, match="Got"):
        MultiScaleAttention(variant)(
            [random_features(11, 1, 6, 4, 3), np.ones((1, height, width, 1), np.float32)]
        )
