"""The attention maps of the layers.

The weights of one position are a row of the attention matrix, as loops compute it.
"""

import naive
import numpy as np
import pytest
import tensorflow as tf
from naive_layers import (
    coherent_semantic_attention,
    contextual_attention,
    hole_map,
    random_features,
)

from tfinpaint.layers import (
    CoherentSemanticAttention,
    ContextualAttention,
    MultiScaleAttention,
    MultistageAttention,
    PatchAttention,
)

HEIGHT, WIDTH = 6, 8
HOLES = np.concatenate(
    [
        hole_map(HEIGHT, WIDTH, (2, 3, 5, 6)),
        hole_map(HEIGHT, WIDTH, (0, 0, 2, 3), (5, 7, 6, 8)),
        hole_map(HEIGHT, WIDTH, (0, 0, 6, 8)),
    ]
)
# One position in the hole of each picture; the last picture is all hole.
AT = np.array([(3, 4), (5, 7), (1, 2)], np.int32)
# The same, but known in the first two pictures: a layer tells what it would use there.
KNOWN = np.array([(0, 0), (3, 3), (1, 2)], np.int32)
both_kinds = pytest.mark.parametrize("at", [AT, KNOWN], ids=["missing", "known"])


def told(layer, holes=HOLES, at=AT):
    """The layer's matches and weights for random features, and those features."""
    features = random_features(0, len(holes), HEIGHT, WIDTH, 5)
    output, (matches, weights) = layer(
        [features, holes], with_attention_maps=True, weights_at=tf.constant(at)
    )
    # Asking for maps changes neither result.
    plain, alone = layer([features, holes], with_attention_maps=True)
    np.testing.assert_array_equal(output, plain)
    np.testing.assert_array_equal(matches, alone)
    np.testing.assert_allclose(output, layer([features, holes]), atol=1e-5)
    assert matches.dtype == tf.int32 and weights.shape == matches.shape[:3]
    return np.asarray(matches), np.asarray(weights), features


def check(matches, weights, maps, at=AT):
    """maps [B, N, N]: those of the loops, at the map's size."""
    _, h, w = weights.shape
    for k, (y, x) in enumerate(at):
        row = maps[k, y * w + x].reshape(h, w)
        np.testing.assert_allclose(weights[k], row, atol=2e-5)
        best = np.sort(row.ravel())
        if best[-1] > best[-2] + 1e-4:  # otherwise rounding picks among equals
            assert (
                tuple(matches[k, y, x])
                == np.unravel_index(weights[k].argmax(), (h, w))
                == np.unravel_index(row.argmax(), (h, w))
            )


@pytest.mark.parametrize("variant", ["paper", "official"])
@pytest.mark.parametrize("patch_size", [1, 3])
@both_kinds
def test_patch_attention(variant, patch_size, at):
    matches, weights, features = told(PatchAttention(patch_size, 3, variant), at=at)
    check(matches, weights, naive.patch_weights(features, HOLES, patch_size, 3, variant), at)
    np.testing.assert_allclose(weights[:2].sum((1, 2)), 1, atol=1e-5)
    if variant == "paper":
        # Nothing is known: the picture comes back unchanged, nothing is taken.
        assert weights[2].max() == 0
        for k in range(2):
            missing = (
                np.asarray(tf.nn.max_pool2d(HOLES[k : k + 1], patch_size, 1, "SAME"))[0, ..., 0] > 0
            )
            assert missing.any() and weights[k][missing].max() == 0  # the hole's keys take no part
            assert not missing[matches[k, ..., 0], matches[k, ..., 1]].any()


@pytest.mark.parametrize("variant", ["paper", "official"])
def test_the_layers_around_patch_attention_hand_it_on(variant):
    matches, weights, features = told(MultistageAttention(variant))
    check(matches, weights, naive.patch_weights(features, HOLES, 1, 3, variant))
    features = random_features(0, len(HOLES), HEIGHT, WIDTH, 5)
    _, pairs = MultiScaleAttention(variant)(
        [features, HOLES], with_attention_maps=True, weights_at=tf.constant(AT)
    )
    for size, (matches, weights) in zip((1, 3), pairs, strict=True):
        check(
            np.asarray(matches),
            np.asarray(weights),
            naive.patch_weights(features, HOLES, size, 3, variant),
        )


@pytest.mark.parametrize("rate, fuse", [(2, 3), (1, 3), (2, 1)])
@both_kinds
def test_contextual_attention(rate, fuse, at):
    matches, weights, features = told(ContextualAttention(rate=rate, fuse=fuse), at=at)
    _, _, maps = contextual_attention(features, HOLES, rate=rate, fuse=fuse)
    check(matches, weights, maps, at // rate)
    assert (weights.sum((1, 2)) <= 1 + 1e-5).all() and weights[2].max() == 0


@pytest.mark.parametrize("variant", ["paper", "official"])
@both_kinds
def test_coherent_semantic_attention(variant, at):
    matches, weights, features = told(CoherentSemanticAttention(variant), at=at)
    check(matches, weights, coherent_semantic_attention(features, HOLES, variant)[1], at)
    np.testing.assert_allclose(weights.sum((1, 2)), 1, atol=1e-5)
    # Nothing is known: every cell is its own match.
    np.testing.assert_array_equal(matches[2, 1, 2], [1, 2])


@pytest.mark.parametrize(
    "layer",
    [
        PatchAttention(),
        pytest.param(CoherentSemanticAttention(), marks=pytest.mark.slow),
        ContextualAttention(),
    ],
)
def test_one_pixel_of_a_larger_hole_means_the_position_it_lies_in(layer):
    holes = HOLES[:2].repeat(4, 1).repeat(4, 2)
    _, weights, _ = told(layer, HOLES[:2], AT[:2])
    for corner in (0, 3):
        at = AT[:2] * 4 + corner
        _, again, _ = told(layer, holes, at)
        if not isinstance(layer, ContextualAttention):  # which samples the hole
            np.testing.assert_array_equal(again, weights)
        # The same in a batch and alone, eager and in a function.
        features = random_features(0, 2, HEIGHT, WIDTH, 5)
        call = tf.function(
            lambda f, h, p: layer([f, h], with_attention_maps=True, weights_at=p)[1][1]
        )
        for k in range(2):
            np.testing.assert_allclose(
                call(features[k : k + 1], holes[k : k + 1], at[k : k + 1])[0], again[k], atol=1e-6
            )
