"""What the REST and the gRPC sides both answer, in TensorFlow Serving's own messages."""

from typing import TYPE_CHECKING, Optional

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
    response = get_model_status_pb2.GetModelStatusResponse()
    entry = response.model_version_status.add(
        version=model.version, state=get_model_status_pb2.ModelVersionStatus.AVAILABLE
    )
    entry.status.error_code = 0
    return response


def metadata(model: "Servable") -> get_model_metadata_pb2.GetModelMetadataResponse:
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name, response.model_spec.version.value = model.name, model.version
    signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=model.signature_defs)
    response.metadata["signature_def"].Pack(signatures)
    return response
