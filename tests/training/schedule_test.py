"""Learning rates over a run, and clipped gradients.

The curves, that optimizers follow them, and that resuming changes nothing.
"""

import dataclasses
import json
import math
import shutil

import numpy as np
import pytest
import tensorflow as tf
import two_devices
from run_folders import rows
from set_back import assign, values

import tfinpaint
from tfinpaint.settings import (
    HoleSettings,
    PhotoSettings,
    SettingsError,
    TrainSettings,
    to_json,
    train_settings_from_json,
)
from tfinpaint.training import train
from tfinpaint.training.schedule import RateSchedule, description, schedule_of

SETTINGS = TrainSettings(
    system="partial_conv",  # the quickest to trace
    photos=PhotoSettings("samples:astronaut,chelsea", image_size=32),
    holes=HoleSettings(),
    eval_data="samples:coffee",
    system_settings=(("width", 4), ("depth", 4)),
    batch_size=2,
    steps=6,
    perceptual_weights="none",
    checkpoint_every=100,
    log_every=1,
    sample_every=0,
    eval_count=1,
)
FALLS = dataclasses.replace(
    SETTINGS,
    learning_rate=1e-3,
    warmup_steps=2,
    schedule="cosine",
    schedule_steps=3,
    final_rate=0.1,
)


def curve(step, rate, kind, warmup, steps, final):
    """The rate at a step, computed independently."""
    if step < warmup:
        return rate * step / warmup
    part = min((step - warmup) / steps, 1) if steps else 0
    fallen = {"constant": 0, "linear": part, "cosine": (1 - math.cos(math.pi * part)) / 2}[kind]
    return rate * (1 - fallen * (1 - final))


@pytest.mark.parametrize(
    "kind, warmup, steps, final",
    [
        ("constant", 10, 0, 0.01),
        ("cosine", 0, 100, 0.0),
        ("cosine", 7, 20, 0.05),
        ("linear", 0, 40, 1.0),
        ("linear", 16, 40, 0.25),
    ],
)
def test_the_curves(kind, warmup, steps, final):
    schedule = RateSchedule(2e-3, kind, warmup, steps, final)
    at = list(range(0, 150, 3)) + [10**7]
    expected = [curve(step, 2e-3, kind, warmup, steps, final) for step in at]
    np.testing.assert_allclose(
        [float(schedule(tf.constant(step, tf.int64))) for step in at],
        expected,
        rtol=1e-4,
        atol=1e-9,
    )
    compiled = tf.function(schedule, jit_compile=True)
    np.testing.assert_allclose(
        [float(compiled(tf.constant(step, tf.int64))) for step in at],
        expected,
        rtol=1e-4,
        atol=1e-9,
    )
    again = RateSchedule.from_config(schedule.get_config())
    assert float(again(5)) == float(schedule(5))


def test_a_dry_run_says_how_the_rate_goes_on():
    assert description(SETTINGS, 2e-4) == "learning rate: 0.0002"
    assert (
        description(FALLS, 1e-3)
        == "learning rate: from 0 to 0.001 at step 2, cosine to 0.0001 at step 5, "
        "the run stops at 6 (`steps`)"
    )
    assert description(dataclasses.replace(FALLS, steps=5), 1e-3).endswith(
        "cosine to 0.0001 at step 5"
    )


