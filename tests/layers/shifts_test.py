"""tfinpaint.layers.shifts: sums of the scores of neighbours, against loops."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers.shifts import diagonal_sum


@pytest.mark.parametrize("taps,full", [(3, False), (5, False), (2, True), (3, True)])
def test_diagonal_sum_and_its_gradient(taps, full):
    scores = np.random.RandomState(2).standard_normal((2, 4, 5, 3))
    first, last = (-(taps - 1), 0) if full else (-(taps // 2), taps // 2)
    more = taps - 1 if full else 0
    want = np.zeros((2, 4 + more, 5 + more, 3))
    for x in range(want.shape[1]):
        for k in range(want.shape[2]):
            for d in range(first, last + 1):
                if 0 <= x + d < 4 and 0 <= k + d < 5:
                    want[:, x, k] += scores[:, x + d, k + d]
    with tf.GradientTape() as tape:
        x = tf.constant(scores)
        tape.watch(x)
        got = diagonal_sum(x, taps, full)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    upstream, other = (
        np.random.RandomState(3).standard_normal(want.shape),
        np.random.RandomState(4).standard_normal(scores.shape),
    )
    # <A x, y> = <x, A* y>
    assert np.vdot(diagonal_sum(tf.constant(other), taps, full), upstream) == pytest.approx(
        np.vdot(other, tape.gradient(got, x, upstream))
    )
