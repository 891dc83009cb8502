"""tfinpaint.layers.ContextualAttention (DeepFill v1) against loops and by hand.

The loops follow the steps of the released code.
"""

import numpy as np
import pytest
import tensorflow as tf
from naive_layers import contextual_attention, hole_map, largest_difference, random_features

from tfinpaint.layers import ContextualAttention

HOLES = {  # for maps of 8 x 12
    "inside": hole_map(8, 12, (3, 4, 6, 8)),
    "corner": hole_map(8, 12, (0, 0, 3, 5)),
    "edge to edge": hole_map(8, 12, (0, 9, 8, 12)),
    "several": hole_map(8, 12, (0, 10, 2, 12), (4, 4, 6, 6), (7, 0, 8, 1)),
    "few keys": hole_map(8, 12, (0, 0, 8, 7), (6, 0, 8, 12)),
    "none": hole_map(8, 12),
    "all": hole_map(8, 12, (0, 0, 8, 12)),
}
BATCH = np.concatenate(list(HOLES.values()))


@pytest.mark.parametrize(
    "rate,fuse,patch_size", [(2, 3, 3), (2, 1, 3), (1, 3, 3), (4, 3, 3), (2, 5, 1), (1, 1, 5)]
)
@pytest.mark.parametrize("spread", [0.1, 1])
def test_released_steps(rate, fuse, patch_size, spread):
    """Small features share the weight among many keys (and leave some with those of the hole);
    large ones give it to one."""
    features = spread * random_features(0, len(BATCH), 8, 12, 5)
    got, matches = ContextualAttention(patch_size, rate, fuse)(
        [features, BATCH], with_attention_maps=True
    )
    want, want_matches, weights = contextual_attention(features, BATCH, patch_size, rate, fuse)
    assert largest_difference(got, want) < 2e-5
    assert matches.dtype == tf.int32 and matches.shape == (len(BATCH), 8 // rate, 12 // rate, 2)
    best = np.sort(weights, -1)[..., -2:].reshape(*matches.shape[:3], 2)
    clear = best[..., 1] > best[..., 0] + 1e-4  # otherwise rounding picks among equals
    assert clear[:-1].mean() > 0.5
    np.testing.assert_array_equal(np.asarray(matches)[clear], want_matches[clear])


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0])
def test_softmax_scale(scale):
    features = 0.3 * random_features(1, 1, 8, 12, 3)
    got = ContextualAttention(softmax_scale=scale)([features, HOLES["several"]])
    assert (
        largest_difference(
            got, contextual_attention(features, HOLES["several"], softmax_scale=scale)[0]
        )
        < 2e-5
    )


@pytest.mark.parametrize("height,width", [(2, 2), (2, 10), (6, 4), (14, 2), (6, 10)])
@pytest.mark.parametrize("fuse", [1, 3, 5])
def test_thin_and_odd_maps(height, width, fuse):
    """Of 6 rows the 3 sampled are 0, 2.5 -> 3 and 5. A map with one sampled position attends to
    itself."""
    features, hole = (
        0.3 * random_features(2, 1, height, width, 4),
        hole_map(height, width, (0, 0, 1, 1)),
    )
    got = ContextualAttention(fuse=fuse)([features, hole])
    assert largest_difference(got, contextual_attention(features, hole, fuse=fuse)[0]) < 2e-5


def test_by_hand():
    """Known (1, 0), hole (0, 1), rate 1, patches of 1, scale ln 3.

    The first query scores 1, and 0 with the hole's key: weights .75 and .25, of which the second is
    then struck out. The second query scores 0, and 1, which is struck out before the softmax too:
    weights .5 and 0. The one value is the 2 x 2 patch at the first position, [(1, 0), (0, 1)] with
    padding below: the hole's features are copied, as released. So the first position receives
    .75 (1, 0), the second .75 (0, 1) and .5 (1, 0), each / 4.
    """
    features, hole = np.array([[[[1, 0], [0, 1]]]], np.float32), hole_map(1, 2, (0, 1, 1, 2))
    got, matches = ContextualAttention(1, 1, 1, np.log(3))(
        [features, hole], with_attention_maps=True
    )
    np.testing.assert_allclose(got, [[[[0.1875, 0], [0.125, 0.1875]]]], atol=1e-6)
    np.testing.assert_array_equal(matches, [[[[0, 0], [0, 0]]]])


