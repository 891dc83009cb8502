"""Arguments that layers cannot be made with."""

import re

import numpy as np
import pytest

from tfinpaint.layers import (
    ContextualAttention,
    GatedConv2D,
    PartialConv2D,
    PatchAttention,
    SqueezeExcite,
)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: PartialConv2D(0, 3), "`filters` is a whole number, at least 1. Got 0"),
        (lambda: PartialConv2D(4, -1), "`kernel_size` is a whole number, at least 1. Got -1"),
        (lambda: PartialConv2D(4, "3"), "`kernel_size` is a whole number, at least 1. Got '3'"),
        (lambda: PartialConv2D(4, 2), "`kernel_size` is odd and at least 1. Got 2"),
        (lambda: PartialConv2D(4, 3, 0), "`strides` is a whole number, at least 1. Got 0"),
        (lambda: GatedConv2D(4, 3.0), "`kernel_size` is a whole number, at least 1. Got 3.0"),
        (lambda: GatedConv2D(True, 3), "`filters` is a whole number, at least 1. Got True"),
        (lambda: PatchAttention("3"), "`patch_size` is a whole number, at least 1. Got '3'"),
        (lambda: ContextualAttention(fuse=2), "`fuse` is odd and at least 1. Got 2"),
        (lambda: ContextualAttention(rate=0), "`rate` is a whole number, at least 1. Got 0"),
        (lambda: SqueezeExcite("a"), "`ratio` is a number above 0. Got 'a'"),
        (lambda: SqueezeExcite(0), "`ratio` is a number above 0. Got 0"),
    ],
)
def test_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()


def test_numbers_of_numpy_are_taken():
    layer = PartialConv2D(np.int64(4), np.int32(3))
    assert (layer.filters, layer.kernel_size) == (4, 3)
