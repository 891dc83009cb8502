"""Dry runs: the data, loss and speed of a run before it begins. Nothing of the run is written.

    settings -> lines to read, warnings, a picture of one batch, and the figures behind them

The data are those that the run begins with (same seed, step and holes). The system is built,
compiled and trained for a few steps as in the run, and then discarded. `train` seeds all random
numbers itself, so a dry run does not change the run after it.

Seconds per step are the median of a few steps after the first, which includes compilation. If a
system does more work in some steps (contextual_attention's generator learns from every fifth
batch), the figure is a little too low.
"""

import dataclasses
import itertools
import resource
import statistics
import time
from typing import List, Optional, Tuple, Union

import numpy as np
import tensorflow as tf

from tfinpaint.pictures import grid, to_uint8
from tfinpaint.progress import clock
from tfinpaint.runs import start_from
from tfinpaint.settings import TrainSettings
from tfinpaint.systems.specification import in_words
from tfinpaint.training import sanity_checks
from tfinpaint.training.checkpoints import Checkpoints
from tfinpaint.training.devices import Devices, one_device
from tfinpaint.training.loop import count
from tfinpaint.training.precision import precision
from tfinpaint.training.preparing import (
    batches,
    device,
    photographs_in_words,
    prepare,
)
from tfinpaint.training.run_history import check_not_packed
from tfinpaint.training.schedule import description

_RED = np.array([230, 30, 30], np.uint8)
_ROWS = 6  # photographs in the picture
_LOOKED_AT = 4  # batches whose values and holes are measured
_PIPELINE_SECONDS = 3.0  # time spent reading batches, to measure the pipeline's speed
# The median is taken of so many steps after the first. No further one starts after these seconds.
_STEPS, _STEP_SECONDS = 5, 30.0


@dataclasses.dataclass(frozen=True)
class DryRun:
    """What a dry run found.

    lines, warnings:  texts for the user, one line each.
    picture:          uint8 [h, w, 3], with a row for each of the first photographs of a batch: the
                      input with its hole in red, the hole in white, and the original.
    figures:          minimum, maximum, mean: of the values of the images, in [-1, 1].
                      share_minimum, share_mean, share_maximum: of missing pixels, in [0, 1].
                      terms: {name: weighted value at the first step}.
                      parameters: {network: (trainable, all)}.
                      seconds_per_step.
                      images_per_second: what the input pipeline delivers if nothing else runs.
                      memory: the most that the process has used so far, in bytes.
    """

    lines: Tuple[str, ...]
    warnings: Tuple[str, ...]
    picture: np.ndarray
    figures: dict


def dry_run(
    settings: TrainSettings,
    run_dir: str,
    resume: Union[bool, int] = False,
    init_from: Optional[str] = None,
    devices: Optional[Devices] = None,
) -> DryRun:
    """Tries out the run that `train` would make with these arguments, on devices of one process.

    With `resume`, the steps are those from the one that the run would go on from.

    Raises: SettingsError where `train` does, except that `run_dir` need not be empty.
    """
    with precision(settings):
        return _dry_run(settings, run_dir, resume, init_from, devices or one_device())


def _dry_run(settings, run_dir, resume, init_from, devices):
    notes: List[str] = []
    if resume is not False:
        check_not_packed(run_dir)
    system, source = prepare(settings, notes.append, devices)
    resumes, step = resume is not False, None if isinstance(resume, bool) else resume
    checkpoints = Checkpoints(run_dir, system, step)
    resumed = resumes and checkpoints.there
    first = checkpoints.restore() if resumed else 0
    notes += start_from(init_from, system) if init_from and not resumed else []
    system.enter_phase(settings.phase_at(first))
    data = batches(settings, system, source, first, devices)

    # 1. The data.
    speed = _pipeline_speed(data, settings.batch_size // devices.count)
    some = list(itertools.islice(data, _LOOKED_AT))
    images = np.concatenate([batch[0] for batch in some])  # [4 B, S, S, 3]
    holes = np.concatenate([_holes(system, batch) for batch in some])  # [4 B, S, S, 1]
    shares = holes.mean((1, 2, 3))
    figures = {
        "minimum": float(images.min()),
        "maximum": float(images.max()),
        "mean": float(images.mean()),
        "share_minimum": float(shares.min()),
        "share_mean": float(shares.mean()),
        "share_maximum": float(shares.max()),
        "images_per_second": speed,
    }
    warnings = sanity_checks.check_photos(settings, source) + sanity_checks.check_holes(
        settings.holes, shares
    )

    # 2. The steps.
    logs, seconds = _steps(system, devices, some, data.element_spec)
    terms = {name: value for name, value in logs.items() if name in system.default_loss_weights}
    figures |= {
        "terms": terms,
        "seconds_per_step": seconds[-1] if len(seconds) == 1 else statistics.median(seconds[1:]),
        "memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "parameters": {
            name: (count(network), sum(v.shape.num_elements() for v in network.variables))
            for name, network in system.networks.items()
        },
    }
    warnings += sanity_checks.check_loss(system, terms)
    warnings += sanity_checks.check_time(
        settings, system, figures["seconds_per_step"], device().device_type
    )

    lines = (
        _data_lines(settings, photographs_in_words(settings, source), figures, len(images))
        + _system_lines(settings, system, figures, logs, first, seconds[0], devices)
        + notes
    )
    return DryRun(tuple(lines), tuple(warnings), _picture(images, holes), figures)


