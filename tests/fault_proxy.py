"""A proxy between a client and an HTTP server, which a test tells what goes wrong, and asks what was sent."""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

_STEP = 64 << 10
_LINGER_NOT = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Fault:
    """What becomes of an answer: all of it passes unless one of these says otherwise.

    `status` is answered in its place; after so many bytes of its body it is reset, ended as if that were all, or
    nothing more comes; `pace` is in bytes a second.
    """

    status: int | None = None
    reset_after: int | None = None
    end_after: int | None = None
    stall_after: int | None = None
    pace: int | None = None

    @property
    def limit(self) -> int | None:
        """Bytes of the body after which something happens."""
        return next((at for at in (self.reset_after, self.end_after, self.stall_after) if at is not None), None)


@dataclass
class Request:
    """A request that came, and the bytes of its answer's body that were passed on."""

    method: str
    path: str
    headers: dict[str, str]
    sent: int = 0

    @property
    def key(self) -> str:
        """The key of the object, where a path is `/bucket/key`."""
        return unquote(self.path.partition("?")[0]).split("/", 2)[-1]


@dataclass
class FaultProxy:
    """A proxy that runs.

    Each request that `concerns` has the next of `faults`, or `always`, which is none at first. The target never sees
    headers whose lower-case names are in `drops`.
    """

    target: str
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    always: Fault = field(default_factory=Fault)
    concerns: Callable[[Request], bool] = lambda _: True
    drops: frozenset[str] = frozenset()
    _server: Any = None
    _connections: set[socket.socket] = field(default_factory=set)
    _lock: Any = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Take connections, on the same port each time."""
        proxy, self._ended = self, threading.Event()

        class Handler(_Handler):
            pass

        Handler.proxy = proxy
        self._server = _Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections, and end those that are open."""
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._connections.clear()

    def of(self, key: str, method: str = "GET") -> list[Request]:
        """The requests for an object, first to last."""
        return [request for request in self.requests if request.key == key and request.method == method]

    def fetched(self, key: str) -> int:
        """Bytes of an object that were passed on, whether once or again."""
        return sum(request.sent for request in self.of(key))

    def begun(self, request: Request) -> Fault:
        """Note a request; what goes wrong with it."""
        with self._lock:
            self.requests.append(request)
            if not self.concerns(request):
                return Fault()
            return self.faults.pop(0) if self.faults else self.always

    def holds(self, connection: socket.socket) -> None:
        """Note a connection."""
        with self._lock:
            self._connections.add(connection)

    def stall(self) -> None:
        """Wait until nobody would wait any longer."""
        self._ended.wait(60)


@contextmanager
def fault_proxy(target: str) -> Iterator[FaultProxy]:
    """A proxy to the server at the URL `target`, up."""
    proxy = FaultProxy(target)
    proxy.up()
    try:
        yield proxy
    finally:
        proxy.down()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultProxy

    def setup(self) -> None:
        super().setup()
        self.proxy.holds(self.connection)

    def pass_on(self) -> None:
        """Ask the target the same, and give its answer back with what goes wrong."""
        request = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
        fault = self.proxy.begun(request)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if fault.status is not None:
            self.send_response(fault.status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        upstream = self._ask(body)
        try:
            self._answer(upstream.getresponse(), request, fault)
        finally:
            upstream.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_CONNECT = pass_on  # noqa: N815 - the names are those of BaseHTTPRequestHandler

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _ask(self, body: bytes) -> http.client.HTTPConnection:
        upstream = http.client.HTTPConnection(urlsplit(self.proxy.target).netloc)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in self.proxy.drops:
                upstream.putheader(name, value)
        upstream.endheaders(body)
        return upstream

    def _answer(self, answer: http.client.HTTPResponse, request: Request, fault: Fault) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        left = fault.limit
        while left != 0 and (piece := answer.read(_STEP if left is None else min(_STEP, left))):
            request.sent += len(piece)
            self.wfile.write(piece)
            left = None if left is None else left - len(piece)
            if fault.pace:
                time.sleep(len(piece) / fault.pace)
        if left == 0:
            self._break(fault)

    def _break(self, fault: Fault) -> None:
        self.close_connection = True
        if fault.stall_after is not None:
            self.proxy.stall()
        if fault.reset_after is not None:
            self._reset()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        for held in (self.rfile, self.wfile, self.connection):
            held.close()
