"""Converts a TensorProto to an array, after checking it against the signature.

A TensorProto may hold fewer values than its shape has: then the last one is repeated, or all are
zeros if there is none (tensor.proto). TensorFlow Serving expands any such tensor. Here the array
may have at most `limits.LARGEST` bytes, which is checked before memory is allocated.
"""

import math
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

from tfinpaint.serving.contract import MOST_AXES, ServingError
from tfinpaint.serving.limits import LARGEST, MOST_PHOTOGRAPHS, Held


def read(name: str, tensor: TensorProto, spec: Any, held: Held) -> np.ndarray:
    """The array of an input.

    name: the input's name, for messages.
    spec: the input's tf.TensorSpec; its type is string, or a type of numbers that NumPy has.
    held: takes the array's bytes from the budget of all requests.

    Raises: ServingError if the tensor does not fit `spec`, is too large, or cannot be read.
    """
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    if tensor.dtype != spec.dtype.as_datatype_enum:
        raise _refusal(name, f"is {spec.dtype.name} {spec.shape}. Got type {_type(tensor.dtype)}")
    if tensor.tensor_shape.unknown_rank or len(shape) > MOST_AXES or min(shape, default=0) < 0:
        raise _refusal(name, "has no shape that is known")
    if not spec.shape.is_compatible_with(shape):
        raise _refusal(name, f"is {spec.dtype.name} {spec.shape}. Got {shape}")
    wanted = math.prod(shape)
    size = _size(name, tensor, spec.dtype, wanted)
    if size > LARGEST:
        raise _refusal(name, f"of shape {shape} takes {size} bytes: at most {LARGEST} are taken")
    held.more(size)
    try:
        return np.asarray(tf.make_ndarray(tensor))
    except (TypeError, ValueError, OverflowError) as error:
        raise _refusal(name, f"is no tensor that can be read: {error}") from None


def _size(name, tensor, dtype, wanted):
    """The bytes of an array with `wanted` entries.

    Raises: ServingError if the tensor's values do not fit their number or the type.
    """
    if dtype == tf.string:
        given = len(tensor.string_val)
        if tensor.tensor_content or not min(1, wanted) <= given <= wanted:
            raise _refusal(name, f"has {given} strings in string_val for {wanted} places")
        if wanted > MOST_PHOTOGRAPHS:
            raise _refusal(name, f"has {wanted} strings: at most {MOST_PHOTOGRAPHS} are taken")
        repeated = (wanted - given) * len(tensor.string_val[-1]) if given else 0
        return sum(map(len, tensor.string_val)) + repeated
    width = np.dtype(dtype.as_numpy_dtype).itemsize
    if tensor.tensor_content:
        if len(tensor.tensor_content) != wanted * width:
            raise _refusal(
                name,
                f"has {len(tensor.tensor_content)} bytes of tensor_content for {wanted} numbers",
            )
    elif (given := _numbers(tensor)) > wanted:
        raise _refusal(name, f"has {given} numbers for {wanted} places")
    if dtype.is_integer and tensor.int_val:  # 32 bits, which NumPy 1 would cut without an error
        least, most = min(tensor.int_val), max(tensor.int_val)
        if not dtype.min <= least <= most <= dtype.max:
            raise _refusal(name, f"has numbers beyond {dtype.name}: {least} to {most}")
    return wanted * width


def _numbers(tensor):
    """How many numbers the value fields of a tensor have, whatever their type."""
    return max(
        len(field)
        for field in (
            tensor.int_val,
            tensor.int64_val,
            tensor.uint32_val,
            tensor.uint64_val,
            tensor.float_val,
            tensor.double_val,
            tensor.bool_val,
            tensor.half_val,
        )
    )


def _type(number):
    """The name of a type; its number if it has none."""
    try:
        return tf.dtypes.as_dtype(number).name
    except (TypeError, KeyError, ValueError):
        return number


def _refusal(name, what):
    return ServingError("INVALID_ARGUMENT", f"{name!r} {what}")
