"""What holds for every hole, whatever its shape: windows, compositing and the holes of training.

hypothesis draws the cases, the same ones each time, and reduces one that fails.
"""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tfinpaint import pictures
from tfinpaint.data.holes import holes
from tfinpaint.painting import blending, filling, windows
from tfinpaint.painting.boxes import Context
from tfinpaint.settings import HoleSettings, SettingsError

CASES = settings(max_examples=60, deadline=None, derandomize=True, database=None)
FEW = settings(CASES, max_examples=15)


@st.composite
def missing(draw, longest=400):
    """A hole, uint8 [H, W] of 0 and 1, at least one pixel of it 1: boxes, strokes and dust."""
    height, width = draw(st.integers(1, longest)), draw(st.integers(1, longest))
    hole = np.zeros((height, width), np.uint8)
    places = st.tuples(st.integers(0, height - 1), st.integers(0, width - 1))
    for _ in range(draw(st.integers(0, 4))):
        (top, left), (bottom, right) = draw(places), draw(places)
        hole[min(top, bottom) : max(top, bottom) + 1, min(left, right) : max(left, right) + 1] = 1
    for _ in range(draw(st.integers(0, 6))):  # strokes one pixel wide
        (row, column), vertical = draw(places), draw(st.booleans())
        if vertical:
            hole[:, column] = 1
        else:
            hole[row] = 1
    for place in draw(st.lists(places, max_size=20)):
        hole[place] = 1
    hole[draw(places)] = 1
    return hole


networks = st.tuples(
    st.sampled_from([1, 4, 8, 64]),  # stride
    st.sampled_from([64, 128, 256]),  # working size
    st.sampled_from([Context(), Context(1.0), Context(0.5, True)]),
)


@CASES
@given(missing(), networks)
def test_windows_hold_each_hole_pixel_once_and_lie_inside_the_photograph(hole, network):
    stride, working_size, context = network
    taken = np.zeros(hole.shape, np.int32)
    for box, window, here in windows.plan(hole, stride, working_size, context):
        assert here.shape == box.size and here.any()
        taken[box.slices] += here
        assert 0 <= window.top <= box.top < box.bottom <= window.bottom <= hole.shape[0]
        assert 0 <= window.left <= box.left < box.right <= window.right <= hole.shape[1]
        for side, limit in zip(window.size, hole.shape):
            assert side % stride == 0 or side == limit
    np.testing.assert_array_equal(taken, hole)


def inverse(window, hole, shown, with_detail):
    """Stands for a network: what it paints depends on the known pixels of the window alone."""
    known = window[hole[..., 0] == 0]
    paint = 255 - known.mean(0) if len(known) else np.zeros(3)
    return np.broadcast_to(paint.astype(np.uint8), window.shape)


def fill(photo, hole, network, **options):
    assume(not filling.grown(hole, options.get("grow", 0)).all())  # it is refused
    return filling.fill(inverse, *network, photo, hole * 255, filling.Options(**options))


@CASES
@given(
    missing(longest=120),
    networks,
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 2**32 - 1),
)
def test_what_is_far_from_a_hole_keeps_its_bytes(hole, network, grow, feather, seed):
    photo = np.random.default_rng(seed).integers(0, 256, (*hole.shape, 3), np.uint8)
    before = photo.copy()
    filled = fill(photo, hole, network, grow=grow, feather=feather)
    np.testing.assert_array_equal(photo, before)  # the caller's photograph is not touched
    assert filled.shape == photo.shape and filled.dtype == np.uint8
    rows, columns = np.nonzero(hole)
    down, right = np.indices(hole.shape)
    far = np.ones(hole.shape, bool)
    for row, column in zip(rows[:400], columns[:400]):  # a naive distance to each hole pixel
        far &= (down - row) ** 2 + (right - column) ** 2 > (grow + feather) ** 2
    if len(rows) <= 400:
        np.testing.assert_array_equal(filled[far], photo[far])
    if not grow and not feather:
        np.testing.assert_array_equal(filled[hole == 0], photo[hole == 0])


@CASES
@given(missing(longest=120), networks, st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_what_lies_under_a_hole_has_no_influence(hole, network, feather, seed):
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (*hole.shape, 3), np.uint8)
    other = np.where(hole[..., np.newaxis] > 0, rng.integers(0, 256, photo.shape, np.uint8), photo)
    first, second = (fill(picture, hole, network, feather=feather) for picture in (photo, other))
    np.testing.assert_array_equal(first, second)


@CASES
@given(missing(longest=120), networks)
def test_each_hole_pixel_comes_from_the_network(hole, network):
    assume(not hole.all())
    photo = np.full((*hole.shape, 3), 200, np.uint8)
    filled = filling.fill(
        lambda window, *_: np.full_like(window, 7), *network, photo, hole * 255, filling.Options()
    )
    np.testing.assert_array_equal(filled, np.where(hole[..., np.newaxis] > 0, 7, photo))


@FEW
@given(missing(longest=60), st.integers(0, 2**32 - 1))
def test_poisson_blending_changes_the_hole_alone(hole, seed):
    fill = np.random.default_rng(seed).integers(0, 256, (*hole.shape, 3), np.uint8)
    blended = blending.poisson(fill, hole)
    np.testing.assert_array_equal(blended[hole == 0], fill[hole == 0])
    assert blended.dtype == np.uint8


@CASES
@given(missing(longest=60), st.integers(0, 2**32 - 1))
def test_a_composite_is_the_photograph_where_known_and_the_output_in_the_hole(hole, seed):
    rng = np.random.default_rng(seed)
    photo, output = (rng.integers(0, 256, (*hole.shape, 3), np.uint8) for _ in range(2))
    made = pictures.composite(photo, output, hole)
    for place in np.ndindex(hole.shape):
        np.testing.assert_array_equal(made[place], (output if hole[place] else photo)[place])


@pytest.mark.slow
@FEW
@given(
    st.sampled_from(["box", "strokes", "objects", "mixed"]),
    st.sampled_from([16, 64, 100]),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**31 - 1),
)
def test_holes_of_training_keep_to_their_bounds_or_are_refused(kind, size, one, two, seed, step):
    low, high = min(one, two), max(one, two)
    try:
        kept = HoleSettings(kind, (low, high))
        made = holes(seed, step, 3, size, kept)
    except SettingsError as error:
        assert "\n" not in str(error)
        assert not (0 < low < high < 1 and high - low >= 1 / size), error
        return
    assert made.shape == (3, size, size, 1) and made.dtype == tf.float32
    assert set(np.unique(made)) <= {0.0, 1.0}
    share = made.numpy().mean((1, 2, 3), dtype=np.float64)
    assert kept.bounds[0] <= share.min() and share.max() <= kept.bounds[1]
    np.testing.assert_array_equal(made, holes(seed, step, 3, size, kept))
