"""tfinpaint.losses.spatial_discount and distance_to_known.

By hand, by brute force and against TensorFlow Addons.
"""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.addons import euclidean_dist_transform
from tfinpaint.losses import discount, distance_to_known, spatial_discount


def hole_map(height, width, *boxes):
    """[1, height, width, 1], 1 in the boxes (top, left, bottom, right)."""
    hole = np.zeros((1, height, width, 1), np.float32)
    for top, left, bottom, right in boxes:
        hole[0, top:bottom, left:right] = 1
    return hole


def random_hole(seed, height, width, share):
    return np.float32(np.random.RandomState(seed).uniform(size=(1, height, width, 1)) < share)


def nearest(hole):
    """Brute force: the distance of each missing pixel to the nearest of all known ones, H + W if
    there are none."""
    result = np.zeros(hole.shape, np.float64)
    for b, y, x in np.argwhere(hole[..., 0] > 0):
        known = np.argwhere(hole[b, ..., 0] == 0)
        result[b, y, x] = (
            np.sqrt(((known - [y, x]) ** 2).sum(1).min()) if len(known) else sum(hole.shape[1:3])
        )
    return result


HOLES = {
    "none": hole_map(7, 9),
    "one pixel": hole_map(7, 9, (3, 4, 4, 5)),
    "inside": hole_map(7, 9, (1, 2, 6, 8)),
    "corner": hole_map(7, 9, (0, 0, 4, 6)),
    "edge to edge": hole_map(7, 9, (0, 2, 7, 6)),  # columns without known pixels
    "across": hole_map(7, 9, (2, 0, 5, 9)),  # rows without known pixels
    "all but a corner": 1 - hole_map(7, 9, (6, 8, 7, 9)),
    "several": hole_map(7, 9, (0, 0, 3, 2), (2, 5, 7, 8), (5, 1, 6, 2)),
    "column": hole_map(9, 1, (2, 0, 8, 1)),
    "column's end": hole_map(9, 1, (3, 0, 9, 1)),
    "row": hole_map(1, 9, (0, 1, 1, 7)),
    "row's start": hole_map(1, 9, (0, 0, 1, 8)),
    "known pixel": hole_map(1, 1),
    "scattered": random_hole(0, 16, 12, 0.7),
    "dense": random_hole(1, 12, 17, 0.97),
    "wide": random_hole(2, 5, 40, 0.95),
    "tall": random_hole(3, 33, 4, 0.95),
}


def test_distance_by_hand():
    """A hole of 3 x 4 in a corner: the known pixels lie below and to the right."""
    want = np.zeros((5, 6))
    want[:3, :4] = [
        # Down 3, 2, 1; right 4, 3, 2, 1.
        [3, 3, 2, 1],
        [2, 2, 2, 1],
        [1, 1, 1, 1],
    ]
    np.testing.assert_allclose(distance_to_known(hole_map(5, 6, (0, 0, 3, 4)))[0, ..., 0], want)
    # One known pixel, 3 up and 4 to the left of the far corner.
    assert float(distance_to_known(1 - hole_map(4, 5, (0, 0, 1, 1)))[0, 3, 4, 0]) == 5


@pytest.mark.parametrize("where", list(HOLES))
def test_distance_by_brute_force_and_by_addons(where):
    hole = HOLES[where]
    got = distance_to_known(hole)
    assert got.dtype == tf.float32 and got.shape == hole.shape
    np.testing.assert_allclose(got, nearest(hole), atol=1e-4)
    np.testing.assert_allclose(got, euclidean_dist_transform(tf.cast(hole, tf.uint8)), atol=1e-4)


def test_distance_where_nothing_is_known():
    np.testing.assert_array_equal(
        distance_to_known(np.ones((2, 4, 7, 1), np.float32)), np.full((2, 4, 7, 1), 11)
    )


def test_distance_of_a_batch_is_that_of_its_pictures():
    holes = [
        hole_map(20, 30, (4, 5, 18, 29)),
        random_hole(4, 20, 30, 0.9),
        np.ones((1, 20, 30, 1), np.float32),
        hole_map(20, 30),
    ]
    got = distance_to_known(np.concatenate(holes))
    for i, hole in enumerate(holes):
        np.testing.assert_allclose(got[i : i + 1], nearest(hole), atol=1e-4)


