"""What a signed request says of itself: who signed it, when, for what, and which headers it covers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from strandkeep.errors import IncompleteSignatureException, MissingAuthenticationTokenException
from strandkeep.protocol.percent import read_query
from strandkeep.protocol.problems import Invalid, shown

ALGORITHM = "AWS4-HMAC-SHA256"
_LONGEST_LIFE_S = 604_800

_CREDENTIAL = re.compile(r"([!-~]{1,128})/([0-9]{8})/([A-Za-z0-9-]{1,64})/([A-Za-z0-9-]{1,64})/aws4_request")
_SIGNED_HEADERS = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+(?:;[a-z0-9!#$%&'*+.^_`|~-]+)*")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
_EXPIRES = re.compile(r"[0-9]{1,6}")

# What these headers say is acted upon, so whoever signs the headers must have signed them too.
_MUST_BE_SIGNED = ("host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token")
_HEADERS_READ = frozenset({"authorization", *_MUST_BE_SIGNED})


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it came: nothing decoded but Latin-1."""

    method: str
    raw_path: str
    """Undecoded, without the query."""
    raw_query: str
    headers: Sequence[tuple[str, str]]
    """Lower-case names and values, in order, repeated where they were."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the signature says of itself. Nothing of it is true until check_signature() has passed."""

    access_key_id: str
    date: str
    """The day of the credential scope, yyyymmdd."""
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    """64 lower-case hex digits."""
    signed_at: datetime
    """Aware, in UTC."""
    expires_s: int | None
    """How long a presigned request holds, 1 to 604800 s; None when it is not presigned."""
    declared_payload: str | None
    """The x-amz-content-sha256 that the signature covers, if any."""
    session_token: str | None

    @property
    def presigned(self) -> bool:
        """Whether the signature came in the query."""
        return self.expires_s is not None

    @property
    def scope(self) -> str:
        """The credential scope, such as `20260102/us-east-1/omics/aws4_request`."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def read_claim(request: SignedRequest) -> Claim:
    """The claim in the Authorization header or in the query of a presigned request.

    Raises MissingAuthenticationTokenException when there is neither, and IncompleteSignatureException,
    which names the part, when one is missing, repeated or malformed, or when there are both.
    """
    headers = _read_headers(request.headers)
    authorization = headers.get("authorization")
    presigned = "X-Amz-Algorithm=" in request.raw_query or "X-Amz-Signature=" in request.raw_query
    if authorization is not None and presigned:
        raise _incomplete("it is in both the Authorization header and the query; send one of them")
    if authorization is not None:
        return _from_header(headers, authorization)
    if presigned:
        return _from_query(headers, request.raw_query)
    raise MissingAuthenticationTokenException(
        "The request is not signed. Send an Authorization header with AWS Signature Version 4, "
        "as AWS SDKs do when they have an access key."
    )


def _from_header(headers: Mapping[str, str], authorization: str) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    _check_algorithm(algorithm)
    parts = _authorization_parts(rest)
    signed_headers = _signed_headers(_part(parts, "SignedHeaders"))
    for name in _MUST_BE_SIGNED:
        if name in headers and name not in signed_headers:
            raise _incomplete(f"the header {name} is sent, but SignedHeaders lacks it")
    return _claim(
        parts,
        _part(headers, "x-amz-date"),
        signed_headers,
        expires_s=None,
        declared_payload=headers.get("x-amz-content-sha256"),
        session_token=headers.get("x-amz-security-token"),
    )


def _from_query(headers: Mapping[str, str], raw_query: str) -> Claim:
    parts = _query_parts(raw_query)
    _check_algorithm(_part(parts, "X-Amz-Algorithm"))
    signed_headers = _signed_headers(_part(parts, "X-Amz-SignedHeaders"))
    declared = parts.get("X-Amz-Content-Sha256")
    if declared is None and "x-amz-content-sha256" in signed_headers:
        declared = headers.get("x-amz-content-sha256")
    return _claim(
        {name.removeprefix("X-Amz-"): value for name, value in parts.items()},
        _part(parts, "X-Amz-Date"),
        signed_headers,
        expires_s=_expires(_part(parts, "X-Amz-Expires")),
        declared_payload=declared,
        session_token=parts.get("X-Amz-Security-Token"),
    )


def _claim(
    parts: Mapping[str, str],
    date: str,
    signed_headers: tuple[str, ...],
    *,
    expires_s: int | None,
    declared_payload: str | None,
    session_token: str | None,
) -> Claim:
    credential, signature = _part(parts, "Credential"), _part(parts, "Signature")
    scope = _CREDENTIAL.fullmatch(credential)
    if scope is None:
        raise _incomplete(f"Credential is {shown(credential)}, not KEY/yyyymmdd/region/service/aws4_request")
    if not _SIGNATURE.fullmatch(signature):
        raise _incomplete(f"Signature is {shown(signature)}, not 64 lower-case hex digits")
    access_key_id, day, region, service = scope.groups()
    return Claim(
        access_key_id=access_key_id,
        date=day,
        region=region,
        service=service,
        signed_headers=signed_headers,
        signature=signature,
        signed_at=_moment(date),
        expires_s=expires_s,
        declared_payload=declared_payload,
        session_token=session_token,
    )


def _authorization_parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for piece in text.split(","):
        name, _, value = piece.strip().partition("=")
        if name in parts:
            raise _incomplete(f"{shown(name)} is in the Authorization header twice")
        parts[name] = value
    return parts


def _query_parts(raw_query: str) -> dict[str, str]:
    try:
        query = read_query(raw_query)
    except Invalid as invalid:
        raise _incomplete(f"the query cannot be read: {invalid.problems[0][1]}") from None
    parts = {name: values for name, values in query.items() if name.startswith("X-Amz-")}
    for name, values in parts.items():
        if len(values) > 1:
            raise _incomplete(f"{shown(name)} is in the query twice")
    return {name: values[0] for name, values in parts.items()}


def _part(parts: Mapping[str, str], name: str) -> str:
    if not parts.get(name):
        raise _incomplete(f"{name} is missing")
    return parts[name]


def _read_headers(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The headers that a claim is read from; each may come once."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name in _HEADERS_READ:
            if name in found:
                raise _incomplete(f"the header {name} is sent twice")
            found[name] = value.strip()
    return found


def _check_algorithm(algorithm: str) -> None:
    if algorithm != ALGORITHM:
        raise _incomplete(f"the algorithm is {shown(algorithm)}; {ALGORITHM} is what this server checks")


def _signed_headers(text: str) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if not _SIGNED_HEADERS.fullmatch(text) or len(set(names)) < len(names):
        raise _incomplete(f"SignedHeaders is {shown(text)}, not distinct lower-case names between semicolons")
    if "host" not in names:
        raise _incomplete("SignedHeaders lacks host")
    return names


def _moment(text: str) -> datetime:
    match = _DATE.fullmatch(text)
    try:
        year, month, day, hour, minute, second = map(int, match.groups() if match else ())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise _incomplete(f"the date is {shown(text)}, not a moment such as 20260102T030405Z") from None


def _expires(text: str) -> int:
    if not _EXPIRES.fullmatch(text) or not 1 <= int(text) <= _LONGEST_LIFE_S:
        raise _incomplete(f"X-Amz-Expires is {shown(text)}, not 1 to {_LONGEST_LIFE_S} seconds")
    return int(text)


def _incomplete(what: str) -> IncompleteSignatureException:
    return IncompleteSignatureException(f"The signature cannot be read: {what}.")
