"""Pluralistic completion's own rules: spectral norm, blocks, attention, the two paths, samples."""

import naive_layers
import numpy as np
import pytest
import tensorflow as tf
from helpers import smooth

import tfinpaint
from tfinpaint.settings import SettingsError
from tfinpaint.systems.pluralistic import spectral
from tfinpaint.systems.pluralistic.attention import ShortLongTermAttention, ShortTermAttention
from tfinpaint.systems.pluralistic.blocks import FirstBlock, ResidualBlock
from tfinpaint.systems.pluralistic.distributions import deviation_of_known, divergence
from tfinpaint.systems.pluralistic.noise import normal

SIZE = 64


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# ------------------------------------------------------------------------------------ spectral norm


@pytest.mark.parametrize("kind", [spectral.SpectralConv2D, spectral.SpectralUpConv2D])
def test_power_iteration_and_its_gradient(kind):
    """M has a row for each element of the kernel's last axis: the output channels of a convolution,
    the input channels of a transposed one."""
    tf.keras.utils.set_random_seed(0)
    layer, x = kind(7), tf.constant(numbers(1, 8, 8, 5))
    layer(x)
    kernel = layer.kernel.numpy().astype(np.float64)
    m = kernel.reshape(-1, kernel.shape[-1]).T
    assert m.shape[0] == (5 if kind is spectral.SpectralUpConv2D else 7)
    u = layer.u.numpy().astype(np.float64)
    v = m.T @ u / np.linalg.norm(m.T @ u)
    u = m @ v / np.linalg.norm(m @ v)
    sigma = u @ m @ v
    upstream = numbers(*kernel.shape, seed=1)
    before = [layer.u.numpy(), layer.sigma.numpy()]
    np.testing.assert_allclose(layer.normalised(False), kernel / before[1], rtol=1e-5)
    assert np.array_equal(layer.u, before[0]) and layer.sigma.numpy() == before[1]
    with tf.GradientTape() as tape:
        normalised = layer.normalised(True)
        product = tf.reduce_sum(normalised * upstream)
    np.testing.assert_allclose(normalised, kernel / sigma, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.u, u, atol=1e-5)
    assert layer.sigma.numpy() == pytest.approx(sigma, rel=1e-5)
    # d<W, G> / dM = G / sigma - <M, G> u v' / sigma^2, with u and v constant.
    g = upstream.reshape(-1, kernel.shape[-1]).T.astype(np.float64)
    expected = g / sigma - (m * g).sum() / sigma**2 * np.outer(u, v)
    got = np.asarray(tape.gradient(product, layer.kernel)).reshape(-1, kernel.shape[-1]).T
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())
    step = tf.function(lambda: layer.normalised(True))
    for _ in range(1500):  # the two largest may be close to each other
        step()
    assert layer.sigma.numpy() == pytest.approx(np.linalg.svd(m, compute_uv=False)[0], rel=1e-4)


def test_a_new_layer_is_near_its_norm():
    tf.keras.utils.set_random_seed(0)
    layer = spectral.SpectralConv2D(32)
    layer(tf.constant(numbers(1, 8, 8, 16)))
    largest = np.linalg.svd(layer.kernel.numpy().reshape(-1, 32), compute_uv=False)[0]
    assert layer.sigma.numpy() == pytest.approx(largest, rel=0.1)


