"""The system in the box: what it begins as, its terms, its network."""

import numpy as np
import pytest
import tensorflow as tf

import tfinpaint
from tfinpaint.layers.smooth_fill import smooth_fill


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    images = tf.image.resize(rng.uniform(-1, 1, (2, 4, 4, 3)).astype(np.float32), (32, 32), "bicubic")
    holes = np.zeros((2, 32, 32, 1), np.float32)
    holes[0, 6:20, 9:25] = 1
    holes[1, 20:30, :30] = 1
    return images, tf.constant(holes)


def test_begins_as_the_smooth_fill(batch):
    system = tfinpaint.create("residual", width=4, depth=2)
    images, holes = batch
    np.testing.assert_array_equal(system.generate(images, holes), smooth_fill(images * (1 - holes), holes))


def test_parameter_count():
    system = tfinpaint.create("residual")
    assert sum(v.shape.num_elements() for v in system.generator.trainable_variables) == 5_090_700
    assert not system.generator.non_trainable_variables


def test_terms_are_those_of_the_file(batch):
    """L1 on the [0, 1] scale: in the hole and outside it, picture by picture."""
    system = tfinpaint.create("residual", width=4, depth=2)
    system.compile(perceptual_weights="none")
    for v in system.generator.trainable_variables:
        v.assign(tf.random.stateless_normal(v.shape, [0, 1], stddev=0.1))
    images, holes = (np.asarray(x) for x in batch)
    error = np.abs(system.generate(*batch) - images) / 2
    hole = np.mean([e[h[..., 0] > 0].mean() for e, h in zip(error, holes)])
    valid = np.mean([e[h[..., 0] == 0].mean() for e, h in zip(error, holes)])
    logs = system.step(*batch)
    assert hole > 0.01 and valid > 0.01
    assert float(logs["hole"]) == pytest.approx(hole, rel=1e-4) and float(logs["valid"]) == pytest.approx(0.1 * valid, rel=1e-4)
    assert float(logs["loss"]) == pytest.approx(hole + 0.1 * valid, rel=1e-4)


def test_a_fill_does_not_depend_on_its_batch(batch):
    system = tfinpaint.create("residual", width=4, depth=2)
    for v in system.generator.trainable_variables:
        v.assign(tf.random.stateless_normal(v.shape, [0, 2], stddev=0.1))
    together = system.generate(*batch)
    for k in range(2):
        np.testing.assert_allclose(system.generate(batch[0][k:k + 1], batch[1][k:k + 1])[0], together[k], atol=1e-5)


def test_learns_in_bfloat16_what_it_learns_in_float32(batch):
    losses = {}
    for policy in ("float32", "mixed_bfloat16"):
        tf.keras.mixed_precision.set_global_policy(policy)
        try:
            tf.keras.utils.set_random_seed(3)
            system = tfinpaint.create("residual", width=8, depth=2)
            system.compile(perceptual_weights="none", learning_rate=3e-3)
            step = tf.function(system.step)
            losses[policy] = [float(step(*batch)["hole"]) for _ in range(60)]
        finally:
            tf.keras.mixed_precision.set_global_policy("float32")
        assert system.generate(*batch).dtype == tf.float32
        assert losses[policy][-1] < 0.5 * losses[policy][0]
    assert losses["mixed_bfloat16"][0] == pytest.approx(losses["float32"][0], rel=0.02)
