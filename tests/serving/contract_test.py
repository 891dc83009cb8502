"""TensorFlow Serving's REST contract as functions: requests, answers, base64, and what is refused.

Requests and answers have two forms each.
"""

import base64
import json

import numpy as np
import pytest

from tfinpaint.serving import contract
from tfinpaint.serving.contract import ServingError, parse_request, read_inputs, write_outputs

TWO = {"image": np.uint8, "name": object}
NUMBERS, STRINGS, FLOATS = {"image": np.uint8}, {"name": object}, {"x": np.float32}


def refused(form, value, dtypes):
    """The message of an INVALID_ARGUMENT."""
    with pytest.raises(ServingError) as error:
        read_inputs(form, value, dtypes)
    assert error.value.code == "INVALID_ARGUMENT" and error.value.http_status == 400
    return str(error.value)


@pytest.mark.parametrize(
    "code, status",
    [
        ("INVALID_ARGUMENT", 400),
        ("NOT_FOUND", 404),
        ("RESOURCE_EXHAUSTED", 429),
        ("INTERNAL", 500),
        ("UNIMPLEMENTED", 501),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
    ],
)
def test_the_http_status_of_a_code(code, status):
    assert ServingError(code, "").http_status == status and contract.HTTP_STATUS[code] == status


# ------------------------------------------------------------------------------------------ request


def test_a_request_is_taken_apart():
    assert parse_request(b'{"instances": [1, 2]}') == ("", "instances", [1, 2])
    assert parse_request(b'{"signature_name": "tensors", "inputs": {"a": 1}}') == (
        "tensors",
        "inputs",
        {"a": 1},
    )


@pytest.mark.parametrize(
    "body, words",
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"\xef\xbb\xbf", "JSON Parse error"),
        ('{"inputs": 1}'.encode("utf-16"), "JSON Parse error"),
        ('{"inputs": 1}'.encode("utf-16-le"), "JSON Parse error"),
        ('{"inputs": 1}'.encode("utf-32"), "JSON Parse error"),
        (b"\xef\xbb\xbf" * 2 + b'{"inputs": 1}', "JSON Parse error"),
        (b'{"inputs": "a\nb"}', "JSON Parse error"),  # a line break is written as \n in JSON
        (b'{"inputs": 1} x', "JSON Parse error"),
        (b"{", "JSON Parse error"),
        (b"a=1", "JSON Parse error"),
        (b"\xff\xfe\xfd", "JSON Parse error"),
        (b"\x89PNG\r\n", "JSON Parse error"),
        (b'{"inputs": [1}', "JSON Parse error"),
        (b"[" * 100_000, "JSON Parse error"),
        (b"[1]", "JSON object"),
        (b'"inputs"', "JSON object"),
        (b"null", "JSON object"),
        (b"{}", "either 'instances' or 'inputs'"),
        (b'{"inputs": 1, "instances": [1]}', "either 'instances' or 'inputs'"),
        (b'{"Inputs": 1}', "either 'instances' or 'inputs'"),
        (b'{"inputs": 1, "signature_name": 3}', "'signature_name'"),
        (b'{"inputs": 1, "signature_name": null}', "'signature_name'"),
    ],
)
def test_a_body_that_is_no_request(body, words):
    with pytest.raises(ServingError, match=words) as error:
        parse_request(body)
    assert error.value.code == "INVALID_ARGUMENT"


def test_a_byte_order_mark_is_passed_over():
    assert parse_request(b'\xef\xbb\xbf{"inputs": "\xc3\xa4"}') == ("", "inputs", "ä")


def test_the_first_of_two_members_with_one_name_counts():
    assert parse_request(b'{"inputs": 1, "signature_name": "a", "inputs": 2}') == (
        "a",
        "inputs",
        1,
    )


def test_columns_that_the_signature_does_not_have_are_left_aside():
    inputs = read_inputs("inputs", {"image": [1], "name": ["a"], "more": [{}]}, TWO)
    assert set(inputs) == {"image", "name"} and inputs["name"].tolist() == [b"a"]
    assert "Got ['image', 'more', 'name']" in refused(
        "instances", [{"image": 1, "name": "a", "more": {}}], TWO
    )


def test_rows_and_columns_are_the_same_inputs():
    rows = [{"image": [1, 2], "name": "a"}, {"name": "b", "image": [3, 4]}]
    for form, value in (
        ("instances", rows),
        ("inputs", {"image": [[1, 2], [3, 4]], "name": ["a", "b"]}),
    ):
        inputs = read_inputs(form, value, TWO)
        assert inputs["image"].dtype == np.uint8 and inputs["image"].tolist() == [[1, 2], [3, 4]]
        assert inputs["name"].dtype == object and inputs["name"].tolist() == [b"a", b"b"]


