"""tfinpaint.layers.PatchAttention and MultistageAttention against loops and by hand.

The loops follow the equations.
"""

import naive
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers import MultistageAttention, PatchAttention, formulations

VARIANTS = ("paper", "official")
SETTINGS = [(v, p, k) for v in VARIANTS for p, k in ((1, 3), (3, 3), (1, 1), (3, 1), (3, 5))]


def hole_map(height, width, *boxes):
    """[1, height, width, 1], 1 in the boxes (top, left, bottom, right)."""
    hole = np.zeros((1, height, width, 1), np.float32)
    for top, left, bottom, right in boxes:
        hole[0, top:bottom, left:right] = 1
    return hole


HOLES = {  # for maps of 6 x 7
    "inside": hole_map(6, 7, (3, 4, 5, 6)),
    "corner": hole_map(6, 7, (0, 0, 2, 3)),
    "edge to edge": hole_map(6, 7, (0, 5, 6, 7)),
    "several": hole_map(6, 7, (0, 6, 2, 7), (4, 4, 5, 5), (5, 0, 6, 1)),
    "few keys": hole_map(6, 7, (0, 0, 6, 4), (4, 0, 6, 7)),
    "none": hole_map(6, 7),
}


def random_features(seed, *shape, dtype=np.float32):
    return np.random.RandomState(seed).standard_normal(shape).astype(dtype)


def largest_difference(got, want):
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape and np.isfinite(got).all()
    return np.abs(got - want).max() / max(np.abs(want).max(), 1e-30)