@pytest.mark.slow
def test_distance_is_exact_on_large_maps():
    """One known pixel in a corner of 600 x 1000: squared distances up to 599^2 + 999^2 = 1356802,
    and their roots."""
    got = distance_to_known(1 - hole_map(600, 1000, (0, 0, 1, 1)))[0, ..., 0]
    y, x = np.mgrid[:600, :1000]
    np.testing.assert_array_equal(got, np.sqrt(np.float32(y**2 + x**2)))


def batches():
    yield np.concatenate(
        [
            hole_map(9, 14, (1, 2, 8, 12)),
            random_hole(5, 9, 14, 0.9),
            np.ones((1, 9, 14, 1), np.float32),
            hole_map(9, 14),
        ]
    )
    # Boxes.
    yield np.concatenate(
        [hole_map(16, 11, (0, 0, 9, 5)), hole_map(16, 11, (3, 4, 16, 11)), hole_map(16, 11)]
    )
    yield random_hole(6, 1, 8, 0.6)
    yield random_hole(7, 8, 1, 0.6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [distance_to_known, lambda hole: spatial_discount(hole, 0.9)],
    ids=["distance", "discount"],
)
@pytest.mark.parametrize("jit_compile", [None, True])
def test_unknown_sizes_and_compiled(make, jit_compile):
    any_size = tf.function(
        make, input_signature=[tf.TensorSpec([None, None, None, 1])], jit_compile=jit_compile
    )
    any_batch = tf.function(make, jit_compile=jit_compile)
    for hole in batches():
        want = make(hole)
        np.testing.assert_allclose(any_size(hole), want, rtol=1e-6)
        np.testing.assert_allclose(any_batch(tf.constant(hole)), want, rtol=1e-6)
    some = tf.function(
        make, input_signature=[tf.TensorSpec([None, 9, 14, 1])], jit_compile=jit_compile
    )
    assert some.get_concrete_function().output_shapes.as_list() == [None, 9, 14, 1]


