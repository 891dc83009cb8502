"""Replacements for TensorFlow Addons, which supports TensorFlow up to 2.15 and Python up to 3.11.

Each has the name, results and variables of the original in Addons, and the arguments that this
project uses. Checkpoints and SavedModels of one restore in the other. Import them from addons.py,
which chooses between the two.
"""

from typing import Any, Sequence

import cv2
import numpy as np
import tensorflow as tf

# The result of Addons' distance transform for an image without a 0.
_FARTHEST = np.sqrt(np.finfo(np.float32).max)


@tf.keras.utils.register_keras_serializable(package="Addons")
class SpectralNormalization(tf.keras.layers.Wrapper):
    """Divides the kernel of a layer by its largest singular value, estimated by power iteration.

    Miyato et al., Spectral Normalization for Generative Adversarial Networks, ICLR 2018. Each call
    in training makes `power_iterations` steps, starting from the vector `u` of the last call, and
    writes the divided kernel back into the layer. No gradient flows through the singular value.

    Args:
        layer: has a `kernel`, whose last axis is the output channels.
        power_iterations: steps for each call in training, at least 1.
    """

    def __init__(self, layer: tf.keras.layers.Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        if power_iterations < 1:
            raise ValueError(f"`power_iterations` is at least 1. Got {power_iterations}")
        self.power_iterations = power_iterations

    def build(self, input_shape: Sequence) -> None:
        super().build(input_shape)
        # Checkpoints store the kernel under this name.
        self.w = self.layer.kernel
        self.u = self.add_weight(
            name="sn_u",
            shape=(1, self.w.shape[-1]),
            initializer=tf.initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            dtype=self.w.dtype,
        )

    def call(self, inputs: tf.Tensor, training: Any = None) -> tf.Tensor:
        if tf.keras.backend.learning_phase() if training is None else training:
            self.normalize_weights()
        return self.layer(inputs)

    def normalize_weights(self) -> None:
        """Makes the power iterations and divides the kernel."""
        matrix = tf.reshape(self.w, [-1, self.w.shape[-1]])  # [k k in, out]
        left = tf.convert_to_tensor(self.u)  # [1, out]
        for _ in range(self.power_iterations):
            right = tf.math.l2_normalize(tf.matmul(left, matrix, transpose_b=True))  # [1, k k in]
            left = tf.math.l2_normalize(tf.matmul(right, matrix))
        sigma = tf.matmul(tf.matmul(right, matrix), left, transpose_b=True)  # [1, 1]
        self.u.assign(left)
        self.w.assign(tf.reshape(self.w / sigma, self.w.shape))

    def get_config(self) -> dict:
        return {**super().get_config(), "power_iterations": self.power_iterations}


@tf.keras.utils.register_keras_serializable(package="Addons")
class InstanceNormalization(tf.keras.layers.Layer):
    """Normalises each channel of each picture, [B, H, W, C], by its own mean and variance.

    Ulyanov et al., Instance Normalization, 2016.

    Args:
        epsilon: added to the variance.
        center, scale: whether there is an offset `beta`, and a factor `gamma`, for each channel.
        gamma_initializer: initializer of the factors.
    """

    def __init__(
        self,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        gamma_initializer: Any = "ones",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.epsilon, self.center, self.scale = epsilon, center, scale
        self.gamma_initializer = tf.keras.initializers.get(gamma_initializer)

    def build(self, input_shape: Sequence) -> None:
        shape = (input_shape[-1],)
        self.gamma = (
            self.add_weight(name="gamma", shape=shape, initializer=self.gamma_initializer)
            if self.scale
            else None
        )
        self.beta = (
            self.add_weight(name="beta", shape=shape, initializer="zeros") if self.center else None
        )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        mean, variance = tf.nn.moments(inputs, [1, 2], keepdims=True)  # [B, 1, 1, C]
        return tf.nn.batch_normalization(
            inputs, mean, variance, self.beta, self.gamma, self.epsilon
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "gamma_initializer": tf.keras.initializers.serialize(self.gamma_initializer),
        }


def euclidean_dist_transform(images: tf.Tensor, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """Euclidean distance of each pixel to the nearest 0, in pixels; about 1.8e19 if there is none.

    uint8 [B, H, W, 1] -> `dtype` [B, H, W, 1]. It runs on the host only.
    """

    def transform(images: tf.Tensor) -> np.ndarray:
        found = []
        for image in images.numpy()[..., 0]:
            if (image == 0).any():
                near = cv2.distanceTransform(image, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
                # The last bit varies, so it is rounded: the square of a distance is a whole number.
                found.append(np.sqrt(np.rint(near.astype(np.float64) ** 2)))
            else:
                found.append(np.full(image.shape, _FARTHEST))
        return np.stack(found)[..., np.newaxis].astype(dtype.as_numpy_dtype)

    distances = tf.py_function(transform, [images], dtype)
    distances.set_shape(images.shape)
    return distances


def angles_to_projective_transforms(
    angles: tf.Tensor, image_height: float, image_width: float
) -> tf.Tensor:
    """Rotations about the centre, for `transform`: radians [B] -> [B, 8]."""
    bottom, right = image_height - 1, image_width - 1
    cosine, sine, zero = tf.cos(angles), tf.sin(angles), tf.zeros_like(angles)
    x = (right - (cosine * right - sine * bottom)) / 2
    y = (bottom - (sine * right + cosine * bottom)) / 2
    return tf.stack([cosine, -sine, x, sine, cosine, y, zero, zero], axis=1)


def compose_transforms(transforms: Sequence[tf.Tensor]) -> tf.Tensor:
    """One transform that is equal to several, applied in order: each [B, 8] -> [B, 8]."""

    def matrices(rows):  # [B, 8] -> [B, 3, 3]
        return tf.reshape(tf.concat([rows, tf.ones_like(rows[:, :1])], axis=1), [-1, 3, 3])

    product = matrices(transforms[0])
    for rows in transforms[1:]:
        product = tf.matmul(product, matrices(rows))
    flat = tf.reshape(product, [-1, 9])
    return (flat / flat[:, 8:])[:, :8]


def transform(
    images: tf.Tensor, transforms: tf.Tensor, interpolation: str = "nearest"
) -> tf.Tensor:
    """Moves the pixels of images [B, H, W, C]; pixels from outside are 0.

    transforms: [B, 8], each a0 ... a2, b0 ... b2, c0, c1. The output's pixel (x, y) is the input's
        ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1.
    interpolation: "nearest" or "bilinear".
    """
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation=interpolation.upper(),
        fill_mode="CONSTANT",
    )
