"""Globally and locally consistent completion, against its released network and the port.

Outputs and one step of training weight for weight, sizes, where the critics look, and the phases.
"""

import json

import numpy as np
import pytest
import tensorflow as tf
from helpers import count
from set_back import set_back
from shared import SHARED, made_weight, needs_shared

import tfinpaint
from tfinpaint.layers.random_numbers import uniform
from tfinpaint.layers.windows import cut
from tfinpaint.settings import SettingsError
from tfinpaint.systems.global_local import windows
from tfinpaint.systems.global_local.completion_network import PLACES2_MEAN, CompletionNetwork
from tfinpaint.systems.global_local.critics import JoinedCritics, halvings, local_side
from tfinpaint.systems.global_local.released import prepared, variant_of
from tfinpaint.weights import places, releases

GOLDEN = SHARED / "golden"


# ------------------------------------------------------------------------------- weight for weight


def made(file, part):
    """The weights that golden networks/net_FILE_weights.json lists."""
    shapes = json.loads((GOLDEN / f"networks/net_{file}_weights.json").read_text())[part]
    return {name: made_weight(name, shape) for name, shape in shapes.items()}


def as_modules(weights):
    """The same weights under the names of the authors' converted file."""
    found = {}
    for name, value in weights.items():
        layer, _, kind = name.partition(".")
        number = int("".join(filter(str.isdigit, layer)))
        found[f"{3 * (number - 1) + layer.startswith('bn')}.{kind}"] = value
    return found


def with_made_weights(variant):
    """A system with the made weights, which come by its own names."""
    system = tfinpaint.create("global_local", variant=variant)
    weights = made("glcic", "completion")
    if variant == "paper":
        weights = as_modules(weights)
    assert variant_of(weights) == variant
    (table,) = releases.tables_of(system)
    places.fill(table, prepared("weights.npz", weights), "the golden weights do not fit")
    return system


def critics_table(critics):
    """{the port's name: (variable, its gradient or value in the port's layout)}."""
    layers = {"linear1": critics.score}
    for name, part in (("model_ld", critics.window), ("model_gd", critics.whole)):
        layers[f"{name}.linear6"] = part.dense
        for k, (convolution, norm) in enumerate(zip(part.convolutions, part.norms), 1):
            layers.update({f"{name}.conv{k}": convolution, f"{name}.bn{k}": norm})
    return places.pytorch_table(layers)


def fill_critics(critics):
    """Dense layers of the port see channels first: [C, H, W] flattened."""
    weights = made("discriminators", "glcic")
    for name, part in (("model_ld", critics.window), ("model_gd", critics.whole)):
        channels = part.convolutions[-1].filters
        side = round((part.dense.kernel.shape[0] / channels) ** 0.5)
        dense = weights[f"{name}.linear6.weight"].reshape(-1, channels, side, side)
        weights[f"{name}.linear6.weight"] = dense.transpose(0, 2, 3, 1).reshape(len(dense), -1)
    places.fill(critics_table(critics), weights, "the golden weights do not fit")


@pytest.mark.golden("global_local")
@needs_shared
@pytest.mark.parametrize("variant, output", [("paper", "output_bn_first"), ("official", "output")])
def test_completion_reproduces_the_released_network(variant, output):
    expected = np.load(GOLDEN / "networks/net_glcic.npz")
    system = with_made_weights(variant)
    np.testing.assert_allclose(system.generator.mean_pixel, expected["mean_pixel"], atol=1e-7)
    image, hole = expected["image"], expected["hole"]
    got = (np.asarray(system.generate(2 * image - 1, hole)) + 1) / 2
    np.testing.assert_allclose(got, expected[output], atol=1e-5)
    if variant == "official":
        encoded = system.generator.encode(system.generator.seen(image, hole))
        np.testing.assert_allclose(encoded[..., :8], expected["bottleneck_first8"], atol=1e-5)


@pytest.mark.golden("global_local")
@needs_shared
def test_critics_reproduce_the_ports():
    expected = np.load(GOLDEN / "networks/net_discriminators.npz")
    image = np.load(GOLDEN / "networks/net_glcic.npz")["image"]
    critics = JoinedCritics(160, relu_first=True)
    fill_critics(critics)
    whole = image[:, 40:200, 50:210]
    window = cut(tf.constant(whole), tf.constant([[20, 30]]), 96, 96)
    np.testing.assert_array_equal(window, whole[:, 20:116, 30:126])
    np.testing.assert_allclose(critics.window(window), expected["glcic_local"], atol=1e-4)
    np.testing.assert_allclose(critics.whole(whole), expected["glcic_global"], atol=1e-4)
    score = tf.sigmoid(critics([whole, window]))
    np.testing.assert_allclose(score, expected["glcic"], atol=1e-4)


