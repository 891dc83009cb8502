"""tfinpaint.losses' adversarial terms with values worked out by hand."""
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.losses import critic_cross_entropy, generator_cross_entropy

# sigmoid(ln 3) = 3/4, sigmoid(-ln 3) = 1/4. Cross-entropy for target 1: ln 4/3 = .2876821 and ln 4 = 1.3862944; for 0 reversed.
LN3 = float(np.log(3))


def logits(*values):
    return np.array(values, np.float32).reshape(-1, 1, 1, 1)


def test_generator_by_hand():
    assert float(generator_cross_entropy(logits(0))) == pytest.approx(0.6931472, abs=1e-6)
    assert float(generator_cross_entropy(logits(LN3))) == pytest.approx(0.2876821, abs=1e-6)
    # a mean over patches: (.2876821 + 1.3862944) / 2
    assert float(generator_cross_entropy(logits(LN3, -LN3))) == pytest.approx(0.8369882, abs=1e-6)


def test_critic_by_hand():
    # undecided on both: (ln 2 + ln 2) / 2
    assert float(critic_cross_entropy(logits(0), logits(0))) == pytest.approx(0.6931472, abs=1e-6)
    # right on both, 3 to 1: ln 4/3; wrong on both: ln 4
    assert float(critic_cross_entropy(logits(LN3), logits(-LN3))) == pytest.approx(0.2876821, abs=1e-6)
    assert float(critic_cross_entropy(logits(-LN3), logits(LN3))) == pytest.approx(1.3862944, abs=1e-6)
    # right on the real one, undecided on the fake one: (.2876821 + .6931472) / 2
    assert float(critic_cross_entropy(logits(LN3), logits(0))) == pytest.approx(0.4904147, abs=1e-6)
    # each a mean of its own: 1 real, 2 fake: (.6931472 + (.2876821 + 1.3862944) / 2) / 2
    assert float(critic_cross_entropy(logits(0), logits(-LN3, LN3))) == pytest.approx(0.7650677, abs=1e-6)


def test_against_keras():
    rs = np.random.RandomState(0)
    real, fake = 3 * rs.standard_normal((2, 2, 5, 4, 1)).astype(np.float32)
    entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    want = (entropy(np.ones_like(real), real) + entropy(np.zeros_like(fake), fake)) / 2
    assert float(critic_cross_entropy(real, fake)) == pytest.approx(float(want), rel=1e-5)
    assert float(generator_cross_entropy(fake)) == pytest.approx(float(entropy(np.ones_like(fake), fake)), rel=1e-5)


def test_sure_critics_stay_finite():
    assert float(generator_cross_entropy(logits(-1000))) == pytest.approx(1000)
    assert float(generator_cross_entropy(logits(1000))) == 0
    assert float(critic_cross_entropy(logits(-1000), logits(1000))) == pytest.approx(1000)
    assert float(critic_cross_entropy(logits(1000), logits(-1000))) == 0


def test_gradients_do_not_fade_where_the_critic_is_sure():
    """Non-saturating: sigmoid - target over the number of patches, near -1/2 each for two fakes that are seen through."""
    fake = tf.constant(logits(-LN3, -50))
    with tf.GradientTape() as tape:
        tape.watch(fake)
        loss = generator_cross_entropy(fake)
    np.testing.assert_allclose(np.ravel(tape.gradient(loss, fake)), [-0.375, -0.5], atol=1e-6)

    real = tf.constant(logits(LN3))
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        loss = critic_cross_entropy(real, fake)
    to_real, to_fake = tape.gradient(loss, [real, fake])
    np.testing.assert_allclose(np.ravel(to_real), [-0.125], atol=1e-6)  # (3/4 - 1) / 2
    np.testing.assert_allclose(np.ravel(to_fake), [0.0625, 0], atol=1e-6)  # (1/4 - 0) / 2 / 2
