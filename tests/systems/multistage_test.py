"""The multistage system's training step.

Its numbers, its invariants, and that every way to run it takes the same step.
"""

import numpy as np
import pytest
import tensorflow as tf
from helpers import floats, smooth
from naive_terms import feature_terms
from set_back import assign, set_back, values
from shared import SHARED, needs_shared

import tfinpaint
from tfinpaint.data.holes import holes as make_holes
from tfinpaint.settings import HoleSettings, SettingsError

VGG = SHARED / "weights/vgg16/vgg16_imagenet_block1-3_notop_keras.h5"
SIZE = 32


def small(variant="paper", **settings):
    """Compiled, in the same state every time; built once for each variant."""
    return set_back("multistage", variant).compiled(**{"perceptual_weights": "none", **settings})


def another(seed=1, variant="paper", **settings):
    """One of its own, for tests that hold two at a time."""
    tf.keras.utils.set_random_seed(seed)
    system = tfinpaint.create("multistage", variant=variant, width=4, depth=4)
    system.compile(**{"perceptual_weights": "none", **settings})
    return system


@pytest.fixture
def batch():
    images = smooth(3, SIZE)
    return images, make_holes(0, 0, 3, SIZE, HoleSettings())


@pytest.mark.slow
def test_loss_is_the_sum_of_its_weighted_terms(batch):
    logs = floats(small().step(*batch))
    assert logs["loss"] == pytest.approx(
        sum(v for name, v in logs.items() if name not in ("loss", "critic")), rel=1e-6
    )


@pytest.mark.parametrize("variant", ["paper", "official"])
def test_terms_against_numpy(variant, batch):
    """Equations (19)-(21) on the output that the step itself saw."""
    images, holes = (np.asarray(x, np.float64) for x in batch)
    truth = (images + 1) / 2
    system = small(variant, loss_weights={"adversarial": 0.0})
    output = (
        system.generator([tf.constant(truth * (1 - holes), tf.float32), batch[1]], training=True)
        .numpy()
        .astype(np.float64)
    )
    logs = floats(small(variant, loss_weights={"adversarial": 0.0}).step(*batch))
    error = np.abs(output - truth)
    assert logs["valid"] == pytest.approx((error * (1 - holes)).mean(), rel=1e-5)
    assert logs["hole"] == pytest.approx(6 * (error * holes).mean(), rel=1e-5)
    if variant == "paper":  # pairs of which at least one is missing
        composite = output * holes + truth * (1 - holes)
        in_rows = np.maximum(holes[:, 1:], holes[:, :-1])
        in_columns = np.maximum(holes[:, :, 1:], holes[:, :, :-1])
    else:  # all pairs of the composite, which is 0 where the picture is known
        composite, in_rows, in_columns = output * holes, 1, 1
    down = np.abs(np.diff(composite, axis=1)) * in_rows
    right = np.abs(np.diff(composite, axis=2)) * in_columns
    assert logs["variation"] == pytest.approx(0.1 * (down.mean() + right.mean()), rel=1e-5)


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, np.float64)))


@pytest.mark.parametrize("variant", ["paper", pytest.param("official", marks=pytest.mark.slow)])
def test_generator_learns_first_and_the_critic_sees_the_raw_output(variant, batch):
    """Equations (16)-(18). Both losses are of the output and the critic before the step, although
    both learn in it."""
    images, holes = batch
    truth = (images + 1) / 2
    sgd = tf.keras.optimizers.SGD
    system = small(variant, optimizer=sgd(0.1), critic_optimizer=sgd(0.1))
    # Larger kernels than at the start, where all logits are almost 0.
    kernels = system.critic.trainable_variables
    for k, kernel in enumerate(kernels):
        kernel.assign(tf.random.stateless_normal(kernel.shape, [3, k], stddev=0.3))
    start = values(system.critic.variables)

    def losses(fake):
        """The generator's term and the critic's loss."""
        assign(start)
        score = system.critic(fake, training=False)
        # In one call, since each one normalises the kernels.
        both = system.critic(tf.concat([truth, fake], 0), training=True)
        critic = (softplus(-both[:3]).mean() + softplus(both[3:]).mean()) / 2
        return 0.1 * softplus(-score).mean(), critic

    output = system.generator([truth * (1 - holes), holes], training=True)
    of_composite = losses(output * holes + truth * (1 - holes))
    adversarial, critic = losses(output)
    assert np.abs(np.subtract(of_composite, [adversarial, critic])).min() > 1e-4
    normalised = [kernel.numpy() for kernel in kernels]
    assign(start)
    logs = floats(system.step(*batch))
    assert logs["adversarial"] == pytest.approx(adversarial, rel=1e-5)
    assert logs["critic"] == pytest.approx(critic, rel=1e-5)
    # Both have learned.
    again = system.generator([truth * (1 - holes), holes], training=True)
    assert np.abs(again - output).max() > 1e-2
    assert np.abs(kernels[-1] - normalised[-1]).max() > 1e-4


