"""The one place where TensorFlow Addons is imported, so that replacing it is a change of one file.

It is imported when something of it is first asked for: most of what fills photographs needs nothing
of it.

SpectralNormalization        for critics (the core layer fails in graph mode on TensorFlow 2.15)
InstanceNormalization        for the systems whose papers use it
euclidean_dist_transform     in the input pipeline only: a custom op, which never reaches an exported graph
rotate, transform            of mask files, in the input pipeline; angles_to_projective_transforms, compose_transforms: for them
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
        # Addons says at every import that its development has ended; requirements.txt pins the
        # versions that work together.
        warnings.simplefilter("ignore", UserWarning)
        return getattr(importlib.import_module(f"tensorflow_addons.{_MODULES[name]}"), name)
