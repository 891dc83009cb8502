"""What holds for all systems alike.

Sizes, steps that agree however they run, terms and networks, attention, and what is refused. Each
test finds its small system in the same state (set_back.py).
"""

import numpy as np
import pytest
import tensorflow as tf
import two_devices
from helpers import count, floats, smooth
from set_back import assign, set_back, state
from small import SIZES, TERMS_LEFT_OUT
from small import SMALL as SETTINGS

import tfinpaint
from tfinpaint import networks
from tfinpaint.data.holes import holes as make_holes
from tfinpaint.painting.painter import Painter
from tfinpaint.settings import HoleSettings, SettingsError
from tfinpaint.systems import optimizers
from tfinpaint.systems.coherent_semantic.critics import FeaturePatchCritic, InstancePatchCritic
from tfinpaint.systems.coherent_semantic.unets import CoherentSemanticUNets
from tfinpaint.systems.compile_arguments import weights_of_terms
from tfinpaint.systems.contextual_attention.wasserstein_critic import WassersteinCritic
from tfinpaint.systems.critics import Critics
from tfinpaint.systems.musical.unet import MusicalUNet
from tfinpaint.systems.specification import all_systems

SIZE = 64
# fmt: off
TERMS = {
    "contextual_attention": {"hole", "valid", "adversarial"},
    "musical": {"l1", "hole", "perceptual", "style", "variation"},
    "multistage": {"valid", "hole", "perceptual", "style", "variation", "adversarial"},
    "coherent_semantic": {"rough", "refinement", "consistency", "adversarial",
                          "feature_adversarial"},
    "partial_conv": {"valid", "hole", "perceptual", "style", "variation"},
    "gated_conv": {"coarse", "refinement", "adversarial"},
    "residual": {"hole", "coarse", "perceptual"},
    "context_encoder": {"reconstruction", "adversarial"},
    "shift_net": {"l1", "guidance", "adversarial"},
    "pluralistic": {"posterior", "prior", "reconstruction", "valid", "adversarial",
                    "adversarial_reconstruction"},
    "edge_connect": {"edge_adversarial", "feature_matching", "l1", "perceptual", "style",
                     "adversarial"},
    "global_local": {"hole", "adversarial"},
}
ONLY_OFFICIAL = {"shift_net": {"hole", "content", "style"}}  # weight 0 in the paper
# fmt: on
ON_FEATURES = {"perceptual", "content", "style", "consistency", "feature_adversarial"}


def quick(*names):
    """All systems; those that are not named run among the slow tests only."""
    return pytest.mark.parametrize(
        "name", [pytest.param(n, marks=[] if n in names else pytest.mark.slow) for n in SETTINGS]
    )


# These have tests of their own that cover much of this.
SLOW = (
    "contextual_attention",
    "multistage",
    "coherent_semantic",
    "gated_conv",
    "shift_net",
    "pluralistic",
    "global_local",
    "context_encoder",
    "edge_connect",
    "musical",
)
systems = quick(*(name for name in SETTINGS if name not in SLOW))
# Both variants of the systems whose variants compute different things.
# fmt: off
computing = pytest.mark.parametrize("name, variant", [
    *((name, "paper") for name in SETTINGS if name not in SLOW),
    *(pytest.param(name, variant, marks=pytest.mark.slow)
      for name, variant in (*((name, "paper") for name in SLOW), ("musical", "official"),
                            ("coherent_semantic", "official"), ("shift_net", "official"),
                            ("global_local", "official")))])
variants = pytest.mark.parametrize("name, variant", [
    *((name, "paper") for name in SETTINGS),
    *((name, "official")
      for name in ("contextual_attention", "musical", "multistage", "coherent_semantic",
                   "shift_net"))])
# fmt: on


def compile_settings(name, **settings):
    """Without VGG and without the terms that small versions leave out, unless told otherwise.
    (musical_test.py tests MUSICAL's critic.)"""
    return {
        "perceptual_weights": "none",
        "image_size": SIZE,
        "loss_weights": TERMS_LEFT_OUT[name],
    } | settings


def small(name, variant="paper", **settings):
    """A compiled system in the same state every time."""
    return set_back(name, variant).compiled(**compile_settings(name, **settings))


@pytest.fixture(scope="module")
def batch():
    """Two smooth pictures; a box and strokes."""
    box = np.zeros((1, SIZE, SIZE, 1), np.float32)
    box[:, 12:36, 20:52] = 1
    strokes = make_holes(0, 0, 1, SIZE, HoleSettings(ratio=(0.2, 0.3)))
    return smooth(2, SIZE), tf.concat([box, strokes], 0)


# -------------------------------------------------------------------------------------------- sizes


# Counts of the released networks come from running their code; DeepFill's are sums over its lists
# of layers.


@pytest.mark.slow
def test_parameter_counts_of_musical_and_partial_conv(no_numbers):
    assert count(MusicalUNet(variant="official")) == 44_134_147
    assert count(networks.PartialConvUNet(attention=())) == 32_865_236


@pytest.mark.parametrize(
    "gated, width, parts",
    [
        pytest.param(False, 32, (1_448_227, 2_153_315), marks=pytest.mark.slow),
        (True, 48, (1_631_151, 2_421_327)),
    ],
)
def test_parameter_counts_of_deepfill(no_numbers, gated, width, parts):
    network = networks.DeepFill(width, gated)
    coarse = sum(v.shape.num_elements() for v in network.trainable_variables if "coarse_" in v.name)
    assert (coarse, count(network) - coarse) == parts
    assert sum(parts) == (4_052_478 if gated else 3_601_542)


@pytest.mark.slow
def test_parameter_counts_of_coherent_semantic(no_numbers):
    unets = CoherentSemanticUNets()
    assert (count(unets.rough), count(unets.refine)) == (54_419_459, 77_692_291)


