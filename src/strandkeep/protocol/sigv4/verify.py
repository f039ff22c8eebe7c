"""Whether a claim is true: its time, the form of its payload, and the signature itself."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from strandkeep.errors import InvalidSignatureException, RequestExpired, RequestTimeTooSkewed
from strandkeep.protocol.problems import shown
from strandkeep.protocol.sigv4.canonical import canonical_request
from strandkeep.protocol.sigv4.claim import ALGORITHM, Claim, SignedRequest

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
"""Stands in the place of the payload's digest when the signature does not cover the payload."""

_LARGEST_SKEW = timedelta(minutes=15)
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SigningKeys:
    """Signing keys by secret and scope, derived once each; safe to share between threads."""

    def __init__(self, size: int = 1024) -> None:
        self._derived = lru_cache(maxsize=size)(_derive)

    def get(self, claim: Claim, secret: str) -> bytes:
        """The key (32 bytes) that this secret gives for the claim's day, Region and service."""
        return self._derived(secret, claim.date, claim.region, claim.service)


def check_time(claim: Claim, now: datetime) -> None:
    """Refuses a claim that is not of now (aware); the skew allowed is 15 minutes either way.

    Raises RequestTimeTooSkewed with both times, RequestExpired for a presigned request after its time,
    and InvalidSignatureException when the day of the credential scope is not that of the signature.
    """
    signed_at = claim.signed_at
    if claim.date != f"{signed_at:%Y%m%d}":
        raise InvalidSignatureException(
            f"The credential scope is of {claim.date}, but the request was signed at {signed_at:%Y%m%dT%H%M%SZ}."
        )
    too_old = claim.expires_s is None and now - signed_at > _LARGEST_SKEW
    if too_old or signed_at - now > _LARGEST_SKEW:
        raise RequestTimeTooSkewed(
            f"The request was signed at {signed_at:%Y-%m-%dT%H:%M:%SZ}, and the time here is "
            f"{now:%Y-%m-%dT%H:%M:%SZ}: more than 15 minutes apart. Set the clock that is wrong."
        )
    if claim.expires_s is not None and now - signed_at > timedelta(seconds=claim.expires_s):
        raise RequestExpired(
            f"This presigned request was signed at {signed_at:%Y-%m-%dT%H:%M:%SZ} for {claim.expires_s} s, "
            f"and the time here is {now:%Y-%m-%dT%H:%M:%SZ}. Ask for a new one."
        )


def payload_form(claim: Claim, *, unsigned_allowed: bool) -> Literal["unsigned", "declared", "hashed"]:
    """What stands for the body in the canonical request.

    "unsigned": the word UNSIGNED-PAYLOAD. "declared": the claim's declared_payload, to be compared with
    the body's SHA-256. "hashed": the SHA-256 of the body, which the caller computes. `unsigned_allowed`
    says whether the operation lets the signature leave the body out; a presigned request of S3 always
    does. Raises InvalidSignatureException for any other word, which names what is accepted.
    """
    declared = claim.declared_payload
    if declared is None:
        return "unsigned" if claim.presigned and claim.service == "s3" else "hashed"
    if _SHA256.fullmatch(declared):
        return "declared"
    if declared == UNSIGNED_PAYLOAD and unsigned_allowed:
        return "unsigned"
    also = f" or {UNSIGNED_PAYLOAD}" if unsigned_allowed else ""
    raise InvalidSignatureException(
        f"x-amz-content-sha256 is {shown(declared)}; this operation accepts the body's SHA-256 "
        f"in 64 lower-case hex digits{also}."
    )


def check_signature(claim: Claim, request: SignedRequest, payload_sha256: str, signing_key: bytes) -> None:
    """Refuses a request that the holder of the key did not sign as it came.

    `payload_sha256` is hex or UNSIGNED_PAYLOAD, see payload_form(). Raises InvalidSignatureException.
    """
    canonical = canonical_request(claim, request, payload_sha256).encode("utf-8", "backslashreplace")
    digest = hashlib.sha256(canonical).hexdigest()
    to_sign = f"{ALGORITHM}\n{claim.signed_at:%Y%m%dT%H%M%SZ}\n{claim.scope}\n{digest}"
    if not hmac.compare_digest(_hmac(signing_key, to_sign).hex(), claim.signature):
        raise InvalidSignatureException(
            f"The signature is not the one that the secret of {claim.access_key_id} gives for this request. "
            f"Check the secret, the Region ({claim.region}) and the service ({claim.service}), and that no "
            f"proxy changes the method, path, query, body or the headers {', '.join(claim.signed_headers)}."
        )


def _derive(secret: str, date: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for step in (date, region, service, "aws4_request"):
        key = _hmac(key, step)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
