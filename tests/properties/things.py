"""What there is, by the model: stores, parts, uploads and read sets, and how each is shown."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

from tests.properties.answers import TEXT, Arn, Id, Moment

LONGEST_PART = 100 * 1024 * 1024

#: The members of a store that can be given.
STORE_MEMBERS = (
    "name",
    "description",
    "sseConfig",
    "fallbackLocation",
    "eTagAlgorithmFamily",
    "propagatedSetLevelTags",
    "s3AccessConfig",
)

Request = dict[str, Any]


@dataclass
class Store:
    """A sequence store. Deleted ones are gone from every operation."""

    id: Id
    account: str
    created: int
    updated: int
    members: Request
    tags: dict[str, str]
    deleted: bool = False

    def set(self, given: Request) -> None:
        """Take the members that are given. An empty location removes the one that was set."""
        self.members.update({name: given[name] for name in STORE_MEMBERS if name in given})

    def shown(self) -> Request:
        """What Get and Update tell."""
        members = {name: value for name, value in self.members.items() if value and name != "s3AccessConfig"}
        log = self.members.get("s3AccessConfig", {}).get("accessLogLocation")
        members["s3Access"] = {"s3Uri": TEXT, "s3AccessPointArn": TEXT, **({"accessLogLocation": log} if log else {})}
        times = {"creationTime": Moment(self.created), "updateTime": Moment(self.updated)}
        return {"id": self.id, "arn": Arn(self.id), **members, "status": "ACTIVE", **times}


@dataclass
class Part:
    """Bytes under a number; sent again it keeps the time of its creation."""

    content: bytes
    created: int
    updated: int

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.content).digest()

    @property
    def checksum(self) -> str:
        return base64.b64encode(self.digest).decode()

    def shown(self, source: str, number: int) -> Request:
        """What List tells."""
        times = {"creationTime": Moment(self.created), "lastUpdatedTime": Moment(self.updated)}
        place = {"partSource": source, "partNumber": number}
        return {**place, "partSize": len(self.content), "checksum": self.checksum, **times}


@dataclass
class Upload:
    """Parts by (source, number) on their way to a read set. An aborted or expired one is not kept."""

    id: Id
    store: Id
    members: Request
    created: int
    state: str = "OPEN"
    parts: dict[tuple[str, int], Part] = field(default_factory=dict)
    read_set: Id | None = None
    completed_with: Any = None

    @property
    def last_touched(self) -> int:
        return max([self.created, *(part.updated for part in self.parts.values())])

    def shown(self) -> Request:
        """What Create and List tell."""
        return {"uploadId": self.id, **self.members, "creationTime": Moment(self.created)}


@dataclass
class ReadSet:
    """Files by source, each as the pieces it came in."""

    id: Id
    store: Id
    upload: Id
    members: Request
    created: int
    files: dict[str, list[bytes]]
    tags: dict[str, str]
    status: str = "PROCESSING_UPLOAD"
    message: Any = None
    facts: Any = None
    deleted_from: str = ""
    purge_after: int = 0

    def shown(self) -> Request:
        """What List tells."""
        given = ("sequenceStoreId", "subjectId", "sampleId", "name", "description")
        members = {name: value for name, value in self.members.items() if name in given}
        kind = {"fileType": "FASTQ", "creationType": "UPLOAD", "creationTime": Moment(self.created)}
        answer = {"id": self.id, "arn": Arn(self.store, self.id), **members, **kind, "status": self.status}
        if self.facts is not None:
            counts = {"totalReadCount": self.facts["reads"], "totalBaseCount": self.facts["bases"]}
            origin = {name: value for name, value in self.members.items() if name == "generatedFrom"}
            answer["sequenceInformation"] = {**counts, **origin, "alignment": "UNALIGNED"}
            answer["etag"] = self.facts["etag"]
        # A deleted one tells until when it can be brought back.
        message = TEXT if self.status == "DELETED" else self.message
        return answer if message is None else {**answer, "statusMessage": message}

    def shown_files(self) -> Request:
        """What GetReadSetMetadata tells of the files: here all are smaller than one part of the grid."""
        sizes = {source: sum(map(len, pieces)) for source, pieces in self.files.items()}
        place = {"s3Access": {"s3Uri": TEXT}} if self.status == "ACTIVE" else {}
        grid = {"totalParts": 1, "partSize": LONGEST_PART, **place}
        return {source.lower(): {**grid, "contentLength": size} for source, size in sizes.items()}