def test_parameter_counts_of_the_critics(no_numbers):
    assert count(InstancePatchCritic()) == 2_766_529
    assert count(FeaturePatchCritic()) == 10_487_296
    whole, window = WassersteinCritic(256, 64, last=4), WassersteinCritic(128, 64, last=8)
    assert (count(whole), count(window)) == (2_733_441, 4_339_329)
    assert count(Critics(whole=whole, window=window)) == 7_072_770


def test_default_sizes_are_the_papers():
    widths = {
        "contextual_attention": 32,
        "musical": 64,
        "multistage": 64,
        "coherent_semantic": 64,
        "partial_conv": 64,
        "gated_conv": 48,
        "residual": 24,
        "context_encoder": 64,
        "shift_net": 64,
        "pluralistic": 32,
        "edge_connect": 64,
        "global_local": 64,
    }
    depths = {"residual": 6, "context_encoder": 5, "pluralistic": 5}
    for name in tfinpaint.SYSTEMS:
        settings = tfinpaint.systems.all_settings(name)
        assert settings["width"] == widths[name]
        assert settings.get("depth", 8) == depths.get(name, 8)


# -------------------------------------------------------------------------------------------- steps


def plain_descent(name):
    """Settings for the context encoder: its bottleneck's batch norm sees two numbers here, which
    become -1 and 1, so that the gradients behind it are rounding errors. Adam magnifies them."""
    if name != "context_encoder":
        return {}
    sgd = tf.keras.optimizers.SGD
    return {"optimizer": sgd(1e-2), "critic_optimizer": sgd(1e-2)}


def check_same_steps(system, others, batch, steps):
    """Every way to run a step gives the same losses from the same state, step by step."""
    start = [(v, v.numpy()) for v in state(system)]
    expected = [floats(system.step(*batch)) for _ in range(steps)]
    terms = TERMS[system.system_name]
    if system.variant == "official":
        terms = terms | ONLY_OFFICIAL.get(system.system_name, set())
    assert set(expected[0]) - {"loss", "critic"} == terms
    for step in others:
        assign(start)
        # From the second step on, the losses show what the previous one did to the weights.
        for logs in expected:
            # Terms that are close to 0 beside the whole loss, such as a Wasserstein critic's first
            # scores, are compared to a millionth of it.
            assert floats(step(*batch)) == pytest.approx(
                logs, rel=1e-4, abs=1e-6 * max(1, logs["loss"])
            )


