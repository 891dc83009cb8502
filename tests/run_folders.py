"""What a training run has written, for tests to compare."""

import csv

import tensorflow as tf

from tfinpaint.checkpoint_files import is_whole, numbered


def rows(run_dir):
    """The rows of metrics.csv."""
    with open(run_dir / "metrics.csv", newline="") as f:
        return list(csv.DictReader(f))


def steps_of(run_dir):
    """The steps of its checkpoints, all of which are whole."""
    found = numbered(str(run_dir / "checkpoints"))
    assert all(is_whole(path) for path in found.values())
    return sorted(found)


def weights(run_dir):
    """{key: value} of the system's variables in the last checkpoint."""
    step = steps_of(run_dir)[-1]
    reader = tf.train.load_checkpoint(str(run_dir / f"checkpoints/ckpt-{step}"))
    keys = reader.get_variable_to_shape_map()
    return {key: reader.get_tensor(key) for key in keys if key.startswith("system/")}
