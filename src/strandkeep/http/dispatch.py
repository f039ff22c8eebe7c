"""From a request to its operation and back: identify, parse, authorise, run, answer, record."""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from strandkeep import logs
from strandkeep.access.audit import ALLOWED, DENIED, Audit, Call
from strandkeep.access.authorise import authorise
from strandkeep.domain.context import RequestContext
from strandkeep.errors import (
    ApiError,
    InternalServerException,
    NotSupportedOperationException,
    UnknownOperationException,
)
from strandkeep.house import House
from strandkeep.http.authentication import Authenticator, Claimant
from strandkeep.http.inflow import Inflow
from strandkeep.http.messages import (
    Answer,
    Disconnected,
    Head,
    Receive,
    Scope,
    Send,
    body_chunks,
    check_framing,
    check_small,
    error_answer,
    read_head,
    send_answer,
    stream_answer,
)
from strandkeep.http.throttle import Throttle
from strandkeep.http.traffic import Traffic
from strandkeep.operations.registry import OPERATIONS
from strandkeep.operations.streams import Incoming, Outgoing
from strandkeep.protocol.operation import Operation
from strandkeep.protocol.service import Service

_log = logging.getLogger(__name__)

_BYTES = "application/octet-stream"

#: Bytes of a body from which on it is read by a thread.
_LARGE = 64 * 1024

_SIGN_OTHERWISE = " without x-amz-content-sha256: send that header, with UNSIGNED-PAYLOAD or the body's SHA-256"


@dataclass
class _Exchange:
    """One request on its way through the edge, and what is known of it for the audit trail."""

    head: Head
    receive: Receive
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    operation: Operation | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    unknown: UnknownOperationException | None = None
    claimant: Claimant | None = None
    proved: bool = False
    resource: str = "*"
    decision: str = DENIED
    changes: bool = False

    @property
    def changed(self) -> bool:
        """Whether it was allowed to change something: then its record comes before its answer."""
        return self.changes and self.decision == ALLOWED

    def context(self) -> RequestContext:
        """The caller as operations see it; empty as far as it is not known, or not proved."""
        key = self.claimant.key if self.claimant else None
        return RequestContext(
            account=key.account if key else "",
            principal=key.principal if key and self.proved else "",
            access_key_id=key.id if key else "",
            source_address=self.head.source_address,
            request_id=self.request_id,
        )

    def call(self, outcome: str, size: int) -> Call:
        """The record of this request."""
        action = self.operation.action if self.operation else "omics:Unknown"
        return Call(self.context(), action, self.resource, self.decision, outcome, size)