@quick("shift_net")
def test_eager_and_graph_steps_are_the_same(name, batch):
    system = small(name, perceptual_weights="random", **plain_descent(name))
    check_same_steps(
        system,
        [tf.function(system.step, autograph=False)],
        batch,
        6 if name == "contextual_attention" else 2,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_steps_lower_what_no_critic_judges(name, batch):
    """What a critic judges rises as the critic learns."""
    how = {"learning_rate": 2e-3}
    if name == "global_local":  # Adadelta takes hundreds of steps
        how = {"optimizer": tf.keras.optimizers.Adam(2e-3)}
    if name == "gated_conv":  # its critic turns a step as large as this one into noise
        how["loss_weights"] = {"adversarial": 0.0}
    system = small(name, perceptual_weights="random", **how)
    graph = tf.function(system.step, autograph=False)

    def loss():
        """The weighted terms that are left."""
        logs = floats(graph(*batch))
        judged = [x for term, x in logs.items() if "adversarial" in term or "matching" in term]
        return logs["loss"] - sum(judged)

    first = loss()
    # The generator of contextual attention learns on every fifth batch.
    for _ in range(100 if name in ("contextual_attention", "gated_conv", "global_local") else 30):
        last = loss()
    assert last < 0.7 * first


@pytest.mark.slow
@variants
def test_graph_and_compiled_steps_are_the_same(name, variant, batch):
    system = small(name, variant, perceptual_weights="random", **plain_descent(name))
    steps = [
        tf.function(system.step, autograph=False),
        tf.function(system.step, autograph=False, jit_compile=True),
    ]
    check_same_steps(system, steps, batch, 6 if name == "contextual_attention" else 3)


@pytest.mark.slow
@variants
def test_gradients_are_the_same_compiled(name, variant, batch):
    """What one step of plain descent moves (for contextual attention, the fifth). Adam would
    magnify rounding errors."""
    # At 1e-3 the small gradients of global_local would be lost beside its weights.
    rate = 1.0 if name == "global_local" else 1e-3
    optimizers = [tf.keras.optimizers.SGD(r) for r in (rate, 1e-3)]
    system = small(
        name,
        variant,
        perceptual_weights="random",
        optimizer=optimizers[0],
        critic_optimizer=optimizers[1],
    )
    for part in set(system.parts) - {"generator", "critic"}:
        setattr(system, f"{part}_optimizer", tf.keras.optimizers.SGD(1e-3))
        system.parts[part].build(system.trainable(part))
    start = [v.numpy() for v in system.generator.trainable_variables]
    begin = [(v, v.numpy()) for v in state(system)]
    moves = []
    for step in (system.step, tf.function(system.step, autograph=False, jit_compile=True)):
        assign(begin)
        for _ in range(5 if name == "contextual_attention" else 1):
            # Not 1: there a ReLU of MUSICAL's sits at its kink, and rounding decides.
            step(0.97 * batch[0], batch[1])
        moves.append([v.numpy() - a for v, a in zip(system.generator.trainable_variables, start)])
    largest = max(np.abs(move).max() for move in moves[0])
    assert largest > 0
    # Biases before a norm have no gradient except rounding, of which many layers make more.
    # Sixteen norms and ReLUs of small maps in a row enlarge rounding to some hundredths.
    share, noise = (0.05, 1e-4) if name == "global_local" else (5e-3, 1e-5)
    for eager, compiled in zip(*moves, strict=True):
        np.testing.assert_allclose(
            compiled, eager, atol=share * np.abs(eager).max() + noise * largest
        )


@pytest.mark.slow
@computing
def test_generate_compiles(name, variant, batch):
    system = small(name, variant)
    system.step(*batch)
    np.testing.assert_allclose(
        tf.function(system.generate, autograph=False, jit_compile=True)(*batch),
        system.generate(*batch),
        atol=1e-4,
    )


@pytest.mark.slow
@systems
def test_two_replicas_take_the_same_steps_as_one(name):
    """With SGD, as Adam would hide a wrong factor. Pictures and holes all differ.

    contextual_attention takes six steps, so that its generator learns once. The others take three:
    in the sixth of edge_connect, differences of 2e-8 became 2e-5 at once, as at a threshold.
    """
    own = {"depth": 3} if name == "context_encoder" else {}  # for 32 pixels
    size = SIZES.get(name, 32)
    rate = 1e-3 if name == "pluralistic" else 0.01  # its weights are up to 80: at 0.01 it jumps
    steps = 6 if name == "contextual_attention" else 3
    two_devices.run(f"""
import tfinpaint
def run(strategy):
    tf.keras.utils.set_random_seed(1)
    with strategy.scope():
        system = tfinpaint.create("{name}", **{SETTINGS[name] | own})
        system.compile(optimizer=tf.keras.optimizers.SGD({rate}),
                       critic_optimizer=tf.keras.optimizers.SGD({rate}),
                       **{compile_settings(name, image_size=size)})
        for part in set(system.parts) - {{"generator", "critic"}}:
            setattr(system, part + "_optimizer", tf.keras.optimizers.SGD(0.01))
            system.parts[part].build(system.trainable(part))
    images = np.random.default_rng(0).uniform(-1, 1, (4, {size}, {size}, 3)).astype("float32")
    holes = np.zeros((4, {size}, {size}, 1), "float32"); holes[:, 8:24, 8:24] = 1
    if "{name}" != "context_encoder":
        holes[1, :9], holes[2, 4:20, :30], holes[3, 15:] = 1, 1, 1
    data = tf.data.Dataset.from_tensors((images, holes)).unbatch().batch(4).repeat()
    history = system.fit(data, steps_per_epoch=1, epochs={steps}, verbose=0).history
    return history, [v.numpy() for v in system.generator.trainable_variables]
one, two = (
    run(tf.distribute.get_strategy()),
    run(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])),
)
for term in one[0]:
    np.testing.assert_allclose(one[0][term], two[0][term], rtol=1e-3, atol=1e-5)
for a, b in zip(one[1], two[1], strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)
""")


@quick()
def test_a_term_is_proportional_to_its_weight(name, batch):
    """All weights are doubled: the first loss doubles, and the critics learn the same, as they
    learn before they judge the generator."""
    expected = floats(small(name).step(*batch))
    system = small(name)
    weights = {
        term: weight if term == "penalty" else 2 * weight
        for term, weight in system.weights_of_terms.items()
    }
    system.weights_of_terms, before = weights, system.weights_of_terms
    logs = floats(system.step(*batch))
    system.weights_of_terms = before
    for term, value in logs.items():
        assert value == pytest.approx(expected[term] * (1 if term == "critic" else 2), rel=1e-5)


@quick()
def test_moving_average(name, batch):
    """d = min(decay, (1 + t) / (10 + t)), where t counts steps of the generator: 2/11 and 3/12 in
    the first two."""
    system = small(
        name,
        ema_decay=0.2,
        **({"loss_weights": {"adversarial": 0.0}} if "adversarial" in TERMS[name] else {}),
    )
    value, average = (
        system.generator.trainable_variables[0],
        system.averaged_generator.trainable_variables[0],
    )
    expected = value.numpy()
    for decay in (2 / 11, 0.2):
        system.step(*batch)
        expected = decay * expected + (1 - decay) * value.numpy()
        np.testing.assert_allclose(average, expected, atol=1e-6)
    assert not np.array_equal(average, value)


@quick("partial_conv")
def test_mixed_precision_step(name, batch):
    system = small(name)
    weights = [v.numpy() for v in system.generator.variables]
    expected = floats(system.step(*batch))
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half = tfinpaint.create(name, **SETTINGS[name])
        assign(zip(half.generator.variables, weights, strict=True))
        tf.keras.utils.set_random_seed(2)
        half.compile(**compile_settings(name))
        half.restart_average()
        logs = [floats(half.step(*batch)) for _ in range(5)]
        output = half.generate(*batch)
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert output.dtype == tf.float32 and np.isfinite(output).all()
    assert all(v.dtype == tf.float32 for v in half.generator.trainable_variables)
    assert all(np.isfinite(list(log.values())).all() for log in logs)
    for term in set(expected) - {"adversarial"}:
        assert logs[0][term] == pytest.approx(expected[term], rel=0.03, abs=1e-6)
    # A step whose gradients overflow is skipped and the loss scale halved; within a few steps the
    # gradients must fit.
    assert not np.array_equal(half.generator.trainable_variables[0], weights[0])
    assert int((half.critic_optimizer or half.optimizer).iterations) == 5


@quick()
def test_a_call_is_what_generate_gives_also_in_half_precision_and_for_float64(name, batch):
    images, holes = batch
    for policy in ("mixed_bfloat16", "float32"):
        tf.keras.mixed_precision.set_global_policy(policy)
        try:
            system = tfinpaint.create(name, **SETTINGS[name])
            filled = system.generate(images, holes)
            np.testing.assert_array_equal(system([images, holes]), filled)
        finally:
            tf.keras.mixed_precision.set_global_policy("float32")
        assert filled.dtype == tf.float32
    doubled = system.generate(np.asarray(images, np.float64), np.asarray(holes, np.float64))
    np.testing.assert_allclose(doubled, filled, atol=1e-5)


# ------------------------------------------------------------------------------------------ filling


@computing
def test_what_lies_under_the_hole_has_no_influence(name, variant, batch):
    images, holes = batch
    system = small(name, variant)
    filled = system.generate(images, holes)
    for value in (0.77, np.nan):
        lost = tf.where(holes > 0, value, images)
        np.testing.assert_array_equal(system.generate(lost, holes), filled)
        np.testing.assert_array_equal(system([lost, holes]), system([images, holes]))
        if system.attention_layers:
            found = [system.attention_maps(x, holes) for x in (images, lost)]
            for one, other in zip(*map(tf.nest.flatten, found), strict=True):
                np.testing.assert_array_equal(one, other)


@computing
def test_a_batch_equals_its_images_one_by_one(name, variant, batch):
    images, holes = batch
    system = small(name, variant)
    single = [system.generate(images[k : k + 1], holes[k : k + 1])[0] for k in range(2)]
    np.testing.assert_allclose(system.generate(images, holes), single, atol=1e-5)
    np.testing.assert_allclose(system([images, holes]), single, atol=1e-5)


@computing
def test_no_known_pixel_and_no_hole_are_finite(name, variant, batch):
    system = small(name, variant)
    for hole in (tf.ones_like(batch[1]), tf.zeros_like(batch[1])):
        assert np.isfinite(system.generate(batch[0], hole)).all()
        if variant == "paper" or hole[0, 0, 0, 0] == 0:
            assert all(np.isfinite(value) for value in floats(system.step(batch[0], hole)).values())
            assert all(np.isfinite(v).all() for v in system.generator.variables)


@quick("partial_conv")
def test_unknown_sizes_give_the_same(name, batch):
    check_unknown_sizes(small(name), batch)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["musical", "coherent_semantic", "multistage", "shift_net"])
