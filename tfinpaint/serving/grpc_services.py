"""The gRPC side of the server: tensorflow.serving.PredictionService and ModelService."""

import grpc
import tensorflow as tf
from tensorflow_serving.apis import model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc

from tfinpaint.serving import messages, tensors
from tfinpaint.serving.contract import ServingError
from tfinpaint.serving.limits import Budget
from tfinpaint.serving.servable import DEFAULT


def add_to(server: grpc.Server, models: dict, budget: Budget) -> None:
    """Adds both services to a gRPC server, which has the interceptor of receiving.py.

    models: {name: Servable}.
    budget: that of all requests, from which tensors take their bytes.
    """
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        _PredictionService(models, budget), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(models), server)


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, models, budget):
        self._models, self._budget = models, budget

    def GetModelMetadata(self, request, context):
        if list(request.metadata_field) != ["signature_def"]:
            raise ServingError(
                "INVALID_ARGUMENT",
                f"The metadata_field is signature_def. Got {list(request.metadata_field)}",
            )
        return messages.metadata(_find(self._models, request))

    def Predict(self, request, context):
        model = _find(self._models, request)
        signature = request.model_spec.signature_name or DEFAULT
        specs = model.inputs(signature, request.inputs)
        with self._budget.holding() as held:
            outputs = model.predict(
                signature,
                {
                    name: tensors.read(name, value, specs[name], held)
                    for name, value in request.inputs.items()
                },
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
        return messages.status(_find(self._models, request))


def _find(models, request):
    spec = request.model_spec
    return messages.find(
        models, spec.name, spec.version.value if spec.HasField("version") else None
    )