@pytest.mark.parametrize("jit_compile", [None, True])
@pytest.mark.parametrize(
    "hole",
    [
        pytest.param(HOLES["scattered"], id="free-form"),
        pytest.param(HOLES["inside"], id="box", marks=pytest.mark.slow),
    ],
)
def test_a_loss_gradient_passes_by(jit_compile, hole):
    """Both maps are constants to a tape, also inside a compiled step: the hole gets no gradient,
    the output the right one."""

    def gradients(output, hole):
        with tf.GradientTape() as tape:
            tape.watch([output, hole])
            loss = tf.reduce_sum(output * (spatial_discount(hole, 0.9) + distance_to_known(hole)))
        return tape.gradient(
            loss, [output, hole], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    to_output, to_hole = tf.function(gradients, jit_compile=jit_compile)(
        tf.ones(hole.shape), tf.constant(hole)
    )
    np.testing.assert_allclose(
        to_output, spatial_discount(hole, 0.9) + distance_to_known(hole), rtol=1e-6
    )
    assert not np.any(to_hole)


# ----------------------------------------------------------------------------------------- discount


def test_box_by_hand():
    """h = 3: min(i, 3 - i) = 0, 1, 1. w = 5: 0, 1, 2, 2, 1. The result is the larger of both powers
    of 1/2."""
    want = np.zeros((6, 8))
    want[2:5, 1:6] = [
        [1, 1, 1, 1, 1],
        [1, 0.5, 0.5, 0.5, 0.5],
        [1, 0.5, 0.5, 0.5, 0.5],
    ]
    np.testing.assert_allclose(
        spatial_discount(hole_map(6, 8, (2, 1, 5, 6)), 0.5)[0, ..., 0], want, rtol=1e-6
    )


def test_box_as_released():
    """128 x 128, gamma .9: the mean is .253, the centre .9^64 = .0012, the first row 1, the last
    row .9 (except its corner)."""
    box = spatial_discount(hole_map(256, 256, (64, 64, 192, 192)), 0.9)[0, ..., 0].numpy()
    assert box.sum() / 128**2 == pytest.approx(0.253, abs=5e-4)
    assert box[128, 128] == pytest.approx(0.00118, abs=5e-6)
    np.testing.assert_array_equal(box[64, 64:192], np.ones(128))
    np.testing.assert_allclose(box[191, 65:192], np.full(127, 0.9), rtol=1e-6)
    box[64:192, 64:192] = 0
    assert not box.any()


@pytest.mark.parametrize(
    "height,width,where",
    [(9, 7, (0, 0, 9, 7)), (9, 7, (3, 2, 4, 3)), (5, 12, (1, 0, 5, 8)), (1, 6, (0, 2, 1, 6))],
)
def test_boxes_as_a_loop(height, width, where):
    top, left, bottom, right = where
    want = np.zeros((1, height, width, 1))
    for y in range(top, bottom):
        for x in range(left, right):
            want[0, y, x] = max(0.9 ** min(y - top, bottom - y), 0.9 ** min(x - left, right - x))
    np.testing.assert_allclose(
        spatial_discount(hole_map(height, width, where), 0.9), want, rtol=1e-5
    )


FREE_FORM = {
    "one pixel short of a box": hole_map(8, 9, (1, 1, 6, 8)) - hole_map(8, 9, (3, 4, 4, 5)),
    "two boxes": hole_map(8, 9, (0, 0, 2, 3), (5, 2, 8, 6)),
    # Their rows times their columns is the number of their pixels, as for a single box.
    "four boxes in a grid": hole_map(8, 9, (0, 0, 2, 2), (0, 5, 2, 7), (4, 0, 6, 2), (4, 5, 6, 7)),
    "scattered": random_hole(8, 8, 9, 0.8),
}


@pytest.mark.parametrize("where", list(FREE_FORM))
def test_other_holes_take_the_euclidean_distance(where):
    hole = FREE_FORM[where]
    np.testing.assert_allclose(spatial_discount(hole, 0.9), hole * 0.9 ** nearest(hole), rtol=1e-5)


def test_a_given_distance_is_used_for_free_form_holes_only():
    holes = np.concatenate([FREE_FORM["two boxes"], hole_map(8, 9, (1, 1, 6, 8))])
    got = spatial_discount(holes, 0.5, np.full(holes.shape, 3, np.float32))
    np.testing.assert_allclose(got[0], holes[0] / 8)
    np.testing.assert_allclose(got[1:], spatial_discount(holes[1:], 0.5))


def test_each_picture_of_a_batch_has_its_own():
    holes = [
        hole_map(8, 9, (1, 1, 6, 8)),
        FREE_FORM["scattered"],
        hole_map(8, 9),
        hole_map(8, 9, (0, 4, 8, 9)),
        FREE_FORM["two boxes"],
    ]
    got = spatial_discount(np.concatenate(holes), 0.9)
    for i, hole in enumerate(holes):
        np.testing.assert_allclose(got[i : i + 1], spatial_discount(hole, 0.9), rtol=1e-6)


def test_strong_discounts_stay_finite():
    """.01^-200 outside the box would be infinite, and infinity times 0 is not a number."""
    for hole in (hole_map(256, 4, (0, 0, 3, 3)), hole_map(256, 4, (0, 0, 3, 3), (100, 0, 101, 1))):
        assert np.isfinite(spatial_discount(hole, 0.01)).all()


def test_no_hole_no_weight():
    assert not np.any(spatial_discount(np.zeros((2, 5, 4, 1), np.float32), 0.9))


def test_boxes_do_without_the_distance(monkeypatch):
    def refuse(hole):
        raise AssertionError("distance_to_known was called")

    monkeypatch.setattr(discount, "distance_to_known", refuse)
    spatial_discount(np.concatenate([hole_map(8, 9, (1, 1, 6, 8)), hole_map(8, 9)]), 0.9)
    with pytest.raises(AssertionError, match="was called"):
        spatial_discount(FREE_FORM["two boxes"], 0.9)
