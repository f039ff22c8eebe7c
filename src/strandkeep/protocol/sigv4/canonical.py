"""The canonical form of a request: the text whose digest is signed."""

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote_to_bytes

from strandkeep.errors import InvalidSignatureException
from strandkeep.protocol.percent import wire_bytes
from strandkeep.protocol.sigv4.claim import Claim, SignedRequest

_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")
_SINGLE_ENCODING = frozenset({"s3"})


def canonical_request(claim: Claim, request: SignedRequest, payload_sha256: str) -> str:
    """The canonical request of the claim; `payload_sha256` is hex, or the word that stands for no digest.

    Raises InvalidSignatureException when a signed header is absent.
    """
    return "\n".join(
        (
            request.method,
            _path(request.raw_path, single=claim.service in _SINGLE_ENCODING),
            _query(request.raw_query),
            *_headers(request.headers, claim.signed_headers),
            "",
            ";".join(claim.signed_headers),
            payload_sha256,
        )
    )


def _path(raw_path: str, *, single: bool) -> str:
    """The path encoded once more, as every service but S3 signs it; dots and slashes stay as they came."""
    if single:
        return "/".join(map(_encoded_once, raw_path.split("/"))) or "/"
    return quote(wire_bytes(raw_path), safe="/~") or "/"


def _query(raw_query: str) -> str:
    """Every pair of the query but the signature itself, encoded one way and sorted."""
    pairs = []
    for piece in filter(None, raw_query.split("&")):
        key, _, value = piece.partition("=")
        if key != "X-Amz-Signature":
            pairs.append((_encoded_once(key), _encoded_once(value)))
    return "&".join(f"{key}={value}" for key, value in sorted(pairs))


def _headers(headers: Sequence[tuple[str, str]], signed: Sequence[str]) -> list[str]:
    values: dict[str, list[str]] = {name: [] for name in signed}
    for name, value in headers:
        if name in values:
            values[name].append(" ".join(value.split()))
    absent = [name for name in signed if not values[name]]
    if absent:
        raise InvalidSignatureException(
            f"The signature covers the header {absent[0]}, which did not arrive: did a proxy remove it?"
        )
    return [f"{name}:{','.join(values[name])}" for name in signed]


def _encoded_once(text: str) -> str:
    return text if _UNRESERVED.fullmatch(text) else quote(unquote_to_bytes(wire_bytes(text)), safe="-_.~")