def exact_norm(self, x, training=None):
    """Batch norm with the statistics of the batch, in float64."""
    mean, variance = tf.nn.moments(tf.cast(x, tf.float64), [0, 1, 2])
    scale = tf.cast(self.gamma, tf.float64) * tf.math.rsqrt(variance + 1e-5)
    return tf.cast(
        (tf.cast(x, tf.float64) - mean) * scale + tf.cast(self.beta, tf.float64), tf.float32
    )


@pytest.mark.slow
@pytest.mark.golden("global_local")
@needs_shared
@pytest.mark.parametrize("norms, of_losses, of_norms", [("exact", 1e-4, 0.02), ("own", 1e-3, 0.1)])
def test_losses_and_gradients_are_the_ports(monkeypatch, norms, of_losses, of_norms):
    """One step of training without optimizers: losses, and the norm of each gradient that is more
    than a hundredth of the largest.

    Some channels are almost always 0, and their variance is below epsilon. There it shows that
    TensorFlow's sums of 51,200 numbers in float32 are off by 1e-4, and that its fused norm raises
    epsilon to 1.001e-5. With exact norms losses agree to 1e-4, and norms of gradients to 2e-2.
    """
    if norms == "exact":
        monkeypatch.setattr(tf.keras.layers.BatchNormalization, "call", exact_norm)
    expected = json.loads((GOLDEN / "training/glcic_step.json").read_text())
    image = np.load(GOLDEN / "networks/net_glcic.npz")["image"][0]
    truth = tf.constant(np.stack([image[40:200, 50:210], image[90:250, 90:250]]))
    holes = np.zeros((2, 160, 160, 1), np.float32)
    holes[0, 40:100, 50:120] = 1
    holes[1, 60:110, 60:130] = 1
    corners = (tf.constant([[30, 40]] * 2), tf.constant([[50, 10]] * 2))

    system = with_made_weights("official")
    system.compile(perceptual_weights="none", image_size=160)
    fill_critics(system.critic)
    (completion,) = releases.tables_of(system)
    critics = critics_table(system.critic)

    def loss(terms):
        return tf.add_n(list(system.weighted(terms).values()))

    with tf.GradientTape(persistent=True) as tape:
        output = system.generator([truth, holes], training=True)
        system.phase = "completion"
        first = loss(system.terms(output, truth, holes))
        system.phase = "critics"
        second = system.loss_of_critics(output, truth, holes, corners)
        system.phase = "both"
        third_of_critics = system.loss_of_critics(output, truth, holes, corners)
        terms = system.terms(output, truth, holes, corners[0])
        third = loss(terms)
    for value, name in (
        (first, "phase1_mse"),
        (second, "phase2_d"),
        (third_of_critics, "phase3_d"),
        (terms["adversarial"], "phase3_adv"),
        (third, "phase3_g"),
    ):
        assert float(value) == pytest.approx(expected[name], rel=of_losses), name
    for value, table, name in (
        (first, completion, "grad_norm_phase1_completion"),
        (second, critics, "grad_norm_phase2_discriminator"),
        (third, completion, "grad_norm_phase3_completion"),
    ):
        lengths = expected[name]
        names = [n for n, length in lengths.items() if length > 0.01 * max(lengths.values())]
        assert len(names) > 10
        gradients = tape.gradient(value, [table[n].variable for n in names])
        for n, gradient in zip(names, gradients):
            assert float(tf.norm(gradient)) == pytest.approx(lengths[n], rel=of_norms), (name, n)


# -------------------------------------------------------------------------------------------- sizes


def test_parameter_counts(no_numbers):
    assert count(CompletionNetwork()) == 6_072_131
    celeba, places2 = JoinedCritics(160), JoinedCritics(256)
    assert (celeba.window.side, places2.window.side) == (96, 128)
    assert count(celeba) == 39_557_121 and count(places2) == 45_063_681
    assert (count(celeba.window), count(celeba.whole)) == (15_583_232, 23_971_840)
    assert (count(places2.window), count(places2.whole)) == (19_253_248, 25_808_384)


