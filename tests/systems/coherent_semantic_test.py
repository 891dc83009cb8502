"""Coherent semantic attention's own rules.

What each term teaches which network, its terms and critics against NumPy, and the colour of the
hole.
"""

import logging

import naive_layers
import numpy as np
import pytest
import tensorflow as tf
from helpers import floats, smooth
from set_back import set_back
from shared import SHARED, needs_shared

from tfinpaint.networks import VGGFeatures
from tfinpaint.settings import SettingsError

VGG = SHARED / "weights/vgg16/vgg16_imagenet_block1-3_notop_keras.h5"
SIZE = 64
TERMS = ("rough", "refinement", "consistency", "adversarial", "feature_adversarial")

variants = pytest.mark.parametrize("variant", ["paper", "official"])
paper_first = pytest.mark.parametrize(
    "variant", ["paper", pytest.param("official", marks=pytest.mark.slow)]
)


def small(variant="paper", only=None, **settings):
    """Compiled, in the same state every time. `only`: the one term whose weight is not 0 (it is
    1)."""
    if only:
        settings["loss_weights"] = {term: float(term == only) for term in TERMS}
    return set_back("coherent_semantic", variant).compiled(
        **{"perceptual_weights": "random", "image_size": SIZE, **settings}
    )


@pytest.fixture(scope="module")
def batch():
    holes = np.zeros((2, SIZE, SIZE, 1), np.float32)
    holes[0, 12:36, 20:52] = 1
    holes[1, 3:29, 30:60] = holes[1, 40:60, 6:25] = 1
    return smooth(2, SIZE), tf.constant(holes)


# -------------------------------------------------------------------------------- what teaches whom


def learned(system, batch):
    """What one step of plain descent moves, in units of the gradient: {variable's path: largest
    change}."""
    parts = {"rough": system.generator.rough, "refine": system.generator.refine}
    before = {
        part: [v.numpy() for v in network.trainable_variables] for part, network in parts.items()
    }
    system.step(*batch)
    return {
        part: {
            v.name: np.abs(v.numpy() - a).max()
            for v, a in zip(network.trainable_variables, before[part])
        }
        for part, network in parts.items()
    }


@pytest.mark.slow
@variants
@pytest.mark.parametrize("term", TERMS)
def test_what_each_term_teaches_the_two_networks(variant, term, batch):
    """Each term alone. In the released code neither consistency nor the feature critic reaches the
    generator; here both do, in both variants. In `official`, the refinement's terms end at the
    refinement network."""
    system = small(variant, only=term, optimizer=tf.keras.optimizers.SGD(1.0))
    moves = learned(system, batch)
    first = {"rough": "encode_1/kernel", "refine": "encode_0/kernel"}

    def reached(part):
        return next(move for name, move in moves[part].items() if first[part] in name) > 0

    assert reached("refine") == (term != "rough")
    assert reached("rough") == (term == "rough" or variant == "paper")
    if not reached("rough"):
        assert not any(moves["rough"].values())
    if term == "rough":
        assert not any(moves["refine"].values())
    # The term ends at the decoder's third level: what follows learns nothing from it.
    if term == "consistency":
        assert not any(
            move
            for name, move in moves["refine"].items()
            if "decode_0" in name or "decode_1" in name or "decode_2" in name
        )
        assert max(move for name, move in moves["refine"].items() if "decode_4" in name) > 0


@pytest.mark.slow
@variants
def test_consistency_reaches_the_encoder_through_both_of_its_maps(variant, batch):
    system = small(variant, perceptual_weights="none")
    images, holes = batch
    kernel = system.generator.refine.encoders["2"].kernel
    for k in range(2):
        with tf.GradientTape() as tape:
            _, _, maps = system.generator(
                [system.blanked(images, holes), holes], training=True, with_stages=True
            )
            value = tf.reduce_mean(tf.square(maps[k]))
        assert np.abs(tape.gradient(value, kernel)).max() > 0
        assert maps[k].shape == (2, 8, 8, 32)  # 8 * width, as H/8 x W/8


# ------------------------------------------------------------------------------ terms against NumPy


def forward(system, batch):
    """-> rough and refined output, the two maps of the consistency term, and what the generator was
    shown, as NumPy makes it."""
    images, holes = batch
    colour = 2 * np.array([123, 104, 117], np.float32) / 255 - 1
    shown = np.where(np.asarray(holes) > 0, colour, images)
    rough, refined, maps = system.generator(
        [tf.constant(shown, tf.float32), holes], training=True, with_stages=True
    )
    return rough, refined, maps, shown


