"""The checkpoints in a folder: which there are, what they hold and whether they are whole.

A checkpoint is named by its path without an ending: RUN/checkpoints/ckpt-STEP.
"""

import glob
import os
from typing import Dict, List, Optional, Tuple

import tensorflow as tf

from tfinpaint.settings import SettingsError, first_line
from tfinpaint.wording import shown

# what TensorFlow raises for a checkpoint that is cut short, damaged, or of something else
DAMAGE = (AssertionError, ValueError, IndexError, OSError, tf.errors.OpError)


def latest(folder: str) -> Optional[str]:
    """The last checkpoint in a folder, or None. Works without the state file that names it."""
    by_step = numbered(folder)
    return by_step[max(by_step)] if by_step else None


def numbered(folder: str) -> Dict[int, str]:
    """{step: checkpoint} of the checkpoints in a folder."""
    complete = [
        path[: -len(".index")]
        for path in glob.glob(os.path.join(glob.escape(folder), "ckpt-*.index"))
    ]
    return {
        int(path.rpartition("-")[2]): path
        for path in complete
        if path.rpartition("-")[2].isdecimal()
    }


def variables(checkpoint: str, beginning: str) -> List[Tuple[str, List[int]]]:
    """(name, shape) of each variable in a checkpoint.

    Raises: SettingsError, which starts with `beginning`, if it is damaged.
    """
    try:
        checkpoint.encode("utf-8")
    except UnicodeEncodeError:
        raise SettingsError(
            f"{shown(checkpoint)}: its name is no UTF-8, and TensorFlow cannot read it: rename the "
            "folder"
        ) from None
    try:
        return tf.train.list_variables(checkpoint)
    except DAMAGE as error:
        raise damage(checkpoint, beginning, error) from error


def damage(checkpoint: str, beginning: str, error: Exception) -> SettingsError:
    """The error about a damaged checkpoint, which names the one that can be gone on from."""
    step = int(checkpoint.rpartition("-")[2])
    others = sorted(
        (item for item in numbered(os.path.dirname(checkpoint)).items() if item[0] != step),
        reverse=True,
    )
    whole = next((number for number, path in others if is_whole(path)), None)
    if whole is not None:
        advice = f". ckpt-{whole} is whole: training goes on from it with `resume={whole}`"
    else:
        advice = ". The others are damaged too" if others else ". There is no other"
    return SettingsError(f"{beginning}: {first_line(error)}{advice}")


def is_whole(checkpoint: str) -> bool:
    """Whether all that a checkpoint holds can be read; TensorFlow compares checksums."""
    try:
        reader = tf.train.load_checkpoint(checkpoint)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except DAMAGE:
        return False
    return True


def shapes_under(saved: List[Tuple[str, List[int]]], part: str) -> List[List[int]]:
    """The sorted shapes of a part's variables, without its optimizer's."""
    return sorted(
        shape
        for name, shape in saved
        if name.startswith(part + "/") and ".OPTIMIZER_SLOT" not in name
    )


def shapes_of(network: tf.keras.Model) -> List[List[int]]:
    """The sorted shapes of a network's variables."""
    return sorted(v.shape.as_list() for v in network.variables)
