"""VGG-16 and VGG-19 features for the loss terms that compare more than pixels.

Input:   images [B, H, W, 3] in [0, 1].
Output:  a map for each layer that was asked for: block1_pool [B, H/2, W/2, 64], block2_pool
         [B, H/4, W/4, 128], block3_pool [B, H/8, W/8, 256], block4_conv3 [B, H/8, W/8, 512] (after
         its ReLU). They are scaled as described below.

`contrast` is how far black and white are apart. In the papers' code it is 1, 2 or (divided by
ImageNet's deviation) 4.4, and the weights were trained on inputs of that order. Keras' weights were
trained on 0..255. Up to its biases the network is homogeneous, so features of 0..255 times
contrast / 255 have the scale for which the papers chose their loss weights.

Source of the network: Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale
Image Recognition, 2015.
"""

import tensorflow as tf

from tfinpaint.weights.keras_files import keras_network

POOLS = ("block1_pool", "block2_pool", "block3_pool")


class VGGFeatures:
    """Callable: images -> maps.

    It is not a Keras layer: it is never trained and never part of a checkpoint.

    Args:
        weights: "imagenet" (Keras downloads them), the path of a Keras .h5 file, or "random". If
            a file of VGG-16 lacks block 4 and a layer of that block is asked for, the block stays
            random, and a warning says so.
        layers: names of the layers of Keras' VGG16 or VGG19.
        contrast: see the top of the file. 1 for a paper that works in [0, 1], 2 for one in [-1, 1],
            4.4 for one that normalises.
        depth: 16 or 19, which of the two networks.

    Raises: SettingsError, naming `perceptual_weights`, if the weights cannot be had.
    """

    def __init__(self, weights="imagenet", layers=POOLS, contrast=1.0, depth=16):
        make = {16: tf.keras.applications.VGG16, 19: tf.keras.applications.VGG19}[depth]

        def network(include_top, weights):
            whole = make(include_top=include_top, weights=weights)
            return tf.keras.Model(
                whole.input,
                [whole.get_layer(name).output for name in layers],
                name=f"vgg{depth}_features",
            )

        self._scale = contrast / 255.0
        policy = tf.keras.mixed_precision.global_policy()
        if policy.name != "mixed_bfloat16":
            # The maps exceed what float16 can hold.
            tf.keras.mixed_precision.set_global_policy("float32")
        try:
            self._network = keras_network(
                network,
                f"VGG-{depth}",
                weights,
                "perceptual_weights",
                "`perceptual_weights='none'` to train without the terms that need them",
                optional=("block4_",) if depth == 16 else (),
            )
        finally:
            tf.keras.mixed_precision.set_global_policy(policy)
        self._network.trainable = False

    def __call__(self, images):
        # Blue, green, red, with the mean subtracted.
        inputs = tf.keras.applications.vgg16.preprocess_input(tf.cast(images, tf.float32) * 255.0)
        maps = self._network(inputs, training=False)
        return [
            tf.cast(x, tf.float32) * self._scale
            for x in (maps if isinstance(maps, list) else [maps])
        ]
