"""tfinpaint.losses.total_variation with values worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.losses import total_variation

PICTURE = np.array([[1, 2, 4], [7, 11, 16]], np.float32).reshape(1, 2, 3, 1)


def hole(*positions):
    result = np.zeros((1, 2, 3, 1), np.float32)
    for y, x in positions:
        result[0, y, x] = 1
    return result


def test_whole_picture_by_hand():
    # Down 6, 9, 12: mean 9. Right 1, 2, 4, 5: mean 3.
    assert float(total_variation(PICTURE)) == pytest.approx(12, abs=1e-6)


@pytest.mark.parametrize(
    "where,want",
    [
        # Three pairs touch it: 9 below, 1 and 2 beside. The means stay over all pairs.
        (hole((0, 1)), 9 / 3 + (1 + 2) / 4),
        (hole((0, 0), (0, 1)), (6 + 9) / 3 + (1 + 2) / 4),  # a pair inside the hole counts once
        (hole((1, 2)), 12 / 3 + 5 / 4),
        (hole(), 0),
        (np.ones((1, 2, 3, 1), np.float32), 12),
    ],
)
def test_in_the_hole_by_hand(where, want):
    assert float(total_variation(PICTURE, where)) == pytest.approx(want, abs=1e-6)


def test_blanked_picture_by_hand():
    """As released, the picture times its hole: the step to the blank pixels counts too. 2 among
    zeros: 2 / 3 + (2 + 2) / 4."""
    assert float(total_variation(PICTURE * hole((0, 1)))) == pytest.approx(2 / 3 + 1, abs=1e-6)


def test_channels_and_pictures_are_averaged():
    """The second channel is ten times the first, the second picture is flat:
    12 (1 + 10) / 2 / 2 = 33."""
    two = np.concatenate(
        [np.concatenate([PICTURE, 10 * PICTURE], -1), np.full((1, 2, 3, 2), 5, np.float32)]
    )
    assert float(total_variation(two)) == pytest.approx(33, abs=1e-5)
    # In the hole (0, 1) of the first picture: 3.75 * 11 / 4. The second picture's hole adds
    # nothing.
    holes = np.concatenate([hole((0, 1)), np.ones((1, 2, 3, 1), np.float32)])
    assert float(total_variation(two, holes)) == pytest.approx(3.75 * 11 / 4, abs=1e-5)


def test_pictures_are_not_compared_with_each_other():
    flat = np.concatenate([np.zeros((1, 4, 4, 3), np.float32), np.ones((1, 4, 4, 3), np.float32)])
    assert float(total_variation(flat)) == 0


def test_gradient_reaches_the_seam_but_not_further():
    picture = tf.constant(PICTURE)
    with tf.GradientTape() as tape:
        tape.watch(picture)
        loss = total_variation(picture, hole((0, 0)))
    # The pairs are (0,0)-(1,0), down, 1/3 each, and (0,0)-(0,1), right, 1/4: -7/12 at the hole, 1/3
    # and 1/4 beside it.
    want = np.array([[-7 / 12, 1 / 4, 0], [1 / 3, 0, 0]]).reshape(1, 2, 3, 1)
    np.testing.assert_allclose(tape.gradient(loss, picture), want, atol=1e-6)