def test_short_keys_by_hand():
    """Features 1 and 1e-5 in a row: the keys are 1 and .1, as the second is divided by 1e-4 rather
    than by its length. At scale 10 ln 2 the first query's weights are 2^10 and 2^1 of 1026; the
    second's are 1/2 each, to within 1e-4. The values are [1 1e-5] and [1e-5 0]. With 2e-4 in place
    of 1e-5 both keys are 1."""
    for short, weight in ((1e-5, 1024 / 1026), (2e-4, 0.5)):
        features = np.array([1, short], np.float32).reshape(1, 1, 2, 1)
        got = ContextualAttention(1, 1, 1, 10 * np.log(2))([features, hole_map(1, 2)])
        np.testing.assert_allclose(np.ravel(got), [weight / 4, 0.5 / 4], atol=3e-4)


def test_fuse_by_hand():
    """Features 1, 2, 4 in a row, all known: keys are 1, scores [1 1 1], [2 2 2], [4 4 4].

    Diagonal sums once: [3 3 1], [6 7 3], [4 6 6]. Twice (in one row, column by column is the same
    order): [10 6 1], [12 16 6], [4 12 13]. Scale ln 2 makes them powers of two. The values are
    [1 2], [2 4], [4 0]. The first query receives (1024 [1 2] + 64 [2 4] + 2 [4 0]) / 1090 =
    [1160 2304] / 1090; the second, with (4096, 65536, 64) / 69696, [135424 270336] / 69696; the
    third, with (16, 4096, 8192) / 12304, 40976 / 12304 and a part beyond the map.
    """
    features = np.array([1, 2, 4], np.float32).reshape(1, 1, 3, 1)
    got, matches = ContextualAttention(1, 1, 3, np.log(2))(
        [features, hole_map(1, 3)], with_attention_maps=True
    )
    want = [1160 / 1090, 2304 / 1090 + 135424 / 69696, 270336 / 69696 + 40976 / 12304]
    np.testing.assert_allclose(np.ravel(got), np.array(want) / 4, rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(matches)[0, 0], [[0, 0], [0, 1], [0, 2]])


def test_fuse_wraps_across_row_ends_by_hand():
    """A map of 2 x 2 with 2, 1, 1, 1, all known: keys are 1, so the rows of the scores are 2 2 2 2
    and three times 1 1 1 1.

    Numbered row by row, the second query's scores gain those of the first query one step back, and
    those of the third, which is in the next row, one step on: [1 + 1, 1 + 2 + 1, 1 + 2 + 1, 1 + 2]
    = [2 4 4 3]. Then the same is done column by column. A value is a pixel with its right, lower
    and lower right neighbours.
    """
    features = np.array([[2, 1], [1, 1]], np.float32).reshape(1, 2, 2, 1)
    once = np.array([[3, 3, 3, 2], [2, 4, 4, 3], [2, 3, 3, 2], [1, 2, 2, 2]])
    turned = once[np.ix_([0, 2, 1, 3], [0, 2, 1, 3])]  # column by column
    twice = np.array(
        [
            [
                sum(turned[q + d, k + d] for d in (-1, 0, 1) if 0 <= q + d < 4 and 0 <= k + d < 4)
                for k in range(4)
            ]
            for q in range(4)
        ]
    )[np.ix_([0, 2, 1, 3], [0, 2, 1, 3])]
    weights = np.exp2(twice) / np.exp2(twice).sum(1, keepdims=True)
    values = np.array([[2, 1, 1, 1], [1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]])
    pasted = (weights @ values).reshape(2, 2, 2, 2)  # [y, x, patch row, patch column]
    want = [
        [pasted[0, 0, 0, 0], pasted[0, 0, 0, 1] + pasted[0, 1, 0, 0]],
        [
            pasted[0, 0, 1, 0] + pasted[1, 0, 0, 0],
            pasted[0, 0, 1, 1] + pasted[0, 1, 1, 0] + pasted[1, 0, 0, 1] + pasted[1, 1, 0, 0],
        ],
    ]
    got = ContextualAttention(1, 1, 3, np.log(2))([features, hole_map(2, 2)])
    np.testing.assert_allclose(np.asarray(got)[0, ..., 0], np.array(want) / 4, rtol=1e-5)


def test_the_border_comes_out_halved():
    """At rate 2 each inner pixel lies in 4 patches, one at the border in 2, one in a corner in 1;
    the sum is always divided by 4, as released. The constant features are so large that each query
    takes one key of its own kind."""
    got = np.asarray(
        ContextualAttention(fuse=1)([np.full((1, 8, 12, 1), 100, np.float32), HOLES["none"]])
    )[0, ..., 0]
    share = np.ones((8, 12))
    share[[0, -1]] /= 2
    share[:, [0, -1]] /= 2
    np.testing.assert_allclose(got, 100 * share, rtol=1e-5)


