"""Fills photographs through a server, TensorFlow Serving or `tfinpaint.serving.server`.

    painter = connect("http://localhost:8501/v1/models/paris")  # or grpc://localhost:8500/paris
    filled = painter.fill(photo, mask)  # uint8 [H, W, 3], uint8 [H, W] -> uint8 [H, W, 3]

The client uses REST for an http URL and gRPC for a grpc URL. /versions/3 at the end of a URL names
one version.

Photographs are sent as PNG, so every known pixel comes back unchanged. If a server cannot be
reached yet, or is busy (UNAVAILABLE), the client tries again after a pause; it does not retry after
other errors. Every error becomes a `ServerError`, one line that names the server and quotes its
answer. gRPC needs the extra `serve`. REST loads no TensorFlow. The client connects directly to
servers on this machine or in a private network, and to others through the proxy that the
environment names, if any (proxies.py).
"""

import base64
import json
import re
from typing import Union
from urllib.parse import urlsplit

import cv2
import numpy as np

from tfinpaint.painting import filling
from tfinpaint.painting.base_painter import BasePainter
from tfinpaint.settings import SettingsError

_FORMS = (
    "http://HOST:PORT/v1/models/NAME or grpc://HOST:PORT/NAME, "
    "with /versions/N after it for one version"
)


class ServerError(SettingsError):
    """A server cannot be reached, or has answered with an error."""


def connect(url: str, timeout: float = 60.0, tries: int = 4) -> Union["RestClient", "GrpcClient"]:
    """A client for one model of a server. It sends nothing yet.

    url:      see the module's docstring.
    timeout:  seconds that one request may take, tries and pauses included (REST: each try).
    tries:    how often a request is sent, at most, if the server cannot be reached or is busy. The
              pauses between tries double, from half a second up to 5 seconds.

    Raises: SettingsError if `url` has none of these forms or `timeout` is not above 0.
    """
    if not 0 < timeout < float("inf"):
        raise SettingsError(f"`timeout` is a number of seconds above 0. Got {timeout:g}")
    try:
        parts = urlsplit(url)
        whole = (
            parts.hostname
            and not parts.query
            and not parts.fragment
            and (parts.port or parts.scheme != "grpc")
        )
    except ValueError:
        raise SettingsError(f"`url` is {_FORMS}. Got {url!r}") from None
    model = r"/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?/?"
    rest, grpc = (
        re.fullmatch(r"(/.*)?/v1/models" + model, parts.path),
        re.fullmatch(model, parts.path),
    )
    if parts.scheme in ("http", "https") and whole and rest:
        return RestClient(url.rstrip("/"), timeout, tries)
    if parts.scheme == "grpc" and whole and grpc:
        return GrpcClient(
            parts.netloc, grpc["name"], grpc["version"] and int(grpc["version"]), timeout, tries
        )
    raise SettingsError(f"`url` is {_FORMS}. Got {url!r}")


class _Client(BasePainter):
    """The base class of both clients.

    A server fills only the hole, and as its model was exported. So `feather` must be 0, `detail`
    "auto" and `blend` "none".
    """

    def _fill(self, photo, mask, options):
        if options.detail != "auto":
            raise ValueError(
                "`detail` is 'auto' with a server, whose model was exported with or without it. "
                f"Got {options.detail!r}"
            )
        if options.feather:
            raise SettingsError(
                "`feather` is 0 with `url`: a server fills the hole and nothing beyond it. Got "
                f"{options.feather}"
            )
        if options.blend != "none":
            raise SettingsError(
                "`blend` is 'none' with `url`: a server fills as its model was exported. Got "
                f"{options.blend!r}"
            )
        photo, mask = filling.arrays(photo, mask)
        filling.check(photo, mask, options.grow)
        hole = filling.hole_of(mask, options.grow)
        answer = self.fill_bytes(_png(photo[..., ::-1]), _png(255 * hole))
        filled = cv2.imdecode(np.frombuffer(answer, np.uint8), cv2.IMREAD_COLOR) if answer else None
        if filled is None or filled.shape != photo.shape:
            raise ServerError(f"{self} answered with no picture of the photograph's size")
        return filled[..., ::-1].copy()

    def fill_bytes(self, image_bytes: bytes, mask_bytes: bytes) -> bytes:
        """Picture files of a photograph and its mask -> the filled photograph as a PNG file.

        Raises: ServerError.
        """
        raise NotImplementedError


