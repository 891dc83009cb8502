"""Checks the losses after every step: a step that is not finite ends the run or is skipped.

The message names the terms of the loss that are not finite, the photographs of the batch and the
checkpoint to go on from.
"""

from typing import Callable, List

import numpy as np

from tfinpaint.settings import SettingsError
from tfinpaint.systems.bad_steps import SKIPPED
from tfinpaint.training.callbacks import StepCallback
from tfinpaint.training.checkpoints import Checkpoints
from tfinpaint.wording import counted

_NAMED = 16  # photographs of a batch that a message names at most


class FiniteCheck(StepCallback):
    """Ends the run, or warns, after a step whose loss or gradients are not finite.

    It comes before the callbacks that record or save a step.

    Args:
        first: the step that the run goes on from.
        checkpoints: those of the run; the advice in the message names one of them.
        allowed: `skip_bad_steps`: how many steps that are not finite may be skipped.
        names_of_batch: takes a step, counted from 0, and returns the names of the photographs in
            its batch, or an empty list if they are not known.
        say: is called with each line for the user.

    Attributes:
        skipped: the steps that were skipped.

    Raises: SettingsError, from `at`, if a step is not finite and may not be skipped.
    """

    def __init__(
        self,
        first: int,
        checkpoints: Checkpoints,
        allowed: int,
        names_of_batch: Callable[[int], List[str]],
        say: Callable[[str], None],
    ):
        super().__init__(first)
        self._first = first
        self._checkpoints, self._allowed = checkpoints, allowed
        self._names_of_batch, self._say = names_of_batch, say
        self.skipped: List[int] = []

    def at(self, step: int, logs: dict) -> None:
        skipped = logs.pop(SKIPPED, 0)  # removed, so that it does not reach metrics.csv
        bad = [name for name, value in logs.items() if not np.isfinite(value)]
        if not bad and not skipped:
            return
        what = f"{_what(bad, logs)} at step {step}; {self._batch(step)}"
        if not skipped:
            if step - 1 > self._first:
                # The losses of the step before were finite, but its gradient may have damaged the
                # weights. (The weights of a checkpoint are always finite.)
                what += f"; if it was the gradient of step {step - 1}, {self._batch(step - 1)}"
            raise SettingsError(
                f"{what}: {self._checkpoints.advice(step)}, or `skip_bad_steps=1` to skip it"
            )
        self.skipped.append(step)
        if len(self.skipped) > self._allowed:
            raise SettingsError(
                f"{what}. That is one more than `skip_bad_steps={self._allowed}` allows: "
                f"{self._checkpoints.advice(step)}"
            )
        self._say(
            f"warning: {what}: skipped ({len(self.skipped)} of `skip_bad_steps={self._allowed}`)"
        )

    def summary(self) -> str:
        """A line that names the steps that were skipped."""
        return f"skipped {counted(len(self.skipped), 'step')}: " + ", ".join(map(str, self.skipped))

    def _batch(self, step):
        names = self._names_of_batch(step - 1)
        if not names:
            return f"batch {step} of the data"
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return f"its photographs are {', '.join(names[:_NAMED])}{more}"


def _what(bad, logs):
    """The losses that are not finite and their terms that are not, in words."""
    terms = [name for name in bad if name not in ("loss", "critic")]
    losses = [name for name in bad if name in ("loss", "critic")]
    if not bad:
        return "the loss is finite and a gradient is not"
    told = " and ".join(f"the {name} is {float(logs[name]):g}" for name in losses)
    of_terms = ", ".join(f"{name} {float(logs[name]):g}" for name in terms)
    if not told:
        return f"not finite: {of_terms},"
    return f"{told} ({of_terms})" if terms else told
