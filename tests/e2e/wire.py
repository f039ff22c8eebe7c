"""Requests signed by botocore and put on the wire by hand: what no SDK would send."""

import hashlib
import io
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse
from typing import Any

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.sdk import service_of
from tests.server import RunningServer

UNSIGNED = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}


@dataclass(frozen=True)
class Reply:
    """An answer as it came. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> str | None:
        """The name of the exception."""
        return self.headers.get("x-amzn-errortype")

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """What the answer says to a person."""
        return str(self.document["message"])


class Line:
    """One connection, on which the answers come in order."""

    def __init__(self, port: int, timeout: float = 20) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._incoming = _KeptOpen(socket.SocketIO(self.socket, "rb"))

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, content: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(content)

    def reply(self, method: str = "GET") -> Reply:
        """The next answer; ConnectionError when the server closes instead."""
        response = HTTPResponse(self, method=method)  # type: ignore[arg-type]
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read())

    def closed(self) -> bool:
        """Whether the server has closed, or closes, without sending anything more."""
        try:
            return self._incoming.read(1) == b""
        except ConnectionError:
            return True

    def makefile(self, *_: object) -> io.BufferedReader:
        """For HTTPResponse: what was read beyond an answer is kept for the next."""
        return self._incoming


class _KeptOpen(io.BufferedReader):
    def close(self) -> None:
        """An answer that ends is not the end of the connection."""


class Wire:
    """Signs and sends requests to a server, with its root's key unless told otherwise."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.host = f"127.0.0.1:{server.port}"

    def signed(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        age: timedelta = timedelta(0),
        service: str = "",
        key_id: str = "",
        secret: str = "",
    ) -> dict[str, str]:
        """The headers of a request that was signed `age` ago, Host included."""
        environment = self.server.environment
        credentials = Credentials(
            key_id or environment["AWS_ACCESS_KEY_ID"], secret or environment["AWS_SECRET_ACCESS_KEY"]
        )
        request = AWSRequest(
            method, f"http://{self.host}{target}", {"host": self.host, **(headers or {})}, data=body or None
        )
        _SignedBefore(credentials, service or service_of(target), environment["AWS_REGION"], age).add_auth(request)
        return {name.lower(): str(value) for name, value in request.headers.items()}

    def call(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None, **signing: Any
    ) -> Reply:
        """Sign a request, send it, and return the answer."""
        with Line(self.server.port) as line:
            line.send(as_bytes(method, target, self.signed(method, target, body, headers, **signing), body))
            return line.reply(method)

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """Send a request with these headers, and return the answer."""
        with Line(self.server.port) as line:
            line.send(as_bytes(method, target, {"host": self.host, **headers}, body))
            return line.reply(method)


class _SignedBefore(SigV4Auth):
    """botocore's signer with a clock that stands `age` behind."""

    def __init__(self, credentials: Credentials, service: str, region: str, age: timedelta) -> None:
        super().__init__(credentials, service, region)
        self._age = age

    def _modify_request_before_signing(self, request: Any) -> None:
        request.context["timestamp"] = (datetime.now(UTC) - self._age).strftime(SIGV4_TIMESTAMP)
        super()._modify_request_before_signing(request)


def as_bytes(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as it stands on the wire; Content-Length is added unless `headers` frame the body."""
    framed = {"content-length", "transfer-encoding"} & set(headers)
    framing = {} if framed or method in ("HEAD", "OPTIONS") else {"content-length": str(len(body))}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in {**headers, **framing}.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def sha256(content: bytes) -> str:
    """In hex, as x-amz-content-sha256 has it."""
    return hashlib.sha256(content).hexdigest()
