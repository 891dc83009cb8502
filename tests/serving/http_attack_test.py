"""A server process under attack over HTTP: other web sites, bodies, JSON, pictures, paths."""

import concurrent.futures
import contextlib
import json
import socket
import struct
import time
import zlib

import pytest
from serving.calls import b64, gif, png, rest, small_pair

PHOTO, MASK = small_pair()
INPUTS = {"image_bytes": [b64(png(PHOTO))], "mask_bytes": [b64(png(MASK))]}
GOOD = json.dumps({"inputs": INPUTS}).encode()
PREDICT = "/v1/models/small:predict"

pytestmark = pytest.mark.usefixtures("goes_on")


def exchange(port, data, wait=30.0):
    """Sends bytes and returns what comes back until the other side closes or `wait` is over."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as one:
        with contextlib.suppress(OSError):
            one.sendall(data)
            while part := one.recv(65536):
                answer += part
    return answer


def post(attacked, body=GOOD, path=PREDICT, **headers):
    """The status of a POST with these headers alone (_ for -), written by hand."""
    lines = {"Host": f"127.0.0.1:{attacked.port}", "Content-Length": len(body), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    request = f"POST {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode() + body
    answer = exchange(attacked.port, request)
    return int(answer.split(b" ", 2)[1]) if answer else None


# --------------------------------------------------------------------------------- other web sites

FORM = "application/x-www-form-urlencoded"
BROWSER = {"User_Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:60.0) Gecko/20100101 Firefox/60.0"}


OTHER_SITES = [
    {"Origin": "http://evil.example", "Content_Type": "text/plain"},
    {"Origin": "http://evil.example", "Content_Type": FORM},
    {"Origin": "http://evil.example", "Content_Type": "multipart/form-data; boundary=a"},
    {"Origin": "http://evil.example", "Content_Type": "application/json"},
    {"Origin": "null", "Content_Type": "text/plain"},
    {"Origin": "", "Content_Type": "text/plain"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://[::1"},
    {"Referer": "http://evil.example/page"},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},  # a form that is sent
    {**BROWSER, "Content_Type": "text/plain;charset=UTF-8"},
    {**BROWSER, "Content_Type": FORM},
    {**BROWSER, "Content_Type": "Multipart/Form-Data; boundary=a"},
    BROWSER,
    {"Host": "evil.example"},
    {"Host": "evil.example:8501", "Origin": "http://evil.example:8501"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example"},
    {"Host": "evil.example@127.0.0.1.nip.io"},
    {"Host": "0x7f.1"},
    {"Host": ""},
    {"Host": "[::1"},
]


def test_what_other_web_sites_send_is_refused(attacked):
    for headers in OTHER_SITES:
        assert post(attacked, **headers) == 403, headers


PROGRAMS = [
    {},
    {"User_Agent": "curl/8.5.0", "Content_Type": FORM, "Accept": "*/*"},
    {"User_Agent": "python-requests/2.32", "Content_Type": "application/json"},
    {"User_Agent": "Python-urllib/3.11", "Content_Type": FORM},
    {"Content_Type": "text/plain"},
    {"Host": "localhost"},
    {"Host": "LOCALHOST:8501"},
    {"Host": "paris.localhost"},
    {"Host": "192.168.1.7:8501"},
    {"Host": "[::1]:8501"},
    {"Host": "[fe80::1%25eth0]:8501"},
    {"Host": socket.gethostname()},
    {
        **BROWSER,
        "Host": "localhost:8501",
        "Origin": "http://localhost:8501",
        "Sec_Fetch_Site": "same-origin",
        "Content_Type": "application/json",
    },
]


def test_programs_and_the_page_itself_are_answered(attacked):
    for headers in PROGRAMS:
        assert post(attacked, **headers) == 200, headers


def test_a_link_to_the_page_may_be_followed(attacked):
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert rest(f"{attacked.url}/v1/models/small", headers=link)[0] == 200
    link["Sec-Fetch-Mode"] = "no-cors"
    assert rest(f"{attacked.url}/v1/models/small", headers=link)[0] == 403


def test_nobody_is_allowed_by_cors(attacked):
    request = (
        f"OPTIONS {PREDICT} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\n"
        "Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
    )
    answer = exchange(attacked.port, request.encode())
    assert answer.startswith(b"HTTP/1.1 403 ") and b"access-control" not in answer.lower()


# ------------------------------------------------------------------------------------------- bodies


@pytest.mark.parametrize("depth", [1000, 100_000, 10_000_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_json(attacked, depth, opening):
    for body in (opening * depth, '{"inputs": ' + opening * depth):
        status, answer = rest(attacked.url + PREDICT, body.encode())
        assert status == 400 and set(answer) == {"error"}


SLOW = [pytest.param(item, marks=pytest.mark.slow) for item in ("{}", "0", '"ab"', "{},[]")]


@pytest.mark.parametrize("item", ["[]", *SLOW])
def test_json_of_many_values(attacked, item):
    attacked.forget_most()
    before = attacked.most_megabytes()
    body = b'{"inputs": [' + ",".join([item] * 2**24).encode() + b"]}"
    status, answer = rest(attacked.url + PREDICT, body)
    assert status == 400 and "values" in answer["error"]
    assert attacked.most_megabytes() < before + 4 * len(body) / 2**20 + 50


WRONG = [None, True, 1, 1.5, "a", [], [[]], {}, {"b64": 1}, {"b64": None}, {"b64": [], "a": 1}]


@pytest.mark.parametrize("value", WRONG, ids=json.dumps)
def test_values_of_wrong_types(attacked, value):
    bodies = [value, {"inputs": value}, {"instances": value}, {"instances": [value]}]
    bodies += [{"inputs": {**INPUTS, "image_bytes": one}} for one in (value, [value], [[value]])]
    bodies += [{"signature_name": value, "inputs": INPUTS}] * (value not in ("a",))
    bodies += [{"signature_name": "tensors", "inputs": {"image": value, "mask": value}}]
    for body in bodies:
        status, answer = rest(attacked.url + PREDICT, body)
        assert status == 400 and set(answer) == {"error"}, body


@pytest.mark.slow
def test_a_body_that_says_it_is_too_large(attacked):
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {2**40}\r\n\r\n"
    answer = exchange(attacked.port, head.encode() + bytes(2**28 + 1))
    assert answer.startswith(b"HTTP/1.1 429 ") and b"at most 256 MB" in answer


@pytest.mark.slow
def test_twelve_bombs_of_gzip(attacked):
    """256 MB each when unpacked: they share one budget."""
    bomb = zlib.compressobj(9, wbits=31)
    body = b"".join(bomb.compress(bytes(2**20)) for _ in range(255)) + bomb.flush()
    attacked.forget_most()
    before = attacked.most_megabytes()
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        statuses = list(
            pool.map(lambda _: post(attacked, body, Content_Encoding="gzip"), range(12))
        )
    # None: the answer was lost, as the rest of the body was on its way
    assert set(statuses) <= {400, 503, None} and 503 in statuses
    assert attacked.most_megabytes() < before + 1800


# ----------------------------------------------------------------------------------------- pictures


def png_header(width, height):
    """A PNG file that says it has this size, and little more."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*one) for one in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    )


