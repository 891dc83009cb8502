"""The one place where TensorFlow Addons is imported, so that replacing it is a change of one file.

SpectralNormalization        for critics (the core layer fails in graph mode on TensorFlow 2.15)
InstanceNormalization        for the systems whose papers use it
euclidean_dist_transform     in the input pipeline only: a custom op, which never reaches an exported graph
rotate, transform            of mask files, in the input pipeline
"""

import warnings

with warnings.catch_warnings():
    # Addons says at every import that its development has ended; requirements.txt pins the versions that work together.
    warnings.simplefilter("ignore", UserWarning)
    from tensorflow_addons.image import euclidean_dist_transform, rotate, transform
    from tensorflow_addons.image.transform_ops import angles_to_projective_transforms, compose_transforms
    from tensorflow_addons.layers import InstanceNormalization, SpectralNormalization

__all__ = ["InstanceNormalization", "SpectralNormalization", "angles_to_projective_transforms", "compose_transforms",
           "euclidean_dist_transform", "rotate", "transform"]