@pytest.mark.parametrize(
    "side, window, convolutions",
    [(256, 128, (6, 5)), (160, 96, (5, 5)), (512, 256, (7, 6)), (64, 32, (4, 3)), (16, 16, (2, 2))],
)
def test_windows_and_depths_of_critics(side, window, convolutions):
    assert local_side(side) == window
    assert (halvings(side), halvings(window)) == convolutions


# --------------------------------------------------------------------------------- where they look


def boxes(*corners, size=64):
    """Holes [B, S, S, 1] of (top, left, bottom, right), without the last row and column."""
    holes = np.zeros((len(corners), size, size, 1), np.float32)
    for hole, (top, left, bottom, right) in zip(holes, corners):
        hole[top:bottom, left:right] = 1
    return tf.constant(holes)


def test_window_holds_the_hole_at_any_place_in_it():
    """Each window that holds the hole is as likely as any other: chi-squared, for each axis."""
    drawn = uniform([4000, 2], [1, 2])
    holes = tf.repeat(boxes((10, 40, 30, 62)), 4000, 0)
    corners = np.asarray(windows.around(holes, 32, drawn))
    for axis, (low, high) in enumerate(((0, 10), (30, 32))):
        numbers, counts = np.unique(corners[:, axis], return_counts=True)
        np.testing.assert_array_equal(numbers, np.arange(low, high + 1))
        expected = 4000 / len(numbers)
        # Three times its mean is beyond any chance that counts.
        assert np.sum((counts - expected) ** 2 / expected) < 3 * len(numbers)


def test_window_of_a_long_hole_and_of_none_lies_in_its_middle():
    holes = boxes((0, 20, 64, 25), (3, 3, 61, 62), (0, 0, 0, 0), (12, 12, 50, 13))
    corners = np.asarray(windows.around(holes, 32, tf.fill([4, 2], 0.999)))
    np.testing.assert_array_equal(corners[:, 0], [16, 16, 16, 15])
    np.testing.assert_array_equal(corners[:, 1], [20, 16, 16, 12])


def test_windows_anywhere_reach_every_corner():
    images = tf.zeros([3, 64, 48, 3])
    numbers = tf.constant([[0.0, 0.0], [0.5, 0.5], [0.99999, 0.99999]])
    np.testing.assert_array_equal(
        windows.anywhere(images, 16, numbers), [[0, 0], [24, 16], [48, 32]]
    )


@pytest.mark.slow
def test_windows_come_from_seed_and_step(batch):
    system = small()
    first = system.corners(batch[1])
    np.testing.assert_array_equal(np.stack(first), np.stack(system.corners(batch[1])))
    compiled = tf.function(system.corners, autograph=False, jit_compile=True)(batch[1])
    np.testing.assert_array_equal(np.stack(first), np.stack(compiled))
    system.critic_optimizer.iterations.assign_add(1)
    assert not np.array_equal(first[1], system.corners(batch[1])[1])
    system.seed, seed = 5, system.seed
    system.critic_optimizer.iterations.assign_sub(1)
    assert not np.array_equal(first[1], system.corners(batch[1])[1])
    system.seed = seed


# ------------------------------------------------------------------------------------- the network


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    smooth = tf.image.resize(rng.uniform(-1, 1, (3, 4, 4, 3)).astype(np.float32), (64, 64))
    return smooth, boxes((20, 20, 44, 50), (0, 0, 12, 30), (30, 5, 60, 22))


def small(variant="paper", **settings):
    """Compiled, in the same state every time; built once for each variant."""
    return set_back("global_local", variant).compiled(
        perceptual_weights="none", image_size=64, **settings
    )


