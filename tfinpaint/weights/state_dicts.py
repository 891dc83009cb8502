"""Reads PyTorch's files of weights. If a file cannot be read, the error says why in one line.

    tensors = read("g.npz", "weights")      # {name: array}; messages begin with `weights='g.npz'`

A state dict is a file .npz, .safetensors (needs the package safetensors), .pth or .pt (needs
PyTorch). Only tensors are read: code in a file is never run.
"""

import os
import pickle
import re
from typing import Any, Callable, Dict, Mapping

import numpy as np

from tfinpaint.settings import SettingsError, first_line

ENDINGS = (".npz", ".safetensors", ".pth", ".pt")
_OLDEST_TORCH = 2, 6


def read(path: str, argument: str) -> Dict[str, np.ndarray]:
    """The tensors of a PyTorch state dict, {name: array}, with names as by `plain_names`.

    Raises: SettingsError, which begins with `argument`, if the file cannot be read.
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
    """A state dict without the prefix "module." of DataParallel, and without unused tensors.

    The unused tensors are the counters of batch norm, `num_batches_tracked`.
    """
    prefix = "module." if all(name.startswith("module.") for name in tensors) else ""
    return {
        name[len(prefix) :]: tensor
        for name, tensor in tensors.items()
        if not name.endswith("num_batches_tracked")
    }


def guarded(read: Callable[[], Any], begin: str, what: str) -> Any:
    """Returns what `read()` returns.

    Raises: SettingsError, which begins with `begin`, if the file is damaged or is not `what`.
    """
    try:
        return read()
    except (SettingsError, MemoryError):
        raise
    except Exception as error:  # each library raises its own exceptions
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
    # Before 2.6, a file could circumvent weights_only (CVE-2025-32434).
    release = re.match(r"(\d+)\.(\d+)", torch.__version__)
    if release is None or tuple(map(int, release.groups())) < _OLDEST_TORCH:
        raise SettingsError(
            f"{begin} is read with PyTorch 2.6 or later: earlier releases may run what a file "
            f"holds. Got {torch.__version__}"
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # its text suggests weights_only=False, which runs code
        raise SettingsError(
            f"{begin} is no PyTorch state dict, or holds more than tensors (a whole network?): "
            "only what state_dict() gives is read"
        ) from error
    # Training programs save it in a dict, beside the optimizer's state or the epoch.
    state = state.get("generator", state.get("state_dict", state))
    return {name: tensor.detach().numpy() for name, tensor in state.items()}