def test_unknown_sizes_give_the_same_in_the_official_variant(name, batch):
    check_unknown_sizes(small(name, "official"), batch)


def check_unknown_sizes(system, batch):
    unknown = tf.function(
        system.generate,
        input_signature=[
            tf.TensorSpec([None, None, None, 3]),
            tf.TensorSpec([None, None, None, 1]),
        ],
    )
    np.testing.assert_allclose(unknown(*batch), system.generate(*batch), atol=1e-5)
    if system.fixed_size:
        return
    wide = [x[:1, 16:48] for x in batch]
    np.testing.assert_allclose(unknown(*wide), system.generate(*wide), atol=1e-5)


@systems
def test_attention_gives_the_output_and_where_it_looks(name, batch):
    system = small(name)
    output, maps = system.attention_maps(*batch)
    np.testing.assert_allclose(output, system.raw(system.generator, *batch), atol=1e-5)
    sides = {
        "contextual_attention": [8],
        "gated_conv": [8],
        "musical": [16, 16],
        "coherent_semantic": [8],
        "multistage": [8, 16],
        "partial_conv": [],
        "residual": [8],
        "context_encoder": [],
        "shift_net": [8],
        "pluralistic": [8],
        "edge_connect": [],
        "global_local": [],
    }[name]
    assert [tuple(matches.shape) for matches in maps] == [(2, side, side, 2) for side in sides]
    for matches in maps:
        assert (
            matches.dtype == tf.int32
            and np.min(matches) >= 0
            and np.max(matches) < matches.shape[1]
        )


@systems
def test_asking_for_the_weights_of_a_pixel_changes_nothing_else(name, batch):
    system = small(name)
    output, maps = system.attention_maps(*batch)
    again, pairs = system.attention_maps(*batch, np.array([(20, 30), (30, 20)]))
    np.testing.assert_array_equal(again, output)
    assert len(pairs) == len(maps) == len(system.attention_layers)
    for matches, (again_matches, weights) in zip(maps, pairs):
        np.testing.assert_array_equal(again_matches, matches)
        assert weights.shape == matches.shape[:3] and (np.sum(weights, (1, 2)) <= 1 + 1e-5).all()


@pytest.mark.parametrize("name", ["musical", "coherent_semantic", "shift_net"])
def test_attention_looks_at_known_positions_only(name, batch):
    system = small(name)
    for matches, patch in zip(system.attention_maps(*batch)[1], (1, 3)):
        matches = np.asarray(matches)
        side = matches.shape[1]
        missing = (
            np.asarray(batch[1]).reshape(2, side, SIZE // side, side, SIZE // side).max((2, 4))
        )
        if patch == 3:  # a patch that touches the hole takes no part either
            missing = np.asarray(tf.nn.max_pool2d(missing[..., None], 3, 1, "SAME"))[..., 0]
        assert 0 < missing.mean() < 0.9
        for k in range(2):
            assert not missing[k][matches[k, ..., 0], matches[k, ..., 1]].any()


def test_known_positions_of_coherent_semantic_attention_look_at_themselves(batch):
    matches = np.asarray(small("coherent_semantic").attention_maps(*batch)[1][0])
    known = np.asarray(batch[1]).reshape(2, 8, 8, 8, 8).max((2, 4)) == 0
    grid = np.stack(np.meshgrid(np.arange(8), np.arange(8), indexing="ij"), -1)
    for k in range(2):
        np.testing.assert_array_equal(matches[k][known[k]], grid[known[k]])


# ------------------------------------------------------------------------- networks, rates, weights


# fmt: off
@pytest.mark.parametrize("name, off, critic, features", [
    ("contextual_attention", ("adversarial",), None, None),
    ("partial_conv", ("perceptual", "style"), None, False),
    ("musical", ("adversarial",), None, True),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in [
        ("coherent_semantic", ("adversarial",), ["features"], True),
        ("coherent_semantic", ("feature_adversarial", "consistency"), ["image"], False),
        ("gated_conv", ("adversarial",), None, None),
        ("pluralistic", ("adversarial",), ["reconstructed"], None),
        ("pluralistic", ("adversarial_reconstruction",), ["generated"], None),
        ("pluralistic", ("adversarial", "adversarial_reconstruction"), None, None),
        ("global_local", ("adversarial",), None, None),
        ("residual", ("perceptual",), None, False),
        ("context_encoder", ("adversarial",), None, None),
        ("shift_net", ("adversarial",), None, False),
        ("edge_connect", ("adversarial", "perceptual", "style"), None, False),
        ("musical", ("adversarial", "perceptual", "style"), None, False),
        ("coherent_semantic", ("feature_adversarial",), ["image"], True),
        ("coherent_semantic", ("adversarial", "feature_adversarial"), None, True),
        ("coherent_semantic", ("adversarial", "feature_adversarial", "consistency"), None, False),
    ]),
])
# fmt: on
def test_a_term_of_weight_0_builds_no_network(name, off, critic, features):
    system = small(name, perceptual_weights="random", loss_weights=dict.fromkeys(off, 0.0))
    assert (system.critic.names if critic else system.critic) == critic
    assert (system.critic_optimizer is None) == (critic is None)
    if features is not None:
        assert (system.features is not None) == features


