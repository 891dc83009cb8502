"""Shift-Net's own rules.

Its network, its critic and one training step against the authors' released code, weight for weight;
its terms against NumPy; what the critic is shown.
"""

import json

import numpy as np
import pytest
import tensorflow as tf
from helpers import count, floats
from shared import SHARED, made_weight, needs_shared

import tfinpaint
from tfinpaint.systems.shift_net.critic import ShiftCritic
from tfinpaint.systems.shift_net.guidance import guidance
from tfinpaint.systems.shift_net.squares import are_square, windows
from tfinpaint.systems.shift_net.system import discounted_l1
from tfinpaint.weights import places, releases

GOLDEN = SHARED / "golden"
SIZE = 64
variants = pytest.mark.parametrize("variant", ["paper", "official"])


def square_hole(size, top, left, side):
    hole = np.zeros((1, size, size, 1), np.float32)
    hole[:, top : top + side, left : left + side] = 1
    return hole


# ----------------------------------------------------------------------------- the released network


def critic_table(critic):
    """{official name: place} of the released critic's convolutions and norms."""
    convolutions = dict(zip((0, 2, 5, 8, 11), critic.convolutions))
    norms = dict(zip((3, 6, 9), critic.norms))
    table = places.pytorch_table({f"model.{n}": x for n, x in (convolutions | norms).items()})
    return {
        name.replace("weight", "weight_orig") if len(place.shape) == 4 else name: place
        for name, place in table.items()
    }


def fill_critic(critic):
    """The golden weights; each convolution's vector is the kernel's leading singular one."""
    table = critic_table(critic)
    tensors = {name: made_weight(name, place.shape) for name, place in table.items()}
    places.fill(table, tensors, "the golden weights do not fit")
    for convolution in critic.convolutions:
        matrix = convolution.kernel.numpy().reshape(-1, convolution.filters)
        largest, vectors = np.linalg.eigh((matrix.T @ matrix).astype(np.float64))
        assert largest[-1] > 0
        convolution.filter_vector.assign(vectors[:, -1])
    return table


@pytest.fixture(scope="module")
def released():
    """The official system at full width with the golden weights, and its table of names."""
    system = tfinpaint.create("shift_net", variant="official")
    (table,) = releases.tables_of(system)
    shapes = json.loads((GOLDEN / "networks/net_shift_weights.json").read_text())["generator"]
    tensors = {name: made_weight(name, shape) for name, shape in shapes.items()}
    places.fill(table, tensors, "the golden weights do not fit")
    return system, table


@pytest.mark.golden("shift_net")
@needs_shared
def test_official_generator_reproduces_the_released_network(released):
    system, table = released
    assert count(system.generator) == 54_944_771 and len(table) == 58
    z = np.load(GOLDEN / "networks/net_shift.npz")
    output, (matches,) = system.attention_maps(z["image"], z["hole"])
    np.testing.assert_allclose(output, z["output"], atol=1e-4)
    np.testing.assert_allclose(system.generate(z["image"], z["hole"]), z["output"], atol=1e-4)
    cells, sources = z["shift_index"].T
    found = np.asarray(matches[0, ..., 0] * 32 + matches[0, ..., 1]).ravel()
    np.testing.assert_array_equal(found[cells], sources)
    np.testing.assert_array_equal(np.flatnonzero(z["hole"][0, ::8, ::8, 0]), cells)


@pytest.mark.golden("shift_net")
@needs_shared
def test_official_critic_reproduces_the_released_one():
    critic = ShiftCritic(variant="official")
    assert count(critic) == 2_766_529
    fill_critic(critic)
    image = np.load(GOLDEN / "networks/net_shift.npz")["image"][:, 68:188, 68:188]
    expected = np.load(GOLDEN / "networks/net_discriminators.npz")["shift"]
    for training in (False, True):  # the vectors are the right ones: a further step changes nothing
        scores = tf.sigmoid(critic(image, training=training))
        assert scores.shape == (1, 13, 13, 1)
        np.testing.assert_allclose(scores, expected, atol=1e-4)


