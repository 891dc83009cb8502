"""EdgeConnect's own rules.

What learns in which phase, its losses against NumPy, what guides the inpainting network, and the
painter's edges.
"""

import numpy as np
import pytest
import tensorflow as tf
from helpers import count, floats
from set_back import set_back
from shared import SHARED, made_weight, needs_shared

import tfinpaint
from tfinpaint import train
from tfinpaint.layers.spectral_up_conv import SpectralUpConv2D
from tfinpaint.networks import VGGFeatures
from tfinpaint.settings import SettingsError
from tfinpaint.systems.edge_connect import SPECIFICATION, networks, released
from tfinpaint.systems.edge_connect import system as edge_connect
from tfinpaint.systems.edge_connect.canny import canny, luminance
from tfinpaint.systems.edge_connect.critic import EdgeConnectCritic
from tfinpaint.systems.edge_connect.edge_inputs import known_edges
from tfinpaint.systems.edge_connect.networks import EdgeNetwork, InpaintingNetwork, mirrored
from tfinpaint.systems.edge_connect.painter import EdgeConnectPainter
from tfinpaint.weights import places

SIZE = 32
PARTS = tuple(SPECIFICATION.rates)


@pytest.mark.slow
def test_parameter_counts(no_numbers):
    assert count(EdgeNetwork()) == 10_761_089
    assert count(InpaintingNetwork()) == 10_774_595
    assert count(EdgeConnectCritic(2)) == 2_762_752
    critic = EdgeConnectCritic(3)
    assert count(critic) == 2_763_776
    assert [x.shape[1] for x in critic(tf.zeros([1, 256, 256, 3]))] == [128, 64, 32, 31, 30]


def test_canny_sees_the_picture_itself_under_mixed_precision(monkeypatch):
    images = np.random.default_rng(0).uniform(0, 1, (1, SIZE, SIZE, 3)).astype(np.float32)
    hole = np.zeros((1, SIZE, SIZE, 1), np.float32)
    hole[:, 8:20, 8:20] = 1
    seen = []
    monkeypatch.setattr(networks, "canny", lambda grey, known: seen.append(grey) or known)
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        network = networks.EdgeConnectNetworks(width=4, blocks=1)
        assert network([images, hole]).dtype == tf.float32
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    np.testing.assert_array_equal(seen[0], luminance(images))


# ------------------------------------------------------------------------- networks against NumPy


