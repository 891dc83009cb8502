"""The system in the box: what it starts as, its sizes, its terms, its network."""

import numpy as np
import pytest
import tensorflow as tf
from naive_terms import feature_terms

import tfinpaint
from tfinpaint.systems.residual.pyramid import DilatedConv2D
from tfinpaint.systems.residual.smooth_fill import coarsest, pull, push


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    images = tf.image.resize(
        rng.uniform(-1, 1, (2, 6, 6, 3)).astype(np.float32), (64, 64), "bicubic"
    )
    holes = np.zeros((2, 64, 64, 1), np.float32)
    holes[0, 12:41, 19:50] = 1
    holes[1, 20:30, :60] = 1
    return images, tf.constant(holes)


def made(seed=1, **settings):
    """A small system with random weights, also for those that normally start at 0."""
    system = tfinpaint.create("residual", **{"width": 4, "depth": 2} | settings)
    for k, v in enumerate(system.generator.trainable_variables):
        v.assign(tf.random.stateless_normal(v.shape, [seed, k], stddev=0.1))
    return system


def test_begins_as_a_smooth_fill(batch):
    images, holes = batch
    system = tfinpaint.create("residual", width=4, depth=2)
    levels = pull(images, holes)
    filled = coarsest(levels)
    for k in reversed(range(9)):
        filled = push(filled, *levels[k], 2 if k < 4 else 8)
    np.testing.assert_allclose(system.generate(images, holes), filled, atol=1e-6)


def test_a_mean_first_fill_begins_as_the_mean_of_what_is_known():
    """Far from the edge of a hole; each of four sizes smooths two of its own pixels there."""
    images = np.random.default_rng(2).uniform(-1, 1, (1, 128, 128, 3)).astype(np.float32)
    holes = np.zeros((1, 128, 128, 1), np.float32)
    holes[:, 32:96, 32:96] = 1
    mean = np.ravel(coarsest(pull(images, holes)))
    system = tfinpaint.create("residual", width=4, depth=2, first_fill="mean")
    fill = system.generate(images, holes)
    np.testing.assert_allclose(fill[0, 62:66, 62:66], np.broadcast_to(mean, (4, 4, 3)), atol=1e-5)
    smooth = tfinpaint.create("residual", width=4, depth=2).generate(images, holes)
    assert np.abs(smooth[0, 62:66, 62:66] - mean).max() > 1e-3
    np.testing.assert_allclose(fill[0, :32], images[0, :32], atol=1e-6)


@pytest.mark.parametrize("first_fill", ["smooth", pytest.param("mean", marks=pytest.mark.slow)])
def test_a_plain_picture_of_more_than_512_pixels_is_filled_with_its_colour(first_fill):
    """The coarsest level has several cells then, some of them with nothing known."""
    images = np.full((1, 640, 704, 1), 0.8, np.float32) * np.float32([1, -0.5, 0.25])
    holes = np.zeros((1, 640, 704, 1), np.float32)
    holes[:, :, :544] = 1
    found = coarsest(pull(images, holes))
    assert found.shape == (1, 2, 2, 3)
    np.testing.assert_allclose(found, np.broadcast_to(images[:, :1, :1], found.shape), atol=1e-6)
    system = tfinpaint.create("residual", width=4, depth=2, first_fill=first_fill)
    np.testing.assert_allclose(system.generate(images, holes), images, atol=1e-5)


def test_nothing_known_is_grey():
    holes = np.ones((1, 640, 704, 1), np.float32)
    np.testing.assert_array_equal(coarsest(pull(np.ones((1, 640, 704, 3), "f"), holes)), 0)


def test_without_attention_its_weights_are_gone_and_nothing_else():
    whole, part = made(), made(attention_kind="none")
    names = [
        [v.name.split("/", 1)[1] for v in system.generator.variables] for system in (whole, part)
    ]
    assert names[1] == [name for name in names[0] if "attention" not in name]
    assert len(names[0]) - len(names[1]) == 5
    assert part.attention_layers == () and whole.attention_layers == ("known",)
    counted = tfinpaint.create("residual", attention_kind="none").generator.trainable_variables
    # of 144 channels: queries, keys, values, and what takes them back
    attention = 2 * 144 * 48 + 144 * 144 + 144 * 144 + 144
    assert sum(v.shape.num_elements() for v in counted) == 2_867_244 - attention == 2_811_804


