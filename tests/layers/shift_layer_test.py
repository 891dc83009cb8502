"""tfinpaint.layers.ShiftLayer against a loop over the hole's cells and by hand."""

import naive_layers
import numpy as np
import pytest
import tensorflow as tf
from naive_layers import hole_map, random_features

from tfinpaint.layers import ShiftLayer, tracing

VARIANTS = ("paper", "official")
HOLES = {  # for maps of 6 x 7
    "inside": hole_map(6, 7, (2, 3, 5, 6)),
    "corner": hole_map(6, 7, (0, 0, 2, 3)),
    "several": hole_map(6, 7, (0, 6, 2, 7), (3, 3, 5, 5), (5, 0, 6, 1)),
    "one known": hole_map(6, 7, (0, 0, 3, 7), (3, 0, 4, 4), (3, 5, 4, 7), (4, 0, 6, 7)),
    "one cell": hole_map(6, 7, (5, 6, 6, 7)),
    "none": hole_map(6, 7),
    "all": hole_map(6, 7, (0, 0, 6, 7)),
}
BATCH = np.concatenate(list(HOLES.values()))


def test_against_loops():
    """Each picture has its own number of hole cells; features have both signs."""
    features = random_features(0, len(BATCH), 6, 7, 10)
    output, matches = ShiftLayer()([features, BATCH], with_attention_maps=True)
    want, index = naive_layers.shift_layer(features, BATCH)
    np.testing.assert_array_equal(output, want.astype(np.float32))
    taken = np.asarray(matches[..., 0] * 7 + matches[..., 1]).reshape(index.shape)
    np.testing.assert_array_equal(taken[index >= 0], index[index >= 0])
    assert (want[-1, ..., 10:] == 0).all()  # nothing is known, nothing is shifted
    for i in range(len(BATCH)):
        alone = ShiftLayer()([features[i : i + 1], BATCH[i : i + 1]])
        np.testing.assert_array_equal(alone[0], output[i])


@pytest.mark.parametrize("height, width", [(1, 1), (1, 9), (8, 2)])
def test_thin_maps(height, width):
    features = random_features(1, 1, height, width, 6)
    hole = hole_map(height, width, (0, 0, 1, 1), (0, 3, 1, 7), (3, 0, 8, 1))
    np.testing.assert_array_equal(
        ShiftLayer()([features, hole]),
        naive_layers.shift_layer(features, hole)[0].astype(np.float32),
    )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("factor", [2, 3, 8])
def test_a_larger_hole_is_reduced(variant, factor):
    hole = (np.random.RandomState(2).uniform(size=(3, 5 * factor, 6 * factor, 1)) < 0.05) * 1.0
    features = random_features(2, 3, 5, 6, 8)
    np.testing.assert_array_equal(
        ShiftLayer(variant)([features, hole.astype(np.float32)]),
        naive_layers.shift_layer(features, hole, variant)[0].astype(np.float32),
    )


@pytest.mark.parametrize("variant, cells", [("paper", 256), ("official", 225)])
def test_the_papers_hole(variant, cells):
    """120 x 120 pixels, rows and columns 68..187 of 256, touch 16 x 16 cells; the top-left pixels
    of 15 x 15, rows and columns 9..23, lie in them."""
    features, hole = (
        np.abs(random_features(3, 1, 32, 32, 4)),
        hole_map(256, 256, (68, 68, 188, 188)),
    )
    shifted = np.asarray(ShiftLayer(variant)([features, hole]))[0, ..., 4:].any(-1)
    assert shifted.sum() == cells
    assert (np.argwhere(shifted).min(), np.argwhere(shifted).max()) == (24 - cells**0.5, 23)


def shifted(decoder, encoder, missing):
    """One row of cells by hand: lists of vectors, and which are missing. -> the shifted ones."""
    features = np.concatenate([decoder, encoder], -1)[np.newaxis, np.newaxis].astype(np.float32)
    hole = np.zeros((1, 1, len(decoder), 1), np.float32)
    hole[0, 0, missing] = 1
    output = np.asarray(ShiftLayer()([features, hole]))
    np.testing.assert_array_equal(output[..., : features.shape[-1]], features)
    return output[0, 0, :, features.shape[-1] :].tolist()


def test_by_hand():
    """(3, 4) has cosine .6 with (9, 0), .8 with (0, 1), and .96 with the missing (4, 3), which does
    not count. Long keys have no advantage."""
    nothing = [0, 0]
    got = shifted([nothing, [3, 4], nothing, nothing], [[9, 0], [4, 3], [4, 3], [0, 1]], [1, 2])
    assert got == [nothing, [0, 1], [9, 0], nothing]  # the second query is a zero vector


def test_of_equal_keys_the_first_is_taken():
    keys = [[0, 2], [1, 1], [1, 3], [1, 1], [2, 0], [3, 1]]
    assert shifted([[1, 1]] * 6, keys, [5])[5] == [1, 1]
    # Nothing is like the query, but all are known.
    assert shifted([[-1, -1]] * 6, keys[::-1], [0])[0] == [2, 0]


def test_a_key_of_zeros_is_taken_only_if_there_is_no_other():
    assert shifted([[-1, 0]] * 3, [[0, 0], [1, 0], [1, 1]], [2])[2] == [1, 0]
    assert shifted([[1, 0]] * 3, [[0, 0], [0, 0], [1, 1]], [2])[2] == [0, 0]
    assert shifted([[0, 0]] * 3, [[0, 0], [1, 0], [1, 1]], [2])[2] == [0, 0]  # the first known one
    tiny = [[1e-12, 0], [0, 1e-12], [0, 0]]  # no length is too small
    assert shifted([[1e-12, 1e-10]] * 3, tiny, [2])[2] == [0, np.float32(1e-12)]


