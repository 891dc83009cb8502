"""The context encoder: its networks and its step against the released ones, and its own layers."""

import json

import numpy as np
import pytest
import tensorflow as tf
from helpers import count, start_with_zeros
from shared import SHARED, made_weight, needs_shared
from small import SMALL

import tfinpaint
from tfinpaint.systems.context_encoder.layers import PointToSquare, SquareToPoint
from tfinpaint.systems.context_encoder.networks import CentreCritic
from tfinpaint.systems.context_encoder.released import RELEASE
from tfinpaint.weights import places, releases
from tfinpaint.weights.places import pytorch_table

GOLDEN = SHARED / "golden"


def made(file, part):
    shapes = json.loads((GOLDEN / f"networks/net_{file}_weights.json").read_text())[part]
    return {name: made_weight(name, shape) for name, shape in shapes.items()}


def fill_critic(critic):
    """-> the table that gives a critic of full size the golden weights."""
    layers = {"main.0": critic.convolutions[0], "main.11": critic.score}
    for k in (1, 2, 3):
        layers.update({f"main.{3 * k - 1}": critic.convolutions[k]})
        layers.update({f"main.{3 * k}": critic.norms[k - 1]})
    table = pytorch_table(layers)
    places.fill(table, made("discriminators", "context_encoder"), "the golden weights")
    return table


@pytest.fixture(scope="module")
def released():
    """A compiled system of full size with the golden weights, and its two tables."""
    with pytest.MonkeyPatch.context() as patch:
        start_with_zeros(patch)
        system = tfinpaint.create("context_encoder", variant="official")
    (table,) = releases.tables_of(system)
    if GOLDEN.is_dir():
        weights = RELEASE.prepared("", made("context_encoder", "generator"))
        places.fill(table, weights, "the golden weights")
    return system, table


# ------------------------------------------------------------------------------- released networks


@pytest.mark.golden("context_encoder")
@needs_shared
def test_generator_reproduces_the_released_network(released):
    system, _ = released
    expected = np.load(GOLDEN / "networks/net_context_encoder.npz")
    image, hole = expected["image"], expected["hole"]
    output, point = system.generator(system.blanked(image, hole), with_bottleneck=True)
    np.testing.assert_allclose(point, expected["bottleneck"], atol=1e-5)
    np.testing.assert_allclose(output, expected["output"], atol=1e-5)
    np.testing.assert_array_equal(system.generate(image, hole), output)
    np.testing.assert_allclose(
        system.blanked(image, hole)[0, 64, 64], np.ravel(expected["fill"]), atol=1e-6
    )
    composite = np.where(hole > 0, system.raw(system.generator, image, hole), image)
    np.testing.assert_allclose(composite, expected["complete"], atol=1e-5)


@pytest.mark.golden("context_encoder")
@needs_shared
def test_critic_reproduces_the_released_network():
    critic = CentreCritic()
    fill_critic(critic)
    image = np.load(GOLDEN / "networks/net_context_encoder.npz")["image"]
    expected = np.load(GOLDEN / "networks/net_discriminators.npz")["context_encoder"]
    score = tf.sigmoid(critic(image[:, 32:96, 32:96]))
    np.testing.assert_allclose(score, expected, atol=1e-5)


def test_parameter_counts(released, no_numbers):
    assert count(released[0].generator) == 71_124_544
    assert count(CentreCritic()) == 2_765_568
    # With the biases that the authors' files hold.
    assert (
        count(released[0].generator)
        + sum(
            v.shape.num_elements()
            for offset in released[0].generator.offsets
            for v in offset.variables
        )
        == 71_130_531
    )


class Recorder(tf.keras.optimizers.SGD):
    """Keeps the gradients that it is given, and leaves the variables as they are."""

    def apply_gradients(self, pairs, **kwargs):
        self.seen = list(pairs)


