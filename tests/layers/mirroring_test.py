import numpy as np
import pytest

from tfinpaint.layers.mirroring import mirrored


@pytest.mark.parametrize(
    "side, first, end, want",
    [
        (3, 0, 8, [0, 1, 2, 2, 1, 0, 0, 1]),
        (3, -2, 8, [1, 0, 0, 1, 2, 2, 1, 0, 0, 1]),
        (4, 0, 4, [0, 1, 2, 3]),
        (1, -2, 3, [0, 0, 0, 0, 0]),
    ],
)
def test_edge_is_repeated(side, first, end, want):
    assert mirrored(side, first, end).numpy().tolist() == want


@pytest.mark.parametrize("side, before, after", [(5, 7, 23), (2, 9, 4), (1, 3, 3)])
def test_is_numpys_symmetric_padding(side, before, after):
    want = np.pad(np.arange(side), (before, after), "symmetric")
    np.testing.assert_array_equal(mirrored(side, -before, side + after), want)
