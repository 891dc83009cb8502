"""TensorFlow Serving's REST contract, as functions of JSON values and arrays, without a network.

A request is an object with an optional "signature_name" and its inputs in one of two forms:

    "instances": [{name: value}, ...]   rows: an object for each entry of a batch, or the bare value
                                        if the signature has one input
    "inputs": {name: [...]}             columns: the batch of each input, or the bare batch if the
                                        signature has one input

The answer to rows is {"predictions": [...]}, that to columns {"outputs": ...}. Values are bare if
the signature has one output. An error is {"error": message} with an HTTP status.

Bytes are {"b64": ...} in both directions. In an answer, only outputs whose names end in _bytes are
written like that; other strings are UTF-8.

Sources: tensorflow_serving/g3doc/api_rest.md and util/json_tensor.cc, absl/strings/escaping.cc.
docs/serve.md lists the rules and where this server differs.
"""

import base64
import json
from typing import Any, Tuple

import numpy as np

_SPACE = b" \t\n\v\f\r"  # characters that may be anywhere within base64
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

MOST_AXES = 32  # of an array in a request
MOST_VALUES = 2**24  # in a JSON document; each takes up to 80 bytes of memory
_LONGEST = 1000  # characters of a message, which may repeat names that a client has chosen

# The gRPC codes that are used here, and the HTTP status of each.
HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "INTERNAL": 500,
}


class ServingError(Exception):
    """An error that ends one request: a code of `HTTP_STATUS` and a message for the client."""

    def __init__(self, code: str, message: str):
        super().__init__(shortened(message))
        self.code = code

    @property
    def http_status(self) -> int:
        return HTTP_STATUS[self.code]


def shortened(message: str) -> str:
    """A message cut to at most 1,003 characters, because gRPC refuses to send a long one."""
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}..."


def parse_request(body: bytes) -> Tuple[str, str, Any]:
    """Parses the body of a request.

    body: JSON in UTF-8, with or without a byte-order mark. If an object has two members with the
        same name, the first one counts.

    Returns: the signature's name (or ""), the form "instances" or "inputs", and its value.
    Raises: ServingError if the body is no request of this contract, or has more values than
        `MOST_VALUES`.
    """
    if count_values(body) > MOST_VALUES:
        raise ServingError(
            "INVALID_ARGUMENT",
            f"A JSON document has at most {MOST_VALUES} values: send larger photographs as files "
            "(b64) or by gRPC",
        )
    try:
        if not body:
            raise ValueError("The document is empty")
        # json.loads would take UTF-16 and UTF-32 as well.
        marked = body.startswith(_BYTE_ORDER_MARK)
        text = str(memoryview(body)[len(_BYTE_ORDER_MARK) if marked else 0 :], "utf-8")
        request = json.loads(text, object_pairs_hook=_first_of_each)
    except (ValueError, RecursionError) as error:
        raise ServingError("INVALID_ARGUMENT", f"JSON Parse error: {error}") from None
    if not isinstance(request, dict):
        raise ServingError("INVALID_ARGUMENT", "The request is a JSON object")
    forms = [form for form in ("instances", "inputs") if form in request]
    if len(forms) != 1:
        raise ServingError("INVALID_ARGUMENT", "The request has either 'instances' or 'inputs'")
    name = request.get("signature_name", "")
    if not isinstance(name, str):
        raise ServingError("INVALID_ARGUMENT", "'signature_name' is a string")
    return name, forms[0], request[forms[0]]


def count_values(body: bytes) -> int:
    """An upper bound on the values of a JSON document, less one. The document is not parsed."""
    return sum(map(body.count, (b",", b"[", b"{")))  # each value but the first follows one of these


def _first_of_each(pairs):
    members: dict = {}
    for name, value in pairs:
        members.setdefault(name, value)
    return members


def read_inputs(form: str, value: Any, dtypes: dict) -> dict:
    """The inputs of a signature, {name: array}.

    form:    "instances" or "inputs".
    value:   its JSON value.
    dtypes:  {input: numpy dtype}, object for strings.

    Raises: ServingError if the value does not fit the inputs.
    """
    if form == "inputs":
        columns = (
            # In this form, names that the signature lacks are ignored. In rows they are an error.
            {name: value[name] for name in value if name in dtypes}
            if isinstance(value, dict) and not set(value) == {"b64"}
            else {_only(dtypes): value}
        )
    else:
        if not isinstance(value, list) or not value:
            raise ServingError("INVALID_ARGUMENT", "'instances' is a list with at least one entry")
        rows = [
            row if isinstance(row, dict) and not set(row) == {"b64"} else {_only(dtypes): row}
            for row in value
        ]
        if any(set(row) != set(rows[0]) for row in rows):
            raise ServingError(
                "INVALID_ARGUMENT", "All entries of 'instances' have the same inputs"
            )
        columns = {name: [row[name] for row in rows] for name in rows[0]}
    if set(columns) != set(dtypes):
        raise ServingError(
            "INVALID_ARGUMENT",
            f"The signature's inputs are {sorted(dtypes)}. Got {sorted(columns)}",
        )
    return {name: _array(name, column, dtypes[name]) for name, column in columns.items()}


