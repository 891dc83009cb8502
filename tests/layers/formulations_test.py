"""tfinpaint.layers.formulations: both formulations of an attention give the same."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint import layers
from tfinpaint.layers import contextual_attention_by_pixels, patch_attention_in_hole, tracing


@pytest.mark.parametrize(
    "layer",
    [
        layers.PatchAttention(3),
        layers.PatchAttention(3, variant="official"),
        layers.ContextualAttention(),
    ],
)
def test_with_a_gpu_layers_give_the_same_without_lists(monkeypatch, layer):
    features = tf.constant(
        np.random.RandomState(8).standard_normal((2, 6, 8, 4)).astype(np.float32)
    )
    hole = np.zeros((2, 6, 8, 1), np.float32)
    hole[0, 1:3, 2:5] = hole[1, 4:, :2] = 1
    want = layer([features, hole])
    assert not tracing.on_gpu()
    monkeypatch.setattr(tracing, "on_gpu", lambda: True)
    for module, name in (
        (patch_attention_in_hole, "line_up"),
        (patch_attention_in_hole, "chosen_first"),
        (contextual_attention_by_pixels, "scores"),
        (contextual_attention_by_pixels, "paste"),
    ):
        monkeypatch.setattr(module, name, None)
    np.testing.assert_allclose(layer([features, hole]), want, atol=1e-5)
