r"""The learning rate over a run.

It grows from 0 in the first steps, and is then constant or falls to a share of its highest value.

    rate |      ______
         |     /      \__
         |    /          \__________   final_rate x rate
         |___/_________________________ steps
          warm-up  schedule

The curves are Keras' own. The rate depends only on the step of the run, which is the same for all
parts of a system. So a resumed run continues its curve, and a part that begins to learn at a later
step begins with the rate of that step.
"""

from typing import Callable, Optional

import tensorflow as tf

from tfinpaint.settings import SettingsError, TrainSettings


class RateSchedule(tf.keras.optimizers.schedules.LearningRateSchedule):
    """step -> rate, a float32 scalar.

    Args:
        rate: the highest rate, at the end of the warm-up.
        kind: "constant", "cosine" (half a period) or "linear".
        warmup_steps: steps over which the rate grows linearly from 0 at step 0.
        schedule_steps: steps over which it falls, counted from the end of the warm-up. Not used by
            "constant".
        final_rate: the share of `rate`, in [0, 1], that it falls to and then keeps.

    Raises: ValueError for another `kind`.
    """

    def __init__(
        self,
        rate: float,
        kind: str = "constant",
        warmup_steps: int = 0,
        schedule_steps: int = 0,
        final_rate: float = 0.0,
    ):
        self.rate, self.kind = rate, kind
        self.warmup_steps, self.schedule_steps, self.final_rate = (
            warmup_steps,
            schedule_steps,
            final_rate,
        )
        schedules = tf.keras.optimizers.schedules
        if kind == "cosine":
            self._falling = schedules.CosineDecay(rate, schedule_steps, alpha=final_rate)
        elif kind == "linear":
            self._falling = schedules.PolynomialDecay(
                rate, schedule_steps, end_learning_rate=final_rate * rate
            )
        elif kind == "constant":
            self._falling = lambda step: tf.constant(rate, tf.float32)
        else:
            raise ValueError(f"`kind` is constant, cosine or linear. Got {kind!r}")

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        rate = self._falling(tf.maximum(step - self.warmup_steps, 0.0))
        return rate * tf.minimum(step / self.warmup_steps, 1.0) if self.warmup_steps else rate

    def get_config(self) -> dict:
        return {
            name: getattr(self, name)
            for name in ("rate", "kind", "warmup_steps", "schedule_steps", "final_rate")
        }


def description(settings: TrainSettings, rate: float) -> str:
    """One line that describes the learning rate over a run. rate: the generator's highest."""
    parts = [f"{rate:.3g}"]
    if settings.warmup_steps:
        parts = [f"from 0 to {rate:.3g} at step {settings.warmup_steps}"]
    if settings.schedule != "constant":
        last = settings.warmup_steps + settings.schedule_steps
        parts.append(f"{settings.schedule} to {settings.final_rate * rate:.3g} at step {last}")
        if last != settings.steps:
            parts.append(f"the run stops at {settings.steps} (`steps`)")
    return f"learning rate: {', '.join(parts)}"


def schedule_of(settings: TrainSettings) -> Optional[Callable[[float], RateSchedule]]:
    """A function from a highest rate to its `RateSchedule`; None if the rates stay constant.

    Raises: SettingsError for a `final_rate` without a fall. It is checked here, not in the record,
        so that runs that were once trained with one can still be loaded.
    """
    if settings.schedule == "constant" and settings.final_rate != TrainSettings.final_rate:
        raise SettingsError(
            f"`final_rate` is {TrainSettings.final_rate} with `schedule='constant'`; it is the "
            f"share to which cosine and linear fall. Got {settings.final_rate}"
        )
    if settings.schedule == "constant" and not settings.warmup_steps:
        return None
    return lambda rate: RateSchedule(
        rate, settings.schedule, settings.warmup_steps, settings.schedule_steps, settings.final_rate
    )
