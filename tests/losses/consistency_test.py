"""tfinpaint.losses.consistency with values worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.losses import consistency

# Two pictures of 1 x 2 cells and two channels. Features - target: [[1, -2], [3, 0]] and [[0, 0],
# [-4, 6]].
FEATURES = np.array([[[[1, 0], [5, 7]]], [[[1, 1], [-4, 3]]]], np.float32)
TARGET = np.array([[[[0, 2], [2, 7]]], [[[1, 1], [0, -3]]]], np.float32)


def hole(*values):
    return np.array(values, np.float32).reshape(2, 1, 2, 1)


@pytest.mark.parametrize(
    "where,want",
    [
        ((1, 1, 1, 1), ((1 + 4 + 9 + 0) / 4 + (16 + 36) / 4) / 2),
        ((1, 0, 0, 1), ((1 + 4) / 2 + (16 + 36) / 2) / 2),  # over the hole's 2 elements
        ((1, 0, 0, 0), (1 + 4) / 2 / 2),  # a picture without a hole counts as 0
        ((0, 0, 0, 0), 0),
    ],
)
def test_paper_by_hand(where, want):
    assert float(consistency(FEATURES, TARGET, hole(*where))) == pytest.approx(want, abs=1e-5)


@pytest.mark.parametrize(
    "where,want",
    [
        ((1, 1, 1, 1), (14 + 52) / 8),
        # Known cells count with the target's squares.
        ((1, 0, 0, 1), ((1 + 4) + (4 + 49) + (1 + 1) + (16 + 36)) / 8),
        ((0, 0, 0, 0), ((0 + 4) + (4 + 49) + (1 + 1) + (0 + 9)) / 8),
    ],
)
def test_official_by_hand(where, want):
    assert float(consistency(FEATURES, TARGET, hole(*where), "official")) == pytest.approx(
        want, abs=1e-5
    )


@pytest.mark.parametrize("variant", ["paper", "official"])
def test_the_batch_is_the_mean_of_its_pictures(variant):
    rs = np.random.RandomState(0)
    a, b = rs.standard_normal((2, 3, 4, 5, 6)).astype(np.float32)
    where = np.float32(rs.uniform(size=(3, 4, 5, 1)) > 0.5)
    singles = [
        float(consistency(a[i : i + 1], b[i : i + 1], where[i : i + 1], variant)) for i in range(3)
    ]
    assert float(consistency(a, b, where, variant)) == pytest.approx(np.mean(singles), rel=1e-5)
    if variant == "paper":
        want = [np.square(a[i] - b[i])[where[i, ..., 0] == 1].mean() for i in range(3)]
    else:
        want = [np.square(a[i] * where[i] - b[i]).mean() for i in range(3)]
    np.testing.assert_allclose(singles, want, rtol=1e-5)


@pytest.mark.parametrize("variant,count", [("paper", 2), ("official", 4)])
def test_gradient_reaches_the_features_in_the_hole_and_nothing_else(variant, count):
    features, target = tf.constant(FEATURES), tf.constant(TARGET)
    with tf.GradientTape() as tape:
        tape.watch([features, target])
        loss = consistency(features, target, hole(1, 0, 0, 0), variant)
    to_features, to_target = tape.gradient(loss, [features, target])
    # 2 (1, -2), over the elements of a picture that count, over 2 pictures.
    np.testing.assert_allclose(
        to_features, np.array([[[[2, -4], [0, 0]]], [[[0, 0], [0, 0]]]]) / count / 2, atol=1e-6
    )
    assert to_target is None


@pytest.mark.parametrize("variant", ["paper", "official"])
def test_unknown_sizes_and_compiled(variant):
    def term(*arguments):
        return consistency(*arguments, variant=variant)

    rs = np.random.RandomState(1)
    a, b = rs.standard_normal((2, 2, 4, 5, 3)).astype(np.float32)
    where = np.float32(rs.uniform(size=(2, 4, 5, 1)) > 0.5)
    signature = [tf.TensorSpec([None, None, None, c]) for c in (3, 3, 1)]
    for function in (
        tf.function(term, input_signature=signature),
        tf.function(term, jit_compile=True),
    ):
        np.testing.assert_allclose(function(a, b, where), term(a, b, where), rtol=1e-5)


def test_other_variants_are_refused():
    with pytest.raises(ValueError, match="paper or official"):
        consistency(FEATURES, TARGET, hole(1, 1, 1, 1), "offical")
