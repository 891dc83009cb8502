"""Files of weights that hold code: none of it runs, and the error is one line.

A file tells by a mark that it would leave on the disk.
"""

import io
import json
import marshal
import os
import pickle
import sys
import types
import zipfile

import h5py
import numpy as np
import pytest
import tensorflow as tf

from tfinpaint import packed
from tfinpaint.metrics import lpips
from tfinpaint.networks import inception
from tfinpaint.settings import SettingsError
from tfinpaint.weights import keras_files, state_dicts


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark):
        self._mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self._mark,)


@pytest.fixture
def mark(tmp_path):
    """The path of the mark. The test's file must not leave it."""
    path = tmp_path / "executed"
    yield path
    assert not path.exists()


def array_of(thing):
    """The bytes of an .npy file whose only entry is a pickled object."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array([thing], object), allow_pickle=True)
    return file.getvalue()


def npz(path, thing):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("step.npy", array_of(thing))
        file.writestr("weight.npy", array_of(thing))


def test_the_bomb_works(tmp_path):
    npz(tmp_path / "a.npz", Bomb(tmp_path / "executed"))
    with np.load(tmp_path / "a.npz", allow_pickle=True) as file:
        assert file["step"].shape == (1,)
    assert (tmp_path / "executed").is_dir()


def test_npz_files(tmp_path, mark):
    npz(tmp_path / "weights.npz", Bomb(mark))
    path = str(tmp_path / "weights.npz")
    with pytest.raises(SettingsError, match="cannot be read as a PyTorch state dict.*allow_pickle"):
        state_dicts.read(path, "weights")
    with pytest.raises(SettingsError, match="allow_pickle"):
        packed.read_weights(str(tmp_path), "`model='a'`")
    with pytest.raises(SettingsError):
        lpips.Lpips(path)


def test_a_pickle_that_is_called_npz(tmp_path, mark):
    (tmp_path / "weights.npz").write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(SettingsError, match="cannot be read"):
        state_dicts.read(str(tmp_path / "weights.npz"), "weights")
    with pytest.raises(SettingsError, match="cannot be read"):
        packed.read_weights(str(tmp_path), "`model='a'`")


def test_a_pickle_that_is_called_safetensors(tmp_path, mark):
    pytest.importorskip("safetensors", reason="no safetensors: pip install -e .[import]")
    (tmp_path / "g.safetensors").write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(SettingsError, match="cannot be read"):
        state_dicts.read(str(tmp_path / "g.safetensors"), "weights")


@pytest.mark.parametrize("version", ["1.13.1", "2.5.1+cu121", "odd"])
def test_pytorch_before_its_weights_only_was_safe(tmp_path, monkeypatch, mark, version):
    def load(path, **options):
        with open(path, "rb") as file:
            return pickle.load(file)

    torch = types.SimpleNamespace(load=load, __version__=version)
    monkeypatch.setitem(sys.modules, "torch", torch)
    (tmp_path / "g.pth").write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(SettingsError, match=r"with PyTorch 2\.6 or later.* Got "):
        state_dicts.read(str(tmp_path / "g.pth"), "weights")


def test_pytorch(tmp_path, mark):
    torch = pytest.importorskip("torch", reason="no PyTorch")
    torch.save(Bomb(mark), tmp_path / "g.pth")
    with pytest.raises(SettingsError, match="holds more than tensors"):
        state_dicts.read(str(tmp_path / "g.pth"), "weights")


def test_keras_h5_with_a_lambda(tmp_path, mark):
    """Only the arrays of a file are read, not the network that it describes."""
    network = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), name="dense")])
    network.save_weights(tmp_path / "w.h5")
    code = compile(f"__import__('os').mkdir({str(mark)!r})", "a", "eval")
    layer = {
        "class_name": "Lambda",
        "config": {"name": "a", "function": [marshal.dumps(code).hex(), None, None]},
    }
    with h5py.File(tmp_path / "w.h5", "a") as file:
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "a", "layers": [layer]}}
        )
        file["dense"].attrs["odd"] = np.void(pickle.dumps(Bomb(mark)))
    other = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), name="dense")])
    keras_files.load_file(other, "a network", str(tmp_path / "w.h5"), "perceptual_weights")
    for one, same in zip(other.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_pickle_that_is_called_h5(tmp_path, mark):
    (tmp_path / "w.h5").write_bytes(pickle.dumps(Bomb(mark)))
    network = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
    with pytest.raises(SettingsError, match="is no Keras .h5 file"):
        keras_files.load_file(network, "a network", str(tmp_path / "w.h5"), "perceptual_weights")
    with pytest.raises(SettingsError, match="cannot be read as Keras"):
        inception.from_keras(str(tmp_path / "w.h5"))


def test_a_frozen_graph_that_writes_files(tmp_path, mark):
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3], name="a")
        x = tf.identity(images, name="ExpandDims")
        write = tf.raw_ops.WriteFile(filename=str(mark), contents="executed")
        with tf.control_dependencies([write]):
            x = tf.reduce_mean(x, [1, 2], keepdims=True)
        tf.tile(x, [1, 1, 1, 683], name="pool_3")
    (tmp_path / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(SettingsError, match="it has the operations .*WriteFile"):
        inception.from_frozen_graph(str(tmp_path / "graph.pb"))


def test_a_saved_model_does_run(tmp_path):
    """What docs/serve.md warns of: a graph may write files, also while it is loaded."""
    module = tf.Module()
    mark = str(tmp_path / "executed")

    @tf.function(input_signature=[])
    def run():
        tf.io.write_file(mark, "executed")
        return tf.constant(1)

    module.run = run
    tf.saved_model.save(module, str(tmp_path / "1"))
    tf.saved_model.load(str(tmp_path / "1")).run()
    assert (tmp_path / "executed").read_text() == "executed"