def test_convolutions_of_stride_2_are_padded_on_both_sides():
    """Against a plain sum: kernels 3 and 5, an even and an odd side."""
    from tfinpaint.systems.global_local.parts import conv, padded

    rng = np.random.default_rng(0)
    for kernel_size, side in ((3, 8), (5, 8), (5, 7)):
        layer = conv(2, kernel_size, "c", strides=2)
        x = rng.normal(size=(2, side, side, 3)).astype(np.float32)
        got = layer(padded(tf.constant(x), layer))
        half = kernel_size // 2
        wide = np.pad(np.float64(x), ((0, 0), (half, half), (half, half), (0, 0)))
        want = np.zeros((2, (side + 1) // 2, (side + 1) // 2, 2))
        for i, j, u, v in np.ndindex(*want.shape[1:3], kernel_size, kernel_size):
            kernel = np.float64(layer.kernel[u, v])
            want[:, i, j] += wide[:, 2 * i + u, 2 * j + v] @ kernel
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.slow
def test_mean_pixel_is_part_of_the_network(batch):
    """Another mean is another output, in both variants; no step moves it."""
    for variant in ("paper", "official"):
        system = small(variant)
        np.testing.assert_allclose(system.generator.mean_pixel, PLACES2_MEAN, atol=1e-7)
        assert all(v is not system.generator.mean_pixel for v in system.trainable("generator"))
        before = system.generate(*batch)
        system.generator.mean_pixel.assign([0.1, 0.9, 0.3])
        assert np.abs(system.generate(*batch) - before).max() > 1e-3
        system.step(*batch)
        np.testing.assert_allclose(system.generator.mean_pixel, [0.1, 0.9, 0.3], atol=1e-7)


def test_the_mean_pixel_is_taken_from_the_picture_itself_under_mixed_precision(monkeypatch):
    images = np.random.default_rng(0).uniform(0, 1, (1, 32, 32, 3)).astype(np.float32)
    hole = np.zeros((1, 32, 32, 1), np.float32)
    found = []
    seen = CompletionNetwork.seen
    monkeypatch.setattr(
        CompletionNetwork, "seen", lambda *inputs: found.append(seen(*inputs)) or found[-1]
    )
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        network = CompletionNetwork(width=4)
        assert network([images, hole]).dtype == tf.float32
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    np.testing.assert_array_equal(found[-1][..., :3], images - network.mean_pixel)


@pytest.mark.parametrize(
    "frozen, moving",
    [
        ("encoder", 4),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in (("none", 16), ("all", 0))),
    ],
)
def test_frozen_norms_keep_their_statistics(batch, frozen, moving):
    system = small(freeze_batch_norm=frozen)
    before = [norm.moving_mean.numpy() for norm in system.generator.norms]
    system.step(*batch)
    moved = [not np.array_equal(a, n.moving_mean) for a, n in zip(before, system.generator.norms)]
    assert sum(moved) == moving and all(moved[16 - moving :])


# -------------------------------------------------------------------------------------- the phases


@pytest.mark.slow
def test_a_phase_moves_its_parts_alone(batch):
    for phase, names, parts in (
        ("completion", {"loss", "hole"}, {"generator"}),
        ("critics", {"critic"}, {"critic"}),
        ("both", {"loss", "hole", "adversarial", "critic"}, {"generator", "critic"}),
        (None, {"loss", "hole", "adversarial", "critic"}, {"generator", "critic"}),
    ):
        system = small(phase=phase)
        before = {
            part: [v.numpy() for v in system.trainable(part)] for part in ("generator", "critic")
        }
        statistics = system.generator.norms[0].moving_mean.numpy()
        logs = system.step(*batch)
        assert set(logs) == names
        moved = {
            part
            for part, values in before.items()
            if any(not np.array_equal(a, b) for a, b in zip(values, system.trainable(part)))
        }
        assert moved == parts
        # In the second phase as well.
        assert not np.array_equal(statistics, system.generator.norms[0].moving_mean)


def test_losses_of_a_naive_reading(batch):
    """Equation (2) and the cross-entropies, in float64, from what the networks say."""
    images, holes = batch
    truth = (np.asarray(images) + 1) / 2
    for variant in ("paper", "official"):
        system = small(variant)
        output = np.asarray(system.generator([truth, holes], training=True))
        corners = system.corners(holes)
        composite = output * holes + truth * (1 - holes)
        seen = tf.constant(output if variant == "official" else composite)
        fake = np.float64(system.judged(seen, corners[0]))
        real = np.float64(system.judged(tf.constant(truth), corners[1]))
        logs = {k: float(v) for k, v in system.step(images, holes).items()}
        weight = 0.5 if variant == "official" else 1.0
        error = np.mean(((np.float64(output) - truth) * np.asarray(holes)) ** 2)
        assert logs["hole"] == pytest.approx(weight * error, rel=1e-4)
        critic = np.mean(np.log1p(np.exp(-real)) + np.log1p(np.exp(fake))) / 2
        critic *= 4e-4 if variant == "official" else 1
        assert logs["critic"] == pytest.approx(critic, rel=1e-4)
        # The critics learned first, so the generator was judged by what they are now.
        again = np.float64(system.judged(seen, corners[0]))
        adversarial = (2e-4 if variant == "official" else 4e-4) * np.mean(np.log1p(np.exp(-again)))
        assert logs["adversarial"] == pytest.approx(adversarial, rel=1e-4)


@pytest.mark.slow
def test_no_gradient_of_the_generator_stays_in_the_critics(batch):
    """In the port it does. The critics' step is the same whether the generator learns or not."""
    moves = []
    for phase in ("critics", "both"):
        system = small(phase=phase, critic_optimizer=tf.keras.optimizers.SGD(0.1))
        before = [v.numpy() for v in system.critic.trainable_variables]
        system.step(*batch)
        moves.append([v.numpy() - a for v, a in zip(system.critic.trainable_variables, before)])
    for alone, together in zip(*moves):
        np.testing.assert_allclose(alone, together, atol=1e-6)


@pytest.mark.slow
def test_the_ports_step_compiles(batch):
    """The losses of a compiled step. Its norms amplify rounding (see the golden step), so that the
    next step of tiny networks may differ by tenths."""
    system = small("official")
    variables = [*system.variables, *system.optimizer.variables, *system.critic_optimizer.variables]
    start = [v.numpy() for v in variables]
    plain = system.step(*batch)
    for variable, value in zip(variables, start):
        variable.assign(value)
    compiled = tf.function(system.step, autograph=False, jit_compile=True)
    again = compiled(*batch)
    for name, value in plain.items():
        assert float(again[name]) == pytest.approx(float(value), rel=1e-3, abs=1e-6), name
    assert all(np.isfinite(float(value)) for value in compiled(*batch).values())
    assert all(np.isfinite(v).all() for v in system.generator.variables)


def test_a_phase_of_critics_needs_critics():
    system = small(loss_weights={"adversarial": 0.0})
    system.enter_phase("both")
    with pytest.raises(SettingsError, match="`phase='critics'`: there are no critics"):
        system.enter_phase("critics")


@pytest.mark.slow
def test_squares_of_another_size_than_the_critics_are_refused(batch):
    system = small()
    with pytest.raises(ValueError, match="squares of 64 pixels"):
        system.step(batch[0][:, :32, :32], batch[1][:, :32, :32])
    assert set(small(phase="completion").step(batch[0][:, :32, :32], batch[1][:, :32, :32])) == {
        "loss",
        "hole",
    }


# --------------------------------------------------------------------------------------- importing


def test_mean_pixel_comes_from_the_file_or_from_beside_it(tmp_path):
    tensors = {"conv1.bias": np.zeros(64, np.float32)}
    path = str(tmp_path / "g.npz")
    released = np.float32(PLACES2_MEAN)
    np.testing.assert_array_equal(prepared(path, tensors)["mean_pixel"], released)
    (tmp_path / "config.json").write_text(json.dumps({"mpv": [0.1, 0.2, 0.3]}))
    np.testing.assert_allclose(prepared(path, tensors)["mean_pixel"], [0.1, 0.2, 0.3], atol=1e-7)
    found = prepared(path, {**tensors, "mean": np.float32([[0.4, 0.5, 0.6]]).reshape(3, 1, 1)})
    np.testing.assert_allclose(found["mean_pixel"], [0.4, 0.5, 0.6], atol=1e-7)
    assert set(found) == {"conv1.bias", "mean_pixel"}
    for mean in ([0.4, 0.5], [100.0, 110.0, 120.0]):
        with pytest.raises(SettingsError, match="mean pixel is three numbers"):
            prepared(path, {**tensors, "mean": np.float32(mean)})
    for text in ('{"mpv": "grey"}', '{"mpv": [0.1, null, 0.2, {}]}'):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(SettingsError, match="mean pixel is three numbers"):
            prepared(path, tensors)
    for text in ("no JSON", "[1]", '{"other": 1}'):  # of something else
        (tmp_path / "config.json").write_text(text)
        np.testing.assert_array_equal(prepared(path, tensors)["mean_pixel"], released)
