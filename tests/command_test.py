"""What a command does with each way in which its `main` can end."""

import errno
import logging
import os
import signal
import subprocess
import sys

import pytest

from tfinpaint import command
from tfinpaint.settings import SettingsError, first_line


class ResourceExhaustedError(Exception):
    """An error with the name of TensorFlow's."""


@pytest.fixture
def ends(command_line):
    """ends(main) -> exit status, stderr."""

    def call(main):
        status, _, err = command_line(main)
        return status, err

    return call


def _raises(error):
    def main():
        raise error

    return main


def _by_signal(number):
    """As training raises it."""
    error = KeyboardInterrupt()
    error.signum = number
    return error


@pytest.mark.parametrize("error, status, words", [
    (SettingsError("--steps is at least 0.\nGot -1"), 1, "--steps is at least 0. Got -1"),
    (KeyboardInterrupt(), 130, "interrupted"),
    (_by_signal(signal.SIGTERM), 143, "ended by SIGTERM"),
    (_by_signal(signal.SIGHUP), 129, "ended by SIGHUP"),
    (ResourceExhaustedError("/run/events; No space left on device"), 1, "there is no room for it"),
    (OSError(errno.ENOSPC, "No space left on device", "/x/a.csv"), 1, "'/x/a.csv': there is no"),
    (ResourceExhaustedError("OOM when allocating\nand so on"), 1,
     "out of memory: a smaller --batch_size"),
    (MemoryError(), 1, "out of memory"),
    (ImportError("libGL.so.1: cannot open shared object file"), 1,
     "apt-get install libgl1 libglib2.0-0"),
    (ImportError("libgthread-2.0.so.0: cannot open shared object file"), 1,
     "apt-get install libgl1 libglib2.0-0"),
    (ModuleNotFoundError("No module named 'cv2'", name="cv2"), 1,
     "pip install -r requirements.txt"),
    (ModuleNotFoundError("No module named 'tensorflow_serving.apis'",
                         name="tensorflow_serving.apis"), 1, "need pip install -e '.[serve]'"),
])  # fmt: skip
def test_what_a_user_can_put_right_is_one_line(ends, error, status, words):
    assert_status, err = ends(_raises(error))
    assert assert_status == status
    assert err.startswith("tfinpaint: ") and words in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug"),
        ModuleNotFoundError("No module", name="tfinpaint.nix"),
        ImportError("cannot import x"),
    ],
)
def test_mistakes_of_the_program_keep_their_traceback(ends, error):
    with pytest.raises(type(error)):
        ends(_raises(error))


def test_the_exit_status_is_mains_answer(ends):
    assert ends(lambda: None) == (0, "")
    assert ends(lambda: 3) == (3, "")


def test_the_librarys_warnings_are_one_line_each(ends):
    def main():
        logging.getLogger("tfinpaint").warning("%s was skipped", "a.jpg")
        logging.getLogger("tfinpaint").info("seen")
        logging.getLogger("tfinpaint").debug("not shown")

    assert ends(main) == (0, "tfinpaint: warning: a.jpg was skipped\ntfinpaint: seen\n")


def test_devices():
    command.choose_device(None)
    with pytest.raises(SettingsError, match="Got 'gpu:x'"):
        command.choose_device("gpu:x")
    with pytest.raises(SettingsError, match="--device=gpu:99 is not there: TensorFlow finds"):
        command.choose_device("gpu:99")


def test_a_name_that_tensorflow_cannot_take_is_one_line(ends):
    status, err = ends(lambda: "runs/caf\udce9".encode())
    assert (status, len(err.splitlines())) == (1, 1)
    assert "runs/caf\ufffd: TensorFlow takes only names in UTF-8 here" in err


def test_a_terminal_without_the_characters_of_a_name_ends_nothing(tmp_path):
    code = (
        "from tfinpaint import command\n"
        "def main():\n"
        "    command.say('b\\u00e9 caf\\udce9')\n"
        "    command.warn('caf\\udce9')\n"
        "command.run(main)"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == b"b\\xe9 caf\\ufffd\n"
    assert ran.stderr == b"tfinpaint: warning: caf\\ufffd\n"


@pytest.mark.parametrize("verbosity, lines", [((), 0), (("--verbosity=1",), 1)])
def test_names_of_what_is_passed_over_are_for_verbosity_1(command_line, verbosity, lines):
    def main():
        logging.getLogger("tfinpaint").debug("a name\nin a line")

    err = command_line(main, *verbosity)[2]
    assert err == lines * "tfinpaint: a name in a line\n"


def test_places_in_a_graph_are_no_part_of_a_reason():
    place = "{{function_node __wrapped__Op_device_/job:a/device:CPU:0}}"
    error = ValueError(f"{place} Data loss: gone [Op:Op]\nmore")
    assert first_line(error) == "Data loss: gone [Op:Op]"
