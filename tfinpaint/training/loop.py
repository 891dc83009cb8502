"""One run, from its settings to its results.

settings -> data, system, `fit` with its callbacks
         -> last checkpoint, validation pass, final.png
"""

import dataclasses
import os
import sys
from typing import Callable, Optional, TextIO, Union

import numpy as np
import tensorflow as tf

from tfinpaint.data.batches import names_of_batch
from tfinpaint.metrics_file import METRICS_FILE
from tfinpaint.runs import read_run, start_from, write_run
from tfinpaint.settings import TrainSettings, to_json
from tfinpaint.systems.specification import in_words
from tfinpaint.training import event_files, preparing, run_history, sanity_checks
from tfinpaint.training.bad_steps import FiniteCheck
from tfinpaint.training.best_effort import BestEffort
from tfinpaint.training.callbacks import (
    CheckpointCallback,
    MeanFillCheck,
    MetricsCallback,
    PhaseCallback,
    ProgressCallback,
    StopCallback,
    ValidationCallback,
    mean_fill_step,
)
from tfinpaint.training.checkpoints import Checkpoints
from tfinpaint.training.devices import Devices, one_device
from tfinpaint.training.interruption import Signals
from tfinpaint.training.lost_photos import reading_failure
from tfinpaint.training.metrics_table import MetricsTable
from tfinpaint.training.precision import precision
from tfinpaint.training.preparing import (
    batches,
    device,
    photographs_in_words,
    prepare,
)
from tfinpaint.training.run_lock import RunLock
from tfinpaint.training.sums import sums_in_order
from tfinpaint.training.validation import Validation
from tfinpaint.version import __version__
from tfinpaint.wording import counted


@dataclasses.dataclass(frozen=True)
class Result:
    """The outcome of a run.

    step:         the last step.
    figures:      {name: value} of the last validation pass, averages of `metrics.quality.measure`;
                  empty for a worker other than 0.
    baselines:    {"mean": figures, "telea": figures} of the mean fill and of Telea, on the same
                  photographs and holes; empty if a finished run was resumed, because it is not
                  measured again.
    description:  one line that says what was measured.
    """

    step: int
    figures: dict
    baselines: dict
    description: str


def train(
    settings: TrainSettings,
    run_dir: str,
    resume: Union[bool, int] = False,
    init_from: Optional[str] = None,
    flags_text: str = "",
    say: Callable[[str], None] = lambda line: None,
    stream: TextIO = sys.stderr,
    devices: Optional[Devices] = None,
) -> Result:
    """Trains until `settings.steps` and returns the outcome.

    Args:
        settings: what to train, and how.
        run_dir: see `tfinpaint.runs`.
        resume: True: go on from the last checkpoint in run_dir (from step 0 if there is none). A
            number: go on from the checkpoint of this step; later ones are moved aside.
        init_from: run directory whose weights a new run starts from. A resumed run ignores it.
        flags_text: becomes RUN/flags.txt.
        say: is called with each line for the user.
        stream: where the progress line goes.
        devices: those that train together (devices.py); None for one device. With several workers,
            each calls this function. Worker 0 alone writes files and returns figures.

    Raises: SettingsError for whatever the user can put right. Interrupted, a KeyboardInterrupt,
        after SIGINT, SIGTERM or SIGHUP (interruption.py). If steps have been taken, a checkpoint is
        saved first.
    """
    devices = devices or one_device()
    with (
        precision(settings),
        sums_in_order(),
        devices.watched(),
        Signals() as signals,
        RunLock(run_dir) as lock,
    ):
        return _train(
            settings, run_dir, resume, init_from, flags_text, say, stream, devices, signals, lock
        )


