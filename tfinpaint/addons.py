"""The one place where TensorFlow Addons is imported, so that replacing it changes one file only.

It is imported on first use, because most of what fills photographs does not need it.

SpectralNormalization        for critics (the core layer fails in graph mode on TensorFlow 2.15)
InstanceNormalization        for the systems whose papers use it
euclidean_dist_transform     in the input pipeline only: a custom op, which never reaches an
                             exported graph
rotate, transform            of mask files, in the input pipeline
angles_to_projective_transforms, compose_transforms    for `transform`
"""

import importlib
import warnings

_MODULES = {
    "SpectralNormalization": "layers",
    "InstanceNormalization": "layers",
    "euclidean_dist_transform": "image",
    "rotate": "image",
    "transform": "image",
    "angles_to_projective_transforms": "image.transform_ops",
    "compose_transforms": "image.transform_ops",
}


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with warnings.catch_warnings():
        # Addons warns at every import that its development has ended; requirements.txt pins
        # versions that work together.
        warnings.simplefilter("ignore", UserWarning)
        return getattr(importlib.import_module(f"tensorflow_addons.{_MODULES[name]}"), name)