def numbers(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def conv(x, layer, strides=1, pad=0, dilation=1):
    """A convolution in float64, with the layer's kernel, normalised if the layer does it."""
    kernel, bias = kernel_of(layer), layer.bias.numpy() if layer.use_bias else 0
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    k, reach = kernel.shape[0], dilation * (kernel.shape[0] - 1)
    rows, columns = ((n - reach - 1) // strides + 1 for n in x.shape[1:3])
    output = np.zeros((len(x), rows, columns, kernel.shape[-1])) + bias
    for u, v in np.ndindex(k, k):
        top, left = u * dilation, v * dilation
        taken = x[
            :, top : top + strides * rows : strides, left : left + strides * columns : strides
        ]
        output += taken[:, :rows, :columns] @ kernel[u, v]
    return output


def up_conv(x, layer):
    """Each input pixel adds its product with the 4x4 kernel at twice its place, less 1."""
    kernel, (b, h, w, _) = kernel_of(layer), x.shape
    if not hasattr(layer, "filter_vector"):
        kernel = kernel.swapaxes(2, 3)  # as [4, 4, C, F]
    output = np.zeros((b, 2 * h + 2, 2 * w + 2, kernel.shape[-1]))
    for u, v in np.ndindex(4, 4):
        output[:, u : u + 2 * h : 2, v : v + 2 * w : 2] += x @ kernel[u, v]
    return output[:, 1:-1, 1:-1] + layer.bias.numpy()


def kernel_of(layer):
    kernel = layer.kernel.numpy().astype(np.float64)
    if not hasattr(layer, "filter_vector"):
        return kernel
    matrix = kernel.reshape(-1, kernel.shape[-1])
    return kernel / np.linalg.norm(matrix, 2)


def norm(x):
    x = x - x.mean((1, 2), keepdims=True)
    return x / np.sqrt((x**2).mean((1, 2), keepdims=True) + 1e-5)


def mirror(x, pad):
    return np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")


def relu(x):
    return np.maximum(x, 0)


def hourglass(net, x):
    x = relu(norm(conv(mirror(x, 3), net.encoders[0])))
    for encoder in net.encoders[1:]:
        x = relu(norm(conv(x, encoder, strides=2, pad=1)))
    for block in net.middle:
        y = relu(norm(conv(mirror(x, 2), block.dilated, dilation=2)))
        x = x + norm(conv(mirror(y, 1), block.plain))
    for decoder in net.decoders:
        x = relu(norm(up_conv(x, decoder)))
    return conv(mirror(x, 3), net.last)


def give_numbers(network, seed):
    """Weights that are far from 0, and vectors of power iterations that have ended."""
    generator = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        spread = 0.3 if len(variable.shape) == 1 else 2 / np.sqrt(np.prod(variable.shape[:3]))
        variable.assign(spread * generator.standard_normal(variable.shape))
    for layer in network.submodules:
        if hasattr(layer, "filter_vector"):
            vector = released.leading(layer.kernel.numpy().transpose(3, 2, 0, 1))
            layer.filter_vector.assign(3 * vector)  # of any length


@pytest.mark.parametrize(
    "height, width",
    [(12, 12), *(pytest.param(*size, marks=pytest.mark.slow) for size in ((16, 28), (32, 20)))],
)
def test_both_networks_are_what_numpy_computes(height, width):
    generator = np.random.default_rng(height)
    images, edges = generator.uniform(size=(2, height, width, 3)), numbers(1, 2, height, width, 1)
    grey, edges = images.mean(-1, keepdims=True), (edges > 1).astype(np.float64)
    hole = np.zeros((2, height, width, 1))
    hole[0, 2:9, 3:7] = hole[1, :5, 6:] = 1
    network = EdgeNetwork(4, 2)
    give_numbers(network, 2)
    x = np.concatenate([np.where(hole > 0, 1, grey), np.where(hole > 0, 0, edges), hole], -1)
    expected = 1 / (1 + np.exp(-hourglass(network, x)))
    np.testing.assert_allclose(network([grey, edges, hole]), expected, atol=1e-5)
    network = InpaintingNetwork(4, 2)
    give_numbers(network, 3)
    expected = hourglass(network, np.concatenate([np.where(hole > 0, 1, images), edges], -1))
    np.testing.assert_allclose(
        network([images, edges, hole]), (np.tanh(expected) + 1) / 2, atol=1e-5
    )


def test_spectral_up_convolution_learns_like_pytorchs():
    """A power step first; then u and v are constants, and the gradient passes the divisor too."""
    layer, x = SpectralUpConv2D(3), numbers(0, 2, 5, 4, 6).astype(np.float32)
    layer(x)
    kernel, u = layer.kernel.numpy().astype(np.float64), layer.filter_vector.numpy()
    matrix = kernel.reshape(-1, 3)
    v = matrix @ u
    v /= np.linalg.norm(v)
    u = v @ matrix / np.linalg.norm(v @ matrix)
    upstream = numbers(1, 2, 10, 8, 3)
    with tf.GradientTape() as tape:
        output = layer(x, training=True)
    gradient = tape.gradient(output, layer.kernel, upstream.astype(np.float32))
    np.testing.assert_allclose(layer.filter_vector, u, atol=1e-6)

    def value(kernel):
        sigma = v @ kernel.reshape(-1, 3) @ u
        plain = tf.nn.conv2d_transpose(
            x.astype(np.float64), kernel.swapaxes(2, 3) / sigma, upstream.shape, 2, "SAME"
        )
        return plain.numpy()

    np.testing.assert_allclose(output, value(kernel), atol=1e-5)
    for place in ((0, 0, 0, 0), (3, 1, 5, 2), (2, 2, 3, 1)):
        step = np.zeros_like(kernel)
        step[place] = 1e-6
        change = (value(kernel + step) - value(kernel - step)) / 2e-6
        assert float(gradient[place]) == pytest.approx(
            (change * upstream).sum(), rel=1e-3, abs=1e-4
        )
    np.testing.assert_allclose(layer(x), tf.function(layer, jit_compile=True)(x), atol=1e-5)


def test_mirroring_is_numpys():
    x = numbers(0, 1, 3, 4, 2)
    np.testing.assert_array_equal(mirrored(x, 2), mirror(x, 2))


# ------------------------------------------------------------------------------------------- steps


def small(phase=None, **settings):
    """Compiled, in the same state every time; built once."""
    return set_back("edge_connect", "paper").compiled(
        **{"perceptual_weights": "none", "image_size": SIZE, "phase": phase, **settings}
    )


@pytest.fixture(scope="module")
def batch():
    smooth = np.random.default_rng(0).uniform(-1, 1, (2, 5, 5, 3)).astype(np.float32)
    holes = np.zeros((2, SIZE, SIZE, 1), np.float32)
    holes[0, 8:20, 10:26] = holes[1, 16:, :9] = 1
    return tf.image.resize(smooth, (SIZE, SIZE), "bicubic"), tf.constant(holes)


EDGE_TERMS, TERMS = {"edge_adversarial", "feature_matching"}, {"l1", "adversarial"}


@pytest.mark.parametrize(
    "phase, terms",
    [
        pytest.param("edges", EDGE_TERMS, marks=pytest.mark.slow),
        ("inpainting", TERMS),
        pytest.param("edge_inpainting", TERMS, marks=pytest.mark.slow),
        ("joint", EDGE_TERMS | TERMS),
        pytest.param(None, EDGE_TERMS | TERMS, marks=pytest.mark.slow),
    ],
)
def test_what_learns_in_each_phase(phase, terms, batch):
    system = small(phase)
    networks = {part: getattr(system, part) for part in PARTS} | {
        "generator": system.generator.inpainting
    }
    before = {part: [v.numpy() for v in net.variables] for part, net in networks.items()}
    logs = floats(system.step(*batch))
    assert set(logs) == terms | {"loss", "critic"}
    assert logs["loss"] == pytest.approx(sum(logs[term] for term in terms), rel=1e-6)
    for part, net in networks.items():
        moved = any(not np.array_equal(v, old) for v, old in zip(net.variables, before[part]))
        assert moved == (phase is None or part in SPECIFICATION.phases[phase]), part


@pytest.mark.slow
def test_the_average_of_both_networks_follows_once_in_each_step(batch):
    for phase in ("edges", "joint"):
        system = small(phase, ema_decay=0.2)
        pairs = [
            (getattr(system.generator, part).variables[0], getattr(average, part).variables[0])
            for average in [system.averaged_generator]
            for part in ("edges", "inpainting")
        ]
        expected = [value.numpy() for value, _ in pairs]
        for decay in (2 / 11, 0.2):
            system.step(*batch)
            for k, (value, average) in enumerate(pairs):
                expected[k] = decay * expected[k] + (1 - decay) * value.numpy()
                np.testing.assert_allclose(average, expected[k], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["inpainting", "edge_inpainting", "joint"])
def test_what_guides_the_inpainting_network(phase, batch, monkeypatch):
    system = small(phase)
    images, holes = batch
    grey = luminance((images + 1) / 2)
    edges, seen = canny(grey), []
    completed = system.edges([grey, edges, holes], training=True)
    call = system.generator.inpainting.call
    monkeypatch.setattr(
        system.generator.inpainting,
        "call",
        lambda inputs, **kwargs: seen.append(inputs[1]) or call(inputs, **kwargs),
    )
    system.step(*batch)
    expected = edges if phase == "inpainting" else completed * holes + edges * (1 - holes)
    np.testing.assert_allclose(seen[0], expected, atol=2e-3 if phase != "inpainting" else 0)
    given = tf.cast(tf.random.stateless_uniform(edges.shape, [1, 2]) > 0.9, tf.float32)
    system.step(*batch, edges=given)
    known = 1 if phase == "inpainting" else 1 - holes
    np.testing.assert_array_equal(seen[1] * known, given * known)


def test_l1_is_over_the_share_of_missing_pixels_in_the_batch(batch):
    images, holes = batch
    system = small("inpainting", loss_weights={"adversarial": 0.0})
    truth = (np.asarray(images, np.float64) + 1) / 2
    output = system.generate(images, holes, edges=canny(luminance((images + 1) / 2)))
    expected = np.abs((np.asarray(output) + 1) / 2 - truth).mean() / np.mean(holes)
    assert floats(system.step(*batch))["l1"] == pytest.approx(expected, rel=1e-4)
    assert floats(system.step(images, 0 * holes))["l1"] == 0


def test_feature_matching_has_five_maps(batch):
    images, holes = batch
    system = small("edges")
    grey = luminance((images + 1) / 2)
    edges = canny(grey)
    completed = system.edges([grey, edges, holes])
    judged = [tf.concat([grey, x], -1) for x in (edges, completed)]
    maps = [system.edge_critic(x) for x in judged]
    expected = [np.abs(np.asarray(a, np.float64) - b).mean() for a, b in zip(*maps, strict=True)]
    terms = floats(system.edge_terms(*judged))
    assert len(expected) == 5
    assert terms["feature_matching"] == pytest.approx(sum(expected), rel=1e-4)
    scores = np.asarray(maps[1][-1], np.float64)
    assert terms["edge_adversarial"] == pytest.approx(np.log1p(np.exp(-scores)).mean(), rel=1e-4)


@pytest.mark.slow
def test_terms_of_weight_0_build_no_network(batch):
    off = {"edge_adversarial": 0.0, "feature_matching": 0.0}
    system = small(loss_weights=off)
    assert system.edge_critic is None and system.critic is not None and system.features is None
    logs = floats(system.step(*batch))  # the edge network learns from the other terms
    assert set(logs) == {"loss", "critic", "l1", "adversarial"}
    assert small(loss_weights={"adversarial": 0.0}).critic is None
    with pytest.raises(SettingsError, match="`phase='edges'`: the edge network has nothing to"):
        small("edges", loss_weights=off)


@pytest.mark.slow
def test_edges_that_nothing_teaches_are_told_before_anything_is_written(tmp_path, command_line):
    """Before the step is traced, too, where Keras would wrap the error."""
    flags = [
        "--system=edge_connect",
        "--width=4",
        "--blocks=1",
        "--train_data=samples:astronaut",
        "--eval_data=samples:coffee",
        "--image_size=32",
        "--batch_size=1",
        "--perceptual_weights=none",
        "--weight_edge_adversarial=0",
        "--weight_feature_matching=0",
        f"--run_dir={tmp_path / 'run'}",
    ]
    status, _, err = command_line(train.main, *flags, "--phases=joint:5,edges")
    assert status == 1 and not (tmp_path / "run").exists()
    assert err.splitlines()[-1] == (
        "tfinpaint: --phases=edges: the edge network has nothing to learn from with "
        "--weight_edge_adversarial=0 and --weight_feature_matching=0"
    )


# -------------------------------------------------------------------------------- filling and edges


@pytest.fixture(scope="module")
def painter():
    tf.keras.utils.set_random_seed(3)
    system = tfinpaint.create("edge_connect", width=4, blocks=1)
    for network in (system.edges, system.generator.inpainting):
        give_numbers(network, 4)
    return EdgeConnectPainter(system, image_size=32)


def photograph(height, width):
    """A smooth photograph with a few edges."""
    generator = np.random.default_rng(height)
    small = generator.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3)).astype(np.float32)
    return np.uint8(tf.image.resize(small, (height, width)))


