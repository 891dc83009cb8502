"""Between which rows and columns holes lie."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers.hole_bounds import first_and_last


@pytest.mark.parametrize("compiled", [False, True])
def test_first_and_last_rows_and_columns(compiled):
    holes = np.zeros((4, 6, 9, 1), np.float32)
    holes[0, 2:5, 3] = 1
    holes[1, 0, 8] = holes[1, 5, 0] = 0.5
    holes[2] = 1
    rows, columns = (
        np.asarray(tf.function(first_and_last, jit_compile=compiled)(holes, axis))
        for axis in (1, 2)
    )
    np.testing.assert_array_equal(rows.T, [[2, 4], [0, 5], [0, 5], [0, 5]])  # the last has no hole
    np.testing.assert_array_equal(columns.T, [[3, 3], [0, 8], [0, 8], [0, 8]])
