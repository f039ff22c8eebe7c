"""What Strandkeep promises, as plain Python: the reference that the real operations are held against.

Every operation is a method under its snake_case name. It takes the caller's account and the request and gives the
answer, in which `Id`, `Arn`, `Moment` and `TEXT` stand for what only the real store can know. A call that is refused
raises `Refusal` and changes nothing. Calls come one after the other; whatever real calls do at once must come to the
same as some order of them here.
"""

import base64
import binascii
import copy
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.properties.answers import TEXT, Arn, Id, Moment, Refused
from tests.properties.filters import passes
from tests.properties.reads import examine

HOUR = 3_600_000_000
DAY = 24 * HOUR

MOST_TAGS = 50
LONGEST_PART = 100 * 1024 * 1024
LISTED = ("OPEN", "COMPLETING")
TOLD_AFTER = 5

NOT_FOUND = "ResourceNotFoundException"
CONFLICT = "ConflictException"
INVALID = "ValidationException"
NOT_SUPPORTED = "NotSupportedOperationException"
OUT_OF_RANGE = "RangeNotSatisfiableException"

Request = dict[str, Any]


class Refusal(Exception):
    """A call that is refused; its one argument is the code."""


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


class Model:
    """All accounts of an installation: what they have, and what of it is shown."""

    def __init__(self, *, upload_expiry: int = 7 * DAY, delete_after: int = 7 * DAY, tokens_kept: int = 7 * DAY):
        self.upload_expiry, self.delete_after, self.tokens_kept = upload_expiry, delete_after, tokens_kept
        self.now = 0
        self.stores: dict[Id, Store] = {}
        self.uploads: dict[Id, Upload] = {}
        self.read_sets: dict[Id, ReadSet] = {}
        #: Unfinished jobs: read set → how often the server has failed at it.
        self.jobs: dict[Id, int] = {}
        self.tokens: dict[Any, tuple[Request, Any, int]] = {}
        #: Bytes to which nothing points any more, and when they go.
        self.condemned: list[tuple[int, bytes]] = []
        #: Everything that was ever made, and the store that it is in.
        self.homes: dict[Id, Id] = {}

    def copy(self) -> "Model":
        """The same again, to try out what would follow."""
        return copy.deepcopy(self)

    def call(self, account: str, operation: str, request: Request, content: bytes | None = None) -> Any:
        """The answer of an operation, or Refused."""
        self.now += 1
        name = "".join("_" + c.lower() if c.isupper() else c for c in operation).lstrip("_")
        try:
            return getattr(self, name)(account, request, *([] if content is None else [content]))
        except Refusal as refusal:
            return Refused(refusal.args[0])

    # Sequence stores

    def create_sequence_store(self, account: str, request: Request) -> Request:
        require("keyArn" not in request.get("sseConfig", {}), INVALID)
        check_tags(request.get("tags", {}))

        def make() -> Request:
            store = Store(self._new_id("store"), account, self.now, self.now, {}, dict(request.get("tags", {})))
            store.members = store_members({"eTagAlgorithmFamily": "MD5up", **request})
            self.stores[store.id] = store
            answer = self.get_sequence_store(account, {"id": store.id})
            del answer["updateTime"]
            return answer

        return self._once(account, "CreateSequenceStore", None, request, make, INVALID)

    def get_sequence_store(self, account: str, request: Request) -> Request:
        return store_answer(self._store(account, request["id"]))

    def list_sequence_stores(self, account: str, request: Request) -> Request:
        mine = [store_answer(s) for s in newest_first(self.stores) if s.account == account and not s.deleted]
        for item in mine:
            item.pop("propagatedSetLevelTags", None)
            item.pop("s3Access", None)
        return {"sequenceStores": [item for item in mine if passes(item, request.get("filter", {}))]}

    def update_sequence_store(self, account: str, request: Request) -> Request:
        store = self._store(account, request["id"])

        def make() -> None:
            store.members = store_members({**store.members, **request})
            store.updated = self.now

        self._once(account, "UpdateSequenceStore", store.id, request, make, CONFLICT)
        return store_answer(store)

    def delete_sequence_store(self, account: str, request: Request) -> Request:
        store = self._store(account, request["id"])
        kept = [r for r in self.read_sets.values() if r.store == store.id and r.status != "DELETED"]
        open_ones = [u for u in self.uploads.values() if u.store == store.id and u.state in LISTED]
        require(not kept and not open_ones, CONFLICT)
        store.deleted, store.tags = True, {}
        return {}

    # Uploads

    def create_multipart_read_set_upload(self, account: str, request: Request) -> Request:
        require(request["sourceFileType"] == "FASTQ", NOT_SUPPORTED)
        require(not request.get("referenceArn"), NOT_FOUND)
        check_tags(request.get("tags", {}))
        store = self._store(account, request["sequenceStoreId"])

        def make() -> Request:
            members = {name: value for name, value in request.items() if name != "clientToken" and value}
            upload = Upload(self._new_id("upload", store.id), store.id, members, self.now)
            self.uploads[upload.id] = upload
            return upload_answer(upload)

        return self._once(account, "CreateMultipartReadSetUpload", store.id, request, make, INVALID)

    def upload_read_set_part(self, account: str, request: Request, content: bytes) -> Request:
        require(1 <= len(content) <= LONGEST_PART, INVALID)
        upload = self._open_upload(account, request)
        place = request["partSource"], request["partNumber"]
        old = upload.parts.get(place)
        if old is not None:
            self._condemn([old.content])
        part = upload.parts[place] = Part(content, old.created if old else self.now, self.now)
        return {"checksum": part.checksum}

    def list_read_set_upload_parts(self, account: str, request: Request) -> Request:
        upload = self._upload(account, request)
        require(upload.state in LISTED, NOT_FOUND)
        items = [part_answer(*place, part) for place, part in sorted(upload.parts.items())]
        mine = [item for item in items if item["partSource"] == request["partSource"]]
        return {"parts": [item for item in mine if passes(item, request.get("filter", {}))]}

    def list_multipart_read_set_uploads(self, account: str, request: Request) -> Request:
        store = self._store(account, request["sequenceStoreId"])
        mine = [u for u in newest_first(self.uploads) if u.store == store.id and u.state in LISTED]
        return {"uploads": [upload_answer(upload) for upload in mine]}

    def complete_multipart_read_set_upload(self, account: str, request: Request) -> Request:
        store = self._store(account, request["sequenceStoreId"])
        upload = self._upload(account, request)
        listed = sorted((p["partSource"], p["partNumber"], as_digest(p["checksum"])) for p in request["parts"])
        if upload.read_set is not None:
            require(upload.completed_with == listed, INVALID)
            return {"readSetId": upload.read_set}
        stored = {(*place, part.digest) for place, part in upload.parts.items()}
        require(stored.issuperset(listed) and len(set(listed)) == len(listed), INVALID)
        require("SOURCE1" in {source for source, _, _ in listed}, INVALID)
        places = [(source, number) for source, number, _ in listed]
        self._condemn([upload.parts.pop(place).content for place in set(upload.parts) - set(places)])
        files: dict[str, list[bytes]] = {}
        for place in places:
            files.setdefault(place[0], []).append(upload.parts[place].content)
        members = {name: value for name, value in upload.members.items() if name not in ("sequenceStoreId", "tags")}
        read_set = ReadSet(self._new_id("read set", store.id), store.id, upload.id, members, self.now, files, {})
        read_set.tags = dict(upload.members.get("tags", {}))
        self.read_sets[read_set.id] = read_set
        self.jobs[read_set.id] = 0
        upload.state, upload.read_set, upload.completed_with = "COMPLETING", read_set.id, listed
        return {"readSetId": read_set.id}

    def abort_multipart_read_set_upload(self, account: str, request: Request) -> Request:
        self._end(self._open_upload(account, request))
        return {}

    # Read sets

    def list_read_sets(self, account: str, request: Request) -> Request:
        store, wanted = self._store(account, request["sequenceStoreId"]), request.get("filter", {})
        mine = [r for r in newest_first(self.read_sets) if r.store == store.id]
        shown = [r for r in mine if r.status != "DELETED" or "status" in wanted]
        rows = [(r, {**r.members, **self._summary(r)}) for r in shown]
        return {"readSets": [self._summary(r) for r, row in rows if passes(row, wanted)]}

    def get_read_set_metadata(self, account: str, request: Request) -> Request:
        read_set = self._read_set(account, request)
        sizes = {source.lower(): sum(map(len, pieces)) for source, pieces in read_set.files.items()}
        files = {
            source: {"totalParts": 1, "partSize": LONGEST_PART, "contentLength": size} for source, size in sizes.items()
        }
        return {**self._summary(read_set), "files": files, "creationJobId": read_set.upload}

    def get_read_set(self, account: str, request: Request) -> bytes:
        read_set, source = self._read_set(account, request), request.get("file", "SOURCE1")
        require(read_set.status != "DELETED", NOT_FOUND)
        require(read_set.status in ("ACTIVE", "PROCESSING_UPLOAD"), CONFLICT)
        require(source != "INDEX" or read_set.status == "ACTIVE", CONFLICT)
        require(source in read_set.files, NOT_FOUND)
        require(request["partNumber"] == 1, OUT_OF_RANGE)
        return b"".join(read_set.files[source])

    def batch_delete_read_set(self, account: str, request: Request) -> Request:
        store = self._store(account, request["sequenceStoreId"])

        def delete(read_set: ReadSet | None) -> None:
            require(read_set is not None and read_set.status != "DELETED", NOT_FOUND)
            require(read_set.id not in self.jobs, CONFLICT)
            read_set.deleted_from, read_set.status = read_set.status, "DELETED"
            read_set.purge_after = self.now + self.delete_after

        return self._each(store, request["ids"], delete)

    def batch_undelete_read_set(self, account: str, request: Request) -> Request:
        store = self._store(account, request["sequenceStoreId"])

        def undelete(read_set: ReadSet | None) -> None:
            require(read_set is not None, NOT_FOUND)
            require(read_set.status == "DELETED", CONFLICT)
            read_set.status = read_set.deleted_from

        return self._each(store, request["ids"], undelete)

    # Tags

    def tag_resource(self, account: str, request: Request) -> Request:
        thing, _ = self._resource(account, request["resourceArn"])
        check_tags(request["tags"], thing.tags)
        thing.tags.update(request["tags"])
        return {}

    def untag_resource(self, account: str, request: Request) -> Request:
        check_tags(dict.fromkeys(request["tagKeys"], ""))
        thing, _ = self._resource(account, request["resourceArn"])
        thing.tags = {key: value for key, value in thing.tags.items() if key not in request["tagKeys"]}
        return {}

    def list_tags_for_resource(self, account: str, request: Request) -> Request:
        thing, own = self._resource(account, request["resourceArn"])
        return {"tags": {**thing.tags, **own}}

    # What happens by itself

    def pass_time(self, duration: int) -> None:
        """The clock moves on."""
        self.now += duration

    def run_job(self, read_set_id: Id) -> None:
        """An attempt of a read set's ingest comes to its end; nothing happens to one that has ended."""
        if self.jobs.pop(read_set_id, None) is None:
            return
        read_set = self.read_sets[read_set_id]
        family = self.stores[read_set.store].members["eTagAlgorithmFamily"]
        read_set.facts = examine({source: b"".join(pieces) for source, pieces in read_set.files.items()}, family)
        sound = read_set.facts is not None
        read_set.status = "ACTIVE" if sound else "UPLOAD_FAILED"
        read_set.message = TEXT if not sound or read_set.facts["strangers"] else None
        upload = self.uploads[read_set.upload]
        upload.state, upload.parts = "ENDED", {}

    def fail_job(self, read_set_id: Id) -> None:
        """An attempt fails by the server's fault: it is tried again, and in the end the read set says whose fault."""
        if read_set_id in self.jobs:
            self.jobs[read_set_id] += 1
            if self.jobs[read_set_id] >= TOLD_AFTER:
                self.read_sets[read_set_id].message = TEXT

    def sweep(self) -> None:
        """What may go goes, and nothing else."""
        self.now += 1
        for upload in list(self.uploads.values()):
            if upload.state == "OPEN" and upload.last_touched < self.now - self.upload_expiry:
                self._end(upload)
        for read_set in list(self.read_sets.values()):
            if read_set.status == "DELETED" and read_set.purge_after <= self.now:
                # Its time to be brought back has passed, so its bytes go at once.
                del self.read_sets[read_set.id], self.uploads[read_set.upload]
        self.condemned = [(due, content) for due, content in self.condemned if due > self.now]
        kept = self.now - self.tokens_kept
        self.tokens = {key: token for key, token in self.tokens.items() if token[2] >= kept}

    # What must be there

    def live_bytes(self) -> "Counter[bytes]":
        """The bytes that something points at: parts of open uploads, and pieces of read sets that are not purged."""
        parts = (part.content for u in self.uploads.values() if u.state == "OPEN" for part in u.parts.values())
        pieces = (piece for r in self.read_sets.values() for pieces in r.files.values() for piece in pieces)
        return Counter([*parts, *pieces])

    def condemned_bytes(self) -> "Counter[bytes]":
        """The bytes to which nothing points, and whose time has not come yet."""
        return Counter(content for _, content in self.condemned)

    # How things are found

    def _store(self, account: str, store_id: Any) -> Store:
        store = self.stores.get(store_id)
        require(store is not None and store.account == account and not store.deleted, NOT_FOUND)
        return store

    def _upload(self, account: str, request: Request) -> Upload:
        upload = self.uploads.get(request["uploadId"])
        require(upload is not None and upload.store == request["sequenceStoreId"], NOT_FOUND)
        require(self.stores[upload.store].account == account, NOT_FOUND)
        return upload

    def _open_upload(self, account: str, request: Request) -> Upload:
        upload = self._upload(account, request)
        require(upload.state == "OPEN", NOT_SUPPORTED)
        return upload

    def _read_set(self, account: str, request: Request) -> ReadSet:
        """A read set in any state, until it is purged: whoever has its id sees that it was deleted."""
        read_set = self.read_sets.get(request["id"])
        require(read_set is not None and read_set.store == request["sequenceStoreId"], NOT_FOUND)
        require(self.stores[read_set.store].account == account, NOT_FOUND)
        return read_set

    def _resource(self, account: str, arn: Any) -> tuple[Store | ReadSet, dict[str, str]]:
        """The thing that carries tags, and the tags that it has by itself."""
        require(isinstance(arn, Arn), NOT_FOUND)
        if arn.read_set is None:
            return self._store(account, arn.store), {}
        read_set = self._read_set(account, {"sequenceStoreId": arn.store, "id": arn.read_set})
        require(read_set.status != "DELETED", NOT_FOUND)
        members = read_set.members
        return read_set, {"aws:omics:subjectId": members["subjectId"], "aws:omics:sampleId": members["sampleId"]}

    # How things change

    def _new_id(self, kind: str, store: Id | None = None) -> Id:
        made = Id(kind, len(self.homes) + 1)
        self.homes[made] = store or made
        return made

    def _once(self, account: str, operation: str, scope: Any, request: Request, make: Callable[[], Any], code: str):
        """The answer of `make`, or the one that it gave to the same request with the same client token."""
        if "clientToken" not in request:
            return make()
        key = (account, operation, scope, request["clientToken"])
        if key not in self.tokens:
            self.tokens[key] = (request, make(), self.now)
        first, answer, _ = self.tokens[key]
        require(first == request, code)
        return answer

    def _each(self, store: Store, ids: Iterable[Any], change: Callable[[ReadSet | None], None]) -> Request:
        """What changes for each id by itself; those that cannot are told."""
        errors = []
        for read_set_id in dict.fromkeys(ids):
            read_set = self.read_sets.get(read_set_id)
            try:
                change(read_set if read_set and read_set.store == store.id else None)
            except Refusal as refusal:
                errors.append({"id": read_set_id, "code": refusal.args[0], "message": TEXT})
        return {"errors": errors} if errors else {}

    def _end(self, upload: Upload) -> None:
        del self.uploads[upload.id]
        self._condemn(part.content for part in upload.parts.values())

    def _condemn(self, contents: Iterable[bytes]) -> None:
        self.condemned += [(self.now + self.delete_after, content) for content in contents]

    def _summary(self, read_set: ReadSet) -> Request:
        shown = ("subjectId", "sampleId", "name", "description", "referenceArn")
        members = {name: value for name, value in read_set.members.items() if name in shown}
        identity = {"id": read_set.id, "arn": Arn(read_set.store, read_set.id), "sequenceStoreId": read_set.store}
        found: Request = {}
        if read_set.facts is not None:
            counts = {"totalReadCount": read_set.facts["reads"], "totalBaseCount": read_set.facts["bases"]}
            origin = {name: v for name, v in read_set.members.items() if name == "generatedFrom"}
            found = {"sequenceInformation": {**counts, **origin, "alignment": "UNALIGNED"}}
            found["etag"] = read_set.facts["etag"]
        if read_set.message is not None:
            found["statusMessage"] = read_set.message
        times = {"creationTime": Moment(read_set.created)}
        kind = {"fileType": "FASTQ", "creationType": "UPLOAD", "status": read_set.status}
        return {**members, **identity, **found, **times, **kind}