def test_edges_may_be_of_any_type_and_have_the_shape_of_holes():
    system = tfinpaint.create("edge_connect", width=4, blocks=1)
    images, holes = np.zeros((2, 16, 16, 3), np.float32), np.zeros((2, 16, 16, 1), np.float32)
    edges = np.random.default_rng(0).uniform(size=holes.shape) > 0.8
    guided = system.generate(images, holes, edges.astype(np.float32))
    for dtype in (bool, np.uint8):
        np.testing.assert_array_equal(system.generate(images, holes, edges.astype(dtype)), guided)
    for other in (edges[:1], edges[..., 0]):
        with pytest.raises(ValueError, match=r"`edges` is \[2, 16, 16, 1\]. Got \["):
            system.generate(images, holes, other)


def test_a_block_is_made_again_from_its_config():
    again = networks.ResidualBlock.from_config(networks.ResidualBlock(8, True).get_config())
    assert (again.channels, again.spectral) == (8, True) and not again.plain.use_bias


@pytest.mark.slow
def test_without_edges_it_finds_and_completes_them(painter, batch):
    images, holes = batch
    truth = (images + 1) / 2
    grey = luminance(truth)
    known = canny(grey, 1 - holes)
    completed = painter.complete_edges(gray=grey, edges=known, holes=holes)
    assert completed.shape == (2, SIZE, SIZE, 1) and 0 < np.min(completed) < np.max(completed) < 1
    merged = completed * holes + known * (1 - holes)
    output = painter.generate(images, holes)
    np.testing.assert_allclose(output, painter.generate(images, holes, merged), atol=1e-5)
    guided = painter.generate(images, holes, edges=known)
    np.testing.assert_allclose(painter.system.generate(images, holes, known), guided, atol=1e-5)
    with pytest.raises(ValueError, match=r"`edges` is \[2, .*, 1\], as `holes`. Got \[1, "):
        painter.generate(images, holes, known[:1])
    with pytest.raises(ValueError, match=r"`holes` is .*, as `images`. Got \[2, \d+, \d+\]"):
        painter.generate(images, holes[..., 0], known)
    assert np.abs(output - painter.generate(images, holes, edges=0 * merged)).max() > 1e-3
    nowhere = tf.where(holes > 0, np.nan, images)
    np.testing.assert_array_equal(painter.generate(nowhere, holes), output)
    lost = [tf.where(holes > 0, np.nan, x) for x in (grey, known)]
    np.testing.assert_array_equal(painter.complete_edges(*lost, holes), completed)
    with pytest.raises(ValueError, match=r"`edges` is \[B, H, W, 1\]"):
        painter.complete_edges(grey, known[:1], holes)
    with pytest.raises(ValueError, match="multiples of 4, at least 12. Got"):
        painter.generate(images[:, :8, :8], holes[:, :8, :8])


