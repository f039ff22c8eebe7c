"""Who is calling: the signature of a request, checked before anything else is done with it."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from strandkeep.access.keys import AccessKey, KeyRing
from strandkeep.errors import ContentSHA256Mismatch, InvalidSignatureException, UnrecognizedClientException
from strandkeep.http.messages import Head
from strandkeep.protocol.operation import Operation
from strandkeep.protocol.sigv4 import (
    Claim,
    SignedRequest,
    SigningKeys,
    check_signature,
    check_time,
    payload_form,
    read_claim,
)

_SERVICES = ("omics", "strandkeep")
_UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True)
class Claimant:
    """Who says to be calling, with the key to prove it."""

    claim: Claim
    key: AccessKey
    request: SignedRequest
    form: str


class Authenticator:
    """Checks signatures against the installation's keys."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._signing_keys = SigningKeys()

    async def identify(self, head: Head, operation: Operation | None) -> Claimant:
        """Who claims to call; raises for a claim that cannot be right whatever the body is."""
        request = SignedRequest(head.method, head.raw_path, head.raw_query, head.header_list)
        claim = read_claim(request)
        check_time(claim, datetime.now(UTC))
        services = (operation.service,) if operation else _SERVICES
        if claim.service not in services:
            raise InvalidSignatureException(
                f"Credential should be scoped to the service {services[0]!r}, not {claim.service!r}."
            )
        key = await self._keys.find(claim.access_key_id)
        if key is None:
            raise UnrecognizedClientException(
                f"The access key {claim.access_key_id!r} does not exist here or is not active. "
                "`strandkeep env` prints the keys of this installation's root."
            )
        form = payload_form(claim, unsigned_allowed=operation is not None and operation.unsigned_payload)
        return Claimant(claim, key, request, form)

    def check_before_body(self, claimant: Claimant) -> Callable[[str], None]:
        """Check a signature that does not need the body; what then checks the body by its hex SHA-256."""
        declared = _UNSIGNED if claimant.form == "unsigned" else str(claimant.claim.declared_payload)
        self._check(claimant, declared)
        return _accept if claimant.form == "unsigned" else _comparison(declared)

    def check_with_body(self, claimant: Claimant, body: bytes) -> None:
        """Check a signature together with the whole body."""
        if claimant.form == "hashed":
            self._check(claimant, hashlib.sha256(body).hexdigest())
        else:
            self.check_before_body(claimant)(hashlib.sha256(body).hexdigest())

    def _check(self, claimant: Claimant, payload_sha256: str) -> None:
        signing_key = self._signing_keys.get(claimant.claim, claimant.key.secret)
        check_signature(claimant.claim, claimant.request, payload_sha256, signing_key)


def _accept(_actual: str) -> None:
    return None


def _comparison(declared: str) -> Callable[[str], None]:
    def compare(actual: str) -> None:
        if not hmac.compare_digest(declared, actual):
            raise ContentSHA256Mismatch(
                f"The body's SHA-256 is {actual}, but x-amz-content-sha256 says {declared}: "
                "the body was changed on its way, and nothing of it was kept. Send it again."
            )

    return compare
