"""Chooses between TensorFlow Addons and its replacements (stand_ins.py).

The project runs on TensorFlow 2.15 with TensorFlow Addons (Python 3.10 and 3.11), or on newer
releases of TensorFlow with tf-keras (Python 3.12 and later). If Addons is installed, the names
below are those of Addons. Otherwise they are those of stand_ins.py, with the same results and
variables. Either is imported on first use, because most systems can fill without it.

SpectralNormalization        for critics (Keras's own layer fails in graph mode on TensorFlow 2.15)
InstanceNormalization        for the systems whose papers use it
euclidean_dist_transform     in the input pipeline only, on the host; no exported graph contains it
transform                    of mask files, in the input pipeline
angles_to_projective_transforms, compose_transforms    for `transform`

`check_keras` is called before the first Keras model is made.
"""

import importlib
import importlib.util
import warnings
from typing import Any

_MODULES = {
    "SpectralNormalization": "layers",
    "InstanceNormalization": "layers",
    "euclidean_dist_transform": "image",
    "transform": "image",
    "angles_to_projective_transforms": "image.transform_ops",
    "compose_transforms": "image.transform_ops",
}


def there() -> bool:
    """Whether TensorFlow Addons is installed."""
    return importlib.util.find_spec("tensorflow_addons") is not None


def check_keras() -> None:
    """Checks that `tf.keras` is Keras 2: Keras 3 lacks features that the systems are built on.

    `import tfinpaint` selects Keras 2. That is too late if the program has used `tf.keras` before.

    Raises: ImportError for another version.
    """
    import tensorflow as tf

    version = getattr(tf.keras, "__version__", "2")
    if not version.startswith("2"):
        raise ImportError(
            "tfinpaint needs Keras 2: import it before `tf.keras` is used, or set "
            f"TF_USE_LEGACY_KERAS=1 (and pip install tf-keras). Got Keras {version}"
        )


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not there():
        return getattr(importlib.import_module("tfinpaint.stand_ins"), name)
    with warnings.catch_warnings():
        # Addons warns at every import that its development has ended; requirements.txt pins
        # versions that work together.
        warnings.simplefilter("ignore", UserWarning)
        return getattr(importlib.import_module(f"tensorflow_addons.{_MODULES[name]}"), name)