def test_the_picture_of_edges(painter):
    photo, mask = photograph(52, 60), np.zeros((52, 60), np.uint8)
    mask[20:36, 24:40] = 255
    shown, hole = painter.edges(photo, mask), mask > 0
    assert shown.shape == (52, 60) and shown.dtype == np.uint8
    known = known_edges(photo, hole.astype(np.uint8))
    assert 0 < known.mean() < 100 and set(np.unique(known)) == {0, 255}
    np.testing.assert_array_equal(shown[~hole], known[~hole])
    grey = luminance(photo[None] / np.float32(255))
    completed = painter.complete_edges(
        grey, known[None, ..., None] / 255, hole[None, ..., None].astype(np.float32)
    )
    expected = 255 * np.asarray(completed)[0, ..., 0]
    np.testing.assert_allclose(shown[hole], expected[hole], atol=1)
    under = np.where(hole[..., None], np.uint8(77), photo)
    np.testing.assert_array_equal(painter.edges(under, mask > 0), shown)
    drawn = np.where(hole, np.uint8(255), 0).astype(np.uint8)
    np.testing.assert_array_equal(
        painter.fill(photo, hole, edges=drawn), painter.fill(photo, mask, edges=drawn)
    )


@pytest.mark.parametrize("height, width", [(1, 2), (3, 90), (200, 130)])
def test_photographs_of_any_size(painter, height, width):
    """The last is reduced: the working size is 64."""
    photo, mask = photograph(height, width), np.zeros((height, width), np.uint8)
    mask[height // 4 : height // 4 + 100, width // 2 : width // 2 + 60] = 255
    filled, edges = painter.fill(photo, mask, detail="off"), painter.edges(photo, mask)
    assert filled.shape == photo.shape and edges.shape == mask.shape
    np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])


