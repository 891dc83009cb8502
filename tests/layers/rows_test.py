"""tfinpaint.layers.rows and diagonal: lists of positions, and sums of their scores over neighbours, against loops."""
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint import layers
from tfinpaint.layers import contextual_attention, rows
from tfinpaint.layers.diagonal import diagonal_sum
from tfinpaint.layers.patch_attention import _merged


def test_listed_puts_the_chosen_first_in_order():
    order, most = rows.listed(np.array([[0, 1, 0, 1, 1], [0, 0, 0, 1, 0]], bool))
    assert order.numpy().tolist() == [[1, 3, 4, 0, 2], [3, 0, 1, 2, 4]] and int(most) == 3
    assert int(rows.listed(np.zeros((2, 5), bool))[1]) == 1


def test_put_back():
    found = np.arange(1, 5, dtype=np.float32).reshape(1, 2, 2)
    assert rows.put_back(found, tf.constant([[3, 0]]), 4).numpy().tolist() == [[[3, 4], [0, 0], [0, 0], [1, 2]]]


def test_compiled_tells_what_is_traced_for():
    told = []

    def ask(x):
        told.append(rows.compiled())
        return tf.while_loop(lambda k: k < 3, lambda k: (told.append(rows.compiled()) or k + 1,), [x])

    ask(tf.constant(0))
    tf.function(ask)(tf.constant(0))
    assert told and not any(told)
    told.clear()
    tf.function(ask, jit_compile=True)(tf.constant(0))
    tf.function(lambda x: tf.function(ask)(x), jit_compile=True)(tf.constant(0))
    assert len(told) == 4 and all(told)


def chosen_map(seed, share):
    return np.random.RandomState(seed).uniform(size=(2, 5, 7)) < share


def test_line_up_by_hand():
    """Columns of a 2 x 3 map with (1, 0) chosen: (1, 0), what is above, what is beyond the border, (0, 1) after it; zeros end it."""
    chosen = np.zeros((1, 2, 3), bool)
    chosen[0, 1, 0] = True
    listed, near = rows.line_up(chosen, 0, 2, 1)
    assert listed.numpy().tolist() == [[0, 3, 6, 1, 6, 6, 6]]  # 6: beyond; the last three in any case
    assert near.numpy().astype(int).tolist() == [[[1, 1, 0], [1, 0, 0]]]
    listed, near = rows.line_up(chosen, 1, 1, 1)
    assert listed.numpy().tolist() == [[6, 3, 4, 6, 6]]  # before (1, 0) comes what is beyond the end of the first row
    assert near.numpy().astype(int).tolist() == [[[0, 0, 0], [1, 1, 0]]]


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
@pytest.mark.parametrize("taps", [3, 5])
def test_sums_over_listed_neighbours(share, taps):
    """Along columns and then along rows, only for the chosen: as the sum over all shifts of the whole map's scores."""
    h, w, reach = 5, 7, taps // 2
    n = h * w
    chosen = chosen_map(0, share)
    scores = np.random.RandomState(1).standard_normal((2, n + 1, h, w))
    scores[:, n] = 0
    second, near = rows.line_up(chosen, 1, reach, reach)
    first, _ = rows.line_up(near, 0, reach, reach)
    got = diagonal_sum(tf.gather(scores, first, batch_dims=1), taps)  # [B, R, H, W]
    got = diagonal_sum(rows.move(got, first, second, n), taps).numpy()  # [B, R, W, H]

    padded = np.zeros((2, h + 2 * reach, w + 2 * reach, h + 2 * reach, w + 2 * reach))
    inner = slice(reach, -reach)
    padded[:, inner, inner, inner, inner] = scores[:, :n].reshape(2, h, w, h, w)
    want = sum(padded[:, i:i + h, j:j + w, i:i + h, j:j + w] for i in range(taps) for j in range(taps))
    for picture in range(2):
        seen = 0
        for row, position in enumerate(second.numpy()[picture]):
            if position < n and chosen[picture].ravel()[position]:
                y, x = divmod(position, w)
                np.testing.assert_allclose(got[picture, row].T, want[picture, y, x], rtol=1e-12, atol=1e-12)
                seen += 1
        assert seen == chosen[picture].sum()


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
    upstream, other = np.random.RandomState(3).standard_normal(want.shape), np.random.RandomState(4).standard_normal(scores.shape)
    # <A x, y> = <x, A* y>
    assert np.vdot(diagonal_sum(tf.constant(other), taps, full), upstream) == pytest.approx(np.vdot(other, tape.gradient(got, x, upstream)))


