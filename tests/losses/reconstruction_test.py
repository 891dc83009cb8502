"""tfinpaint.losses.masked_l1, region_l1 and region_log_rms by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.losses import masked_l1, region_l1, region_log_rms

# Two pictures of 1 x 2 pixels and two channels. |output - original|: [[1, 2], [3, 0]] and [[0, 0],
# [4, 6]].
OUTPUT = np.array([[[[0, 2], [5, 7]]], [[[1, 1], [-4, 3]]]], np.float32)
ORIGINAL = np.array([[[[1, 0], [2, 7]]], [[[1, 1], [0, -3]]]], np.float32)


def region(*values):
    return np.array(values, np.float32).reshape(2, 1, 2, 1)


@pytest.mark.parametrize(
    "where,want",
    [
        ((1, 1, 1, 1), 16 / 8),  # 1 + 2 + 3 + 0 + 4 + 6 = 16 over 8 elements
        ((1, 0, 0, 0), 3 / 8),  # the region chooses what counts, the mean stays over all 8 elements
        ((0, 1, 0, 1), 13 / 8),  # another region in each picture
        ((0, 0, 0, 0), 0),
    ],
)
def test_by_hand(where, want):
    assert float(masked_l1(OUTPUT, ORIGINAL, region(*where))) == pytest.approx(want, abs=1e-7)
    assert float(masked_l1(ORIGINAL, OUTPUT, region(*where))) == pytest.approx(want, abs=1e-7)


def test_hole_and_valid_terms_add_up_to_the_whole():
    hole = region(1, 0, 0, 1)
    parts = masked_l1(OUTPUT, ORIGINAL, hole) + masked_l1(OUTPUT, ORIGINAL, 1 - hole)
    assert float(parts) == pytest.approx(np.abs(OUTPUT - ORIGINAL).mean(), abs=1e-7)


def test_it_depends_neither_on_batch_nor_on_size():
    hole = region(1, 0, 0, 1)
    want = float(masked_l1(OUTPUT, ORIGINAL, hole))
    larger = [np.tile(a, (3, 4, 2, 1)) for a in (OUTPUT, ORIGINAL, hole)]
    assert float(masked_l1(*larger)) == pytest.approx(want, rel=1e-6)


def test_gradient_is_the_sign_in_the_region():
    output = tf.constant(OUTPUT)
    with tf.GradientTape() as tape:
        tape.watch(output)
        loss = masked_l1(output, ORIGINAL, region(1, 0, 0, 1))
    # Signs of output - original: [-1, 2], [3, 0] | [0, 0], [-4, 6].
    want = np.array([[[[-1, 1], [0, 0]]], [[[0, 0], [-1, 1]]]]) / 8
    np.testing.assert_allclose(tape.gradient(loss, output), want, atol=1e-7)


@pytest.mark.parametrize(
    "where,want",
    [
        ((1, 1, 1, 1), (6 / 4 + 10 / 4) / 2),  # the mean over 4 elements in each picture
        # Over the region's 2 elements; a picture without a region counts as 0.
        ((1, 0, 0, 0), (3 / 2 + 0) / 2),
        ((0, 1, 1, 1), (3 / 2 + 10 / 4) / 2),
        ((0, 0, 0, 0), 0),
    ],
)
def test_region_by_hand(where, want):
    assert float(region_l1(OUTPUT, ORIGINAL, region(*where))) == pytest.approx(want, abs=1e-6)
    assert float(region_l1(ORIGINAL, OUTPUT, region(*where))) == pytest.approx(want, abs=1e-6)


def test_region_with_weights_by_hand():
    """Weights count inside the region only, and do not change what the sum is divided by."""
    weight = region(0.5, 9, 0.1, 1)
    # (3 * .5 / 2 + (0 * .1 + 10 * 1) / 4) / 2
    assert float(region_l1(OUTPUT, ORIGINAL, region(1, 0, 1, 1), weight)) == pytest.approx(
        1.625, abs=1e-6
    )
    assert float(region_l1(OUTPUT, ORIGINAL, region(0, 0, 0, 0), weight)) == 0


def test_region_is_the_masked_mean_over_the_share():
    """With equal shares in all pictures it is DeepFill v1's mean over the whole tensor, divided by
    the share."""
    known = region(1, 0, 0, 1)
    want = float(masked_l1(OUTPUT, ORIGINAL, known)) / known.mean()
    assert float(region_l1(OUTPUT, ORIGINAL, known)) == pytest.approx(want, rel=1e-6)


def test_region_gradient_is_finite_without_region():
    output = tf.constant(OUTPUT)
    with tf.GradientTape() as tape:
        tape.watch(output)
        loss = region_l1(output, ORIGINAL, region(1, 0, 0, 0), region(0.5, 1, 1, 1))
    # The weight, over 2 elements, over 2 pictures.
    want = np.array([[[[-1, 1], [0, 0]]], [[[0, 0], [0, 0]]]]) * 0.5 / 2 / 2
    np.testing.assert_allclose(tape.gradient(loss, output), want, atol=1e-7)


def test_region_with_unknown_sizes_and_compiled():
    rs = np.random.RandomState(0)
    a, b = rs.standard_normal((2, 2, 5, 4, 3)).astype(np.float32)
    hole, weight = (
        np.float32(rs.uniform(size=(2, 5, 4, 1)) > 0.6),
        rs.uniform(size=(2, 5, 4, 1)).astype(np.float32),
    )
    want = np.mean(
        [(np.abs(a - b) * hole * weight)[i].sum() / (3 * hole[i].sum()) for i in range(2)]
    )
    assert float(region_l1(a, b, hole, weight)) == pytest.approx(want, rel=1e-5)
    signature = [tf.TensorSpec([None, None, None, c]) for c in (3, 3, 1, 1)]
    for function in (
        tf.function(region_l1, input_signature=signature),
        tf.function(region_l1, jit_compile=True),
    ):
        assert float(function(a, b, hole, weight)) == pytest.approx(want, rel=1e-5)


def test_region_log_rms_by_hand():
    both = [np.sqrt(14 / 4), np.sqrt(52 / 4)]
    assert float(region_log_rms(OUTPUT, ORIGINAL, region(1, 1, 1, 1))) == pytest.approx(
        np.mean(np.log1p(np.multiply(both, 100))), abs=1e-5
    )
    some = region(1, 0, 0, 1)
    both = [np.sqrt(5 / 2), np.sqrt(52 / 2)]
    assert float(region_log_rms(OUTPUT, ORIGINAL, some)) == pytest.approx(
        np.mean(np.log1p(np.multiply(both, 100))), abs=1e-5
    )
    assert float(region_log_rms(OUTPUT, ORIGINAL, region(0, 0, 0, 1), 2.0)) == pytest.approx(
        np.log1p(np.sqrt(52 / 2) / 2) / 2, abs=1e-5
    )
    assert float(region_log_rms(OUTPUT, ORIGINAL, region(0, 0, 0, 0))) == pytest.approx(0, abs=1e-3)


def test_region_log_rms_falls_like_psnr():
    """If errors are large beside the floor, a tenth of the error is 20 dB, whatever the picture."""
    errors = np.array([8.0, 80.0], np.float32)
    losses = [float(region_log_rms(OUTPUT + e, OUTPUT, region(1, 1, 1, 1), 1e-4)) for e in errors]
    assert losses[1] - losses[0] == pytest.approx(np.log(10), abs=1e-3)


def test_region_log_rms_has_a_gradient_where_nothing_differs_and_without_region():
    for original in (ORIGINAL, OUTPUT):
        output = tf.constant(OUTPUT)
        with tf.GradientTape() as tape:
            tape.watch(output)
            loss = region_log_rms(output, original, region(1, 1, 0, 0))
        gradient = tape.gradient(loss, output)
        assert np.isfinite(gradient).all() and not np.asarray(gradient)[1].any()
