"""MUSICAL's own rules.

What the feature network and the critic see; the critic's loss, normalisation and weights; and what
is refused.
"""

import importlib

import numpy as np
import pytest
import tensorflow as tf
from helpers import floats, smooth

import tfinpaint
from tfinpaint.settings import SettingsError
from tfinpaint.systems.musical.densenet_critic import DenseNetCritic

# any DenseNet, which Keras has and does not export
DenseNet = importlib.import_module(tf.keras.applications.DenseNet121.__module__).DenseNet
SIZE = 96  # the least that the critic can judge: one patch
made = {}

variants = pytest.mark.parametrize("variant", ["paper", "official"])
paper_first = pytest.mark.parametrize(
    "variant", ["paper", pytest.param("official", marks=pytest.mark.slow)]
)


def small(variant="paper", **settings):
    """Compiled, without a critic, with the same weights every time; built once for each variant."""
    if variant not in made:
        tf.keras.utils.set_random_seed(1)
        system = tfinpaint.create("musical", variant=variant, width=4)
        made[variant] = system, [v.numpy() for v in system.generator.variables]
    system, weights = made[variant]
    for variable, weight in zip(system.generator.variables, weights, strict=True):
        variable.assign(weight)
    system.critic = None
    tf.keras.utils.set_random_seed(2)
    system.compile(
        **{
            "perceptual_weights": "none",
            "loss_weights": {"adversarial": 0.0},
            "image_size": SIZE,
            **settings,
        }
    )
    system.restart_average()
    return system


def short_densenet(include_top, weights):
    """A DenseNet of one layer in each block, which is built and run in a tenth of the time."""
    assert not include_top and weights is None
    trunk = DenseNet([1, 1, 1, 1], include_top=False, weights=None)
    last = tf.keras.layers.Conv2D(1024, 1, use_bias=False)(trunk.output)  # as many as 121 has
    return tf.keras.Model(trunk.input, last)


@pytest.fixture(scope="module")
def critic():
    """The paper's critic with a short trunk and random weights, and these weights."""
    tf.keras.utils.set_random_seed(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.keras.applications, "DenseNet121", short_densenet)
        critic = DenseNetCritic("random")
    return critic, [v.numpy() for v in critic.variables]


def judged(variant, critic, **settings):
    """A system with that critic, which starts with the same weights every time."""
    system = small(variant, **settings)
    system.critic, weights = critic
    for variable, weight in zip(system.critic.variables, weights, strict=True):
        variable.assign(weight)
    system.compile(
        **{"perceptual_weights": "none", "critic_weights": "random", "image_size": SIZE, **settings}
    )
    return system


@pytest.fixture(scope="module")
def batch():
    holes = np.zeros((2, SIZE, SIZE, 1), np.float32)
    holes[0, 12:60, 20:70] = 1
    holes[1, 30:80, 40:60] = holes[1, 4:20, 4:90] = 1
    return smooth(2, SIZE), tf.constant(holes)


# -------------------------------------------------------------------------------------------- terms


@paper_first
def test_plain_terms_against_numpy(variant, batch):
    system = small(variant, loss_weights={"adversarial": 0.0, "hole": 6.0})
    images, holes = (np.asarray(x, np.float64) for x in batch)
    output = np.asarray(
        system.generator([batch[0] * (1 - batch[1]), batch[1]], training=True), np.float64
    )
    assert np.abs(output).max() <= 1
    logs = floats(system.step(*batch))
    error = np.abs(output - images)
    assert logs["l1"] == pytest.approx(100 * error.mean(), rel=1e-5)
    assert logs["hole"] == pytest.approx(6 * (error * holes).mean(), rel=1e-5)
    # Of the whole output.
    variation = np.abs(np.diff(output, axis=1)).mean() + np.abs(np.diff(output, axis=2)).mean()
    assert logs["variation"] == pytest.approx(0.001 * variation, rel=1e-4)