@pytest.mark.parametrize(
    "form, value, want",
    [
        ("instances", ["a", "b"], [b"a", b"b"]),
        ("inputs", ["a", "b"], [b"a", b"b"]),
        ("inputs", "a", b"a"),
        ("instances", [{"b64": "YQ=="}], [b"a"]),
        ("inputs", [{"b64": "YQ=="}, "b"], [b"a", b"b"]),
        ("inputs", {"b64": "YQ=="}, b"a"),
        ("instances", [{"name": "a"}], [b"a"]),
        ("instances", [{"name": {"b64": "YQ=="}}], [b"a"]),
        ("inputs", {"name": ["a"]}, [b"a"]),
        ("instances", [["a", "b"], ["c", "d"]], [[b"a", b"b"], [b"c", b"d"]]),
    ],
)
def test_an_only_input_needs_no_name(form, value, want):
    assert read_inputs(form, value, STRINGS)["name"].tolist() == want


def test_an_input_whose_name_is_b64_is_bytes_and_no_input():
    assert read_inputs("inputs", {"b64": "YQ=="}, {"b64": object})["b64"].tolist() == b"a"


@pytest.mark.parametrize(
    "form, value, words",
    [
        ("instances", [[1, 2]], "name them"),
        ("inputs", [1, 2], "name them"),
        ("inputs", {"b64": "YQ=="}, "name them"),
        ("instances", [], "at least one entry"),
        ("instances", {"image": [1]}, "is a list"),
        ("instances", 3, "is a list"),
        ("instances", [{"image": 1, "name": "a"}, {"image": 1}], "the same inputs"),
        ("instances", [{"image": 1}, {"image": 2}], r"\['image', 'name'\]. Got \['image'\]"),
        ("inputs", {"image": [1]}, r"\['image', 'name'\]. Got \['image'\]"),
        ("inputs", {"image": [1], "nam": ["a"]}, r"\['image', 'name'\]. Got \['image'\]"),
        ("inputs", {}, r"Got \[\]"),
    ],
)
def test_inputs_that_are_not_those_of_the_signature(form, value, words):
    with pytest.raises(ServingError, match=words):
        read_inputs(form, value, TWO)


# ------------------------------------------------------------------------------------------ numbers


def test_bytes_of_pixels_keep_their_values():
    array = read_inputs("inputs", [[0, 255], [127, 128]], NUMBERS)["image"]
    assert array.dtype == np.uint8 and array.tolist() == [[0, 255], [127, 128]]


@pytest.mark.parametrize("value", [
    [256], [-1], [[0, 300]], [10**30], [2**63], [-(2**70)], [1.5], [1.0], [[1, 2], [3]], [[1], 2],
    ["1"], [None], [True], [1, True], [float("nan")], [{"b64": "AQ=="}], [{}], "1", None, [[[]]],
    json.loads("[" * 60 + "1" + "]" * 60),
], ids=str)  # fmt: skip
def test_what_is_no_uint8_is_refused(value):
    assert "'image'" in refused("inputs", {"image": value}, NUMBERS)


def test_rows_of_unlike_sizes_are_refused():
    assert "'image'" in refused("instances", [[1, 2], [3]], NUMBERS)


def test_floats_take_whole_numbers_and_what_json_lacks():
    x = read_inputs("inputs", json.loads("[1, 0.1, -2e3, NaN, Infinity, -Infinity]"), FLOATS)["x"]
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, np.float32([1, 0.1, -2000, np.nan, np.inf, -np.inf]))


def test_floats_take_no_strings():
    assert "'x' is an array of numbers of type float32" in refused("inputs", ["1.0"], FLOATS)


# ------------------------------------------------------------------------------------------ strings


@pytest.mark.parametrize(
    "value, want",
    [
        ("Grüße 🖼", "Grüße 🖼".encode()),
        ("", b""),
        ({"b64": ""}, b""),
        ({"b64": "AP/+AA=="}, b"\x00\xff\xfe\x00"),
        ("end\0", b"end\0"),
    ],
)
def test_strings_and_bytes_come_as_they_are(value, want):
    assert read_inputs("inputs", [value], STRINGS)["name"].tolist() == [want]


CONTENT = bytes(range(256)) * 3


@pytest.mark.parametrize("length", range(7))
@pytest.mark.parametrize(
    "write",
    [
        lambda text: text,
        lambda text: text.rstrip("="),
        lambda text: "\n".join(text[i : i + 76] for i in range(0, len(text), 76)) + "\n",
        lambda text: "\r\n".join(text[i : i + 3] for i in range(0, len(text), 3)),
        lambda text: "\t \v\f" + " ".join(text),
        lambda text: text.rstrip("=") + "\n",
        lambda text: text.replace("=", "."),
        lambda text: text.replace("=", " = "),
    ],
    ids=["plain", "no padding", "lines", "CRLF", "spaces", "end", "full stops", "apart"],
)
def test_base64_as_people_write_it(write, length):
    content = CONTENT[-(700 + length) :]
    text = write(base64.b64encode(content).decode())
    assert read_inputs("inputs", [{"b64": text}], STRINGS)["name"].tolist() == [content]
    short = CONTENT[255 : 255 + length]
    assert contract.decode_base64(write(base64.b64encode(short).decode())) == short


