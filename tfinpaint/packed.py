"""A packed model: the parts of a run that fill photographs, without those that only train.

    FOLDER/
      settings.json   flags.txt     as in a run directory
      weights.npz                   one float16 array for each weight of the averaged generator, by
                                    its name in the network; and `step`

Weights are found by name and must have the right shape. So the file of another network is an error,
and never leads to a bad picture.
"""

import os
from typing import Any, Dict, List, Tuple

import numpy as np

from tfinpaint import atomic
from tfinpaint.settings import SettingsError, first_line

WEIGHTS = "weights.npz"
_STEP = "step"


def is_packed(folder: str) -> bool:
    """Whether `folder` holds a packed model (a run directory has checkpoints instead)."""
    return os.path.isfile(os.path.join(folder, WEIGHTS))


def weight_names(generator: Any) -> List[str]:
    """The names of a generator's variables, in their order.

    The generator's own name is left out, because Keras adds a number to it.
    """
    return [
        variable.name.removeprefix(f"{generator.name}/").partition(":")[0]
        for variable in generator.variables
    ]


def write_weights(folder: str, generator: Any, step: int) -> int:
    """Writes `folder`/weights.npz, whole or not at all.

    Returns: its size in bytes.
    Raises: SettingsError if float16 cannot hold a weight, ValueError if two weights have the same
        name, OSError if the file cannot be written.
    """
    arrays = {}
    for name, variable in zip(weight_names(generator), generator.variables):
        if name in arrays or name == _STEP:
            raise ValueError(f"two weights are named {name}: a packed model finds weights by name")
        value = variable.numpy()
        with np.errstate(over="ignore"):
            arrays[name] = value.astype(np.float16)
        if not np.isfinite(arrays[name]).all():
            worst = value.ravel()[np.argmin(np.isfinite(arrays[name]))]
            raise SettingsError(
                f"float16 cannot hold the weight {name}: it has the value {worst:g}, beyond "
                f"{np.finfo(np.float16).max:g}"
            )
    path = os.path.join(folder, WEIGHTS)
    with atomic.replacing(path) as beside:
        np.savez(beside, **{_STEP: np.int64(step)}, **arrays)
    return os.path.getsize(path)


def read_weights(folder: str, beginning: str) -> Tuple[int, Dict[str, np.ndarray]]:
    """The step and the weights, {name: float16 array}.

    Raises: SettingsError, which starts with `beginning`, for a missing or damaged file.
    """
    try:
        with np.load(os.path.join(folder, WEIGHTS), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return int(arrays.pop(_STEP)), arrays
    except MemoryError:
        raise
    except Exception as error:  # each kind of damage raises an exception of its own
        raise SettingsError(
            f"{beginning}: its {WEIGHTS} cannot be read, it is damaged or no packed model "
            f"({type(error).__name__}: {first_line(error)})"
        ) from error


def restore(folder: str, generator: Any, beginning: str) -> None:
    """Sets the weights of a generator to those in `folder`.

    Raises: SettingsError, which starts with `beginning`, if a weight is missing, left over, of
        another shape, or not finite.
    """
    _, arrays = read_weights(folder, beginning)
    wanted = dict(zip(weight_names(generator), generator.variables))
    for kind, others in (
        ("lacks", set(wanted) - set(arrays)),
        ("has an unknown", set(arrays) - set(wanted)),
    ):
        if others:
            raise SettingsError(
                f"{beginning}: its {WEIGHTS} does not fit its settings: it {kind} weight "
                f"{min(others)}" + (f" and {len(others) - 1} more" if len(others) > 1 else "")
            )
    for name, variable in wanted.items():
        array = arrays[name]
        if array.shape != tuple(variable.shape) or array.dtype.kind != "f":
            raise SettingsError(
                f"{beginning}: its {WEIGHTS} does not fit its settings: {name} is {array.dtype} "
                f"{list(array.shape)}, not {list(variable.shape)}"
            )
        if not np.isfinite(array).all():
            raise SettingsError(f"{beginning}: its {WEIGHTS} is damaged: {name} is not finite")
        variable.assign(array.astype(np.float32))
