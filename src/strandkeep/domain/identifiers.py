"""Ids and ARNs: how they are made, and how one of another form is told apart before the database is asked."""

import re
import secrets
from dataclasses import dataclass

from strandkeep.errors import ResourceNotFoundException

ID_DIGITS = 16

_ID = re.compile(r"[1-9][0-9]{15}")
_ARN = re.compile(
    r"arn:(?P<partition>[^:/]+):omics:(?P<region>[^:/]+):(?P<account>[0-9]{12}):"
    r"sequenceStore/(?P<store>[0-9]+)(?:/readSet/(?P<read_set>[0-9]+))?"
)


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
        return f"arn:{self.partition}:omics:{self.region}:{self.account}:sequenceStore/{store_id}"

    def read_set_arn(self, store_id: str, read_set_id: str) -> str:
        """The ARN of a read set of this installation."""
        return f"{self.sequence_store_arn(store_id)}/readSet/{read_set_id}"

    def access_point_arn(self, name: str) -> str:
        """The ARN of an S3 access point of this installation."""
        return f"arn:{self.partition}:s3:{self.region}:{self.account}:accesspoint/{name}"

    def verification_arn(self, verification_id: str) -> str:
        """The ARN of a verification of stored bytes."""
        return f"arn:{self.partition}:strandkeep:{self.region}:{self.account}:verification/{verification_id}"

    def root_arn(self) -> str:
        """The ARN of the account's root principal."""
        return f"arn:{self.partition}:iam::{self.account}:root"

    def parse_arn(self, arn: str) -> "StoredResource":
        """The store or read set that an ARN names; ResourceNotFoundException for any other, here or elsewhere."""
        match = _ARN.fullmatch(arn)
        if match is None:
            raise ResourceNotFoundException(
                f"resourceArn: {arn!r} does not name a sequence store or a read set. Their ARNs look like "
                f"{self.sequence_store_arn('1234567890123456')}[/readSet/1234567890123456]."
            )
        here = (match["partition"], match["region"], match["account"])
        if here != (self.partition, self.region, self.account):
            raise ResourceNotFoundException(f"resourceArn: {arn!r} does not exist here.")
        return StoredResource(match["store"], match["read_set"])


@dataclass(frozen=True)
class StoredResource:
    """A thing that can carry tags: a sequence store, or a read set in one."""

    store_id: str
    read_set_id: str | None
