"""AWS Signature Version 4, checked: what a request claims, whether its time is right, whether it is genuine.

The order is the caller's: read_claim(), find the key, check_time(), payload_form(), check_signature().
Only ApiError leaves these functions, whatever the request holds.
"""

from strandkeep.protocol.sigv4.claim import Claim, SignedRequest, read_claim
from strandkeep.protocol.sigv4.verify import (
    UNSIGNED_PAYLOAD,
    SigningKeys,
    check_signature,
    check_time,
    payload_form,
)

__all__ = [
    "UNSIGNED_PAYLOAD",
    "Claim",
    "SignedRequest",
    "SigningKeys",
    "check_signature",
    "check_time",
    "payload_form",
    "read_claim",
]