def test_gradient_by_hand():
    """What arrives at the shifted channels is added to the chosen key's, twice if it is chosen
    twice. The decoder learns nothing through the choice."""
    decoder, encoder = [[0, 0], [1, 2], [2, 1], [0, 0]], [[0, 1], [7, 7], [7, 7], [1, 3]]
    features = tf.constant([[np.concatenate([decoder, encoder], -1)]], tf.float32)
    hole = np.float32([0, 1, 1, 0]).reshape(1, 1, 4, 1)
    upstream = np.random.RandomState(4).uniform(size=(1, 1, 4, 6)).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(features)
        output = ShiftLayer()([features, hole])
    want = upstream[..., :4].copy()
    want[0, 0, 3, 2:] += upstream[0, 0, 1, 4:] + upstream[0, 0, 2, 4:]
    np.testing.assert_allclose(tape.gradient(output, features, upstream), want, rtol=1e-6)


def test_attention_maps():
    """Each position's whole weight is on the cell it takes, or would take if it were missing."""
    # The first is known, the second missing.
    features, at = random_features(5, 2, 6, 7, 8), np.array([(0, 0), (1, 1)], np.int32)
    holes = BATCH[:2]
    layer = ShiftLayer()
    output, (matches, weights) = layer(
        [features, holes], with_attention_maps=True, weights_at=tf.constant(at)
    )
    np.testing.assert_array_equal(output, layer([features, holes]))
    assert matches.dtype == tf.int32 and weights.shape == (2, 6, 7)
    for k in range(2):
        decoder, encoder = np.split(features[k].reshape(42, 8), 2, axis=-1)
        keys = encoder / np.linalg.norm(encoder, axis=-1, keepdims=True)
        best = np.where(holes[k].ravel() == 0, decoder @ keys.T, -np.inf).argmax(-1)
        np.testing.assert_array_equal(
            matches[k], np.stack([best // 7, best % 7], -1).reshape(6, 7, 2)
        )
        assert np.sum(weights[k]) == 1 and weights[k][tuple(matches[k][tuple(at[k])])] == 1
    larger = layer(
        [features, holes.repeat(4, 1).repeat(4, 2)],
        with_attention_maps=True,
        weights_at=tf.constant(at * 4 + 3),
    )
    np.testing.assert_array_equal(larger[1][1], weights)


@pytest.mark.parametrize("variant", VARIANTS)
def test_eager_function_and_compiled_are_equal(variant):
    layer, features = ShiftLayer(variant), tf.constant(random_features(6, len(BATCH), 6, 7, 6))
    holes = tf.constant(BATCH.repeat(2, 1).repeat(2, 2))
    upstream = random_features(7, len(BATCH), 6, 7, 9)

    def run(features, holes):
        with tf.GradientTape() as tape:
            tape.watch(features)
            output = layer([features, holes])
        return output, tape.gradient(output, features, upstream)

    want = run(features, holes)
    unknown = [tf.TensorSpec([None, None, None, c]) for c in (6, 1)]
    for call in (
        tf.function(run),
        tf.function(run, jit_compile=True),
        tf.function(run, input_signature=unknown),
    ):
        for got, wanted in zip(call(features, holes), want):
            np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_with_static_sizes_it_converts_to_tflite():
    layer, features = ShiftLayer(), random_features(8, 2, 6, 7, 8)
    with tracing.static_sizes():
        graph = tf.function(lambda f, h: layer([f, h])).get_concrete_function(
            tf.constant(features), tf.constant(BATCH[:2])
        )
    model = tf.lite.TFLiteConverter.from_concrete_functions([graph], layer).convert()
    run = tf.lite.Interpreter(model_content=model).get_signature_runner()
    inputs = dict(zip(sorted(run.get_input_details()), (features, BATCH[:2])))
    (got,) = run(**inputs).values()
    np.testing.assert_allclose(got, layer([features, BATCH[:2]]), atol=1e-6)


def test_half_precision_chooses_in_float32():
    features = random_features(9, 1, 6, 7, 8).astype(np.float16)
    layer = ShiftLayer(dtype=tf.keras.mixed_precision.Policy("mixed_float16"))
    output = layer([tf.constant(features), BATCH[:1]])
    assert output.dtype == tf.float16
    want = naive_layers.shift_layer(features, BATCH[:1])[0]
    np.testing.assert_array_equal(output, want.astype(np.float16))


def test_with_a_gpu_it_chooses_in_float64(monkeypatch):
    """It tells apart keys whose cosines TF32 and float32 round to the same number."""
    keys = [[1, 1 + 3e-6], [1, 1 + 2e-6], [1, 1 + 1e-6], [0, 0]]
    monkeypatch.setattr(tracing, "on_gpu", lambda: True)
    assert shifted([[1, 1]] * 4, keys, [3])[3] == np.float32(keys[2]).tolist()
    features = random_features(11, len(BATCH), 6, 7, 6)
    want = naive_layers.shift_layer(features, BATCH)[0]
    np.testing.assert_array_equal(ShiftLayer()([features, BATCH]), want.astype(np.float32))


def test_what_is_refused():
    for shape, hole in (((1, 4, 5, 3), (1, 4, 5, 1)), ((1, 4, 5, 4), (1, 8, 5, 1))):
        with pytest.raises(ValueError, match="Got"):
            ShiftLayer()([random_features(10, *shape), np.ones(hole, np.float32)])
    with pytest.raises(ValueError, match="`variant`"):
        ShiftLayer("else")
    assert ShiftLayer.from_config(ShiftLayer("official").get_config()).variant == "official"
