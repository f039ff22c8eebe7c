"""Which bucket an `s3://` name means, and who may use it."""

import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from strandkeep.bucket_settings import BucketMapping, FolderPlace
from strandkeep.buckets.contract import Bucket, BucketError, SourceObject
from strandkeep.buckets.folder import FolderBucket
from strandkeep.buckets.patient import PatientBucket
from strandkeep.buckets.s3 import S3Bucket

_URI = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)", re.DOTALL)

#: The same for a bucket that is not mapped and for one that others may use: nobody learns which it is.
_NOT_MAPPED = "No bucket of this name is mapped for this account and role; the operator can map it in strandkeep.toml."
_READ_ONLY = "This bucket is mapped for reading only; the operator can change that in strandkeep.toml."


class Buckets:
    """The buckets that are mapped. Without `accounts` a mapping is for `account`, the installation's first, alone.

    ValueError when a secret is not where the mapping says.
    """

    def __init__(self, mappings: Sequence[BucketMapping], account: str) -> None:
        self._mapped = {mapping.name: (mapping, _bucket(mapping)) for mapping in mappings}
        self._account = account

    def open(self, uri: str, account: str, role: str) -> AbstractContextManager[SourceObject]:
        """The object that an `s3://bucket/key` names, for an account and the ARN of a role that it gives.

        BucketError for what is not mapped for them, and as `Bucket.open` raises it.
        """
        _, bucket, key = self._find(uri, account, role)
        return bucket.open(key)

    def put(self, uri: str, account: str, chunks: Iterable[bytes], length: int, role: str | None = None) -> None:
        """Store an object, as `Bucket.put` does; without a role it is the service that acts for the account."""
        mapping, bucket, key = self._find(uri, account, role)
        if mapping.read_only:
            raise BucketError(_READ_ONLY)
        bucket.put(key, chunks, length)

    def size_of(self, uri: str, account: str, role: str | None = None) -> int | None:
        """The bytes of an object, None when there is none; without a role as `put` has it."""
        _, bucket, key = self._find(uri, account, role)
        return bucket.size_of(key)

    def _find(self, uri: str, account: str, role: str | None) -> tuple[BucketMapping, Bucket, str]:
        match = _URI.fullmatch(uri)
        mapping, bucket = self._mapped.get(match["bucket"], (None, None)) if match else (None, None)
        if match is None or mapping is None or bucket is None or not self._may_use(mapping, account, role):
            raise BucketError(_NOT_MAPPED)
        return mapping, bucket, match["key"]

    def _may_use(self, mapping: BucketMapping, account: str, role: str | None) -> bool:
        if account not in (mapping.accounts or (self._account,)):
            return False
        if mapping.roles:
            return role in mapping.roles
        return role is None or re.fullmatch(rf"arn:[^:]+:iam::{account}:role/.+", role) is not None


def _bucket(mapping: BucketMapping) -> Bucket:
    if isinstance(mapping.place, FolderPlace):
        return PatientBucket(FolderBucket(mapping.place.folder, mapping.place.adopt))
    return S3Bucket(mapping.place)
