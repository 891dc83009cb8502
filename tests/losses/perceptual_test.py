"""tfinpaint.losses.perceptual and style with values worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.losses import perceptual, perceptual_and_style, style
from tfinpaint.losses.perceptual import gram

# One picture. First layer: 2 x 1 positions, two channels: (1, 2), (3, 4). Second layer: 1 x 1, one
# channel: 6.
FIRST = np.array([[[[1, 2]], [[3, 4]]]], np.float32)
SECOND = np.full((1, 1, 1, 1), 6, np.float32)


def test_perceptual_by_hand():
    # First layer against (0, 4), (3, -4): |1|, |-2|, 0, |8| = 11 / 4. Second against 4.5: 1.5. Sum
    # 4.25.
    targets = [
        np.array([[[[0, 4]], [[3, -4]]]], np.float32),
        np.full((1, 1, 1, 1), 4.5, np.float32),
    ]
    assert float(perceptual([FIRST, SECOND], targets)) == pytest.approx(4.25, abs=1e-6)
    assert float(perceptual(targets, [FIRST, SECOND])) == pytest.approx(4.25, abs=1e-6)


def test_gram_by_hand():
    # The sum over positions of the outer products, (1, 2; 2, 4) + (9, 12; 12, 16) = (10, 14;
    # 14, 20), over H W C = 4.
    np.testing.assert_allclose(gram(tf.constant(FIRST)), [[[2.5, 3.5], [3.5, 5]]], rtol=1e-6)


def test_style_by_hand():
    # First layer against zeros: (2.5 + 3.5 + 3.5 + 5) / 4 = 3.625, with equation (15)'s 1 / C^2.
    # Second: 36 - 25 = 11. Sum 14.625.
    targets = [np.zeros_like(FIRST), np.full((1, 1, 1, 1), 5, np.float32)]
    assert float(style([FIRST, SECOND], targets)) == pytest.approx(14.625, abs=1e-5)
    assert float(style(targets, [FIRST, SECOND])) == pytest.approx(14.625, abs=1e-5)


def test_style_is_equation_15_as_printed():
    rs = np.random.RandomState(0)
    a, b = rs.standard_normal((2, 1, 4, 3, 5))
    total = 0.0
    for i in range(5):
        for j in range(5):
            total += abs((a[..., i] * a[..., j]).sum() - (b[..., i] * b[..., j]).sum()) / (
                4 * 3 * 5
            )
    assert float(style([a.astype(np.float32)], [b.astype(np.float32)])) == pytest.approx(
        total / 25, rel=1e-5
    )


def test_style_does_not_see_where_things_are_and_perceptual_does():
    features = np.random.RandomState(1).standard_normal((2, 4, 5, 3)).astype(np.float32)
    moved = features[:, ::-1, ::-1]
    assert float(style([features], [moved])) == pytest.approx(0, abs=1e-6)
    assert float(perceptual([features], [moved])) > 0.5


def test_both_are_means_over_the_batch():
    rs = np.random.RandomState(2)
    a, b = rs.standard_normal((2, 3, 4, 5, 2)).astype(np.float32)
    for term in (perceptual, style):
        singles = [float(term([a[i : i + 1]], [b[i : i + 1]])) for i in range(3)]
        assert float(term([a], [b])) == pytest.approx(np.mean(singles), rel=1e-5)
        assert min(singles) > 0


def test_grams_of_one_picture_do_not_mix_with_anothers():
    features = np.random.RandomState(3).standard_normal((2, 4, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(
        gram(tf.constant(features))[1], gram(tf.constant(features[1:]))[0], rtol=1e-5, atol=1e-6
    )


def test_equal_features_cost_nothing_and_give_finite_gradients():
    features = tf.constant(FIRST)
    for term in (perceptual, style):
        with tf.GradientTape() as tape:
            tape.watch(features)
            loss = term([features], [FIRST])
        assert float(loss) == 0
        assert np.isfinite(tape.gradient(loss, features)).all()


def test_several_judged_batches_are_added_up():
    """Each against the same targets, in one call of the network."""
    rs = np.random.RandomState(5)
    a, b, original = rs.standard_normal((3, 2, 4, 6, 3)).astype(np.float32)
    calls = []

    def network(images):
        calls.append(images)
        return [images, images[:, ::2, ::2]]

    targets = [original, original[:, ::2, ::2]]
    found = perceptual_and_style(network, [a, b], targets)
    assert set(found) == {"perceptual", "style"} and len(calls) == 1
    expected = {"perceptual": 0.0, "style": 0.0}
    for judged in (a, b):
        for f, t in zip((judged, judged[:, ::2, ::2]), targets):
            expected["perceptual"] += np.abs(f - t).mean()
            flat = (x.reshape(2, -1, 3).astype(np.float64) for x in (f, t))
            of_judged, of_target = (np.einsum("bnc,bnd->bcd", x, x) / x[0].size for x in flat)
            expected["style"] += np.abs(of_judged - of_target).mean()
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-5)
    # The batches count alike, and one alone is the plain term.
    turned = perceptual_and_style(network, [b, a], targets)
    alone = perceptual_and_style(network, [a], targets)
    for name, term in (("perceptual", perceptual), ("style", style)):
        assert float(turned[name]) == pytest.approx(expected[name], rel=1e-5)
        assert float(alone[name]) == pytest.approx(float(term(network(a), targets)), rel=1e-5)


def test_unknown_sizes_and_compiled():
    def both(a, b):
        return perceptual([a], [b]), style([a], [b])

    rs = np.random.RandomState(4)
    a, b = rs.standard_normal((2, 2, 4, 5, 3)).astype(np.float32)
    signature = [tf.TensorSpec([None, None, None, 3])] * 2
    for function in (
        tf.function(both, input_signature=signature),
        tf.function(both, jit_compile=True),
    ):
        np.testing.assert_allclose(function(a, b), both(tf.constant(a), tf.constant(b)), rtol=1e-5)
