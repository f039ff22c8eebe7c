"""Where a store and its files are by S3: the access point of a store, its alias, and the keys below it.

An alias cannot be guessed from the store's id, and never changes: it is made from the id and a key of the
installation, and stands nowhere else.
"""

import hashlib
import hmac
from dataclasses import dataclass

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"

#: With account, id and the rest an alias has the 63 characters that a bucket's name may have.
_SECRET_LETTERS = 25


@dataclass(frozen=True)
class StorePlace:
    """A store as S3 knows it; `secret` is the installation's key."""

    account: str
    store_id: str
    secret: bytes

    @property
    def access_point(self) -> str:
        """The name of the access point."""
        return f"{self.account}-{self.store_id}"

    @property
    def alias(self) -> str:
        """The name of the bucket that stands for the access point: at most 63 lower-case letters, digits, hyphens."""
        mac = hmac.digest(self.secret, f"s3alias {self.access_point}".encode(), hashlib.sha256)
        number = int.from_bytes(mac, "big")
        letters = [_LETTERS[number // 36**i % 36] for i in range(_SECRET_LETTERS)]
        return f"{self.access_point}-{''.join(letters)}-s3alias"

    @property
    def uri(self) -> str:
        """The URI below which all of the store lies."""
        return f"s3://{self.alias}/{self.account}/sequenceStore/{self.store_id}/"

    def file_uri(self, read_set_id: str, file_name: str) -> str:
        """The URI of a file of a read set."""
        return f"{self.uri}readSet/{read_set_id}/{file_name}"
