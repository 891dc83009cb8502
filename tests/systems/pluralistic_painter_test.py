"""Pluralistic completion's fills of one hole: seeds, samples by the critic's score, exports."""

import numpy as np
import pytest
import tensorflow as tf

import tfinpaint
from tfinpaint import runs
from tfinpaint.export import model_card, saved_model
from tfinpaint.runs import read_run
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.training.checkpoints import Checkpoints


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a small run with both critics, before its first step."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    settings = TrainSettings(
        "pluralistic",
        PhotoSettings("samples:astronaut", image_size=48),
        HoleSettings(),
        batch_size=1,
        steps=0,
        eval_count=1,
        sample_every=0,
        system_settings=(("width", 4), ("depth", 4)),
    )
    runs.write_run(str(folder), settings)
    system = runs.create_system(settings)
    system.compile(image_size=48)
    Checkpoints(str(folder), system).save(0)
    return str(folder)


@pytest.fixture(scope="module")
def painter(run):
    return tfinpaint.load(run)


@pytest.fixture(scope="module")
def pair():
    """A photograph wider than the working size, and a mask with two holes far apart."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:100, :260]
    photo = np.stack([rows, columns, rows + columns], -1) // 2 + rng.integers(0, 40, (100, 260, 3))
    mask = np.zeros((100, 260), np.uint8)
    mask[30:50, 20:50] = mask[60:80, 220:240] = 255
    return photo.astype(np.uint8), mask


def test_seeds(painter, pair):
    photo, mask = pair
    fills = [painter.fill(photo, mask, seed=seed, detail="off") for seed in (0, 1, 2, 1)]
    for filled in fills:
        np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
    np.testing.assert_array_equal(fills[0], painter.fill(photo, mask, detail="off"))
    np.testing.assert_array_equal(fills[1], fills[3])
    for one, other in ((0, 1), (1, 2)):
        assert (fills[one] != fills[other]).any(-1)[mask > 0].mean() > 0.1
    # What lies under the hole has no influence.
    np.testing.assert_array_equal(
        painter.fill(
            np.where(mask[..., None] > 0, 9, photo).astype(np.uint8), mask, seed=1, detail="off"
        ),
        fills[1],
    )


def test_generate_takes_seed_and_latent(painter):
    images = np.random.default_rng(0).uniform(-1, 1, (2, 48, 48, 3)).astype(np.float32)
    holes = np.zeros((2, 48, 48, 1), np.float32)
    holes[0, 8:24, 8:24] = holes[1, 20:40] = 1
    mean = painter.generate(images, holes)
    np.testing.assert_allclose(
        painter.generate(images, holes, latent=None, seed=0), mean, atol=1e-6
    )
    drawn = painter.generate(images, holes, seed=5)
    assert np.abs(drawn - mean).max() > 1e-4
    latent = np.zeros((2, 3, 3, 16), np.float32)
    given = painter.generate(images, holes, latent=latent)
    np.testing.assert_allclose(given, painter.generate(images, holes, latent=latent, seed=5))
    assert np.abs(given - mean).max() > 1e-4
    np.testing.assert_array_equal(painter.generate(images, holes, latent, 5), given)
    np.testing.assert_allclose(painter.system.generate(images, holes, latent), given, atol=1e-5)
    with pytest.raises(TypeError, match="edges"):
        painter.generate(images, holes, edges=holes)
    with pytest.raises(ValueError, match=r"`latent` is \[2, 3, 3, 16\]. Got \[2, 3, 16\]"):
        painter.generate(images, holes, latent[:, 0])
    with pytest.raises(ValueError, match=r"`images` is \[B, H, W, 3\]. Got \[48, 48, 3\]"):
        painter.generate(images[0], holes[0], latent)
    with pytest.raises(ValueError, match=r"`holes` is .*, as `images`. Got \[2, 48, 48\]"):
        painter.generate(images, holes[..., 0], latent)


def test_samples_come_best_first(painter, pair):
    photo, mask = pair
    samples = painter.fill_samples(photo, mask, 4, seed=2, grow=1, detail="off")
    assert sorted(sample.seed for sample in samples) == [2, 3, 4, 5]
    scores = [sample.score for sample in samples]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == 4
    for sample in samples:
        np.testing.assert_array_equal(
            sample.pixels, painter.fill(photo, mask, grow=1, detail="off", seed=sample.seed)
        )
    with pytest.raises(SettingsError, match="`samples` is a whole number, at least 1. Got 0"):
        painter.fill_samples(photo, mask, 0)
    with pytest.raises(SettingsError, match="`samples` is a whole number, at least 1. Got 2.0"):
        painter.fill_samples(photo, mask, 2.0)
    for seed in (1.0, 2**31):
        with pytest.raises(SettingsError, match=f"whole number from 0 to 2147483647. Got {seed}"):
            painter.fill(photo, mask, seed=seed)
    with pytest.raises(SettingsError, match="`seed` .* Got 2147483648"):  # before any is filled
        painter.fill_samples(photo, mask, 2, seed=2**31 - 1)


def test_the_score_is_the_mean_of_the_critic_that_the_run_trained(run, painter):
    critics = painter.system.make_critics(painter.system.default_loss_weights)
    assert read_run(run).load_critic(critics)
    photo = np.random.default_rng(1).integers(0, 256, (64, 80, 3), np.uint8)
    mask = np.zeros((64, 80), np.uint8)
    mask[20:40, 20:60] = 255
    expected = np.mean(critics.generated(tf.constant(photo[np.newaxis] / 127.5 - 1, tf.float32)))
    assert painter.score(photo, mask) == pytest.approx(expected, abs=1e-5)
    # It is that of generated pictures, not the other.
    other = np.mean(critics.reconstructed(tf.constant(photo[np.newaxis] / 127.5 - 1, tf.float32)))
    assert abs(expected - other) > 1e-4


@pytest.mark.parametrize("height, width", [(9, 300), (20, 30), (400, 250)])
def test_scores_of_any_size(painter, height, width):
    photo = np.random.default_rng(2).integers(0, 256, (height, width, 3), np.uint8)
    mask = np.zeros((height, width), np.uint8)
    mask[2:-2, 3:-3] = 255
    assert np.isfinite(painter.score(photo, mask))


@pytest.mark.slow
def test_a_run_without_a_critic_has_samples_without_scores(painter, pair):
    without = type(painter)(painter.system, 48)
    samples = without.fill_samples(*pair, 2, seed=1, detail="off")
    assert [(sample.seed, sample.score) for sample in samples] == [(1, None), (2, None)]


@pytest.mark.slow
def test_exports_have_a_signature_for_samples(painter, pair, tmp_path):
    photo, mask = pair
    mask = mask.copy()
    mask[:, 200:] = 0  # one hole: a window for all is then the window of each
    path = saved_model.export(painter, str(tmp_path), model_card.describe(painter), "off")
    exported = tfinpaint.load(path)
    assert exported.fill_inputs == ("seed",)
    plain = painter.fill(photo, mask, detail="off")
    np.testing.assert_array_equal(exported.fill(photo, mask), plain)
    files = {
        "image_bytes": tf.constant([tf.io.encode_png(photo).numpy()] * 3),
        "mask_bytes": tf.constant([tf.io.encode_png(mask[..., np.newaxis]).numpy()] * 3),
    }
    signatures = tf.saved_model.load(path).signatures
    assert set(signatures) == {"serving_default", "tensors", "sample"}
    np.testing.assert_array_equal(
        tf.io.decode_png(signatures["serving_default"](**files)["filled_bytes"][0]), plain
    )
    answers = signatures["sample"](**files, seed=tf.constant([0, 4, 7]))["filled_bytes"]
    for seed, answer in zip((0, 4, 7), answers):
        expected = painter.fill(photo, mask, detail="off", seed=seed).astype(int)
        for filled in (
            tf.io.decode_png(answer).numpy(),
            exported.fill(photo, mask, seed=np.int64(seed)),
        ):
            np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])
            assert np.abs(filled - expected).max() <= 1
    assert [sample.seed for sample in exported.fill_samples(photo, mask, 2)] == [0, 1]
