"""A Starlette application that listens on a port, in a thread of this process.

It loads no TensorFlow. It needs the extra `serve`.
"""

import asyncio
import socket
import threading
import time
from typing import Collection, Optional

import uvicorn
from starlette.applications import Starlette

from tfinpaint.serving import connections, origins
from tfinpaint.serving.complaints import Complaints
from tfinpaint.serving.guard import Guard
from tfinpaint.serving.limits import Budget
from tfinpaint.settings import SettingsError


class Listener:
    """Serves an application from the moment the object is made.

    Args:
        application: a Starlette application. A `Guard` checks its requests.
        host: address to listen on.
        port: 0 takes a free one.
        allowed_hosts: names of the server besides addresses, localhost and the name of the machine;
            see origins.py.
        budget: from which the bodies of all requests take their bytes; None: a budget of its own.

    Attributes: url, "http://HOST:PORT".

    Raises: SettingsError if the port is taken or the address is not one of this machine's.
    """

    def __init__(
        self,
        application: Starlette,
        host: str,
        port: int,
        allowed_hosts: Collection[str] = (),
        budget: Optional[Budget] = None,
    ):
        listener = bound_socket(host, port)
        self._complaints = Complaints()
        guard = Guard(
            application,
            origins.own_names(host, allowed_hosts),
            budget or Budget(),
            self._complaints,
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                guard,
                # uvicorn would log single requests: somebody who sends many would fill the disk.
                log_level="critical",
                timeout_graceful_shutdown=5,
                http=connections.Connection,
                ws="none",
                loop="asyncio",
                lifespan="off",
                backlog=connections.BACKLOG,
            )
        )
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener)), daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        self.url = f"http://{host_in_url(host)}:{listener.getsockname()[1]}"

    async def _serve(self, listener):
        asyncio.get_running_loop().set_exception_handler(self._complaints)
        await self._server.serve(sockets=[listener])

    def stop(self) -> None:
        """Answers the requests that have begun, then ends."""
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *error):
        self.stop()


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens at this address. Raises SettingsError if it cannot be opened."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(connections.BACKLOG)  # until then, a second server could bind too
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"`port={port}` on {host} cannot be opened ({error.strerror}): choose another"
        ) from error
    return listener


def host_in_url(host: str) -> str:
    """A host as it is written in URLs: an IPv6 address is in brackets."""
    return f"[{host}]" if ":" in host else host
