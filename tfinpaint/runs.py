"""The run directory: what a run was, its checkpoints, and how a trained system is loaded.

    RUN/
      flags.txt        --flagfile=RUN/flags.txt repeats the run
      settings.json    the same settings, as a `TrainSettings`
      history.json     the earlier settings, if a resume has changed them (run_history.py)
      checkpoints/     all of a system: generator, moving average, critic, optimizers, step
      tensorboard/  samples/  metrics.csv

    run = read_run("runs/mine")          # the only reader of a run directory
    run.settings, run.step, run.flags_text(), run.validation_figures()
    system = run.load_system()

A packed model (packed.py) has weights.npz in place of checkpoints/. It is loaded like a run, and
a run can start from it, but it cannot be resumed.
"""

import contextlib
import dataclasses
import functools
import os
import re
from typing import Dict, List, Mapping, Optional, Tuple

import tensorflow as tf

from tfinpaint import atomic, checkpoint_files, models, packed
from tfinpaint.metrics_file import cannot_be_read, read_rows
from tfinpaint.settings import (
    SettingsError,
    TrainSettings,
    first_line,
    os_reason,
    to_json,
    train_settings_from_json,
)
from tfinpaint.systems import all_settings, create
from tfinpaint.systems.base import System

HISTORY_FILE = "history.json"
_SETTINGS, _FLAGS = "settings.json", "flags.txt"
_FOLDERS = ("checkpoints", "tensorboard", "samples")


def write_run(
    run_dir: str, settings: TrainSettings, flags_text: str = "", history: str = ""
) -> None:
    """Makes the run directory and writes settings.json, flags.txt and history.json.

    flags_text: the content of flags.txt.
    history: the content of history.json; empty for no such file.

    Raises: SettingsError if the directory cannot be written.
    """
    texts = {_SETTINGS: to_json(settings), _FLAGS: flags_text}
    if history:
        texts[HISTORY_FILE] = history
    try:
        names = [os.path.join(run_dir, name) for name in texts]
        with contextlib.ExitStack() as stack:
            for folder in _FOLDERS:
                stack.enter_context(atomic.folder(os.path.join(run_dir, folder)))
            places = stack.enter_context(atomic.replacing_all(names))
            for place, text in zip(places, texts.values()):
                with open(place, "wb") as f:
                    f.write(text.encode("utf-8", "surrogateescape"))
        if not history:
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(run_dir, HISTORY_FILE))
    except OSError as error:
        raise SettingsError(
            f"`run_dir={run_dir!r}` cannot be written: {os_reason(error)}"
        ) from error


def content_of(run_dir: str) -> List[str]:
    """The names in a folder, without those that an interrupted `write_run` may leave.

    Raises: SettingsError if the folder cannot be read.
    """

    def is_left(name):
        place = os.path.join(run_dir, name)
        if name in _FOLDERS and os.path.isdir(place):
            return not os.listdir(place)
        return re.fullmatch(r"\.(settings|flags|history)\.[0-9a-f]{12}\.(json|txt)", name)

    try:
        return [name for name in os.listdir(run_dir) if not is_left(name)]
    except OSError as error:
        raise SettingsError(f"`run_dir={run_dir!r}` cannot be read: {os_reason(error)}") from error


