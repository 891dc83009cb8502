"""Networks of tf.keras.applications, with weights downloaded, read from a file, or random.

Errors name the argument that takes the weights.
"""

import logging
import os
from typing import Any, Callable, Sequence

import h5py

from tfinpaint.settings import SettingsError, first_line

_log = logging.getLogger("tfinpaint")


def keras_network(
    constructor: Callable,
    title: str,
    weights: str,
    argument: str,
    way_out: str,
    optional: Sequence[str] = (),
) -> Any:
    """A network of tf.keras.applications without its classification layers.

    Args:
        constructor: for example tf.keras.applications.VGG16.
        title: the network's name in messages.
        weights: "imagenet" (Keras downloads them), the path of a Keras .h5 file, or "random".
        argument: the caller's name for `weights`, for messages.
        way_out: what the user can do without weights, for a message.
        optional: prefixes of layer names. A file may lack these layers: they then stay random, and
            a warning is logged.

    Raises: SettingsError if the weights cannot be obtained.
    """
    if weights == "random":
        _log.warning(
            "`%s='random'`: %s begins from RANDOM weights. Good for tests, not for pictures.",
            argument,
            title,
        )
    if weights == "imagenet":
        try:
            return constructor(include_top=False, weights="imagenet")
        except Exception as error:  # Keras raises a plain Exception if a download fails
            raise SettingsError(
                f"the ImageNet weights of {title} could not be downloaded ({first_line(error)}); "
                f"give a local Keras file with `{argument}='PATH'`, or {way_out}"
            ) from error
    network = constructor(include_top=False, weights=None)
    if weights != "random":
        load_file(network, title, weights, argument, optional)
    return network


def load_file(
    network: Any, title: str, path: str, argument: str, optional: Sequence[str] = ()
) -> None:
    """Loads a Keras .h5 file into `network`, by layer names.

    Other arguments and errors are those of `keras_network`.
    """
    if not isinstance(path, (str, os.PathLike)) or not os.path.isfile(path):
        raise SettingsError(
            f"`{argument}` is imagenet, random or the path of a Keras .h5 file. Got {path!r}, "
            "which is no file"
        )
    try:
        with h5py.File(path, "r") as f:
            groups = f["model_weights"] if "model_weights" in f else f
            # A name with a slash, such as DenseNet's conv1/conv, is a group inside a group.
            missing = [
                layer.name for layer in network.layers if layer.weights and layer.name not in groups
            ]
        needed = [name for name in missing if not name.startswith(tuple(optional) or ("\0",))]
        if needed:
            raise SettingsError(
                f"`{argument}={path!r}` has no weights of {_some(needed)}: it is no {title} of "
                "Keras"
            )
        network.load_weights(path, by_name=True)
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(
            f"`{argument}={path!r}` is no Keras .h5 file of {title}: {first_line(error)}"
        ) from error
    if missing:
        _log.warning(
            "`%s=%r` has no weights of %s: these layers of %s stay RANDOM. Good for tests, not "
            "for pictures.",
            argument,
            path,
            _some(missing),
            title,
        )


def _some(names):
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
