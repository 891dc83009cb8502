"""VGG-16 features for the perceptual and style terms: what comes out of pool1, pool2 and pool3.

Input:   images [B, H, W, 3] in [0, 1].
Output:  three maps, [B, H/2, W/2, 64], [B, H/4, W/4, 128], [B, H/8, W/8, 256], divided by 255.

The papers' code fed images of order 1 to weights trained on inputs of order 1; Keras' weights were trained on 0..255. Up to its
biases the network is homogeneous, so features of 0..255 over 255 have the scale for which the papers chose their loss weights.

Source of the network: Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2015.
"""

import os

import h5py
import tensorflow as tf

from tfinpaint.settings import SettingsError, first_line

_POOLS = ("block1_pool", "block2_pool", "block3_pool")


class VGGFeatures:
    """Callable: images -> [pool1, pool2, pool3]. Not a Keras layer: it is never trained and never part of a checkpoint.

    Args:
        weights: "imagenet" (Keras downloads them), the path of a Keras .h5 file, or "random".

    Raises: SettingsError where the weights cannot be had, naming --perceptual_weights.
    """

    def __init__(self, weights="imagenet"):
        if weights == "imagenet":
            try:
                whole = tf.keras.applications.VGG16(include_top=False, weights="imagenet")
            except Exception as error:  # Keras raises a plain Exception where a download fails
                raise SettingsError("the ImageNet weights of VGG-16 could not be downloaded "
                                    f"({first_line(error)}); give a local Keras file with --perceptual_weights=PATH, "
                                    "or --perceptual_weights=none to train without the perceptual and style terms") from error
        else:
            whole = tf.keras.applications.VGG16(include_top=False, weights=None)
        self._network = tf.keras.Model(whole.input, [whole.get_layer(name).output for name in _POOLS], name="vgg16_features")
        self._network.trainable = False
        if weights not in ("imagenet", "random"):
            self._load(weights)

    def _load(self, path):
        needed = [layer.name for layer in self._network.layers if layer.weights]
        if not os.path.isfile(path):
            raise SettingsError("--perceptual_weights is imagenet, random, none or the path of a Keras .h5 file. "
                                f"Got {path!r}, which is no file")
        try:
            with h5py.File(path, "r") as f:
                present = set(f["model_weights"] if "model_weights" in f else f)
            missing = [name for name in needed if name not in present]
            if missing:
                raise SettingsError(f"--perceptual_weights={path} has no weights of {', '.join(missing)}: it is no VGG-16 of Keras")
            self._network.load_weights(path, by_name=True)
        except (OSError, ValueError, KeyError) as error:
            if isinstance(error, SettingsError):
                raise
            raise SettingsError(f"--perceptual_weights={path} is no Keras .h5 file of VGG-16: {first_line(error)}") from error

    def __call__(self, images):
        inputs = tf.keras.applications.vgg16.preprocess_input(tf.cast(images, tf.float32) * 255.0)  # BGR, mean subtracted
        return [tf.cast(pool, tf.float32) / 255.0 for pool in self._network(inputs, training=False)]
