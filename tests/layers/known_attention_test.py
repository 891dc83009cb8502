"""Attention of every position to the known ones, against the loops of its equation."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.systems.residual.known_attention import KnownAttention


def naive_attention(features, hole, query, key, value, project, bias):
    """features [H, W, C], hole [8 H, 8 W], matrices of the 1 x 1 convolutions -> the layer's output
    and its weights [N, N]."""
    h, w, _ = features.shape
    places = [(y, x) for y in range(h) for x in range(w)]
    share = [max(1 - hole[8 * y : 8 * y + 8, 8 * x : 8 * x + 8].mean(), 1e-4) for y, x in places]
    output, maps = features.astype(np.float64).copy(), np.zeros((h * w, h * w))
    for n, (y, x) in enumerate(places):
        scores = np.array(
            [
                features[y, x] @ query @ (features[there] @ key) / np.sqrt(query.shape[1])
                + np.log(known)
                for there, known in zip(places, share)
            ]
        )
        maps[n] = np.exp(scores - scores.max())
        maps[n] /= maps[n].sum()
        output[y, x] += (
            sum(p * (features[there] @ value) for p, there in zip(maps[n], places)) @ project + bias
        )
    return output, maps


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(2, 4, 5, 6)).astype(np.float32)
    hole = np.zeros((2, 32, 40, 1), np.float32)
    hole[0, 4:20, 8:30] = 1
    hole[1] = 1  # nothing is known
    layer = KnownAttention(3)
    layer([features, hole])
    layer.set_weights([0.4 * rng.normal(size=v.shape) for v in layer.weights])
    return layer, features, hole


def test_equals_the_loops_and_tells_where_it_looks(case):
    layer, features, hole = case
    output, (matches, weights) = layer(
        [features, hole], with_attention_maps=True, weights_at=tf.constant([[12, 20], [31, 0]])
    )
    np.testing.assert_array_equal(output, layer([features, hole]))
    matrices = [
        np.asarray(v)[0, 0]
        for v in (layer.query.kernel, layer.key.kernel, layer.value.kernel, layer.project.kernel)
    ]
    for k, place in enumerate((1 * 5 + 2, 3 * 5 + 0)):
        expected, maps = naive_attention(
            features[k], hole[k, ..., 0], *matrices, np.asarray(layer.project.bias)
        )
        np.testing.assert_allclose(output[k], expected, atol=2e-4)
        np.testing.assert_allclose(np.ravel(weights[k]), maps[place], atol=1e-5)
        np.testing.assert_array_equal(
            np.asarray(matches[k]).reshape(-1, 2), np.stack(np.divmod(maps.argmax(1), 5), -1)
        )
    assert np.sum(weights, (1, 2)) == pytest.approx(1)


def test_a_missing_key_counts_next_to_nothing(case):
    layer, features, hole = case
    other = features.copy()
    other[0, 1, 2] += 1.0  # wholly missing
    moved = np.abs(layer([other, hole]) - layer([features, hole]))[0]
    moved[1, 2] = 0  # its own features are passed on
    assert 0 < moved.max() < 0.02


def test_begins_as_the_identity_and_knows_its_settings():
    features, hole = np.ones((1, 2, 2, 4), np.float32), np.zeros((1, 16, 16, 1), np.float32)
    layer = KnownAttention(5)
    np.testing.assert_array_equal(layer([features, hole]), features)
    assert KnownAttention.from_config(layer.get_config()).units == 5


def test_unknown_sizes_compiled_and_half_precision_give_the_same(case):
    layer, features, hole = case
    expected = layer([features, hole])
    unknown = tf.function(
        lambda f, h: layer([f, h]),
        input_signature=[tf.TensorSpec([None, None, None, c]) for c in (6, 1)],
    )
    np.testing.assert_allclose(unknown(features, hole), expected, atol=1e-5)
    np.testing.assert_allclose(
        tf.function(lambda f, h: layer([f, h]), jit_compile=True)(features, hole),
        expected,
        atol=1e-4,
    )
    half = KnownAttention(3, dtype="mixed_bfloat16")
    half([tf.cast(features, tf.bfloat16), hole])
    half.set_weights(layer.get_weights())
    got = half([tf.cast(features, tf.bfloat16), hole])
    assert got.dtype == tf.bfloat16
    assert np.abs(tf.cast(got, tf.float32) - expected).max() < 0.03 * np.abs(expected).max()
