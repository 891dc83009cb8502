"""tfinpaint.losses' adversarial terms with values worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.losses import (
    critic_cross_entropy,
    critic_hinge,
    critic_least_squares,
    critic_relativistic,
    critic_wasserstein,
    generator_cross_entropy,
    generator_hinge,
    generator_least_squares,
    generator_relativistic,
    generator_wasserstein,
)

# sigmoid(ln 3) = 3/4, sigmoid(-ln 3) = 1/4. Cross-entropy for target 1: ln 4/3 = .2876821 and ln 4
# = 1.3862944; for target 0 the other way round.
LN3 = float(np.log(3))


def logits(*values):
    return np.array(values, np.float32).reshape(-1, 1, 1, 1)


def test_generator_by_hand():
    assert float(generator_cross_entropy(logits(0))) == pytest.approx(0.6931472, abs=1e-6)
    assert float(generator_cross_entropy(logits(LN3))) == pytest.approx(0.2876821, abs=1e-6)
    # A mean over patches: (.2876821 + 1.3862944) / 2.
    assert float(generator_cross_entropy(logits(LN3, -LN3))) == pytest.approx(0.8369882, abs=1e-6)


def test_critic_by_hand():
    # Undecided on both: (ln 2 + ln 2) / 2.
    assert float(critic_cross_entropy(logits(0), logits(0))) == pytest.approx(0.6931472, abs=1e-6)
    # Right on both, 3 to 1: ln 4/3. Wrong on both: ln 4.
    assert float(critic_cross_entropy(logits(LN3), logits(-LN3))) == pytest.approx(
        0.2876821, abs=1e-6
    )
    assert float(critic_cross_entropy(logits(-LN3), logits(LN3))) == pytest.approx(
        1.3862944, abs=1e-6
    )
    # Right on the real one, undecided on the fake one: (.2876821 + .6931472) / 2.
    assert float(critic_cross_entropy(logits(LN3), logits(0))) == pytest.approx(0.4904147, abs=1e-6)
    # Real and fake scores have a mean each. 1 real, 2 fake:
    # (.6931472 + (.2876821 + 1.3862944) / 2) / 2.
    assert float(critic_cross_entropy(logits(0), logits(-LN3, LN3))) == pytest.approx(
        0.7650677, abs=1e-6
    )


def test_against_keras():
    rs = np.random.RandomState(0)
    real, fake = 3 * rs.standard_normal((2, 2, 5, 4, 1)).astype(np.float32)
    entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    want = (entropy(np.ones_like(real), real) + entropy(np.zeros_like(fake), fake)) / 2
    assert float(critic_cross_entropy(real, fake)) == pytest.approx(float(want), rel=1e-5)
    assert float(generator_cross_entropy(fake)) == pytest.approx(
        float(entropy(np.ones_like(fake), fake)), rel=1e-5
    )


def test_sure_critics_stay_finite():
    assert float(generator_cross_entropy(logits(-1000))) == pytest.approx(1000)
    assert float(generator_cross_entropy(logits(1000))) == 0
    assert float(critic_cross_entropy(logits(-1000), logits(1000))) == pytest.approx(1000)
    assert float(critic_cross_entropy(logits(1000), logits(-1000))) == 0


def test_gradients_do_not_fade_where_the_critic_is_sure():
    """Non-saturating: sigmoid - target over the number of patches, near -1/2 for each of two fakes
    that the critic sees through."""
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


def test_hinge_by_hand():
    # real: max(1 - r, 0) = 0, 0, 1.5, mean .5. fake: max(1 + f, 0) = 3, 0, mean 1.5. Half of both:
    # 1.
    real, fake = logits(1, 3, -0.5), logits(2, -4)
    assert float(critic_hinge(real, fake)) == pytest.approx(1, abs=1e-6)
    assert float(generator_hinge(fake)) == pytest.approx(1, abs=1e-6)  # -(2 - 4) / 2
    assert float(critic_hinge(logits(1), logits(-1))) == 0  # right by the margin is enough
    assert float(critic_hinge(logits(0), logits(0))) == pytest.approx(1)


def test_relativistic_by_hand():
    # E real = 2, E fake = -1. Critic: real - E fake - 1 = 1, 3: mean square 5; fake - E real + 1 =
    # -1, -3: 5. Sum 10.
    real, fake = logits(1, 3), logits(0, -2)
    assert float(critic_relativistic(real, fake)) == pytest.approx(10, abs=1e-5)
    # Generator: fake - E real - 1 = -3, -5: mean square 17; real - E fake + 1 = 3, 5: 17. Sum 34.
    assert float(generator_relativistic(real, fake)) == pytest.approx(34, abs=1e-5)
    # Undecided: 1 + 1 for both. If one has all that it wants, it pays 0 and the other 4 + 4.
    assert (
        float(critic_relativistic(logits(7), logits(7)))
        == float(generator_relativistic(logits(7), logits(7)))
        == 2
    )
    assert float(critic_relativistic(logits(4), logits(3))) == 0
    assert float(generator_relativistic(logits(4), logits(3))) == 8


def test_relativistic_only_sees_differences():
    """E is over the whole batch and all patches; the numbers of real and fake scores may differ."""
    rs = np.random.RandomState(1)
    real, fake = (
        rs.standard_normal((2, 5, 4, 1)).astype(np.float32),
        rs.standard_normal((3, 5, 4, 1)).astype(np.float32),
    )
    want = ((real - fake.mean() - 1) ** 2).mean() + ((fake - real.mean() + 1) ** 2).mean()
    assert float(critic_relativistic(real, fake)) == pytest.approx(want, rel=1e-5)
    assert float(critic_relativistic(real + 5, fake + 5)) == pytest.approx(want, rel=1e-5)
    want = ((fake - real.mean() - 1) ** 2).mean() + ((real - fake.mean() + 1) ** 2).mean()
    assert float(generator_relativistic(real, fake)) == pytest.approx(want, rel=1e-5)


def test_least_squares_by_hand():
    # real - 1 = 0, 2: mean square 2. fake = 0, -2: 2. Half of both: 2.
    assert float(critic_least_squares(logits(1, 3), logits(0, -2))) == pytest.approx(2, abs=1e-6)
    assert float(generator_least_squares(logits(1, 3))) == pytest.approx(2, abs=1e-6)
    # real - 1 = -2: 4. fake = 1, 2, -1: 2. Half of both: 3. For the generator 0, 1, -2: 5 / 3.
    real, fake = logits(-1), logits(1, 2, -1)
    assert float(critic_least_squares(real, fake)) == pytest.approx(3, abs=1e-6)
    assert float(generator_least_squares(fake)) == pytest.approx(5 / 3, abs=1e-6)
    # Right is enough; a score beyond its target is as far from it as one short of it.
    assert float(critic_least_squares(logits(1), logits(0))) == 0
    assert float(generator_least_squares(logits(0))) == float(generator_least_squares(logits(2)))


def test_wasserstein_by_hand():
    real, fake = logits(1, 3), logits(0, -2, -4)
    assert float(critic_wasserstein(real, fake)) == pytest.approx(-4, abs=1e-6)  # -2 - 2
    assert float(generator_wasserstein(fake)) == pytest.approx(2, abs=1e-6)


PAIRS = {
    "cross_entropy": (critic_cross_entropy, lambda real, fake: generator_cross_entropy(fake)),
    "hinge": (critic_hinge, lambda real, fake: generator_hinge(fake)),
    "relativistic": (critic_relativistic, generator_relativistic),
    "least_squares": (critic_least_squares, lambda real, fake: generator_least_squares(fake)),
    "wasserstein": (critic_wasserstein, lambda real, fake: generator_wasserstein(fake)),
}


@pytest.mark.parametrize("pair", list(PAIRS))
def test_descending_moves_scores_the_right_way(pair):
    """From equal scores the critic raises the real and lowers the fake ones, and the generator
    raises the fake ones."""
    critic, generator = PAIRS[pair]
    # 0 is the target of the critic's least squares for fake ones.
    real, fake = tf.fill([2, 3, 3, 1], 0.5), tf.fill([2, 3, 3, 1], 0.5)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        critics, generators = critic(real, fake), generator(real, fake)
    to_real, to_fake = tape.gradient(critics, [real, fake])
    assert np.max(to_real) < 0 < np.min(to_fake)
    assert np.max(tape.gradient(generators, fake)) < 0


@pytest.mark.parametrize("pair", list(PAIRS))
def test_unknown_sizes_and_compiled(pair):
    def both(real, fake):
        return [term(real, fake) for term in PAIRS[pair]]

    rs = np.random.RandomState(2)
    real, fake = rs.standard_normal((2, 2, 5, 4, 1)).astype(np.float32)
    signature = [tf.TensorSpec([None, None, None, 1])] * 2
    for function in (
        tf.function(both, input_signature=signature),
        tf.function(both, jit_compile=True),
    ):
        np.testing.assert_allclose(
            function(real, fake), both(tf.constant(real), tf.constant(fake)), rtol=1e-5
        )