class GoldenVGG:
    """torchvision's VGG-16 up to pool3 with golden weights: images in [0, 1], which the released
    code shows it in [-1, 1] -> three maps."""

    def __init__(self):
        channels = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256)]
        numbers = (0, 2, 5, 7, 10, 12, 14)
        self.layers = []
        for n, (inner, outer) in zip(numbers, channels):
            seeded = np.transpose(
                made_weight(f"features.{n}.weight", (outer, inner, 3, 3)), (2, 3, 1, 0)
            )
            # made_weight scales by the larger number of channels, here it is the input's.
            kernel = seeded * np.sqrt(max(inner, outer) / inner)
            self.layers.append((n, kernel, made_weight(f"features.{n}.bias", (outer,))))

    def __call__(self, images):
        x, maps = 2 * images - 1, []
        for n, kernel, bias in self.layers:
            x = tf.nn.relu(tf.nn.conv2d(x, kernel.astype(np.float32), 1, "SAME") + bias)
            if n in (2, 7, 14):
                x = tf.nn.max_pool2d(x, 2, 2, "VALID")
                maps.append(x)
        return maps


@pytest.mark.golden("shift_net")
@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["center", "free"])
def test_one_training_step_of_the_released_code(released, kind, monkeypatch):
    """Every loss, and the norm of the gradient of every weight, with learning rates of 0."""
    system, table = released
    golden = json.loads((GOLDEN / "training/shift_step.json").read_text())[kind]
    z = np.load(GOLDEN / "networks/net_shift.npz")
    holes = tf.constant(square_hole(256, 68, 68, 120) if kind == "center" else z["hole"])
    system.compile(
        perceptual_weights="random",
        optimizer=tf.keras.optimizers.SGD(0.0),
        critic_optimizer=tf.keras.optimizers.SGD(0.0),
    )
    system.features = GoldenVGG()
    tables = {"generator": table, "critic": fill_critic(system.critic)}
    gradients = {}

    def keep(part, tape, loss):
        sources = [place.variable for place in tables[part].values()]
        found = tape.gradient(loss, sources)
        gradients[part] = {
            name: float(tf.norm(g)) for name, g in zip(tables[part], found, strict=True)
        }

    monkeypatch.setattr(system, "descend", keep)
    logs = floats(system.step(tf.constant(z["image"]), holes))
    losses = golden["losses"]
    names = {
        "critic": "D",
        "adversarial": "G_GAN",
        "l1": "G_L1",
        "hole": "hole_L1",
        "style": "style",
        "content": "content",
    }
    for ours, theirs in names.items():
        assert logs[ours] == pytest.approx(losses[theirs], rel=1e-4, abs=1e-8), ours
    # The released program leaves the guidance out of its sum.
    assert logs["loss"] - logs["guidance"] == pytest.approx(losses["G_total"], rel=1e-4)
    assert_norms(gradients["critic"], golden["grad_norm_D"])
    assert_norms(gradients["generator"], golden["grad_norm_G"])
    monkeypatch.setitem(system.weights_of_terms, "guidance", 0.0)
    system.step(tf.constant(z["image"]), holes)
    assert_norms(gradients["generator"], golden["grad_norm_G_without_guidance"])


def assert_norms(found, expected):
    assert set(found) == set(expected)
    largest = max(expected.values())
    for name, norm in expected.items():
        if norm > 0.01 * largest:
            assert found[name] == pytest.approx(norm, rel=2e-2), name


# ---------------------------------------------------------------------------------- sizes, variants


def test_parameter_counts(no_numbers):
    system = tfinpaint.create("shift_net")
    # One channel less of 64 4x4 windows than the released network.
    assert count(system.generator) == 54_944_771 - 1024
    assert count(ShiftCritic()) == 2_766_529
    assert system.stride == 256


@variants
def test_what_the_network_is_shown(variant):
    system = tfinpaint.create("shift_net", variant=variant, width=4, depth=4)
    images = tf.random.stateless_uniform([1, SIZE, SIZE, 3], [0, 1], -1, 1)
    hole = square_hole(SIZE, 10, 20, 17)
    seen = system.generator.seen(system.blanked(images, hole), tf.constant(hole)).numpy()
    missing = hole[0, ..., 0] > 0
    if variant == "official":
        np.testing.assert_array_equal(seen[..., 3:], 1 - hole)
        assert not seen[0, missing].any()
    else:
        np.testing.assert_allclose(
            (seen[0, missing] + 1) * 127.5, np.tile([117, 104, 123], (17 * 17, 1)), atol=1e-4
        )
    np.testing.assert_array_equal(seen[0, ~missing][:, :3], images.numpy()[0, ~missing])
    other = tf.where(hole > 0, 0.3, images)
    np.testing.assert_array_equal(system.generate(other, hole), system.generate(images, hole))


