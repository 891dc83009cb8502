"""InceptionV3 features for metrics of sets of photographs (FID and others).

    network = from_frozen_graph(path)    # a frozen TensorFlow graph: the published FID's network
    network = from_pytorch(path)         # a PyTorch state dict: its port, as in pytorch-fid
    network = from_keras(path)           # Keras .h5 weights: another network, that of
                                         # tf.keras.applications.InceptionV3

Input:   images float32 [B, H, W, 3], RGB in [0, 255]. Each network resizes them to 299 x 299 itself
         (bilinear, without antialiasing).
Output:  float32 [B, 2048], the last maps averaged over positions.
Raises:  SettingsError, naming `inception_weights`, if a file cannot be read or holds other weights.

Source: Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016. The
trained graph is the one of December 2015 that Heusel et al. (GANs Trained by a Two Time-Scale
Update Rule, NeurIPS 2017) chose for FID.
"""

import re
from typing import Callable

import h5py
import numpy as np
import tensorflow as tf

from tfinpaint.settings import SettingsError
from tfinpaint.weights import places, state_dicts

FEATURES = 2048
_ARGUMENT = "inception_weights"
_SIDE = 299
# Tensors of the graph: photographs [1, H, W, 3], features [1, 1, 1, 2048].
_INPUT, _OUTPUT = "ExpandDims", "pool_3"
# The network of 2015 has this many classes; torchvision's InceptionV3, with the same names, 1000.
_CLASSES = 1008

# The operations of the published graph between the two tensors. A graph with any other operation is
# not run, since TensorFlow also has operations that read and write files.
_OPERATIONS = frozenset(
    "Add AddV2 AvgPool BatchNormWithGlobalNormalization BiasAdd CheckNumerics Concat ConcatV2 "
    "Const Conv2D FusedBatchNorm FusedBatchNormV3 Identity MaxPool Mean Mul NoOp Relu Reshape "
    "ResizeBilinear Sub".split()
)

# Units of the PyTorch port, each a convolution and its batch norm, in the order in which Keras
# makes these layers.
_STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
_A = "branch1x1 branch5x5_1 branch5x5_2 branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3 branch_pool"
_C = (
    "branch1x1 branch7x7_1 branch7x7_2 branch7x7_3 "
    "branch7x7dbl_1 branch7x7dbl_2 branch7x7dbl_3 branch7x7dbl_4 branch7x7dbl_5 branch_pool"
)
_E = (
    "branch1x1 branch3x3_1 branch3x3_2a branch3x3_2b "
    "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3a branch3x3dbl_3b branch_pool"
)
_BLOCKS = {
    "5b": _A,
    "5c": _A,
    "5d": _A,
    "6a": "branch3x3 branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3",
    "6b": _C,
    "6c": _C,
    "6d": _C,
    "6e": _C,
    "7a": "branch3x3_1 branch3x3_2 branch7x7x3_1 branch7x7x3_2 branch7x7x3_3 branch7x7x3_4",
    "7b": _E,
    "7c": _E,
}
_UNITS = (
    *_STEM,
    *(
        f"Mixed_{block}.{branch}"
        for block, branches in _BLOCKS.items()
        for branch in branches.split()
    ),
)


