"""Arguments of a command that starts a pipeline: its own, and Beam's after "--".

Beam is not imported with this module, because that takes seconds.
"""

import importlib
import importlib.util
import logging
from typing import List, Sequence, Tuple

from tfinpaint.settings import SettingsError


def split_arguments(argv: Sequence[str]) -> Tuple[List[str], List[str]]:
    """A command's own arguments and Beam's, which follow "--"."""
    argv = list(argv)
    if "--" not in argv:
        return argv, []
    return argv[: argv.index("--")], argv[argv.index("--") + 1 :]


def check_beam() -> None:
    """Imports Apache Beam, without its messages about parts that are not installed.

    Raises: SettingsError if it is not installed.
    """
    if importlib.util.find_spec("apache_beam") is None:
        raise SettingsError("this command needs Apache Beam: pip install -e '.[beam]'")
    logging.disable(logging.WARNING)
    try:
        importlib.import_module("apache_beam.io")
    finally:
        logging.disable(logging.NOTSET)
