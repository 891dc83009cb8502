"""EdgeConnect against outputs, losses and gradients of the authors' released code."""

import json

import numpy as np
import pytest
import tensorflow as tf
from shared import SHARED, made_weight, needs_shared

import tfinpaint
from tfinpaint.systems.edge_connect import released
from tfinpaint.systems.edge_connect import system as edge_connect
from tfinpaint.systems.edge_connect.canny import canny, luminance
from tfinpaint.systems.edge_connect.critic import EdgeConnectCritic
from tfinpaint.weights import places

GOLDEN = SHARED / "golden"
made = {}


def shapes_of(file, part):
    shapes = json.loads((GOLDEN / f"networks/net_{file}_weights.json").read_text())[part]
    return {name: shape for name, shape in shapes.items() if not name.endswith(("_u", "_v"))}


def fill(table, shapes):
    """Makes weights from their names and gives them to the variables of a table."""
    weights = {name: made_weight(name, shape) for name, shape in shapes.items()}
    places.fill(table, released.prepared("", weights), "the golden weights do not fit")


def golden_system():
    """At the paper's width, with the golden weights."""
    if not made:
        made["system"] = tfinpaint.create("edge_connect", variant="official")
        networks = made["system"].generator
        fill(released.edges(networks.edges), shapes_of("edge_generator", "generator"))
        fill(released.inpainting(networks.inpainting), shapes_of("edge_inpaint", "generator"))
    return made["system"]


def golden_critic(channels):
    critic = EdgeConnectCritic(channels)
    shapes = shapes_of("discriminators", "edgeconnect")
    shapes["conv1.0.weight_orig"][1] = channels
    fill(released.critic(critic), shapes)
    return critic


def arrays(file):
    with np.load(GOLDEN / f"networks/{file}.npz") as found:
        return dict(found)


@pytest.mark.golden("edge_connect")
@needs_shared
def test_edge_network():
    data = arrays("net_edge_generator")
    output = golden_system().edges([data["gray"], data["edges"], data["hole"]])
    np.testing.assert_allclose(output, data["output"], atol=1e-4)


@pytest.mark.golden("edge_connect")
@needs_shared
def test_inpainting_network():
    data, system = arrays("net_edge_inpaint"), golden_system()
    output = system.generate(2 * data["image"] - 1, data["hole"], edges=data["edges"])
    np.testing.assert_allclose((output + 1) / 2, data["output"], atol=1e-4)


@pytest.mark.golden("edge_connect")
@needs_shared
def test_critic():
    data, image = arrays("net_discriminators"), arrays("net_edge_inpaint")["image"]
    maps = golden_critic(3)(image)
    np.testing.assert_allclose(tf.sigmoid(maps[4]), data["edgeconnect"], atol=1e-4)
    np.testing.assert_allclose(maps[4], data["edgeconnect_conv5"], atol=1e-4)
    np.testing.assert_allclose(maps[1][..., :4], data["edgeconnect_conv2_first4"], atol=1e-4)


@pytest.mark.golden("edge_connect")
@needs_shared
def test_edges_are_scikit_images():
    """All pixels of both golden edge maps, with and without a hole."""
    data = arrays("net_edge_generator")
    grey = luminance(data["image_u8"] / np.float32(255))
    np.testing.assert_allclose(grey, data["gray"], atol=1e-6)
    np.testing.assert_array_equal(canny(grey), data["edges"])
    np.testing.assert_array_equal(canny(grey, 1 - data["hole"]), data["edges_canny_masked"])


# ------------------------------------------------------------------------------------ training step


def made_vgg():
    """VGG-19 as the golden losses had it: images in [0, 1] as they are, PyTorch's layer numbers."""
    numbers = iter((0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30))
    kernels, channels = {}, 3
    for block, (count, filters) in enumerate(((2, 64), (2, 128), (4, 256), (4, 512), (2, 512)), 1):
        for k in range(1, count + 1):
            name = f"features.{next(numbers)}"
            weight = made_weight(f"{name}.weight", [filters, channels, 3, 3])
            scale = np.sqrt(max(filters, channels) / channels)  # z * sqrt(2 / (in * 9))
            kernels[f"block{block}_conv{k}"] = (
                np.float32(scale) * weight.transpose(2, 3, 1, 0),
                made_weight(f"{name}.bias", [filters]),
            )
            channels = filters

    def features(images):
        maps, x = {}, images
        for name, (kernel, bias) in kernels.items():
            if name.endswith("conv1") and name != "block1_conv1":
                x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            x = maps[name] = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
        return [maps[name] for name in edge_connect.CONTENT + edge_connect.STYLE]

    return features


def golden_batch():
    data = arrays("net_edge_generator")
    image = arrays("net_edge_inpaint")["image"]

    def crops(x):
        return tf.constant(np.concatenate([x[:, 40:136, 60:156], x[:, 120:216, 100:196]]))

    return crops(2 * image - 1), crops(data["hole"]), crops(data["edges"])


