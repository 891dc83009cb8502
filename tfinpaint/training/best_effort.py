"""Files that a run can do without: a picture, a row of figures, a point in TensorBoard.

If one of them cannot be written, the run goes on. The first failure of each kind is reported, and
those that follow are counted. The next success, or the end of the run, reports the count.

    spare = BestEffort(say)
    with spare.of("a sample picture"):
        ...
    spare.close()
"""

import contextlib
from typing import Callable, Dict, Iterator, Tuple, Type

import tensorflow as tf

from tfinpaint.settings import SettingsError, os_reason
from tfinpaint.wording import counted

_ERRORS: Tuple[Type[Exception], ...] = (OSError, tf.errors.OpError)


class BestEffort:
    """Counts and reports failed writes; see the module's docstring.

    say: is called with each line for the user.
    """

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._failures: Dict[str, int] = {}  # {what: failures in a row}

    @contextlib.contextmanager
    def of(self, what: str, errors: Tuple[Type[Exception], ...] = _ERRORS) -> Iterator[None]:
        """A context for a block that writes one file or record, and nothing else.

        what: the kind of thing that is written, in words for the user.
        errors: the exceptions that are caught.
        """
        try:
            yield
        except errors as error:
            self._failures[what] = self._failures.get(what, 0) + 1
            if self._failures[what] == 1:
                why = error if isinstance(error, SettingsError) else os_reason(error)
                self._say(
                    f"warning: {what} could not be written: {why}. The run goes on and tries again"
                )
        else:
            self._tell(what, ", and can be written again")

    def close(self) -> None:
        """Reports the kinds that could not be written up to the end of the run."""
        for what in list(self._failures):
            self._tell(what, "")

    def _tell(self, what, ending):
        failures = self._failures.pop(what, 0)
        if failures > 1 or (failures and ending):
            self._say(f"note: {what} could not be written {counted(failures, 'time')}{ending}")
