"""What the first fill must not wait for.

That is imports that it does not need, a network that is traced twice, and AutoGraph.
"""

import collections
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tensorflow as tf

import tfinpaint
from tfinpaint.layers import CoherentSemanticAttention, ContextualAttention, PatchAttention
from tfinpaint.layers.tracing import making_weights
from tfinpaint.networks.parts import make_weights
from tfinpaint.painting.painter import Painter

NOT_NEEDED = (
    "tensorflow_addons",
    "tensorflow_datasets",
    "skimage",
    "matplotlib",
    "tensorflow_serving",
    "starlette",
    "sklearn",
)


def test_a_fill_imports_nothing_that_it_does_not_need(packed):
    script = f"""
import sys
import cv2
import numpy as np
import tfinpaint
mask = np.zeros((40, 50), np.uint8)
mask[10:20, 10:20] = 255
tfinpaint.load({packed!r}).fill(np.zeros((40, 50, 3), np.uint8), mask)
print([name for name in {NOT_NEEDED!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "[]\n", done.stderr


def _operations(graph):
    """How often each type of operation is in a graph and its functions."""
    definition = graph.as_graph_def()
    nodes = [
        *definition.node,
        *(node for function in definition.library.function for node in function.node_def),
    ]
    return collections.Counter(node.op for node in nodes)


def test_the_network_is_traced_once_and_stands_once_in_the_graph():
    calls = []
    painter = Painter(tfinpaint.create("partial_conv", width=4, depth=4), 32)
    generate = painter.system.generate
    painter.system.generate = lambda *arguments: calls.append(0) or generate(*arguments)
    for side in (30, 70, 200):  # as it is, and reduced
        mask = np.zeros((side, side), np.uint8)
        mask[5:-5, 5:-5] = 255
        painter.fill(np.zeros((side, side, 3), np.uint8), mask)
    assert len(calls) == 1
    whole, network = (
        _operations(function.get_concrete_function().graph)
        for function in (painter._fill_thin, painter._generate)
    )
    assert whole["Conv2D"] == network["Conv2D"] > 10


@pytest.mark.slow
def test_no_source_is_rewritten(monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("AutoGraph was asked to convert a function")

    from tensorflow.python.autograph.impl import api

    monkeypatch.setattr(api, "_convert_actual", refuse)
    painter = Painter(tfinpaint.create("multistage", width=4, depth=4), 32)
    mask = np.zeros((40, 40), np.uint8)
    mask[10:20, 10:30] = 255
    painter.fill(np.zeros((40, 40, 3), np.uint8), mask)


@pytest.mark.parametrize(
    "layer",
    [
        PatchAttention(1),
        PatchAttention(3, 3, "official"),
        ContextualAttention(),
        CoherentSemanticAttention(),
    ],
    ids=lambda layer: layer.name,
)
def test_attention_is_left_out_while_weights_are_made_and_only_then(layer):
    rng = np.random.default_rng(0)
    features, hole = (
        rng.normal(size=(1, 8, 8, 4)).astype(np.float32),
        np.zeros((1, 8, 8, 1), np.float32),
    )
    hole[:, 2:5, 3:6] = 1
    before = layer([features, hole]).numpy()
    with making_weights():
        np.testing.assert_array_equal(layer([features, hole]), features)
    assert not np.array_equal(before, features)
    np.testing.assert_array_equal(layer([features, hole]), before)
    assert not layer.weights  # or they would not be made


def test_an_error_while_weights_are_made_ends_the_leaving_out():
    class Broken(tf.keras.layers.Layer):
        def call(self, inputs):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        make_weights(Broken(), 3)
    features = np.arange(64, dtype=np.float32).reshape(1, 4, 4, 4)
    hole = np.zeros((1, 4, 4, 1), np.float32)
    hole[:, 1, 1] = 1
    assert not np.array_equal(PatchAttention(1)([features, hole]), features)


@pytest.mark.slow
@pytest.mark.parametrize("model", [pytest.param("default", marks=pytest.mark.slow), "packed"])
def test_the_command_fills_byte_for_byte_as_python_does(tmp_path, request, model):
    """Also if the command leaves the graph as it is and TensorFlow changes it elsewhere. Tested
    with detail, and with batch norm (`packed`)."""
    model = request.getfixturevalue(model) if model == "packed" else model
    rng = np.random.default_rng(5)
    photo = cv2.resize(
        rng.integers(0, 256, (40, 50, 3), np.uint8), (250, 200), interpolation=cv2.INTER_CUBIC
    )
    mask = np.zeros((200, 250), np.uint8)
    mask[60:130, 80:170] = 255
    for name, picture in (("photo", photo), ("mask", mask)):
        cv2.imwrite(
            str(tmp_path / f"{name}.png"), picture[..., ::-1] if picture.ndim == 3 else picture
        )
    files = [
        f"--{name}={tmp_path}/{file}.png"
        for name, file in (("image", "photo"), ("mask", "mask"), ("output", "filled"))
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tfinpaint.inpaint", f"--model={model}", *files],
        check=True,
        capture_output=True,
    )
    assert done.stderr == b""  # no word of TensorFlow's
    filled = cv2.imread(str(tmp_path / "filled.png"))[..., ::-1]
    assert not np.array_equal(filled, photo)
    np.testing.assert_array_equal(filled, tfinpaint.load(model).fill(photo, mask))


def test_it_is_found_beside_its_clone(tmp_path):
    """Scripts often lie in the folder that the clone is in, where `tfinpaint` is the clone."""
    (tmp_path / "tfinpaint" / "tfinpaint").mkdir(parents=True)
    script = "import tfinpaint; print(tfinpaint.load.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "load\n", "")
