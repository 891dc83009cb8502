"""A Starlette application that listens on a port, in a thread of this process.

It loads no TensorFlow. It needs the extra `serve`.
"""

import socket
import threading
import time

import uvicorn
from starlette.applications import Starlette

from tfinpaint.settings import SettingsError

LARGEST = 256 * 2**20  # bytes of a request: a photograph of some 100 megapixels, in base64


class Listener:
    """Serves an application from the moment that it is made.

    Args:
        application: of Starlette.
        host: address to listen on.
        port: 0 takes a free one.

    Attributes: url, "http://HOST:PORT".

    Raises: SettingsError if the port is taken or the address is not one of this machine's.
    """

    def __init__(self, application: Starlette, host: str, port: int):
        listener = bound_socket(host, port)
        self._server = uvicorn.Server(
            uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=5)
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        self.url = f"http://{host_in_url(host)}:{listener.getsockname()[1]}"

    def stop(self) -> None:
        """Answers the requests that have begun, then ends."""
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *error):
        self.stop()


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket at this address. Raises SettingsError if it cannot be opened."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"`port={port}` on {host} cannot be opened ({error.strerror}): choose another"
        ) from error
    return listener


def host_in_url(host: str) -> str:
    """A host as URLs write it: an IPv6 address is in brackets."""
    return f"[{host}]" if ":" in host else host
