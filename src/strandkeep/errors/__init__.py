"""Every error that a caller can receive: the service model's own, and the few that it lacks."""

from strandkeep.errors.base import ApiError
from strandkeep.errors.model import (
    AccessDeniedException,
    ConflictException,
    InternalServerException,
    NotSupportedOperationException,
    RangeNotSatisfiableException,
    RequestTimeoutException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ThrottlingException,
    ValidationException,
)
from strandkeep.errors.own import (
    ContentSHA256Mismatch,
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    RequestExpired,
    RequestTimeTooSkewed,
    UnknownOperationException,
    UnrecognizedClientException,
)

__all__ = [
    "AccessDeniedException",
    "ApiError",
    "ConflictException",
    "ContentSHA256Mismatch",
    "IncompleteSignatureException",
    "InternalServerException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "NotSupportedOperationException",
    "RangeNotSatisfiableException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "RequestTimeoutException",
    "ResourceNotFoundException",
    "ServiceQuotaExceededException",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "ValidationException",
]
