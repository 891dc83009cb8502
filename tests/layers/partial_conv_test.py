"""tfinpaint.layers.PartialConv2D against loops over the equations and by hand."""

import naive
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers import PartialConv2D, partial_conv


def case(seed, shape, channels_of_valid=1, known=0.5, dtype=np.float32):
    rs = np.random.RandomState(seed)
    valid = (rs.uniform(size=shape[:3] + (channels_of_valid,)) < known).astype(dtype)
    return rs.standard_normal(shape).astype(dtype), valid


def layer_with_weights(filters, kernel_size, strides, channels, seed=1, dtype="float32"):
    rs = np.random.RandomState(seed)
    layer = PartialConv2D(filters, kernel_size, strides=strides, dtype=dtype)
    shape = (1, 8, 8, channels)
    layer([tf.zeros(shape, dtype), tf.ones(shape, dtype)])
    kernel = rs.standard_normal((kernel_size, kernel_size, channels, filters)).astype(dtype)
    bias = rs.standard_normal(filters).astype(dtype)
    layer.set_weights([kernel, bias])
    return layer, kernel, bias


def assert_near(got, want, tolerance=2e-6):
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    assert np.isfinite(got).all()
    assert np.abs(got - want).max() <= tolerance * max(np.abs(want).max(), 1e-30)


@pytest.mark.parametrize("kernel_size,strides", [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2), (7, 2)])
@pytest.mark.parametrize("channels_of_valid", [1, 4])
@pytest.mark.parametrize("known", [0.05, 0.6])
def test_equations(kernel_size, strides, channels_of_valid, known):
    layer, kernel, bias = layer_with_weights(3, kernel_size, strides, 4)
    features, valid = case(0, (2, 7, 10, 4), channels_of_valid, known)
    valid[1, :4] = 0  # a large hole at the border, in one picture only
    want, want_valid = naive.partial_conv(features, valid, kernel, bias, strides)
    got, got_valid = layer([features, valid])
    assert_near(got, want)
    np.testing.assert_array_equal(got_valid, want_valid)


