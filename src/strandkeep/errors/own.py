"""The errors that the service model lacks, each once."""

from strandkeep.errors.base import ApiError


class MissingAuthenticationTokenException(ApiError):
    """The request carries no signature at all."""

    code = "MissingAuthenticationTokenException"
    status = 403


class IncompleteSignatureException(ApiError):
    """The request carries a signature that cannot be read."""

    code = "IncompleteSignatureException"
    status = 403


class UnrecognizedClientException(ApiError):
    """No active key has the access key id of the request."""

    code = "UnrecognizedClientException"
    status = 403


class InvalidSignatureException(ApiError):
    """The signature is not the one that the key's secret gives for this request."""

    code = "InvalidSignatureException"
    status = 403


class RequestTimeTooSkewed(ApiError):
    """The clocks of client and server are more than fifteen minutes apart."""

    code = "RequestTimeTooSkewed"
    status = 403


class RequestExpired(ApiError):
    """A presigned request came after its time."""

    code = "RequestExpired"
    status = 403


class ContentSHA256Mismatch(ApiError):
    """The body is not the one whose SHA-256 the request declares: it was changed on its way."""

    code = "XAmzContentSHA256Mismatch"
    status = 400


class UnknownOperationException(ApiError):
    """No operation has this method and path."""

    code = "UnknownOperationException"
    status = 404