def batch(count=2, size=32):
    images = np.random.default_rng(0).uniform(-1, 1, (count, size, size, 3)).astype("float32")
    holes = np.zeros((count, size, size, 1), "float32")
    holes[:, size // 4 : size // 2, size // 4 : size // 2] = 1
    return tf.constant(images), tf.constant(holes)


def system(name="multistage", optimizer=None, **settings):
    tf.keras.utils.set_random_seed(0)
    made = tfinpaint.create(name, width=4, **({"depth": 4} if name == "multistage" else {}))
    made.compile(optimizer=optimizer, perceptual_weights="none", image_size=32, **settings)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("how", ["eager", "graph", "compiled"])
def test_generator_and_critic_follow_the_schedule(how):
    made = system(learning_rate=1e-3, schedule=schedule_of(FALLS))
    step = made.train_step
    if how != "eager":
        step = tf.function(step, jit_compile=how == "compiled")
    for k in range(7):
        step(batch())
        expected = curve(k, 1e-3, "cosine", 2, 3, 0.1)
        assert float(made.optimizer.learning_rate) == pytest.approx(expected, rel=1e-5)
        assert float(made.critic_optimizer.learning_rate) == pytest.approx(expected / 10, rel=1e-5)


def test_a_rate_of_0_moves_no_weight_and_a_later_one_does():
    made = system(learning_rate=1e-3, schedule=schedule_of(FALLS))
    before = [v.numpy() for v in made.generator.trainable_variables]
    made.train_step(batch())
    for variable, value in zip(made.generator.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    made.train_step(batch())
    moved = max(
        np.abs(v.numpy() - value).max()
        for v, value in zip(made.generator.trainable_variables, before)
    )
    assert moved == pytest.approx(5e-4, rel=0.3)  # Adam's step, about the rate


@pytest.mark.slow
def test_a_generator_that_learns_from_every_fifth_batch_follows_the_batches():
    made = system(
        "contextual_attention",
        learning_rate=1e-3,
        schedule=lambda rate: RateSchedule(rate, "linear", 0, 20, 0.0),
    )
    step = tf.function(made.train_step)
    for k in range(10):
        step(batch())
        assert float(made.critic_optimizer.learning_rate) == pytest.approx(
            1e-3 * (1 - k / 20), rel=1e-5
        )
        if k % 5 == 4:
            assert float(made.optimizer.learning_rate) == pytest.approx(
                1e-3 * (1 - k / 20), rel=1e-5
            )


def rates_of(made):
    return [float(optimizer.learning_rate) for optimizer in made.parts.values()]


@pytest.mark.slow
def test_a_part_that_begins_later_or_pauses_follows_the_steps_of_the_run(eager):
    """In phases: the critics have no steps behind them at step 3, in which the generator pauses."""
    made = system("global_local", optimizer=None, learning_rate=1e-3, schedule=schedule_of(FALLS))
    highest = made.schedules["critic"].rate
    made.run_step = 2
    for k, phase in enumerate(["completion", "critics", "both"], 2):
        made.enter_phase(phase)
        made.train_step(batch())
        share = curve(k, 1.0, "cosine", 2, 3, 0.1)
        assert rates_of(made) == pytest.approx([1e-3 * share, highest * share], rel=1e-5)
    assert made.run_step == 5 and int(made.critic_optimizer.iterations) == 2


@pytest.mark.slow
def test_a_step_that_is_passed_over_counts_and_a_restored_run_goes_on_at_its_step(eager, tmp_path):
    made = system(
        loss_weights={"adversarial": 0.0},
        learning_rate=1e-3,
        schedule=schedule_of(FALLS),
        skip_bad_steps=True,
    )
    made.run_step = 2
    images, holes = batch()
    made.train_step((images * np.nan, holes))
    made.train_step((images, holes))
    assert int(made.optimizer.iterations) == 1 and made.run_step == 4
    assert rates_of(made) == pytest.approx([curve(3, 1e-3, "cosine", 2, 3, 0.1)], rel=1e-5)
    # Old checkpoints still fit: the number is none of the system's variables.
    saved = tf.train.Checkpoint(system=made).write(str(tmp_path / "saved"))
    names = [name for name, _ in tf.train.list_variables(saved)]
    assert any("_iterations" in name for name in names)
    assert not any("counter" in name or "run_step" in name for name in names)


def rates(run_dir):
    return [float(row["learning_rate"]) for row in rows(run_dir)]


@pytest.mark.slow
def test_a_run_logs_its_rate_and_a_resumed_one_goes_on_along_the_curve(tmp_path):
    settings, said = dataclasses.replace(FALLS, checkpoint_every=3), []
    train(settings, str(tmp_path / "whole"))
    expected = [curve(k, 1e-3, "cosine", 2, 3, 0.1) for k in range(6)]
    assert rates(tmp_path / "whole") == pytest.approx(expected, rel=1e-4)
    shutil.copytree(tmp_path / "whole", tmp_path / "run")
    for path in (tmp_path / "run/checkpoints").glob("ckpt-6.*"):
        path.unlink()
    train(settings, str(tmp_path / "run"), resume=True, say=said.append)
    assert any("resumed at step 3" in line for line in said)
    assert rates(tmp_path / "run") == pytest.approx(expected, rel=1e-4)
    whole, resumed = (
        tfinpaint.load(str(tmp_path / name)).system.generator.variables for name in ("whole", "run")
    )
    for a, b in zip(whole, resumed, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.slow
def test_a_schedule_may_come_and_go_with_a_resume(tmp_path):
    said = []
    train(dataclasses.replace(SETTINGS, steps=2, learning_rate=1e-3), str(tmp_path / "run"))
    train(dataclasses.replace(FALLS, steps=4), str(tmp_path / "run"), resume=True, say=said.append)
    train(
        dataclasses.replace(SETTINGS, steps=5, learning_rate=2e-3),
        str(tmp_path / "run"),
        resume=True,
    )
    assert rates(tmp_path / "run") == pytest.approx(
        [1e-3, 1e-3, *(curve(k, 1e-3, "cosine", 2, 3, 0.1) for k in (2, 3)), 2e-3], rel=1e-4
    )
    assert any(
        "`schedule` was constant up to step 2 and is cosine from there" in line for line in said
    )


# ----------------------------------------------------------------------------------------- clipping


def moved(made, before, rate):
    """Norm of the gradients whose plain descent with this rate moved the weights."""
    squares = [
        np.sum((v.numpy() - value) ** 2, dtype=np.float64)
        for v, value in zip(made.generator.trainable_variables, before)
    ]
    return math.sqrt(sum(squares)) / rate


@pytest.mark.parametrize(
    "policy", ["float32", pytest.param("mixed_float16", marks=pytest.mark.slow)]
)
def test_gradients_are_clipped_to_a_norm_of_all_together(policy):
    tf.keras.mixed_precision.set_global_policy(policy)
    try:
        norms, made = [], system(loss_weights={"adversarial": 0.0})
        start = values(made.generator.variables)
        for clip in (0.0, 1e4, 0.05):
            assign(start)
            made.compile(
                optimizer=tf.keras.optimizers.SGD(1.0),
                clip_norm=clip,
                loss_weights={"adversarial": 0.0},
                perceptual_weights="none",
                image_size=32,
            )
            before = [v.numpy() for v in made.generator.trainable_variables]
            made.step(*batch())
            norms.append(moved(made, before, 1.0))
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert norms[0] > 0.1 and norms[1] == pytest.approx(norms[0], rel=1e-4)
    assert norms[2] == pytest.approx(0.05, rel=1e-3)


@pytest.mark.slow
def test_the_critics_gradients_are_clipped_too():
    made = system(critic_optimizer=tf.keras.optimizers.SGD(1.0), clip_norm=1e-3)
    before = [v.numpy() for v in made.critic.trainable_variables]
    made.update_critic(lambda: 1e6 * tf.reduce_mean(made.critic(batch()[0], training=False)))
    change = math.sqrt(
        sum(np.sum((v.numpy() - b) ** 2) for v, b in zip(made.critic.trainable_variables, before))
    )
    assert change == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.slow
def test_two_replicas_clip_and_follow_the_schedule_as_one():
    """The halves of the batch differ, so the norm of one replica's gradients is not that of their
    sum."""
    two_devices.run("""
import tfinpaint
from tfinpaint.training.schedule import RateSchedule
def run(strategy):
    tf.keras.utils.set_random_seed(1)
    with strategy.scope():
        system = tfinpaint.create("multistage", width=4, depth=4)
        system.compile(optimizer=tf.keras.optimizers.SGD(0.5), perceptual_weights="none",
                       freeze_batch_norm="all", clip_norm=0.1,
                       schedule=lambda rate: RateSchedule(rate, "linear", 2, 4, 0.1),
                       loss_weights={"adversarial": 0.0})
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 3)).astype("float32")
    holes = np.zeros((4, 32, 32, 1), "float32"); holes[:, 8:24, 8:24] = 1
    data = tf.data.Dataset.from_tensors((images, holes)).unbatch().batch(4).repeat()
    system.fit(data, steps_per_epoch=1, epochs=4, verbose=0)
    after = [v.numpy() for v in system.generator.trainable_variables]
    return float(system.optimizer.learning_rate.numpy()), after
one, two = (
    run(tf.distribute.get_strategy()),
    run(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])),
)
assert abs(one[0] - 0.5 * (1 - 0.9 / 4)) < 1e-6 and one[0] == two[0], (one[0], two[0])
for a, b in zip(one[1], two[1], strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)
""")


# ----------------------------------------------------------------------------------------- settings


def test_settings_that_were_written_before_there_were_schedules_load():
    written = json.loads(to_json(SETTINGS))
    for name in ("warmup_steps", "schedule", "schedule_steps", "final_rate", "clip_norm"):
        del written[name]
    assert train_settings_from_json(json.dumps(written)) == SETTINGS


def test_a_run_that_was_trained_with_an_idle_final_rate_loads_but_none_begins_with_it():
    idle = dataclasses.replace(SETTINGS, final_rate=0.5)
    assert train_settings_from_json(to_json(idle)) == idle
    with pytest.raises(SettingsError, match="`final_rate` is 0.01 with .* Got 0.5"):
        schedule_of(idle)
    with pytest.raises(SettingsError, match="`final_rate` is 0.01 with .* Got 0.5"):
        schedule_of(dataclasses.replace(idle, warmup_steps=2))
    assert schedule_of(SETTINGS) is None


@pytest.mark.parametrize(
    "change, message",
    [
        ({"schedule": "step"}, "`schedule` is constant, cosine or linear. Got 'step'"),
        (
            {"schedule": "cosine"},
            "`schedule_steps`, the steps over which `schedule='cosine'` falls, "
            "is at least 1. Got 0",
        ),
        ({"schedule_steps": 5}, "`schedule_steps` is 0 with `schedule='constant'`.* Got 5"),
        ({"warmup_steps": -1}, "`warmup_steps` is at least 0. Got -1"),
        ({"final_rate": 1.5}, "`final_rate` is a share from 0 to 1 .* Got 1.5"),
        ({"clip_norm": -0.5}, "`clip_norm` is at least 0. Got -0.5"),
        ({"clip_norm": math.inf}, "`clip_norm` is a finite number. Got inf"),
    ],
)
def test_what_is_no_schedule_is_refused(change, message):
    with pytest.raises(SettingsError, match=message):
        dataclasses.replace(SETTINGS, **change)
