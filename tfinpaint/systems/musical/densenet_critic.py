"""The critic of MUSICAL: DenseNet-121 without its classifier, and a 3x3 convolution as its head.

Input:   images [B, H, W, 3] in [-1, 1]. H and W are at least 96: the trunk's map has H/32 x W/32
         positions, and the 3x3 convolution has no padding.
Output:  logits [B, H/32 - 2, W/32 - 2, 256]: 6 x 6 for 256 x 256.

Sources: Huang et al., Densely Connected Convolutional Networks, 2017; Wang et al., MUSICAL, 2019,
section 3.3. The latter names a pretrained DenseNet-121 and does not describe a head. The head is
that of the released code, with 256 logits per patch, all of which are in the loss.
"""

import tensorflow as tf

from tfinpaint.layers.batch_norm import with_whole_batches
from tfinpaint.networks.parts import NORMAL
from tfinpaint.weights.keras_files import keras_network


class DenseNetCritic(tf.keras.Model):
    """See the top of the file.

    Args:
        weights: of the trunk: "imagenet" (Keras downloads them), the path of a Keras .h5 file, or
            "random".
        official: whether it is as released: no ImageNet normalisation; all convolutions start from
            N(0, 0.02), and the scales of the norms from N(1, 0.02), which overwrites `weights`.

    The norms use the statistics of the batch, so real and fake pictures are passed in separate
    calls.

    Raises: SettingsError, naming `critic_weights`, if the weights cannot be obtained.
    """

    def __init__(self, weights="imagenet", official=False, **kwargs):
        super().__init__(**kwargs)
        self.official = official
        self.trunk = keras_network(
            tf.keras.applications.DenseNet121,
            "DenseNet-121",
            weights,
            "critic_weights",
            "`critic_weights='random'` to begin from random ones",
        )
        with_whole_batches(self.trunk)
        self.head = tf.keras.layers.Conv2D(
            256, 3, kernel_initializer=NORMAL(0.0, 0.02), name="head", dtype="float32"
        )
        self.head.build((None, None, None, 1024))
        if official:
            self._start_over()

    def _start_over(self):
        for layer in self.trunk.layers:
            if isinstance(layer, tf.keras.layers.Conv2D):
                layer.kernel.assign(tf.random.normal(layer.kernel.shape, 0.0, 0.02))
            elif isinstance(layer, tf.keras.layers.BatchNormalization):
                layer.gamma.assign(tf.random.normal(layer.gamma.shape, 1.0, 0.02))

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not self.official:
            images = ((images + 1) / 2 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        # [B, H/32 - 2, W/32 - 2, 256]
        return self.head(tf.cast(self.trunk(images, training=training), tf.float32))

    def get_config(self) -> dict:
        # Trained weights come from a checkpoint.
        return {"weights": "random", "official": self.official}
