"""How the gRPC server takes requests in: counted, a few at a time, and none that never ends.

gRPC for Python receives a message whole, however long that takes and whatever it holds, before its
method is called. So an interceptor lets each method begin without its message (on the wire, a call
with one message and one with several look the same) and then receives it here:

* At most `AT_ONCE` messages are received at a time. Where calls wait for that, the newest goes
  first, and a call whose message has not arrived within `PATIENCE` seconds is given up for it. So
  calls that never send their message keep nobody away, and gRPC buffers `AT_ONCE` messages at most.
* A message counts against the budget of all requests until it is answered.
* Its fields are counted before it is parsed (wire.py).
* An error that nobody foresaw is INTERNAL, without a traceback in the log for each.
"""

import contextlib
import threading
import time
from typing import Any, Callable, Iterator, List, Optional, Tuple

import grpc

from tfinpaint.serving import wire
from tfinpaint.serving.contract import ServingError, shortened
from tfinpaint.serving.limits import LARGEST, RETRY_AFTER, Budget

AT_ONCE = 8  # messages
PATIENCE = 5.0  # seconds; a slow line is not an attack
LONGEST_WAIT = 30.0  # seconds that a call waits for its turn
_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_PUSHBACK = (("grpc-retry-pushback-ms", str(1000 * RETRY_AFTER)),)


class Interceptor(grpc.ServerInterceptor):
    """See the top of the file. budget: what the messages of all requests take from."""

    def __init__(self, budget: Budget):
        self._budget, self._turns = budget, _Turns()

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: Any
    ) -> Optional[grpc.RpcMethodHandler]:
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        predicts = handler_call_details.method == _PREDICT

        def behaviour(messages, context):
            try:
                with self._budget.holding() as held:
                    data = self._received(messages, context, held)
                    wire.check(data, predicts)
                    request = _parsed(handler.request_deserializer, data)
                    del data
                    return handler.unary_unary(request, context)
            except ServingError as error:
                if error.code == "UNAVAILABLE":
                    context.set_trailing_metadata(_PUSHBACK)
                code, message = error.code, str(error)
            except NotImplementedError:
                code, message = "UNIMPLEMENTED", "The Python server does not have this method"
            except Exception as error:
                if not context.is_active():  # the client has gone, or was given up
                    raise
                code, message = "INTERNAL", shortened(f"{type(error).__name__}: {error}")
            context.abort(getattr(grpc.StatusCode, code), message)

        return grpc.stream_unary_rpc_method_handler(
            behaviour, response_serializer=handler.response_serializer
        )

    def _received(self, messages, context, held):
        with self._turns.turn(context.cancel):
            data = None
            try:
                data = next(messages, None)
            finally:
                if data is None:  # given up, or too large: gRPC may have buffered all of it
                    self._budget.trimmer.freed(LARGEST)
            if data is None:
                raise ServingError("INVALID_ARGUMENT", "A call has one message. Got none")
            held.more(len(data))
        return data


def _parsed(deserialize, data):
    try:
        return deserialize(data)
    except Exception as error:  # protobuf's releases raise classes of their own
        raise ServingError("INVALID_ARGUMENT", f"The message cannot be parsed: {error}") from None


class _Turns:
    """Lets `AT_ONCE` threads receive; see the top of the file."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._receiving: List[Tuple[float, Callable]] = []  # since when, and what gives it up
        self._waiting: List[object] = []

    @contextlib.contextmanager
    def turn(self, give_up: Callable[[], None]) -> Iterator[None]:
        """Waits for a turn, which ends with the context. Raises ServingError UNAVAILABLE."""
        me, end = object(), time.monotonic() + LONGEST_WAIT
        with self._changed:
            self._waiting.append(me)
            try:
                while len(self._receiving) >= AT_ONCE or self._waiting[-1] is not me:
                    if time.monotonic() > end:
                        raise ServingError(
                            "UNAVAILABLE", "The server is busy: too many messages are on their way"
                        )
                    if self._waiting[-1] is me:
                        self._give_up_late()
                    self._changed.wait(0.1)
            finally:
                self._waiting.remove(me)
            turn = time.monotonic(), give_up
            self._receiving.append(turn)
        try:
            yield
        finally:
            with self._changed:
                self._receiving.remove(turn)
                self._changed.notify_all()

    def _give_up_late(self):
        late = time.monotonic() - PATIENCE
        for since, give_up in self._receiving:
            if since < late:
                give_up()