def write_outputs(form: str, outputs: dict) -> dict:
    """The JSON value of the answer.

    form: that of the request, "instances" or "inputs". outputs: {name: array}.
    """
    columns = {name: _values(name, array) for name, array in outputs.items()}
    if form == "inputs":
        return {"outputs": next(iter(columns.values())) if len(columns) == 1 else columns}
    rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
    return {
        "predictions": [next(iter(row.values())) for row in rows] if len(columns) == 1 else rows
    }


def _only(dtypes):
    if len(dtypes) != 1:
        raise ServingError(
            "INVALID_ARGUMENT", f"The signature has the inputs {sorted(dtypes)}: name them"
        )
    return next(iter(dtypes))


def _array(name, column, dtype):
    try:
        array = _array_of(name, column, dtype)
    except RecursionError:
        array = None
    # NumPy's own limit is 32 or 64 axes, by its version.
    if array is None or array.ndim > MOST_AXES:
        raise ServingError("INVALID_ARGUMENT", f"'{name}' has too many lists within lists")
    return array


def _array_of(name, column, dtype):
    if np.dtype(dtype).kind == "O":
        try:
            array = np.array(_strings(name, column), object)
        except (ValueError, RuntimeError):  # lists of unequal sizes, or half of a surrogate pair
            array = np.array([[]], object)
        if 0 < array.ndim <= MOST_AXES and not (
            array.size
            and isinstance(array.flat[0], bytes)
            and all(isinstance(entry, bytes) for entry in array.flat)
        ):
            raise ServingError(
                "INVALID_ARGUMENT", f"'{name}' is made of strings in lists of the same size"
            )
        return array
    try:
        array = np.array(None if _has_bool(column) else column)
    except (ValueError, RuntimeError):
        array = np.array(None)
    if array.dtype.kind not in ("iu" if np.dtype(dtype).kind in "iu" else "iuf"):
        raise ServingError(
            "INVALID_ARGUMENT", f"'{name}' is an array of numbers of type {np.dtype(dtype).name}"
        )
    if (
        np.dtype(dtype).kind in "iu"
        and array.size
        and not np.iinfo(dtype).min <= array.min() <= array.max() <= np.iinfo(dtype).max
    ):
        raise ServingError(
            "INVALID_ARGUMENT",
            f"'{name}' has numbers beyond {np.dtype(dtype).name}: {array.min()} to {array.max()}",
        )
    return array.astype(dtype)


def _has_bool(value):
    """Whether a value contains a boolean. Among numbers, NumPy would take True for 1."""
    return any(map(_has_bool, value)) if isinstance(value, list) else isinstance(value, bool)


def _strings(name, value):
    if isinstance(value, list):
        return [_strings(name, entry) for entry in value]
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str):
        try:
            return decode_base64(value["b64"])
        except ValueError:
            raise ServingError(
                "INVALID_ARGUMENT", f"'{name}' has a b64 value that is not base64"
            ) from None
    raise ServingError(
        "INVALID_ARGUMENT", f"'{name}' is made of strings or {{\"b64\": ...}} objects"
    )


def decode_base64(text: str) -> bytes:
    """Decodes base64 as absl::Base64Unescape does, which TensorFlow Serving uses.

    The alphabet is the standard one (+ and /). White space may be anywhere. The padding is complete
    or left out; a full stop pads as = does.

    Raises: ValueError if the text is not such base64.
    """
    content = text.encode("ascii").translate(None, _SPACE)
    data = content.rstrip(b"=.")
    missing = -len(data) % 4  # 3: a single character is left, whose six bits make no byte
    if missing == 3 or len(content) - len(data) not in (0, missing):
        raise ValueError("The padding is wrong")
    return base64.b64decode(data + b"=" * missing, validate=True)


def _values(name, array):
    if array.dtype.kind != "O":
        return array.tolist()
    if array.ndim:
        return [_values(name, np.asarray(entry, object)) for entry in array]
    text = array.item()
    return (
        {"b64": base64.b64encode(text).decode()}
        if name.endswith("_bytes")
        else text.decode("utf-8", "replace")
    )
