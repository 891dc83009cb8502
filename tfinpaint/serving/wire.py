"""Counts the fields of a gRPC request before it is parsed.

A field of two bytes can become a message of 150 bytes in memory, so 256 MB on the wire could take
19 GB. Therefore the parts of a request that may repeat are counted first, which takes no memory.

Source: protobuf.dev/programming-guides/encoding; predict.proto, tensor.proto and tensor_shape.proto
of TensorFlow 2.15 and TensorFlow Serving 2.15.
"""

from typing import Any, Dict

from tfinpaint.serving.contract import ServingError
from tfinpaint.serving.limits import MOST_FIELDS

# {number of a field that is a message: the fields of that message, in the same form}
_SHAPE: Dict[int, Any] = {2: {}}
_TENSOR: Dict[int, Any] = {2: _SHAPE}
_REQUEST: Dict[int, Any] = {1: {}, 2: {2: _TENSOR}}
_FIXED = {1: 8, 5: 4}  # bytes of the wire types I64 and I32
_NO_MESSAGE = "The message cannot be parsed"


def check(data: bytes, predicts: bool) -> None:
    """Raises ServingError if a message has more than `limits.MOST_FIELDS` or cannot be parsed.

    data: the serialised message.
    predicts: whether it is a PredictRequest. In other requests, only strings may repeat.
    """
    try:
        _count(data, 0, len(data), _REQUEST if predicts else {1: {}}, 0)
    except IndexError:  # the message ends within a number
        raise ServingError("INVALID_ARGUMENT", _NO_MESSAGE) from None


def _count(data, at, end, messages, fields):
    """The number of fields from byte `at` up to `end`, plus `fields`, the number before them."""
    while at < end:
        fields += 1
        if fields > MOST_FIELDS:
            raise ServingError(
                "INVALID_ARGUMENT",
                f"A request has at most {MOST_FIELDS} fields: numbers go into tensor_content, or "
                "packed into one field",
            )
        key, at = _number(data, at)
        kind = key & 7
        if kind == 0:
            _, at = _number(data, at)
        elif kind == 2:
            size, at = _number(data, at)
            if size > end - at:
                raise ServingError("INVALID_ARGUMENT", _NO_MESSAGE)
            if key >> 3 in messages:
                fields = _count(data, at, at + size, messages[key >> 3], fields)
            at += size
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:  # a group; none of these messages has one
            raise ServingError("INVALID_ARGUMENT", _NO_MESSAGE)
    return fields


def _number(data, at):
    """The varint at a position, and the position after it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ServingError("INVALID_ARGUMENT", _NO_MESSAGE)
