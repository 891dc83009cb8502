"""Runs a command: parses flags, calls `main`, and prints errors in one line, not as a traceback.

    def main():                 # no arguments; returns an exit status or None
        ...
    def cli():
        command.run(main)

Heavy modules are imported inside `main`, so that --help and wrong flags are answered at once.
Results go to stdout. Warnings and errors go to stderr, one line each. The exit status is 0, 1 after
an error, or 128 plus the number of the signal that ended it (130 after Ctrl-C). Messages of the
library name arguments (`name=value`); these are rewritten as flags here.
"""

import contextlib
import functools
import gc
import importlib.abc
import importlib.util
import io
import logging
import os
import re
import signal
import sys
from typing import Callable, Iterator, NoReturn, Optional

from absl import app, flags
from absl import logging as absl_logging

from tfinpaint.settings import SettingsError, disk_is_full, first_line, flagfiles, in_flags
from tfinpaint.wording import shown, shown_lines

_WHOLE = "a whole number is needed"
# modules that only the extra `serve` brings, which the server and its client need
_OF_SERVE = ("requests", "starlette", "tensorflow_serving", "uvicorn")


def run(main: Callable[[], Optional[int]]) -> NoReturn:
    """Runs a command: parses the flags in sys.argv, calls `main()`, and exits with its status."""
    # TensorFlow reads this when it is imported. At 2, the release we use prints three meaningless
    # errors about CUDA plugins at every start. Real errors are raised as exceptions.
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3":
        # Newer releases print some lines while they are imported, whatever the level is.
        sys.meta_path.insert(0, _QuietImport("tensorflow"))
    # Importing TensorFlow and building graphs makes millions of objects and no garbage. At Python's
    # default threshold of 700, looking for garbage takes half a second.
    gc.set_threshold(100_000)
    _show_warnings()
    for stream in (sys.stdout, sys.stderr):
        # A file name that the terminal cannot encode must not end the program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app.run(lambda argv: _guarded(main), flags_parser=lambda argv: _parse(main, argv))
    except BrokenPipeError:  # piped into a program that stops reading, such as `head`
        # otherwise Python reports the error again when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def fail(message: str, status: int = 1) -> NoReturn:
    """Ends the program with one line on stderr."""
    tell_error(message)
    sys.exit(status)


def tell_error(message: str) -> None:
    """Prints an error as one line on stderr."""
    print(f"tfinpaint: {one_line(message)}", file=sys.stderr)


def one_line(message: str) -> str:
    """A message of the library as one line, with arguments written as flags."""
    return shown(" ".join(in_flags(message).split()))


def warn(message: str) -> None:
    """Prints a warning as one line on stderr."""
    tell_error(f"warning: {message}")


def say(message: str) -> None:
    """Prints lines of the library on stdout."""
    print(shown_lines(in_flags(message)), flush=True)


@contextlib.contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """Suppresses what C++ libraries print to stderr, which bypasses Python's sys.stderr."""
    sys.stderr.flush()
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


class _QuietImport(importlib.abc.MetaPathFinder):
    """Hides what native libraries print to stderr while a package is imported."""

    def __init__(self, package):
        self._package = package

    def find_spec(self, name, path=None, target=None):
        if name != self._package:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def quietly(module):
                with native_stderr_silenced():
                    load(module)

            spec.loader.exec_module = quietly
        return spec


@functools.lru_cache(maxsize=None)
def silence_xla_banner() -> None:
    """Makes XLA print its banner now, while stderr is suppressed.

    XLA compiles the code that draws the strokes of holes. At its first compilation in a process, it
    prints a banner.
    """
    import tensorflow as tf

    with native_stderr_silenced():
        tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(0.0))


def choose_device(name: Optional[str]) -> None:
    """Hides the devices that --device does not name.

    name: "cpu", "gpu" or "gpu:N"; None hides no device.

    Call it before TensorFlow computes.

    Raises: SettingsError for another name, or a GPU that TensorFlow does not find.
    """
    if name is None:
        return
    match = re.fullmatch(r"cpu|gpu(:\d+)?", name)
    if not match:
        raise SettingsError(f"--device is cpu, gpu or gpu:N. Got {name!r}")
    import tensorflow as tf

    if name == "cpu":
        tf.config.set_visible_devices([], "GPU")
        return
    gpus = tf.config.list_physical_devices("GPU")
    number = int((match.group(1) or ":0")[1:])
    if number >= len(gpus):
        found = f"GPUs 0 to {len(gpus) - 1}" if gpus else "no GPU"
        raise SettingsError(f"--device={name} is not there: TensorFlow finds {found}")
    tf.config.set_visible_devices(gpus[number], "GPU")


