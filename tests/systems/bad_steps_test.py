"""A step that is not finite is undone as a whole, in every system; loss scaling recovers."""

import numpy as np
import pytest
import tensorflow as tf
from small import SIZES, SMALL, TERMS_LEFT_OUT

import tfinpaint
from tfinpaint.systems.bad_steps import SKIPPED, unless_bad

QUICK = ("partial_conv",)


def compiled(name, **settings):
    tf.keras.utils.set_random_seed(0)
    system = tfinpaint.create(name, **SMALL[name])
    size = {"context_encoder": 64}.get(name, SIZES.get(name, 32))
    system.compile(
        perceptual_weights="none",
        image_size=size,
        loss_weights=dict(TERMS_LEFT_OUT[name]),
        **settings,
    )
    images = np.random.default_rng(0).uniform(-1, 1, (2, size, size, 3)).astype(np.float32)
    holes = np.zeros((2, size, size, 1), np.float32)
    holes[:, size // 4 : size * 3 // 4, size // 4 : size * 3 // 4] = 1
    return system, tf.constant(images), tf.constant(holes)


def everything(system):
    """All variables, found in another way than `state` does: those that a checkpoint holds."""
    there = tf.train.Checkpoint(system=system)
    tracked = tf.__internal__.tracking.ObjectGraphView(there)
    values = {}
    for trackable in tracked.breadth_first_traversal()[0]:
        if isinstance(trackable, tf.Variable):
            values[trackable.ref()] = trackable.numpy()
    return values


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in SMALL]
)
def test_a_step_that_is_not_finite_changes_nothing(name, eager):
    system, images, holes = compiled(name, skip_bad_steps=True)
    # Of five steps of contextual_attention, the generator learns in the last, which is broken.
    for _ in range(4 if name == "contextual_attention" else 1):
        assert float(system.train_step((images, holes))[SKIPPED]) == 0
    before = everything(system)
    assert len(before) > len(system.generator.variables)
    broken = tf.tensor_scatter_nd_update(images, [[0, 1, 1, 0]], [np.nan])
    logs = system.train_step((broken, holes))
    assert float(logs[SKIPPED]) == 1
    assert not all(np.isfinite(float(value)) for value in logs.values())
    after = everything(system)
    changed = [ref.deref().name for ref in before if not np.array_equal(before[ref], after[ref])]
    assert changed == []
    assert float(system.train_step((images, holes))[SKIPPED]) == 0
    moved = everything(system)
    assert any(not np.array_equal(before[ref], moved[ref]) for ref in before)


@pytest.mark.parametrize("jit", [False, True])
def test_a_gradient_that_is_not_finite_is_found_where_the_loss_is(jit):
    """The root has an infinite gradient at 0, where it is 0."""
    variable, statistics = tf.Variable([0.0, 4.0]), tf.Variable(1.0)

    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sqrt(variable))
        statistics.assign(0.5 * statistics)
        variable.assign_sub(0.1 * tape.gradient(loss, variable))
        return {"loss": loss}

    taken = tf.function(lambda: unless_bad(step, [variable, statistics]), jit_compile=jit)
    logs = taken()
    assert float(logs["loss"]) == 2 and float(logs[SKIPPED]) == 1
    np.testing.assert_array_equal(variable, [0, 4])
    assert float(statistics) == 1
    variable.assign([1.0, 4.0])
    assert float(taken()[SKIPPED]) == 0
    np.testing.assert_allclose(variable, [0.95, 3.975])
    assert float(statistics) == 0.5


@pytest.mark.slow
@pytest.mark.parametrize("skip", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_loss_scale_that_overflows_falls_until_the_system_learns(skip, eager):
    """It starts 2^30 times too large: steps change no weight until it has been halved enough."""
    policy = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        optimizer = tf.keras.mixed_precision.LossScaleOptimizer(
            tf.keras.optimizers.Adam(1e-3), initial_scale=2.0**40
        )
        system, images, holes = compiled("partial_conv", optimizer=optimizer, skip_bad_steps=skip)
        first = [v.numpy() for v in system.generator.trainable_variables]
        scales, learned = [], False
        for _ in range(40):
            scales.append(float(system.optimizer.loss_scale))
            logs = system.train_step((images, holes))
            assert np.isfinite(float(logs["loss"])) and float(logs.get(SKIPPED, 0)) == 0
            now = system.generator.trainable_variables
            learned = any(not np.array_equal(a, b) for a, b in zip(first, now))
            if learned:
                break
        assert learned and len(scales) > 4
        assert scales == [2.0**40 / 2**k for k in range(len(scales))]
        assert all(np.isfinite(v).all() for v in system.generator.get_weights())
        # From here on it goes on learning.
        for _ in range(3):
            assert np.isfinite(float(system.train_step((images, holes))["loss"]))
        assert int(system.optimizer.iterations) >= 3
    finally:
        tf.keras.mixed_precision.set_global_policy(policy)