def test_merged_keys_count_as_often_as_they_were():
    keys = np.random.RandomState(5).standard_normal((2, 6, 3))
    alike = np.array([[0, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0]], bool)
    keys[0, alike[0]] = keys[0, 1]
    merged, bias = _merged(tf.constant(keys), alike)
    assert merged.shape == (2, 6, 3)  # as many as the other picture needs
    query = np.random.RandomState(6).standard_normal((2, 4, 3))
    results = [tf.matmul(tf.nn.softmax(tf.matmul(query, k, transpose_b=True) + b), k)
               for k, b in ((keys, np.zeros((2, 1, 6))), (merged, bias))]
    np.testing.assert_allclose(*results, rtol=1e-10)
    assert _merged(tf.constant(keys[:1]), alike[:1])[0].shape == (1, 4, 3)


@pytest.mark.parametrize("layer", [layers.PatchAttention(1), layers.PatchAttention(3), layers.PatchAttention(3, variant="official"),
                                   layers.ContextualAttention()])
def test_with_static_sizes_a_layer_converts_to_tflite(layer):
    """Whole maps as matrix products, of built-in operations only."""
    features = np.random.RandomState(7).standard_normal((2, 6, 8, 4)).astype(np.float32)
    hole = np.zeros((2, 6, 8, 1), np.float32)
    hole[0, 1:3, 2:5] = hole[1, 4:, :2] = 1
    with rows.static_sizes():
        graph = tf.function(lambda f, h: layer([f, h])).get_concrete_function(tf.constant(features), tf.constant(hole))
    model = tf.lite.TFLiteConverter.from_concrete_functions([graph], layer).convert()
    run = tf.lite.Interpreter(model_content=model).get_signature_runner()
    (got,) = run(**dict(zip(sorted(run.get_input_details()), (features, hole)))).values()
    np.testing.assert_allclose(got, layer([features, hole]), atol=1e-5)
    assert not rows.compiled()


@pytest.mark.parametrize("variant", ["paper", "official"])
def test_a_batch_of_nothing(variant):
    any_size = tf.function(lambda f, h: layers.PatchAttention(1, 3, variant)([f, h]),
                           input_signature=[tf.TensorSpec([None, None, None, channels]) for channels in (4, 1)])
    assert any_size(np.zeros((0, 8, 8, 4), np.float32), np.zeros((0, 8, 8, 1), np.float32)).shape == (0, 8, 8, 4)


@pytest.mark.parametrize("layer", [layers.PatchAttention(3), layers.PatchAttention(3, variant="official"), layers.ContextualAttention()])
def test_with_a_gpu_layers_give_the_same_without_lists(monkeypatch, layer):
    features = tf.constant(np.random.RandomState(8).standard_normal((2, 6, 8, 4)).astype(np.float32))
    hole = np.zeros((2, 6, 8, 1), np.float32)
    hole[0, 1:3, 2:5] = hole[1, 4:, :2] = 1
    want = layer([features, hole])
    assert not rows.on_gpu()
    for module in (rows, contextual_attention):
        monkeypatch.setattr(module, "on_gpu", lambda: True)
    monkeypatch.setattr(rows, "line_up", None)
    monkeypatch.setattr(rows, "listed", None)
    np.testing.assert_allclose(layer([features, hole]), want, atol=1e-5)
