"""One version of an exported model, loaded, which computes a few requests at a time."""

import math
import os
import re
import threading
import time
from typing import Collection

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from tfinpaint.export import warmup
from tfinpaint.export.version_folders import version_directory
from tfinpaint.serving import picture_sizes
from tfinpaint.serving.contract import ServingError
from tfinpaint.serving.limits import MOST_MEGAPIXELS, MOST_PHOTOGRAPHS
from tfinpaint.settings import SettingsError, first_line

DEFAULT = "serving_default"


class Servable:
    """Loads a model and runs its warm-up requests.

    Args:
        name: the name of the model, as clients use it.
        path: a version directory, or the folder of version directories, whose highest is taken.
        at_once: requests that are computed at the same time; each uses as many cores as it can.
        waiting: requests that may wait for their turn. Further ones are answered UNAVAILABLE at
                 once, and clients try again.

    Attributes: name, version (a number), signature_defs ({name: SignatureDef}, for the metadata).

    Raises: SettingsError if there is no model at `path`, or its warm-up requests fail.
    """

    def __init__(self, name: str, path: str, at_once: int = 2, waiting: int = 64):
        self.name = name
        path = version_directory(path) or path
        try:
            self._model = tf.saved_model.load(path)
            with open(os.path.join(path, "saved_model.pb"), "rb") as f:
                self.signature_defs = (
                    saved_model_pb2.SavedModel.FromString(f.read()).meta_graphs[0].signature_def
                )
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise SettingsError(
                f"{path} is no model that `export` wrote, or it is damaged: {first_line(error)}"
            ) from error
        folder = os.path.basename(os.path.abspath(path))
        self.version = int(folder) if folder.isdecimal() else 1
        self._turns = threading.Semaphore(at_once)
        self._places = threading.Semaphore(at_once + waiting)
        self._most, self._ends = at_once + waiting, False
        requests = os.path.join(path, warmup.PATH)
        try:
            self._warm_up(requests)
        except (tf.errors.OpError, DecodeError, TypeError, ValueError, ServingError) as error:
            raise SettingsError(
                f"The warm-up requests in {requests} are damaged or do not fit the model: "
                f"{first_line(error)}"
            ) from error

    def input_dtypes(self, signature: str) -> dict:
        """{input: numpy dtype} of a signature ("": the default one), object for strings.

        Raises: ServingError if the model has no such signature.
        """
        return {
            name: _numpy(spec.dtype)
            for name, spec in self._function(signature).structured_input_signature[1].items()
        }

    def inputs(self, signature: str, names: Collection[str]) -> dict:
        """{input: tf.TensorSpec} of a signature.

        names: the inputs of a request.

        Raises: ServingError if the model has no such signature, or if its inputs have other names.
        """
        specs = self._function(signature).structured_input_signature[1]
        if set(names) != set(specs):
            raise ServingError(
                "INVALID_ARGUMENT",
                f"The signature's inputs are {sorted(specs)}. Got {sorted(names)}",
            )
        return dict(specs)

    def end(self, seconds: float) -> None:
        """Turns away the requests that wait and all further ones, and waits for the others.

        seconds: how long it waits at most for the requests that are being computed.
        """
        self._ends = True
        self._turns.release(self._most)  # wakes all that wait
        deadline = time.monotonic() + seconds
        # The places are free once nothing is computed any more.
        taken = 0
        while taken < self._most and self._places.acquire(
            timeout=max(deadline - time.monotonic(), 0)
        ):
            taken += 1
        for _ in range(taken):
            self._places.release()

    def predict(self, signature: str, inputs: dict) -> dict:
        """The outputs of a signature, {name: array}, for inputs {name: array}.

        Raises: ServingError if the signature is unknown, the inputs do not fit it, the server is
            busy or ending, or the model fails.
        """
        function, specs = self._function(signature), self.inputs(signature, inputs)
        for name, array in inputs.items():
            spec = specs[name]
            if array.dtype != _numpy(spec.dtype) or not spec.shape.is_compatible_with(array.shape):
                raise ServingError(
                    "INVALID_ARGUMENT",
                    f"'{name}' is {spec.dtype.name} {spec.shape}. Got {array.dtype} "
                    f"{list(array.shape)}",
                )
            _check_size(name, array)
        if not self._places.acquire(blocking=False):
            raise ServingError("UNAVAILABLE", "The server is busy: too many requests are waiting")
        try:
            with self._turns:
                if self._ends:
                    raise ServingError("UNAVAILABLE", "The server is ending")
                outputs = function(
                    **{
                        name: tf.constant(array, specs[name].dtype)
                        for name, array in inputs.items()
                    }
                )
                return {name: value.numpy() for name, value in outputs.items()}
        except tf.errors.InvalidArgumentError as error:
            raise ServingError("INVALID_ARGUMENT", _message(error)) from error
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise ServingError(
                "RESOURCE_EXHAUSTED", "The photograph does not fit into the server's memory"
            ) from error
        except tf.errors.OpError as error:
            raise ServingError("INTERNAL", _message(error)) from error
        finally:
            self._places.release()

    def _function(self, signature):
        try:
            return self._model.signatures[signature or DEFAULT]
        except KeyError:
            known = ", ".join(sorted(self._model.signatures))
            raise ServingError(
                "FAILED_PRECONDITION", f"The model's signatures are {known}. Got {signature!r}"
            ) from None

    def _warm_up(self, path):
        if os.path.isfile(path):
            for record in tf.data.TFRecordDataset(path):
                request = prediction_log_pb2.PredictionLog.FromString(
                    record.numpy()
                ).predict_log.request
                self.predict(
                    request.model_spec.signature_name,
                    {name: tf.make_ndarray(value) for name, value in request.inputs.items()},
                )


def _check_size(name, array):
    """Raises ServingError if there are too many photographs, or if one is too large.

    array: an input of a signature. Photographs in files are not decoded yet.
    """
    if array.ndim and len(array) > MOST_PHOTOGRAPHS:
        raise ServingError(
            "INVALID_ARGUMENT",
            f"{name}: a batch of {len(array)} photographs: at most {MOST_PHOTOGRAPHS} are filled",
        )
    if array.dtype.kind == "O":
        largest = max(map(picture_sizes.pixels, array.flat), default=0)
    else:
        largest = math.prod(array.shape[:3]) if array.ndim == 4 else 0  # [B, H, W, C]
    if largest > MOST_MEGAPIXELS * 10**6:
        raise ServingError(
            "INVALID_ARGUMENT",
            f"{name}: a photograph of {largest / 1e6:.0f} megapixels: at most {MOST_MEGAPIXELS} "
            "are filled",
        )


def _numpy(dtype):
    return np.dtype(object) if dtype == tf.string else np.dtype(dtype.as_numpy_dtype)


def _message(error):
    """The message of an operation, after the name of the input if that is known.

    The position of the operation in the graph is left out.
    """
    lines = [line.strip() for line in error.message.splitlines()]
    kept = [
        line
        for line in lines
        if line
        and not re.match(
            r"Graph execution|Detected at node|<stack traces|\[\[|\d+ root error", line
        )
    ]
    of = re.search(r"(image_bytes|mask_bytes)/", error.message)
    said = re.sub(
        r"assertion failed: \[(.*)\]$",
        r"\1",
        re.sub(r"\s*\[Op:.*\]$", "", kept[0] if kept else error.message),
    )
    return f"{of[1]}: {said}" if of and not said.startswith(of[1]) else said
