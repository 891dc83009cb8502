"""tfinpaint.layers.CoherentSemanticAttention against a loop over the hole's cells and by hand."""

import naive_layers
import numpy as np
import pytest
import tensorflow as tf
from naive_layers import (
    coherent_gradient,
    coherent_semantic_attention,
    hole_map,
    largest_difference,
    random_features,
)

from tfinpaint.layers import CoherentSemanticAttention

VARIANTS = ("paper", "official")
HOLES = {  # for maps of 6 x 7
    "inside": hole_map(6, 7, (2, 3, 5, 6)),
    "corner": hole_map(6, 7, (0, 0, 2, 3)),
    "edge to edge": hole_map(6, 7, (0, 5, 6, 7)),
    "several": hole_map(6, 7, (0, 6, 2, 7), (3, 3, 5, 5), (5, 0, 6, 1)),
    "one known": hole_map(6, 7, (0, 0, 3, 7), (3, 0, 4, 4), (3, 5, 4, 7), (4, 0, 6, 7)),
    "one cell": hole_map(6, 7, (5, 6, 6, 7)),
    "none": hole_map(6, 7),
    "all": hole_map(6, 7, (0, 0, 6, 7)),
}
BATCH = np.concatenate(list(HOLES.values()))


def positive_features(seed, *shape):
    """Features as after a ReLU. The released weights are unbounded if scores have both signs, so
    float32 is tested on these."""
    return np.abs(random_features(seed, *shape))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("where", list(HOLES))
def test_equations(variant, where):
    hole = HOLES[where]
    for features in (
        random_features(0, 1, 6, 7, 5, dtype=np.float64),
        positive_features(1, 1, 6, 7, 5),
    ):
        layer = CoherentSemanticAttention(variant, dtype=features.dtype)
        got, attention = layer([features, hole.astype(features.dtype)], with_attention_weights=True)
        want, want_attention = coherent_semantic_attention(features, hole, variant)
        tolerance = 1e-8 if features.dtype == np.float64 else 2e-5
        assert largest_difference(got, want) < tolerance
        assert largest_difference(attention, want_attention) < tolerance
        np.testing.assert_array_equal(layer([features, hole.astype(features.dtype)]), got)
        known = hole[..., 0] == 0
        np.testing.assert_array_equal(np.asarray(got)[known], features[known])
        assert got.dtype == attention.dtype == features.dtype


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("height,width", [(1, 1), (1, 9), (8, 2), (2, 1)])
def test_thin_maps(variant, height, width):
    features, hole = (
        positive_features(2, 1, height, width, 4),
        hole_map(height, width, (0, 0, 1, 1), (0, 3, 1, 7), (3, 0, 8, 1)),
    )
    got = CoherentSemanticAttention(variant)([features, hole])
    assert largest_difference(got, coherent_semantic_attention(features, hole, variant)[0]) < 2e-5


def run_by_hand(variant, rows, hole_cells):
    """rows [H, W, C] and the hole's (row, column) pairs ->
    output [H, W, C], attention [H W, H W]."""
    features = np.array([rows], np.float32)
    hole = hole_map(*features.shape[1:3], *((y, x, y + 1, x + 1) for y, x in hole_cells))
    output, attention = CoherentSemanticAttention(variant)(
        [features, hole], with_attention_weights=True
    )
    np.testing.assert_allclose(
        np.einsum("qk,kc->qc", attention[0], features.reshape(-1, features.shape[-1])),
        np.reshape(output, (-1, features.shape[-1])),
        atol=1e-5,
    )
    return np.asarray(output)[0], np.asarray(attention)[0]


@pytest.mark.parametrize("shape", ["row", "square"])
def test_by_hand(shape):
    """Known a = (2, 0), hole (3, 4), hole (4, 3), known b = (0, 1), in a row or in a 2 x 2 square.
    In the square, the second hole cell's predecessor is the first one, across the end of the row.
    The first hole cell takes the key with the larger cosine, .8 against .6: b.

    paper: the second has cosine .8 with a, and .6 with b and with its predecessor's output (0, 1).
    It takes the share .6 / 1.4 = 3/7 of that output and 4/7 of a: (8/7, 3/7).

    official: the scores are 4 with a / |a| and 3 with b, and 3/5 = .6 with the predecessor's
    output. The share is .6 / 4.6 = 3/23: (40/23, 3/23).
    """
    cells = [[2, 0], [3, 4], [4, 3], [0, 1]]
    for variant, share in (("paper", 3 / 7), ("official", 3 / 23)):
        if shape == "row":
            output, attention = run_by_hand(variant, [cells], [(0, 1), (0, 2)])
        else:
            output, attention = run_by_hand(variant, [cells[:2], cells[2:]], [(0, 1), (1, 0)])
        np.testing.assert_allclose(
            output.reshape(4, 2), [[2, 0], [0, 1], [2 * (1 - share), share], [0, 1]], rtol=1e-5
        )
        np.testing.assert_allclose(
            attention,
            [[1, 0, 0, 0], [0, 0, 0, 1], [1 - share, 0, 0, share], [0, 0, 0, 1]],
            atol=1e-6,
        )