class RestClient(_Client):
    """A client over REST; see `connect`. url: http://HOST:PORT/v1/models/NAME[/versions/N]."""

    def __init__(self, url: str, timeout: float = 60.0, tries: int = 4):
        import requests
        from urllib3.util import Retry

        from tfinpaint.serving.proxies import Session

        self._url, self._timeout = url, timeout

        class Again(Retry):
            """Pauses that double, from half a second on. urllib3's own first pause is zero."""

            def get_backoff_time(self):
                return min(0.5 * 2 ** (len(self.history) - 1), 5.0)

        again = Again(
            tries - 1,
            read=False,
            status_forcelist=[503],
            allowed_methods=None,
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        self._session = Session()
        # By scheme, not by URL: requests may escape the path before it looks up the adapter.
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, requests.adapters.HTTPAdapter(max_retries=again))

    def fill_bytes(self, image_bytes: bytes, mask_bytes: bytes) -> bytes:
        """See the base class."""
        files = {"image_bytes": image_bytes, "mask_bytes": mask_bytes}
        answer = self._ask(
            "POST",
            ":predict",
            {
                "inputs": {
                    name: [{"b64": base64.b64encode(b).decode()}] for name, b in files.items()
                }
            },
        )
        try:
            return base64.b64decode(answer["outputs"][0]["b64"])
        except (KeyError, IndexError, TypeError, ValueError):
            raise ServerError(
                f"{self} answered without a picture: {json.dumps(answer)[:200]}"
            ) from None

    def status(self) -> list:
        """A dictionary for each version: {"version": ..., "state": ..., "status": ...}."""
        answer = self._ask("GET", "")
        if not isinstance(answer, dict) or not isinstance(answer.get("model_version_status"), list):
            raise ServerError(f"{self} answered without a status: {json.dumps(answer)[:200]}")
        return answer["model_version_status"]

    def _ask(self, method, what, request=None):
        import requests

        from tfinpaint.serving import proxies

        def which():  # the server, and the proxy if there is one
            proxy = proxies.of_rest(self._url)
            return f"{self} through the proxy {proxy}" if proxy else str(self)

        try:
            response = self._session.request(
                method, self._url + what, json=request, timeout=self._timeout
            )
            answer = response.json()
        except requests.Timeout:
            raise ServerError(
                f"{which()} did not answer within {self._timeout:g} s (`timeout`)"
            ) from None
        except requests.JSONDecodeError:
            raise ServerError(
                f"{which()} is no such server: it answered {response.status_code} "
                f"{response.reason}, and no JSON"
            ) from None
        except requests.RequestException as error:
            raise ServerError(f"{which()} cannot be reached: {reason(error)}") from None
        if response.status_code != 200:
            said = answer.get("error") if isinstance(answer, dict) else None
            raise ServerError(
                f"{self} answered {response.status_code}: "
                f"{' '.join(str(said or response.reason).split())}"
            )
        return answer

    def __str__(self):
        return self._url


class GrpcClient(_Client):
    """A client over gRPC; see `connect`. address: HOST:PORT. version: a number, or None for any."""

    def __init__(
        self,
        address: str,
        name: str,
        version=None,
        timeout: float = 60.0,
        tries: int = 4,
    ):
        import grpc
        from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        from tfinpaint.serving import proxies

        self._address, self._name, self._version, self._timeout = address, name, version, timeout
        self._proxy = proxies.of_grpc(address)
        policy = {
            "maxAttempts": min(max(tries, 2), 5),
            "initialBackoff": "0.5s",
            "maxBackoff": "5s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        config = {
            "methodConfig": [{"name": [{}], **({"retryPolicy": policy} if tries > 1 else {})}]
        }
        self._channel = grpc.insecure_channel(
            address,
            options=[
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", -1),
                ("grpc.service_config", json.dumps(config)),
                # gRPC keeps a request in this buffer to send it again. With the default, 256 KiB, a
                # larger request would be sent only once.
                ("grpc.per_rpc_retry_buffer_size", 2**30),
                ("grpc.max_reconnect_backoff_ms", 2000),
                ("grpc.enable_http_proxy", 1 if self._proxy else 0),
            ],
        )
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def fill_bytes(self, image_bytes: bytes, mask_bytes: bytes) -> bytes:
        """See the base class."""
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        self._name_model(request.model_spec)
        for name, content in (("image_bytes", image_bytes), ("mask_bytes", mask_bytes)):
            tensor = request.inputs[name]
            tensor.dtype = 7  # DT_STRING
            tensor.tensor_shape.dim.add(size=1)
            tensor.string_val.append(content)
        response = self._call(self._prediction.Predict, request)
        if not response.outputs["filled_bytes"].string_val:
            raise ServerError(f"{self} answered without a picture")
        return response.outputs["filled_bytes"].string_val[0]

    def status(self) -> list:
        """A dictionary for each version: {"version": ..., "state": ..., "status": ...}."""
        from tensorflow_serving.apis import get_model_status_pb2

        from tfinpaint.serving.messages import as_dict

        request = get_model_status_pb2.GetModelStatusRequest()
        self._name_model(request.model_spec)
        return as_dict(self._call(self._models.GetModelStatus, request))["model_version_status"]

    def _name_model(self, spec):
        spec.name = self._name
        if self._version is not None:
            spec.version.value = self._version

    def _call(self, method, request):
        import grpc

        try:
            return method(request, timeout=self._timeout)
        except grpc.RpcError as error:
            which = f"{self} through the proxy {self._proxy}" if self._proxy else str(self)
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                raise ServerError(
                    f"{which} did not answer within {self._timeout:g} s (`timeout`)"
                ) from None
            raise ServerError(
                f"{which} answered {error.code().name}: {' '.join(error.details().split())}"
            ) from None

    def __str__(self):
        return f"grpc://{self._address}/{self._name}" + (
            "" if self._version is None else f"/versions/{self._version}"
        )


def _png(picture):
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def reason(error: Exception) -> str:
    """The innermost cause of an error, which requests wraps several times."""
    text = str(error)
    match = re.search(r"\[Errno -?\d+\] ([\w ]+)", text)
    inner = re.findall(r"\('([^']+)'", text)  # the texts of nested errors, as of a proxy
    return match[1] if match else (inner[-1] if inner else text)[:160]
