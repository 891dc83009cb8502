"""A small exported model, a server that runs it, and a photograph with its mask.

The model and the server are made once for all tests.
"""

import time

import numpy as np
import pytest


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A folder that holds version 1 of a small system.

    Nothing is trained: a fill need not be good here, only the same everywhere.
    """
    import tensorflow as tf

    import tfinpaint
    from tfinpaint.export import saved_model
    from tfinpaint.painter import Painter

    folder = tmp_path_factory.mktemp("exported")
    tf.keras.utils.set_random_seed(5)
    painter = Painter(tfinpaint.create("multistage", width=4, depth=4), 64)
    saved_model.export(painter, str(folder), {"system": "multistage", "image_size": 64})
    return folder


@pytest.fixture(scope="session")
def painter(exported):
    """The same model in this process. A server must answer with its fills."""
    from tfinpaint.export.saved_model import ExportedPainter

    return ExportedPainter(str(exported / "1"))


@pytest.fixture(scope="session")
def server(exported):
    """A running server of that model, named "small"."""
    from tfinpaint.serving.server import Server

    with Server({"small": str(exported)}, port=0, grpc_port=0) as server:
        yield server


@pytest.fixture
def pair():
    """A photograph, uint8 [H, W, 3], and its mask, uint8 [H, W].

    The photograph is wider than the window in which its one hole is filled.
    """
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:160, :240]
    photo = np.stack([rows, columns, rows + columns], -1) // 2 + rng.integers(0, 40, (160, 240, 3))
    mask = np.zeros((160, 240), np.uint8)
    mask[60:90, 30:70] = 255
    mask[0, 0], mask[60, 30] = 127, 128  # at the threshold: the first is known, the second is hole
    return photo.astype(np.uint8), mask


@pytest.fixture(scope="session")
def attacked(exported, tmp_path_factory):
    """A server in a process of its own. In the end it has logged no more than TensorFlow does."""
    from serving.processes import python_server

    errors = tmp_path_factory.mktemp("attacked") / "errors"
    with python_server(exported, errors) as process:
        yield process
        said = [line for line in errors.read_text().splitlines() if "tensorflow" not in line]
        assert not any("Traceback" in line or "xception" in line for line in said)
        assert len(said) < 20, said


@pytest.fixture
def goes_on(attacked, painter):
    """After each test both sides still fill, and memory is where it was."""
    from serving.calls import b64, picture, png, predict_request, rest, small_pair, stubs, unb64

    photo, mask = small_pair()
    files = {"image_bytes": [png(photo)], "mask_bytes": [png(mask)]}
    inputs = {name: [b64(value[0])] for name, value in files.items()}
    wanted = painter.fill(photo, mask)
    before = attacked.megabytes()
    yield
    status, answer = rest(f"{attacked.url}/v1/models/small:predict", {"inputs": inputs})
    assert status == 200, answer
    np.testing.assert_array_equal(picture(unb64(answer["outputs"][0])), wanted)
    response = stubs(attacked.grpc_address)[0].Predict(predict_request(files), timeout=60)
    np.testing.assert_array_equal(picture(response.outputs["filled_bytes"].string_val[0]), wanted)
    end = time.monotonic() + 10
    while attacked.megabytes() > before + 150 and time.monotonic() < end:
        time.sleep(0.2)
    assert attacked.megabytes() < before + 150
    assert attacked.process.poll() is None