def test_the_previous_output_is_not_normalised_as_released():
    """As above with b = (0, 5). The cosines stay the same. The released share is 3 / (3 + 4) with
    the predecessor's output (0, 5)."""
    for variant, share in (("paper", 3 / 7), ("official", 3 / 7)):
        output, _ = run_by_hand(variant, [[[2, 0], [3, 4], [4, 3], [0, 5]]], [(0, 1), (0, 2)])
        np.testing.assert_allclose(output[0, 2], [2 * (1 - share), 5 * share], rtol=1e-5)


def test_an_unlike_predecessor_by_hand():
    """The second hole cell is (4, -3): cosine .8 with a = (2, 0), -.6 with its predecessor's output
    (0, 1). The paper's share lies in [0, 1], so it is 0 and a is copied. The released share is
    -.6 / (4 - .6) = -3/17: 20/17 a - 3/17 b = (40/17, -3/17)."""
    cells = [[[2, 0], [3, 4], [4, -3], [0, 1]]]
    np.testing.assert_allclose(
        run_by_hand("paper", cells, [(0, 1), (0, 2)])[0][0, 2], [2, 0], rtol=1e-5
    )
    np.testing.assert_allclose(
        run_by_hand("official", cells, [(0, 1), (0, 2)])[0][0, 2], [40 / 17, -3 / 17], rtol=1e-5
    )