@pytest.mark.parametrize(
    "name",
    [
        "partial_conv",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("musical", "residual", "coherent_semantic")
        ),
    ],
)
def test_perceptual_weights_none_switches_its_terms_off(name, batch):
    off = ("adversarial",) if name == "musical" else ()
    system = small(name, perceptual_weights="none", loss_weights=dict.fromkeys(off, 0.0))
    logs = set(system.step(*batch))
    assert system.features is None and logs == TERMS[name] - ON_FEATURES - set(off) | {"loss"} | (
        {"critic"} if system.critic else set()
    )


@pytest.mark.parametrize("name", [n for n, found in all_systems().items() if found.feature_terms])
def test_weights_of_terms_that_are_switched_off_are_refused(name):
    specification = all_systems()[name]
    for term in specification.feature_terms:
        own = specification.weights()[term]
        for weight in (0.0, own):  # a flagfile may list the paper's
            weights = weights_of_terms(specification, "paper", {term: weight}, "none", 256)
            assert weights[term] == 0
        with pytest.raises(SettingsError, match=rf"`loss_weights\['{term}'\]=0.2` needs `perc"):
            weights_of_terms(specification, "paper", {term: 0.2}, "none", 256)
        weights = weights_of_terms(specification, "paper", {term: 0.2}, "random", 256)
        assert weights[term] == 0.2


def test_a_rate_of_0_is_a_rate():
    paper = optimizers.OfPaper(all_systems()["multistage"], of_generator=0.0)
    assert paper.rate("generator") == paper.rate("critic") == 0
    changed = optimizers.OfPaper(all_systems()["multistage"], of_generator=4e-4)
    assert changed.rate("critic") == pytest.approx(4e-5)
    for rate in (0.0, 1e-3):
        assert float(changed.make("critic", rate).learning_rate) == pytest.approx(rate)


@systems
def test_adam_is_the_papers(name):
    # fmt: off
    betas = {"contextual_attention": (0.5, 0.9), "multistage": (0.9, 0.999),
             "partial_conv": (0.9, 0.999), "residual": (0.9, 0.999), "pluralistic": (0.0, 0.999),
             "edge_connect": (0.0, 0.9)}
    rates = {"contextual_attention": (1e-4, 1e-4), "gated_conv": (1e-4, 1e-4),
             "multistage": (2e-4, 2e-5), "residual": (5e-4, 5e-4), "pluralistic": (1e-4, 1e-4),
             "context_encoder": (2e-3, 2e-4), "edge_connect": (1e-4, 1e-5),
             "global_local": (1.0, 1.0)}
    # fmt: on
    system = small(name)
    optimizers = [o for o in (system.optimizer, system.critic_optimizer) if o is not None]
    assert len(optimizers) == (1 if name in ("musical", "partial_conv", "residual") else 2)
    for optimizer, rate in zip(optimizers, rates.get(name, (2e-4, 2e-4))):
        if name == "global_local":
            assert isinstance(optimizer, tf.keras.optimizers.Adadelta)
            assert (optimizer.rho, optimizer.epsilon) == (0.9, 1e-6)
        else:
            assert isinstance(optimizer, tf.keras.optimizers.Adam)
            assert (optimizer.beta_1, optimizer.beta_2) == betas.get(name, (0.5, 0.999))
        assert float(optimizer.learning_rate) == pytest.approx(rate)
    # The critic's rate keeps its ratio to this one.
    system.compile(**compile_settings(name, learning_rate=1e-3))
    assert float(system.optimizer.learning_rate) == pytest.approx(1e-3)
    if system.critic_optimizer is not None:
        assert float(system.critic_optimizer.learning_rate) == pytest.approx(
            1e-4 if name in ("multistage", "context_encoder", "edge_connect") else 1e-3
        )
        system.compile(**compile_settings(name, critic_learning_rate=3e-4))
        assert float(system.critic_optimizer.learning_rate) == pytest.approx(3e-4)


