"""Arguments that layers cannot be made with."""

import re

import numpy as np
import pytest

from tfinpaint.layers import (
    CoherentSemanticAttention,
    ContextualAttention,
    GatedConv2D,
    MultiScaleAttention,
    MultistageAttention,
    PartialConv2D,
    PatchAttention,
    ShiftLayer,
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
        (lambda: SqueezeExcite("a"), "`ratio` is a finite number. Got 'a'"),
        (lambda: SqueezeExcite(0), "`ratio` is above 0. Got 0"),
        (
            lambda: SqueezeExcite(float("inf")),
            "`ratio` is a finite number. Got inf",
        ),
        (
            lambda: ContextualAttention(softmax_scale=float("nan")),
            "`softmax_scale` is a finite number. Got nan",
        ),
    ],
)
def test_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="zz"):
        GatedConv2D(4, 3, activation="zz")


@pytest.mark.parametrize(
    "layer",
    [
        PatchAttention(1),
        PatchAttention(3, variant="official"),
        MultiScaleAttention(),
        MultistageAttention(),
        ContextualAttention(),
        ShiftLayer(),
        CoherentSemanticAttention(),
    ],
    ids=lambda layer: layer.name,
)
def test_a_hole_may_be_of_any_type(layer):
    features = np.random.default_rng(0).standard_normal((1, 8, 8, 4)).astype(np.float32)
    hole = np.zeros((1, 16, 16, 1), np.float32)
    hole[:, 4:10, 6:12] = 1
    expected = layer([features, hole])
    for dtype in (bool, np.uint8, np.float64):
        np.testing.assert_array_equal(layer([features, hole.astype(dtype)]), expected)


def test_numbers_of_numpy_are_taken():
    layer = PartialConv2D(np.int64(4), np.int32(3))
    assert (layer.filters, layer.kernel_size) == (4, 3)


@pytest.mark.parametrize("change, words", [
    (lambda x, h: (x, h[..., 0]), r"`hole` is .* Got \[2, 16, 16\]"),
    (lambda x, h: (x, h[:1]), r"`hole` is .B, any, any, 1., with the B of `features`, 2. Got \[1,"),
    (lambda x, h: (x, np.repeat(h, 3, -1)), r"`hole` is .* Got \[2, 16, 16, 3\]"),
    (lambda x, h: (x[0], h[0]), r"`features` is .B, H, W, C.. Got \[8, 8, 4\]"),
])  # fmt: skip
@pytest.mark.parametrize(
    "layer",
    [PatchAttention, MultistageAttention, ContextualAttention, CoherentSemanticAttention,
     ShiftLayer],
)  # fmt: skip
def test_a_hole_of_another_shape_is_refused(layer, change, words):
    features, hole = np.zeros((2, 8, 8, 4), np.float32), np.zeros((2, 16, 16, 1), np.float32)
    with pytest.raises(ValueError, match=words):
        layer()(list(change(features, hole)))


@pytest.mark.parametrize("features, valid, words", [
    (["x"], ["v", "v"], "`features` and `valid` have as many parts. Got 1 and 2"),
    ("x", "rows", r"`valid` is \[2, 8, 8, 1\] or \[2, 8, 8, 4\], .* Got \[2, 8, 8\]"),
    ("x", "two", r"Got \[2, 8, 8, 2\]"),
    ("x", "small", r"Got \[2, 4, 4, 1\]"),
])  # fmt: skip
def test_valid_of_another_shape_is_refused(features, valid, words):
    arrays = {"x": np.ones((2, 8, 8, 4)), "v": np.ones((2, 8, 8, 1)), "rows": np.ones((2, 8, 8)),
              "two": np.ones((2, 8, 8, 2)), "small": np.ones((2, 4, 4, 1))}  # fmt: skip
    given = [
        [arrays[k] for k in x] if isinstance(x, list) else arrays[x] for x in (features, valid)
    ]
    with pytest.raises(ValueError, match=words):
        PartialConv2D(3, 3)(given)