def test_nothing_alike_by_hand():
    """(-3, -4) has cosines -.6 with a = (2, 0), and -.8 with b = (0, 1) and with its predecessor's
    output. The paper clamps both scores to 0 and copies the least unlike key, a. As released: Dmax
    is -3, Dad is -.8, and the share is .8 / 3.8 = 4/19: (30/19, 4/19)."""
    cells = [[[2, 0], [3, 4], [-3, -4], [0, 1]]]
    np.testing.assert_allclose(
        run_by_hand("paper", cells, [(0, 1), (0, 2)])[0][0, 2], [2, 0], rtol=1e-5
    )
    np.testing.assert_allclose(
        run_by_hand("official", cells, [(0, 1), (0, 2)])[0][0, 2], [30 / 19, 4 / 19], rtol=1e-5
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_of_equal_keys_the_first_is_taken(variant):
    cells = [[[1, 2], [1, 1], [0, 3], [0, 3], [1, 2], [0, 3]]]
    _, attention = run_by_hand(variant, cells, [(0, 1)])
    # (1, 2) is more like (1, 1) than (0, 3) is.
    np.testing.assert_array_equal(attention[1], [1, 0, 0, 0, 0, 0])
    _, attention = run_by_hand(
        variant, [[[0, 3], [1, 2], [0, 1], [0, 3], [1, 2], [0, 3]]], [(0, 2)]
    )
    np.testing.assert_array_equal(attention[2], [1, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_zero_vector_is_like_nothing(variant):
    """A hole cell of zeros has scores of 0: the first known key is copied, also after another hole
    cell. A key of zeros is passed over."""
    output, attention = run_by_hand(
        variant, [[[0, 0], [3, 4], [0, 0], [2, 0], [0, 1]]], [(0, 1), (0, 2)]
    )
    np.testing.assert_allclose(output[0], [[0, 0], [0, 1], [0, 0], [2, 0], [0, 1]], atol=1e-6)
    np.testing.assert_allclose(attention[1:3], [[0, 0, 0, 0, 1], [1, 0, 0, 0, 0]], atol=1e-6)


def test_where_both_scores_are_0_the_key_is_copied():
    """The second hole cell is (-1, 0): orthogonal to b = (0, 1), and so to its predecessor's copy
    of b, and opposite to a."""
    for variant in VARIANTS:
        output, attention = run_by_hand(
            variant, [[[5, 0], [3, 4], [-1, 0], [0, 1]]], [(0, 1), (0, 2)]
        )
        np.testing.assert_allclose(output[0, 2], [0, 1], atol=1e-6)
        np.testing.assert_allclose(attention[2], [0, 0, 0, 1], atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("where", ["all", "none"])
def test_without_known_cells_or_without_a_hole_features_come_back(variant, where):
    features = random_features(3, 1, 6, 7, 4)
    got, attention = CoherentSemanticAttention(variant)(
        [features, HOLES[where]], with_attention_weights=True
    )
    np.testing.assert_array_equal(got, features)
    np.testing.assert_array_equal(attention, np.eye(42)[None])


def test_what_lies_under_the_hole_only_steers():
    """Outputs are sums of known cells; in `paper` the weights add up to 1. A cosine does not depend
    on how long a vector is."""
    features, hole = random_features(4, 1, 6, 7, 5), HOLES["several"]
    missing = hole[..., 0] > 0
    layer = CoherentSemanticAttention("paper")
    got, attention = layer([features, hole], with_attention_weights=True)
    assert (
        largest_difference(layer([np.where(hole > 0, 50 * features, features), hole]), got) < 1e-5
    )
    attention = np.asarray(attention)[0]
    np.testing.assert_allclose(attention.sum(1), 1, rtol=1e-5)
    assert (attention >= 0).all() and (attention[:, missing.ravel()] == 0).all()
    filled = np.asarray(got)[missing]
    assert (filled <= features[~missing].max(0) + 1e-5).all() and (
        filled >= features[~missing].min(0) - 1e-5
    ).all()
    official = CoherentSemanticAttention("official")(
        [positive_features(4, 1, 6, 7, 5), hole], with_attention_weights=True
    )[1][0]
    assert (np.asarray(official)[:, missing.ravel()] == 0).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_attention_makes_the_output(variant):
    features = positive_features(5, len(BATCH), 6, 7, 5)
    got, attention = CoherentSemanticAttention(variant)(
        [features, BATCH], with_attention_weights=True
    )
    assert attention.shape == (len(BATCH), 42, 42)
    want = tf.matmul(attention, features.reshape(-1, 42, 5))
    assert largest_difference(np.reshape(got, want.shape), want) < 2e-5
    for picture, hole in zip(np.asarray(attention), BATCH):
        known = hole.ravel() == 0
        np.testing.assert_array_equal(picture[known], np.eye(42)[known])


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_picture_has_its_own_hole(variant):
    features, layer = positive_features(6, len(BATCH), 6, 7, 4), CoherentSemanticAttention(variant)
    got = layer([features, BATCH])
    for i in range(len(BATCH)):
        assert (
            largest_difference(got[i : i + 1], layer([features[i : i + 1], BATCH[i : i + 1]]))
            < 1e-5
        )


# ----------------------------------------------------------------------------- the hole's reduction


@pytest.mark.parametrize(
    "variant,factor",
    [("paper", 2), ("paper", 3), ("paper", 8), ("official", 2), ("official", 4), ("official", 8)],
)
def test_a_larger_hole_is_reduced(variant, factor):
    rs = np.random.RandomState(7)
    hole = np.zeros((3, 5 * factor, 6 * factor, 1), np.float32)
    hole[0, : 2 * factor + 1, factor : 3 * factor] = 1
    hole[1] = np.kron(rs.uniform(size=(5, 6)) < 0.3, np.ones((factor, factor)))[..., None]
    hole[2] = rs.uniform(size=hole[2].shape) < (0.1 if variant == "paper" else 0.3)
    reduced = naive_layers.coherent_hole(hole, 5, 6, variant)
    assert (reduced.sum((1, 2, 3)) > 0).all()
    features, layer = positive_features(7, 3, 5, 6, 4), CoherentSemanticAttention(variant)
    got = layer([features, hole])
    np.testing.assert_array_equal(got, layer([features, reduced.astype(np.float32)]))
    assert largest_difference(got, coherent_semantic_attention(features, hole, variant)[0]) < 2e-5


@pytest.mark.parametrize(
    "box,official,paper",
    [
        # The released 120 pixels of 256: 16 x 16 cells without the 4 corners. The hole touches
        # all 16 x 16.
        ((68, 68, 188, 188), 252, 256),
        pytest.param((64, 64, 192, 192), 256, 256, marks=pytest.mark.slow),
        # A stroke 4 pixels wide and as long as the picture vanishes as released; it touches one row
        # of cells.
        ((100, 0, 104, 256), 0, 32),
    ],
)
def test_cells_of_known_holes(box, official, paper):
    features, hole = positive_features(8, 1, 32, 32, 3), hole_map(256, 256, box)
    for variant, cells in (("official", official), ("paper", paper)):
        got = np.asarray(CoherentSemanticAttention(variant)([features, hole]))
        assert (got != features).any(-1).sum() == cells


def test_reductions_by_hand():
    """From 8 x 8 to 4 x 4: cell (1, 1) averages rows and columns 1 to 4. Five pixels there are
    5/16, which is not more than the limit: no hole. Six are a hole. If they lie in rows 2 and 3 and
    columns 1 to 3, no other cell's window holds more than four. The paper's cells are 2 x 2
    pixels."""
    features, hole = positive_features(9, 1, 4, 4, 3), np.zeros((1, 8, 8, 1), np.float32)

    def cells(variant):
        got = np.asarray(CoherentSemanticAttention(variant)([features, hole]))
        return np.argwhere((got != features).any(-1)[0]).tolist()

    hole[0, 2:4, 1:4] = 1
    assert cells("official") == [[1, 1]]
    assert cells("paper") == [[1, 0], [1, 1]]
    hole[0, 3, 3] = 0
    assert cells("official") == []
    assert cells("paper") == [[1, 0], [1, 1]]


@pytest.mark.parametrize("variant,height,width", [
    ("official", 12, 15), ("official", 24, 30), ("official", 8, 5), ("paper", 8, 5),
    ("paper", 9, 10), ("paper", 2, 2), ("official", 2, 2), ("paper", 4, 10)])  # fmt: skip
def test_a_hole_whose_size_does_not_fit_is_refused(variant, height, width):
    """For features of 4 x 5. As released the factor is a power of two: 3 and 6 are not."""
    with pytest.raises(ValueError, match="Got"):
        CoherentSemanticAttention(variant)(
            [random_features(10, 1, 4, 5, 3), np.ones((1, height, width, 1), np.float32)]
        )


# ------------------------------------------------------------------------------------ the gradients


@pytest.mark.slow
@pytest.mark.parametrize("where", ["several", "inside", "corner"])
def test_paper_gradient(where):
    """In float64 against finite differences: through shares, cosines and copies. The choice of keys
    is held fixed."""
    features = random_features(11, 1, 6, 7, 2, dtype=np.float64)
    hole, layer = (
        HOLES[where].astype(np.float64),
        CoherentSemanticAttention("paper", dtype="float64"),
    )
    theory, numeric = tf.test.compute_gradient(
        tf.function(lambda f: layer([f, hole])), [features], delta=1e-6
    )
    assert largest_difference(theory[0], numeric[0]) < 1e-6
    missing = np.repeat(hole.ravel() > 0, 2)
    assert np.abs(theory[0][:, missing]).max() > 0.01  # content under the hole steers
    assert (theory[0][~missing][:, ~missing] == np.eye((~missing).sum())).all()


def test_paper_gradient_by_hand():
    """One hole cell copies a key. No gradient passes through it, and its key receives its gradient
    besides its own."""
    features = tf.constant([[[[2.0, 0], [3, 4], [0, 1]]]])
    with tf.GradientTape() as tape:
        tape.watch(features)
        output = CoherentSemanticAttention("paper")([features, hole_map(1, 3, (0, 1, 1, 2))])
        total = tf.reduce_sum(output * [[[[1.0, 2], [3, 4], [5, 6]]]])
    np.testing.assert_allclose(
        tape.gradient(total, features), [[[[1, 2], [0, 0], [8, 10]]]], atol=1e-6
    )


def test_paper_gradient_without_known_cells():
    features = tf.constant(random_features(12, 2, 6, 7, 3))
    holes = np.concatenate([HOLES["all"], HOLES["none"]])
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = tf.reduce_sum(CoherentSemanticAttention("paper")([features, holes]) ** 2)
    np.testing.assert_allclose(tape.gradient(total, features), 2 * features, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_official_gradient(dtype):
    """The released backward pass: the gradient passes straight through, and a second time through
    the attention's transpose."""
    features = positive_features(13, len(BATCH), 6, 7, 4).astype(dtype)
    upstream = random_features(14, *features.shape, dtype=dtype)
    layer, x = CoherentSemanticAttention("official", dtype=dtype), tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer([x, BATCH.astype(dtype)]) * upstream)
    _, attention = coherent_semantic_attention(features, BATCH, "official")
    got, want = tape.gradient(total, x), coherent_gradient(attention, upstream)
    assert largest_difference(got, want) < (1e-9 if dtype == np.float64 else 2e-5)
    np.testing.assert_allclose(
        got[list(HOLES).index("none")], 2 * upstream[list(HOLES).index("none")], rtol=1e-5
    )


def test_official_gradient_of_features_of_both_signs():
    """Shares far outside [0, 1], where a gradient through them would differ most."""
    features = random_features(15, 1, 6, 7, 4, dtype=np.float64)
    upstream, hole = (
        random_features(16, 1, 6, 7, 4, dtype=np.float64),
        HOLES["inside"].astype(np.float64),
    )
    x = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(
            CoherentSemanticAttention("official", dtype="float64")([x, hole]) * upstream
        )
    _, attention = coherent_semantic_attention(features, hole, "official")
    assert attention.min() < -0.1
    assert (
        largest_difference(tape.gradient(total, x), coherent_gradient(attention, upstream)) < 1e-8
    )


def test_official_gradient_by_hand():
    """Known a, holes p and q, known b as above: p copies b, q takes 20/23 of a and 3/23 of b. The
    upstream gradient is 1, 10, 100, 1000 in the first channel: a receives 1 + 1 + 100 * 20/23, p
    10, q 100, b 1000 + 1000 + 10 + 100 * 3/23."""
    features, upstream = (
        tf.constant([[[[2.0, 0], [3, 4], [4, 3], [0, 1]]]]),
        [[[[1.0, 0], [10, 0], [100, 0], [1000, 0]]]],
    )
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = tf.reduce_sum(
            CoherentSemanticAttention("official")([features, hole_map(1, 4, (0, 1, 1, 3))])
            * upstream
        )
    want = [2 + 2000 / 23, 10, 100, 2010 + 300 / 23]
    np.testing.assert_allclose(
        tape.gradient(total, features), [[[[w, 0] for w in want]]], rtol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_eager_function_and_compiled_are_equal(variant):
    """Gradients are compared too."""
    layer, features = (
        CoherentSemanticAttention(variant),
        tf.constant(positive_features(17, len(BATCH), 6, 7, 4)),
    )
    upstream = random_features(18, *features.shape)

    def run(x, hole):
        with tf.GradientTape() as tape:
            tape.watch(x)
            output, attention = layer([x, hole], with_attention_weights=True)
            total = tf.reduce_sum(output * upstream)
        return output, attention, tape.gradient(total, x)

    want = run(features, BATCH)
    for jit_compile in (False, True):
        for got, wanted in zip(tf.function(run, jit_compile=jit_compile)(features, BATCH), want):
            assert largest_difference(got, wanted) < 1e-5


@pytest.mark.parametrize("variant", VARIANTS)
def test_unknown_sizes(variant):
    layer = CoherentSemanticAttention(variant)
    signature = [tf.TensorSpec([None, None, None, 4]), tf.TensorSpec([None, None, None, 1])]
    call = tf.function(lambda f, h: layer([f, h]), input_signature=signature)
    for batch, height, width, factor in ((1, 6, 5, 1), (3, 4, 7, 2), (2, 2, 3, 8)):
        features, hole = (
            positive_features(19, batch, height, width, 4),
            np.zeros((batch, height * factor, width * factor, 1), np.float32),
        )
        hole[0, : 2 * factor, :factor], hole[-1, -factor:, factor : 3 * factor] = 1, 1
        assert (
            largest_difference(
                call(features, hole), coherent_semantic_attention(features, hole, variant)[0]
            )
            < 2e-5
        )
    inputs = tf.keras.Input((None, None, 4)), tf.keras.Input((None, None, 1))
    assert layer(list(inputs)).shape.as_list() == [None, None, None, 4]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("where", ["several", "none", "all"])
def test_zero_features_are_no_nan(variant, where):
    partly = positive_features(20, 1, 6, 7, 4)
    partly[:, :, 3] = 0
    partly[HOLES[where][..., 0] > 0] = 0
    layer = CoherentSemanticAttention(variant)
    for features in (tf.constant(partly), tf.zeros_like(partly)):
        with tf.GradientTape() as tape:
            tape.watch(features)
            got = layer([features, HOLES[where]])
            total = tf.reduce_sum(got * random_features(21, 6, 7, 4))
        assert np.isfinite(tape.gradient(total, features)).all()
        assert (
            largest_difference(got, coherent_semantic_attention(features, HOLES[where], variant)[0])
            < 2e-5
        )


@pytest.mark.parametrize("variant", VARIANTS)
def test_config_round_trip(variant):
    layer = CoherentSemanticAttention(variant, name="look")
    again = CoherentSemanticAttention.from_config(layer.get_config())
    assert (again.variant, again.name) == (variant, "look") and not layer.weights
    features = positive_features(22, 1, 6, 7, 4)
    np.testing.assert_array_equal(
        again([features, HOLES["several"]]), layer([features, HOLES["several"]])
    )
    assert CoherentSemanticAttention().variant == "paper"


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="Got.*papers"):
        CoherentSemanticAttention("papers")
