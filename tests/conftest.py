"""Fixtures and setup that all tests share.

Makes `import naive` and `import shared` work from any test, keeps TensorFlow quiet, runs commands
in this process, and gives memory back.
"""

import collections
import contextlib
import ctypes
import gc
import io
import logging
import os
import pathlib
import signal
import socket
import sys

import pytest
from absl.testing import flagsaver

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The tests are of the CPU: only there is a run that was stopped equal to one that was not, bit for
# bit. To run them on a GPU, set this to its number.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Some tests start processes after others had gRPC servers here. What gRPC does in a forked process
# can end it before its program starts.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
sys.path.insert(0, str(pathlib.Path(__file__).parent))
# A shell that starts the tests in the background lets them ignore SIGINT, and so would do what
# they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


TOGETHER = {  # what shares costly fixtures of a session runs in one process
    "tests/serving": "serving",
    "tests/studio": "serving",
    "tests/tools/load_test_test.py": "serving",
    "tests/tools/python_server_test.py": "serving",
    "tests/evaluation": "evaluation",
}


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist, which reads the groups at the same time
def pytest_collection_modifyitems(items):
    for item in items:
        file = item.nodeid.partition("::")[0]
        folder = os.path.dirname(file)
        group = TOGETHER.get(file) or TOGETHER.get(folder) or file
        item.add_marker(pytest.mark.xdist_group(group))
        for mark in item.iter_markers("golden"):
            item.user_properties.append(("golden", mark.args[0]))


def pytest_terminal_summary(terminalreporter, config):
    """With `-m golden`: how many comparisons with released code each system passed."""
    if config.option.markexpr != "golden":
        return
    counts = {}
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            for key, system in report.user_properties:
                if key == "golden":
                    of_system = counts.setdefault(system, collections.Counter())
                    of_system[outcome] += 1
    terminalreporter.section("outputs of released code")
    for system, outcomes in sorted(counts.items()):
        figures = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
        terminalreporter.write_line(f"{system:22s}{figures}")


def megabytes():
    """The resident memory of this process."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def pytest_collection_finish(session):
    """Of two processes each has its own files, or both would make all fixtures.

    TensorFlow and Keras make millions of objects when they are imported. Python's collector is not
    to go through them each time."""
    if getattr(session.config.option, "loadgroup", False):
        assert all("@" in item.nodeid for item in session.items), "pytest-xdist saw no groups"
    gc.collect()
    gc.freeze()


at_last_collection = [0.0]  # megabytes


@pytest.fixture(scope="module", autouse=True)
def memory_given_back():
    """Systems and their graphs are full of cycles, and the C library keeps the memory that they
    free: without this the whole suite would grow to 20 GB. A collection takes up to 3 seconds, so
    files that took little do without."""
    yield
    if megabytes() > at_last_collection[0] + 300:
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        at_last_collection[0] = megabytes()


@contextlib.contextmanager
def run_eagerly():
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def eager():
    """Runs what is otherwise traced as it comes, which is faster for a step or two."""
    with run_eagerly():
        yield


@pytest.fixture(scope="module")
def eager_module():
    """The same for a whole file, so that its runs can be compared."""
    with run_eagerly():
        yield


@pytest.fixture
def no_numbers(monkeypatch):
    """Networks start with zeros, where their numbers are not looked at."""
    from helpers import start_with_zeros

    start_with_zeros(monkeypatch)


@pytest.fixture(scope="session")
def packed(tmp_path_factory):
    """A packed model of a small system, recorded as trained for 7 steps on squares of 32 px."""
    import tfinpaint
    from tfinpaint import atomic, packed
    from tfinpaint.settings import HoleSettings, PhotoSettings, TrainSettings, to_json

    folder = tmp_path_factory.mktemp("models") / "default"
    folder.mkdir()
    settings = TrainSettings(
        "multistage",
        PhotoSettings("folder:train", image_size=32),
        HoleSettings(),
        perceptual_weights="none",
        system_settings=(("width", 4), ("depth", 4)),
    )
    atomic.write_text(str(folder / "settings.json"), to_json(settings))
    atomic.write_text(str(folder / "flags.txt"), "--system=multistage\n--width=4\n--depth=4\n")
    packed.write_weights(str(folder), tfinpaint.create("multistage", width=4, depth=4).generator, 7)
    return str(folder)


@pytest.fixture
def in_the_box(packed, monkeypatch):
    """Makes the packed model the `default`, whatever the package contains."""
    from tfinpaint import models

    monkeypatch.setattr(models, "FOLDER", os.path.dirname(packed))


@pytest.fixture
def empty_box(monkeypatch, tmp_path_factory):
    """Makes the package one without a default model."""
    from tfinpaint import models

    monkeypatch.setattr(models, "FOLDER", str(tmp_path_factory.mktemp("no_models")))


@contextlib.contextmanager
def logger_given_back():
    """A command takes over the package's logger; other tests need it as it was."""
    logger = logging.getLogger("tfinpaint")
    level, handlers, propagate = logger.level, logger.handlers, logger.propagate
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.handlers, logger.propagate = handlers, propagate


@pytest.fixture
def command_line(monkeypatch, capsys):
    """command_line(main, "--flag=value", ...) -> exit status, stdout, stderr of a command. A
    traceback fails the test."""
    from tfinpaint import command

    def call(main, *arguments):
        monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
        with logger_given_back(), flagsaver.flagsaver(), pytest.raises(SystemExit) as end:
            command.run(main)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return end.value.code or 0, out, err

    return call


@pytest.fixture(scope="module")
def command_for_all():
    """As `command_line`, for what all tests of a file read: command_for_all(main, "--flag=value",
    ...) -> exit status, stdout, stderr."""
    from tfinpaint import command

    def call(main, *arguments):
        with (
            logger_given_back(),
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(io.StringIO()) as out,
            contextlib.redirect_stderr(io.StringIO()) as err,
            flagsaver.flagsaver(),
            pytest.raises(SystemExit) as end,
        ):
            patch.setattr(sys, "argv", ["command", *map(str, arguments)])
            command.run(main)
        assert "Traceback" not in err.getvalue()
        return end.value.code or 0, out.getvalue(), err.getvalue()

    return call


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A folder that holds version 1 of a small system.

    Nothing is trained: a fill need not be good here, only the same everywhere.
    """
    import tensorflow as tf

    import tfinpaint
    from tfinpaint.export import saved_model
    from tfinpaint.painting.painter import Painter

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
def closed_port():
    """A port that refuses connections. It is bound, so that no server gets it meanwhile."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


@pytest.fixture
def pair():
    """A photograph, uint8 [H, W, 3], and its mask, uint8 [H, W].

    The photograph is wider than the window in which its one hole is filled.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:160, :240]
    photo = np.stack([rows, columns, rows + columns], -1) // 2 + rng.integers(0, 40, (160, 240, 3))
    mask = np.zeros((160, 240), np.uint8)
    mask[60:90, 30:70] = 255
    mask[0, 0], mask[60, 30] = 127, 128  # at the threshold: the first is known, the second is hole
    return photo.astype(np.uint8), mask
