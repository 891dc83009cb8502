"""Receives the messages of gRPC requests within the budget, a few at a time, with a time limit.

gRPC for Python receives a whole message before it calls the method, however long that takes and
whatever the message holds. So an interceptor lets each method begin without its message and then
receives the message here. (On the wire, a call with one message looks like one with several.)

* At most `AT_ONCE` messages are received at a time. If calls wait for their turn, the newest goes
  first, and a call whose message has not arrived within `PATIENCE` seconds is cancelled for it. So
  calls that never send their message keep nobody out, and gRPC buffers at most `AT_ONCE` messages.
* A message counts against the budget of all requests until it is answered.
* Its fields are counted before it is parsed (wire.py).
* An unexpected error becomes INTERNAL, without a traceback in the log.
"""

import contextlib
import threading
import time
from typing import Any, Callable, Iterator, List, Optional, Tuple

import grpc

from tfinpaint.serving import wire
from tfinpaint.serving.contract import ServingError, shortened
from tfinpaint.serving.limits import LARGEST, RETRY_AFTER, Budget

AT_ONCE = 8  # messages that are received at the same time
PATIENCE = 5.0  # seconds for a message while others wait; a slow line is not an attack
LONGEST_WAIT = 30.0  # seconds that a call waits for its turn
_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_PUSHBACK = (("grpc-retry-pushback-ms", str(1000 * RETRY_AFTER)),)


class Interceptor(grpc.ServerInterceptor):
    """The interceptor; see the module's docstring.

    budget: that of all requests, from which messages take their bytes.
    """

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
                if not context.is_active():  # the client has gone, or its call was cancelled
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
                if data is None:  # cancelled, or too large: gRPC may have buffered all of it
                    self._budget.trimmer.freed(LARGEST)
            if data is None:
                raise ServingError("INVALID_ARGUMENT", "A call has one message. Got none")
            held.more(len(data))
        return data


def _parsed(deserialize, data):
    try:
        return deserialize(data)
    except Exception as error:  # the exception's class depends on the release of protobuf
        raise ServingError("INVALID_ARGUMENT", f"The message cannot be parsed: {error}") from None


class _Turns:
    """Lets at most `AT_ONCE` threads receive at a time; see the module's docstring."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._receiving: List[Tuple[float, Callable]] = []  # (since when, how to cancel the call)
        self._waiting: List[object] = []

    @contextlib.contextmanager
    def turn(self, give_up: Callable[[], None]) -> Iterator[None]:
        """Waits for a turn, which ends with the context.

        give_up: cancels this call.

        Raises: ServingError UNAVAILABLE after LONGEST_WAIT seconds.
        """
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