# ----------------------------------------------------------------------------------------- guidance


@pytest.mark.golden("shift_net")
@needs_shared
def test_official_guidance_is_the_released_one():
    z = np.load(GOLDEN / "layers/shift_layer.npz")
    case = {key[9:]: z[key] for key in z.files if key.startswith("guidance_")}
    features = tf.constant(case["features"])
    hole = case["feature_hole"].astype(np.float32).reshape(*features.shape[:3], 1)
    target = np.split(case["truth_features"], 2, -1)[1]
    with tf.GradientTape() as tape:
        tape.watch(features)
        value = guidance(tf.split(features, 2, -1)[0], target, hole, "official")
        total = value + tf.reduce_sum(features * case["grad_output"])
    np.testing.assert_allclose(value, case["loss"], rtol=1e-5)
    got, want = tape.gradient(total, features), case["grad_features"]
    np.testing.assert_allclose(got, want, atol=1e-5 * np.abs(want).max())


def test_guidance_of_the_paper_against_numpy():
    draw = np.random.RandomState(0).standard_normal
    decoder, target = (draw((2, 5, 6, 3)).astype(np.float32) for _ in range(2))
    hole = (draw((2, 5, 6, 1)) > 0).astype(np.float32)
    inputs = tf.constant(decoder), tf.constant(target)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = guidance(*inputs, hole)
    assert float(value) == pytest.approx((((decoder - target) * hole) ** 2).mean(), rel=1e-5)
    gradient, of_target = tape.gradient(value, inputs)
    np.testing.assert_allclose(gradient, 2 * hole * (decoder - target) / 180, atol=1e-7)
    assert of_target is None


# ------------------------------------------------------------------------- squares and their losses


def test_squares_and_windows():
    holes = np.concatenate(
        [
            square_hole(32, 3, 20, 9),
            square_hole(32, 0, 0, 32),
            square_hole(32, 0, 0, 0),  # none
            square_hole(32, 30, 1, 2),
            np.maximum(square_hole(32, 3, 20, 9), square_hole(32, 12, 20, 1)),
            np.maximum(square_hole(32, 2, 2, 3), square_hole(32, 20, 20, 3)),
            np.maximum(square_hole(32, 2, 2, 4), square_hole(32, 2, 5, 4)),  # 4 x 7
        ]
    )
    np.testing.assert_array_equal(are_square(holes), [True] * 4 + [False] * 3)
    images = np.random.RandomState(1).uniform(size=(7, 32, 32, 3)).astype(np.float32)
    found = np.asarray(windows(images, holes, 9))
    for k, (top, left) in enumerate([(3, 20), (12, 12), (0, 0), (23, 0)]):
        np.testing.assert_array_equal(found[k], images[k, top : top + 9, left : left + 9])
    assert found.shape == (7, 9, 9, 3)


@pytest.mark.slow
@pytest.mark.parametrize("count, others", [(41, 0), (41, 1), (1, 0), (1, 1)])
def test_windows_are_for_batches_of_squares_alone_compiled_too(count, others):
    """Under XLA, the mean of 41 ones is not 1."""
    system = compiled("official", perceptual_weights="none")
    holes = np.repeat(square_hole(SIZE, 7, 30, 12), count, 0)
    holes[:others, 0, 0] = 1
    judge = tf.function(
        lambda x: system.judge(lambda picture: tf.size(picture), x, x), jit_compile=True
    )
    side = SIZE if others else 15 * SIZE // 32
    assert int(judge(tf.constant(holes))) == count * side * side


def test_discounted_l1_against_numpy():
    """The released formula on squares of their own size; other holes count as 0."""
    images = np.random.RandomState(2).uniform(-1, 1, (3, 2, 48, 48, 3)).astype(np.float32)[:, 0]
    output = images[::-1]
    holes = np.concatenate(
        [
            square_hole(48, 5, 9, 30),
            square_hole(48, 0, 0, 7),
            np.maximum(square_hole(48, 0, 0, 7), square_hole(48, 9, 9, 2)),
        ]
    )
    expected = []
    for k, (top, left, n) in enumerate([(5, 9, 30), (0, 0, 7)]):
        near = np.minimum(np.arange(n), n - np.arange(n))
        weight = np.maximum(*np.meshgrid(0.9**near, 0.9**near))[..., np.newaxis]
        part = slice(top, top + n), slice(left, left + n)
        expected.append((np.abs(output[k] - images[k])[part] * weight).mean())
    got = float(discounted_l1(tf.constant(output), tf.constant(images), tf.constant(holes)))
    assert got == pytest.approx(sum(expected) / 3, rel=1e-5)


