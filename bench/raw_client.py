"""A client that costs next to nothing: raw sockets, requests signed beforehand, bodies dropped in the kernel.

It shares the machine with the server, and what it takes the server lacks.
"""

import selectors
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.server import RunningServer

_END = b"\r\n\r\n"
_PIECE = 1024 * 1024
_UNSIGNED = "UNSIGNED-PAYLOAD"

#: What boto3 sends besides.
_COMPANY = {
    "Accept-Encoding": "identity",
    "User-Agent": "Boto3/1.44 md/Botocore#1.44 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11 cfg/retry-mode#standard",
    "amz-sdk-invocation-id": "7c1e1e0e-6a2b-4f0e-9f6e-6e3d2a1b0c9d",
    "amz-sdk-request": "attempt=1; max=3",
}


class Signer:
    """Signs requests to one server once, to be sent again and again: a signature holds for 15 minutes."""

    def __init__(self, running: RunningServer) -> None:
        environment = running.environment
        credentials = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        self._auth = SigV4Auth(credentials, "omics", environment["AWS_REGION"])
        self._url = running.url

    def get(self, path: str) -> bytes:
        """A whole GET request; `path` with its query."""
        return self._head("GET", path, {}, b"")

    def post(self, path: str, body: bytes) -> bytes:
        """A whole POST request of a JSON body."""
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        return self._head("POST", path, headers, body) + body

    def put_part(self, store: str, upload: str, source: str, number: int, length: int) -> bytes:
        """The head of an UploadReadSetPart; its body stays unsigned, as AWS SDKs send it."""
        path = f"/sequencestore/{store}/upload/{upload}/part?partNumber={number}&partSource={source}"
        return self._head("PUT", path, {"X-Amz-Content-SHA256": _UNSIGNED, "Content-Length": str(length)}, b"")

    def _head(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        given = {"Host": self._url.partition("://")[2], **headers, **_COMPANY}
        request = AWSRequest(method, self._url + path, headers=given, data=body)
        self._auth.add_auth(request)
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
        return "\r\n".join(lines).encode() + _END


@dataclass(frozen=True)
class Reply:
    """An answer's status and its body, or as much of it as came along with its head."""

    status: int
    length: int
    body: bytes


class Connection:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._room = memoryview(bytearray(_PIECE))

    def close(self) -> None:
        """End it."""
        self.socket.close()

    def ask(self, request: bytes, body: Iterable[bytes | memoryview] = ()) -> Reply:
        """Send a request and read its whole answer."""
        self.socket.sendall(request)
        for piece in body:
            self.socket.sendall(piece)
        reply = self.read_head()
        whole = bytearray(reply.body)
        while len(whole) < reply.length:
            whole += self._some()
        return Reply(reply.status, reply.length, bytes(whole))

    def fetch(self, request: bytes) -> int:
        """Send a request, drop its answer's body in the kernel; the number of bytes. RuntimeError unless 2xx."""
        self.socket.sendall(request)
        reply = self.read_head()
        if reply.status // 100 != 2:
            raise RuntimeError(f"status {reply.status}: {reply.body!r}")
        left = reply.length - len(reply.body)
        while left:
            # MSG_TRUNC on TCP takes the bytes off the queue without copying them.
            got = self.socket.recv_into(self._room, min(left, _PIECE), socket.MSG_TRUNC)
            if not got:
                raise RuntimeError(f"the answer ended {left} bytes short")
            left -= got
        return reply.length

    def read_head(self) -> Reply:
        """The head of an answer, with what came of its body."""
        text = bytearray()
        while _END not in text:
            text += self._some()
        head, _, rest = bytes(text).partition(_END)
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Reply(int(status_line.split()[1]), int(headers.get("content-length", "0")), rest)

    def _some(self) -> bytes:
        got = self.socket.recv(64 * 1024)
        if not got:
            raise RuntimeError("the server closed the connection")
        return got


def send_parts(port: int, heads: Sequence[bytes], bodies: Sequence[Sequence[bytes]], clients: int) -> list[Reply]:
    """Send parts over `clients` connections at once; the answers in order. RuntimeError when one is not 2xx."""
    replies: list[Reply | None] = [None] * len(heads)

    def send_every(first: int) -> None:
        with closing(Connection(port)) as connection:
            for place in range(first, len(heads), clients):
                replies[place] = connection.ask(heads[place], bodies[place])

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(send_every, range(clients)))
    refused = [reply for reply in replies if reply is None or reply.status // 100 != 2]
    if refused:
        raise RuntimeError(f"{len(refused)} parts were refused, the first with {refused[0]}")
    return [reply for reply in replies if reply is not None]


def fetch_all(port: int, request: bytes, times: int, clients: int) -> int:
    """Fetch the same over `clients` connections at once, `times` in all; the bytes that came."""

    def fetch_some(_client: int) -> int:
        with closing(Connection(port)) as connection:
            return sum(connection.fetch(request) for _ in range(times // clients))

    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(fetch_some, range(clients)))


def ask_again(port: int, request: bytes, clients: int, seconds: float) -> Iterator[float]:
    """Ask the same small thing over `clients` connections, each as soon as it has its answer; the seconds each took.

    Every answer must be as long as the first, which RuntimeError says otherwise.
    """
    connections = [Connection(port) for _ in range(clients)]
    size = _answer_size(connections[0], request)
    with selectors.DefaultSelector() as ready:
        for connection in connections:
            connection.socket.sendall(request)
            ready.register(connection.socket, selectors.EVENT_READ, [time.perf_counter()])
        end = time.perf_counter() + seconds
        while ready.get_map():
            for key, _ in ready.select():
                answer = key.fileobj.recv(size + 1)  # type: ignore[union-attr]
                now = time.perf_counter()
                if len(answer) != size or not answer.startswith(b"HTTP/1.1 200 "):
                    raise RuntimeError(f"an answer is not like the first: {answer[:200]!r}")
                yield now - key.data[0]
                if now < end:
                    key.data[0] = now
                    key.fileobj.sendall(request)  # type: ignore[union-attr]
                else:
                    ready.unregister(key.fileobj)
    for connection in connections:
        connection.close()


def _answer_size(connection: Connection, request: bytes) -> int:
    """Bytes of an answer, its head included."""
    connection.ask(request)
    connection.socket.sendall(request)
    got = len(connection.socket.recv(64 * 1024))
    time.sleep(0.1)
    connection.socket.setblocking(False)
    try:
        while more := connection.socket.recv(64 * 1024):
            got += len(more)
    except BlockingIOError:
        pass
    connection.socket.setblocking(True)
    return got