@pytest.mark.slow
@paper_first
def test_feature_network_judges_the_composite_too_in_the_official_variant(variant, batch):
    images, holes = batch
    system = small(variant, perceptual_weights="random")
    output = system.generator([images * (1 - holes), holes], training=True)
    targets = system.features((images + 1) / 2)
    expected = {"perceptual": 0.0, "style": 0.0}
    for seen in [output, output * holes + images * (1 - holes)][
        : 2 if variant == "official" else 1
    ]:
        for f, t in zip(system.features((seen + 1) / 2), targets):
            f, t = np.asarray(f, np.float64), np.asarray(t, np.float64)
            expected["perceptual"] += np.abs(f - t).mean()
            f, t = (x.reshape(2, -1, x.shape[-1]) for x in (f, t))
            grams = [np.einsum("bnc,bnd->bcd", x, x) / x[0].size for x in (f, t)]
            expected["style"] += np.abs(grams[0] - grams[1]).mean()
    logs = floats(system.step(*batch))
    assert logs["perceptual"] == pytest.approx(0.07 * expected["perceptual"], rel=1e-4)
    assert logs["style"] == pytest.approx(250 * expected["style"], rel=1e-3)


def test_features_are_of_images_whose_black_and_white_are_2_apart(batch):
    """The papers' weights were chosen for VGG inputs in [-1, 1], which give twice the features of
    the range [0, 1] that the multistage network takes."""
    from tfinpaint.networks import VGGFeatures

    system = small(perceptual_weights="random")
    plain = VGGFeatures("random")
    plain._network.set_weights(system.features._network.get_weights())
    for twice, once in zip(system.features((batch[0] + 1) / 2), plain((batch[0] + 1) / 2)):
        np.testing.assert_allclose(twice, 2 * once, rtol=1e-5)


# ------------------------------------------------------------------------------------------- critic


def cross_entropy(logits, target):
    """Mean of -target log(sigmoid) - (1 - target) log(1 - sigmoid)."""
    sigmoid = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
    return -(target * np.log(sigmoid) + (1 - target) * np.log(1 - sigmoid)).mean()


@paper_first
def test_critic_sees_real_and_fake_apart(variant, critic, batch):
    """Its batch norms use the statistics of their batch: if real and fake came in one call, it
    would give them away."""
    system = judged(variant, critic)
    fake = system.generator([batch[0] * (1 - batch[1]), batch[1]], training=True)
    real_scores, fake_scores = (system.critic(x, training=True) for x in (batch[0], fake))
    assert real_scores.shape == (2, 1, 1, 256)  # 256 values for each patch, all judged
    half = 0.5 if variant == "official" else 1
    expected = half * (cross_entropy(real_scores, 1) + cross_entropy(fake_scores, 0)) / 2
    assert float(system.loss_of_critic(batch[0], fake)) == pytest.approx(expected, rel=1e-4)
    together = system.critic(tf.concat([batch[0], fake], 0), training=True)
    assert np.abs(together[:2] - real_scores).max() > 1e-2 * np.abs(real_scores).max()


def test_critic_learns_first_then_the_generator_is_judged(critic, batch):
    system = judged("paper", critic)
    output = system.generator([batch[0] * (1 - batch[1]), batch[1]], training=True)
    kernel = system.critic.head.kernel.numpy()
    trunk = [v.numpy() for v in system.critic.trunk.trainable_variables]
    loss = float(system.loss_of_critic(batch[0], output))
    statistics = [v.numpy() for v in system.critic.trunk.non_trainable_variables]
    generator = [v.numpy() for v in system.generator.trainable_variables]
    logs = floats(system.step(*batch))
    assert set(logs) == {"loss", "l1", "hole", "variation", "adversarial", "critic"}
    assert logs["critic"] == pytest.approx(loss, rel=1e-4)
    assert logs["loss"] == pytest.approx(
        sum(v for name, v in logs.items() if name not in ("loss", "critic")), rel=1e-5
    )
    assert not np.array_equal(kernel, system.critic.head.kernel)
    assert not any(
        np.array_equal(a, b)
        for a, b in zip(generator, system.generator.trainable_variables, strict=True)
    )
    moved = [
        not np.array_equal(a, b)
        for a, b in zip(trunk, system.critic.trunk.trainable_variables, strict=True)
    ]
    assert np.mean(moved) > 0.95  # the pretrained trunk learns too
    assert all(
        not np.array_equal(a, b)
        for a, b in zip(statistics, system.critic.trunk.non_trainable_variables, strict=True)
    )
    # 0.3 x the cross-entropy of "real", by the critic as it is now: batch norm does not use its
    # moving statistics in training.
    scores = system.critic(output, training=True)
    assert logs["adversarial"] == pytest.approx(0.3 * cross_entropy(scores, 1), rel=1e-3)