def test_known_positions_are_replaced_too():
    features = random_features(3, 1, 8, 12, 5)
    difference = np.abs(np.asarray(ContextualAttention()([features, HOLES["inside"]])) - features)
    assert (difference.max(-1) > 1e-3).mean() > 0.3


@pytest.mark.parametrize("rate,fuse", [(2, 3), (1, 1)])
def test_no_known_key_gives_zeros(rate, fuse):
    """A picture that is all hole; and a chequerboard of sampled positions, of which half are known
    but no 3 x 3 patch is."""
    chequers = (
        (np.indices((8 // rate, 12 // rate)).sum(0) % 2)
        .repeat(rate, 0)
        .repeat(rate, 1)[None, ..., None]
    )
    for hole in (HOLES["all"], chequers.astype(np.float32)):
        got, matches = ContextualAttention(rate=rate, fuse=fuse)(
            [random_features(4, 1, 8, 12, 5), hole], with_attention_maps=True
        )
        np.testing.assert_array_equal(got, np.zeros((1, 8, 12, 5)))
        assert (np.asarray(matches) >= 0).all() and (
            np.asarray(matches) < [8 // rate, 12 // rate]
        ).all()


@pytest.mark.parametrize(
    "height,width", [(16, 24), (32, 48), (7, 9), (3, 5), (4, 6), (16, 12), (1, 1), (37, 25)]
)
def test_a_hole_of_any_size(height, width):
    hole = (np.random.RandomState(5).uniform(size=(3, height, width, 1)) < 0.1).astype(np.float32)
    hole[2] = 1
    features = 0.3 * random_features(5, 3, 8, 12, 4)
    for rate in (1, 2):
        got = ContextualAttention(rate=rate)([features, hole])
        assert largest_difference(got, contextual_attention(features, hole, rate=rate)[0]) < 2e-5


@pytest.mark.parametrize("larger,smaller,taken", [
    # 0, 4, 8, ..., 40, 45, ..., 251, 255: never a half.
    (256, 64, [round(i * 255 / 63) for i in range(64)]),
    (6, 3, [0, 3, 5]), (14, 3, [0, 7, 13]), (10, 5, [0, 2, 5, 7, 9]),  # 2.5, 6.5 and 4.5 round up
])  # fmt: skip
def test_the_pixels_that_stand_for_a_hole(larger, smaller, taken):
    """Corners are aligned. A hole at these pixels alone leaves no known key; one everywhere else
    leaves all keys known."""
    hole = np.zeros((1, 1, larger, 1), np.float32)
    hole[0, 0, taken] = 1
    features, layer = random_features(6, 1, 1, smaller, 3), ContextualAttention(rate=1)
    np.testing.assert_array_equal(layer([features, hole]), np.zeros_like(features))
    np.testing.assert_array_equal(
        layer([features, 1 - hole]), layer([features, hole_map(1, smaller)])
    )


def test_each_picture_has_its_own_hole():
    features = random_features(7, len(BATCH), 8, 12, 4)
    layer = ContextualAttention()
    got = layer([features, BATCH])
    for i in range(len(BATCH)):
        assert (
            largest_difference(got[i : i + 1], layer([features[i : i + 1], BATCH[i : i + 1]]))
            < 1e-5
        )
    assert largest_difference(got[0], layer([features[:1], HOLES["corner"]])[0]) > 0.1


@pytest.mark.parametrize("rate,fuse", [pytest.param(2, 3, marks=pytest.mark.slow), (1, 1)])
def test_eager_function_and_compiled_are_equal(rate, fuse):
    features, layer = (
        random_features(8, len(BATCH), 8, 12, 4),
        ContextualAttention(rate=rate, fuse=fuse),
    )
    want, want_matches = layer([features, BATCH], with_attention_maps=True)
    for jit_compile in (False, True):
        call = tf.function(
            lambda f, h: layer([f, h], with_attention_maps=True), jit_compile=jit_compile
        )
        got, matches = call(features, BATCH)
        assert largest_difference(got, want) < 1e-5
        np.testing.assert_array_equal(matches[:-1], want_matches[:-1])


def test_unknown_sizes():
    layer = ContextualAttention()
    signature = [tf.TensorSpec([None, None, None, 4]), tf.TensorSpec([None, None, None, 1])]
    call = tf.function(lambda f, h: layer([f, h]), input_signature=signature)
    for batch, height, width, hole_size in (
        (1, 6, 10, (6, 10)),
        (3, 8, 4, (32, 16)),
        (2, 4, 4, (5, 3)),
    ):
        features = 0.3 * random_features(9, batch, height, width, 4)
        hole = (np.random.RandomState(9).uniform(size=(batch, *hole_size, 1)) < 0.2).astype(
            np.float32
        )
        assert (
            largest_difference(call(features, hole), contextual_attention(features, hole)[0]) < 2e-5
        )
    inputs = tf.keras.Input((None, None, 4)), tf.keras.Input((None, None, 1))
    assert layer(list(inputs)).shape.as_list() == [None, None, None, 4]


@pytest.mark.parametrize(
    "rate,fuse,shape",
    [
        (1, 3, (2, 3)),
        *(pytest.param(2, *case, marks=pytest.mark.slow) for case in ((1, (6, 4)), (3, (4, 6)))),
    ],
)
def test_gradient(rate, fuse, shape):
    """In float64 against finite differences; the last picture has no known key. The output itself
    is as near to that of the loops."""
    features = 0.3 * random_features(10, 2, *shape, 2, dtype=np.float64)
    hole = np.concatenate(
        [hole_map(*shape, (0, 0, 1, 1)), hole_map(*shape, (0, 0, *shape))]
    ).astype(np.float64)
    layer = ContextualAttention(1, rate, fuse, dtype="float64")
    got = layer([features, hole])
    assert got.dtype == tf.float64
    assert largest_difference(got, contextual_attention(features, hole, 1, rate, fuse)[0]) < 1e-12
    theory, numeric = tf.test.compute_gradient(
        tf.function(lambda f: layer([f, hole])), [features], delta=1e-5
    )
    assert np.abs(numeric[0]).max() > 0.1 and largest_difference(theory[0], numeric[0]) < 1e-6


def test_gradient_of_3x3_keys():
    features, hole = (
        0.3 * random_features(11, 1, 2, 5, 2, dtype=np.float64),
        hole_map(2, 5, (0, 0, 1, 1)).astype(np.float64),
    )
    layer = ContextualAttention(rate=1, dtype="float64")
    theory, numeric = tf.test.compute_gradient(
        tf.function(lambda f: layer([f, hole])), [features], delta=1e-5
    )
    assert np.abs(numeric[0]).max() > 0.1 and largest_difference(theory[0], numeric[0]) < 1e-6


@pytest.mark.parametrize("where", ["inside", "none", "all"])
def test_zero_features_give_zeros_and_finite_gradients(where):
    partly = random_features(12, 1, 8, 12, 4)
    partly[:, :, :6] = 0
    layer = ContextualAttention()
    for features in (tf.constant(partly), tf.zeros_like(partly)):
        with tf.GradientTape() as tape:
            tape.watch(features)
            got = layer([features, HOLES[where]])
            total = tf.reduce_sum(got * random_features(13, 8, 12, 4))
        assert np.isfinite(tape.gradient(total, features)).all()
        assert largest_difference(got, contextual_attention(features, HOLES[where])[0]) < 2e-5
    np.testing.assert_array_equal(got, np.zeros((1, 8, 12, 4)))


def test_large_features_stay_finite():
    features = 1e4 * random_features(14, 2, 8, 12, 4)
    holes = np.concatenate([HOLES["several"], HOLES["few keys"]])
    assert (
        largest_difference(
            ContextualAttention()([features, holes]), contextual_attention(features, holes)[0]
        )
        < 2e-5
    )


def test_config_round_trip():
    layer = ContextualAttention(5, 4, 1, 3.0, name="look")
    again = ContextualAttention.from_config(layer.get_config())
    assert (again.patch_size, again.rate, again.fuse, again.softmax_scale, again.name) == (
        5, 4, 1, 3.0, "look")  # fmt: skip
    features = random_features(15, 1, 8, 12, 4)
    np.testing.assert_array_equal(
        again([features, HOLES["corner"]]), layer([features, HOLES["corner"]])
    )
    default = ContextualAttention()
    assert (default.patch_size, default.rate, default.fuse, default.softmax_scale) == (
        3, 2, 3, 10.0)  # fmt: skip
    assert not default.weights


@pytest.mark.parametrize(
    "arguments", [{"patch_size": 0}, {"patch_size": 2}, {"rate": 0}, {"fuse": 0}, {"fuse": 2}]
)
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Got"):
        ContextualAttention(**arguments)


@pytest.mark.parametrize("height,width,rate", [(7, 12, 2), (8, 11, 2), (8, 10, 4)])
def test_maps_that_the_rate_does_not_divide_are_refused(height, width, rate):
    with pytest.raises(ValueError, match="Got"):
        ContextualAttention(rate=rate)(
            [random_features(16, 1, height, width, 3), hole_map(height, width)]
        )
