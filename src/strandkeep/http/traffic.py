"""One request as it is seen from outside: counted, timed, and told once it is over."""

import logging
import time
from collections.abc import MutableMapping
from functools import cache
from typing import Any

from prometheus_client import Counter, Histogram

from strandkeep import metrics
from strandkeep.http.messages import Receive, Send

_log = logging.getLogger("strandkeep.access")


@cache
def _instruments(operation: str, outcome: str) -> tuple[Counter, Histogram]:
    """Looked up once: it takes longer than to count."""
    return metrics.REQUESTS.labels(operation, outcome), metrics.REQUEST_SECONDS.labels(operation)


class Traffic:
    """Stands between the server and whoever answers a request. `outcome` is "ok", the error, or "Disconnected"."""

    def __init__(self, receive: Receive, send: Send, *, has_body: bool) -> None:
        self._receive = receive
        self._send = send
        self._body_to_come = has_body
        self._began = time.perf_counter()
        self._status = 0
        self._received = 0
        self._sent = 0
        self.outcome = "Disconnected"
        metrics.IN_FLIGHT.inc()

    async def receive(self) -> MutableMapping[str, Any]:
        """As ASGI's, counted."""
        message = await self._receive()
        self._received += len(message.get("body", b""))
        self._body_to_come = message.get("more_body", False)
        return message

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """As ASGI's, counted."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self.outcome = dict(message["headers"]).get(b"x-amzn-ErrorType", b"ok").decode()
            if self._body_to_come:
                # The connection ends with this answer; a client that is not told sends its next request into nothing.
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await self._send(message)
        self._sent += len(message.get("body", b""))

    def tell(self, operation: str, account: str) -> None:
        """Bring a request that is over into the metrics and the log; `operation` is one of the models' or Unknown."""
        seconds = time.perf_counter() - self._began
        metrics.IN_FLIGHT.dec()
        calls, durations = _instruments(operation, self.outcome)
        calls.inc()
        durations.observe(seconds)
        metrics.RECEIVED.inc(self._received)
        metrics.SENT.inc(self._sent)
        if _log.isEnabledFor(logging.INFO):
            facts = {
                "operation": operation,
                "status": self._status,
                "outcome": self.outcome,
                "account": account,
                "received": self._received,
                "sent": self._sent,
                "ms": round(seconds * 1000, 3),
            }
            _log.info("%s %s", operation, self.outcome, extra={"facts": facts})
