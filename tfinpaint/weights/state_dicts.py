"""Reads files of weights from PyTorch, and says in one line why one cannot be read.

    tensors = read("g.npz", "weights")      # {name: array}; messages begin with `weights='g.npz'`

A state dict comes as .npz, .safetensors (needs the package safetensors), .pth or .pt (needs
PyTorch). Only tensors are read: nothing in a file is ever run.
"""

import os
import pickle
from typing import Any, Callable, Dict, Mapping

import numpy as np

from tfinpaint.settings import SettingsError, first_line

ENDINGS = (".npz", ".safetensors", ".pth", ".pt")


def read(path: str, argument: str) -> Dict[str, np.ndarray]:
    """The tensors of a PyTorch state dict, under plain names.

    Raises SettingsError, beginning with it, where they cannot be read.
    """
    readers = {".npz": _read_npz, ".safetensors": _read_safetensors}
    ending = os.path.splitext(path)[1]
    begin = f"`{argument}={path!r}`"
    tensors = guarded(
        lambda: readers.get(ending, _read_torch)(path, begin),
        begin,
        f"a PyTorch state dict in {ending}",
    )
    return plain_names(tensors)


def plain_names(tensors: Mapping[str, Any]) -> Dict[str, Any]:
    """A PyTorch state dict without what DataParallel adds to its names and without batch norm's
    counters, which nothing uses.
    """
    prefix = "module." if all(name.startswith("module.") for name in tensors) else ""
    return {
        name[len(prefix) :]: tensor
        for name, tensor in tensors.items()
        if not name.endswith("num_batches_tracked")
    }


def guarded(read: Callable, begin: str, what: str):
    """What `read` returns; of a file that is damaged, or something else than `what`, a
    SettingsError that begins with `begin`.
    """
    try:
        return read()
    except (SettingsError, MemoryError):
        raise
    except Exception as error:  # each library has its own ways to say so
        raise SettingsError(
            f"{begin} cannot be read as {what} ({type(error).__name__}: {first_line(error)})"
        ) from error


def _read_npz(path, begin):
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _read_safetensors(path, begin):
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise SettingsError(
            f"{begin} needs a package to be read: pip install safetensors"
        ) from error
    return load_file(path)


def _read_torch(path, begin):
    try:
        import torch
    except ImportError as error:
        raise SettingsError(
            f"{begin} needs PyTorch to be read: pip install torch, or turn it into .npz on a "
            "machine that has PyTorch, in three lines that docs/released_weights.md shows"
        ) from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # its own text proposes to run whatever is in the file
        raise SettingsError(
            f"{begin} is no PyTorch state dict, or holds more than tensors (a whole network?): "
            "only what state_dict() gives is read"
        ) from error
    # the multistage trainer puts it beside the optimizer's state
    state = state.get("generator", state)
    return {name: tensor.detach().numpy() for name, tensor in state.items()}