class Dispatcher:
    """Answers API requests."""

    def __init__(
        self, house: House, service: Service, authenticator: Authenticator, throttle: Throttle, audit: Audit
    ) -> None:
        self._house = house
        self._service = service
        self._authenticator = authenticator
        self._throttle = throttle
        self._inflow = Inflow()
        self._large = asyncio.Lock()
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever it is."""
        head = read_head(scope)
        traffic = Traffic(receive, send, has_body=head.has_body)
        exchange = _Exchange(head, traffic.receive)
        with logs.about(request_id=exchange.request_id):
            try:
                await self._serve(exchange, traffic.send)
            except Exception:
                traffic.outcome = InternalServerException.code
                raise
            finally:
                call = exchange.call(traffic.outcome, 0)
                traffic.tell(call.action, call.context.account)

    async def _serve(self, exchange: _Exchange, send: Send) -> None:
        try:
            answer, outcome = await self._answer(exchange)
        except Disconnected:
            self._audit.note(exchange.call(Disconnected.__name__, 0))
            return
        if exchange.changed:
            answer = await self._recorded(exchange, answer, outcome)
            await send_answer(answer, exchange.request_id, send)
        else:
            await self._send_and_note(exchange, answer, outcome, send)

    async def _answer(self, exchange: _Exchange) -> tuple[Answer, str]:
        """The answer to a request, and its outcome: "ok" or the error's code."""
        try:
            return await self._perform(exchange), "ok"
        except Disconnected:
            raise
        except ApiError as error:
            return error_answer(error), error.code
        except Exception:
            return _failure(exchange), InternalServerException.code

    async def _recorded(self, exchange: _Exchange, answer: Answer, outcome: str) -> Answer:
        """The answer to a change once its record is durable; without a record there is none but an error."""
        try:
            await self._audit.record(exchange.call(outcome, 0))
        except Exception:
            return _failure(exchange)
        return answer

    async def _send_and_note(self, exchange: _Exchange, answer: Answer, outcome: str, send: Send) -> None:
        try:
            await self._send(exchange, answer, send)
        except Disconnected:
            outcome = Disconnected.__name__
        except Exception:
            _log.exception("the answer to request %s ends short", exchange.request_id)
            outcome = InternalServerException.code
            raise
        finally:
            self._audit.note(exchange.call(outcome, answer.sent))

    async def _send(self, exchange: _Exchange, answer: Answer, send: Send) -> None:
        if answer.chunks is None:
            await send_answer(answer, exchange.request_id, send)
        else:
            stall_s = self._house.settings.stall_s
            await stream_answer(answer, answer.chunks, exchange.request_id, send, exchange.receive, stall_s)

    async def _perform(self, exchange: _Exchange) -> Answer:
        check_framing(exchange.head)
        self._route(exchange)
        incoming, body = await self._authenticate(exchange)
        exchange.proved = True
        if exchange.operation is None:
            exchange.decision = ALLOWED
            raise exchange.unknown or UnknownOperationException("There is no such operation.")
        self._throttle.admit(exchange.context().account, exchange.operation.name)
        exchange.decision = ALLOWED
        request = await self._parse(exchange, exchange.operation, body)
        run = self._authorise(exchange, exchange.operation, request)
        context = exchange.context()
        result = await (
            run(context, self._house, request, incoming) if incoming else run(context, self._house, request)
        )
        return await _as_answer(exchange.operation, result)

    def _route(self, exchange: _Exchange) -> None:
        try:
            exchange.operation, exchange.path = self._service.route(exchange.head.method, exchange.head.raw_path)
        except UnknownOperationException as unknown:
            # Told only to callers who have proved who they are.
            exchange.unknown = unknown

    async def _authenticate(self, exchange: _Exchange) -> tuple[Incoming | None, bytes]:
        """Prove who calls; a body that streams is not read for it, another one is."""
        head, operation = exchange.head, exchange.operation
        stall_s = self._house.settings.stall_s
        claimant = await self._authenticator.identify(head, operation)
        exchange.claimant = claimant
        if operation is not None and operation.streams_in and claimant.form != "hashed":
            check = self._authenticator.check_before_body(claimant)
            return Incoming(head.content_length, body_chunks(head, exchange.receive, stall_s), check), b""
        streams = operation is not None and operation.streams_in
        check_small(head, _SIGN_OTHERWISE if streams else "")
        body = await self._inflow.take(body_chunks(head, exchange.receive, stall_s))
        self._authenticator.check_with_body(claimant, body)
        if streams:
            return Incoming(head.content_length, _once(body), lambda _actual: None), b""
        return None, body

    async def _parse(self, exchange: _Exchange, operation: Operation, body: bytes) -> Mapping[str, Any]:
        head = exchange.head
        if len(body) <= _LARGE:
            return operation.parse(exchange.path, head.raw_query, head.headers, body)
        # Others would notice; one after the other, so that their objects do not add up.
        async with self._large:
            return await asyncio.to_thread(operation.parse, exchange.path, head.raw_query, head.headers, body)

    def _authorise(self, exchange: _Exchange, operation: Operation, request: Mapping[str, Any]) -> Callable[..., Any]:
        installation = self._house.installation
        use = OPERATIONS.get(operation.name)
        if use is not None:
            exchange.resource = use.resource(installation, request)
            exchange.changes = use.changes
        exchange.decision = DENIED
        authorise(exchange.context(), installation, operation.action, exchange.resource)
        exchange.decision = ALLOWED
        if use is None:
            raise NotSupportedOperationException(
                f"{operation.name} is not supported by this version of Strandkeep yet."
            )
        return use.run


def _failure(exchange: _Exchange) -> Answer:
    """The answer to a request on which the server failed; called where the exception is handled."""
    _log.exception("request %s failed", exchange.request_id)
    return error_answer(
        InternalServerException(
            f"The server failed on this request ({exchange.request_id}); it is not the request's fault. "
            "Send it again; if that fails too, the server's log names the reason under this id."
        )
    )


async def _once(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


async def _as_answer(operation: Operation, result: Any) -> Answer:
    if not isinstance(result, Outgoing):
        return Answer(operation.status, operation.serialise(result))
    # The first chunk is had before the status is sent, so that what cannot be read at all is told as an error.
    first = await anext(result.chunks)
    return Answer(operation.status, media_type=_BYTES, chunks=_chain(first, result.chunks), length=result.length)


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
