"""Buckets: places outside that jobs read from and write to, by the `s3://` names that an operator has mapped."""

from strandkeep.buckets.contract import CHANGED, Bucket, BucketAway, BucketError, SourceObject
from strandkeep.buckets.mapping import Buckets

__all__ = ["CHANGED", "Bucket", "BucketAway", "BucketError", "Buckets", "SourceObject"]
