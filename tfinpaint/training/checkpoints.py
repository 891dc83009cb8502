"""Saves and restores a system in training: its networks, moving average, optimizers and step.

Weights that are not finite are never saved.
"""

import glob
import os
from typing import List, Optional

import tensorflow as tf

from tfinpaint import checkpoint_files
from tfinpaint.settings import SettingsError, first_line, os_reason
from tfinpaint.systems.base import System
from tfinpaint.training import checkpoint_writing


class Checkpoints:
    """The checkpoints of a run: saves and restores the whole state of a compiled system.

    `checkpoint_writing.kept` says which checkpoints are kept. No folder is made before the first
    save.

    Args:
        run_dir: the run directory.
        system: the compiled system.
        step: that of the checkpoint to go on from; None for the last one.

    Attributes:
        there: whether the run has a checkpoint.

    Raises: SettingsError if there is no checkpoint of this step.
    """

    def __init__(self, run_dir: str, system: System, step: Optional[int] = None):
        self._system = system
        self._folder = os.path.join(run_dir, "checkpoints")
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self._checkpoint = tf.train.Checkpoint(step=self._step, system=system)
        self._latest = checkpoint_files.latest(self._folder)
        if step is not None:
            by_step = checkpoint_files.numbered(self._folder)
            if step not in by_step:
                there = ", ".join(map(str, sorted(by_step))) or "none"
                raise SettingsError(
                    f"`run_dir={run_dir!r}` has no checkpoint of `resume={step}`; its steps are: "
                    f"{there}"
                )
            self._latest = by_step[step]
        self.there = self._latest is not None

    def restore(self) -> int:
        """Restores the checkpoint and returns its step.

        The learning rates that the system was compiled with stay in force.

        Raises: SettingsError if the checkpoint is damaged or does not hold what the system needs.
        """
        assert self._latest is not None  # the caller has checked `there`
        beginning = f"the checkpoint {self._latest} is damaged"
        saved = checkpoint_files.variables(self._latest, beginning)
        if not checkpoint_files.shapes_under(saved, "system/optimizer"):
            raise SettingsError(
                f"the checkpoint {self._latest} holds only weights (imported ones?) and cannot "
                "be resumed: start a new run from it with `init_from`"
            )
        networks = {**self._system.networks, "averaged_generator": self._system.averaged_generator}
        for name, part in networks.items():
            if checkpoint_files.shapes_under(saved, f"system/{name}") != checkpoint_files.shapes_of(
                part
            ):
                raise SettingsError(
                    f"the checkpoint {self._latest} does not fit these flags: its {name} is "
                    "another one (was `image_size` changed, or a term of the loss switched on or "
                    "off?)"
                )
        half = isinstance(self._system.optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
        if half != any(name.startswith("system/optimizer/loss_scale") for name, _ in saved):
            raise SettingsError(
                f"the checkpoint {self._latest} was written {'without' if half else 'with'} "
                f"`mixed_precision` and can only be resumed {'without' if half else 'with'} it"
            )
        optimizers = list(self._system.parts.values())
        rates = [float(o.learning_rate.numpy()) for o in optimizers]
        try:
            # The checkpoint must hold every part of this system. It may hold more, such as a
            # critic that is no longer used.
            self._checkpoint.restore(
                self._latest
            ).assert_existing_objects_matched().expect_partial()
        except checkpoint_files.DAMAGE as error:
            if not checkpoint_files.is_whole(self._latest):
                raise checkpoint_files.damage(self._latest, beginning, error) from error
            raise SettingsError(
                f"the checkpoint {self._latest} does not fit these flags (was a term of the loss "
                f"switched on or off?): {first_line(error)}"
            ) from error
        for optimizer, rate in zip(optimizers, rates):
            # Restoring has set the checkpoint's rate. This run may have another.
            optimizer.learning_rate = rate
        self._system.run_step = int(self._step)
        return int(self._step)

    def get_ready(self) -> None:
        """Makes the variable that counts checkpoints. Call it before the first step.

        Within `fit` it could be made only by all workers together, and only worker 0 saves.
        """
        assert self._checkpoint.save_counter is not None  # the first access makes it

    def set_aside_later(self) -> List[str]:
        """Moves the checkpoints after the restored one to a folder checkpoints/set_aside_N.

        They do not belong to the run that goes on, and `load` would take the last of them.

        Returns: a list with one line that says so; empty if there are none.

        Raises: SettingsError if they cannot be moved.
        """
        step = int(self._step)
        later = [
            path
            for number, path in checkpoint_files.numbered(self._folder).items()
            if number > step
        ]
        if not later:
            return []
        number = 1
        while os.path.exists(place := os.path.join(self._folder, f"set_aside_{number}")):
            number += 1
        try:
            os.makedirs(place)
            for path in sorted(later):
                for part in glob.glob(f"{glob.escape(path)}.*"):
                    os.replace(part, os.path.join(place, os.path.basename(part)))
        except OSError as error:
            raise SettingsError(
                f"the checkpoints after step {step} cannot be moved to {place}: {error.strerror}"
            ) from error
        names = " and ".join(os.path.basename(path) for path in sorted(later))
        return [f"{names}, of later steps, moved to {place}"]

    def save(self, step: int) -> None:
        """Writes a checkpoint of this step, unless the last one is already of this step.

        Raises: CannotWriteError if it cannot be written; the earlier ones are then unchanged.
            NotFiniteError if a weight or a value of an optimizer is not finite.
        """
        if int(self._step) == step and self._latest:
            return
        broken = self._not_finite()
        if broken:
            raise NotFiniteError(
                f"`{broken}` is no longer finite after step {step}, which is not saved: "
                f"{self.advice(step)}"
            )
        before = int(self._step)
        self._step.assign(step)
        try:
            self._latest = checkpoint_writing.write(self._checkpoint, self._folder, step)
        except (OSError, tf.errors.OpError) as error:
            self._step.assign(before)
            raise CannotWriteError(
                f"the checkpoint of step {step} cannot be written to {self._folder}: "
                f"{os_reason(error)}"
            ) from error
        checkpoint_writing.drop_old(self._folder, step)

    def advice(self, step: int) -> str:
        """What the user can do, in words, if a loss or a weight is no longer finite at `step`."""
        there = [number for number in checkpoint_files.numbered(self._folder) if number < step]
        if not there:
            return "there is no checkpoint yet: begin again with a lower `learning_rate`"
        good = checkpoint_writing.known_good(there, step - 1)
        which = (
            "one that is known to be good"
            if good < step - checkpoint_writing.GOOD_AFTER
            else "the first one that is left"
        )
        return f"`resume={good}` goes on from {which}; try a lower `learning_rate`"

    def _not_finite(self) -> Optional[str]:
        """The name of a variable with a value that is not finite; None if there is none."""
        for variable in self._system.state:
            if variable.dtype.is_floating:
                if not bool(tf.reduce_all(tf.math.is_finite(variable))):
                    return variable.name
        return None


class CannotWriteError(SettingsError):
    """A checkpoint could not be written."""


class NotFiniteError(SettingsError):
    """Weights, or the state of an optimizer, are not finite."""