def from_frozen_graph(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Reads classify_image_graph_def.pb of 2015, or any graph with the same two tensors.

    These are ExpandDims:0 (photographs) and pool_3:0 (features [B, 1, 1, 2048]). See the top of the
    file for what is returned.
    """
    v1 = tf.compat.v1
    begin = f"`{_ARGUMENT}={path!r}`"

    def read():
        with open(path, "rb") as file:
            return v1.GraphDef.FromString(file.read())

    graph_def = state_dicts.guarded(read, begin, "a frozen TensorFlow graph")
    if not {_INPUT, _OUTPUT} <= {node.name for node in graph_def.node}:
        raise SettingsError(
            f"{begin} is not the graph of the published FID: it lacks {_INPUT}:0 or {_OUTPUT}:0"
        )

    part = _between(graph_def)
    others = sorted({node.op for node in part.node} - _OPERATIONS)
    if others:
        raise SettingsError(
            f"{begin} is not the graph of the published FID: it has the operations "
            f"{', '.join(others[:5])}"
        )

    # A session, not a tf.function: the graph has an operation that graph version 9 removed. An
    # imported graph keeps the version that it was written with; a function has the current one.
    graph = tf.Graph()
    with graph.as_default():
        images = v1.placeholder(tf.float32, [None, None, None, 3])  # [B, H, W, 3]
        (maps,) = state_dicts.guarded(
            lambda: v1.import_graph_def(part, {f"{_INPUT}:0": images}, [f"{_OUTPUT}:0"], name=""),
            begin,
            "the graph of the published FID",
        )
        if maps.shape.rank != 4 or maps.shape[-1] != FEATURES:
            raise SettingsError(
                f"{begin} is not the graph of the published FID: {_OUTPUT}:0 is [B, 1, 1, "
                f"{FEATURES}] there. Got "
                f"{maps.shape}"
            )
        features = tf.reshape(maps, [-1, FEATURES])  # [B, 2048]
    session = v1.Session(graph=graph)
    return lambda batch: session.run(features, {images: batch})


def from_keras(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Reads weights of Keras' InceptionV3, with or without the classification layer.

    The format is that of `save_weights` and of the files that Keras downloads.
    """
    begin = f"`{_ARGUMENT}={path!r}`"

    def read():
        with h5py.File(path, "r") as file:
            top = "predictions" in (file["model_weights"] if "model_weights" in file else file)
        network = tf.keras.applications.InceptionV3(include_top=top, weights=None)
        network.load_weights(path)  # by order, since numbers in names depend on earlier layers
        return network

    network = state_dicts.guarded(read, begin, "Keras .h5 weights of InceptionV3")
    return _on_squares(network.input, network.get_layer("mixed10").output)


def from_pytorch(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Reads the state dict of the port, pt_inception-2015-12-05.

    Keras' network has the same layers, except for the pool of the last block: it is an average
    there, and a maximum in the graph of 2015. The averages of the other pools leave out padding, as
    in TensorFlow.
    """
    begin = f"`{_ARGUMENT}={path!r}`"
    tensors = state_dicts.read(path, _ARGUMENT)
    if np.shape(tensors.get("fc.weight", ()))[:1] != (_CLASSES,):
        raise SettingsError(
            f"{begin} is not the port of the published FID's network: its fc.weight is "
            f"[{_CLASSES}, {FEATURES}]"
        )

    original = tf.keras.applications.InceptionV3(include_top=False, weights=None)
    last = [
        layer for layer in original.layers if isinstance(layer, tf.keras.layers.AveragePooling2D)
    ][-1]

    def clone(layer):
        settings = layer.get_config()
        if layer is last:
            return tf.keras.layers.MaxPool2D(3, strides=1, padding="same", name=layer.name)
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            settings["scale"] = True
        return type(layer).from_config(settings)

    network = tf.keras.models.clone_model(original, clone_function=clone)
    table = {}
    for unit, conv, norm in zip(
        _UNITS,
        _made(network, tf.keras.layers.Conv2D),
        _made(network, tf.keras.layers.BatchNormalization),
        strict=True,
    ):
        table[f"{unit}.conv.weight"] = places.Place(conv.kernel, (2, 3, 1, 0))
        for name, variable in (
            ("weight", norm.gamma),
            ("bias", norm.beta),
            ("running_mean", norm.moving_mean),
            ("running_var", norm.moving_variance),
        ):
            table[f"{unit}.bn.{name}"] = places.Place(variable, (0,))
    used = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(("fc.", "AuxLogits."))
    }
    places.fill(table, used, f"{begin} does not hold the port of the published FID's network")
    return _on_squares(network.input, network.output)


def _between(graph_def):
    """The part of a graph that leads from photographs to features.

    Other parts work for a single photograph only. The shapes that the file records are those of a
    single photograph too, so they are removed.
    """
    nodes = {node.name: node for node in graph_def.node}
    wanted, waiting = set(), [_OUTPUT]
    while waiting:
        name = waiting.pop()
        if name in nodes and name != _INPUT and name not in wanted:
            wanted.add(name)
            waiting += [source.lstrip("^").split(":")[0] for source in nodes[name].input]
    part = tf.compat.v1.GraphDef(
        versions=graph_def.versions, node=[node for node in graph_def.node if node.name in wanted]
    )
    for node in part.node:
        node.attr.pop("_output_shapes", None)
    return part


def _made(network, kind):
    """A network's layers of a class, in the order in which they were made.

    The order follows from the numbers in their names.
    """
    layers = [layer for layer in network.layers if isinstance(layer, kind)]
    return sorted(layers, key=lambda layer: int(re.search(r"\d*$", layer.name)[0] or 0))


def _on_squares(inputs, maps):
    """A function photographs -> features, from a network for 299 x 299 squares in [-1, 1].

    inputs: the network's input.   maps: its last maps, [B, 8, 8, 2048].
    """
    network = tf.keras.Model(inputs, tf.keras.layers.GlobalAveragePooling2D()(maps))

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)], autograph=False
    )
    def features(images):
        squares = tf.image.resize(images, [_SIDE, _SIDE])  # [B, 299, 299, 3]
        return network(squares / 127.5 - 1.0, training=False)  # [B, 2048]

    return features
