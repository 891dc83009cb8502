"""Makes `import naive` and `import shared` work from any test, keeps TensorFlow quiet, and runs commands in this process."""

import logging
import os
import pathlib
import sys

import pytest
from absl.testing import flagsaver

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture
def command_line(monkeypatch, capsys):
    """command_line(main, "--flag=value", ...) -> exit status, stdout, stderr of a command; a traceback fails the test."""
    from tfinpaint import command

    logger = logging.getLogger("tfinpaint")  # a command takes it over; other tests want it back
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