def test_a_drawing_guides(painter):
    photo, mask = photograph(64, 64), np.zeros((64, 64), np.uint8)
    mask[20:44, 20:44] = 255
    hole = mask > 0
    drawing = np.zeros_like(mask)
    drawing[30:33, 20:44] = 255
    known = known_edges(photo, hole.astype(np.uint8))
    assert known.any()
    plain = painter.fill(photo, mask, detail="off")
    guided = painter.fill(photo, mask, detail="off", edges=drawing)
    assert (guided != plain)[hole].any() and (guided == photo)[~hole].all()
    # The known edges were added, as the drawing has none outside the hole.
    whole = np.maximum(known, drawing)
    np.testing.assert_array_equal(painter.fill(photo, mask, detail="off", edges=whole), guided)
    images = photo[None].astype(np.float32) / 127.5 - 1
    maps = [x[None, ..., None].astype(np.float32) for x in (hole, whole > 127)]
    output = painter.generate(images, maps[0], edges=maps[1])
    expected = np.rint(np.clip((np.asarray(output[0]) + 1) * 127.5, 0, 255))
    np.testing.assert_allclose(guided[hole], expected[hole], atol=1)
    # One with edges outside is taken as it is.
    drawing[0, 0] = 255
    maps[1] = (drawing > 127)[None, ..., None].astype(np.float32)
    output = painter.generate(images, maps[0], edges=maps[1])
    expected = np.rint(np.clip((np.asarray(output[0]) + 1) * 127.5, 0, 255))
    guided = painter.fill(photo, mask, detail="off", edges=drawing)
    np.testing.assert_allclose(guided[hole], expected[hole], atol=1)