@dataclasses.dataclass(frozen=True)
class Run:
    """A run directory or a packed model, as it was when it was read.

    path:      its folder.
    settings:  what was trained.
    argument:  the name of `path` in error messages.
    """

    path: str
    settings: TrainSettings
    argument: str = "model"

    @property
    def is_packed(self) -> bool:
        """Whether this is a packed model, which has one network and no checkpoints."""
        return packed.is_packed(self.path)

    @functools.cached_property
    def checkpoint(self) -> Optional[str]:
        """The path of the last checkpoint, without an ending; None if there is none (yet)."""
        return checkpoint_files.latest(os.path.join(self.path, "checkpoints"))

    @functools.cached_property
    def step(self) -> int:
        """The step of its weights. Raises SettingsError if it has no weights."""
        if self.is_packed:
            return packed.read_weights(self.path, f"`{self.argument}={self.path!r}`")[0]
        if self.checkpoint is None:
            raise SettingsError(f"`{self.argument}={self.path!r}` has no checkpoint yet")
        return int(self.checkpoint.rpartition("-")[2])

    def flags_text(self) -> str:
        """The content of flags.txt. Raises SettingsError if it cannot be read."""
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
        """The figures of the last validation pass in metrics.csv.

        Returns: {name: value}, with the "step" of the pass; None if there was no validation pass.
        Raises: SettingsError if the table is damaged. A last row that is incomplete is left out.
        """
        rows = [row for row in read_rows(self.path, self.argument) if row.get("val_psnr")]
        if not rows:
            return None
        try:
            figures = {
                name.removeprefix("val_"): float(text)
                for name, text in rows[-1].items()
                if name.startswith("val_") and text
            }
            return {"step": int(rows[-1]["step"]), **figures}
        except ValueError as error:
            raise cannot_be_read(self.path, self.argument, error) from error

    def load_system(self) -> System:
        """The trained system, not compiled. Its generator has the moving average of the weights.

        Raises: SettingsError if there is no checkpoint, or if its weights do not fit the settings.
        """
        try:
            system = create_system(self.settings)
        except SettingsError as error:
            raise SettingsError(f"`{self.argument}={self.path!r}`: {error}") from error
        _restore(self, averaged_generator=system.generator)
        return system

    def load_critic(self, critic: tf.keras.Model) -> bool:
        """Loads the weights of the run's critic into `critic`.

        Returns: False if the run has no critic; `critic` is then unchanged.
        Raises: SettingsError if the run's critic has other layers.
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
    """Reads the run directory or packed model at `path`.

    Raises: SettingsError, which names `argument`, if there is none or its settings cannot be read.
    """
    return Run(path, read_settings(path, argument), argument)


def read_settings(run_dir: str, argument: str = "model") -> TrainSettings:
    """The settings of the run (or packed model) at `run_dir`.

    Raises: SettingsError, which names `argument`, if there is none or they cannot be read.
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
    """Loads the networks of another run into a compiled system (fine-tuning).

    A run has a generator, a critic and other parts. A packed model has only a generator.

    Returns: a line for each part that `run_dir` lacks or that does not fit (such as a critic for
        images of another size). That part of `system` keeps its initial weights.

    Raises: SettingsError if `run_dir` is no run, or if its generator does not fit.
    """
    given, run_dir = run_dir, models.locate(run_dir, "init_from")
    run = read_run(run_dir, "init_from")
    settings = run.settings
    there, here = (
        all_settings(settings.system, **dict(settings.system_settings)),
        system.get_config(),
    )
    # These two settings need not change the weights. If they do, `_restore` finds that the
    # checkpoint does not fit.
    for name in ("variant", "discount"):
        there.pop(name, None)
        here.pop(name, None)
    old, new = settings.system, system.system_name
    if old != new:
        raise SettingsError(
            f"`init_from={given!r}` holds a run of {old}: its weights do not fit {new}"
        )
    if there != here:
        old, new = differing(there, here)
        raise SettingsError(
            f"`init_from={given!r}` holds a run with {old}: its weights do not fit {new}"
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
    """Loads weights into networks.

    parts: {name in the checkpoint: network}. A packed model has one network, whatever its name.

    Raises: SettingsError if there is no checkpoint, or if it is damaged or does not fit.
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
        # Empty if the checkpoint stores the part under another name.
        there = checkpoint_files.shapes_under(saved, f"system/{name}")
        if there and there != checkpoint_files.shapes_of(part):
            raise SettingsError(
                f"`{argument}={run_dir!r}`: the {name} in its checkpoint does not fit (is it of "
                "another `variant`?)"
            )
    try:
        # A checkpoint names its objects by attributes: system.averaged_generator and so on.
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


def differing(there: Mapping[str, object], here: Mapping[str, object]) -> Tuple[str, str]:
    """The settings that differ, as arguments: ("`depth=12`", "`depth=6`"); "" twice if none do.

    there, here:  all settings of two systems of one name, {name: value}.
    """
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    old, new = (
        " ".join(f"`{name}={values.get(name)!r}`" for name in names) for values in (there, here)
    )
    return old, new