@paper_first
def test_reconstruction_terms_against_numpy(variant, batch):
    system = small(variant, perceptual_weights="none", loss_weights={"adversarial": 0.0})
    rough, refined, _, _ = forward(system, batch)
    logs = floats(system.step(*batch))
    weight = 100 if variant == "official" else 1
    for name, output in (("rough", rough), ("refinement", refined)):
        assert logs[name] == pytest.approx(
            weight * np.abs(np.asarray(output, np.float64) - batch[0]).mean(), rel=1e-5
        )


@paper_first
def test_consistency_against_numpy(variant, batch):
    """The hole is reduced as the layer does it, here in loops. The target is the first channels of
    conv4_3 of the original."""
    system = small(variant, only="consistency")
    _, _, maps, _ = forward(system, batch)
    images, holes = (np.asarray(x) for x in batch)
    target = np.asarray(conv4_3_of(system, images))[..., :32]
    hole = naive_layers.coherent_hole(holes, 8, 8, variant)
    assert 0 < hole.sum() < hole.size
    expected = 0.0
    for features in maps:
        features = np.asarray(features, np.float64)
        if variant == "official":
            expected += ((features * hole - target) ** 2).mean()
        else:
            expected += np.mean(
                [
                    (((f - t) ** 2) * h).sum() / (h.sum() * 32)
                    for f, t, h in zip(features, target, hole)
                ]
            )
    assert floats(system.step(*batch))["consistency"] == pytest.approx(expected, rel=1e-4)


def conv4_3_of(system, images):
    """conv4_3 of images in [-1, 1], computed by the system's own network."""
    return system.features(tf.constant(images))["conv4_3"]


def test_the_feature_networks_maps_are_the_right_ones(batch):
    """pool3, and conv4_3 after its ReLU, of images whose black and white are 2 apart."""
    system = small()
    maps = system.features(batch[0])
    assert (
        set(maps) == {"pool3", "conv4_3"}
        and maps["pool3"].shape == (2, 8, 8, 256)
        and maps["conv4_3"].shape == (2, 8, 8, 512)
    )
    vgg = tf.keras.applications.VGG16(include_top=False, weights=None)
    for layer in system.features._features._network.layers:
        if layer.weights:
            vgg.get_layer(layer.name).set_weights(layer.get_weights())
    # Caffe's order: blue, green, red, minus ImageNet's mean.
    inputs = (batch[0][..., ::-1] + 1) * 127.5 - np.array([103.939, 116.779, 123.68], np.float32)
    for name, layer in (("pool3", "block3_pool"), ("conv4_3", "block4_conv3")):
        expected = tf.keras.Model(vgg.input, vgg.get_layer(layer).output)(inputs) * 2 / 255
        assert np.min(expected) >= 0
        np.testing.assert_allclose(maps[name], expected, rtol=1e-4, atol=1e-5)


def relativistic(liked, other):
    """mean (liked - E other - 1)^2 + mean (other - E liked + 1)^2, with E over all scores of the
    batch."""
    return ((liked - other.mean() - 1) ** 2).mean() + ((other - liked.mean() + 1) ** 2).mean()


@paper_first
def test_adversarial_losses_against_numpy_on_the_critics_scores(variant, batch):
    """The critics see the raw refined output and its pool3 features. They learn first; then they
    judge the generator."""
    system = small(variant, critic_optimizer=tf.keras.optimizers.SGD(0.05))
    _, refined, _, _ = forward(system, batch)
    images = batch[0]

    def scores():
        seen = {
            "image": (images, refined),
            "features": (system.features(images)["pool3"], system.features(refined)["pool3"]),
        }
        return {
            name: [np.asarray(getattr(system.critic, name)(x), np.float64) for x in pair]
            for name, pair in seen.items()
        }

    half = 0.5 if variant == "official" else 1
    before = scores()
    # 8 * width channels, all of them judged.
    assert before["image"][0].shape == (2, 6, 6, 1) and before["features"][0].shape == (2, 1, 1, 32)
    logs = floats(system.step(*batch))
    assert logs["critic"] == pytest.approx(
        half * half * sum(relativistic(real, fake) for real, fake in before.values()), rel=1e-4
    )
    after = scores()
    assert np.abs(after["image"][0] - before["image"][0]).max() > 1e-4
    for name, term in (("image", "adversarial"), ("features", "feature_adversarial")):
        real, fake = after[name]
        weight = 0.2 if variant == "official" else 0.002
        assert logs[term] == pytest.approx(weight * half * relativistic(fake, real), rel=1e-4)


