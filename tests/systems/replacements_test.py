"""What stands in the place of coherent semantic attention, and the consistency loss with each.

The shift operation in one map against loops and by hand; contextual attention as in DeepFill.
"""

import numpy as np
import pytest
import tensorflow as tf
from small import SMALL

import tfinpaint
from tfinpaint import layers, networks
from tfinpaint.systems.coherent_semantic.replacements import ShiftInHole, attention

SIZE = 64


@pytest.fixture(scope="module")
def batch():
    images = np.random.default_rng(0).uniform(-1, 1, (2, SIZE, SIZE, 3)).astype(np.float32)
    holes = np.zeros((2, SIZE, SIZE, 1), np.float32)
    holes[0, 12:44, 16:40] = holes[1, 8:24, 32:60] = holes[1, 50:56, 4:30] = 1
    return tf.constant(images), tf.constant(holes)


def recorded(layer, run):
    """What the layer gives while `run()` runs."""
    found, call = [], layer.call
    layer.call = lambda x: found.append(call(x)) or found[-1]
    run()
    layer.call = call
    return found[-1]


KINDS = ("shift", "none", "coherent", "contextual", "convolution")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_consistency_is_of_what_comes_out_where_the_layer_is(kind, batch):
    """It can be left out with each layer, and the feature critic at the same time."""
    system = tfinpaint.create(
        "coherent_semantic", **SMALL["coherent_semantic"], attention_kind=kind
    )
    off = {"adversarial": 0.0, "feature_adversarial": 0.0}
    system.compile(
        perceptual_weights="random", image_size=SIZE, loss_weights=off, learning_rate=0.0
    )
    net, inputs = system.generator, [system.blanked(*batch), batch[1]]
    _, _, (after, decoder) = net(inputs, training=True, with_stages=True)
    before = recorded(net.refine.encoders["3"], lambda: net(inputs))
    layer = net.refine.attention
    if kind == "convolution":
        expected = layer(tf.nn.leaky_relu(before, 0.2))
    else:
        expected = before if kind == "none" else layer([before, batch[1]])
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-6)

    target = system.features(batch[0])["conv4_3"][..., :32]  # 8 * width channels
    hole = np.asarray(batch[1]).reshape(2, 8, 8, 8, 8).max((2, 4))[..., None]
    squares = sum(np.square(np.asarray(x) - target) * hole for x in (after, decoder))
    wanted = (squares.sum((1, 2, 3)) / (hole.sum((1, 2, 3)) * 32)).mean()
    assert float(system.step(*batch)["consistency"]) == pytest.approx(0.01 * wanted, rel=1e-4)

    system.compile(
        perceptual_weights="random", image_size=SIZE, loss_weights={**off, "consistency": 0.0}
    )
    assert system.features is None and system.critic is None


def features_and_hole():
    rng = np.random.default_rng(5)
    features = rng.standard_normal((3, 6, 7, 5)).astype(np.float32)
    hole = np.zeros((3, 6, 7, 1), np.float32)
    hole[0, 1:4, 2:6] = hole[1, 5, 6] = hole[1, 0, 0:3] = hole[2] = 1
    return features, hole


def test_shift_takes_the_known_cell_with_the_largest_cosine():
    features, hole = features_and_hole()
    output, (matches, weights) = ShiftInHole()(
        [features, hole], with_attention_maps=True, weights_at=np.array([(2, 3), (5, 6), (0, 0)])
    )
    wanted = features.copy()
    for b in (0, 1):  # in the third nothing is known: it stays
        cells, missing = features[b].reshape(42, 5), hole[b].reshape(42) > 0
        units = cells / np.linalg.norm(cells, axis=-1, keepdims=True)
        best = np.where(missing, -9, units @ units.T).argmax(-1)
        wanted[b].reshape(42, 5)[missing] = cells[best[missing]]
        np.testing.assert_array_equal(
            (matches[b, ..., 0] * 7 + matches[b, ..., 1])[hole[b, ..., 0] > 0], best[missing]
        )
    np.testing.assert_array_equal(output, wanted)
    assert weights[0].numpy().max() == 1 and weights[0].numpy().sum() == 1


def test_shift_is_coherent_attention_without_the_cell_before():
    """With one missing cell there is none before it."""
    features, _ = features_and_hole()
    hole = np.zeros((3, 6, 7, 1), np.float32)
    hole[:, 3, 4] = 1
    np.testing.assert_allclose(
        ShiftInHole()([features, hole]),
        layers.CoherentSemanticAttention()([features, hole]),
        rtol=1e-6,
    )


def test_shift_passes_gradients_to_the_cells_it_copies():
    features, hole = features_and_hole()
    layer = ShiftInHole.from_config(ShiftInHole("official").get_config())
    assert layer.variant == "official"
    with tf.GradientTape() as tape:
        tape.watch(features := tf.constant(features))
        output = layer([features, hole])
        total = tf.reduce_sum(output * hole)
    gradient = tape.gradient(total, features).numpy()
    assert (gradient[:2][hole[:2, ..., 0] > 0] == 0).all() and gradient[0].sum() == 12 * 5


def test_contextual_attention_compares_patches_at_an_eighth_as_deepfill_does():
    layer = attention("contextual", "paper", 512)
    deepfill = networks.DeepFill(8).attention
    own, theirs = ({**x.get_config(), "name": None} for x in (layer, deepfill))
    assert own == {**theirs, "rate": 1} and theirs["rate"] == 2