@pytest.mark.parametrize("variant,patch_size,propagation", SETTINGS)
@pytest.mark.parametrize("where", list(HOLES))
def test_equations(variant, patch_size, propagation, where):
    features, hole = random_features(0, 1, 6, 7, 5), HOLES[where]
    got = PatchAttention(patch_size, propagation, variant)([features, hole])
    want = naive.patch_attention(features, hole, patch_size, propagation, variant)
    assert largest_difference(got, want) < 2e-5
    known = hole[..., 0] == 0
    np.testing.assert_array_equal(np.asarray(got)[known], features[known])
    if hole.any():
        assert np.abs(np.asarray(got) - features)[~known].max() > 0.1  # and the hole is filled


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("height,width", [(1, 1), (1, 9), (8, 2), (3, 3)])
@pytest.mark.parametrize("patch_size", [1, 3])
def test_thin_maps(variant, height, width, patch_size):
    features, hole = random_features(1, 1, height, width, 4), hole_map(height, width, (0, 0, 1, 1))
    got = PatchAttention(patch_size, 3, variant)([features, hole])
    assert (
        largest_difference(got, naive.patch_attention(features, hole, patch_size, 3, variant))
        < 2e-5
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_features_of_positive_mean(variant):
    """Features as after a ReLU: the released code then gives nearly all weight to the hole's own
    constant keys."""
    features = np.abs(random_features(2, 1, 6, 7, 8))
    for where in ("corner", "several"):
        got = PatchAttention(1, 3, variant)([features, HOLES[where]])
        assert (
            largest_difference(got, naive.patch_attention(features, HOLES[where], 1, 3, variant))
            < 2e-5
        )


def test_paper_by_hand():
    """One hole pixel q = (3, 4) between a = (1, 0) and b = (0, 1): the cosines are .6 and .8, the
    scale 10, so the weight of a is 1 / (1 + e^2) = .119203 and the fill is (.119203, .880797). The
    joint shifts reach no other known pair."""
    features = np.array([[[[1, 0], [3, 4], [0, 1]]]], np.float32)
    for propagation in (1, 3):
        got = PatchAttention(1, propagation, "paper")([features, hole_map(1, 3, (0, 1, 1, 2))])
        np.testing.assert_allclose(got, [[[[1, 0], [0.1192029, 0.8807971], [0, 1]]]], atol=1e-5)


def test_paper_propagation_by_hand():
    """Positions a = (1, 0), hole q = (.6, .8), b = (0, 1), c = (0, 2). With 3 taps the score of key
    b gains that of the next query with the next key, cos(b, c) = 1: the scores are a .6, b .8 + 1 =
    1.8, c .8 + cos(a, b) = .8, times 10. The weights are softmax(6, 18, 8) =
    (6.14390e-6, .99994846, 4.5397e-5). Values are not normalised, so c counts twice."""
    features = np.array([[[[1, 0], [0.6, 0.8], [0, 1], [0, 2]]]], np.float32)
    got = PatchAttention(1, 3, "paper")([features, hole_map(1, 4, (0, 1, 1, 2))])
    np.testing.assert_allclose(
        np.asarray(got)[0, 0, 1], [6.1439e-6, 0.99994846 + 2 * 4.5397e-5], atol=2e-5
    )
    # 1 tap: softmax(6, 8, 8) = (.0633789, .4683105, .4683105); .4683105 * 3 = 1.4049316
    got = PatchAttention(1, 1, "paper")([features, hole_map(1, 4, (0, 1, 1, 2))])
    np.testing.assert_allclose(np.asarray(got)[0, 0, 1], [0.0633789, 1.4049316], atol=1e-5)


def test_official_by_hand():
    """Known (3, 4) and hole (1, 0). The keys are (.6, .8) and, in the hole, (.707107, .707107). The
    scores with the unnormalised query are .6 and .707107, the weights 1 / (1 + e^.107107) = .473249
    and .526751. The fill is a sum of unit keys: (.656419, .751069)."""
    features = np.array([[[[3, 4], [1, 0]]]], np.float32)
    got = PatchAttention(1, 1, "official")([features, hole_map(1, 2, (0, 1, 1, 2))])
    np.testing.assert_allclose(np.asarray(got)[0, 0, 1], [0.656419, 0.751069], atol=1e-5)
    # 3 taps: the box adds the neighbour's scores, those of (3, 4) with both keys: 5 and 4.949747.
    # The sums are 5.6 and 5.656854, the weights 1 / (1 + e^.056854) = .485790 and .514210:
    # (.655075, .752233)
    got = PatchAttention(1, 3, "official")([features, hole_map(1, 2, (0, 1, 1, 2))])
    np.testing.assert_allclose(np.asarray(got)[0, 0, 1], [0.655075, 0.752233], atol=1e-5)


@pytest.mark.parametrize("where", ["inside", "corner", "several"])
def test_paper_pixels_are_means_of_known_pixels(where):
    features, hole = random_features(3, 1, 6, 7, 5), HOLES[where]
    features[hole[..., 0] > 0] *= 50
    known = features[hole[..., 0] == 0]
    filled = np.asarray(PatchAttention(1, 3, "paper")([features, hole]))[hole[..., 0] > 0]
    assert (filled >= known.min(0) - 1e-5).all() and (filled <= known.max(0) + 1e-5).all()


@pytest.mark.parametrize("patch_size", [1, 3])
def test_paper_fill_does_not_depend_on_the_size_of_hidden_features(patch_size):
    """Cosines do not depend on it, and nothing under the hole is ever copied. (A 3 x 3 patch mixes
    hole and known pixels, so there all features are scaled.)"""
    features, hole = random_features(4, 1, 6, 7, 5), HOLES["inside"]
    layer = PatchAttention(patch_size, 3, "paper")
    if patch_size == 1:
        other = np.where(hole > 0, 7 * features, features)
        assert (
            largest_difference(
                layer([other, hole])[0, 3:5, 4:6], layer([features, hole])[0, 3:5, 4:6]
            )
            < 1e-5
        )
    assert largest_difference(layer([7 * features, hole]), 7 * layer([features, hole])) < 1e-5


@pytest.mark.parametrize("variant,patch_size,propagation", SETTINGS)
def test_hidden_features_reach_no_further_than_queries_do(variant, patch_size, propagation):
    """Content under the hole acts through queries only. A fill adds up the answers of the patches
    that cover it (patch_size // 2 away), each of which saw its neighbours (propagation // 2) and
    their patches (patch_size // 2)."""
    reach = 2 * (patch_size // 2) + propagation // 2
    features, hole = random_features(5, 1, 4, 14, 4), hole_map(4, 14, (1, 1, 3, 13))
    hole[0, 1:3, 6:9] = 0
    changed = features.copy()
    changed[0, 1, 1] += 3
    layer = PatchAttention(patch_size, propagation, variant)
    difference = np.abs(np.asarray(layer([changed, hole])) - np.asarray(layer([features, hole])))
    difference[0, 1:3, 1 : 1 + reach + 1] = 0
    assert difference.max() < 2e-6
    known = hole[..., 0] == 0
    assert difference[known].max() == 0


@pytest.mark.parametrize("patch_size", [1, 3])
def test_paper_never_copies_from_the_hole(patch_size):
    """Known features are all alike, and every 3 x 3 key lies inside: the fill is that feature,
    whatever lies under the hole."""
    features = np.broadcast_to(np.array([1, -2, 3], np.float32), (1, 9, 9, 3)).copy()
    hole = hole_map(9, 9, (3, 3, 6, 6))
    features[hole[..., 0] > 0] = 100 * random_features(6, 9, 3)
    filled = np.asarray(PatchAttention(patch_size, 3, "paper")([features, hole]))
    if patch_size == 1:
        np.testing.assert_allclose(filled, np.broadcast_to([1, -2, 3], filled.shape), rtol=1e-5)
    # A 3 x 3 key at the border holds zero padding, so a fill is that feature times a share of at
    # most 1.
    shares = filled[0, 3:6, 3:6] / np.array([1, -2, 3])
    assert (shares > 0.3).all() and (shares < 1 + 1e-5).all()
    np.testing.assert_allclose(shares, np.repeat(shares[..., :1], 3, -1), rtol=1e-5)


@pytest.mark.parametrize("patch_size", [1, 3])
@pytest.mark.parametrize("propagation", [1, 3])
def test_paper_without_a_known_key_returns_the_picture(patch_size, propagation):
    features = random_features(7, 3, 6, 7, 4)
    holes = np.concatenate([hole_map(6, 7, (0, 0, 6, 7)), HOLES["corner"], HOLES["none"]])
    got = PatchAttention(patch_size, propagation, "paper")([features, holes])
    np.testing.assert_array_equal(got[0], features[0])
    np.testing.assert_array_equal(got[2], features[2])
    want = naive.patch_attention(features[1:2], holes[1:2], patch_size, propagation)
    assert largest_difference(got[1:2], want) < 2e-5


def test_paper_known_pixels_but_no_known_3x3_key():
    """A chequerboard: half of the pixels are known, no 3 x 3 patch is."""
    hole = (np.indices((6, 7)).sum(0) % 2).astype(np.float32)[None, ..., None]
    features = random_features(8, 1, 6, 7, 4)
    np.testing.assert_array_equal(PatchAttention(3, 3, "paper")([features, hole]), features)
    assert (
        largest_difference(
            PatchAttention(1, 3, "paper")([features, hole]), naive.patch_attention(features, hole)
        )
        < 2e-5
    )


@pytest.mark.parametrize("patch_size", [1, 3])
def test_official_all_hole(patch_size):
    features, hole = random_features(9, 1, 4, 5, 3), hole_map(4, 5, (0, 0, 4, 5))
    got = PatchAttention(patch_size, 3, "official")([features, hole])
    assert (
        largest_difference(got, naive.patch_attention(features, hole, patch_size, 3, "official"))
        < 2e-5
    )


@pytest.mark.parametrize("variant,patch_size,propagation", SETTINGS)
def test_batch_is_one_by_one(variant, patch_size, propagation):
    features = random_features(10, 5, 6, 7, 4)
    holes = np.concatenate([HOLES[k] for k in ("inside", "corner", "several", "few keys", "none")])
    layer = PatchAttention(patch_size, propagation, variant)
    got = layer([features, holes])
    for i in range(5):
        assert (
            largest_difference(got[i : i + 1], layer([features[i : i + 1], holes[i : i + 1]]))
            < 1e-5
        )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("patch_size", [1, 3])
def test_a_larger_hole_is_reduced(variant, factor, patch_size):
    rs = np.random.RandomState(11)
    features, hole = (
        random_features(11, 2, 5, 6, 4),
        (rs.uniform(size=(2, 5 * factor, 6 * factor, 1)) < 0.08).astype(np.float32),
    )
    reduced = naive.reduce_hole(hole, 5, 6, variant)
    assert 0 < reduced[0].sum() < 30 and 0 < reduced[1].sum() < 30
    layer = PatchAttention(patch_size, 3, variant)
    got = layer([features, hole])
    np.testing.assert_array_equal(got, layer([features, reduced.astype(np.float32)]))
    assert (
        largest_difference(got, naive.patch_attention(features, hole, patch_size, 3, variant))
        < 2e-5
    )


def test_reductions_by_hand():
    """One hole pixel that is not its cell's top left one: a hole for the paper (any pixel), none as
    released."""
    features, hole = random_features(12, 1, 4, 4, 3), np.zeros((1, 8, 8, 1), np.float32)
    hole[0, 3, 5] = 1  # cell (1, 2)
    paper = np.asarray(PatchAttention(1, 3, "paper")([features, hole]))
    np.testing.assert_array_equal(np.argwhere((paper != features).any(-1)[0]), [[1, 2]])
    np.testing.assert_array_equal(PatchAttention(1, 3, "official")([features, hole]), features)
    hole[0, 2, 4] = 1
    official = np.asarray(PatchAttention(1, 3, "official")([features, hole]))
    np.testing.assert_array_equal(np.argwhere((official != features).any(-1)[0]), [[1, 2]])


@pytest.mark.parametrize("height,width", [(9, 8), (13, 8), (4, 8), (6, 3), (3, 2)])
def test_a_hole_whose_size_does_not_fit_is_refused(height, width):
    with pytest.raises(ValueError, match="hole"):
        PatchAttention(1, 3, "paper")(
            [random_features(13, 1, 6, 4, 3), np.ones((1, height, width, 1), np.float32)]
        )


@pytest.mark.parametrize(
    "variant,patch_size,propagation",
    [
        SETTINGS[6],
        *(pytest.param(*SETTINGS[k], marks=pytest.mark.slow) for k in (0, 1, 5)),
    ],
)
def test_eager_function_and_compiled_are_equal(variant, patch_size, propagation):
    features = random_features(14, 3, 6, 7, 4)
    holes = np.concatenate([HOLES["several"], HOLES["few keys"], hole_map(6, 7, (0, 0, 6, 7))])
    layer = PatchAttention(patch_size, propagation, variant)
    want = layer([features, holes])
    for jit_compile in (False, True):
        got = tf.function(lambda f, h: layer([f, h]), jit_compile=jit_compile)(features, holes)
        assert largest_difference(got, want) < 1e-5


@pytest.mark.parametrize("variant", VARIANTS)
def test_unknown_sizes(variant):
    inputs = tf.keras.Input((None, None, 4)), tf.keras.Input((None, None, 1))
    outputs = PatchAttention(3, 3, variant)(list(inputs))
    assert outputs.shape[-1] == 4
    model = tf.keras.Model(inputs, outputs)
    for height, width, factor in ((6, 5, 1), (4, 7, 2)):
        features, hole = (
            random_features(15, 2, height, width, 4),
            np.zeros((2, height * factor, width * factor, 1), np.float32),
        )
        hole[0, : 2 * factor, :factor], hole[1, -factor:, factor : 3 * factor] = 1, 1
        assert (
            largest_difference(
                model([features, hole]), naive.patch_attention(features, hole, 3, 3, variant)
            )
            < 2e-5
        )


@pytest.mark.parametrize(
    "variant,patch_size,propagation",
    [
        SETTINGS[6],
        *(pytest.param(*SETTINGS[k], marks=pytest.mark.slow) for k in (0, 1, 5)),
    ],
)
def test_gradient(variant, patch_size, propagation):
    """In float64 against finite differences; in `paper` the last picture has no known key."""
    features = random_features(16, 2, 3, 4, 2, dtype=np.float64)
    hole = np.concatenate([hole_map(3, 4, (1, 2, 3, 4)), hole_map(3, 4, (0, 0, 3, 4))]).astype(
        np.float64
    )
    layer = PatchAttention(patch_size, propagation, variant, dtype="float64")
    if variant == "official":
        hole, features = hole[:1], features[:1]
    assert layer([features, hole]).dtype == tf.float64
    want = naive.patch_attention(features, hole, patch_size, propagation, variant)
    assert largest_difference(layer([features, hole]), want) < 1e-9
    theory, numeric = tf.test.compute_gradient(
        tf.function(lambda f: layer([f, hole])), [features], delta=1e-5
    )
    assert largest_difference(theory[0], numeric[0]) < 1e-6


@pytest.mark.parametrize("variant,patch_size,propagation", SETTINGS[:2] + SETTINGS[5:7])
@pytest.mark.parametrize("where", ["corner", "none", "all"])
def test_gradients_are_finite_where_features_are_zero(variant, patch_size, propagation, where):
    """Partial convolution leaves exact zeros deep in a hole, and a ReLU anywhere: the norm's
    gradient must not become nan."""
    hole = hole_map(6, 7, (0, 0, 6, 7)) if where == "all" else HOLES[where]
    features = random_features(17, 1, 6, 7, 4)
    features[hole[..., 0] > 0] = 0
    features[0, :, 3] = 0
    for x in (tf.constant(features), tf.zeros_like(features)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            result = PatchAttention(patch_size, propagation, variant)([x, hole])
            total = tf.reduce_sum(result * random_features(18, 6, 7, 4))
        assert np.isfinite(result).all()
        gradient = np.asarray(tape.gradient(total, x))
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("variant,patch_size,propagation", SETTINGS[:2] + SETTINGS[5:7])
def test_half_precision_stays_finite_and_near(variant, patch_size, propagation):
    """In float16, 1e-7 and its square vanish, and sums of large features overflow."""
    features = random_features(19, 2, 6, 7, 64)
    holes = np.concatenate([HOLES["several"], hole_map(6, 7, (0, 0, 6, 7))])
    policy = tf.keras.mixed_precision.Policy("mixed_float16")
    for scale in (0.1, 1, 30):
        got = PatchAttention(patch_size, propagation, variant, dtype=policy)(
            [scale * features, holes]
        )
        assert got.dtype == tf.float16
        rounded = (scale * features).astype(np.float16).astype(np.float64)
        want = naive.patch_attention(rounded, holes, patch_size, propagation, variant)
        assert largest_difference(tf.cast(got, tf.float32), want) < 0.02


@pytest.mark.parametrize("variant,patch_size,propagation", SETTINGS[1:3] + SETTINGS[6:7])
def test_config_round_trip(variant, patch_size, propagation):
    layer = PatchAttention(patch_size, propagation, variant, name="look")
    again = PatchAttention.from_config(layer.get_config())
    for name in ("patch_size", "propagation", "variant", "name"):
        assert getattr(again, name) == getattr(layer, name)
    features = random_features(20, 1, 6, 7, 4)
    np.testing.assert_array_equal(
        again([features, HOLES["several"]]), layer([features, HOLES["several"]])
    )


def test_an_unknown_variant_is_refused():
    for layer in (PatchAttention, MultistageAttention):
        with pytest.raises(ValueError, match="variant"):
            layer(variant="papers")


# ----------------------------------------------------------------------------- the multistage block


def block(variant, channels=4, dtype="float32"):
    layer = MultistageAttention(variant=variant, dtype=dtype)
    layer([tf.ones((1, 6, 7, channels), dtype), tf.zeros((1, 6, 7, 1), dtype)])
    rs = np.random.RandomState(21)
    squeeze = [rs.standard_normal(w.shape) for w in layer.squeeze_excite.get_weights()]
    merge = [rs.standard_normal(w.shape) for w in layer.merge.get_weights()]
    layer.squeeze_excite.set_weights(squeeze)
    layer.merge.set_weights(merge)
    return layer, squeeze, merge


@pytest.mark.parametrize("variant", VARIANTS)
def test_block_equations(variant):
    layer, squeeze, merge = block(variant)
    assert [w.shape for w in squeeze] == [(8, 8), (8,), (8, 8), (8,)]
    assert [w.shape for w in merge] == [(1, 1, 8, 4), (4,)]
    assert (layer.attention.patch_size, layer.attention.propagation, layer.attention.variant) == (
        1, 3, variant)  # fmt: skip
    features = random_features(22, 4, 6, 7, 4)
    holes = np.concatenate([HOLES[k] for k in ("inside", "several", "few keys", "none")])
    want = naive.multistage_attention(features, holes, squeeze, *merge, variant)
    assert largest_difference(layer([features, holes]), want) < 2e-5
    large = np.repeat(np.repeat(holes, 4, 1), 4, 2)
    assert largest_difference(layer([features, large]), want) < 2e-5
    for jit_compile in (False, True):
        got = tf.function(lambda f, h: layer([f, h]), jit_compile=jit_compile)(features, holes)
        assert largest_difference(got, want) < 2e-5


@pytest.mark.parametrize("variant", VARIANTS)
def test_block_batch_is_one_by_one(variant):
    layer, _, _ = block(variant)
    features = random_features(23, 2, 6, 7, 4)
    holes = np.concatenate([HOLES["inside"], HOLES["several"]])
    got = layer([features, holes])
    for i in range(2):
        assert (
            largest_difference(got[i : i + 1], layer([features[i : i + 1], holes[i : i + 1]]))
            < 1e-5
        )


@pytest.mark.parametrize("channels,parameters", [(256, 656_640), (128, 164_480)])
def test_block_parameter_counts(channels, parameters):
    """n = 2C: two dense layers 2 (n^2 + n), the 1 x 1 convolution n C + C. C = 256:
    525,312 + 131,328 = 656,640."""
    layer = MultistageAttention()
    layer([tf.zeros((1, 2, 2, channels)), tf.zeros((1, 2, 2, 1))])
    n = 2 * channels
    assert layer.count_params() == 2 * (n * n + n) + n * channels + channels == parameters


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_block_gradient(variant):
    layer, _, _ = block(variant, 2, "float64")
    features, hole = (
        random_features(24, 1, 3, 4, 2, dtype=np.float64),
        hole_map(3, 4, (1, 2, 3, 4)).astype(np.float64),
    )
    theory, numeric = tf.test.compute_gradient(
        tf.function(lambda f: layer([f, hole])), [features], delta=1e-5
    )
    assert largest_difference(theory[0], numeric[0]) < 1e-6


@pytest.mark.parametrize("variant", VARIANTS)
def test_block_config_round_trip(variant):
    layer, _, _ = block(variant)
    again = MultistageAttention.from_config(layer.get_config())
    assert (again.variant, again.name) == (variant, layer.name)
    features, hole = random_features(25, 1, 6, 7, 4), HOLES["several"]
    again([features, hole])
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again([features, hole]), layer([features, hole]))


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_maps_of_unknown_size_attend_from_their_holes_only_and_agree(monkeypatch, variant):
    """More missing positions than fit in one turn, a different hole in each picture, one picture
    without a hole and one that is all hole."""
    monkeypatch.setattr(formulations, "_SCORES_OF_A_TURN", 2**22)  # 468 positions of the map
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4, 40, 56, 3)).astype(np.float32)
    hole = np.zeros((4, 40, 56, 1), np.float32)
    hole[0, 3:38, 5:50] = 1
    hole[1, :9, 40:] = 1
    hole[3] = 1
    layer = PatchAttention(variant=variant)
    signature = [tf.TensorSpec([None, None, None, channels]) for channels in (3, 1)]
    unknown = tf.function(lambda f, h: layer([f, h]), input_signature=signature)
    np.testing.assert_allclose(unknown(features, hole), layer([features, hole]), atol=1e-4)

    hole[0, 0, 0] = 1
    gradients = []
    for call in (unknown, lambda f, h: layer([f, h])):
        with tf.GradientTape() as tape:
            x = tf.constant(features)
            tape.watch(x)
            loss = tf.reduce_sum(call(x, tf.constant(hole)) ** 2)
        gradients.append(tape.gradient(loss, x).numpy())
    np.testing.assert_allclose(*gradients, atol=1e-3 * np.abs(gradients[1]).max())


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["paper", "official"])
@pytest.mark.parametrize("patch_size", [1, 3])
@pytest.mark.parametrize("at_once", [1, 500, 10**9])
def test_large_maps_in_turns(monkeypatch, variant, patch_size, at_once):
    """The hole's rows are taken some at a time, from one row up: output and gradient are those of
    all at once. Of two pictures, one needs more turns."""
    monkeypatch.setattr(formulations, "_SCORES_OF_A_TURN", at_once)
    layer, features = (
        PatchAttention(patch_size, 3, variant),
        tf.constant(random_features(8, 2, 6, 7, 5)),
    )
    hole = tf.constant(np.concatenate([HOLES["inside"], HOLES["several"]]))

    def both(call):
        with tf.GradientTape() as tape:
            tape.watch(features)
            filled = call([features, hole])
        return filled, tape.gradient(filled, features, features**2)

    want = both(layer)
    in_turns = tf.function(
        layer,
        input_signature=[[tf.TensorSpec([None, None, None, channels]) for channels in (5, 1)]],
    )
    for got, expected in zip(both(in_turns), want):
        assert largest_difference(got, expected) < 1e-5
    monkeypatch.setattr(formulations, "_LARGEST_MAP", 1)
    for got, expected in zip(both(tf.function(layer)), want):
        assert largest_difference(got, expected) < 1e-5


@pytest.mark.parametrize(
    "variant,patch_size,propagation",
    [
        SETTINGS[1],
        *(pytest.param(*s, marks=pytest.mark.slow) for s in SETTINGS if s != SETTINGS[1]),
    ],
)
@pytest.mark.parametrize(
    "where", ["several", *(pytest.param(w, marks=pytest.mark.slow) for w in ("few keys", "none"))]
)
def test_the_whole_map_under_xla_gives_the_same(variant, patch_size, propagation, where):
    """Output and gradient, with the rows of the hole alone and with all N x N scores."""
    layer, features = (
        PatchAttention(patch_size, propagation, variant),
        tf.constant(random_features(9, 1, 6, 7, 5)),
    )

    def both(features):
        with tf.GradientTape() as tape:
            tape.watch(features)
            filled = layer([features, HOLES[where]])
        return filled, tape.gradient(filled, features, features**2)

    for got, want in zip(tf.function(both, jit_compile=True)(features), both(features)):
        assert largest_difference(got, want) < 2e-5
