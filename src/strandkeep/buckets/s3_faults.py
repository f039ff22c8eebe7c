"""What an S3 endpoint or the way to it is at fault for, in the words of the contract."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError

from strandkeep.buckets.contract import CHANGED, BucketAway, BucketError, MissingObject

#: Answers after which the same request may well succeed.
_FOR_A_WHILE = {408, 429, 500, 502, 503, 504, 507, 509, 529}

#: What the library says → what it means.
_SILENCES = {
    "Connection refused": "the connection is refused",
    "dns error": "its name is not known",
    "TimedOut": "it is silent",
    "ConnectionReset": "the connection broke",
    "IncompleteBody": "the connection broke",
    "InvalidCertificate": "its certificate is not trusted",
}

_DENIED = "The bucket's server denies access{}; the operator can let the keys in strandkeep.toml reach it."
_NO_BUCKET = "The endpoint has no bucket of the name that strandkeep.toml gives; the operator can correct it."
_REFUSED = "The bucket's server refuses{}; the operator can look at its mapping in strandkeep.toml."
_REGION = "The bucket is in another region than strandkeep.toml says; the operator can correct it."
_NO_RANGES = "The bucket's server does not answer with the range of bytes that is asked for."
_AWAY = "The bucket's server does not answer: {}."


@contextmanager
def told() -> Iterator[None]:
    """Turn what the client raises into BucketError, or into BucketAway if it may pass. Neither shows how it asked."""
    try:
        yield
    except FileNotFoundError as missing:
        if missing.errno is not None:
            # Not the client's, which gives it none: a file was missing of which an object was to be made.
            raise
        raise (BucketError(_NO_BUCKET) if _code(missing) == "NoSuchBucket" else MissingObject()) from None
    except PreconditionError:
        raise BucketError(CHANGED) from None
    except (PermissionDeniedError, UnauthenticatedError) as denied:
        raise BucketError(_DENIED.format(_in_brackets(_code(denied)))) from None
    except BaseError as fault:
        raise _verdict(fault) from None


def _verdict(fault: BaseError) -> BucketError | BucketAway:
    text = str(fault)
    answered = re.search(r"status code: (\d{3})", text)
    if answered is None:
        return _without_answer(text)
    status, code = int(answered[1]), _code(fault)
    if status in _FOR_A_WHILE:
        return BucketAway(_AWAY.format(f"HTTP {status} {code}".rstrip()))
    if status == 416:
        return BucketError(CHANGED)
    return BucketError(_REFUSED.format(_in_brackets(f"HTTP {status} {code}".rstrip())))


def _without_answer(text: str) -> BucketError | BucketAway:
    if "redirect without LOCATION" in text:
        return BucketError(_REGION)
    if "non-partial response" in text:
        return BucketError(_NO_RANGES)
    reasons = (reason for said, reason in _SILENCES.items() if said in text)
    return BucketAway(_AWAY.format(next(reasons, "the connection failed")))


def _code(fault: Exception) -> str:
    """S3's own word for what is wrong, when the answer has one."""
    found = re.search(r"<Code>(\w{1,40})</Code>", str(fault))
    return found[1] if found else ""


def _in_brackets(what: str) -> str:
    return f" ({what})" if what else ""