def test_the_papers_critic_normalises_as_imagenet_and_the_released_one_does_not(
    critic, batch, monkeypatch
):
    critic = judged("paper", critic).critic
    shown = ((batch[0] + 1) / 2 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    keras = tf.keras.applications.densenet.preprocess_input(np.array((batch[0] + 1) * 127.5))
    np.testing.assert_allclose(shown, keras, atol=1e-5)  # what Keras' weights were trained with
    np.testing.assert_allclose(
        critic(batch[0]), critic.head(critic.trunk(shown)), rtol=1e-4, atol=1e-4
    )
    monkeypatch.setattr(critic, "official", True)
    np.testing.assert_allclose(
        critic(batch[0]), critic.head(critic.trunk(batch[0])), rtol=1e-4, atol=1e-4
    )


@pytest.mark.slow
def test_the_released_critic_starts_over():
    """N(0, 0.02) for kernels and N(1, 0.02) for the norms' scales, whatever was loaded."""
    critic = DenseNetCritic("random", True)
    kernels = np.concatenate([v.numpy().ravel() for v in critic.variables if "kernel" in v.name])
    scales = np.concatenate([v.numpy().ravel() for v in critic.variables if "gamma" in v.name])
    assert kernels.mean() == pytest.approx(0, abs=1e-3) and kernels.std() == pytest.approx(
        0.02, rel=0.01
    )
    assert scales.mean() == pytest.approx(1, abs=1e-3) and scales.std() == pytest.approx(
        0.02, rel=0.05
    )


@pytest.mark.slow
def test_critic_of_the_papers_size(no_numbers):
    """6 x 6 patches of 256 values for 256 x 256. The trunk is DenseNet-121's, the head 3 x 3."""
    critic = DenseNetCritic("random")
    assert critic.compute_output_shape((1, 256, 256, 3)) == (1, 6, 6, 256)
    # Without its top, with the norms' statistics.
    assert sum(v.shape.num_elements() for v in critic.trunk.variables) == 7_037_504
    assert critic.head.kernel.shape == (3, 3, 1024, 256)


# ----------------------------------------------------------------------------------------- refusals


@pytest.fixture
def no_download(monkeypatch):
    """As without a network connection."""
    asked = []

    def densenet(include_top=True, weights="imagenet", **kwargs):
        asked.append(weights)
        raise Exception(
            "URL fetch failure on https://storage.googleapis.com/...: None -- no network"
        )

    monkeypatch.setattr(tf.keras.applications, "DenseNet121", densenet)
    return asked


def test_without_adversarial_term_there_is_no_critic(no_download):
    """As for CelebA: nothing is built, nothing is downloaded."""
    system = small(critic_weights="imagenet")
    assert system.critic is None and system.critic_optimizer is None and not no_download


def test_pictures_too_small_for_the_critic_are_refused_first(no_download):
    with pytest.raises(
        SettingsError,
        match=r"`image_size` is at least 96 .*`loss_weights\['adversarial'\]=0` .*Got 64",
    ):
        small(loss_weights={}, image_size=64)
    assert not no_download
    small(image_size=64)  # fine without a critic


def test_weights_that_cannot_be_downloaded_name_the_flag(no_download):
    for settings in ({}, {"critic_weights": "imagenet"}):  # the paper's default is ImageNet's
        with pytest.raises(
            SettingsError,
            match="could not be downloaded .*`critic_weights='PATH'`, or `critic_weights='random'`",
        ):
            small(loss_weights={}, **settings)
    assert no_download == ["imagenet", "imagenet"]


@pytest.mark.slow
def test_the_official_critic_downloads_nothing_by_default(monkeypatch):
    asked = []
    critic = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])
    monkeypatch.setattr(
        "tfinpaint.systems.musical.system.DenseNetCritic",
        lambda *arguments: asked.append(arguments) or critic,
    )
    small("official", loss_weights={})
    small("paper", loss_weights={})
    small("official", loss_weights={}, critic_weights="random")
    assert asked == [("random", True), ("imagenet", False), ("random", True)]