def test_bits_that_are_left_over_are_passed_over():
    assert contract.decode_base64("YR==") == contract.decode_base64("YQ") == b"a"


@pytest.mark.parametrize("text", [
    "Y", "YQ=", "YQ===", "YWI==", "YWJj=", "YWJjZ", "=", "==", "YQ==YQ==", "Y=Q=", "YQ.=.",
    "-_-_", "YQ\0=", "\0", "YQ==x", "YQ,", "é", "\u00a0YQ==", "YWJj====", "Y Q = x",
])  # fmt: skip
def test_base64_that_is_refused(text):
    with pytest.raises(ValueError):
        contract.decode_base64(text)
    assert "not base64" in refused("inputs", [{"b64": text}], STRINGS)


@pytest.mark.parametrize("value", [
    {"b64": "###"}, {"b64": "YQ="}, {"b64": "Y"}, {"b64": "é"}, {"b64": 5}, {"b64": None},
    {"b64": ["YQ=="]}, {"b64": "YQ==", "x": 1}, {}, 5, None, True, 1.5,
], ids=str)  # fmt: skip
def test_what_is_neither_a_string_nor_base64_is_refused(value):
    assert "'name'" in refused("inputs", {"name": [value]}, STRINGS)
    assert "'name'" in refused("instances", [{"name": value}], STRINGS)


def test_half_a_character_is_refused():
    signature, form, value = parse_request(rb'{"inputs": ["\ud800"]}')
    assert "'name'" in refused(form, value, STRINGS)


def test_strings_in_lists_of_unlike_sizes_are_refused():
    assert "'name'" in refused("inputs", [["a", "b"], ["c"]], STRINGS)
    assert "'name'" in refused("inputs", [["a"], "b"], STRINGS)


def test_strings_in_too_many_lists_are_refused():
    signature, form, value = parse_request(b'{"inputs": ' + b"[" * 600 + b'"a"' + b"]" * 600 + b"}")
    assert "'name'" in refused(form, value, STRINGS)


# ------------------------------------------------------------------------------------------- answer


def test_an_only_output_has_no_name():
    filled = np.array([[1, 2], [3, 4]], np.uint8)
    assert write_outputs("instances", {"filled": filled}) == {"predictions": [[1, 2], [3, 4]]}
    assert write_outputs("inputs", {"filled": filled}) == {"outputs": [[1, 2], [3, 4]]}


def test_several_outputs_have_names():
    outputs = {"a": np.array([1, 2], np.int32), "b": np.array([[0.5], [1.5]], np.float32)}
    assert write_outputs("instances", outputs) == {
        "predictions": [{"a": 1, "b": [0.5]}, {"a": 2, "b": [1.5]}]
    }
    assert write_outputs("inputs", outputs) == {"outputs": {"a": [1, 2], "b": [[0.5], [1.5]]}}


def test_only_names_that_end_in_bytes_are_base64():
    outputs = {
        name: np.array([b"\xc3\xa4", b"a"], object) for name in ("raw_bytes", "bytes_raw", "text")
    }
    answer = write_outputs("inputs", outputs)["outputs"]
    assert answer["raw_bytes"] == [{"b64": "w6Q="}, {"b64": "YQ=="}]
    assert answer["text"] == answer["bytes_raw"] == ["ä", "a"]


def test_a_string_that_is_no_utf8_still_makes_json():
    answer = write_outputs("inputs", {"text": np.array([b"a\xff"], object)})
    assert json.loads(json.dumps(answer)) == {"outputs": ["a\ufffd"]}


@pytest.mark.parametrize("form, key", [("instances", "predictions"), ("inputs", "outputs")])
def test_what_is_written_is_read_again(form, key):
    rng = np.random.default_rng(0)
    outputs = {
        "image": rng.integers(0, 256, (3, 4, 5), np.uint8),
        "x": rng.standard_normal((3, 2)).astype(np.float32),
        "raw_bytes": np.array([rng.bytes(9) for _ in range(3)], object),
        "text": np.array(["ä".encode(), b"", b"c"], object),
    }
    value = json.loads(json.dumps(write_outputs(form, outputs)))[key]
    inputs = read_inputs(form, value, {name: array.dtype for name, array in outputs.items()})
    for name, array in outputs.items():
        assert inputs[name].dtype == array.dtype
        np.testing.assert_array_equal(inputs[name], array)


def test_base64_is_the_standard_alphabet_with_padding():
    content = bytes(range(256))
    written = write_outputs("inputs", {"raw_bytes": np.array([content], object)})["outputs"][0][
        "b64"
    ]
    assert (
        written == base64.b64encode(content).decode()
        and "+" in written
        and "/" in written
        and written.endswith("=")
    )
