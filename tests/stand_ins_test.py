"""What stands in for TensorFlow Addons: by hand, and beside Addons where that is installed."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint import addons, stand_ins

beside_addons = pytest.mark.skipif(not addons.there(), reason="TensorFlow Addons is not installed")


def both(name):
    """The stand-in, and Addons' own."""
    return getattr(stand_ins, name), getattr(addons, name)


def test_the_stack_that_is_installed_is_used():
    for name in addons._MODULES:
        mine, chosen = both(name)
        assert (chosen is mine) == (not addons.there())


def test_a_power_step_by_hand():
    conv = tf.keras.layers.Conv2D(5, 3, use_bias=False)
    layer = stand_ins.SpectralNormalization(conv, power_iterations=2)
    layer.build([None, 8, 8, 4])
    kernel = conv.kernel.numpy().astype(np.float64).reshape(-1, 5)
    left = layer.u.numpy().astype(np.float64)
    for _ in range(2):
        right = left @ kernel.T
        right /= np.linalg.norm(right)
        left = right @ kernel
        left /= np.linalg.norm(left)
    images = tf.random.stateless_normal([1, 8, 8, 4], (1, 2))
    before = layer(images, training=False)  # leaves everything as it is
    np.testing.assert_array_equal(before, conv(images))
    after = layer(images, training=True)
    sigma = (right @ kernel @ left.T).item()
    np.testing.assert_allclose(after, before / sigma, atol=1e-5)
    np.testing.assert_allclose(layer.u, left, atol=1e-5)
    for _ in range(60):
        layer(images, training=True)
    matrix = conv.kernel.numpy().reshape(-1, 5)
    assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1, abs=1e-4)
    with pytest.raises(ValueError, match="at least 1. Got 0"):
        stand_ins.SpectralNormalization(conv, power_iterations=0)


@beside_addons
@pytest.mark.parametrize("graph", [False, True])
def test_spectral_normalization_does_as_addons(graph):
    images = tf.random.stateless_normal([2, 8, 8, 3], (3, 4))
    layers = [
        make(tf.keras.layers.Conv2D(6, 4, 2, name="conv"), name="spectral")
        for make in both("SpectralNormalization")
    ]
    for layer in layers:
        layer.build([None, None, None, 3])
    layers[0].set_weights(layers[1].get_weights())
    found = []
    for layer in layers:

        def step(layer=layer):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(layer(images, training=True) ** 2)
            return loss, tape.gradient(loss, layer.trainable_variables)

        step = tf.function(step) if graph else step
        loss, gradients = [step() for _ in range(3)][-1]
        found.append([loss, *gradients, *layer.get_weights()])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)
    mine, theirs = ([(v.name, v.trainable) for v in layer.variables] for layer in layers)
    assert mine == theirs


@pytest.mark.parametrize("affine", [False, True])
def test_instance_normalization(affine):
    x = np.random.default_rng(0).normal(3, 2, (2, 5, 7, 4)).astype(np.float32)
    gamma, beta = np.arange(4) + 0.5, np.arange(4) - 1.0
    settings = {"epsilon": 1e-5, "center": affine, "scale": affine}
    mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    wanted = (x - mean) / np.sqrt(variance + 1e-5)
    layers = [make(**settings, name="norm") for make in both("InstanceNormalization")]
    for layer in layers:
        layer.build([None, 5, 7, 4])
        if affine:
            layer.set_weights([gamma, beta])
        np.testing.assert_allclose(layer(x), wanted * gamma + beta if affine else wanted, atol=1e-5)
    names = [[v.name for v in layer.variables] for layer in layers]
    assert names[0] == names[1] == (["gamma:0", "beta:0"] if affine else [])


@beside_addons
def test_gradients_of_instance_normalization_are_addons():
    x, seen = tf.random.stateless_normal([2, 6, 6, 3], (5, 6)), []
    for make in both("InstanceNormalization"):
        layer = make(epsilon=1e-5)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) ** 3)
        seen.append(tape.gradient(loss, [x, *layer.trainable_variables]))
    for mine, theirs in zip(*seen, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)