@pytest.mark.parametrize(
    "content",
    [
        png_header(2**14, 2**14),
        png_header(2**31 - 1, 2**31 - 1),
        b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03" + bytes(40),
        b"BM" + struct.pack("<IHHIIiiHHI", 70, 0, 0, 54, 40, 20000, -20000, 1, 24, 0) + bytes(60),
        gif(1, 20000),
        gif(3000, 2000),
    ],
    ids=["png", "largest png", "jpeg", "bmp", "gif", "gif of many"],
)
@pytest.mark.parametrize("name", ["image_bytes", "mask_bytes"])
def test_a_small_file_of_a_large_picture(attacked, content, name):
    attacked.forget_most()
    before = attacked.most_megabytes()
    start = time.monotonic()
    status, answer = rest(attacked.url + PREDICT, {"inputs": {**INPUTS, name: [b64(content)]}})
    assert status == 400 and f"{name}: a photograph of " in answer["error"]
    assert time.monotonic() - start < 20 and attacked.most_megabytes() < before + 50


# -------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/v1/models/../../../../etc/passwd",
        "/v1/models/..",
        "/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/v1/models/small/versions/../../../../etc",
        "/v1/models/small/versions/99999999999999999999999999",
        "/v1/models/small/versions/" + 5000 * "9",
        "/v1/models/small%00",
        "/v1/models/small\\..\\..",
        "//evil.example/v1/models/small",
        "/" + "a" * 60_000,
        "/" + "%41" * 60_000,
    ],
    ids=lambda path: path[:40],
)
def test_paths_out_of_the_models(attacked, path):
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = exchange(attacked.port, head.encode())
    assert answer.split(b" ", 2)[1] in (b"400", b"404") and b"root:" not in answer
    assert len(answer) < 2000


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/models/small HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nz",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 100_000,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
    ids=lambda data: str(data[:24]),
)
def test_what_is_no_request(attacked, data):
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: exchange(attacked.port, data, wait=0.5), range(3)))
    for answer in answers:
        assert b" 200 " not in answer[:20] and b" 500 " not in answer[:20]
