"""The gRPC side of the server.

It implements tensorflow.serving.PredictionService and ModelService with their official stubs.
"""

import math

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc

from tfinpaint.serving import messages
from tfinpaint.serving.contract import ServingError
from tfinpaint.serving.servable import DEFAULT


def add_to(server: grpc.Server, models: dict) -> None:
    """Adds both services to a gRPC server. models: {name: Servable}."""
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        _PredictionService(models), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(models), server)


_MOST = 2**29  # values of a tensor


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, models):
        self._models = models

    def Predict(self, request, context):
        return _guarded(context, lambda: self._predict(request))

    def GetModelMetadata(self, request, context):
        return _guarded(context, lambda: self._metadata(request))

    def _metadata(self, request):
        if list(request.metadata_field) != ["signature_def"]:
            raise ServingError(
                "INVALID_ARGUMENT",
                f"The metadata_field is signature_def. Got {list(request.metadata_field)}",
            )
        return messages.metadata(_find(self._models, request))

    def _predict(self, request):
        model = _find(self._models, request)
        signature = request.model_spec.signature_name or DEFAULT
        outputs = model.predict(
            signature, {name: _array(name, value) for name, value in request.inputs.items()}
        )
        if not set(request.output_filter) <= set(outputs) or len(set(request.output_filter)) < len(
            request.output_filter
        ):
            raise ServingError(
                "INVALID_ARGUMENT",
                f"output_filter is some of {sorted(outputs)}. Got {list(request.output_filter)}",
            )
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.signature_name = model.name, signature
        response.model_spec.version.value = model.version
        for name in request.output_filter or outputs:
            response.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
        return response


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, models):
        self._models = models

    def GetModelStatus(self, request, context):
        return _guarded(context, lambda: messages.status(_find(self._models, request)))


def _find(models, request):
    spec = request.model_spec
    return messages.find(
        models, spec.name, spec.version.value if spec.HasField("version") else None
    )


def _array(name, value):
    number = math.prod(dimension.size for dimension in value.tensor_shape.dim)
    if not 0 <= number <= _MOST:  # checked before memory is allocated
        raise ServingError(
            "INVALID_ARGUMENT", f"'{name}' has {number} values; at most {_MOST} are taken"
        )
    try:
        return np.asarray(tf.make_ndarray(value))
    except (TypeError, ValueError) as error:
        raise ServingError(
            "INVALID_ARGUMENT", f"'{name}' is no tensor that can be read: {error}"
        ) from None


def _guarded(context, answer):
    try:
        return answer()
    except ServingError as error:
        context.abort(getattr(grpc.StatusCode, error.code), str(error))