def _parse(main, argv):
    # --help shows the docstring and the key flags of the main module, which for an installed script
    # is not the command's module.
    sys.modules["__main__"].__doc__ = (
        sys.modules["__main__"].__doc__ or sys.modules[main.__module__].__doc__
    )
    for flag in flags.FLAGS.get_key_flags_for_module(main.__module__):
        flags.FLAGS.register_key_flag_for_module(argv[0], flag)
    try:
        argv, places = flagfiles.expand(argv)
    except SettingsError as error:
        fail(str(error))
    try:
        rest = flags.FLAGS(argv)
    except SystemExit:  # only --help raises it, which is no failure
        sys.exit(0)
    except flags.Error as error:
        message = str(error).replace("ERROR:: ", "")
        message = re.sub(r"invalid literal for int\(\) with base 10: .*", _WHOLE, message)
        message = re.sub(r"could not convert string to float: .*", "a number is needed", message)
        fail(f"{message}{flagfiles.place_of(message, places)} (--help lists the flags)")
    if rest[1:]:
        fail(
            f"{rest[1]!r} is not a flag{flagfiles.place_of(rest[1], places)}: flags are written "
            "--name=value"
        )
    return rest


def _guarded(main):
    given, verbosity = flags.FLAGS["verbosity"].present, flags.FLAGS.verbosity
    if given and verbosity >= absl_logging.DEBUG:
        logging.getLogger("tfinpaint").setLevel(logging.DEBUG)
    if not given or verbosity == absl_logging.DEBUG:
        # absl's logger shows what TensorFlow renames when it saves, and every chunk that Pillow
        # reads (--verbosity=2 shows these)
        absl_logging.set_verbosity(absl_logging.ERROR)
    try:
        return main()
    except SettingsError as error:
        fail(str(error))
    except KeyboardInterrupt as error:
        # training sets the number of the signal
        number = getattr(error, "signum", signal.SIGINT)
        name = signal.Signals(number).name
        fail("interrupted" if number == signal.SIGINT else f"ended by {name}", 128 + number)
    except ImportError as error:
        fail(_import_advice(error))
    except UnicodeEncodeError as error:
        # TensorFlow takes only names in UTF-8: of run directories, exports and weights
        if not isinstance(error.object, str) or shown(error.object) == error.object:
            raise
        fail(f"{error.object}: TensorFlow takes only names in UTF-8 here: rename it")
    except Exception as error:
        if disk_is_full(error):
            fail(f"{first_line(error)}: there is no room for it")
        # by its name, because TensorFlow is not imported here
        if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
            fail(
                "out of memory: a smaller --batch_size, --image_size or --width (train) or "
                "--device=cpu (inpaint) needs less"
            )
        raise


def _import_advice(error: ImportError) -> str:
    """Advice about a module that cannot be imported.

    Raises: `error` itself if it is a bug of the program.
    """
    if re.search(r"libGL|libgthread|libglib", str(error)):
        return (
            f"OpenCV lacks a system library ({error}). On Debian and Ubuntu: apt-get install "
            "libgl1 libglib2.0-0"
        )
    if isinstance(error, ModuleNotFoundError) and not (error.name or "tfinpaint").startswith(
        "tfinpaint"
    ):
        if str(error.name).partition(".")[0] in _OF_SERVE:
            return f"{error}: servers and their clients need pip install -e '.[serve]'"
        return f"{error}: install what tfinpaint needs with pip install -r requirements.txt"
    raise error


def _show_warnings() -> None:
    """Prints the library's log messages on stderr, one line each."""

    class OneLine(logging.Formatter):
        def format(self, record):
            return (
                f"tfinpaint: {'warning: ' if record.levelno >= logging.WARNING else ''}"
                f"{one_line(record.getMessage())}"
            )

    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logger = logging.getLogger("tfinpaint")
    logger.setLevel(logging.INFO)
    logger.handlers = [handler]
    logger.propagate = False