def test_weights_of_the_terms(monkeypatch):
    """The papers' weights, and the released code's if they differ."""
    # fmt: off
    paper = {
        "contextual_attention": {"hole": 1.2, "valid": 1.2, "adversarial": 0.001, "penalty": 10},
        "musical": {"l1": 100, "hole": 0, "perceptual": 0.07, "style": 250, "variation": 0.001,
                    "adversarial": 0.3},
        "multistage": {"valid": 1, "hole": 6, "perceptual": 0.05, "style": 120, "variation": 0.1,
                       "adversarial": 0.1},
        "coherent_semantic": {"rough": 1, "refinement": 1, "consistency": 0.01,
                              "adversarial": 0.002, "feature_adversarial": 0.002},
        "partial_conv": {"valid": 1, "hole": 6, "perceptual": 0.05, "style": 120, "variation": 0.1},
        "gated_conv": {"coarse": 1, "refinement": 1, "adversarial": 1},
        "residual": {"hole": 0.1, "coarse": 0.1, "perceptual": 0.06},
        "context_encoder": {"reconstruction": 0.999, "adversarial": 0.001},
        "shift_net": {"l1": 1, "guidance": 0.01, "adversarial": 0.002, "hole": 0, "content": 0,
                      "style": 0},
        "pluralistic": {"posterior": 80, "prior": 80, "reconstruction": 20, "valid": 20,
                        "adversarial": 1, "adversarial_reconstruction": 1},
        "edge_connect": {"edge_adversarial": 1, "feature_matching": 10, "l1": 1, "perceptual": 0.1,
                         "style": 250, "adversarial": 0.1},
        "global_local": {"hole": 1, "adversarial": 4e-4},
    }
    official = {
        "musical": {"hole": 6, "adversarial": 0.06},
        "coherent_semantic": {"rough": 100, "refinement": 100, "consistency": 1,
                              "adversarial": 0.2, "feature_adversarial": 0.2},
        "shift_net": {"l1": 100, "guidance": 1, "adversarial": 0.2, "hole": 400, "content": 1,
                      "style": 10},
        "global_local": {"hole": 0.5, "adversarial": 2e-4},
    }
    # fmt: on
    assert set(paper) == set(SETTINGS)
    for name, weights in paper.items():
        found = all_systems()[name].weights
        assert found("paper") == pytest.approx(weights)
        assert found("official") == pytest.approx(weights | official.get(name, {}))
    system = set_back("musical", "paper").system
    for variant in ("paper", "official"):
        monkeypatch.setattr(system, "variant", variant)
        assert system.default_loss_weights == all_systems()["musical"].weights(variant)


# -------------------------------------------------------------------------------- Keras, and errors


def test_evaluate_reports_the_means_over_all_batches(batch, tmp_path):
    """Whatever their order, in every pass anew. Checkpoints do not have the means."""
    images, holes = batch
    no_hole = tf.zeros_like(holes[:1])
    batches = [(images, holes), (1 - images[:1], no_hole), (-images[1:], holes[:1])]
    system = small("partial_conv")
    before = tf.train.Checkpoint(system=system).write(str(tmp_path / "before"))

    def by_hand():
        errors, missing = [], 0.0
        for some, their_holes in batches:
            output = np.clip(system.raw(system.averaged_generator, some, their_holes), -1, 1)
            errors += list(np.abs(output - some) * their_holes / 2)
            missing += float(tf.reduce_sum(their_holes))
        return {
            "l1": pytest.approx(np.mean(errors), rel=1e-5),
            "l1_hole": pytest.approx(np.sum(errors) / (3 * missing), rel=1e-5),
        }

    def data(order):
        parts = [tf.data.Dataset.from_tensors(part) for part in order]
        return parts[0].concatenate(parts[1]).concatenate(parts[2])

    for order in (batches, batches[::-1]):
        figures = system.evaluate(data(order), verbose=0, return_dict=True)
        assert figures == by_hand()
    assert system.evaluate(data(batches), verbose=0) == list(by_hand().values())
    fitted = system.fit(data(batches[:1] * 3), validation_data=data(batches), verbose=0).history
    assert {name: fitted[f"val_{name}"][0] for name in figures} == by_hand()

    there = tf.train.Checkpoint(system=system)
    saved = there.write(str(tmp_path / "saved"))
    names = [name for name, _ in tf.train.list_variables(saved)]
    assert names == [name for name, _ in tf.train.list_variables(before)]
    there.read(before).assert_existing_objects_matched()


@quick("partial_conv")
def test_keras_fit_evaluate_and_saved_weights(name, batch, tmp_path):
    # Without its critics, contextual attention learns on every batch.
    off = {term: 0.0 for term in TERMS[name] if term.startswith("adversarial")}
    off |= TERMS_LEFT_OUT[name]
    off |= dict.fromkeys({"edge_adversarial", "feature_matching"} & TERMS[name], 0.0)
    system = small(name, run_eagerly=True, loss_weights=off)
    data = tf.data.Dataset.from_tensors(batch).repeat()
    history = system.fit(data, steps_per_epoch=1, epochs=2, verbose=0)
    assert history.epoch == [0, 1] and set(history.history) == TERMS[name] - ON_FEATURES - set(
        off
    ) | {"loss"}
    assert np.isfinite(history.history["loss"]).all() and system.run_step == 2
    figures = system.evaluate(data, steps=1, verbose=0, return_dict=True)
    output = np.clip(system.raw(system.averaged_generator, *batch), -1, 1)
    error = np.abs(output - np.asarray(batch[0])) * np.asarray(batch[1]) / 2
    assert figures["l1"] == pytest.approx(error.mean(), rel=1e-5)
    assert figures["l1_hole"] == pytest.approx(error.sum() / (3 * np.sum(batch[1])), rel=1e-5)
    trained = system.generate(*batch)
    system.save_weights(tmp_path / "weights")
    other = small(name)
    assert np.abs(other.generate(*batch) - trained).max() > 0
    other.load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(other.generate(*batch), trained)


@quick()
def test_compiling_again_keeps_what_was_trained(name, batch):
    system = small(name)
    system.step(*batch)
    before = [
        v.numpy()
        for network in (system.generator, system.averaged_generator, system.critic)
        if network
        for v in network.variables
    ]
    system.compile(**compile_settings(name))
    after = [
        v.numpy()
        for network in (system.generator, system.averaged_generator, system.critic)
        if network
        for v in network.variables
    ]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


