"""The one place that knows which of two stacks it runs on: TensorFlow 2.15 with TensorFlow Addons
(Python 3.10 and 3.11), or today's TensorFlow with tf-keras (Python 3.12 and later).

Where Addons is installed, these names are Addons'. Elsewhere they are those of stand_ins.py, with
the same results and variables. Both are imported on first use, because most of what fills
photographs does not need them.

SpectralNormalization        for critics (the core layer fails in graph mode on TensorFlow 2.15)
InstanceNormalization        for the systems whose papers use it
euclidean_dist_transform     in the input pipeline only, on the host; it never reaches an exported
                             graph
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
    """Raises ImportError if `tf.keras` is Keras 3, which lacks what the systems are built on.

    `import tfinpaint` asks TensorFlow for Keras 2. It comes too late if the program has used
    `tf.keras` before.
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