@pytest.mark.golden("context_encoder")
@needs_shared
@pytest.mark.parametrize(  # the centre, or what is missing in it
    "first", [32, pytest.param(36, marks=pytest.mark.slow)]
)
def test_step_has_the_released_losses_and_gradients(released, first):
    system, table = released
    expected = json.loads((GOLDEN / "training/context_encoder_step.json").read_text())
    images = np.load(GOLDEN / "training/context_encoder_step.npz")["images_u8"]
    holes = np.zeros((len(images), 128, 128, 1), np.float32)
    holes[:, first:-first, first:-first] = 1
    recorders = Recorder(), Recorder()
    system.compile(optimizer=recorders[0], critic_optimizer=recorders[1], image_size=128)
    critic_table = fill_critic(system.critic)
    logs = system.step(images / np.float32(127.5) - 1, holes)
    assert float(logs["reconstruction"]) == pytest.approx(expected["weighted_mse"], rel=1e-4)
    assert float(logs["adversarial"]) == pytest.approx(0.001 * expected["adv"], rel=1e-4)
    assert float(logs["loss"]) == pytest.approx(expected["g_total"], rel=1e-4)
    assert float(logs["critic"]) == pytest.approx(expected["d"], rel=1e-4)
    for recorder, places_, part in (
        (recorders[0], table, "generator"),
        (recorders[1], critic_table, "discriminator"),
    ):
        norms = {id(v): float(tf.norm(gradient)) for gradient, v in recorder.seen}
        wanted = expected[f"grad_norm_{part}"]
        assert len(norms) == len(wanted)
        largest = max(wanted.values())
        for name, norm in wanted.items():
            if norm > 0.01 * largest:
                assert norms[id(places_[name].variable)] == pytest.approx(norm, rel=2e-2), name


# ------------------------------------------------------------------------------------------- files


def test_files_with_biases_and_files_in_two_parts():
    """Biases count as the released network's do, and both ways of numbering mean the same."""
    system = tfinpaint.create("context_encoder", variant="official", width=4, bottleneck=6)
    (table,) = releases.tables_of(system)
    weights = {name: made_weight(name, place.shape) for name, place in table.items()}
    plain = {n: w for n, w in weights.items() if n != "main.8.bias"}
    prepared = RELEASE.prepared("", plain)
    assert set(prepared) == set(weights) and not prepared["main.8.bias"].any()

    two = {}
    for name, tensor in weights.items():
        _, number, kind = name.split(".")
        part, first = ("main_encode", 0) if int(number) < 17 else ("main_decode", 17)
        two[f"{part}.{int(number) - first}.{kind}"] = tensor
    assert all(RELEASE.prepared("", two)[name] is tensor for name, tensor in weights.items())

    images = np.random.default_rng(0).uniform(-1, 1, (2, 128, 128, 3)).astype(np.float32)
    holes = np.zeros((2, 128, 128, 1), np.float32)
    places.fill(table, weights, "the weights")
    with_biases = system.generate(images, holes)
    # A bias before a norm is a smaller mean.
    for k in range(1, 10):
        bias = weights[f"main.{3 * k - 1}.bias"]
        weights[f"main.{3 * k}.running_mean"] = weights[f"main.{3 * k}.running_mean"] - bias
        weights[f"main.{3 * k - 1}.bias"] = np.zeros_like(bias)
    places.fill(table, weights, "the weights")
    np.testing.assert_allclose(system.generate(images, holes), with_biases, atol=1e-5)
    weights["main.29.bias"] = np.zeros(3, np.float32)
    places.fill(table, weights, "the weights")
    assert np.abs(system.generate(images, holes) - with_biases).max() > 0.01


# ---------------------------------------------------------------------------------- layers and step


@pytest.mark.parametrize(
    "side, channels, filters, batch", [(4, 3, 5, 2), (2, 7, 1, 3), (3, 1, 4, 1)]
)
def test_layers_at_the_bottleneck(side, channels, filters, batch):
    """Against sums over all places and channels in float64, and against Keras' own layers."""
    rng = np.random.default_rng(side)
    x = rng.normal(size=(batch, side, side, channels)).astype(np.float32)
    layer, keras = SquareToPoint(filters, side), tf.keras.layers.Conv2D(filters, side)
    layer(x), keras(x)
    kernel = layer.kernel.numpy().astype(float)
    wanted = np.einsum("bhwc,hwcf->bf", x.astype(float), kernel)[:, None, None]
    np.testing.assert_allclose(layer(x), wanted, atol=1e-5)
    keras.kernel.assign(layer.kernel)
    np.testing.assert_allclose(keras(x), wanted, atol=1e-5)

    x = rng.normal(size=(batch, 1, 1, channels)).astype(np.float32)
    layer = PointToSquare(filters, side)
    keras = tf.keras.layers.Conv2DTranspose(filters, side)
    layer(x), keras(x)
    kernel = layer.kernel.numpy().astype(float)
    wanted = np.einsum("bc,hwfc->bhwf", x[:, 0, 0].astype(float), kernel)
    np.testing.assert_allclose(layer(x), wanted, atol=1e-5)
    keras.kernel.assign(layer.kernel)
    np.testing.assert_allclose(keras(x), wanted, atol=1e-5)


