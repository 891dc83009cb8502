"""Runs of training in processes of their own, which can be killed, and what they leave compared.

run(folder, settings)                          to its end
run(folder, settings, hook=killed_at(2))       kill -9 once the second step is done
differences(folder, other)                     [] if both runs ended the same
"""

import csv
import pathlib
import signal
import subprocess
import sys
import textwrap

import numpy as np
import tensorflow as tf

from tfinpaint.settings import to_json

ROOT = pathlib.Path(__file__).parents[1]
_CHILD = """
import contextlib, os, signal, sys
sys.path.insert(0, {root!r})
import tensorflow as tf
import tensorflow_datasets as tfds
from tfinpaint.settings import train_settings_from_json
from tfinpaint.training import checkpoint_writing, loop

def die():
    os.kill(os.getpid(), signal.SIGKILL)

{hook}
tf.config.run_functions_eagerly({eager})
settings = train_settings_from_json(open(sys.argv[1]).read())
mocked = settings.photos.source.startswith("tfds:")
with tfds.testing.mock_data(num_examples=5) if mocked else contextlib.nullcontext():
    loop.train(settings, sys.argv[2], resume={resume}, say=lambda line: print(line, flush=True))
"""


def killed_at(step):
    """A hook that kills the process at the end of a step, before a checkpoint of it is written."""
    return textwrap.dedent(f"""
        class Killing(loop.CheckpointCallback):
            def at(self, step, logs):
                if step == {step}:
                    die()
                super().at(step, logs)
        loop.CheckpointCallback = Killing
    """)


def killed_in_a_write(call):
    """A hook that kills the process within the writing of a checkpoint.

    call: which of the system calls of all writes is the last; there are five in each: three files
        or folders brought to the disk, and two renamed.
    """
    return textwrap.dedent(f"""
        calls = [0]
        def counted(function):
            def call(*arguments):
                calls[0] += 1
                if calls[0] == {call}:
                    die()
                return function(*arguments)
            return call
        class System:
            replace = staticmethod(counted(os.replace))
            def __getattr__(self, name):
                return getattr(os, name)
        checkpoint_writing.os = System()
        checkpoint_writing._to_disk = counted(checkpoint_writing._to_disk)
    """)


def start(folder, settings, resume=False, hook="", eager=True):
    """A process that trains in `folder`; its settings lie beside it."""
    path = folder.parent / f"{folder.name}.settings.json"
    path.write_text(to_json(settings))
    code = _CHILD.format(root=str(ROOT), hook=hook, eager=eager, resume=resume)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(folder, settings, resume=False, hook="", eager=True):
    """The same to its end, which has to be a kill if there is a hook. -> what it said."""
    process = start(folder, settings, resume, hook, eager)
    said, _ = process.communicate(timeout=1800)
    assert process.returncode == (-signal.SIGKILL if hook else 0), said
    return said


def differences(folder, other):
    """What differs between two runs that ended at the same step.

    Variables of networks, moving average and optimizers, and the rows of metrics.csv: the losses of
    every step tell if it had the same photographs and holes.
    """
    readers = [tf.train.load_checkpoint(str(_last(run))) for run in (folder, other)]
    shapes = [reader.get_variable_to_shape_map() for reader in readers]
    found = sorted(set(shapes[0]) ^ set(shapes[1]))
    for key in set(shapes[0]) & set(shapes[1]) - {"_CHECKPOINTABLE_OBJECT_GRAPH"}:
        values = [reader.get_tensor(key) for reader in readers]
        if not key.startswith("save_counter") and not np.array_equal(*values):
            found.append(key)
    tables = [_rows(run) for run in (folder, other)]
    return (
        found
        + [str(pair) for pair in zip(*tables) if pair[0] != pair[1]]
        + ([] if len(tables[0]) == len(tables[1]) else ["rows of metrics.csv"])
    )


def _last(run):
    paths = (run / "checkpoints").glob("ckpt-*.index")
    return max(paths, key=lambda path: int(path.stem.rpartition("-")[2])).with_suffix("")


def _rows(run):
    with open(run / "metrics.csv", newline="") as f:
        return [
            {name: value for name, value in row.items() if name != "images_per_second"}
            for row in csv.DictReader(f)
        ]
