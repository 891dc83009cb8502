"""Answers that REST and gRPC share, as TensorFlow Serving's own messages."""

import inspect
from typing import TYPE_CHECKING, Any, Optional

from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from tfinpaint.serving.contract import ServingError

if TYPE_CHECKING:  # servable.py loads TensorFlow
    from tfinpaint.serving.servable import Servable


def find(models: dict, name: str, version: Optional[int] = None) -> "Servable":
    """The Servable of this name and version (None: any). Raises ServingError NOT_FOUND."""
    model = models.get(name)
    if model is None:
        raise ServingError(
            "NOT_FOUND",
            f"Servable not found for request: Latest({name}). The models are "
            f"{', '.join(sorted(models))}",
        )
    if version is not None and version != model.version:
        raise ServingError(
            "NOT_FOUND",
            f"Servable not found for request: Specific({name}, {version}). The version is "
            f"{model.version}",
        )
    return model


def status(model: "Servable") -> get_model_status_pb2.GetModelStatusResponse:
    """The answer about the status of a model: its version is available."""
    response = get_model_status_pb2.GetModelStatusResponse()
    entry = response.model_version_status.add(
        version=model.version, state=get_model_status_pb2.ModelVersionStatus.AVAILABLE
    )
    entry.status.error_code = 0
    return response


def metadata(model: "Servable") -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The answer about the metadata of a model: its signatures."""
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name, response.model_spec.version.value = model.name, model.version
    signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=model.signature_defs)
    response.metadata["signature_def"].Pack(signatures)
    return response


# The argument for writing fields whose value is 0. It has another name from protobuf 5 on.
_ZEROS_TOO = next(
    name
    for name in ("always_print_fields_with_no_presence", "including_default_value_fields")
    if name in inspect.signature(json_format.MessageToDict).parameters
)


def as_dict(message: Any) -> dict:
    """A message as REST writes it: with the field names of the .proto file, zeros included."""
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, **{_ZEROS_TOO: True}
    )
