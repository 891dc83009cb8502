"""The run directory: what a run was, its checkpoints, and how a trained system comes back.

    RUN/
      flags.txt        --flagfile=RUN/flags.txt repeats the run
      settings.json    the same as `TrainSettings`, read back by `load_system`
      checkpoints/     all of a system: generator, moving average, critic, optimizers, step
      tensorboard/  samples/  metrics.csv
"""

import json
import os

import tensorflow as tf

from tfinpaint.settings import SettingsError, TrainSettings, to_json, train_settings_from_json
from tfinpaint.systems import System, create

_SETTINGS = "settings.json"


def open_run(run_dir: str, settings: TrainSettings, flags_text: str = "", resume: bool = False) -> None:
    """Makes the run directory, or with `resume` checks that the one there can go on with these settings.

    Raises: SettingsError for a directory that cannot be made, one that holds something already (without `resume`), and one that
        holds a run of another system.
    """
    if os.path.isdir(run_dir) and os.listdir(run_dir):
        if not resume:
            raise SettingsError(f"--run_dir={run_dir} is not empty: --resume goes on with the run in it, another --run_dir starts "
                                "a new one")
        there = read_settings(run_dir, "run_dir")
        for name in ("system", "variant", "system_settings"):
            if getattr(there, name) != getattr(settings, name):
                raise SettingsError(f"--run_dir={run_dir} holds a run with {name} {_show(getattr(there, name))}, not "
                                    f"{_show(getattr(settings, name))}: it cannot be resumed with these flags")
    try:
        os.makedirs(run_dir, exist_ok=True)
        for folder in ("checkpoints", "tensorboard", "samples"):
            os.makedirs(os.path.join(run_dir, folder), exist_ok=True)
        for name, text in ((_SETTINGS, to_json(settings)), ("flags.txt", flags_text)):
            replace_text(os.path.join(run_dir, name), text)
    except OSError as error:
        raise SettingsError(f"--run_dir={run_dir} cannot be written: {error.strerror}") from error


def read_settings(run_dir: str, flag: str = "model") -> TrainSettings:
    """The settings of the run at `run_dir`. Raises SettingsError, naming `flag`, where there is none."""
    path = os.path.join(run_dir, _SETTINGS)
    if not os.path.isdir(run_dir):
        raise SettingsError(f"--{flag}={run_dir} is no folder: a run directory of `train` is needed")
    if not os.path.isfile(path):
        raise SettingsError(f"--{flag}={run_dir} is no run directory: it has no {_SETTINGS}")
    try:
        with open(path, encoding="utf-8") as f:
            return train_settings_from_json(f.read())
    except (OSError, TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
        raise SettingsError(f"--{flag}={run_dir}: its {_SETTINGS} cannot be read ({type(error).__name__}: {error})") from error


def create_system(settings: TrainSettings) -> System:
    """The untrained system that the settings describe."""
    return create(settings.system, settings.variant, **dict(settings.system_settings))


def load_system(run_dir: str, flag: str = "model") -> System:
    """The trained system of a run: its generator has the weights of the moving average. Not compiled.

    Raises: SettingsError where `run_dir` is no run directory, has no checkpoint, or one that does not fit its settings.
    """
    system = create_system(read_settings(run_dir, flag))
    _restore(run_dir, flag, averaged_generator=system.generator)
    return system


def start_from(run_dir: str, system: System) -> None:
    """Gives a compiled system the generator and, where both have one, the critic of another run (fine-tuning)."""
    settings = read_settings(run_dir, "init_from")
    if (settings.system, dict(settings.system_settings)) != (system.system_name, _given(system, settings)):
        raise SettingsError(f"--init_from={run_dir} holds a run of {settings.system} {_show(settings.system_settings)}: its weights "
                            "do not fit these flags")
    _restore(run_dir, "init_from", generator=system.generator)
    if system.critic is not None and dict(settings.loss_weights).get("adversarial", 1):
        _restore(run_dir, "init_from", critic=system.critic)
    system.restart_average()


class Checkpoints:
    """Saves and restores all of a compiled system; keeps the last three."""

    def __init__(self, run_dir: str, system: System):
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.checkpoint = tf.train.Checkpoint(step=self.step, system=system)
        self.manager = tf.train.CheckpointManager(self.checkpoint, os.path.join(run_dir, "checkpoints"), max_to_keep=3)

    def restore(self) -> int:
        """The step of the last checkpoint, 0 where there is none.

        Raises: SettingsError where the checkpoint does not hold what the system needs.
        """
        if not self.manager.latest_checkpoint:
            return 0
        try:
            self.checkpoint.restore(self.manager.latest_checkpoint).assert_existing_objects_matched()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            raise SettingsError(f"the checkpoint {self.manager.latest_checkpoint} does not fit these flags (was a term of the loss "
                                f"switched on or off?): {str(error).splitlines()[0][:160]}") from error
        return int(self.step)

    def save(self, step: int) -> None:
        """Writes a checkpoint of this step, unless the last one is of it already."""
        if int(self.step) == step and self.manager.latest_checkpoint:
            return
        self.step.assign(step)
        self.manager.save(checkpoint_number=step)


def replace_text(path: str, text: str) -> None:
    """Writes a file beside its place and renames it, so that it is never half there."""
    beside = path + ".new"
    with open(beside, "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(beside, path)


def _restore(run_dir, flag, **parts):
    latest = tf.train.latest_checkpoint(os.path.join(run_dir, "checkpoints"))
    if latest is None:
        raise SettingsError(f"--{flag}={run_dir} has no checkpoint yet")
    try:
        # The object graph of a checkpoint is found by attribute names: system.averaged_generator and so on.
        status = tf.train.Checkpoint(system=tf.train.Checkpoint(**parts)).restore(latest)
        status.assert_existing_objects_matched().expect_partial()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        raise SettingsError(f"--{flag}={run_dir}: its checkpoint {os.path.basename(latest)} does not hold the {' and '.join(parts)} "
                            f"that its settings describe: {str(error).splitlines()[0][:160]}") from error


def _given(system, settings):
    return {name: getattr(system, name) for name, _ in settings.system_settings}


def _show(value):
    return value if isinstance(value, str) else " ".join(f"{name}={v}" for name, v in value) or "of the default size"