@systems
def test_unknown_terms_are_refused(name):
    words = (
        rf"`loss_weights\['stile'\]`: {name} has no such term; "
        rf"its terms are .*{sorted(TERMS[name])[0]}"
    )
    with pytest.raises(SettingsError, match=words) as error:
        small(name, loss_weights={"stile": 1.0})
    assert all(term in str(error.value) for term in TERMS[name])


@pytest.mark.parametrize("arguments, words", [
    ({"loss_weights": {"hole": -1.0}}, "`loss_weights.'hole'.` is at least 0 and finite. Got -1.0"),
    ({"loss_weights": {"hole": np.nan}}, "`loss_weights.'hole'.` is at least 0.* Got nan"),
    ({"loss_weights": {"hole": "6"}}, "`loss_weights.'hole'.` is at least 0.* Got '6'"),
    ({"ema_decay": 2.0}, "`ema_decay` is from 0 to 1. Got 2.0"),
    ({"ema_decay": np.nan}, "`ema_decay` is at least 0 and finite. Got nan"),
    ({"learning_rate": -1e-3}, "`learning_rate` is at least 0 and finite. Got -0.001"),
    ({"clip_norm": -1}, "`clip_norm` is at least 0 and finite. Got -1"),
    ({"image_size": 0}, "`image_size` is a whole number, at least 1. Got 0"),
    ({"image_size": "64"}, "`image_size` is a whole number, at least 1. Got '64'"),
    ({"perceptual_weights": None}, "`perceptual_weights` is imagenet, random or .* Got None"),
])  # fmt: skip
def test_numbers_that_cannot_be_are_refused_by_compile(arguments, words):
    system = tfinpaint.create("partial_conv", **SETTINGS["partial_conv"])
    with pytest.raises(SettingsError, match=words):
        system.compile(**{"perceptual_weights": "none", **arguments})


def test_images_too_small_for_the_feature_network_are_refused():
    system = tfinpaint.create("edge_connect", **SETTINGS["edge_connect"])
    without = {"adversarial": 0.0, "edge_adversarial": 0.0, "feature_matching": 0.0}
    for term, left in (("perceptual", {}), ("style", {"perceptual": 0.0})):
        words = f"`image_size` is at least 16 for the network .*{term}.* Got 12"
        with pytest.raises(SettingsError, match=words):
            system.compile(
                perceptual_weights="random", image_size=12, loss_weights={**without, **left}
            )


def test_settings_may_be_numbers_of_numpy():
    system = tfinpaint.create("partial_conv", width=np.int64(4), depth=np.int32(4))
    assert type(system.get_config()["width"]) is int
    for width in (np.float64(4), np.bool_(True)):
        with pytest.raises(SettingsError, match="`width` is a whole number"):
            tfinpaint.create("partial_conv", width=width)


@systems
def test_settings_that_a_system_does_not_have_are_refused(name):
    own = {
        "contextual_attention": "width, discount, attention_kind",
        "musical": "width, depth, attention_kind, squeeze_excite, bottom",
        "multistage": "width, depth, stages",
        "coherent_semantic": "width, depth, attention_kind",
        "gated_conv": "width",
        "global_local": "width",
        "residual": "width, depth, sizes, attention_kind, dilated, first_fill",
        "context_encoder": "width, bottleneck, depth",
        "edge_connect": "width, blocks",
    }.get(name, "width, depth")
    for setting in {"depth", "sizes", "discount"} - set(own.split(", ")):
        with pytest.raises(
            SettingsError, match=f"`system='{name}'` has no setting {setting}; it has {own}$"
        ):
            tfinpaint.create(name, **{setting: 4})


@pytest.mark.parametrize("name, settings, message", [
    ("contextual_attention", {"width": 6}, "`width` is a multiple of 4.*Got 6"),
    ("contextual_attention", {"discount": 0.0},
     "`discount` is above 0 and at most 1 for contextual_attention. Got 0.0"),
    ("contextual_attention", {"discount": 1.5},
     "`discount` is above 0 and at most 1 for contextual_attention. Got 1.5"),
    ("gated_conv", {"width": 2},
     "`width` is a whole number, at least 4 and at most 1024 for gated_conv. Got 2"),
    ("musical", {"width": 0},
     "`width` is a whole number, at least 4 and at most 1024 for musical. Got 0"),
    ("coherent_semantic", {"width": 0},
     "`width` is a whole number, at least 4 and at most 1024 for coherent_semantic. Got 0"),
    ("coherent_semantic", {"depth": 3}, "`depth` is a whole number, at least 4.*Got 3"),
    ("residual", {"width": 3},
     "`width` is a whole number, at least 4 and at most 1024 for residual. Got 3"),
    ("residual", {"depth": 1},
     "`depth` is a whole number, at least 2 and at most 64 for residual. Got 1"),
    ("residual", {"sizes": 0},
     "`sizes` is a whole number, at least 1 and at most 7 for residual. Got 0"),
    ("context_encoder", {"bottleneck": 0},
     "`bottleneck` is a whole number, at least 1 and at most 65536 for context_encoder. Got 0"),
    ("context_encoder", {"depth": 2},
     "`depth` is a whole number, at least 3 and at most 8 for context_encoder. Got 2"),
    ("pluralistic", {"depth": 3},
     "`depth` is a whole number, at least 4 and at most 8 for pluralistic. Got 3"),
    ("partial_conv", {"depth": 0},
     "`depth` is a whole number, at least 4 and at most 10 for partial_conv. Got 0"),
    ("multistage", {"depth": 3}, "`depth` is a whole number, at least 4.*Got 3"),
    ("shift_net", {"depth": 3}, "`depth` is a whole number, at least 4.*Got 3"),
    ("coherent_semantic", {"attention_kind": None}, "`attention_kind` is .* Got None"),
    ("context_encoder", {"width": None}, "`width` is a whole number.*Got None"),
    ("multistage", {"stages": True}, "`stages` is a whole number.*Got True"),
    ("contextual_attention", {"discount": True}, "`discount` is above 0.*Got True"),
    ("residual", {"dilated": None}, "`dilated` is True or False .*Got None"),
    ("residual", {"dilated": 1}, "`dilated` is True or False .*Got 1"),
])  # fmt: skip
def test_sizes_that_cannot_be_are_refused(name, settings, message):
    with pytest.raises(SettingsError, match=message):
        tfinpaint.create(name, **settings)