def test_undilated_blocks_have_the_same_weights_and_see_less(batch):
    whole, part = made(), made(dilated=False)  # with equal weights
    assert {b.dilation_rate for b in part.generator.correction.blocks} == {1}
    assert [v.shape for v in part.generator.variables] == [
        v.shape for v in whole.generator.variables
    ]
    assert np.abs(part.generate(*batch) - whole.generate(*batch)).max() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        {"attention_kind": "none"},
        {"sizes": 1},
        *(
            pytest.param(part, marks=pytest.mark.slow)
            for part in ({"dilated": False}, {"first_fill": "mean"})
        ),
    ],
)
def test_learns_and_fills_without_a_part(batch, part):
    system = made(**part)
    system.compile(perceptual_weights="none", learning_rate=1e-4)
    first = float(system.step(*batch)["loss"])
    for _ in range(5):
        last = float(system.step(*batch)["loss"])
    assert np.isfinite(last) and last < first
    fill, (images, holes) = system.generate(*batch), batch
    np.testing.assert_allclose(fill * (1 - holes), images * (1 - holes), atol=1e-6)
    system.restart_average()
    output, maps = system.attention_maps(*batch)
    np.testing.assert_allclose(output, fill, atol=1e-5)
    assert len(maps) == (0 if "attention_kind" in part else 1)
    assert all(system.get_config()[name] == value for name, value in part.items())


@pytest.mark.parametrize("sizes", [*(pytest.param(n, marks=pytest.mark.slow) for n in (1, 3)), 4])
def test_each_size_is_corrected_by_the_same_network(batch, sizes):
    """From an eighth to the full size, as the file says: the fill from above, plus what the network
    adds to it in missing pixels."""
    images, holes = batch
    system = made(sizes=sizes)
    assert system.stride == 8 * 2 ** (sizes - 1)
    corrected = system.generator([images * (1 - holes), holes], with_sizes=True)
    levels = pull(images, holes)
    filled = coarsest(levels)
    for k in reversed(range(sizes, 9)):
        filled = push(filled, *levels[k], 8)
    for (got, lacking), k in zip(corrected, reversed(range(sizes)), strict=True):
        total, share = levels[k]
        filled = push(filled, total, share, 2)
        filled += (1 - share) * system.generator.correction([filled, 1 - share])
        np.testing.assert_allclose(lacking, 1 - share, atol=1e-6)
        np.testing.assert_allclose(got, filled, atol=1e-5)
    assert [tuple(fill.shape[1:3]) for fill, _ in corrected] == [
        (8, 8),
        (16, 16),
        (32, 32),
        (64, 64),
    ][-sizes:]
    np.testing.assert_allclose(system.generate(images, holes), filled, atol=1e-5)


def test_known_pixels_pass_through(batch):
    images, holes = batch
    output = made().generate(images, holes)
    np.testing.assert_array_equal(np.where(holes > 0, 0, output), np.where(holes > 0, 0, images))


def test_parameter_count():
    system = tfinpaint.create("residual")
    assert sum(v.shape.num_elements() for v in system.generator.trainable_variables) == 2_867_244
    assert not system.generator.non_trainable_variables


