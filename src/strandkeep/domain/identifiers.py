"""Ids and ARNs: how they are made, and how one of another form is told apart before the database is asked."""

import re
import secrets
from dataclasses import dataclass

from strandkeep.errors import ResourceNotFoundException

ID_DIGITS = 16

_ID = re.compile(r"[1-9][0-9]{15}")
_ARN = re.compile(
    r"arn:(?P<partition>[^:/]+):omics:(?P<region>[^:/]+):(?P<account>[0-9]{12}):"
    r"(?:sequenceStore/(?P<sequenceStore>[0-9]+)(?:/readSet/(?P<readSet>[0-9]+))?"
    r"|referenceStore/(?P<referenceStore>[0-9]+)(?:/reference/(?P<reference>[0-9]+))?)"
)

_KINDS = ("sequenceStore", "readSet", "referenceStore", "reference")


def new_id() -> str:
    """Sixteen random digits, the first 1-9: unique without asking anyone, never used again."""
    return str(10 ** (ID_DIGITS - 1) + secrets.randbelow(9 * 10 ** (ID_DIGITS - 1)))


def is_id(text: str) -> bool:
    """Whether this installation could have made the id; no other needs to be looked up."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True)
class Installation:
    """What is fixed at the first start and stands in every ARN."""

    account: str
    region: str
    partition: str

    def sequence_store_arn(self, store_id: str) -> str:
        """The ARN of a sequence store of this installation."""
        return f"{self._arn('omics')}:sequenceStore/{store_id}"

    def read_set_arn(self, store_id: str, read_set_id: str) -> str:
        """The ARN of a read set of this installation."""
        return f"{self.sequence_store_arn(store_id)}/readSet/{read_set_id}"

    def access_point_arn(self, name: str) -> str:
        """The ARN of an S3 access point of this installation."""
        return f"arn:{self.partition}:s3:{self.region}:{self.account}:accesspoint/{name}"

    def reference_store_arn(self, store_id: str) -> str:
        """The ARN of a reference store of this installation."""
        return f"{self._arn('omics')}:referenceStore/{store_id}"

    def reference_arn(self, store_id: str, reference_id: str) -> str:
        """The ARN of a reference of this installation."""
        return f"{self.reference_store_arn(store_id)}/reference/{reference_id}"

    def verification_arn(self, verification_id: str) -> str:
        """The ARN of a verification of stored bytes."""
        return f"{self._arn('strandkeep')}:verification/{verification_id}"

    def job_arn(self, job_id: str) -> str:
        """The ARN of an import job."""
        return f"{self._arn('strandkeep')}:job/{job_id}"

    def root_arn(self) -> str:
        """The ARN of the account's root principal."""
        return f"arn:{self.partition}:iam::{self.account}:root"

    def parse_arn(self, arn: str, member: str = "resourceArn") -> "StoredResource":
        """What an ARN names; ResourceNotFoundException, which names the `member`, for any other, here or elsewhere."""
        match = _ARN.fullmatch(arn)
        if match is None:
            raise ResourceNotFoundException(
                f"{member}: {arn!r} names no store, read set or reference. Their ARNs look like "
                f"{self.sequence_store_arn('1234567890123456')}[/readSet/1234567890123456] and "
                f"{self.reference_store_arn('1234567890123456')}[/reference/1234567890123456]."
            )
        here = (match["partition"], match["region"], match["account"])
        if here != (self.partition, self.region, self.account):
            raise ResourceNotFoundException(f"{member}: {arn!r} does not exist here.")
        # A thing in a store comes after the store.
        kind, thing_id = [(kind, match[kind]) for kind in _KINDS if match[kind]][-1]
        return StoredResource(kind, match["sequenceStore"] or match["referenceStore"], thing_id)

    def _arn(self, service: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}"


@dataclass(frozen=True)
class StoredResource:
    """A thing that can carry tags: a store, which is its own, or a read set or a reference in one."""

    kind: str
    store_id: str
    id: str
