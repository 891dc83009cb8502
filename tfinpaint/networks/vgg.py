"""VGG-16 and VGG-19 features, for loss terms that compare features instead of pixels.

Input:   images [B, H, W, 3] in [0, 1].
Output:  a list of maps, one for each layer asked for, such as block1_pool [B, H/2, W/2, 64],
         block2_pool [B, H/4, W/4, 128], block3_pool [B, H/8, W/8, 256] and block4_conv3
         [B, H/8, W/8, 512] (after its ReLU). They are scaled as described below.

`contrast` is the difference between white and black in the inputs that the papers' code gives its
feature network: 1, 2 or (divided by ImageNet's standard deviation) 4.4. Its weights were trained on
inputs of that order. Keras' weights were trained on 0..255. Apart from its biases the network is
homogeneous. So features of 0..255 times contrast / 255 have the scale for which the papers chose
their loss weights.

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
            random, and a warning is logged.
        layers: names of layers of Keras' VGG16 or VGG19.
        contrast: see the top of the file. 1 for papers that work in [0, 1], 2 for [-1, 1], 4.4 for
            those that normalise by ImageNet's standard deviation.
        depth: 16 for VGG-16, 19 for VGG-19.

    Raises: SettingsError, naming `perceptual_weights`, if the weights cannot be obtained.
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
        # This reorders the channels to blue, green, red, and subtracts ImageNet's mean.
        inputs = tf.keras.applications.vgg16.preprocess_input(tf.cast(images, tf.float32) * 255.0)
        maps = self._network(inputs, training=False)
        return [
            tf.cast(x, tf.float32) * self._scale
            for x in (maps if isinstance(maps, list) else [maps])
        ]
