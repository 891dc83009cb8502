"""Pluralistic completion against its authors' released networks, weight for weight.

The attention, a fill with every size on the way, the critic's scores, and every loss and every
gradient of a training step.
"""

import json

import numpy as np
import pluralistic_release
import pytest
import tensorflow as tf
from helpers import count
from shared import SHARED, needs_shared

import tfinpaint
from tfinpaint.layers.aligned_resize import resize_aligned
from tfinpaint.systems.critics import Critics
from tfinpaint.systems.pluralistic import released
from tfinpaint.systems.pluralistic.attention import ShortLongTermAttention, ShortTermAttention
from tfinpaint.weights import places

GOLDEN = SHARED / "golden"

pytestmark = needs_shared


def near(got, want, tolerance):
    """Within the share `tolerance` of the largest value."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape and np.abs(got - want).max() <= tolerance * np.abs(want).max()


# ------------------------------------------------------------------------------------ the attention


@pytest.mark.golden("pluralistic")
@pytest.mark.parametrize("case", ["square_", "rect_"])
def test_attention(case):
    z = {k[len(case) :]: v for k, v in np.load(GOLDEN / "layers/pic_attention.npz").items()
         if k.startswith(case)}  # fmt: skip
    layer = ShortLongTermAttention()
    inputs = [z["features"], z["encoder_features"], np.float32(z["hole"])]
    layer(inputs)
    for variable, name in [
        (layer.query.kernel, "query_kernel"),
        (layer.query.bias, "query_bias"),
        (layer.join.conv_1.kernel, "conv1_kernel"),
        (layer.join.conv_1.bias, "conv1_bias"),
        (layer.join.conv_2.kernel, "conv2_kernel"),
        (layer.join.conv_2.bias, "conv2_bias"),
        (layer.join.bypass.kernel, "bypass_kernel"),
        (layer.join.bypass.bias, "bypass_bias"),
    ]:
        variable.assign(z[name])
    for convolution in (layer.join.conv_1, layer.join.conv_2, layer.join.bypass):
        convolution.sigma.assign(1.0)  # the stored kernels are normalised already
    layer.gamma.assign([z["gamma"]])
    layer.alpha.assign([z["alpha"]])
    near(layer(inputs), z["output"], 1e-5)

    valid = resize_aligned(1 - inputs[2], *z["features"].shape[1:3])
    near(valid, z["feature_valid"], 2e-5)  # PyTorch rounds the places
    weights = layer._weights(tf.constant(z["features"]))
    near(weights, z["attention"], 1e-5)
    short = ShortTermAttention()
    short(z["features"])
    short.set_weights([z["gamma"][np.newaxis], z["query_kernel"], z["query_bias"]])
    near(short(z["features"]), z["short"], 1e-5)


# ------------------------------------------------------------------------------------- the networks


@pytest.fixture(scope="module")
def system():
    """With the made weights, compiled, and with the made critic twice."""
    system = tfinpaint.create("pluralistic", variant="official")
    system.compile()
    critics = [getattr(system.critic, name) for name in system.critic.names]
    for part, table in [
        ("encoder", released.encoder(system.generator.encoder)),
        ("generator", released.generator(system.generator.generator)),
        *(("discriminator", released.critic(critic)) for critic in critics),
    ]:
        places.fill(
            table,
            released.prepared("", pluralistic_release.state(part)),
            "the golden weights do not fit",
        )
    return system


@pytest.fixture(scope="module")
def expected():
    return np.load(GOLDEN / "networks/net_pic.npz")


def test_parameters(system):
    def with_vectors(network):
        """With u and v of every kernel, as PyTorch counts."""
        kernels = [x.kernel.shape for x in network._flatten_layers() if hasattr(x, "sigma")]
        return count(network) + sum(k[-1] + k.num_elements() // k[-1] for k in kernels)

    encoder, generator = system.generator.encoder, system.generator.generator
    assert count(encoder) == 3_604_224 and with_vectors(encoder) == 3_635_614
    assert count(generator) == 2_374_016 and with_vectors(generator) == 2_399_558
    # The released critic's block that is never used, and its alpha.
    assert count(system.critic.generated) == 1_575_075 - 475_520 - 1
    assert isinstance(system.critic, Critics) and system.critic.names == [
        "generated",
        "reconstructed",
    ]


@pytest.mark.golden("pluralistic")
def test_a_fill(system, expected):
    image, hole = tf.constant(expected["image"]), tf.constant(expected["hole"])
    visible = image * (1 - hole)
    middle, deepest = system.generator.encoder(visible)
    np.testing.assert_allclose(deepest, expected["feature8"], atol=1e-4)
    mean, deviation = system.generator.encoder.prior(deepest)
    np.testing.assert_allclose(mean, expected["prior_mean"], atol=1e-4)
    np.testing.assert_allclose(deviation, expected["prior_std"], atol=1e-4)
    known = resize_aligned(1 - hole, 32, 32)
    np.testing.assert_allclose(known, expected["feature_mask"], atol=2e-5)
    pictures = system.generator.generator([expected["latent"], deepest, middle, hole])
    for picture, name in zip(pictures, ("out32", "out64", "out128", "output"), strict=True):
        np.testing.assert_allclose(picture, expected[name], atol=1e-4)
    output = system.generate(image, hole, latent=expected["latent"])
    np.testing.assert_allclose(output, expected["output"], atol=1e-4)
    composite = output * hole + visible
    np.testing.assert_allclose(system.critic.generated(composite), expected["score"], atol=1e-4)


# ---------------------------------------------------------------------------------- a training step


@pytest.mark.golden("pluralistic")
@pytest.mark.slow
def test_losses_and_gradients_of_a_step(system, expected):
    step = json.loads((GOLDEN / "training/pic_step.json").read_text())
    inside = np.load(GOLDEN / "training/pic_step.npz")
    images, holes = tf.constant(expected["image"]), tf.constant(expected["hole"])
    noises = tf.constant(inside["eps_posterior"]), tf.constant(inside["eps_prior"])
    names = {
        "posterior": "kl_rec",
        "prior": "kl_g",
        "reconstruction": "app_rec",
        "valid": "app_g",
        "adversarial": "ad_g",
        "adversarial_reconstruction": "ad_rec",
    }
    with tf.GradientTape(persistent=True) as tape:
        paths = system.paths(images, holes, noises)
        terms = system.weighted(system.terms(images, holes, paths))
        loss = tf.add_n(list(terms.values()))
    near(paths.posterior[0], inside["posterior_mean"], 1e-4)
    near(paths.posterior[1], inside["posterior_std"], 1e-4)
    near(paths.reconstructed[0], inside["rec32"], 1e-4)
    near(paths.generated[0], inside["gen32"], 1e-4)
    near(paths.reconstructed[-1], np.float32(inside["rec"]), 1e-3)
    near(paths.generated[-1], np.float32(inside["gen"]), 1e-3)
    near(resize_aligned(images, 32, 32), inside["image32"], 1e-5)
    near(resize_aligned(1 - holes, 32, 32), inside["valid32"], 1e-5)
    assert set(terms) == set(names)
    for name, value in terms.items():
        # The features of a picture and of one much like it: a difference of near numbers.
        tolerance = 1e-3 if name == "adversarial_reconstruction" else 1e-4
        assert float(value) == pytest.approx(step["losses"][names[name]], rel=tolerance), name
    network = system.generator
    check_gradients(tape, loss, released.encoder(network.encoder), step["grad_norm"]["E"], 10)
    check_gradients(tape, loss, released.generator(network.generator), step["grad_norm"]["G"], 10)

    with tf.GradientTape(persistent=True) as tape:
        losses = system.losses_of_critics(images, paths)
    for name, theirs, norms in [
        ("generated", "img_d", "D"),
        ("reconstructed", "img_d_rec", "D_rec"),
    ]:
        assert float(losses[name]) == pytest.approx(step["losses"][theirs], rel=1e-4)
        table = released.critic(getattr(system.critic, name))
        check_gradients(tape, losses[name], table, step["grad_norm"][norms], 10)


def check_gradients(tape, loss, table, norms, least):
    """Those above 1 % of the largest in their group."""
    largest, counted = max(norms.values()), 0
    trained = {name: place.variable for name, place in table.items() if name in norms}
    assert set(trained) == set(norms)
    for name, gradient in zip(trained, tape.gradient(loss, list(trained.values()))):
        if norms[name] > 0.01 * largest:
            counted += 1
            assert float(tf.norm(gradient)) == pytest.approx(norms[name], rel=2e-2), name
    assert counted > least