@pytest.mark.parametrize("height,width", [(8, 8), (7, 7), (1, 1), (2, 9), (1, 6)])
def test_sizes_at_stride_2(height, width):
    layer, kernel, bias = layer_with_weights(3, 5, 2, 2)
    features, valid = case(2, (1, height, width, 2))
    want, want_valid = naive.partial_conv(features, valid, kernel, bias, 2)
    got, got_valid = layer([features, valid])
    assert got.shape[1:3] == (-(-height // 2), -(-width // 2))
    assert_near(got, want)
    np.testing.assert_array_equal(got_valid, want_valid)


def test_by_hand():
    """A 3 x 3 kernel of ones, one channel in and out, bias 10, on [[1, 2], [3, 4]] with 3 missing.
    Every window holds the same three known pixels: (1 + 2 + 4 = 7) times 9 / 3, plus 10."""
    layer = PartialConv2D(1, 3)
    features = np.array([[1, 2], [3, 4]], np.float32).reshape(1, 2, 2, 1)
    valid = np.array([[1, 1], [0, 1]], np.float32).reshape(1, 2, 2, 1)
    layer([features, valid])
    layer.set_weights([np.ones((3, 3, 1, 1), np.float32), np.full(1, 10, np.float32)])
    got, got_valid = layer([features, valid])
    np.testing.assert_allclose(got, np.full((1, 2, 2, 1), 31), rtol=1e-6)
    np.testing.assert_array_equal(got_valid, np.ones((1, 2, 2, 1)))


def test_channels_with_valid_maps_of_their_own_by_hand():
    """A 1 x 1 kernel [3, 2] with bias 1, on channels 5 and 7 of which only the second is known:
    (2 * 7) * (2 / 1) + 1 = 29."""
    layer = PartialConv2D(1, 1)
    features, valid = (
        np.array([5, 7], np.float32).reshape(1, 1, 1, 2),
        np.array([0, 1], np.float32).reshape(1, 1, 1, 2),
    )
    layer([features, valid])
    layer.set_weights([np.array([3, 2], np.float32).reshape(1, 1, 2, 1), np.ones(1, np.float32)])
    got, got_valid = layer([features, valid])
    assert float(got[0, 0, 0, 0]) == pytest.approx(29, rel=1e-6)
    assert got_valid.shape == (1, 1, 1, 1) and float(got_valid[0, 0, 0, 0]) == 1


def test_where_nothing_is_known_output_and_valid_are_zero_without_bias():
    layer, _, _ = layer_with_weights(3, 3, 1, 2)
    features, _ = case(3, (1, 9, 9, 2))
    valid = np.zeros((1, 9, 9, 1), np.float32)
    valid[0, 4, 4] = 1
    got, got_valid = layer([features, valid])
    reached = np.zeros((9, 9))
    reached[3:6, 3:6] = 1
    np.testing.assert_array_equal(got_valid[0, ..., 0], reached)
    assert (np.asarray(got)[0][reached == 0] == 0).all()
    assert (np.asarray(got)[0][reached == 1] != 0).any()
    nothing, nothing_valid = layer([features, np.zeros_like(valid)])
    assert not np.asarray(nothing).any() and not np.asarray(nothing_valid).any()


def test_all_known_is_an_ordinary_convolution_inside():
    layer, kernel, bias = layer_with_weights(3, 5, 1, 4)
    features, _ = case(4, (2, 9, 8, 4))
    got, got_valid = layer([features, np.ones((2, 9, 8, 1), np.float32)])
    assert_near(got[:, 2:-2, 2:-2], naive.convolution(features, kernel, bias)[:, 2:-2, 2:-2])
    np.testing.assert_array_equal(got_valid, np.ones((2, 9, 8, 1)))


def test_padding_counts_as_hole_at_the_border():
    """In a picture of ones, all known, the renormalised sum in a corner is that of the inside."""
    layer = PartialConv2D(2, 3)
    ones = np.ones((1, 6, 6, 3), np.float32)
    layer([ones, ones])
    layer.set_weights([np.ones((3, 3, 3, 2), np.float32), np.zeros(2, np.float32)])
    np.testing.assert_allclose(layer([ones, ones])[0], np.full((1, 6, 6, 2), 27), rtol=1e-6)


@pytest.mark.parametrize("value", [1e6, -3.0])
def test_what_lies_under_the_hole_does_not_matter(value):
    layer, _, _ = layer_with_weights(3, 3, 2, 4)
    features, valid = case(5, (2, 8, 8, 4))
    got, _ = layer([features, valid])
    other, _ = layer([np.where(valid > 0, features, np.float32(value)), valid])
    np.testing.assert_array_equal(got, other)


def test_one_valid_map_stands_for_all_channels():
    layer, _, _ = layer_with_weights(3, 3, 1, 4)
    features, valid = case(6, (2, 7, 6, 4))
    for a, b in zip(layer([features, valid]), layer([features, np.repeat(valid, 4, -1)])):
        assert_near(a, b)


@pytest.mark.parametrize("channels", [(3, 1), (2, 2), (1, 2, 1)])
def test_parts_are_their_concatenation(channels):
    """As in a decoder: features and valid maps of the previous layer and of the skip connection,
    each with a hole of its own."""
    layer, kernel, bias = layer_with_weights(3, 3, 1, 4)
    parts = [case(7 + i, (2, 7, 6, c), known=0.3) for i, c in enumerate(channels)]
    parts[0][1][0] = 0  # nothing is known in the first part of the first picture
    features, valid = [p[0] for p in parts], [p[1] for p in parts]
    whole = np.concatenate([np.repeat(v, c, -1) for v, c in zip(valid, channels)], -1)
    want, want_valid = naive.partial_conv(np.concatenate(features, -1), whole, kernel, bias)
    got, got_valid = layer([features, valid])
    assert_near(got, want)
    np.testing.assert_array_equal(got_valid, want_valid)


def test_a_layer_built_from_parts_has_the_whole_kernel():
    layer = PartialConv2D(5, 3)
    parts = [case(i, (1, 6, 6, c)) for i, c in enumerate((3, 2))]
    layer([[p[0] for p in parts], [p[1] for p in parts]])
    assert [tuple(w.shape) for w in layer.weights] == [(3, 3, 5, 5), (5,)]


def test_batch_is_one_by_one():
    layer, _, _ = layer_with_weights(3, 5, 2, 4)
    features, valid = case(8, (3, 8, 10, 4), known=0.2)
    valid[0], valid[1] = 0, 1
    got, got_valid = layer([features, valid])
    for i in range(3):
        one, one_valid = layer([features[i : i + 1], valid[i : i + 1]])
        np.testing.assert_allclose(got[i : i + 1], one, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(got_valid[i : i + 1], one_valid)


def test_eager_function_and_compiled_are_equal():
    layer, _, _ = layer_with_weights(3, 3, 2, 4)
    features, valid = case(9, (2, 8, 8, 4), known=0.2)
    want, want_valid = layer([features, valid])
    for jit_compile in (False, True):
        got, got_valid = tf.function(lambda f, v: layer([f, v]), jit_compile=jit_compile)(
            features, valid
        )
        assert_near(got, want)
        np.testing.assert_array_equal(got_valid, want_valid)


def test_unknown_sizes():
    layer, kernel, bias = layer_with_weights(3, 3, 2, 4)
    inputs = tf.keras.Input((None, None, 4)), tf.keras.Input((None, None, 1))
    model = tf.keras.Model(inputs, layer(list(inputs)))
    for shape in ((1, 6, 9, 4), (2, 5, 5, 4)):
        features, valid = case(10, shape)
        assert_near(
            model([features, valid])[0], naive.partial_conv(features, valid, kernel, bias, 2)[0]
        )


def test_gradients():
    layer, _, _ = layer_with_weights(2, 3, 2, 3, dtype="float64")
    features, valid = case(11, (1, 5, 4, 3), known=0.4, dtype=np.float64)
    valid[0, :3, :3] = 0  # some windows see nothing: their gradient is zero, not nan
    kernel, bias = layer.weights

    def output(f, k, b):
        kernel.assign(k), bias.assign(b)
        return layer([f, valid])[0]

    with tf.GradientTape() as tape:
        x = tf.constant(features)
        tape.watch(x)
        result = layer([x, valid])[0]
    gradient = tape.gradient(result, x)
    assert not np.asarray(gradient)[np.broadcast_to(valid, features.shape) == 0].any()
    theory, numeric = tf.test.compute_gradient(lambda f: layer([f, valid])[0], [features])
    assert_near(theory[0], numeric[0], 1e-6)

    direction = np.random.RandomState(12).standard_normal(kernel.shape)
    before = kernel.numpy()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.square(layer([features, valid])[0]))
    slope = float(tf.reduce_sum(tape.gradient(total, kernel) * direction))
    sums = []
    for step in (1e-5, -1e-5):
        sums.append(
            float(
                tf.reduce_sum(tf.square(output(features, before + step * direction, bias.numpy())))
            )
        )
    assert (sums[0] - sums[1]) / 2e-5 == pytest.approx(slope, rel=1e-6)


def test_gradient_is_finite_where_all_is_hole():
    layer, _, _ = layer_with_weights(2, 3, 1, 3)
    features = tf.constant(case(13, (2, 5, 5, 3))[0])
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = tf.reduce_sum(layer([features, tf.zeros((2, 5, 5, 1))])[0])
    gradients = tape.gradient(total, [features] + layer.trainable_weights)
    assert all(g is None or not np.asarray(g).any() for g in gradients)


def test_half_precision_stays_finite_and_near():
    layer, kernel, bias = layer_with_weights(3, 3, 1, 64, dtype="float32")
    half = PartialConv2D(3, 3, dtype=tf.keras.mixed_precision.Policy("mixed_float16"))
    features, valid = case(14, (1, 8, 8, 64), known=0.3)
    half([features, valid])
    half.set_weights([kernel, bias])
    got, got_valid = half([features, valid])
    want, want_valid = layer([features, valid])
    assert_near(tf.cast(got, tf.float32), want, 5e-3)
    np.testing.assert_array_equal(tf.cast(got_valid, tf.float32), want_valid)


def test_config_round_trip():
    layer, kernel, bias = layer_with_weights(3, 5, 2, 4)
    again = PartialConv2D.from_config(layer.get_config())
    for name in ("filters", "kernel_size", "strides", "name"):
        assert getattr(again, name) == getattr(layer, name)
    features, valid = case(15, (1, 8, 8, 4))
    again([features, valid])
    again.set_weights([kernel, bias])
    np.testing.assert_array_equal(again([features, valid])[0], layer([features, valid])[0])


@pytest.mark.parametrize("parts", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_model_with_it_is_saved_and_loaded(tmp_path, parts):
    a, b, valid = (tf.keras.Input([8, 8, channels]) for channels in (3, 2, 1))
    features, known = ([a, b], [valid, valid]) if parts else (a, valid)
    model = tf.keras.Model([a, b, valid], PartialConv2D(4, 3)([features, known]))
    inputs = [np.random.default_rng(0).random((2, *x.shape[1:]), np.float32) for x in model.inputs]
    inputs[2] = np.round(inputs[2])
    for name in ("model.keras", "model.h5", "saved"):
        model.save(tmp_path / name)
        again = tf.keras.models.load_model(
            tmp_path / name, custom_objects={"PartialConv2D": PartialConv2D}
        )
        for one, other in zip(model.predict(inputs), again.predict(inputs), strict=True):
            np.testing.assert_array_equal(one, other)


def test_stacked_layers_close_the_hole_pixel_by_pixel():
    """Each 3 x 3 layer takes one pixel from every side of a hole of 5: it is 5, 3, 1, 0 pixels
    wide."""
    features, valid = np.ones((1, 15, 15, 1), np.float32), np.ones((1, 15, 15, 1), np.float32)
    valid[0, 5:10, 5:10] = 0
    missing = []
    for _ in range(4):
        missing.append(int((1 - np.asarray(valid)).sum()))
        features, valid = PartialConv2D(1, 3)([features, valid])
    assert missing == [25, 9, 1, 0]


# Whether the kernel counts as too large to be rearranged.
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("skip", [0, 2])
def test_doubled_repeats_the_first_part(monkeypatch, wide, skip):
    monkeypatch.setattr(partial_conv, "_WIDE", 1 if wide else 256)
    rng = np.random.RandomState(0)
    parts = [rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((2, 6, 8, skip))][
        : 1 + (skip > 0)
    ]
    valid = [(rng.uniform(size=(2, *p.shape[1:3], 1)) < 0.6).astype(np.float64) for p in parts]
    doubled, plain = (
        PartialConv2D(7, 3, doubled=True, dtype="float64"),
        PartialConv2D(7, 3, dtype="float64"),
    )
    repeated = [x.repeat(2, 1).repeat(2, 2) for x in (parts[0], valid[0])]
    plain([[repeated[0], *parts[1:]], [repeated[1], *valid[1:]]])
    doubled([parts, valid])
    plain.set_weights([rng.standard_normal(w.shape) for w in plain.get_weights()])
    doubled.set_weights(plain.get_weights())
    want = plain([[repeated[0], *parts[1:]], [repeated[1], *valid[1:]]])
    any_size = tf.function(
        lambda f, v: doubled([f, v]),
        input_signature=[
            [tf.TensorSpec([None] * 3 + [x.shape[3]], tf.float64) for x in xs]
            for xs in (parts, valid)
        ],
    )
    for got in (doubled([parts, valid]), any_size(parts, valid)):
        for ours, theirs in zip(got, want):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    assert PartialConv2D.from_config(doubled.get_config()).doubled
    with pytest.raises(ValueError, match="`doubled` goes with windows of 3x3"):
        PartialConv2D(7, 5, doubled=True)