def compiled(variant, **settings):
    tf.keras.utils.set_random_seed(1)
    system = tfinpaint.create("shift_net", variant=variant, width=4, depth=4)
    system.compile(**{"perceptual_weights": "random", "image_size": SIZE, **settings})
    return system


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


@pytest.mark.parametrize(
    "variant, square",
    [
        ("paper", True),
        ("official", True),
        pytest.param("official", False, marks=pytest.mark.slow),
    ],
)
def test_what_the_critic_is_shown_and_its_loss(variant, square):
    """In `official` a window of 15/32 of the side if all holes are squares; else all of it."""
    system = compiled(
        variant,
        perceptual_weights="none",
        critic_optimizer=tf.keras.optimizers.SGD(0.0),
        optimizer=tf.keras.optimizers.SGD(0.0),
    )
    images = tf.random.stateless_uniform([2, SIZE, SIZE, 3], [0, 1], -1, 1)
    holes = np.concatenate([square_hole(SIZE, 7, 30, 30), square_hole(SIZE, 20, 4, 12)])
    if not square:
        holes[1, 0, 0] = 1
    output = system.generate(images, holes)
    shown = [np.asarray(images), np.asarray(output)]
    if variant == "official" and square:
        # The second hole's window is centred on rows 20..31 and columns 4..15, but inside.
        places = [(slice(7, 37), slice(30, 60)), (slice(11, 41), slice(0, 30))]
        shown = [np.stack([x[k][place] for k, place in enumerate(places)]) for x in shown]
    vectors = [v.numpy() for v in system.critic.variables]
    # The first calls of a step, in its order: each moves the vectors of the spectral norm.
    real, fake, again = (
        np.asarray(system.critic(x, training=True), np.float64)
        for x in (shown[0], shown[1], shown[1])
    )
    for variable, value in zip(system.critic.variables, vectors, strict=True):
        variable.assign(value)
    assert real.shape == (2, *[1 if square and variant == "official" else 6] * 2, 1)
    logs = floats(system.step(images, tf.constant(holes)))
    loss = (softplus(-real).mean() + softplus(fake).mean()) / 2
    assert logs["critic"] == pytest.approx(loss, rel=1e-4)
    weight = {"paper": 0.002, "official": 0.2}[variant]
    assert logs["adversarial"] == pytest.approx(weight * softplus(-again).mean(), rel=1e-4)


def test_the_critic_of_the_paper_uses_the_statistics_of_the_batch():
    critic = ShiftCritic(4)
    images = tf.random.stateless_uniform([3, 32, 32, 3], [0, 1], -1, 1)
    batch, alone = critic(images, training=True), critic(images[:1], training=True)
    assert np.abs(batch[:1] - alone).max() > 1e-3
    official = ShiftCritic(4, "official")
    np.testing.assert_allclose(official(images)[:1], official(images[:1]), atol=1e-5)


@variants
def test_what_each_term_teaches(variant):
    """Guidance reaches the decoder in front of the shift layer and the encoder, but nothing after
    the layer."""
    off = dict.fromkeys(("l1", "adversarial", "hole", "content", "style"), 0.0)
    system = compiled(
        variant, loss_weights={**off, "guidance": 1.0}, optimizer=tf.keras.optimizers.SGD(1.0)
    )
    before = [v.numpy() for v in system.generator.trainable_variables]
    images = tf.random.stateless_uniform([2, SIZE, SIZE, 3], [0, 1], -1, 1)
    system.step(images, tf.tile(square_hole(SIZE, 12, 12, 30), [2, 1, 1, 1]))
    moved = {
        v.name.split("/")[-2]
        for v, a in zip(system.generator.trainable_variables, before)
        if np.abs(v.numpy() - a).max() > 0
    }
    assert {"decode_4_norm", "encode_4", "encode_1"} <= moved
    assert not moved & {"decode_3", "decode_2", "decode_1", "decode_3_norm"}
