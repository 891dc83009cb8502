"""Checks the images, holes and further inputs that a system or a painter is called with."""

from typing import Any, Tuple

import tensorflow as tf


def checked_inputs(images: Any, holes: Any) -> Tuple[tf.Tensor, tf.Tensor]:
    """Images and holes as float32 tensors.

    Args:
        images: [B, H, W, 3] in [-1, 1], floating point of any precision; a tensor, an array or
            nested lists.
        holes: [B, H, W, 1], 0 or 1, of any type.

    Sizes and values that the graph does not know are not checked.

    Raises: ValueError, naming `images` or `holes`, for another type or shape, or for holes that are
        not 0 or 1.
    """
    images, holes = tf.convert_to_tensor(images), tf.convert_to_tensor(holes)
    if not images.dtype.is_floating:
        raise ValueError(f"`images` is float32 in [-1, 1]. Got {images.dtype.name}")
    if not images.shape.is_compatible_with([None, None, None, 3]):
        raise ValueError(f"`images` is [B, H, W, 3]. Got {images.shape.as_list()}")
    wanted = images.shape.with_rank(4)[:3].concatenate([1])
    if not holes.shape.is_compatible_with(wanted):
        raise ValueError(f"`holes` is {wanted.as_list()}, as `images`. Got {_sizes(holes)}")
    holes = tf.cast(holes, tf.float32)
    if tf.executing_eagerly() and not tf.reduce_all((holes == 0) | (holes == 1)):
        largest = float(tf.reduce_max(holes))
        raise ValueError(f"`holes` is 0 or 1. Got {largest:g} as the largest")
    return tf.cast(images, tf.float32), holes


def shaped(name: str, value: Any, shape: Any) -> tf.Tensor:
    """`value`, of any type, as a float32 tensor.

    Raises: ValueError, naming `name`, if it has another shape than the TensorShape `shape`.
    """
    value = tf.cast(value, tf.float32)
    if not value.shape.is_compatible_with(shape):
        raise ValueError(f"`{name}` is {shape.as_list()}. Got {_sizes(value)}")
    return value


def _sizes(x):
    return x.shape.as_list() if x.shape.rank is not None else "an unknown shape"
