"""tfinpaint.networks.inception: each kind of file against an independent use of its weights."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.networks import inception
from tfinpaint.settings import SettingsError


def photos(count, height, width):
    return (
        np.random.RandomState(count).randint(0, 256, (count, height, width, 3)).astype(np.float32)
    )


# ------------------------------------------------------------------------------------ frozen graphs


def made_graph(channels=inception.FEATURES):
    """A graph with the names and traps of the one of 2015: it is fixed to one photograph, notes
    shapes, and has an operation that has since been removed. Photographs become 4 x 4, each place
    K x, normalised; pool_3 is the mean over places."""
    v1, rs = tf.compat.v1, np.random.RandomState(3)
    numbers = {
        "mean": rs.normal(0, 9, channels),
        "variance": rs.uniform(0.5, 9, channels),
        "beta": rs.normal(0, 1, channels),
        "gamma": np.ones(channels),
        "kernel": rs.normal(0, 1, (1, 1, 3, channels)),
    }
    with tf.Graph().as_default() as graph:
        photo = tf.image.decode_jpeg(
            v1.placeholder(tf.string, [], name="DecodeJpeg/contents"), channels=3
        )
        x = tf.expand_dims(tf.cast(photo, tf.float32), 0, name="ExpandDims")
        x = tf.raw_ops.ResizeBilinear(images=x, size=[4, 4], name="ResizeBilinear")
        x = tf.nn.conv2d(x, numbers["kernel"].astype(np.float32), 1, "VALID", name="conv")
        for name in ("mean", "variance", "beta", "gamma"):
            tf.constant(numbers[name], tf.float32, name=name)
        x = tf.nn.avg_pool2d(x, 4, 4, "VALID", name="pool_3")
        tf.nn.softmax(tf.reshape(x, [1, channels], name="pool_3/_reshape"), name="softmax")
    graph_def = graph.as_graph_def(add_shapes=True)
    norm = graph_def.node.add(
        op="BatchNormWithGlobalNormalization",
        name="norm",
        input=["conv", "mean", "variance", "beta", "gamma"],
    )
    (
        norm.attr["T"].type,
        norm.attr["variance_epsilon"].f,
        norm.attr["scale_after_normalization"].b,
    ) = 1, 0.001, False
    next(node for node in graph_def.node if node.name == "pool_3").input[0] = "norm"
    graph_def.versions.producer = 8
    return graph_def, numbers


def write(graph_def, tmp_path):
    path = tmp_path / "graph.pb"
    path.write_bytes(graph_def.SerializeToString())
    return str(path)


def test_a_frozen_graph_made_for_one_photograph_takes_batches(tmp_path):
    graph_def, numbers = made_graph()
    network = inception.from_frozen_graph(write(graph_def, tmp_path))
    small = photos(3, 4, 4)  # which the resizing leaves unchanged
    means = small.mean(axis=(1, 2)) @ numbers["kernel"][0, 0]
    expected = (means - numbers["mean"]) / np.sqrt(numbers["variance"] + 0.001) + numbers["beta"]
    np.testing.assert_allclose(network(small), expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(network(small[1:2]), expected[1:2], rtol=1e-4, atol=1e-3)
    # The graph's own resizing: every second pixel of 8 x 8.
    np.testing.assert_allclose(
        network(small.repeat(2, axis=1).repeat(2, axis=2)), expected, rtol=1e-4, atol=1e-3
    )


def test_other_graphs_are_refused(tmp_path):
    def renamed(graph_def):
        graph_def.node.remove(
            next(node for node in graph_def.node if node.name == "pool_3/_reshape")
        )
        next(node for node in graph_def.node if node.name == "pool_3").name = "pool_4"

    def loose(graph_def):
        next(node for node in graph_def.node if node.name == "norm").input[0] = "nowhere"

    def narrow(graph_def):
        graph_def.CopyFrom(made_graph(64)[0])

    for spoil, says in (
        (renamed, "lacks ExpandDims:0 or pool_3:0"),
        (loose, "nowhere"),
        (narrow, r"2048\] there. Got \(None, 1, 1, 64\)"),
    ):
        graph_def, _ = made_graph()
        spoil(graph_def)
        with pytest.raises(SettingsError, match=f"^`inception_weights='.*graph.pb'` .*{says}"):
            inception.from_frozen_graph(write(graph_def, tmp_path))
    (tmp_path / "graph.pb").write_bytes(b"no graph at all")
    with pytest.raises(SettingsError, match="cannot be read as a frozen TensorFlow graph"):
        inception.from_frozen_graph(str(tmp_path / "graph.pb"))


# ----------------------------------------------------------------------------------- Keras' weights


def with_random_weights(network):
    rs = np.random.RandomState(4)
    for variable in network.weights:
        shape = variable.shape.as_list()
        variable.assign(
            rs.uniform(0.5, 1.5, shape)
            if "variance" in variable.name
            else rs.normal(0, 0.1 if len(shape) == 1 else np.sqrt(2 / np.prod(shape[:-1])), shape)
        )
    return network


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("top, whole", [(False, False), (True, True)])
def test_keras_weights_give_keras_features(top, whole, tmp_path):
    network = with_random_weights(tf.keras.applications.InceptionV3(include_top=top, weights=None))
    network.save(tmp_path / "w.h5") if whole else network.save_weights(tmp_path / "w.h5")
    images = photos(2, 120, 90)
    squares = tf.keras.applications.inception_v3.preprocess_input(
        tf.image.resize(images, [299, 299])
    )
    maps = tf.keras.Model(network.input, network.get_layer("mixed10").output)(
        squares, training=False
    )
    features = inception.from_keras(str(tmp_path / "w.h5"))(images)
    expected = maps.numpy().mean(axis=(1, 2))
    assert expected.std() > 0.01 and np.abs(expected[0] - expected[1]).max() > 0.01
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4 * expected.std())


@pytest.mark.slow
def test_other_h5_files_are_refused(tmp_path):
    network = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
    network.save_weights(tmp_path / "w.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    for name in ("w.h5", "text.h5"):
        with pytest.raises(
            SettingsError,
            match=rf"^`inception_weights='.*{name}'` cannot be read as "
            r"Keras .h5 weights of InceptionV3",
        ):
            inception.from_keras(str(tmp_path / name))


# ------------------------------------------------------------------------ the port, written by name


class Port:
    """The network of 2015 with the names of the port's state dict, as a function of squares in
    [-1, 1]. It makes its weights as it goes."""

    def __init__(self):
        self.tensors = {
            "fc.weight": np.zeros((1008, 2048), np.float32),
            "fc.bias": np.zeros(1008, np.float32),
        }
        self.block = None

    def unit(self, x, name, kernel, filters, stride=1, padding="SAME"):
        rs = np.random.RandomState(len(self.tensors))
        shape = (filters, x.shape[-1], *kernel)
        weight = rs.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        gamma, beta, mean, variance = (
            rs.uniform(0.8, 1.2, filters),
            *rs.normal(0, 0.1, (2, filters)),
            rs.uniform(0.8, 1.2, filters),
        )
        named = {
            "conv.weight": weight,
            "bn.weight": gamma,
            "bn.bias": beta,
            "bn.running_mean": mean,
            "bn.running_var": variance,
        }
        self.tensors.update({f"{name}.{k}": v.astype(np.float32) for k, v in named.items()})
        self.tensors[f"{name}.bn.num_batches_tracked"] = np.int64(1)
        x = tf.nn.conv2d(x, weight.transpose(2, 3, 1, 0).astype(np.float32), stride, padding)
        return tf.nn.relu((x - mean) / np.sqrt(variance + 0.001) * gamma + beta)

    def __call__(self, x):
        def branch(*steps):
            y = x
            for name, *step in steps:
                y = self.unit(y, f"{self.block}.{name}", *step)
            return y

        def pooled(filters, pool=tf.nn.avg_pool2d):
            return self.unit(pool(x, 3, 1, "SAME"), f"{self.block}.branch_pool", (1, 1), filters)

        x = self.unit(x, "Conv2d_1a_3x3", (3, 3), 32, 2, "VALID")
        x = self.unit(x, "Conv2d_2a_3x3", (3, 3), 32, 1, "VALID")
        x = tf.nn.max_pool2d(self.unit(x, "Conv2d_2b_3x3", (3, 3), 64), 3, 2, "VALID")
        x = self.unit(x, "Conv2d_3b_1x1", (1, 1), 80)
        x = tf.nn.max_pool2d(self.unit(x, "Conv2d_4a_3x3", (3, 3), 192, 1, "VALID"), 3, 2, "VALID")
        one, three, five, row, column = (1, 1), (3, 3), (5, 5), (1, 7), (7, 1)
        # fmt: off
        for self.block, filters in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
            x = tf.concat([
                branch(("branch1x1", one, 64)),
                branch(("branch5x5_1", one, 48), ("branch5x5_2", five, 64)),
                branch(("branch3x3dbl_1", one, 64), ("branch3x3dbl_2", three, 96),
                       ("branch3x3dbl_3", three, 96)),
                pooled(filters)], -1)
        self.block = "Mixed_6a"
        x = tf.concat([
            branch(("branch3x3", three, 384, 2, "VALID")),
            branch(("branch3x3dbl_1", one, 64), ("branch3x3dbl_2", three, 96),
                   ("branch3x3dbl_3", three, 96, 2, "VALID")),
            tf.nn.max_pool2d(x, 3, 2, "VALID")], -1)
        for self.block, c in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160),
                              ("Mixed_6e", 192)):
            x = tf.concat([
                branch(("branch1x1", one, 192)),
                branch(("branch7x7_1", one, c), ("branch7x7_2", row, c),
                       ("branch7x7_3", column, 192)),
                branch(("branch7x7dbl_1", one, c), ("branch7x7dbl_2", column, c),
                       ("branch7x7dbl_3", row, c), ("branch7x7dbl_4", column, c),
                       ("branch7x7dbl_5", row, 192)),
                pooled(192)], -1)
        self.block = "Mixed_7a"
        x = tf.concat([
            branch(("branch3x3_1", one, 192), ("branch3x3_2", three, 320, 2, "VALID")),
            branch(("branch7x7x3_1", one, 192), ("branch7x7x3_2", row, 192),
                   ("branch7x7x3_3", column, 192), ("branch7x7x3_4", three, 192, 2, "VALID")),
            tf.nn.max_pool2d(x, 3, 2, "VALID")], -1)
        for self.block, pool in (("Mixed_7b", tf.nn.avg_pool2d), ("Mixed_7c", tf.nn.max_pool2d)):
            first, second = (
                branch(("branch3x3_1", one, 384)),
                branch(("branch3x3dbl_1", one, 448), ("branch3x3dbl_2", three, 384)))
            x = tf.concat([
                branch(("branch1x1", one, 320)),
                *(self.unit(y, f"{self.block}.{name}{side}", kernel, 384)
                  for y, name in ((first, "branch3x3_2"), (second, "branch3x3dbl_3"))
                  for side, kernel in (("a", (1, 3)), ("b", (3, 1)))),
                pooled(192, pool)], -1)
        # fmt: on
        return tf.reduce_mean(x, [1, 2])


@pytest.mark.slow
def test_the_port_is_the_network_of_its_names(tmp_path):
    port, images = Port(), photos(2, 120, 90)
    expected = port(tf.image.resize(images, [299, 299]) / 127.5 - 1).numpy()
    np.savez(tmp_path / "w.npz", **port.tensors)
    features = inception.from_pytorch(str(tmp_path / "w.npz"))(images)
    assert (
        features.shape == (2, 2048)
        and np.abs(expected[0] - expected[1]).max() > 0.1 * expected.std()
    )
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4 * expected.std())

    del port.tensors["Mixed_6c.branch7x7_2.conv.weight"]
    np.savez(tmp_path / "w.npz", **port.tensors)
    with pytest.raises(
        SettingsError, match="^`inception_weights='.*1 missing .Mixed_6c.branch7x7_2.conv.weight"
    ):
        inception.from_pytorch(str(tmp_path / "w.npz"))


def test_torchvisions_own_network_is_refused(tmp_path):
    np.savez(tmp_path / "w.npz", **{"fc.weight": np.zeros((1000, 2048), np.float32)})
    with pytest.raises(SettingsError, match=r"fc.weight is \[1008, 2048\]"):
        inception.from_pytorch(str(tmp_path / "w.npz"))
