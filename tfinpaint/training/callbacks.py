"""Keras callbacks of a run: progress, metrics.csv, TensorBoard, samples, checkpoints, validation.

All count the steps of the whole run, so that a resumed run continues its files. `first` is the step
that the run goes on from; 0 for a new run.
"""

import os
import time
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, TextIO, Tuple

import numpy as np
import tensorflow as tf
from PIL import Image

from tfinpaint import atomic
from tfinpaint.metrics_file import METRICS_FILE
from tfinpaint.progress import ProgressBar
from tfinpaint.settings import TrainSettings
from tfinpaint.training.best_effort import BestEffort
from tfinpaint.training.checkpoints import CannotWriteError, Checkpoints
from tfinpaint.training.interruption import Signals
from tfinpaint.training.metrics_table import MetricsTable
from tfinpaint.training.validation import Validation

_ROW = f"a row of {METRICS_FILE}"


class StepCallback(tf.keras.callbacks.Callback):
    """Base class: calls `at(step, logs)` after every step. The first step of a run is step 1."""

    def __init__(self, first: int):
        super().__init__()
        self.step = first

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.step += 1
        self.at(self.step, logs)

    def at(self, step: int, logs: dict) -> None:
        """Is called after this step. logs: what the training step returned, {name: value}."""
        raise NotImplementedError


class ProgressCallback(StepCallback):
    """The progress bar: step, loss, images per second, time left.

    If `stream` is not a terminal, it writes a plain line every `every` steps.
    """

    def __init__(self, first: int, steps: int, batch_size: int, stream: TextIO, every: int = 100):
        super().__init__(first)
        self._bar = ProgressBar(
            steps,
            "step {done}/{total} [{bar}] loss {loss:.3f}  {rate} images/s  {left} left",
            done=first,
            per_item=batch_size,
            plain_every=every,
            stream=stream,
        )

    def at(self, step: int, logs: dict) -> None:
        # In a phase in which the generator does not learn, there is only the critic's loss.
        self._bar.update(step, loss=logs.get("loss", logs.get("critic")))

    def clear(self) -> None:
        """Removes the moving line, so that another line can be printed in its place."""
        self._bar.clear()