def moved(system, phase):
    """One step of plain descent at rate 1. -> logs, and {part: {official name: gradient's norm}}"""
    system.critic, system.edge_critic = golden_critic(3), golden_critic(2)
    sgd = tf.keras.optimizers.SGD
    system.compile(
        optimizer=sgd(1.0),
        critic_optimizer=sgd(1.0),
        perceptual_weights="random",
        image_size=96,
        phase=phase,
    )
    for part in ("edges", "edge_critic"):
        optimizer = sgd(1.0)
        optimizer.build(system.trainable(part))
        setattr(system, f"{part}_optimizer", optimizer)
    system.features = made_vgg()
    tables = {
        "edges": released.edges(system.generator.edges),
        "generator": released.inpainting(system.generator.inpainting),
        "critic": released.critic(system.critic),
        "edge_critic": released.critic(system.edge_critic),
    }
    before = {
        part: {name: place.variable.numpy() for name, place in table.items()}
        for part, table in tables.items()
    }
    images, holes, edges = golden_batch()
    logs = {name: float(value) for name, value in system.step(images, holes, edges).items()}
    norms = {}
    for part, table in tables.items():
        norms[part] = {
            name: float(np.linalg.norm(place.variable.numpy() - before[part][name]))
            for name, place in table.items()
            if not name.endswith("weight_u")
        }
        for name, place in table.items():
            place.variable.assign(before[part][name])
    return logs, norms


def check_norms(got, expected):
    """To 2e-2 of those above 1 % of the largest."""
    largest = max(expected.values())
    compared = {name: norm for name, norm in expected.items() if norm > 0.01 * largest}
    assert set(got) == set(expected) and len(compared) > 3
    assert {name: got[name] for name in compared} == pytest.approx(compared, rel=2e-2)


def golden_step(stage):
    return json.loads((GOLDEN / "training/edgeconnect_step.json").read_text())[stage]


@pytest.mark.golden("edge_connect")
@pytest.mark.slow
@needs_shared
def test_a_step_of_the_edge_network():
    expected = golden_step("edge")
    logs, norms = moved(golden_system(), "edges")
    losses = expected["losses"]
    assert logs == pytest.approx(
        {
            "edge_adversarial": losses["l_g1"],
            "feature_matching": losses["l_fm"],
            "loss": expected["gen_total"],
            "critic": losses["l_d1"],
        },
        rel=1e-4,
    )
    check_norms(norms["edges"], expected["grad_norm_generator"])
    check_norms(norms["edge_critic"], expected["grad_norm_discriminator"])
    assert not any(norms["generator"].values()) and not any(norms["critic"].values())


@pytest.mark.golden("edge_connect")
@pytest.mark.slow
@needs_shared
def test_a_step_of_the_inpainting_network_with_the_edge_network_fixed():
    expected = golden_step("inpaint")
    logs, norms = moved(golden_system(), "edge_inpainting")
    losses = expected["losses"]
    assert logs == pytest.approx(
        {
            "l1": losses["l_l1"],
            "perceptual": losses["l_per"],
            "style": losses["l_sty"],
            "adversarial": losses["l_g2"],
            "loss": expected["gen_total"],
            "critic": losses["l_d2"],
        },
        rel=1e-4,
    )
    check_norms(norms["generator"], expected["grad_norm_generator"])
    check_norms(norms["critic"], expected["grad_norm_discriminator"])
    assert not any(norms["edges"].values()) and not any(norms["edge_critic"].values())


@pytest.mark.golden("edge_connect")
@pytest.mark.slow
@needs_shared
def test_a_joint_step():
    """Both networks learn as alone, and the edge network from the inpainting terms too."""
    logs, norms = moved(golden_system(), "joint")
    stages = [golden_step(stage) for stage in ("edge", "inpaint")]
    assert logs["loss"] == pytest.approx(sum(stage["gen_total"] for stage in stages), rel=1e-4)
    assert logs["critic"] == pytest.approx(sum(stage["dis"] for stage in stages), rel=1e-4)
    check_norms(norms["edges"], golden_step("joint")["edge_generator_grad_norm_edge_plus_inpaint"])
    check_norms(norms["generator"], golden_step("inpaint")["grad_norm_generator"])
    for part, stage in (("edge_critic", "edge"), ("critic", "inpaint")):
        check_norms(norms[part], golden_step(stage)["grad_norm_discriminator"])


@pytest.mark.slow
@needs_shared
def test_imported_from_two_files(command_line, tmp_path):
    """Spectral norms are kept; vectors of their power iteration, and second names, may be there."""
    from tools import import_weights

    files = [tmp_path / name for name in ("EdgeModel_gen.npz", "InpaintingModel_gen.npz")]
    for path, file in zip(files, ("edge_generator", "edge_inpaint")):
        shapes = shapes_of(file, "generator")
        np.savez(path, **{name: made_weight(name, shape) for name, shape in shapes.items()})
    status, out, err = command_line(
        import_weights.main,
        "--system=edge_connect",
        f"--weights={files[0]},{files[1]}",
        f"--output={tmp_path / 'run'}",
    )
    assert status == 0, err
    assert "21,535,684 parameters" in out
    painter = tfinpaint.load(str(tmp_path / "run"))
    data = arrays("net_edge_inpaint")
    output = painter.generate(2 * data["image"] - 1, data["hole"], edges=data["edges"])
    np.testing.assert_allclose((output + 1) / 2, data["output"], atol=1e-4)
    data = arrays("net_edge_generator")
    completed = painter.complete_edges(data["gray"], data["edges"], data["hole"])
    np.testing.assert_allclose(completed, data["output"], atol=1e-4)
