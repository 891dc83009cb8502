"""Fixtures and setup that all tests share.

Makes `import naive` and `import shared` work from any test, keeps TensorFlow quiet, runs commands
in this process, and gives memory back.
"""

import collections
import ctypes
import gc
import logging
import os
import pathlib
import sys

import pytest
from absl.testing import flagsaver

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parent))


def pytest_collection_modifyitems(items):
    for item in items:
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


@pytest.fixture(scope="module", autouse=True)
def memory_given_back():
    """Systems and their graphs are full of cycles, and the C library keeps the memory that they
    free: without this the whole suite would grow to 20 GB."""
    yield
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.fixture
def eager():
    """Runs what is otherwise traced as it comes, which is faster for a step or two."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def no_numbers(monkeypatch):
    """Networks start with zeros: drawing 130 million numbers takes a while."""
    import tensorflow as tf

    for initializer in (tf.keras.initializers.RandomNormal, tf.keras.initializers.GlorotUniform):
        monkeypatch.setattr(
            initializer,
            "__call__",
            lambda self, shape, dtype=None, **kwargs: tf.zeros(shape, dtype or tf.float32),
        )


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


@pytest.fixture
def command_line(monkeypatch, capsys):
    """command_line(main, "--flag=value", ...) -> exit status, stdout, stderr of a command. A
    traceback fails the test."""
    from tfinpaint import command

    logger = logging.getLogger("tfinpaint")  # a command takes it over; other tests need it back
    monkeypatch.setattr(logger, "handlers", logger.handlers)
    monkeypatch.setattr(logger, "propagate", logger.propagate)

    def call(main, *arguments):
        monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
        with flagsaver.flagsaver(), pytest.raises(SystemExit) as end:
            command.run(main)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return end.value.code or 0, out, err

    return call