def test_terms_are_those_of_the_file(batch):
    """log(1 + 100 times the root mean square error) on the [0, 1] scale in missing pixels, picture
    by picture, at each size; a tenth of it."""
    images, holes = (np.asarray(x) for x in batch)
    system = made()
    system.compile(perceptual_weights="none")
    means = []
    for (fill, lacking), n in zip(
        system.generator([images * (1 - holes), holes], with_sizes=True), (8, 4, 2, 1), strict=True
    ):
        target = images.reshape(2, 64 // n, n, 64 // n, n, 3).mean((2, 4))
        error = np.asarray(((fill - target) / 2) ** 2 * lacking)
        rms = [
            np.sqrt(e.sum() / max(3 * share.sum(), 1))
            for e, share in zip(error, np.asarray(lacking))
        ]
        means.append(0.1 * np.mean(np.log1p(np.multiply(rms, 100))))
    logs = system.step(*batch)
    assert min(means) > 0.01
    assert float(logs["hole"]) == pytest.approx(means[3], rel=1e-4)
    assert float(logs["coarse"]) == pytest.approx(sum(means[:3]), rel=1e-4)
    assert float(logs["loss"]) == pytest.approx(sum(means), rel=1e-4)


def test_perceptual_term_is_of_the_clipped_output(batch):
    """0.06 times the sum over pool1 to pool3 of VGG-16, for images in [0, 1]."""
    images, holes = batch
    images = 0.9 * images / tf.reduce_max(tf.abs(images))
    system = made()
    # Each of four sizes adds this to its missing pixels: three colours of 2 x 2 pixels.
    system.generator.correction.last.bias.assign([0.5, -0.5, 0] * 4)
    tf.keras.utils.set_random_seed(1)
    system.compile(perceptual_weights="random")
    output = np.asarray(system.generator([images * (1 - holes), holes]))
    assert np.max(output) > 1.2 and np.min(output) < -1.2

    def term(picture):
        (perceptual, _) = feature_terms(
            system.features._network, [(picture + 1) / 2], (images + 1) / 2, contrast=1
        )
        return 0.06 * perceptual

    expected = term(np.clip(output, -1, 1))
    assert term(output) > 1.02 * expected
    logs = system.step(images, holes)
    assert float(logs["perceptual"]) == pytest.approx(expected, rel=1e-4)
    terms = ("hole", "coarse", "perceptual")
    assert float(logs["loss"]) == pytest.approx(sum(float(logs[t]) for t in terms), rel=1e-5)


@pytest.mark.slow
def test_one_size_learns_without_a_coarse_term(batch):
    system = made(sizes=1)
    system.compile(perceptual_weights="none", learning_rate=1e-3)
    logs = [system.step(*batch) for _ in range(8)]
    assert float(logs[0]["coarse"]) == 0
    assert float(logs[0]["loss"]) == pytest.approx(float(logs[0]["hole"]))
    assert float(logs[-1]["hole"]) < 0.9 * float(logs[0]["hole"])


@pytest.mark.parametrize("rate", [2, 4, 8])
def test_a_dilated_convolution_fills_as_it_learned(rate):
    """The operation that fills against Keras' own, which is differentiated. The rate need not
    divide the sides."""
    layer = DilatedConv2D(5, 3, padding="same", dilation_rate=rate, bias_initializer="normal")
    x = tf.constant(np.random.default_rng(rate).normal(size=(2, 13, 22, 4)).astype(np.float32))
    plain = tf.keras.layers.Conv2D(5, 3, padding="same", dilation_rate=rate)
    plain.build(x.shape)
    learned = layer(x, training=True)
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(learned, plain(x))
    np.testing.assert_allclose(layer(x), learned, atol=1e-5)


def test_what_is_trained_is_what_fills(batch):
    images, holes = batch
    system = made()
    blanked = [images * (1 - holes), holes]
    np.testing.assert_allclose(
        system.generator(blanked, training=True), system.generator(blanked), atol=1e-4
    )


def test_a_fill_does_not_depend_on_its_batch(batch):
    system = made()
    together = system.generate(*batch)
    for k in range(2):
        np.testing.assert_allclose(
            system.generate(batch[0][k : k + 1], batch[1][k : k + 1])[0], together[k], atol=1e-5
        )


@pytest.mark.slow
def test_learns_in_bfloat16_what_it_learns_in_float32(batch):
    losses = {}
    for policy in ("float32", "mixed_bfloat16"):
        tf.keras.mixed_precision.set_global_policy(policy)
        try:
            tf.keras.utils.set_random_seed(3)
            system = tfinpaint.create("residual", width=8, depth=2)
            system.compile(perceptual_weights="none", learning_rate=3e-3)
            step = tf.function(system.step, autograph=False)
            losses[policy] = [float(step(*batch)["hole"]) for _ in range(60)]
        finally:
            tf.keras.mixed_precision.set_global_policy("float32")
        assert system.generate(*batch).dtype == tf.float32
        assert losses[policy][-1] < 0.7 * losses[policy][0]
    assert losses["mixed_bfloat16"][0] == pytest.approx(losses["float32"][0], rel=1e-3)
    # Steps of 3e-3 go apart: it may learn more, but hardly less.
    assert losses["mixed_bfloat16"][-1] < 1.2 * losses["float32"][-1]