@beside_addons
@pytest.mark.parametrize("name", ["SpectralNormalization", "InstanceNormalization"])
def test_checkpoints_of_either_restore_on_the_other(name, tmp_path):
    def made(make):
        layer = make(tf.keras.layers.Conv2D(4, 3)) if name.startswith("S") else make()
        layer.build([None, 8, 8, 3])
        return layer

    for source, target in (both(name), both(name)[::-1]):
        old, new = made(source), made(target)
        old.set_weights([w + 0.5 for w in old.get_weights()])
        path = tf.train.Checkpoint(layer=old).write(str(tmp_path / "checkpoint"))
        status = tf.train.Checkpoint(layer=new).read(path)
        status.assert_consumed()
        for a, b in zip(old.get_weights(), new.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def distances(images):
    """Brute force."""
    found = np.full(images.shape, np.float32(1e19))
    for b, y, x, _ in np.argwhere(images >= 0):
        zeros = np.argwhere(images[b, ..., 0] == 0)
        if len(zeros):
            found[b, y, x, 0] = np.sqrt(((zeros - [y, x]) ** 2).sum(1).min())
    return found


def test_distance_transform():
    rng = np.random.default_rng(1)
    images = (rng.uniform(size=(5, 17, 23, 1)) < [[[[p]]] for p in (0, 0.5, 0.9, 0.99, 2)]).astype(
        np.uint8
    )
    wanted = distances(images)
    for transform in both("euclidean_dist_transform"):
        found = np.asarray(transform(tf.constant(images)))
        np.testing.assert_allclose(found[:4], wanted[:4], rtol=1e-6, atol=1e-6)
        assert (found[4] >= 1e9).all()  # nothing is 0: farther than any
    in_graph = tf.function(stand_ins.euclidean_dist_transform)(tf.constant(images))
    np.testing.assert_array_equal(in_graph, stand_ins.euclidean_dist_transform(images))


@beside_addons
def test_distances_are_addons_exactly():
    images = np.random.default_rng(2).uniform(size=(4, 120, 200, 1)) < 0.998
    images[3] = True  # nothing is 0
    mine, theirs = (f(tf.constant(images, tf.uint8)) for f in both("euclidean_dist_transform"))
    np.testing.assert_array_equal(mine, theirs)


def test_a_quarter_turn_and_a_shift():
    images = np.arange(2 * 4 * 4, dtype=np.float32).reshape(2, 4, 4, 1)
    for module in (stand_ins, addons):
        turn = module.angles_to_projective_transforms(tf.fill([2], np.pi / 2), 4.0, 4.0)
        shift = tf.constant([[1, 0, 1, 0, 1, 0, 0, 0]] * 2, tf.float32)  # by one to the left
        turned = module.transform(images, turn, "nearest")
        np.testing.assert_array_equal(turned, np.rot90(images, 1, (1, 2)))
        # The first takes coordinates from the second: what is turned moves to the left.
        composed = module.transform(images, module.compose_transforms([turn, shift]), "nearest")
        np.testing.assert_array_equal(composed[:, :, :-1], turned[:, :, 1:])
        assert not composed.numpy()[:, :, -1].any()


@beside_addons
def test_transforms_are_addons_exactly():
    rng = np.random.default_rng(3)
    images = tf.constant(rng.uniform(size=(6, 40, 40, 1)) < 0.5, tf.float32)
    found = []
    for module in (stand_ins, addons):
        turn = module.angles_to_projective_transforms(
            tf.constant(np.linspace(-3, 3, 6), tf.float32), 40.0, 40.0
        )
        zoom = tf.tile([[0.8, 0.0, 4.0, 0.0, 0.8, 4.0, 0.0, 0.0]], [6, 1])
        moves = module.compose_transforms([turn, zoom])
        found.append([moves, module.transform(images, moves, "nearest")])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_keras_3_is_refused_with_a_line():
    if addons.there():
        pytest.skip("with TensorFlow 2.15 `tf.keras` is Keras 2 always")
    code = (
        "import os; os.environ['TF_USE_LEGACY_KERAS'] = '0'; import tfinpaint; "
        "tfinpaint.create('partial_conv')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "tfinpaint needs Keras 2" in done.stderr.splitlines()[-1]