def test_a_file_that_is_missing_or_none_is_refused(tmp_path, monkeypatch):
    def densenet(include_top=True, weights="imagenet"):
        assert not include_top and weights is None
        return tf.keras.Sequential(
            [tf.keras.Input((None, None, 3)), tf.keras.layers.Conv2D(4, 3, name="conv1/conv")]
        )

    # A network that is built quickly; its weights never match.
    monkeypatch.setattr(tf.keras.applications, "DenseNet121", densenet)
    with pytest.raises(
        SettingsError,
        match="`critic_weights` is imagenet, random or the path.*'/nowhere.h5', which is no file",
    ):
        small(loss_weights={}, critic_weights="/nowhere.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(
        SettingsError, match="`critic_weights='.*text.h5'` is no Keras .h5 file of DenseNet-121"
    ):
        small(loss_weights={}, critic_weights=str(tmp_path / "text.h5"))
    other = tf.keras.Sequential(
        [tf.keras.Input((None, None, 3)), tf.keras.layers.Conv2D(4, 3, name="other")]
    )
    other.save_weights(tmp_path / "other.h5")
    with pytest.raises(
        SettingsError,
        match="`critic_weights='.*other.h5'` has no weights of conv1/conv: it is no DenseNet-121",
    ):
        small(loss_weights={}, critic_weights=str(tmp_path / "other.h5"))


@pytest.mark.slow
def test_a_file_of_weights_is_loaded(tmp_path):
    tf.keras.utils.set_random_seed(9)
    trunk = tf.keras.applications.DenseNet121(include_top=False, weights=None)
    trunk.save_weights(tmp_path / "densenet.h5")
    critic = DenseNetCritic(str(tmp_path / "densenet.h5"))
    for a, b in zip(critic.trunk.variables, trunk.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    # The released critic overwrites what it loads.
    over = DenseNetCritic(str(tmp_path / "densenet.h5"), True)
    assert not np.array_equal(
        over.trunk.get_layer("conv1/conv").kernel, trunk.get_layer("conv1/conv").kernel
    )


@pytest.mark.slow
@variants
def test_graph_and_compiled_steps_with_the_critic_are_the_same(variant, critic, batch):
    # If a gradient is nothing but rounding, as for many in DenseNet, Adam still takes whole steps.
    sgd = tf.keras.optimizers.SGD
    system = judged(
        variant,
        critic,
        perceptual_weights="random",
        optimizer=sgd(1e-4),
        critic_optimizer=sgd(1e-3),
    )
    owners = [
        system.generator,
        system.averaged_generator,
        system.critic,
        system.optimizer,
        system.critic_optimizer,
    ]
    variables = [v for owner in owners for v in owner.variables]
    start = [v.numpy() for v in variables]
    expected = [floats(system.step(*batch)) for _ in range(2)]
    for jit in (False, True):
        step = tf.function(system.step, autograph=False, jit_compile=jit)
        for variable, value in zip(variables, start):
            variable.assign(value)
        for logs in expected:
            assert floats(step(*batch)) == pytest.approx(logs, rel=1e-3)


def test_the_official_critic_takes_no_weights_that_it_would_overwrite():
    system = tfinpaint.create("musical", variant="official", width=4)
    for weights in ("imagenet", "/some/file.h5"):
        with pytest.raises(
            SettingsError, match=f"`critic_weights='{weights}'`.*`variant='official'`.*leave it out"
        ):
            system.compile(perceptual_weights="none", critic_weights=weights)