@pytest.mark.parametrize("variant", ["paper", pytest.param("official", marks=pytest.mark.slow)])
def test_feature_terms_are_of_images_from_0_to_1(variant, batch):
    """Equations (13)-(15), without ImageNet's standard deviation; the composite is judged in the
    official variant only."""
    settings = {"perceptual_weights": "random", "loss_weights": {"adversarial": 0.0}}
    system = small(variant, **settings)
    images, holes = (np.asarray(x, np.float64) for x in batch)
    truth = (images + 1) / 2
    known = np.float32(truth * (1 - holes))
    output = np.asarray(system.generator([known, batch[1]], training=True), np.float64)
    judged = [output, output * holes + truth * (1 - holes)][: 2 if variant == "official" else 1]
    perceptual, style = feature_terms(system.features._network, judged, truth, contrast=1)
    logs = floats(small(variant, **settings).step(*batch))
    assert logs["perceptual"] == pytest.approx(0.05 * perceptual, rel=1e-4)
    assert logs["style"] == pytest.approx(120 * style, rel=1e-3)


@pytest.mark.slow
@needs_shared
def test_perceptual_terms_of_the_official_variant_judge_the_composite_too(batch):
    images, holes = batch
    system = small(variant="official", perceptual_weights=str(VGG))
    truth = (images + 1) / 2
    output = system.generator([truth * (1 - holes), holes], training=True)
    composite = output * holes + truth * (1 - holes)
    total = 0.0
    for judged in (output, composite):
        for f, t in zip(system.features(judged), system.features(truth)):
            total += float(tf.reduce_mean(tf.abs(f - t)))
    terms = system.terms(output, truth, holes, system.features(truth))
    assert float(terms["perceptual"]) == pytest.approx(total, rel=1e-5)


def test_a_term_of_weight_0_builds_no_network(batch):
    system = small(loss_weights={"adversarial": 0.0})
    assert system.critic is None and system.critic_optimizer is None and system.features is None
    assert set(system.step(*batch)) == {"loss", "valid", "hole", "variation"}


@pytest.mark.slow
def test_the_step_makes_its_own_holes_from_a_seed(batch):
    settings = HoleSettings()
    seed = tf.constant([5, 7], tf.int32)

    def maker(s):
        return make_holes(s[0], s[1], 3, SIZE, settings)

    expected = floats(small().step(batch[0], make_holes(5, 7, 3, SIZE, settings)))
    for jit in (False, True):
        system = small(make_holes=maker)
        assert floats(
            tf.function(system.seeded_step, autograph=False, jit_compile=jit)(batch[0], seed)
        ) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_the_step_captures_variables_only(batch):
    """The step can therefore be written out as a pure function of inputs and variables."""
    system = small(perceptual_weights="random")
    step = tf.function(system.step, autograph=False).get_concrete_function(*batch)
    handles = {id(v.handle) for v in step.variables}
    assert all(id(c) in handles for c in step.captured_inputs)