@pytest.fixture(scope="module")
def small():
    system = tfinpaint.create("context_encoder", **SMALL["context_encoder"])
    system.compile(image_size=64)
    return system


def test_the_network_sees_the_rim_of_what_it_predicts(small):
    """4 pixels of 128 in the paper; 2 of 64 here."""
    hole = small.fixed_hole
    assert hole[18:46, 18:46].all() and hole.sum() == 28 * 28
    hole = tfinpaint.create("context_encoder", width=4, bottleneck=2).fixed_hole
    assert hole[36:92, 36:92].all() and hole.sum() == 56 * 56


def test_the_rim_counts_ten_times(small):
    """The reconstruction of a step, computed in NumPy from the network's output."""
    rng = np.random.default_rng(3)
    images = rng.uniform(-1, 1, (3, 64, 64, 3)).astype(np.float32)
    holes = np.zeros((3, 64, 64, 1), np.float32)
    holes[:, 16:48, 16:48] = 1
    holes[2] = 0
    holes[2, 20:30, 20:40] = 1  # another hole: all around it is known
    missing = np.zeros_like(holes)
    missing[:2, 18:46, 18:46] = 1
    missing[2, 20:30, 20:40] = 1
    blanked = small.blanked(images, missing)
    output = np.asarray(small.generator(blanked, training=True), float)
    weight = np.where(missing > 0, 1.0, 10.0)[:, 16:48, 16:48]
    wanted = 0.999 * (weight * (output - images[:, 16:48, 16:48]) ** 2).mean()
    assert float(small.step(images, holes)["reconstruction"]) == pytest.approx(wanted, rel=1e-5)


def test_raw_is_the_whole_picture_and_generate_its_centre(small):
    images = np.random.default_rng(1).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    holes = np.zeros((2, 64, 64, 1), np.float32)
    holes[0, 18:46, 18:46] = 1
    holes[1, 5:9, 20:30] = 1
    whole, centre = small.raw(small.generator, images, holes), small.generate(images, holes)
    assert whole.shape == (2, 64, 64, 3) and centre.shape == (2, 32, 32, 3)
    # One graph and another may round differently.
    np.testing.assert_allclose(whole[:, 16:48, 16:48], centre, atol=1e-6)
    around = np.array(whole)
    around[:, 16:48, 16:48] = np.asarray(small.blanked(images, holes))[:, 16:48, 16:48]
    np.testing.assert_array_equal(around, small.blanked(images, holes))
    np.testing.assert_allclose(small.predict([images, holes], verbose=0), centre, atol=1e-6)


def test_other_sizes_are_refused(small):
    with pytest.raises(ValueError, match="64 x 64.*Got 128 x 64"):
        small.generate(np.zeros((1, 128, 64, 3), np.float32), np.zeros((1, 128, 64, 1), np.float32))


@pytest.mark.parametrize(
    "frozen, moved",
    [
        ("encoder", 4),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in (("none", 9), ("all", 0))),
    ],
)
def test_frozen_norms_keep_their_statistics(frozen, moved):
    system = tfinpaint.create("context_encoder", width=4, bottleneck=8)
    system.compile(image_size=128, freeze_batch_norm=frozen)
    norms = system.generator.norms
    before = [norm.moving_mean.numpy() for norm in norms]
    images = np.random.default_rng(1).uniform(-1, 1, (2, 128, 128, 3)).astype(np.float32)
    system.step(images, np.zeros((2, 128, 128, 1), np.float32))
    changed = [np.abs(norm.moving_mean - b).max() > 0 for norm, b in zip(norms, before)]
    assert changed == [False] * (9 - moved) + [True] * moved
