"""Warm-up requests, which TensorFlow Serving runs through a model before it takes real requests.

assets.extra/tf_serving_warmup_requests is a TFRecord file of PredictionLog messages
(tensorflow_serving/apis/prediction_log.proto). The few messages that it needs are declared here, so
that an export does not need the package tensorflow-serving-api. The tests read the file with that
package.
"""

from typing import Iterable, Tuple

import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PATH = "assets.extra/tf_serving_warmup_requests"

_STRING, _BYTES, _MESSAGE = 9, 12, 11  # google.protobuf.FieldDescriptorProto.Type
# {message: {field: (number, type[, message])}}. `inputs` is a map, which is a list of entries on
# the wire.
_MESSAGES = {
    "ModelSpec": {"name": (1, _STRING), "signature_name": (3, _STRING)},
    # The value is a TensorProto, already serialized.
    "Entry": {"key": (1, _STRING), "value": (2, _BYTES)},
    "PredictRequest": {"model_spec": (1, _MESSAGE, "ModelSpec"), "inputs": (2, _MESSAGE, "Entry")},
    "PredictLog": {"request": (1, _MESSAGE, "PredictRequest")},
    "PredictionLog": {"predict_log": (6, _MESSAGE, "PredictLog")},
}


def write(path: str, model: str, requests: Iterable[Tuple[str, dict]]) -> None:
    """Writes the file.

    path: that of the file. model: the model's name in the requests. requests: pairs of a
        signature's name and {input: array}.
    """
    prediction_log = _classes()["PredictionLog"]
    with tf.io.TFRecordWriter(path) as writer:
        for signature, inputs in requests:
            log = prediction_log()
            request = log.predict_log.request
            request.model_spec.name, request.model_spec.signature_name = model, signature
            for name, value in inputs.items():
                request.inputs.add(key=name, value=tf.make_tensor_proto(value).SerializeToString())
            writer.write(log.SerializeToString())


def _classes():
    file = descriptor_pb2.FileDescriptorProto(
        name="tfinpaint/warmup.proto", package="tfinpaint", syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, *of) in fields.items():
            message.field.add(
                name=field,
                number=number,
                type=kind,
                label=3 if field == "inputs" else 1,
                type_name=f".tfinpaint.{of[0]}" if of else None,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tfinpaint.{name}"))
        for name in _MESSAGES
    }