@pytest.mark.parametrize(
    "frozen, moves",
    [
        pytest.param("none", (True, True), marks=pytest.mark.slow),
        ("encoder", (False, True)),
        pytest.param("all", (False, False), marks=pytest.mark.slow),
    ],
)
def test_frozen_batch_norm_keeps_its_statistics_and_trains_its_scale(batch, frozen, moves):
    system = small(freeze_batch_norm=frozen)
    norms = system.generator.encoder_norms["3"], system.generator.decoder_norms["3"]
    before = [(n.moving_mean.numpy(), n.gamma.numpy()) for n in norms]
    system.step(*batch)
    for norm, (mean, gamma), moved in zip(norms, before, moves):
        assert (not np.array_equal(norm.moving_mean, mean)) == moved
        assert not np.array_equal(norm.gamma, gamma)
    assert float(system.optimizer.learning_rate) == pytest.approx(
        2e-4 if frozen == "none" else 5e-5
    )
    assert float(system.critic_optimizer.learning_rate) == pytest.approx(
        2e-5 if frozen == "none" else 5e-6
    )


def test_moving_average_warms_up_and_takes_in_statistics(batch):
    system = small(ema_decay=0.5)
    values, averages = (
        (
            {
                "kernel": g.encoders["1"].kernel,
                "mean": g.encoder_norms["3"].moving_mean,
                "variance": g.decoder_norms["3"].moving_variance,
            }
        )
        for g in (system.generator, system.averaged_generator)
    )
    expected = {name: value.numpy() for name, value in values.items()}
    for t in range(1, 4):
        system.step(*batch)
        decay = min(0.5, (1 + t) / (10 + t))
        for name, value in values.items():
            expected[name] = decay * expected[name] + (1 - decay) * value.numpy()
            np.testing.assert_allclose(averages[name], expected[name], rtol=1e-5, atol=1e-6)
    assert not np.array_equal(averages["mean"], values["mean"])


@pytest.mark.slow
def test_a_decay_of_0_makes_the_average_a_copy(batch):
    system = small(ema_decay=0.0)
    system.step(*batch)
    for average, value in zip(
        system.averaged_generator.variables, system.generator.variables, strict=True
    ):
        np.testing.assert_array_equal(average, value)


@pytest.mark.parametrize("variant", ["paper", pytest.param("official", marks=pytest.mark.slow)])
def test_what_lies_under_the_hole_has_no_influence(batch, variant):
    images, holes = batch
    system = small(variant=variant)
    system.step(images, holes)
    other = images * (1 - holes) + holes * 0.77
    np.testing.assert_array_equal(system.generate(images, holes), system.generate(other, holes))


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["paper", "official"])
def test_a_batch_equals_its_images_one_by_one(batch, variant):
    images, holes = batch
    system = small(variant=variant)
    system.step(images, holes)
    single = [system.generate(images[k : k + 1], holes[k : k + 1])[0] for k in range(3)]
    np.testing.assert_allclose(system.generate(images, holes), single, atol=1e-5)
    np.testing.assert_allclose(system.predict((images, holes), verbose=0), single, atol=1e-5)


def test_generate_without_a_known_pixel_and_without_a_hole(batch):
    system = small()
    for hole in (tf.ones_like(batch[1]), tf.zeros_like(batch[1])):
        assert np.isfinite(system.generate(batch[0], hole)).all()