class MetricsCallback(StepCallback):
    """Writes rows of metrics.csv and points in TensorBoard, at step 1 and every `every` steps.

    table: metrics.csv. Its rows of steps that are about to be taken again are removed at once.
    spare: reports what cannot be written.
    """

    def __init__(
        self,
        first: int,
        run_dir: str,
        table: MetricsTable,
        every: int,
        batch_size: int,
        say: Callable[[str], None],
        spare: BestEffort,
    ):
        super().__init__(first)
        self._every, self._batch, self._say, self._spare = every, batch_size, say, spare
        self._table = table
        with spare.of(_ROW):
            table.cut()
        self._folder = os.path.join(run_dir, "tensorboard")
        self._writer: Any = None
        self._time, self._at = time.monotonic(), first
        self._end: Optional[float] = None  # of the last step

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Leaves out of the speed what other callbacks do between two steps."""
        if self._end is not None:
            self._time += time.monotonic() - self._end

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """See the base class."""
        super().on_train_batch_end(batch, logs)
        self._end = time.monotonic()

    def at(self, step: int, logs: dict) -> None:
        if step != 1 and step % self._every:
            return
        values = {name: float(value) for name, value in logs.items()}
        if step == 1:
            self._say(
                "step 1, each term with its weight: "
                + "  ".join(f"{name} {value:.4g}" for name, value in values.items())
            )
        # The learning rate of this step.
        values["learning_rate"] = float(self.model.optimizer.learning_rate.numpy())
        now = time.monotonic()
        values["images_per_second"] = (step - self._at) * self._batch / (now - self._time)
        self._time, self._at = now, step
        self.write(step, values)

    def write(self, step: int, values: Dict[str, float], prefix: str = "train") -> None:
        """Writes one row, and a point for each value."""
        with self._spare.of(_ROW):
            self._table.add({"step": step, **values})

        def points():
            for name, value in values.items():
                tf.summary.scalar(f"{prefix}/{name.removeprefix('val_')}", value, step)

        self._record(points)

    def pictures(self, step: int, name: str, pictures: Sequence[np.ndarray]) -> None:
        """Writes pictures, uint8 [H, W, 3] each and all of one size, to TensorBoard."""
        self._record(
            lambda: tf.summary.image(name, np.stack(pictures), step, max_outputs=len(pictures))
        )

    def text(self, name: str, text: str) -> None:
        """Writes a text to TensorBoard."""
        self._record(lambda: tf.summary.text(name, text, 0))

    def _record(self, summarise: Callable[[], Any]) -> None:
        """Calls `summarise` and flushes TensorBoard's file.

        So a run that is killed has lost no point, as in metrics.csv. After a failure a new file is
        begun, because the writer of the old one does not recover.
        """
        with self._spare.of("TensorBoard's events"):
            try:
                if self._writer is None:
                    self._writer = tf.summary.create_file_writer(self._folder)
                with self._writer.as_default():
                    summarise()
                self._writer.flush()
            except tf.errors.OpError:
                self._writer = None
                raise


class CheckpointCallback(StepCallback):
    """Saves a checkpoint every `every` steps, except at the last step.

    If a checkpoint cannot be written, `spare` reports it and the run goes on: the earlier
    checkpoints are whole, and a disk that is full now may have room the next time. The last step,
    `steps`, has no next time. The training loop saves its checkpoint.
    """

    def __init__(
        self, first: int, checkpoints: Checkpoints, every: int, steps: int, spare: BestEffort
    ):
        super().__init__(first)
        self._checkpoints, self._every, self._steps = checkpoints, every, steps
        self._spare = spare

    def at(self, step: int, logs: dict) -> None:
        if step % self._every or step == self._steps:
            return
        with self._spare.of("a checkpoint", (CannotWriteError,)):
            self._checkpoints.save(step)


class ValidationCallback(StepCallback):
    """Draws sample grids and runs validation passes, each at its own interval of steps (0: never).

    The training loop does both after the last step.

    first:         the step that the run begins after.
    validation:    makes the pictures and the figures.
    run_dir:       where the folder samples is.
    log:           gets the figures and the pictures.
    sample_every, eval_every: the intervals.
    steps:         number of the last step, which is left to the training loop.
    spare:         reports a sample grid that cannot be written.
    signals:       a signal ends the run at once during a pass, which changes no weights.
    """

    def __init__(
        self,
        first: int,
        validation: Validation,
        run_dir: str,
        log: MetricsCallback,
        sample_every: int,
        eval_every: int,
        steps: int,
        spare: BestEffort,
        signals: Signals,
    ):
        super().__init__(first)
        self._validation, self._run_dir, self._log = validation, run_dir, log
        self._spare, self._signals = spare, signals
        self._sample_every, self._eval_every, self._steps = sample_every, eval_every, steps
        self._last: Tuple[int, Optional[Dict[str, float]]] = first, None

    def at(self, step: int, logs: dict) -> None:
        if step == self._steps:
            return
        with self._signals.at_once():  # may take minutes, and changes no weights
            if self._sample_every and step % self._sample_every == 0:
                self.sample(step, f"{step:07d}.png")
            if self._eval_every and step % self._eval_every == 0:
                self.evaluate(step)

    def sample(self, step: int, name: str) -> None:
        """Draws the sample grid into the file samples/NAME of the run and into TensorBoard.

        TensorBoard also gets the attention maps of the first photograph.
        """
        picture, maps = self._validation.picture()
        path = os.path.join(self._run_dir, "samples", name)
        with self._spare.of("a sample picture"), atomic.replacing(path) as beside:
            Image.fromarray(picture).save(beside)
        self._log.pictures(step, "samples", [picture])
        for layer, pictures in maps.items():
            self._log.pictures(step, f"attention/{layer}", pictures)

    def evaluate(self, step: int) -> Dict[str, float]:
        """Runs a validation pass. Logs its figures, {name: value}, and returns them."""
        figures = self._validation.run()
        self._last = step, figures
        self._log.write(
            step, {f"val_{name}": value for name, value in figures.items()}, prefix="validation"
        )
        return figures

    def figures_of(self, step: int) -> Optional[Dict[str, float]]:
        """The figures of the last validation pass if it was at this step; else None."""
        return self._last[1] if self._last[0] == step else None


def mean_fill_step(settings: TrainSettings, phases: Mapping[str, Sequence[str]]) -> int:
    """The step after which `MeanFillCheck` compares; 0: never.

    It is `settings.warn_after` steps after the start of the first phase in which the generator
    learns, because a generator that has not learned yet fills no better than the mean colour.

    phases: {name: the parts that learn in this phase}, as in the system's specification.
    """
    if not settings.warn_after:
        return 0
    begin = 0
    for name, steps in settings.phases:
        if "generator" in phases[name]:
            return begin + settings.warn_after
        begin += steps
    return 0 if settings.phases else settings.warn_after


class MeanFillCheck(StepCallback):
    """Warns once, at step `after`, if the system fills no better than the mean colour.

    It compares the two errors of `Validation.hole_l1`. It comes after the ValidationCallback, so
    that it can use the figures of a validation pass at the same step.

    after: what `mean_fill_step` returned; 0: never.
    term: the term of the loss whose weight may be too small, or None.
    figures_of: takes a step and returns the figures of the validation pass there, or None.
    """

    def __init__(
        self,
        first: int,
        validation: Validation,
        after: int,
        term: Optional[str],
        run_dir: str,
        say: Callable[[str], None],
        signals: Signals,
        figures_of: Callable[[int], Optional[Dict[str, float]]],
    ):
        super().__init__(first)
        self._validation, self._after, self._run_dir, self._say = validation, after, run_dir, say
        self._term, self._signals, self._figures_of = term, signals, figures_of

    def at(self, step: int, logs: dict) -> None:
        if step != self._after:
            return
        with self._signals.at_once():  # a validation pass, as in ValidationCallback
            error, mean = self._validation.hole_l1(self._figures_of(step))
        if error < mean:
            return
        heavier = f", a larger `loss_weights[{self._term!r}]`" if self._term else ""
        self._say(
            f"warning: at step {step} L1 in the hole of the validation photographs is "
            f"{error:.4f}, not under the mean colour's {mean:.4f}. Look at {self._run_dir}/samples "
            "(are the holes where they should be? `mask_is` flips mask files) and try a "
            f"lower `learning_rate`{heavier}; `warn_after=0` turns this check off"
        )


class StopCallback(StepCallback):
    """Ends the run before the next step if a signal has come; see interruption.py.

    It is the first of the callbacks, so that a signal does not interrupt the others.
    """

    def __init__(self, first: int, signals: Signals):
        super().__init__(first)
        self._signals = signals

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._signals.check()

    def at(self, step: int, logs: dict) -> None:
        self._signals.wait()


class PhaseCallback(StepCallback):
    """Moves the system from phase to phase, as `TrainSettings.phases` says.

    When the callback is made, the system is already in the phase of step `first`.
    """

    def __init__(self, first: int, settings: TrainSettings, say: Callable[[str], None]):
        super().__init__(first)
        self._settings, self._say = settings, say

    def at(self, step: int, logs: dict) -> None:
        phase = self._settings.phase_at(step)
        if phase != self.model.phase:
            self.model.enter_phase(phase)
            self._say(f"step {step}: phase {phase}")
