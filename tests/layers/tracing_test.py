"""tfinpaint.layers.tracing: what a layer learns about the graph that it becomes part of."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint import layers
from tfinpaint.layers import tracing


def test_compiled_tells_what_is_traced_for():
    told = []

    def ask(x):
        told.append(tracing.compiled())
        return tf.while_loop(
            lambda k: k < 3, lambda k: (told.append(tracing.compiled()) or k + 1,), [x]
        )

    ask(tf.constant(0))
    tf.function(ask)(tf.constant(0))
    assert told and not any(told)
    told.clear()
    tf.function(ask, jit_compile=True)(tf.constant(0))
    tf.function(lambda x: tf.function(ask)(x), jit_compile=True)(tf.constant(0))
    assert len(told) == 4 and all(told)


@pytest.mark.parametrize(
    "layer",
    [
        layers.PatchAttention(1),
        pytest.param(layers.PatchAttention(3), marks=pytest.mark.slow),
        pytest.param(layers.PatchAttention(3, variant="official"), marks=pytest.mark.slow),
        layers.ContextualAttention(),
    ],
)
def test_with_static_sizes_a_layer_converts_to_tflite(layer):
    """Whole maps as matrix products, with built-in operations only."""
    features = np.random.RandomState(7).standard_normal((2, 6, 8, 4)).astype(np.float32)
    hole = np.zeros((2, 6, 8, 1), np.float32)
    hole[0, 1:3, 2:5] = hole[1, 4:, :2] = 1
    with tracing.static_sizes():
        graph = tf.function(lambda f, h: layer([f, h])).get_concrete_function(
            tf.constant(features), tf.constant(hole)
        )
    model = tf.lite.TFLiteConverter.from_concrete_functions([graph], layer).convert()
    run = tf.lite.Interpreter(model_content=model).get_signature_runner()
    (got,) = run(**dict(zip(sorted(run.get_input_details()), (features, hole)))).values()
    np.testing.assert_allclose(got, layer([features, hole]), atol=1e-5)
    assert not tracing.compiled()
