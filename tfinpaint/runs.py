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

import csv
import dataclasses
import functools
import glob
import os
from typing import Dict, List, Optional

import tensorflow as tf

from tfinpaint import atomic, models, packed
from tfinpaint.settings import (
    SettingsError,
    TrainSettings,
    check_utf8,
    first_line,
    to_json,
    train_settings_from_json,
)
from tfinpaint.systems import all_settings, create
from tfinpaint.systems.base import System
from tfinpaint.wording import shown

METRICS_FILE = "metrics.csv"
_SETTINGS, _FLAGS = "settings.json", "flags.txt"
# settings that may change when a run is resumed
_MAY_CHANGE = (
    "steps",
    "checkpoint_every",
    "log_every",
    "sample_every",
    "eval_every",
    "warn_after",
    "jit_compile",
)


def check_run(run_dir: str, settings: TrainSettings, resume: bool = False) -> List[str]:
    """Checks whether a run with these settings can begin, or go on, in `run_dir`. Writes nothing.

    Returns: for a run that goes on with other settings than it began with, a line for each one that
        matters.

    Raises: SettingsError for a directory that holds something already (without `resume`), or a run
        of another system.
    """
    check_utf8("run_dir", run_dir)
    if not os.path.isdir(run_dir) or not os.listdir(run_dir):
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
        for folder in ("checkpoints", "tensorboard", "samples"):
            os.makedirs(os.path.join(run_dir, folder), exist_ok=True)
        for name, text in ((_SETTINGS, to_json(settings)), (_FLAGS, flags_text)):
            atomic.write_text(os.path.join(run_dir, name), text)
    except OSError as error:
        raise SettingsError(f"`run_dir={run_dir!r}` cannot be written: {error.strerror}") from error


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
        return _latest(os.path.join(self.path, "checkpoints"))

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
        """
        path = os.path.join(self.path, METRICS_FILE)
        if not os.path.isfile(path):
            return None
        with open(path, newline="", encoding="utf-8") as f:
            rows = [row for row in csv.DictReader(f) if row.get("val_psnr")]
        if not rows:
            return None
        last = rows[-1]
        figures = {
            name.removeprefix("val_"): float(value)
            for name, value in last.items()
            if name.startswith("val_") and value
        }
        return {"step": int(last["step"]), **figures}

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
        if not _under(_saved(self.checkpoint, f"`{self.argument}={self.path!r}`"), "system/critic"):
            return False
        _restore(self, critic=critic)
        return True


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
            f"`{argument}={run_dir!r}` is no folder: a run directory of `train` is needed"
        )
    if not os.path.isfile(path):
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
    saved = [] if run.is_packed or not parts else _saved(run.checkpoint, f"`init_from={run_dir!r}`")
    notes = []
    for name, part in parts.items():
        there, words = _under(saved, f"system/{name}"), name.replace("_", " ")
        if there == _shapes(part):
            _restore(run, **{name: part})
        elif there:
            notes.append(
                f"the {words} of {run_dir} does not fit this run, whose {words} begins anew"
            )
        else:
            notes.append(f"{run_dir} has no {words}: this run's begins anew")
    return notes


class Checkpoints:
    """Saves and restores all of a compiled system; keeps the last three.

    No folder is made before the first save.

    step: of the checkpoint to go on from; None: the last one.

    Attributes:
        there: whether the run has a checkpoint.

    Raises: SettingsError if there is no checkpoint of this step.
    """

    def __init__(self, run_dir: str, system: System, step: Optional[int] = None):
        self._system = system
        self._folder = os.path.join(run_dir, "checkpoints")
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self._checkpoint = tf.train.Checkpoint(step=self._step, system=system)
        self._manager: Optional[tf.train.CheckpointManager] = None
        self._latest = _latest(self._folder)
        if step is not None:
            numbered = _numbered(self._folder)
            if step not in numbered:
                there = ", ".join(map(str, sorted(numbered))) or "none"
                raise SettingsError(
                    f"`run_dir={run_dir!r}` has no checkpoint of `resume={step}`; its steps are: "
                    f"{there}"
                )
            self._latest = numbered[step]
        self.there = self._latest is not None

    def restore(self) -> int:
        """Restores the checkpoint and returns its step.

        The learning rates stay those that the system was compiled with.

        Raises: SettingsError if the checkpoint is damaged or does not hold what the system needs.
        """
        beginning = f"the checkpoint {self._latest} is damaged"
        saved = _saved(self._latest, beginning)
        if not _under(saved, "system/optimizer"):
            raise SettingsError(
                f"the checkpoint {self._latest} holds weights alone (imported ones?) and cannot "
                "be resumed: start a new run from it with `init_from`"
            )
        networks = {**self._system.networks, "averaged_generator": self._system.averaged_generator}
        for name, part in networks.items():
            if _under(saved, f"system/{name}") != _shapes(part):
                raise SettingsError(
                    f"the checkpoint {self._latest} does not fit these flags: its {name} is "
                    "another one (was `image_size` changed, or a term of the loss switched on or "
                    "off?)"
                )
        half = isinstance(self._system.optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
        if half != any(name.startswith("system/optimizer/loss_scale") for name, _ in saved):
            raise SettingsError(
                f"the checkpoint {self._latest} was written {'without' if half else 'with'} "
                "`mixed_precision` and can only be resumed so"
            )
        optimizers = list(self._system.parts.values())
        rates = [float(o.learning_rate.numpy()) for o in optimizers]
        try:
            # All parts of this system must be there; a critic that is no longer used may be left
            # over.
            self._checkpoint.restore(
                self._latest
            ).assert_existing_objects_matched().expect_partial()
        except _DAMAGE as error:
            if not _is_whole(self._latest):
                raise _damage(self._latest, beginning, error) from error
            raise SettingsError(
                f"the checkpoint {self._latest} does not fit these flags (was a term of the loss "
                f"switched on or off?): {first_line(error)}"
            ) from error
        for optimizer, rate in zip(optimizers, rates):
            # the checkpoint holds a rate too, but this run may have another
            optimizer.learning_rate = rate
        return int(self._step)

    def set_aside_later(self) -> List[str]:
        """Moves the checkpoints after the one that was restored to a folder beside them.

        They are not of the run that goes on, and the last one is what `load` would take.

        Returns: a line that says so, or nothing if there are none.
        """
        step = int(self._step)
        later = [path for number, path in _numbered(self._folder).items() if number > step]
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
        """Writes a checkpoint of this step, unless the last one is already of this step."""
        if self._manager is None:
            self._manager = tf.train.CheckpointManager(
                self._checkpoint, self._folder, max_to_keep=3
            )
        if int(self._step) == step and self._latest:
            return
        self._step.assign(step)
        try:
            self._latest = self._manager.save(checkpoint_number=step)
        except (OSError, tf.errors.OpError) as error:
            raise SettingsError(
                f"the checkpoint of step {step} cannot be written to {self._folder} (is the disk "
                f"full?): {first_line(error)}"
            ) from error


# what TensorFlow raises for a checkpoint that is cut short, damaged, or of something else
_DAMAGE = (AssertionError, ValueError, IndexError, OSError, tf.errors.OpError)


def _latest(folder):
    """The last checkpoint in a folder, or None. Works without the state file that names it."""
    numbered = _numbered(folder)
    return numbered[max(numbered)] if numbered else None


def _numbered(folder):
    """{step: checkpoint} of the checkpoints in a folder."""
    complete = [
        path[: -len(".index")]
        for path in glob.glob(os.path.join(glob.escape(folder), "ckpt-*.index"))
    ]
    return {
        int(path.rpartition("-")[2]): path for path in complete if path.rpartition("-")[2].isdigit()
    }


def _saved(checkpoint, beginning):
    """(name, shape) of each variable in a checkpoint. Raises SettingsError if it is damaged."""
    try:
        checkpoint.encode("utf-8")
    except UnicodeEncodeError:
        raise SettingsError(
            f"{shown(checkpoint)}: its name is no UTF-8, and TensorFlow cannot read it: rename the "
            "folder"
        ) from None
    try:
        return tf.train.list_variables(checkpoint)
    except _DAMAGE as error:
        raise _damage(checkpoint, beginning, error) from error


def _damage(checkpoint, beginning, error):
    """The error about a damaged checkpoint, which names the one that can be gone on from."""
    step = int(checkpoint.rpartition("-")[2])
    others = sorted(
        (item for item in _numbered(os.path.dirname(checkpoint)).items() if item[0] != step),
        reverse=True,
    )
    whole = next((number for number, path in others if _is_whole(path)), None)
    if whole is not None:
        advice = f". ckpt-{whole} is whole: training goes on from it with `resume={whole}`"
    else:
        advice = ". The others are damaged too" if others else ". There is no other"
    return SettingsError(f"{beginning}: {first_line(error)}{advice}")


def _is_whole(checkpoint):
    """Whether all that a checkpoint holds can be read; TensorFlow compares checksums."""
    try:
        reader = tf.train.load_checkpoint(checkpoint)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except _DAMAGE:
        return False
    return True


def _under(saved, part):
    """The sorted shapes of a part's variables, without its optimizer's."""
    return sorted(
        shape
        for name, shape in saved
        if name.startswith(part + "/") and ".OPTIMIZER_SLOT" not in name
    )


def _shapes(network):
    return sorted(v.shape.as_list() for v in network.variables)


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
    saved = _saved(
        latest, f"`{argument}={run_dir!r}`: its checkpoint {os.path.basename(latest)} is damaged"
    )
    for name, part in parts.items():
        # empty if it is stored under the name of another part
        there = _under(saved, f"system/{name}")
        if there and there != _shapes(part):
            raise SettingsError(
                f"`{argument}={run_dir!r}`: the {name} in its checkpoint does not fit (is it of "
                "another `variant`?)"
            )
    try:
        # The objects of a checkpoint are found by attribute names: system.averaged_generator and
        # so on.
        status = tf.train.Checkpoint(system=tf.train.Checkpoint(**parts)).restore(latest)
        status.assert_existing_objects_matched().expect_partial()
    except _DAMAGE as error:
        beginning = f"`{argument}={run_dir!r}`: its checkpoint {os.path.basename(latest)}"
        if not _is_whole(latest):
            raise _damage(latest, f"{beginning} is damaged", error) from error
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
