"""Requests and answers as the edge sees them, over ASGI."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from strandkeep.errors import ApiError, RequestTimeoutException, ValidationException

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Bytes of the largest body that is not streamed.
MOST_BODY = 8 * 1024 * 1024


#: Bytes per second that a body brings at least, beyond the first moments: one byte now and then is no progress.
_LEAST_RATE = 1024


class Disconnected(Exception):
    """The client went away before its body had come, or before it had the answer."""


@dataclass(frozen=True)
class Head:
    """A request without its body. Header names are lower case; `headers` keeps the last of equal names."""

    method: str
    raw_path: str
    raw_query: str
    header_list: list[tuple[str, str]]
    headers: Mapping[str, str]
    source_address: str

    @property
    def content_length(self) -> int | None:
        """What Content-Length announces; None without one."""
        value = self.headers.get("content-length", "")
        return int(value) if value.isascii() and value.isdigit() else None

    @property
    def has_body(self) -> bool:
        """Whether a body follows, of announced length or not."""
        return bool(self.content_length) or "transfer-encoding" in self.headers


def read_head(scope: Scope) -> Head:
    """The head of an ASGI request."""
    pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    raw_path = scope.get("raw_path") or scope["path"].encode()
    client = scope.get("client")
    return Head(
        method=scope["method"],
        raw_path=raw_path.decode("latin-1").partition("?")[0],
        raw_query=scope["query_string"].decode("latin-1"),
        header_list=pairs,
        headers=dict(pairs),
        source_address=client[0] if client else "",
    )


def check_framing(head: Head) -> None:
    """Refuse a body whose length is not announced: a part that was cut short must be told from a whole one."""
    if "transfer-encoding" in head.headers:
        raise ValidationException(
            "Transfer-Encoding is not accepted: send Content-Length. With boto3, pass bytes or a file that can seek."
        )


async def body_chunks(head: Head, receive: Receive, stall_s: float) -> AsyncIterator[bytes]:
    """The body as it comes, exactly as long as announced.

    RequestTimeoutException when nothing comes for `stall_s` seconds, or hardly anything; Disconnected when the client
    goes away.
    """
    announced, got, more = head.content_length or 0, 0, True
    clock = asyncio.get_running_loop().time
    begun = clock()
    while more:
        try:
            async with asyncio.timeout_at(min(clock(), begun + got / _LEAST_RATE) + stall_s):
                message = await receive()
        except TimeoutError:
            raise RequestTimeoutException(
                f"{got} of {announced} bytes came in {clock() - begun:.0f} s, then none for up to {stall_s:g} s; "
                "nothing was stored. Send it again."
            ) from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk, more = message.get("body", b""), message.get("more_body", False)
        got += len(chunk)
        if chunk:
            yield chunk
    if got != announced:
        raise ValidationException(f"{got} bytes came, but Content-Length announced {announced}; nothing was stored.")


def check_small(head: Head, advice: str = "") -> None:
    """Raise ValidationException, with `advice`, for a body above MOST_BODY."""
    length = head.content_length or 0
    if length > MOST_BODY:
        raise ValidationException(f"The request body has {length} bytes; at most {MOST_BODY} are allowed{advice}.")


@dataclass
class Answer:
    """What is sent back: a whole `body`, or `chunks` that hold `length` bytes together; `sent` counts them."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    chunks: AsyncGenerator[bytes] | None = None
    length: int = 0
    sent: int = 0


def error_answer(error: ApiError) -> Answer:
    """An error as every AWS SDK reads it."""
    headers = {"x-amzn-ErrorType": error.code}
    if error.retry_after_ms is not None:
        headers["x-amz-retry-after"] = str(error.retry_after_ms)
    return Answer(error.status, json.dumps({"message": error.message}).encode(), headers=headers)


async def send_answer(answer: Answer, request_id: str, send: Send) -> None:
    """Send an answer that is whole."""
    await _send_head(answer, len(answer.body), request_id, send)
    await send({"type": "http.response.body", "body": answer.body})


async def stream_answer(
    answer: Answer, chunks: AsyncGenerator[bytes], request_id: str, send: Send, receive: Receive, stall_s: float
) -> None:
    """Send an answer in its chunks. What they raise ends it short, which its Content-Length shows.

    Disconnected when the client goes away meanwhile, or takes nothing more of it for `stall_s` seconds.
    """
    await _send_head(answer, answer.length, request_id, send)
    gone = asyncio.create_task(_disconnection(receive))
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                answer.sent += len(chunk)
                message = {"type": "http.response.body", "body": chunk, "more_body": answer.sent < answer.length}
                async with asyncio.timeout(stall_s):
                    await send(message)
                if gone.done() and answer.sent < answer.length:
                    raise Disconnected
    except TimeoutError:
        raise Disconnected from None
    finally:
        gone.cancel()


async def _send_head(answer: Answer, length: int, request_id: str, send: Send) -> None:
    headers = {"content-length": str(length), "date": formatdate(usegmt=True), "x-amzn-RequestId": request_id}
    if length:
        headers["content-type"] = answer.media_type
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in {**headers, **answer.headers}.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})


async def _disconnection(receive: Receive) -> None:
    """Return when the client goes away: to send to it is no error, and goes on to the end."""
    while (await receive())["type"] != "http.disconnect":
        pass