@pytest.mark.slow
def test_each_critic_can_be_alone(batch):
    for term, name in (("adversarial", "image"), ("feature_adversarial", "features")):
        system = small(only=term)
        assert system.critic.names == [name] and not hasattr(
            system.critic, {"image": "features", "features": "image"}[name]
        )
        logs = floats(system.step(*batch))
        assert logs["loss"] == pytest.approx(logs[term]) and logs["critic"] > 0


# --------------------------------------------------------------------------------- what it is shown


def test_the_hole_has_the_mean_colour_of_imagenet(batch):
    images, holes = batch
    blanked = np.asarray(small().blanked(images, holes))
    missing = np.asarray(holes)[..., 0] > 0
    np.testing.assert_allclose(
        (blanked[missing] + 1) * 127.5, np.tile([123, 104, 117], (missing.sum(), 1)), atol=1e-4
    )
    np.testing.assert_array_equal(blanked[~missing], np.asarray(images)[~missing])


def test_the_refinement_sees_the_rough_output_in_the_hole_and_the_blanked_image(batch, monkeypatch):
    system = small(perceptual_weights="none")
    rough, _, _, shown = forward(system, batch)
    seen = []
    call = system.generator.refine.call
    monkeypatch.setattr(
        system.generator.refine,
        "call",
        lambda inputs, **kwargs: seen.append(inputs) or call(inputs, **kwargs),
    )
    system.generate(*batch)
    holes = np.asarray(batch[1])
    np.testing.assert_allclose(seen[0][0][..., :3], rough * holes + shown * (1 - holes), atol=1e-6)
    np.testing.assert_allclose(seen[0][0][..., 3:], shown, atol=1e-6)


@pytest.mark.parametrize("variant, cells", [("paper", 256), ("official", 252)])
def test_the_papers_hole_at_the_features_size(variant, cells):
    """A hole of 120 x 120 in 256 x 256, rows and columns 68..187, touches 16 x 16 cells. As
    released the four corner cells are not missing."""
    from tfinpaint.layers.coherent_semantic_attention import reduce_hole

    hole = np.zeros((1, 256, 256, 1), np.float32)
    hole[:, 68:188, 68:188] = 1
    assert np.sum(reduce_hole(tf.constant(hole), 32, 32, variant)) == cells


# ----------------------------------------------------------------------------- weights and refusals


@pytest.mark.slow
@needs_shared
def test_a_file_without_block_4_is_told_once(batch, caplog):
    with caplog.at_level(logging.WARNING, "tfinpaint"):
        system = small(perceptual_weights=str(VGG))
    assert len(caplog.records) == 1
    message = caplog.records[0].getMessage()
    assert str(VGG) in message and "block4_conv1" in message and "random" in message.lower()
    maps = system.features(batch[0])
    pool3 = VGGFeatures(str(VGG), ("block3_pool",), contrast=2.0)((batch[0] + 1) / 2)[0]
    np.testing.assert_allclose(maps["pool3"], pool3, rtol=1e-4, atol=1e-4)
    caplog.clear()
    with caplog.at_level(logging.WARNING, "tfinpaint"):  # pool3 is in the file: no reason to warn
        small(perceptual_weights=str(VGG), loss_weights={"consistency": 0.0})
    assert not caplog.records


@pytest.mark.slow
def test_more_channels_than_the_target_has_are_refused(monkeypatch):
    system = small()
    monkeypatch.setattr(system, "width", 65)  # before anything is built
    with pytest.raises(
        SettingsError, match="`width` is at most 64 with the consistency term.*Got 65"
    ):
        system.compile(perceptual_weights="random")


@pytest.mark.slow
def test_pictures_too_small_for_the_feature_critic_are_refused(batch):
    with pytest.raises(
        SettingsError,
        match=r"`image_size` is at least 64 .*`loss_weights\['feature_adversarial'\]=0`.*Got 32",
    ):
        small(image_size=32)
    system = small(image_size=32, loss_weights={"feature_adversarial": 0.0})
    logs = floats(system.step(batch[0][:, 8:40, 16:48], batch[1][:, 8:40, 16:48]))
    assert np.isfinite(logs["loss"]) and set(logs) == {
        "loss",
        "rough",
        "refinement",
        "consistency",
        "adversarial",
        "critic",
    }
