"""Which bucket an `s3://` name means, and who may use it."""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from strandkeep.buckets.contract import Bucket, BucketError, SourceObject
from strandkeep.buckets.folder import FolderBucket
from strandkeep.settings import BucketMapping

_URI = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)", re.DOTALL)

#: The same for a bucket that is not mapped and for one that others may use: nobody learns which it is.
_NOT_MAPPED = "No bucket of this name is mapped for this account and role; the operator can map it in strandkeep.toml."


class Buckets:
    """The buckets that are mapped. Without `accounts` a mapping is for `account`, the installation's first, alone."""

    def __init__(self, mappings: Sequence[BucketMapping], account: str) -> None:
        self._mappings = {mapping.name: mapping for mapping in mappings}
        self._account = account

    def open(self, uri: str, account: str, role: str) -> AbstractContextManager[SourceObject]:
        """The object that an `s3://bucket/key` names, for an account and the ARN of a role that it gives.

        BucketError for what is not mapped for them, and as `Bucket.open` raises it.
        """
        match = _URI.fullmatch(uri)
        mapping = self._mappings.get(match["bucket"]) if match else None
        if match is None or mapping is None or not self._may_use(mapping, account, role):
            raise BucketError(_NOT_MAPPED)
        return _bucket(mapping).open(match["key"])

    def _may_use(self, mapping: BucketMapping, account: str, role: str) -> bool:
        if account not in (mapping.accounts or (self._account,)):
            return False
        if mapping.roles:
            return role in mapping.roles
        return re.fullmatch(rf"arn:[^:]+:iam::{account}:role/.+", role) is not None


def _bucket(mapping: BucketMapping) -> Bucket:
    return FolderBucket(Path(mapping.folder))
