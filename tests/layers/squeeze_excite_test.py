"""tfinpaint.layers.SqueezeExcite against the equations."""

import naive
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.layers import SqueezeExcite


def case(ratio=1.0, shape=(2, 5, 4, 6), dtype="float32", seed=0):
    rs = np.random.RandomState(seed)
    features = rs.standard_normal(shape).astype(dtype)
    layer = SqueezeExcite(ratio=ratio, dtype=dtype)
    layer(features)
    weights = [rs.standard_normal(w.shape).astype(dtype) for w in layer.get_weights()]
    layer.set_weights(weights)
    return layer, features, weights


@pytest.mark.parametrize("ratio,hidden", [(1.0, 6), (0.5, 3), (2.0, 12), (1 / 3, 2)])
def test_equations(ratio, hidden):
    layer, features, weights = case(ratio)
    assert [w.shape for w in weights] == [(6, hidden), (hidden,), (hidden, 6), (6,)]
    np.testing.assert_allclose(
        layer(features), naive.squeeze_excite(features, *weights), rtol=1e-5, atol=1e-6
    )


def test_by_hand():
    """Means 2 and -1; hidden relu(2 - 1) = 1 and relu(-1) = 0; gates sigmoid(0) = .5 and
    sigmoid(ln 3) = .75."""
    features = np.array([[[[1, -4], [3, 2]]]], np.float32)
    layer = SqueezeExcite(ratio=1.0)
    layer(features)
    layer.set_weights(
        [
            np.array([[1, 0], [1, 1]], np.float32),
            np.zeros(2, np.float32),
            np.array([[0, np.log(3)], [5, 5]], np.float32),
            np.zeros(2, np.float32),
        ]
    )
    np.testing.assert_allclose(layer(features), [[[[0.5, -3], [1.5, 1.5]]]], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_means_of_large_maps_fit_into_half_precision(dtype):
    """Their sums are far beyond 65,504."""
    features = 30 + np.random.RandomState(1).standard_normal((1, 96, 96, 4)).astype(np.float32)
    layer = SqueezeExcite(dtype=dtype)
    layer(tf.cast(features, dtype))
    weights = [np.eye(4) / 8, np.zeros(4), np.eye(4) / 4, np.zeros(4)]
    layer.set_weights(weights)
    found = layer(tf.cast(features, dtype))
    assert found.dtype == dtype
    expected = naive.squeeze_excite(features, *weights)
    np.testing.assert_allclose(tf.cast(found, tf.float32), expected, rtol=0.02)


def test_each_picture_by_itself():
    layer, features, _ = case(shape=(3, 4, 5, 6))
    for i in range(3):
        np.testing.assert_allclose(
            layer(features)[i : i + 1], layer(features[i : i + 1]), rtol=1e-5, atol=1e-6
        )


def test_eager_function_and_compiled_are_equal():
    layer, features, _ = case()
    for jit_compile in (False, True):
        np.testing.assert_allclose(
            tf.function(layer, jit_compile=jit_compile)(features),
            layer(features),
            rtol=1e-5,
            atol=1e-6,
        )


def test_unknown_sizes():
    layer, _, weights = case()
    inputs = tf.keras.Input((None, None, 6))
    model = tf.keras.Model(inputs, layer(inputs))
    for shape in ((1, 3, 7, 6), (2, 4, 4, 6)):
        features = np.random.RandomState(3).standard_normal(shape).astype(np.float32)
        np.testing.assert_allclose(
            model(features), naive.squeeze_excite(features, *weights), rtol=1e-5, atol=1e-6
        )


def test_gradient():
    layer, features, _ = case(shape=(1, 2, 3, 4), dtype="float64", seed=4)
    theory, numeric = tf.test.compute_gradient(layer, [features])
    np.testing.assert_allclose(theory[0], numeric[0], rtol=1e-6, atol=1e-7)


def test_config_round_trip():
    layer, features, weights = case(0.5)
    again = SqueezeExcite.from_config(layer.get_config())
    assert again.ratio == 0.5 and again.name == layer.name
    again(features)
    again.set_weights(weights)
    np.testing.assert_array_equal(again(features), layer(features))
