"""The 70x70 patch critic and the feature patch critic of coherent semantic attention.

Sources: Liu et al., Coherent Semantic Attention for Image Inpainting, ICCV 2019, section 3.4 and
Figure 5. The 70x70 critic is that of Isola et al., Image-to-Image Translation with Conditional
Adversarial Networks, CVPR 2017. Sizes are as released. Each convolution has a 4x4 kernel and
padding 1. There is no sigmoid, since the relativistic loss compares the scores themselves.
"""

import tensorflow as tf

from tfinpaint.networks.parts import NORMAL, instance_norm, leaky, make_weights


class InstancePatchCritic(tf.keras.Model):
    """Scores patches of 70x70 pixels.

    Images [B, H, W, 3] -> scores [B, H/8 - 2, W/8 - 2, 1]: 30 x 30 for 256. H and W are at least
    24.

    Args:
        width: channels of the first layer (paper: 64). They double up to 8 * width.
    """

    def __init__(self, width=64, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        rows = [(width, 2), (2 * width, 2), (4 * width, 2), (8 * width, 1)]
        self.convolutions = [
            _conv(filters, strides, f"conv_{k}") for k, (filters, strides) in enumerate(rows, 1)
        ]
        self.norms = [instance_norm(f"conv_{k}_norm") for k in (2, 3, 4)]
        self.score = _conv(1, 1, "score", dtype="float32")
        make_weights(self, 3)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = images
        for convolution, norm in zip(self.convolutions, [tf.identity, *self.norms]):
            x = leaky(norm(convolution(_padded(x))))  # H/2, H/4, H/8, H/8 - 1
        return self.score(_padded(x))

    def get_config(self) -> dict:
        return {"width": self.width}


class FeaturePatchCritic(tf.keras.Model):
    """Scores the VGG-16 pool3 features of an image.

    Features [B, H/8, W/8, 256] -> scores [B, H/64, W/64, 512]. H and W are at least 64, the size of
    the image in pixels. The receptive field of a score covers the whole picture. As in the paper,
    all 512 channels of the last map are scores: no layer reduces them to one.

    Args:
        width: the critic's channels divided by 8 (paper: 64).
    """

    def __init__(self, width=64, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.convolutions = [
            _conv(8 * width, 2, f"conv_{k}", dtype="float32" if k == 3 else None) for k in (1, 2, 3)
        ]
        self.norm = instance_norm("conv_2_norm", affine=False)
        make_weights(self, 256)

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        first, second, third = self.convolutions
        x = leaky(first(_padded(features)))  # [B, H/16, W/16, 512]
        x = leaky(self.norm(second(_padded(x))))  # [B, H/32, W/32, 512]
        return third(_padded(x))  # [B, H/64, W/64, 512]

    def get_config(self) -> dict:
        return {"width": self.width}


def _conv(filters, strides, name, **kwargs):
    return tf.keras.layers.Conv2D(
        filters, 4, strides, name=name, kernel_initializer=NORMAL(0.0, 0.02), **kwargs
    )


def _padded(x):
    return tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
