"""The run directory: what a run was, its checkpoints, and how a trained system is loaded.

    RUN/
      flags.txt        --flagfile=RUN/flags.txt repeats the run
      settings.json    the same as `TrainSettings`
      checkpoints/     all of a system: generator, moving average, critic, optimizers, step
      tensorboard/  samples/  metrics.csv

    run = read_run("runs/mine")          # the one reader of a run's record
    run.settings, run.step, run.flags_text(), run.validation_figures()
    system = run.load_system()

A packed model (packed.py) has weights.npz in place of checkpoints/. It is loaded like a run, and
a run can start from it, but it cannot be resumed.
"""

import contextlib
import csv
import dataclasses
import functools
import os
import re
from typing import Dict, List, Optional

import tensorflow as tf

from tfinpaint import atomic, checkpoint_files, models, packed
from tfinpaint.settings import (
    SettingsError,
    TrainSettings,
    check_utf8,
    first_line,
    os_reason,
    to_json,
    train_settings_from_json,
)
from tfinpaint.systems import all_settings, create
from tfinpaint.systems.base import System

METRICS_FILE = "metrics.csv"
_SETTINGS, _FLAGS = "settings.json", "flags.txt"
_FOLDERS = ("checkpoints", "tensorboard", "samples")
# settings that may change when a run is resumed
_MAY_CHANGE = (
    "steps",
    "checkpoint_every",
    "log_every",
    "sample_every",
    "eval_every",
    "warn_after",
    "jit_compile",
    "skip_bad_steps",
)


def check_run(run_dir: str, settings: TrainSettings, resume: bool = False) -> List[str]:
    """Checks whether a run with these settings can begin, or go on, in `run_dir`. Writes nothing.

    Returns: for a run that goes on with other settings than it began with, a line for each one that
        matters.

    Raises: SettingsError for a directory that holds something already (without `resume`), or a run
        of another system.
    """
    check_utf8("run_dir", run_dir)
    if not os.path.isdir(run_dir) or not _content(run_dir):
        return []
    if not resume:
        raise SettingsError(
            f"`run_dir={run_dir!r}` is not empty: `resume` goes on with the run in it, another "
            "`run_dir` starts a new one"
        )
    there = read_settings(run_dir, "run_dir")
    for name in ("system", "variant", "system_settings"):
        old, new = _of_system(there, name), _of_system(settings, name)
        if old != new:
            raise SettingsError(
                f"`run_dir={run_dir!r}` holds a run with {name} {old}, not {new}: it cannot be "
                "resumed with these flags"
            )
    old, new = ({**vars(s), **vars(s.photos), **vars(s.holes)} for s in (there, settings))
    changed = [
        name
        for name in old
        if old[name] != new[name]
        and name not in (*_MAY_CHANGE, "photos", "holes", "system_settings")
    ]
    return [f"{name} was {old[name]} when the run began and is {new[name]} now" for name in changed]


