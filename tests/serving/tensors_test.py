"""Numbers of a TensorProto that do not fit its type are refused, not cut."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

from tfinpaint.serving import limits, tensors
from tfinpaint.serving.contract import ServingError


def read(dtype, values):
    proto = TensorProto(dtype=dtype.as_datatype_enum, int_val=values)
    proto.tensor_shape.dim.add(size=3)
    return tensors.read("image", proto, tf.TensorSpec([None], dtype), limits.Budget().holding())


@pytest.mark.parametrize(
    "dtype, values",
    [
        (tf.uint8, [300, 0, 5]),
        (tf.uint8, [0, -1, 5]),
        (tf.uint8, [256]),
        (tf.int8, [0, 128, 0]),
        (tf.uint16, [65536, 0, 0]),
        (tf.int16, [-32769, 0, 0]),
    ],
)
def test_numbers_beyond_their_type_are_refused(dtype, values):
    said = f"'image' has numbers beyond {dtype.name}: {min(values)} to {max(values)}"
    with pytest.raises(ServingError, match=said) as error:
        read(dtype, values)
    assert error.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "dtype, values",
    [(tf.uint8, [0, 255, 5]), (tf.int8, [-128, 127, 0]), (tf.int32, [-(2**31), 2**31 - 1, 0])],
)
def test_numbers_at_the_ends_of_their_type_are_read(dtype, values):
    np.testing.assert_array_equal(read(dtype, values), np.array(values, dtype.as_numpy_dtype))