def require(holds: object, code: str) -> None:
    """Refuse unless it holds."""
    if not holds:
        raise Refusal(code)


def newest_first(things: dict[Id, Any]) -> Iterator[Any]:
    """Things by the time of their creation."""
    return iter(sorted(things.values(), key=lambda thing: thing.created, reverse=True))


def check_tags(tags: dict[str, str], already: Iterable[str] = ()) -> None:
    """Refuse tags that may not be on a thing which carries the keys `already`."""
    for key, value in tags.items():
        require(not key.lower().startswith("aws:"), INVALID)
        require(all(c.isalnum() or c.isspace() or c in "_.:/=+-@" for c in key + value), INVALID)
    require(len({*tags, *already}) <= MOST_TAGS, INVALID)


def as_digest(checksum: str) -> bytes:
    """A checksum is the base64 of a SHA-256, or its 64 hex digits; anything else matches nothing."""
    try:
        return bytes.fromhex(checksum) if len(checksum) == 64 else base64.b64decode(checksum, validate=True)
    except (ValueError, binascii.Error):
        return b""


def store_members(given: Request) -> Request:
    """The members of a store that can be given. An empty location is none."""
    names = ("name", "description", "sseConfig", "fallbackLocation", "eTagAlgorithmFamily", "propagatedSetLevelTags")
    return {name: given[name] for name in (*names, "s3AccessConfig") if given.get(name) is not None}


def store_answer(store: Store) -> Request:
    """What Get and Update tell of a store."""
    members = {name: value for name, value in store.members.items() if name != "s3AccessConfig"}
    if not members.get("fallbackLocation"):
        members.pop("fallbackLocation", None)
    if log := store.members.get("s3AccessConfig", {}).get("accessLogLocation"):
        members["s3Access"] = {"accessLogLocation": log}
    times = {"creationTime": Moment(store.created), "updateTime": Moment(store.updated)}
    return {"id": store.id, "arn": Arn(store.id), **members, "status": "ACTIVE", **times}


def upload_answer(upload: Upload) -> Request:
    """What Create and List tell of an upload."""
    return {"uploadId": upload.id, **upload.members, "creationTime": Moment(upload.created)}


def part_answer(source: str, number: int, part: Part) -> Request:
    """What List tells of a part."""
    times = {"creationTime": Moment(part.created), "lastUpdatedTime": Moment(part.updated)}
    place = {"partSource": source, "partNumber": number}
    return {**place, "partSize": len(part.content), "checksum": part.checksum, **times}