# ---------------------------------------------------------------------------------------- measuring


def _holes(system, batch):
    """The holes of a batch, [B, S, S, 1]. They are made here if the training step makes them."""
    return np.asarray(system.make_holes(batch[1]) if batch[1].shape.rank == 1 else batch[1])


def _pipeline_speed(data, batch_size):
    """Images per second that the pipeline delivers if nothing else runs."""
    stream = iter(data)
    next(stream)  # opens files and traces; not timed
    begin, number = time.monotonic(), 0
    while number < 3 or time.monotonic() - begin < _PIPELINE_SECONDS and number < 100:
        next(stream)
        number += 1
    return number * batch_size / (time.monotonic() - begin)


def _steps(system, devices, some, element_spec):
    """Takes a few steps. Returns the logs of the first, and the seconds of each.

    some: batches, with the structure `element_spec`, which are used over and over.
    """
    again = tf.data.Dataset.from_generator(
        lambda: itertools.cycle(some), output_signature=element_spec
    ).apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    stream, step = iter(devices.fed(again)), system.make_train_function()
    first, seconds = None, []
    while len(seconds) <= _STEPS and (len(seconds) < 2 or sum(seconds[1:]) < _STEP_SECONDS):
        begin = time.monotonic()
        logs = {name: float(value) for name, value in step(stream).items()}
        seconds.append(time.monotonic() - begin)
        first = first or logs
    return first, seconds


# ------------------------------------------------------------------------------------- what is said


def _data_lines(settings, photos, figures, number):
    low, high = settings.holes.bounds
    size = settings.photos.image_size
    kind = settings.holes.kind
    polarity = (
        f"white in its files is {settings.holes.mask_is} (`mask_is`)"
        if kind.startswith("files:")
        else "made here"
    )
    return [
        f"images: {photos}, {size} x {size}, values {figures['minimum']:.3f} to "
        f"{figures['maximum']:.3f}, mean {figures['mean']:.3f} (-1 is black, 1 is white; {number} "
        "looked at)",
        f"holes: {kind}, {polarity}; in the picture, missing pixels are white in the hole and red "
        "in the input",
        f"holes: shares of missing pixels {figures['share_minimum']:.3f} to "
        f"{figures['share_maximum']:.3f}, mean {figures['share_mean']:.3f} (asked: {low:g} to "
        f"{high:g})",
        f"pipeline alone: {figures['images_per_second']:.1f} images/s",
    ]


def _system_lines(settings, system, figures, logs, first, compiling, devices):
    weights = system.weights_of_terms
    total = sum(abs(value) for value in figures["terms"].values()) or 1.0
    seconds, left = figures["seconds_per_step"], max(settings.steps - first, 0)
    lines = [
        f"{in_words(settings.system, settings.variant)}, {name}: {trainable:,} of {all_of_it:,} "
        "parameters learn"
        for name, (trainable, all_of_it) in figures["parameters"].items()
    ]
    if "critic" not in figures["parameters"]:
        lines.append("no critic")
    losses = [f"{logs['loss']:.4g}"] if "loss" in logs else []
    losses += [f"the critic's own: {logs['critic']:.4g}"] if "critic" in logs else []
    lines.append(f"loss at step {first + 1}: {'; '.join(losses)}")
    lines += [
        f"    {name}: {value:.4g}, weight {weights[name]:g} x "
        f"{value / weights[name] if weights[name] else 0.0:.4g}, {abs(value) / total:.0%}"
        for name, value in figures["terms"].items()
    ]
    memory = f"{figures['memory'] / 2**30:.1f} GiB of memory at most so far"
    if device().device_type == "GPU":
        memory += (
            f", {tf.config.experimental.get_memory_info('GPU:0')['peak'] / 2**30:.1f} GiB of the "
            "GPU's"
        )
    schedule = system.schedules.get("generator")
    rate = schedule.rate if schedule else float(system.optimizer.learning_rate.numpy())
    return lines + [
        description(settings, rate),
        f"speed on {devices.name}: {seconds:.3g} s per step of {settings.batch_size} images, "
        f"{settings.batch_size / seconds:.1f} images/s (the first step took {compiling:.0f} s); "
        f"{memory}",
        f"{left} steps to `steps={settings.steps}`: about {clock(compiling + left * seconds)}, "
        "without samples, checkpoints and validation",
    ]


def _picture(images, holes):
    shown = zip(to_uint8(images[:_ROWS]), holes[:_ROWS] > 0)
    return grid(
        [
            [
                np.where(hole, _RED, photo),
                np.where(hole, np.uint8(255), np.zeros_like(photo)),
                photo,
            ]
            for photo, hole in shown
        ]
    )
