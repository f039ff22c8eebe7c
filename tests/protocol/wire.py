"""A real boto3 client whose requests are caught, signed, just before they would be sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from strandkeep.protocol.sigv4 import SignedRequest
from tests.sdk import sdk

ACCESS_KEY_ID = "AKIDEXAMPLE000000000"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "eu-central-1"


@dataclass(frozen=True)
class Sent:
    """A request as a server gets it."""

    request: SignedRequest
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.request.headers)


class Wire:
    """`wire.client` sends nothing: what it would send is `wire.sent`, and `wire.answer` is what it reads."""

    def __init__(self, service: str = "omics", **credentials: str) -> None:
        self.sent: Sent
        self.answer: tuple[int, bytes] = (200, b"{}")
        self.client: Any = sdk().client(
            service,
            region_name=REGION,
            endpoint_url="http://127.0.0.1:8000",
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET,
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
            **credentials,
        )
        self.client.meta.events.register(f"before-send.{service}", self._catch)

    def call(self, function: str, params: dict[str, Any]) -> Sent:
        """What the client sends for this call."""
        getattr(self.client, function)(**params)
        return self.sent

    def _catch(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        self.sent = sent_of(request)
        status, body = self.answer
        return AWSResponse(request.url, status, {"Content-Length": str(len(body))}, _Raw(body))


def sent_of(request: AWSPreparedRequest) -> Sent:
    url = urlsplit(request.url)
    headers = [("host", url.netloc)]
    headers += [
        (name.lower(), value.decode("latin-1") if isinstance(value, bytes) else str(value))
        for name, value in request.headers.items()
    ]
    body = request.body or b""
    if not isinstance(body, bytes):
        body = body.encode() if isinstance(body, str) else body.read()
    return Sent(SignedRequest(request.method, url.path, url.query, headers), body)


class _Raw:
    """What botocore needs of a urllib3 response."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._body

    def read(self, *_: Any, **__: Any) -> bytes:
        body, self._body = self._body, b""
        return body
