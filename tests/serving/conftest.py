"""A server that tests attack, in a process of its own, and what it must do after each attack.

The model that it serves is that of tests/conftest.py. Also clients that do not wait between tries.
"""

import time

import numpy as np
import pytest
import urllib3.util.retry
from changed import changed


@pytest.fixture
def pauses(monkeypatch):
    """The pauses between the tries of the REST client, in seconds, which it does not make."""
    made = []
    monkeypatch.setattr(urllib3.util.retry, "time", changed(time, sleep=made.append))
    return made


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