def _train(settings, run_dir, resume, init_from, flags_text, say, stream, devices, signals, lock):
    # 1. Everything that can be wrong is checked before anything is written.
    resumes, step = resume is not False, None if isinstance(resume, bool) else resume
    if devices.writes:
        lock.take()
        run_history.check_run(run_dir, settings, resumes)
    system, source = prepare(settings, say, devices)
    checkpoints = Checkpoints(run_dir, system, step)
    resumed = checkpoints.there  # the checkpoint may be one of step 0
    first = checkpoints.restore() if resumed else 0
    notes = start_from(init_from, system) if init_from and not resumed else []
    system.enter_phase(settings.phase_at(first))
    data = batches(settings, system, source, first, devices)
    devices.agree(
        f"{settings}, {photographs_in_words(settings, source)}, from step {first}"
        f"{' of a checkpoint' if resumed else ''}, {init_from}"
    )
    if not devices.writes:
        say(f"worker {devices.index} of {devices.workers}: takes the steps; worker 0 writes")
        return _follow(settings, system, data, first, devices)
    table = MetricsTable(run_dir, first if resumed else -1)
    if resume is True and resumed and (found := _measured(run_dir, first, settings)):
        say(f"the run has its {first:,} steps: raise `steps` to go on")
        devices.agree("the end")
        return found
    history = run_history.history_of(run_dir, settings, first if resumed else None)
    if resumed:
        notes += run_history.ignored_start(run_dir, init_from)
        flags_text = run_history.with_old_start(run_dir, flags_text)
    validation = Validation(settings, system)

    # 2. The run directory.
    with lock.making_folder():
        run_history.check_run(run_dir, settings, resumes)  # another process may have been quicker
        write_run(run_dir, settings, flags_text, run_history.history_text(history))
    progress = ProgressCallback(
        first, settings.steps, settings.batch_size, stream, settings.log_every
    )

    def say_between(line):
        progress.clear()
        say(line)

    spare = BestEffort(say_between)
    if resumes:
        moved = checkpoints.set_aside_later()
        uncut = event_files.cut(
            os.path.join(run_dir, "tensorboard"),
            first if resumed else -1,
            first >= settings.steps,
        )
        say(
            f"resumed at step {first}: weights, moving average and optimizer moments restored"
            if resumed
            else f"nothing to resume in {run_dir}: starts at 0"
        )
        for line in moved:
            say(f"note: {line}")
        for path in uncut:
            say(f"warning: {path} cannot be cut at step {first}: later points may be in it twice")
        for line in run_history.changes(history):
            say(f"note: {line}; the run is no longer one that a single set of flags repeats")
    others = [
        f", {name.replace('_', ' ')} {count(network):,}"
        for name, network in system.networks.items()
        if name != "generator"
    ]
    say(
        f"{in_words(settings.system, settings.variant)}, {count(system.generator):,} parameters"
        + ("".join(others) or ", no critic")
        + f"; {photographs_in_words(settings, source)}, {settings.photos.image_size} px, batch "
        f"{settings.batch_size}, on {devices.name}"
    )

    for line in notes:
        say(f"note: {line}")
    if first < settings.steps:
        for line in sanity_checks.check_validation(settings, source):
            say(f"warning: {line}")

    # 3. The steps.
    log = MetricsCallback(
        first,
        run_dir,
        table,
        every=settings.log_every,
        batch_size=settings.batch_size,
        say=say_between,
        spare=spare,
    )
    if not resumed:
        for name, text in (
            ("settings", to_json(settings)),
            ("loss_weights", _weights(system)),
            ("versions", _versions()),
        ):
            log.text(name, "    " + text.replace("\n", "\n    "))
    validate = ValidationCallback(
        first,
        validation,
        run_dir,
        log,
        sample_every=settings.sample_every,
        eval_every=settings.eval_every,
        steps=settings.steps,
        spare=spare,
        signals=signals,
    )
    mean_fill_check = MeanFillCheck(
        first,
        validation,
        after=mean_fill_step(settings, system.specification.phases),
        term=system.specification.main_term,
        run_dir=run_dir,
        say=say_between,
        signals=signals,
        figures_of=validate.figures_of,
    )
    phases = PhaseCallback(first, settings, say_between)
    stop = StopCallback(first, signals)
    finite = FiniteCheck(
        first,
        checkpoints,
        settings.skip_bad_steps,
        lambda step: names_of_batch(source, settings.batch_size, settings.seed, step),
        say_between,
    )

    def save(step):
        checkpoints.save(step)
        progress.clear()
        say(f"stopped at step {step}, saved: `resume` goes on from there")

    checkpoints.get_ready()
    if first < settings.steps:
        if preparing.holes_on_device(settings.holes) and devices.count == 1:
            data = data.apply(tf.data.experimental.prefetch_to_device(device().name))
        try:
            callbacks = [
                stop,
                finite,
                log,
                CheckpointCallback(
                    first, checkpoints, settings.checkpoint_every, settings.steps, spare
                ),
                validate,
                mean_fill_check,
                progress,
                phases,
            ]
            _fit(settings, system, data, first, devices, callbacks)
        except KeyboardInterrupt:
            # Before the first step has ended, only the system knows whether it was taken.
            save(stop.step if stop.step > first else system.run_step)
            raise
        except tf.errors.OpError as error:
            lost = reading_failure(source, error)
            if lost is None:
                raise
            save(stop.step)
            raise lost from error
        finally:
            progress.clear()
    if finite.skipped:
        say(finite.summary())
    if source.unreadable:
        skipped = counted(len(source.unreadable), "photograph")
        say(
            f"skipped {skipped} of {settings.photos.source} that could not be read: "
            f"{source.left_out()}"
        )

    # 4. The last checkpoint and the validation pass.
    last = max(first, settings.steps)
    signals.wait()
    checkpoints.save(last)
    with signals.at_once():
        validate.sample(last, "final.png")
        figures = validate.evaluate(last)
    spare.close()
    devices.agree("the end")
    return Result(last, figures, validation.baselines, validation.description)


def _measured(run_dir, first, settings):
    """The outcome of a run that has reached its last step and was measured there, or None."""
    if not 0 < first >= settings.steps or not run_history.is_unchanged(run_dir, settings):
        return None
    figures = read_run(run_dir, "run_dir").validation_figures()
    if figures is None or figures.pop("step") != first:
        return None
    return Result(first, figures, {}, f"measured before, as {METRICS_FILE} says")


def _fit(settings, system, data, first, devices, callbacks):
    """Takes the steps after `first`. Every worker does."""
    with devices.watched(lambda: system.run_step):
        system.fit(
            devices.fed(data),
            steps_per_epoch=settings.steps - first,
            epochs=1,
            verbose=0,
            callbacks=callbacks,
        )


def _follow(settings, system, data, first, devices):
    """What a worker that writes nothing does: it takes the steps and waits for worker 0 to end."""
    phases = PhaseCallback(first, settings, lambda line: None)
    if first < settings.steps:
        _fit(settings, system, data, first, devices, [phases])
    devices.agree("the end")
    return Result(max(first, settings.steps), {}, {}, "worker 0 has the figures")


def _weights(system):
    """The loss weights of this run, one per line."""
    return "\n".join(f"{name} {weight:g}" for name, weight in system.weights_of_terms.items())


def _versions():
    """The versions of the software, and the device, one per line."""
    versions = {
        "tfinpaint": __version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": sys.version.split()[0],
        "device": device().name,
    }
    return "\n".join(f"{name} {version}" for name, version in versions.items())


def count(network: tf.keras.Model) -> int:
    """The number of trainable parameters."""
    return sum(v.shape.num_elements() for v in network.trainable_variables)