def write_run(run_dir: str, settings: TrainSettings, flags_text: str = "") -> None:
    """Makes the run directory and writes what the run is.

    Raises SettingsError if that is impossible.
    """
    try:
        names = [os.path.join(run_dir, name) for name in (_SETTINGS, _FLAGS)]
        with contextlib.ExitStack() as stack:
            for folder in _FOLDERS:
                stack.enter_context(atomic.folder(os.path.join(run_dir, folder)))
            places = stack.enter_context(atomic.replacing_all(names))
            for place, text in zip(places, (to_json(settings), flags_text)):
                with open(place, "wb") as f:
                    f.write(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise SettingsError(
            f"`run_dir={run_dir!r}` cannot be written: {os_reason(error)}"
        ) from error


def _content(run_dir):
    """What is in a folder, but for what `write_run` leaves when it is cut off before it is done."""

    def is_left(name):
        place = os.path.join(run_dir, name)
        if name in _FOLDERS and os.path.isdir(place):
            return not os.listdir(place)
        return re.fullmatch(r"\.(settings|flags)\.[0-9a-f]{12}\.(json|txt)", name)

    try:
        return [name for name in os.listdir(run_dir) if not is_left(name)]
    except OSError as error:
        raise SettingsError(f"`run_dir={run_dir!r}` cannot be read: {os_reason(error)}") from error


@dataclasses.dataclass(frozen=True)
class Run:
    """The record of a run directory or a packed model, as it was when it was read.

    path:      its folder.
    settings:  what was trained.
    argument:  the name of `path` in errors.
    """

    path: str
    settings: TrainSettings
    argument: str = "model"

    @property
    def is_packed(self) -> bool:
        """Whether it is a packed model, which has one network and no checkpoints."""
        return packed.is_packed(self.path)

    @functools.cached_property
    def checkpoint(self) -> Optional[str]:
        """The last checkpoint, without an ending; None if there is none (yet)."""
        return checkpoint_files.latest(os.path.join(self.path, "checkpoints"))

    @functools.cached_property
    def step(self) -> int:
        """The step of its weights. Raises SettingsError if there are none."""
        if self.is_packed:
            return packed.read_weights(self.path, f"`{self.argument}={self.path!r}`")[0]
        if self.checkpoint is None:
            raise SettingsError(f"`{self.argument}={self.path!r}` has no checkpoint yet")
        return int(self.checkpoint.rpartition("-")[2])

    def flags_text(self) -> str:
        """What flags.txt holds. Raises SettingsError if it cannot be read."""
        try:
            with open(
                os.path.join(self.path, _FLAGS), encoding="utf-8", errors="surrogateescape"
            ) as f:
                return f.read()
        except OSError as error:
            raise SettingsError(
                f"`{self.argument}={self.path!r}`: its {_FLAGS} cannot be read: {error.strerror}"
            ) from error

    def validation_figures(self) -> Optional[Dict[str, float]]:
        """The figures of the last validation pass, by name, and their "step".

        Returns: None if there was no validation pass.
        Raises: SettingsError if the table is damaged. A last row that is cut short is none.
        """
        path = os.path.join(self.path, METRICS_FILE)
        if not os.path.isfile(path):
            return None
        try:
            with open(path, newline="", encoding="utf-8-sig") as f:
                lines = [line for line in f if line.endswith("\n")]
            rows = [row for row in csv.DictReader(lines) if row.get("val_psnr")]
            if not rows:
                return None
            last = rows[-1]
            figures = {
                name.removeprefix("val_"): float(value)
                for name, value in last.items()
                if name and name.startswith("val_") and value
            }
            return {"step": int(last.get("step") or "no step"), **figures}
        except (OSError, ValueError, TypeError, csv.Error) as error:
            raise SettingsError(
                f"`{self.argument}={self.path!r}`: its {METRICS_FILE} cannot be read: "
                f"{first_line(error)}"
            ) from error

    def load_system(self) -> System:
        """The trained system, not compiled; its generator has the weights of the moving average.

        Raises: SettingsError if there is no checkpoint, or its weights do not fit the settings.
        """
        try:
            system = create_system(self.settings)
        except SettingsError as error:
            raise SettingsError(f"`{self.argument}={self.path!r}`: {error}") from error
        _restore(self, averaged_generator=system.generator)
        return system

    def load_critic(self, critic: tf.keras.Model) -> bool:
        """Gives a new critic the weights of the run's.

        Returns: False if the run has no critic; then the critic stays as it is.
        Raises: SettingsError if the run's critic is another one.
        """
        if self.is_packed or self.checkpoint is None:
            return False
        saved = checkpoint_files.variables(self.checkpoint, f"`{self.argument}={self.path!r}`")
        if not checkpoint_files.shapes_under(saved, "system/critic"):
            return False
        _restore(self, critic=critic)
        return True


def is_run(path: str) -> bool:
    """Whether `path` is a run directory or a packed model."""
    return os.path.isfile(os.path.join(path, _SETTINGS))


def read_run(path: str, argument: str = "model") -> Run:
    """The record of the run directory or packed model at `path`.

    Raises: SettingsError, which names `argument`, if there is none.
    """
    return Run(path, read_settings(path, argument), argument)


def read_settings(run_dir: str, argument: str = "model") -> TrainSettings:
    """The settings of the run (or packed model) at `run_dir`.

    Raises SettingsError, naming `argument`, if there is none.
    """
    path = os.path.join(run_dir, _SETTINGS)
    if not os.path.isdir(run_dir):
        raise SettingsError(
            f"`{argument}={run_dir!r}` is no folder: a run directory of `train`, or default"
        )
    if not is_run(run_dir):
        raise SettingsError(f"`{argument}={run_dir!r}` is no run directory: it has no {_SETTINGS}")
    try:
        with open(path, encoding="utf-8") as f:
            return train_settings_from_json(f.read())
    except SettingsError as error:
        raise SettingsError(
            f"`{argument}={run_dir!r}`: its {_SETTINGS} cannot be used: {error}"
        ) from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SettingsError(
            f"`{argument}={run_dir!r}`: its {_SETTINGS} cannot be read ({type(error).__name__}: "
            f"{first_line(error)})"
        ) from error


def create_system(settings: TrainSettings) -> System:
    """The untrained system that the settings describe."""
    return create(settings.system, settings.variant, **dict(settings.system_settings))


def start_from(run_dir: str, system: System) -> List[str]:
    """Gives a compiled system the networks of another run (fine-tuning).

    They are the generator, the critic and other parts of a run, or the generator of a packed model.

    Returns: a line for each part that the run has not, or a different one (a critic for images of
        another size, say), so that this run's starts anew.
    """
    run_dir = models.locate(run_dir, "init_from")
    run = read_run(run_dir, "init_from")
    settings = run.settings
    there, here = (
        all_settings(settings.system, **dict(settings.system_settings)),
        system.get_config(),
    )
    # leave out those that change no weights; if a variant does, the checkpoint tells
    for name in ("variant", "discount"):
        there.pop(name, None)
        here.pop(name, None)
    if (settings.system, there) != (system.system_name, here):
        raise SettingsError(
            f"`init_from={run_dir!r}` holds a run of {settings.system} {_show(there)}: its "
            f"weights do not fit {system.system_name} {_show(here)}"
        )
    _restore(run, generator=system.generator)
    system.restart_average()
    parts = {name: part for name, part in system.networks.items() if name != "generator"}
    saved = []
    if parts and run.checkpoint:
        saved = checkpoint_files.variables(run.checkpoint, f"`init_from={run_dir!r}`")
    notes = []
    for name, part in parts.items():
        shapes, words = (
            checkpoint_files.shapes_under(saved, f"system/{name}"),
            name.replace("_", " "),
        )
        if shapes == checkpoint_files.shapes_of(part):
            _restore(run, **{name: part})
        elif shapes:
            notes.append(
                f"the {words} of {run_dir} does not fit this run, whose {words} begins anew"
            )
        else:
            notes.append(f"{run_dir} has no {words}: this run's begins anew")
    return notes


def _restore(run, **parts):
    """Gives {name in a checkpoint: network} their weights.

    A packed model has one network, which serves as any generator.
    """
    run_dir, argument, latest = run.path, run.argument, run.checkpoint
    if run.is_packed:
        (network,) = parts.values()
        packed.restore(run_dir, network, f"`{argument}={run_dir!r}`")
        return
    if latest is None:
        raise SettingsError(f"`{argument}={run_dir!r}` has no checkpoint yet")
    saved = checkpoint_files.variables(
        latest, f"`{argument}={run_dir!r}`: its checkpoint {os.path.basename(latest)} is damaged"
    )
    for name, part in parts.items():
        # empty if it is stored under the name of another part
        there = checkpoint_files.shapes_under(saved, f"system/{name}")
        if there and there != checkpoint_files.shapes_of(part):
            raise SettingsError(
                f"`{argument}={run_dir!r}`: the {name} in its checkpoint does not fit (is it of "
                "another `variant`?)"
            )
    try:
        # The objects of a checkpoint are found by attribute names: system.averaged_generator and
        # so on.
        status = tf.train.Checkpoint(system=tf.train.Checkpoint(**parts)).restore(latest)
        status.assert_existing_objects_matched().expect_partial()
    except checkpoint_files.DAMAGE as error:
        beginning = f"`{argument}={run_dir!r}`: its checkpoint {os.path.basename(latest)}"
        if not checkpoint_files.is_whole(latest):
            raise checkpoint_files.damage(latest, f"{beginning} is damaged", error) from error
        raise SettingsError(
            f"{beginning} does not hold the {' and '.join(parts)} that its settings describe: "
            f"{first_line(error)}"
        ) from error


def _of_system(settings, name):
    value = getattr(settings, name)
    return (
        _show(all_settings(settings.system, **dict(value))) if name == "system_settings" else value
    )


def _show(settings):
    return " ".join(f"{name}={value}" for name, value in settings.items())
