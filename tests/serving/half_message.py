"""A gRPC call that sends a part of its message and then nothing, which no gRPC client can do.

It speaks HTTP/2 itself, as far as that needs: frames, flow control, headers without compression.

Sources: RFC 9113, sections 4 to 6; RFC 7541, section 6.2.2; gRPC over HTTP/2, "Requests".
"""

import socket
import struct
import time

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_HEADERS, _ACK = 4, 1
_STREAM = 1
_FRAME = 16384  # bytes, which every server takes


def send(one: socket.socket, size: int, sent: int, seconds: float) -> int:
    """Begins a Predict with a message of `size` bytes and sends the first `sent` of them, or what
    the server takes within so many seconds. Returns how many those were."""
    end = time.monotonic() + seconds
    one.settimeout(0.2)
    headers = b"".join(
        b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value
        for name, value in (
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", b"/tensorflow.serving.PredictionService/Predict"),
            (b":authority", b"localhost"),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
        )
    )
    one.sendall(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + _frame(_SETTINGS, 0, 0, b"")
        + _frame(_HEADERS, _END_HEADERS, _STREAM, headers)
    )
    windows, initial, buffer = {0: 65535, _STREAM: 65535}, 65535, b""
    left, first = sent, struct.pack(">BI", 0, size)
    while left > 0 and time.monotonic() < end:
        room = min(windows[0], windows[_STREAM], _FRAME, left)
        if room > 0:
            content = (first + bytes(room))[:room]
            first = b""
            one.settimeout(seconds)
            one.sendall(_frame(_DATA, 0, _STREAM, content))
            one.settimeout(0.2)
            left, windows = left - room, {at: size - room for at, size in windows.items()}
            if min(windows.values()) > _FRAME:
                continue
        try:
            part = one.recv(65536)
        except TimeoutError:
            continue
        if not part:
            break
        buffer += part
        while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3], "big"):
            length, kind, flags = int.from_bytes(buffer[:3], "big"), buffer[3], buffer[4]
            stream = int.from_bytes(buffer[5:9], "big")
            content, buffer = buffer[9 : 9 + length], buffer[9 + length :]
            if kind == _WINDOW_UPDATE and stream in windows:
                windows[stream] += int.from_bytes(content, "big")
            elif kind == _SETTINGS and not flags & _ACK:
                for name, value in struct.iter_unpack(">HI", content):
                    if name == 4:  # INITIAL_WINDOW_SIZE
                        windows[_STREAM] += value - initial
                        initial = value
                one.sendall(_frame(_SETTINGS, _ACK, 0, b""))
            elif kind == _PING and not flags & _ACK:
                one.sendall(_frame(_PING, _ACK, 0, content))
            elif kind in (_RST_STREAM, _GOAWAY):
                return sent - left
    return sent - left


def _frame(kind, flags, stream, content):
    return struct.pack(">I", len(content))[1:] + struct.pack(">BBI", kind, flags, stream) + content
