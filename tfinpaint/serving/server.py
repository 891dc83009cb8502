"""A server of exported models in Python, with TensorFlow Serving's REST and gRPC interfaces.

It runs in this process: for the studio, for tests, and for machines without TensorFlow Serving. It
has TensorFlow Serving's paths, messages, base64 and errors, but is slower under load. It needs the
extra `serve`.

    with Server({"paris": "exported/paris"}) as server:
        print(server.url, server.grpc_address)
"""

import concurrent.futures
import weakref
from typing import Optional, Sequence

import grpc
from starlette.routing import Route

from tfinpaint.serving import grpc_services, receiving, rest
from tfinpaint.serving.limits import LARGEST, Budget
from tfinpaint.serving.listening import Listener, host_in_url
from tfinpaint.serving.servable import Servable
from tfinpaint.serving.versions import Watcher
from tfinpaint.settings import SettingsError

_GRACE = 30  # seconds that a fill which is being computed has when the server ends
_CALLS = 256  # gRPC connections at the same time, and gRPC calls


class Server:
    """Serves models from the moment the object is made; see the module's docstring.

    Args:
        models: {name: path}, each path a version directory or the folder of version directories.
        host: address to listen on; the default answers only this machine.
        port, grpc_port: 0 takes a free one; None leaves REST or gRPC out.
        at_once, waiting: for each model; see `Servable`.
        routes: Starlette routes that share the REST port.
        allowed_hosts: names of the server; see `Listener`.
        watch: seconds between two checks for new versions (versions.py); None: it never checks.

    Attributes: url ("http://HOST:PORT" or None), grpc_address ("HOST:PORT" or None), models
        ({name: Servable}).

    Raises: SettingsError if a model cannot be loaded or a port is taken.
    """

    def __init__(
        self,
        models: dict,
        host: str = "127.0.0.1",
        port: Optional[int] = 8501,
        grpc_port: Optional[int] = 8500,
        at_once: int = 2,
        waiting: int = 64,
        routes: Sequence[Route] = (),
        allowed_hosts: Sequence[str] = (),
        watch: Optional[float] = None,
    ):
        # What was loaded here, to end it. Weak, so that old versions can be unloaded.
        self._loaded: weakref.WeakSet = weakref.WeakSet()

        def load(name: str, path: str) -> Servable:
            model = Servable(name, path, at_once, waiting)
            self._loaded.add(model)
            return model

        self.models = {name: load(name, path) for name, path in models.items()}
        self.url = self.grpc_address = None
        self._host, self._allowed_hosts = host, allowed_hosts
        self._budget = Budget()
        # A thread for each request that may be computed or wait, and 8 for requests that are about
        # to be turned away.
        places = (at_once + waiting) * max(len(models), 1)
        self._workers = concurrent.futures.ThreadPoolExecutor(places + 8)
        self._rest = self._grpc = self._watcher = None
        try:
            if port is not None:
                self._start_rest(port, routes)
            if grpc_port is not None:
                self._start_grpc(grpc_port)
            if watch is not None:
                self._watcher = Watcher(self.models, models, load, watch)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Answers the requests that are being computed, which it waits for up to 30 seconds.

        Those that wait for their turn are answered UNAVAILABLE.
        """
        if self._watcher:
            self._watcher.stop()
        for model in list(self._loaded):
            model.end(_GRACE)
        if self._grpc:
            self._grpc.stop(grace=5).wait()
        if self._rest:
            self._rest.stop()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *error):
        self.stop()

    def _start_rest(self, port, routes):
        self._rest = Listener(
            rest.application(self.models, LARGEST, self._workers, routes),
            self._host,
            port,
            self._allowed_hosts,
            self._budget,
        )
        self.url = self._rest.url

    def _start_grpc(self, port):
        self._grpc = grpc.server(
            # Threads of its own, so that calls that wait for their messages do not block REST.
            concurrent.futures.ThreadPoolExecutor(_CALLS),
            interceptors=[receiving.Interceptor(self._budget)],
            options=[
                ("grpc.max_receive_message_length", LARGEST),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
                ("grpc.max_concurrent_streams", _CALLS),
                ("grpc.max_allowed_incoming_connections", _CALLS),
                ("grpc.server_handshake_timeout_ms", 10_000),
                ("grpc.max_connection_idle_ms", 300_000),
            ],
            maximum_concurrent_rpcs=_CALLS,
        )
        grpc_services.add_to(self._grpc, self.models, self._budget)
        try:
            bound = self._grpc.add_insecure_port(f"{host_in_url(self._host)}:{port}")
        except RuntimeError:
            bound = 0
        if not bound:
            self._grpc = None
            raise SettingsError(
                f"`grpc_port={port}` on {self._host} cannot be opened (is it taken?): choose "
                "another"
            )
        self._grpc.start()
        self.grpc_address = f"{host_in_url(self._host)}:{bound}"