def test_transposed_convolution_is_pytorchs():
    """Each pixel adds the kernel around twice its place; of the 2 H + 1 rows the first is left
    out."""
    x, kernel = numbers(2, 3, 4, 5), numbers(3, 3, 2, 5, seed=1)
    whole = np.zeros((2, 2 * 3 + 1, 2 * 4 + 1, 2))
    for i in range(3):
        for j in range(4):
            whole[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += np.einsum(
                "bc,uvfc->buvf", x[:, i, j], kernel
            )
    for way in (spectral.up_conv, spectral._by_blocks):
        got = way(tf.constant(x), tf.constant(kernel))
        np.testing.assert_allclose(got, whole[:, 1:, 1:], atol=1e-4)


@pytest.mark.parametrize(
    "make",
    [lambda: FirstBlock(6), lambda: ResidualBlock(6, 5, halves=True)],
    ids=["first", "residual"],
)
def test_a_block_that_halves_takes_means(make):
    """The convolutions of means are means of the convolutions."""
    tf.keras.utils.set_random_seed(0)
    block = make()
    x = tf.constant(numbers(2, 8, 6, 4))
    halved = block(x)
    act = lambda x: tf.nn.leaky_relu(x, 0.1)  # noqa: E731

    def plain(layer, x):
        return tf.nn.conv2d(x, layer.kernel / layer.sigma, 1, "SAME") + layer.bias

    first = x if isinstance(block, FirstBlock) else act(x)
    inner = plain(block.conv_2, act(plain(block.conv_1, first)))
    expected = tf.nn.avg_pool2d(inner + plain(block.bypass, x), 2, 2, "VALID")
    np.testing.assert_allclose(halved, expected, atol=1e-5)


# ---------------------------------------------------------------------------------------- attention


def attention(channels, seed=0):
    """A layer whose every weight counts."""
    layer = ShortLongTermAttention()
    layer([numbers(1, 4, 4, channels), numbers(1, 4, 4, channels), np.zeros((1, 4, 4, 1))])
    layer.gamma.assign([0.7])
    layer.alpha.assign([1.3])
    layer.query.kernel.assign(numbers(*layer.query.kernel.shape, seed=seed))
    layer.query.bias.assign(numbers(*layer.query.bias.shape, seed=seed + 1))
    return layer


def weights_of(layer):
    """What the loops need, in float64."""

    def of(variable):
        return variable.numpy().astype(np.float64)

    convolutions = [layer.join.conv_1, layer.join.conv_2, layer.join.bypass]
    return (
        of(layer.query.kernel)[0, 0],
        of(layer.query.bias),
        of(layer.gamma)[0],
        of(layer.alpha)[0],
        [(of(c.kernel) / of(c.sigma), of(c.bias)) for c in convolutions],
    )


@pytest.mark.parametrize(
    "shape, reduction", [((2, 6, 5, 8), 8), ((1, 3, 7, 4), 4), ((2, 4, 4, 3), 1)]
)
def test_attention_against_loops(shape, reduction):
    layer = attention(shape[-1])
    features, seen = numbers(*shape, seed=2), numbers(*shape, seed=3)
    size = (reduction * shape[1], reduction * shape[2])
    hole = np.float32(np.random.default_rng(4).random((shape[0], *size, 1)) > 0.5)
    output, weights = naive_layers.short_long_attention(features, seen, hole, *weights_of(layer))
    np.testing.assert_allclose(layer([features, seen, hole]), output, atol=1e-4)
    at = np.array([[size[0] - 1, 0]] * shape[0], np.int32)
    again, (matches, row) = layer([features, seen, hole], with_attention_maps=True, weights_at=at)
    np.testing.assert_allclose(again, output, atol=1e-4)
    b, h, w, _ = shape
    best = weights.argmax(-1).reshape(b, h, w)
    np.testing.assert_array_equal(matches, np.stack([best // w, best % w], -1))
    np.testing.assert_allclose(row, weights[:, (h - 1) * w].reshape(b, h, w), atol=1e-5)


def test_attention_of_a_batch_is_that_of_its_pictures():
    """Whatever the number of missing cells: none, some, all."""
    layer = attention(4)
    features, seen = numbers(3, 8, 8, 4, seed=2), numbers(3, 8, 8, 4, seed=3)
    hole = np.zeros((3, 64, 64, 1), np.float32)
    hole[1, 10:41, 20:37] = hole[2] = 1
    single = [layer([x[k : k + 1] for x in (features, seen, hole)])[0] for k in range(3)]
    np.testing.assert_allclose(layer([features, seen, hole]), single, atol=1e-5)


def test_attention_begins_without_effect():
    """gamma and alpha are 0: the critic's gives its features."""
    features = numbers(1, 4, 4, 8)
    np.testing.assert_array_equal(ShortTermAttention()(features), features)


@pytest.mark.slow
def test_the_critic_is_the_same_in_a_graph(system):
    """TensorFlow's optimizer of graphs fuses a leaky ReLU with the wrong slope."""
    x = tf.constant(numbers(1, SIZE, SIZE, 3))
    scores = system.critic.generated(x)
    for sizes in ([1, SIZE, SIZE, 3], [None, None, None, 3]):
        graph = tf.function(system.critic.generated, input_signature=[tf.TensorSpec(sizes)])
        np.testing.assert_allclose(graph(x), scores, atol=1e-5)


# ------------------------------------------------------------------------- distributions, and noise


def test_deviations_and_divergences():
    holes = np.ones((5, 10, 10, 1), np.float32)
    for k, share in enumerate((0.5, 0.75, 0.8, 0.9, 1)):
        holes[k].reshape(100)[: round(100 * share)] = 0
    np.testing.assert_allclose(
        deviation_of_known(holes)[:, 0, 0, 0], [0.9168, 0.5987, 0.5, 0.31, 0.168], atol=1e-4
    )
    assert float(divergence((0.0, 0.6), (0.3, 0.9))) == pytest.approx(0.183243, abs=1e-6)
    # Against the mean of log ratios over samples.
    z = np.random.default_rng(0).normal(0.2, 0.5, 2_000_000)
    ratio = -(((z - 0.2) / 0.5) ** 2) / 2 - np.log(0.5) + ((z + 0.1) / 0.7) ** 2 / 2 + np.log(0.7)
    assert float(divergence((0.2, 0.5), (-0.1, 0.7))) == pytest.approx(ratio.mean(), rel=0.01)


def test_noise_is_normal_and_the_same_everywhere():
    drawn = normal([100_000], [3, 4])
    assert np.isfinite(drawn).all()
    assert abs(np.mean(drawn)) < 0.01 and np.std(drawn) == pytest.approx(1, abs=0.01)
    assert np.mean(np.abs(drawn) < 1) == pytest.approx(0.6827, abs=0.01)
    compiled = tf.function(normal, jit_compile=True)([100_000], [3, 4])
    np.testing.assert_allclose(compiled, drawn, atol=1e-4)
    assert np.abs(np.corrcoef(drawn, normal([100_000], [3, 5]))[0, 1]) < 0.02


# -------------------------------------------------------------------------------------- the system


@pytest.fixture(scope="module")
def batch():
    holes = np.zeros((2, SIZE, SIZE, 1), np.float32)
    holes[0, 12:36, 20:52] = 1
    holes[1, 3:29, 30:60] = holes[1, 40:60, 6:25] = 1
    return smooth(2, SIZE), tf.constant(holes)


@pytest.fixture(scope="module")
def system():
    tf.keras.utils.set_random_seed(1)
    system = tfinpaint.create("pluralistic", width=4, depth=4)
    system.compile(image_size=SIZE)
    return system


def test_seeds_give_different_fills(system, batch):
    images, holes = batch
    mean = system.generate(images, holes)
    np.testing.assert_array_equal(system.generate(images, holes, seed=0), mean)
    np.testing.assert_array_equal(system.generate(images, holes, seed=tf.constant(0)), mean)
    first = system.generate(images, holes, seed=tf.constant(1))
    np.testing.assert_array_equal(system.generate(images, holes, seed=tf.constant(1)), first)
    for other in (mean, system.generate(images, holes, seed=tf.constant(2))):
        assert np.abs(first - other).max() > 1e-4
    # The noise does not depend on the place in the batch.
    for k in range(2):
        alone = system.generate(images[k : k + 1], holes[k : k + 1], seed=tf.constant(1))
        np.testing.assert_allclose(alone[0], first[k], atol=1e-5)


@pytest.mark.slow
def test_a_seed_gives_the_same_fill_compiled(system, batch):
    images, holes = batch
    compiled = tf.function(system.generate, autograph=False, jit_compile=True)(
        images, holes, seed=tf.constant(1)
    )
    np.testing.assert_allclose(
        compiled, system.generate(images, holes, seed=tf.constant(1)), atol=1e-4
    )


def test_a_latent_of_another_shape_is_refused():
    system = tfinpaint.create("pluralistic", width=4, depth=4)
    images, holes = numbers(2, 16, 32, 3), np.zeros((2, 16, 32, 1), np.float32)
    for shape in ([1, 1, 2, 16], [2, 16], [2, 1, 2, 8]):
        with pytest.raises(ValueError, match=r"`latent` is \[2, 1, 2, 16\]. Got \["):
            system.generate(images, holes, latent=np.zeros(shape))


def test_a_given_latent(system, batch):
    images, holes = batch
    visible = images * (1 - holes)
    mean, deviation = system.generator.encoder.prior(system.generator.encoder(visible)[1])
    assert mean.shape == deviation.shape == (2, 4, 4, 16) and np.min(deviation) > 0
    np.testing.assert_allclose(
        system.generate(images, holes, latent=mean), system.generate(images, holes), atol=1e-6
    )
    other = system.generate(images, holes, latent=mean + 1)
    assert np.abs(other - system.generate(images, holes)).max() > 1e-4


def resized(x, side):
    """Bilinear with aligned corners: [B, H, W, C] -> [B, side, side, C]."""
    for axis in (1, 2):
        places = np.linspace(0, SIZE - 1, side)
        before = np.minimum(places.astype(int), SIZE - 2)
        share = (places - before).reshape([-1, 1] if axis == 2 else [-1, 1, 1])
        x = (1 - share) * x.take(before, axis) + share * x.take(before + 1, axis)
    return x


def test_terms_against_numpy(system, batch):
    """The divergences are held by the golden step."""
    images, holes = batch
    paths = system.paths(images, holes)
    terms = system.terms(images, holes, paths)
    truth, known = np.asarray(images, np.float64), 1 - np.asarray(holes, np.float64)
    everywhere = visible = 0.0
    for picture, generated in zip(paths.reconstructed, paths.generated):
        side = picture.shape[1]
        small_truth, small_known = (resized(x, side) for x in (truth, known))
        everywhere += np.abs(np.asarray(picture) - small_truth).mean()
        visible += (np.abs(np.asarray(generated) - small_truth) * small_known).mean()
    assert [p.shape[1] for p in paths.generated] == [8, 16, 32, 64]
    assert float(terms["reconstruction"]) == pytest.approx(everywhere, rel=1e-5)
    assert float(terms["valid"]) == pytest.approx(visible, rel=1e-5)
    assert float(terms["adversarial"]) == pytest.approx(
        np.mean((np.asarray(system.critic.generated(paths.generated[-1])) - 1) ** 2), rel=1e-3
    )
    real, fake = (
        np.asarray(system.critic.reconstructed(x)) for x in (images, paths.reconstructed[-1])
    )
    assert float(terms["adversarial_reconstruction"]) == pytest.approx(
        np.mean((real - fake) ** 2), rel=1e-2
    )


def test_each_path_has_noise_of_its_own_at_each_step(system):
    shape = [2, 4, 4, 16]
    first = [np.asarray(x) for x in system.noises(shape)]
    assert all(x.shape == tuple(shape) for x in first)
    assert np.abs(first[0] - first[1]).max() > 1 and np.abs(first[0][0] - first[0][1]).max() > 1
    np.testing.assert_array_equal(system.noises(shape), first)
    before = system.optimizer.iterations.numpy()
    system.optimizer.iterations.assign(before + 1)
    assert np.abs(system.noises(shape)[0] - first[0]).max() > 1
    system.optimizer.iterations.assign(before)


def test_the_prior_learns_from_the_posterior_and_not_the_other_way(system, batch):
    encoder = system.generator.encoder
    with tf.GradientTape() as tape:
        terms = system.terms(*batch, system.paths(*batch))
        loss = terms["prior"]
    sources = [encoder.posterior_block.conv_1.kernel, encoder.prior_block.conv_1.kernel]
    of_posterior, of_prior = tape.gradient(loss, sources)
    assert of_posterior is None and np.abs(of_prior).max() > 0


def test_what_is_missing_reaches_the_posterior_alone(system, batch):
    images, holes = batch
    noises = system.noises([2, 4, 4, 16])
    state = [v.numpy() for v in system.generator.variables]
    first = system.paths(images, holes, noises)
    for variable, value in zip(system.generator.variables, state):
        variable.assign(value)
    second = system.paths(images + holes * 0.3, holes, noises)
    for variable, value in zip(system.generator.variables, state):
        variable.assign(value)
    np.testing.assert_allclose(first.generated[-1], second.generated[-1], atol=1e-5)
    np.testing.assert_allclose(first.prior[0], second.prior[0], atol=1e-5)
    assert np.abs(first.posterior[0] - second.posterior[0]).max() > 1e-5


@pytest.mark.slow
def test_pictures_too_small_for_the_critics_are_refused():
    system = tfinpaint.create("pluralistic", width=4, depth=4)
    with pytest.raises(SettingsError, match=r"`image_size` is at least 48 .*Got 32"):
        system.compile(image_size=32)
    off = {"adversarial": 0.0, "adversarial_reconstruction": 0.0}
    system.compile(image_size=32, loss_weights=off)
    assert system.critic is None
    system.compile(image_size=48, loss_weights={"adversarial_reconstruction": 0.0})
    assert system.critic.names == ["generated"]