@pytest.mark.slow
def test_keras_fit_with_its_callbacks_and_backup(batch, tmp_path):
    data = tf.data.Dataset.from_tensors(batch).repeat()
    rates = []

    def schedule(epoch):
        rates.append(2e-4 / (epoch + 1))
        return rates[-1]

    def fit(system, epochs):
        return system.fit(
            data,
            steps_per_epoch=2,
            epochs=epochs,
            verbose=0,
            callbacks=[
                tf.keras.callbacks.LearningRateScheduler(schedule),
                tf.keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False),
                tf.keras.callbacks.ModelCheckpoint(
                    tmp_path / "weights", save_weights_only=True, monitor="loss"
                ),
            ],
        )

    whole = another()
    fit(whole, 4)
    tf.io.gfile.rmtree(str(tmp_path / "backup"))
    fit(another(), 2)
    resumed = another(seed=9)  # different weights: all must come back from the backup
    history = fit(resumed, 4)
    assert history.epoch == [2, 3]
    for a, b in zip(whole.generator.variables, resumed.generator.variables, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.slow
def test_training_lowers_the_loss_and_evaluate_reports_it(batch):
    system = small(learning_rate=3e-3, loss_weights={"adversarial": 0.0})
    data = tf.data.Dataset.from_tensors(batch).repeat()
    before = system.evaluate(data, steps=1, verbose=0, return_dict=True)["l1_hole"]
    history = system.fit(data, steps_per_epoch=60, epochs=2, verbose=0).history["loss"]
    after = system.evaluate(data, steps=1, verbose=0, return_dict=True)["l1_hole"]
    assert history[1] < history[0] and after < 0.6 * before


@pytest.mark.slow
def test_mixed_precision_step(batch):
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        system = another(perceptual_weights="random")
        logs = floats(tf.function(system.step, autograph=False)(*batch))
        output = system.generate(*batch)
        kernel = system.critic.convolutions[1].layer.kernel.numpy()
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    expected = floats(another(perceptual_weights="random").step(*batch))
    assert output.dtype == tf.float32 and all(
        v.dtype == tf.float32 for v in system.generator.trainable_variables
    )
    assert isinstance(system.critic_optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
    for name in ("valid", "hole", "critic"):
        assert logs[name] == pytest.approx(expected[name], rel=0.02)
    # The normalised kernel is written back in float32.
    assert (kernel != kernel.astype(np.float16)).mean() > 0.9


def test_attention_looks_at_known_positions_only(batch):
    images, holes = batch
    system = small()
    output, maps = system.attention_maps(images, holes)
    np.testing.assert_allclose(output, system.generate(images, holes), atol=1e-5)
    assert [matches.shape[1] for matches in maps] == [SIZE // 8, SIZE // 4]
    for matches in maps:
        matches = matches.numpy()
        b, h, w, _ = matches.shape
        cells = np.asarray(holes).reshape(b, h, SIZE // h, w, SIZE // w).max((2, 4))
        for k in range(b):
            assert (cells[k][matches[k, ..., 0], matches[k, ..., 1]] == 0).all()


def test_compiling_again_keeps_what_was_trained(batch):
    system = small()
    system.step(*batch)
    before = [
        v.numpy()
        for network in (system.generator, system.averaged_generator, system.critic)
        for v in network.variables
    ]
    system.compile(perceptual_weights="none", freeze_batch_norm="all")
    after = [
        v.numpy()
        for network in (system.generator, system.averaged_generator, system.critic)
        for v in network.variables
    ]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_keras_summary_and_saved_weights(batch, tmp_path):
    system = another()
    system.step(*batch)
    system.summary(print_fn=lambda line: None)
    other = another(seed=4)
    for name in ("weights.h5", "weights"):
        system.save_weights(tmp_path / name)
        other.load_weights(tmp_path / name)
        np.testing.assert_array_equal(other.generate(*batch), system.generate(*batch))


def test_batches_that_cannot_be_used_say_so(batch):
    images, holes = batch
    system = small()
    for data, message in [
        ((images,), "pairs"),
        ((images, tf.constant([1, 2])), "make_holes"),
        ((images[:, :20], holes[:, :20]), "multiples"),
    ]:
        with pytest.raises(ValueError, match=message):
            system.train_step(data)
    with pytest.raises(ValueError, match="multiples of 16. Got 20 x 32"):
        system.generate(images[:, :20], holes[:, :20])


def test_what_cannot_be_made_says_so():
    with pytest.raises(
        SettingsError,
        match="`system` is one of coherent_semantic, context_encoder, contextual_attention, "
        "edge_connect, gated_conv, global_local, multistage",
    ):
        tfinpaint.create("nothing")
    with pytest.raises(SettingsError, match="`variant`"):
        tfinpaint.create("multistage", variant="other")
    with pytest.raises(SettingsError, match="no setting depht; it has width, depth"):
        tfinpaint.create("multistage", depht=5)
    with pytest.raises(SettingsError, match="`depth` is.*at least 4.*Got 3"):
        tfinpaint.create("multistage", depth=3)
    with pytest.raises(
        SettingsError,
        match=r"`loss_weights\['stile'\]`: multistage has no such term; its terms are valid, hole",
    ):
        small(loss_weights={"stile": 1.0})
    with pytest.raises(SettingsError, match="`perceptual_weights`.*no file"):
        small(perceptual_weights="/nowhere.h5")
