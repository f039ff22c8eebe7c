"""Pages of a list: a token says where the next one begins, and for which question."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strandkeep.errors import ValidationException

DEFAULT_PAGE = 100

_MAC_BYTES = 16


@dataclass(frozen=True)
class Pager:
    """Makes and reads the tokens of one question: an operation with its scope and filter, asked by an account.

    A token holds the sort key of the last row shown and a MAC over it and the question, so a token of another
    filter, store or account, or one altered by a byte, is refused.
    """

    key: bytes
    question: Mapping[str, Any]

    def token(self, position: Sequence[int | str]) -> str:
        """The token of the page that follows the row at `position`."""
        body = json.dumps(list(position)).encode()
        return base64.urlsafe_b64encode(self._mac(body) + body).decode()

    def position(self, token: str | None) -> list[Any] | None:
        """Where a page begins; None for the first. ValidationException for a token that this question never gave."""
        if token is None:
            return None
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise _bad_token() from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        # Base64 ignores the last bits of its last letter; the token must be the very one that was given.
        unaltered = base64.urlsafe_b64encode(raw).decode() == token
        if not (unaltered and hmac.compare_digest(mac, self._mac(body))):
            raise _bad_token()
        return list(json.loads(body))

    def _mac(self, body: bytes) -> bytes:
        question = json.dumps(self.question, sort_keys=True, default=str).encode()
        message = len(question).to_bytes(8, "big") + question + body
        return hmac.digest(self.key, message, hashlib.sha256)[:_MAC_BYTES]


def _bad_token() -> ValidationException:
    return ValidationException(
        "nextToken: this token was not given for this list: it was altered, or filter, store or account differ. "
        "Begin again without nextToken."
    )