# -------------------------------------------------------------------------------- released weights


def released_tensors(table):
    """Made tensors of a table's kernels and biases, with their official names."""
    return {
        name: made_weight(name, place.shape)
        for name, place in table.items()
        if not name.endswith("weight_u")
    }


def test_spectral_norms_of_a_file_whole_or_divided_with_vectors_or_without():
    """Each file makes the same network: kernels over their largest singular values."""
    network = EdgeNetwork(4, 1)
    table = released.edges(network)
    tensors, vectors, divided = released_tensors(table), {}, {}
    for name, tensor in tensors.items():
        if not name.endswith("weight_orig"):
            divided[name] = tensor
            continue
        up = name.startswith(("decoder.0", "decoder.3"))
        matrix = (tensor.swapaxes(0, 1) if up else tensor).reshape(tensor.shape[int(up)], -1)
        left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
        vectors[name.replace("_orig", "_u")] = left[:, 0].astype(np.float32)
        vectors[name.replace("_orig", "_v")] = right[0].astype(np.float32)
        divided[name.replace("_orig", "")] = (tensor / values[0]).astype(np.float32)
    inputs = [numbers(seed, 2, 16, 16, 1).astype(np.float32) for seed in range(2)]
    inputs.append((numbers(2, 2, 16, 16, 1) > 0).astype(np.float32))
    outputs = []
    for file in (tensors, {**tensors, **vectors}, divided):
        places.fill(table, released.prepared("", file), "tensors")
        for layer in (network.encoders[0], network.decoders[0]):
            kernel, u = layer.kernel.numpy(), layer.filter_vector.numpy()
            matrix = kernel.reshape(-1, kernel.shape[-1])
            assert np.linalg.norm(matrix @ u) / np.linalg.norm(u) == pytest.approx(
                np.linalg.norm(matrix, 2), rel=1e-5
            )
        outputs.append(network(inputs).numpy())
    for output in outputs[1:]:
        np.testing.assert_allclose(output, outputs[0], atol=1e-5)
    with pytest.raises(SettingsError, match="1 missing .encoder.4.bias"):
        lacking = {name: tensor for name, tensor in tensors.items() if name != "encoder.4.bias"}
        places.fill(table, released.prepared("", lacking), "tensors")


def test_the_second_name_of_a_critics_first_kernel_is_left_aside():
    critic = EdgeConnectCritic(2, 4)
    table = released.critic(critic)
    tensors = released_tensors(table)
    again = {"features.0.weight_orig": tensors["conv1.0.weight_orig"]}
    places.fill(table, released.prepared("", {**tensors, **again}), "tensors")
    np.testing.assert_array_equal(
        critic.convolutions[0].kernel, tensors["conv1.0.weight_orig"].transpose(2, 3, 1, 0)
    )


# --------------------------------------------------------------------------------------- features


def test_features_are_vgg_19s(tmp_path):
    images = np.random.default_rng(0).uniform(size=(1, 32, 32, 3)).astype(np.float32)
    whole = tf.keras.applications.VGG19(include_top=False, weights=None)
    whole.save_weights(tmp_path / "vgg19.h5")
    layers = edge_connect.CONTENT + edge_connect.STYLE
    features = VGGFeatures(str(tmp_path / "vgg19.h5"), layers, depth=19)
    # Caffe's order: blue, green, red, minus ImageNet's mean.
    inputs = images[..., ::-1] * 255 - np.array([103.939, 116.779, 123.68], np.float32)
    expected = tf.keras.Model(whole.input, [whole.get_layer(name).output for name in layers])
    for got, want in zip(features(images), expected(inputs), strict=True):
        np.testing.assert_allclose(got, want / 255, rtol=1e-3, atol=1e-5)
    assert [x.shape[-1] for x in features(images)] == [64, 128, 256, 512, 512, 128, 256, 512, 512]


@needs_shared
def test_a_file_of_another_network_is_refused():
    path = SHARED / "weights/vgg16/vgg16_imagenet_block1-3_notop_keras.h5"
    with pytest.raises(SettingsError, match="`perceptual_weights=.*it is no VGG-19 of Keras"):
        small(perceptual_weights=str(path))