@systems
def test_a_system_that_keeps_what_is_known_says_so(name, batch):
    """Painters fill the band that fades only where the specification says so."""
    images, holes = batch
    system = small(name)
    known = np.asarray(holes)[..., 0] == 0
    output = np.asarray(system.generate(images, holes))
    if output.shape != images.shape:  # the centre alone
        return
    kept = np.abs(output - images)[known].max() < 1e-6
    assert Painter(system, SIZE).keeps_known == kept == all_systems()[name].keeps_known


@systems
def test_freezing_batch_norm_where_there_is_none_is_refused(name):
    if all_systems()[name].has_batch_norm:
        assert small(name, freeze_batch_norm="all").generator.frozen_norms == "all"
        return
    with pytest.raises(
        SettingsError,
        match=f"`freeze_batch_norm='encoder'`: {name} has no batch norm; none is allowed",
    ):
        small(name, freeze_batch_norm="encoder")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else [])
        for name in SETTINGS
        if name != "musical"
    ],
)
def test_critic_weights_are_musicals_alone(name):
    with pytest.raises(
        SettingsError,
        match=f"`critic_weights='random'`: a critic of {name} begins from random weights",
    ):
        small(name, critic_weights="random")


@pytest.mark.parametrize("change, words", [
    (lambda i, h: (np.uint8(i), h), "`images` is float32 in .-1, 1.. Got uint8"),
    (lambda i, h: (i[0], h[0]), r"`images` is .B, H, W, 3.. Got \[64, 64, 3\]"),
    (lambda i, h: (i[..., :1], h), r"`images` is .B, H, W, 3.. Got \[2, 64, 64, 1\]"),
    (lambda i, h: (i, h[..., 0]), r"`holes` is \[2, 64, 64, 1\], .* Got \[2, 64, 64\]"),
    (lambda i, h: (i, h[:1]), r"Got \[1, 64, 64, 1\]"),
    (lambda i, h: (i, np.repeat(h, 3, -1)), r"Got \[2, 64, 64, 3\]"),
    (lambda i, h: (i, np.uint8(255 * h)), "`holes` is 0 or 1. Got 255 as the largest"),
])  # fmt: skip
@quick("global_local")
def test_images_and_holes_of_another_kind_are_refused(name, change, words, batch):
    system = small(name)
    inputs = change(*map(np.asarray, batch))
    for call in (system.generate, system.attention_maps, lambda *both: system(both),
                 lambda *both: system.train_step(tuple(map(tf.constant, both))),
                 lambda *both: system.test_step(both)):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            call(*inputs)


@quick("partial_conv")
def test_holes_may_be_of_any_type_and_inputs_lists(name, batch):
    system = small(name)
    images, holes = map(np.asarray, batch)
    filled = system.generate(images, holes)
    for dtype in (bool, np.uint8):
        np.testing.assert_array_equal(system.generate(images, holes.astype(dtype)), filled)
    np.testing.assert_array_equal(system.generate(images.tolist(), holes.tolist()), filled)


@systems
def test_sizes_that_are_no_multiples_of_the_stride(name, batch):
    system = small(name)
    own = {"contextual_attention": 8, "gated_conv": 8, "residual": 64, "context_encoder": 64,
           "edge_connect": 4, "global_local": 4}  # fmt: skip
    assert system.stride == (stride := own.get(name, 16))
    side = stride + 2
    words = f"multiples of {stride}.* Got {side} x 64"
    if system.fixed_size:
        words = f"images are {system.fixed_size} x {system.fixed_size}. Got {side} x 64"
    images, holes = (x[:, :1].numpy().repeat(side, 1) for x in map(tf.constant, batch))
    for call in (system.generate, system.attention_maps, lambda *data: system.train_step(data)):
        with pytest.raises(ValueError, match=words):
            call(images, holes)


def test_distances_are_contextual_attentions_alone(batch):
    images, holes = batch
    assert [
        name for name in SETTINGS if set_back(name, "paper").system.extra_inputs("strokes")
    ] == ["contextual_attention"]
    with pytest.raises(ValueError, match="pairs"):
        small("gated_conv").train_step((images, holes, holes))


@quick("multistage", "residual")
def test_every_term_of_the_specification_is_computed_and_no_other(name, batch):
    """With the weights of small versions, and all others above 0; the loss is their sum. Without
    this test nobody would notice a flag that does nothing."""
    weights = {term.name: 1.0 for term in all_systems()[name].terms} | TERMS_LEFT_OUT[name]
    system = small(name, perceptual_weights="random", loss_weights=weights)
    logs = floats(system.step(*batch))
    # The penalty is a part of the critics' loss.
    computed = {term for term in weights if weights[term]} - {"penalty"}
    assert computed <= set(logs) <= computed | {"loss", "critic"}
    terms = [logs[term] for term in computed]
    assert logs["loss"] == pytest.approx(sum(terms), rel=0, abs=1e-6 * sum(map(abs, terms)))
    with pytest.raises(ValueError, match="Got made_up"):
        system.weighted({"made_up": 1.0})
