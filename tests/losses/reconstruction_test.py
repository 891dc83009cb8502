"""tfinpaint.losses.masked_l1 with values worked out by hand."""
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.losses import masked_l1

# Two pictures of 1 x 2 pixels and two channels. |output - original|: [[1, 2], [3, 0]] and [[0, 0], [4, 6]].
OUTPUT = np.array([[[[0, 2], [5, 7]]], [[[1, 1], [-4, 3]]]], np.float32)
ORIGINAL = np.array([[[[1, 0], [2, 7]]], [[[1, 1], [0, -3]]]], np.float32)


def region(*values):
    return np.array(values, np.float32).reshape(2, 1, 2, 1)


@pytest.mark.parametrize("where,want", [
    ((1, 1, 1, 1), 16 / 8),  # 1 + 2 + 3 + 0 + 4 + 6 = 16 over 8 elements
    ((1, 0, 0, 0), 3 / 8),  # the region chooses what counts, the mean stays over all 8 elements
    ((0, 1, 0, 1), 13 / 8),  # another region in each picture
    ((0, 0, 0, 0), 0),
])
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
    # signs of output - original: [-1, 2], [3, 0] | [0, 0], [-4, 6]
    want = np.array([[[[-1, 1], [0, 0]]], [[[0, 0], [-1, 1]]]]) / 8
    np.testing.assert_allclose(tape.gradient(loss, output), want, atol=1e-7)
