"""Warm-up requests that fail, and large batches, on a model of one line."""

import numpy as np
import pytest
import tensorflow as tf

from tfinpaint.export import warmup
from tfinpaint.serving.contract import ServingError, read_inputs
from tfinpaint.serving.servable import Servable
from tfinpaint.settings import SettingsError

ONE = [("serving_default", {"image": np.zeros((1, 1, 1, 3), np.uint8)})]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A version directory of a model that inverts pixels and copies strings."""
    path = str(tmp_path_factory.mktemp("saved") / "1")
    module = tf.Module()
    module.invert = tf.function(
        lambda image: {"filled": 255 - image},
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, "image")],
    )
    module.copy = tf.function(
        lambda image_bytes: {"filled_bytes": tf.identity(image_bytes)},
        input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")],
    )
    tf.saved_model.save(module, path, {"serving_default": module.invert, "files": module.copy})
    tf.io.gfile.makedirs(f"{path}/assets.extra")
    return path


def cut(content):
    return content[:-5]


def flipped(content):
    return content[:20] + bytes([content[20] ^ 255]) + content[21:]


@pytest.mark.parametrize("damage", [cut, flipped])
def test_damaged_warm_up_requests_are_told_in_one_line(saved, damage):
    path = f"{saved}/{warmup.PATH}"
    warmup.write(path, "a", ONE)
    Servable("a", saved)
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(damage(content))
    with pytest.raises(SettingsError, match=f"The warm-up requests in {path} are damaged") as error:
        Servable("a", saved)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "requests",
    [
        [("other", {"image": np.zeros((1, 1, 1, 3), np.uint8)})],
        [("serving_default", {"image": np.zeros((1, 1, 1, 4), np.uint8)})],
        [("serving_default", {"photo": np.zeros((1, 1, 1, 3), np.uint8)})],
    ],
    ids=["signature", "shape", "name"],
)
def test_warm_up_requests_that_do_not_fit_the_model(saved, requests):
    warmup.write(f"{saved}/{warmup.PATH}", "a", requests)
    with pytest.raises(SettingsError, match="warm-up requests in .* do not fit the model: "):
        Servable("a", saved)


def test_warm_up_requests_that_are_no_messages(saved):
    with tf.io.TFRecordWriter(f"{saved}/{warmup.PATH}") as writer:
        writer.write(b"\xff" * 20)
    with pytest.raises(SettingsError, match="warm-up requests in"):
        Servable("a", saved)


def test_a_batch_has_at_most_4096_photographs_in_every_form(saved):
    warmup.write(f"{saved}/{warmup.PATH}", "a", ONE)
    model = Servable("a", saved)
    for count in (4096, 4097):
        strings = read_inputs("inputs", {"image_bytes": ["a"] * count}, {"image_bytes": object})
        pixels = {"image": np.zeros((count, 1, 1, 3), np.uint8)}
        for signature, inputs in (("files", strings), ("serving_default", pixels)):
            if count == 4096:
                (output,) = model.predict(signature, inputs).values()
                assert len(output) == count
                continue
            with pytest.raises(ServingError, match="batch of 4097 photographs: at most 4096") as e:
                model.predict(signature, inputs)
            assert e.value.http_status == 400
