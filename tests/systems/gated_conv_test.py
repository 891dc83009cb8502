"""DeepFill v2's own rules.

Its terms against NumPy, and its critic: what it sees, when, and how often it is normalised.
"""

import numpy as np
import pytest
import tensorflow as tf
from helpers import floats, smooth
from set_back import set_back

SIZE = 64


def small(**settings):
    """Compiled, in the same state every time."""
    return set_back("gated_conv", "paper").compiled(image_size=SIZE, **settings)


@pytest.fixture(scope="module")
def batch():
    holes = np.zeros((2, SIZE, SIZE, 1), np.float32)
    holes[0, 12:36, 20:52] = 1
    holes[1, 3:29, 30:60] = holes[1, 40:60, 6:25] = 1
    return smooth(2, SIZE), tf.constant(holes)


def watched(system, monkeypatch):
    """What the critic is called with from now on: [(images, training, scores)]."""
    calls, call = [], system.critic.call

    def watch(images, training=False):
        scores = call(images, training=training)
        calls.append((np.asarray(images), training, np.asarray(scores, np.float64)))
        return scores

    monkeypatch.setattr(system.critic, "call", watch)
    return calls


def test_critic_sees_picture_and_hole_real_and_fake_in_one_call_and_then_the_composite(
    batch, monkeypatch
):
    images, holes = (np.asarray(x) for x in batch)
    system = small()
    _, refined = system.generator([images * (1 - holes), holes], with_stages=True)
    composite = refined * holes + images * (1 - holes)
    calls = watched(system, monkeypatch)
    logs = floats(system.step(*batch))
    (both, first, scores), (fake, second, judged) = calls
    # Each pass in training takes a step of the power iteration.
    assert (bool(first), bool(second)) == (True, False)
    expected = np.concatenate(
        [np.concatenate([images, holes], -1), np.concatenate([composite, holes], -1)]
    )
    np.testing.assert_allclose(both, expected, atol=1e-6)
    np.testing.assert_allclose(fake, expected[2:], atol=1e-6)
    # H/64 x W/64, 4 times 4/3 of the width: the map itself is judged.
    assert scores.shape == (4, 1, 1, 40)
    real_scores, fake_scores = scores[:2], scores[2:]
    hinge = (np.maximum(1 - real_scores, 0).mean() + np.maximum(1 + fake_scores, 0).mean()) / 2
    assert logs["critic"] == pytest.approx(hinge, rel=1e-5)
    # Judged by the critic that has just learned.
    assert logs["adversarial"] == pytest.approx(-judged.mean(), rel=1e-4)
    assert np.abs(judged - fake_scores).max() > 0


def test_reconstruction_terms_against_numpy(batch):
    images, holes = (np.asarray(x, np.float64) for x in batch)
    system = small(loss_weights={"adversarial": 0.0})
    stages = system.generator(
        [batch[0] * (1 - batch[1]), batch[1]], training=True, with_stages=True
    )
    logs = floats(system.step(*batch))
    assert set(logs) == {"loss", "coarse", "refinement"}
    for name, output in zip(("coarse", "refinement"), stages):
        assert np.abs(output).max() <= 1
        # Everywhere, without discount.
        assert logs[name] == pytest.approx(
            np.abs(np.asarray(output, np.float64) - images).mean(), rel=1e-5
        )


def test_the_refinement_teaches_the_coarse_stage_too(batch):
    generator = small(loss_weights={"adversarial": 0.0}).generator
    with tf.GradientTape() as tape:
        _, refined = generator(
            [batch[0] * (1 - batch[1]), batch[1]], training=True, with_stages=True
        )
        loss = tf.reduce_mean(tf.abs(refined - batch[0]))
    for gradient in tape.gradient(
        loss, [generator.coarse[0].kernel, generator.coarse_output.kernel]
    ):
        assert np.abs(gradient).max() > 0


@pytest.mark.slow
def test_the_adversarial_term_teaches_nothing_outside_the_hole(batch):
    """The critic sees the composite: without a hole it gives every output the same scores."""
    system = small(
        loss_weights={"coarse": 0.0, "refinement": 0.0}, optimizer=tf.keras.optimizers.SGD(1.0)
    )
    before = [v.numpy() for v in system.generator.trainable_variables]
    system.step(batch[0], tf.zeros_like(batch[1]))
    for a, b in zip(before, system.generator.trainable_variables, strict=True):
        np.testing.assert_array_equal(a, b)
    system.step(*batch)
    assert any(
        np.abs(a - b).max() > 0
        for a, b in zip(before, system.generator.trainable_variables, strict=True)
    )


@pytest.mark.slow
def test_kernels_of_the_critic_have_norm_1(batch):
    """The largest singular value of each kernel, as a matrix of (5 x 5 x inputs) x outputs, is 1
    after some steps of the power iteration."""
    system = small()
    for _ in range(20):
        system.critic(tf.concat([*batch], -1), training=True)
    for convolution in system.critic.convolutions:
        kernel = convolution.layer.kernel.numpy()
        assert np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2) == pytest.approx(1, rel=0.1)


def test_width_of_the_critic():
    """4/3 of the generator's: 64 for the paper's 48. The channels are 64, 128, 256, 256, 256, 256;
    5 x 5, stride 2."""
    from tfinpaint.networks import FreeFormCritic

    assert small().critic.width == 10
    critic = FreeFormCritic()
    assert [c.layer.filters for c in critic.convolutions] == [64, 128, 256, 256, 256, 256]
    assert critic.compute_output_shape((1, 256, 256, 4)) == (1, 4, 4, 256)
