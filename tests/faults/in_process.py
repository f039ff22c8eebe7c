"""The edge in this process, called by real boto3: what botocore signs is handed to the ASGI application."""

import asyncio
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from urllib3.response import HTTPResponse

from strandkeep.access.sealing import open_sealer
from strandkeep.app import Server
from strandkeep.catalog import accounts
from strandkeep.house import House
from strandkeep.http.edge import Edge

#: What takes longer hangs.
PATIENCE_S = 30

_CHUNK = 65_536


@dataclass(frozen=True)
class InProcess:
    """A server without what runs by itself: its parts, the application, and the loop that it is called on."""

    server: Server
    edge: Edge
    loop: asyncio.AbstractEventLoop

    @property
    def house(self) -> House:
        """What its operations work with."""
        return self.server.house

    def client(self, attempts: int = 1) -> Any:
        """A boto3 client whose requests go no further than this process."""
        key_id, secret = self._root_key()
        client = boto3.client(
            "omics",
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": attempts, "mode": "standard"}),
            endpoint_url="http://in.process",
            region_name=self.house.installation.region,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
        )
        client.meta.events.register("before-send.omics.*", self._send)
        return client

    def get(self, path: str) -> int:
        """The status of an unsigned GET."""
        return int(self._send(AWSPreparedRequest("GET", f"http://in.process{path}", {}, b"", False)).status_code)

    def _root_key(self) -> tuple[str, str]:
        root = self.house.installation.root_arn()
        row = self.house.catalog.read(lambda reader: accounts.first_access_key(reader, root))
        sealer = open_sealer(self.house.settings.data_dir / "secret.key")
        assert row is not None
        return row.id, sealer.open(row.id, row.secret)

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent = asyncio.run_coroutine_threadsafe(self._call(request), self.loop).result(PATIENCE_S)
        status, headers, body = sent
        raw = HTTPResponse(io.BytesIO(body), headers, status, preload_content=False, enforce_content_length=False)
        return AWSResponse(request.url, status, dict(raw.headers), raw)

    async def _call(self, request: AWSPreparedRequest) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body as far as they were sent: what the application raises ends the connection."""
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        try:
            await self.edge(_scope(request), _receive(_body(request)), send)
        except Exception:
            if not messages:
                raise
        head = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        return messages[0]["status"], head, b"".join(message["body"] for message in messages[1:])


@contextmanager
def serve_in_process(server: Server) -> Iterator[InProcess]:
    """The application, started and stopped as granian would; jobs and sweeps run when a test runs them."""

    async def start() -> Any:
        return server.dispatcher, server.check, server.scrape

    async def stop() -> None:
        await server.audit.flush()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="in-process", daemon=True)
    thread.start()
    edge, ended = Edge(start, stop), asyncio.Event()
    told: list[Any] = []

    async def receive() -> Any:
        if not told:
            return {"type": "lifespan.startup"}
        await ended.wait()
        return {"type": "lifespan.shutdown"}

    async def send(message: Any) -> None:
        told.append(message["type"])

    living = asyncio.run_coroutine_threadsafe(edge({"type": "lifespan"}, receive, send), loop)
    while not told:
        pass
    yield InProcess(server, edge, loop)
    loop.call_soon_threadsafe(ended.set)
    living.result(PATIENCE_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    server.catalog.close()
    server.blobs.close()


def _scope(request: AWSPreparedRequest) -> dict[str, Any]:
    url = urlsplit(request.url)
    pairs = {"host": url.netloc, "content-length": str(len(_body(request)))}
    pairs |= {
        name.lower(): value if isinstance(value, str) else value.decode() for name, value in request.headers.items()
    }
    return {
        "type": "http",
        "method": request.method,
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
        "client": ("127.0.0.1", 1),
    }


def _body(request: AWSPreparedRequest) -> bytes:
    body = request.body or b""
    if hasattr(body, "read"):
        body.seek(0)
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body)


def _receive(body: bytes) -> Any:
    chunks = [body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK)] or [b""]
    messages = iter(
        [{"type": "http.request", "body": chunk, "more_body": n < len(chunks)} for n, chunk in enumerate(chunks, 1)]
    )

    async def receive() -> Any:
        # The client stays until it has its answer.
        return next(messages, None) or await asyncio.get_running_loop().create_future()

    return receive
