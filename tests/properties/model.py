"""What Strandkeep promises, as plain Python: the reference that the real operations are held against.

Every operation is a method under its snake_case name. It takes the caller's account and the request and gives the
answer, in which `Id`, `Arn`, `Moment` and `TEXT` stand for what only the real store can know. A call that is refused
raises `Refusal` and changes nothing. Calls come one after the other; whatever real calls do at once must come to the
same as some order of them here.
"""

import base64
import binascii
import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.properties.answers import TEXT, Arn, Id, Refused
from tests.properties.filters import passes
from tests.properties.reads import examine
from tests.properties.things import LONGEST_PART, Part, ReadSet, Request, Store, Upload

HOUR = 3_600_000_000
DAY = 24 * HOUR

MOST_TAGS = 50
LISTED = ("OPEN", "COMPLETING")
TOLD_AFTER = 5

NOT_FOUND = "ResourceNotFoundException"
CONFLICT = "ConflictException"
INVALID = "ValidationException"
NOT_SUPPORTED = "NotSupportedOperationException"
OUT_OF_RANGE = "RangeNotSatisfiableException"


class Refusal(Exception):
    """A call that is refused; its one argument is the code."""


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
            store.set({"eTagAlgorithmFamily": "MD5up", **request})
            self.stores[store.id] = store
            return {name: value for name, value in store.shown().items() if name != "updateTime"}

        return self._once(account, "CreateSequenceStore", None, request, make, INVALID)

    def get_sequence_store(self, account: str, request: Request) -> Request:
        return self._store(account, request["id"]).shown()

    def list_sequence_stores(self, account: str, request: Request) -> Request:
        mine = [s.shown() for s in newest_first(self.stores) if s.account == account and not s.deleted]
        for item in mine:
            item.pop("propagatedSetLevelTags", None)
            item.pop("s3Access", None)
        return {"sequenceStores": [item for item in mine if passes(item, request.get("filter", {}))]}

    def update_sequence_store(self, account: str, request: Request) -> Request:
        store = self._store(account, request["id"])

        def make() -> None:
            store.set(request)
            store.updated = self.now

        self._once(account, "UpdateSequenceStore", store.id, request, make, CONFLICT)
        return store.shown()

    def delete_sequence_store(self, account: str, request: Request) -> Request:
        store = self._store(account, request["id"])
        kept = [r for r in self.read_sets.values() if r.store == store.id and r.status != "DELETED"]
        open_ones = [u for u in self.uploads.values() if u.store == store.id and u.state in LISTED]
        require(not kept and not open_ones, CONFLICT)
        store.deleted, store.tags = True, {}
        return {}

    # Uploads

    def create_multipart_read_set_upload(self, account: str, request: Request) -> Request:
        aligned = request["sourceFileType"] in ("BAM", "CRAM")
        require(not aligned or bool(request.get("referenceArn")), INVALID)
        check_tags(request.get("tags", {}))
        store = self._store(account, request["sequenceStoreId"])

        def make() -> Request:
            # There are no references here.
            require(not request.get("referenceArn"), NOT_FOUND)
            members = {name: value for name, value in request.items() if name != "clientToken" and value}
            upload = Upload(self._new_id("upload", store.id), store.id, members, self.now)
            self.uploads[upload.id] = upload
            return upload.shown()

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
        items = [part.shown(*place) for place, part in sorted(upload.parts.items())]
        mine = [item for item in items if item["partSource"] == request["partSource"]]
        return {"parts": [item for item in mine if passes(item, request.get("filter", {}))]}

    def list_multipart_read_set_uploads(self, account: str, request: Request) -> Request:
        store = self._store(account, request["sequenceStoreId"])
        mine = [u for u in newest_first(self.uploads) if u.store == store.id and u.state in LISTED]
        return {"uploads": [upload.shown() for upload in mine]}

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
        tags = dict(upload.members.get("tags", {}))
        read_set_id = self._new_id("read set", store.id)
        read_set = ReadSet(read_set_id, store.id, upload.id, upload.members, self.now, files, tags)
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
        there = [r for r in mine if r.status != "DELETED" or "status" in wanted]
        return {"readSets": [r.shown() for r in there if passes({**r.members, **r.shown()}, wanted)]}

    def get_read_set_metadata(self, account: str, request: Request) -> Request:
        read_set = self._read_set(account, request)
        return {**read_set.shown(), "files": read_set.shown_files(), "creationJobId": read_set.upload}

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
            # Sent again, it finds its work done.
            if read_set.status == "DELETED":
                require(self.now < read_set.purge_after, NOT_FOUND)
                read_set.status = read_set.deleted_from

        return self._each(store, request["ids"], undelete)

    def reingest_read_set(self, account: str, request: Request) -> Request:
        store = self._store(account, request["sequenceStoreId"])

        def make() -> None:
            read_set = self._read_set(account, request)
            require(read_set.status == "UPLOAD_FAILED", CONFLICT)
            require(request.get("sourceFileType", "FASTQ") == "FASTQ", INVALID)
            read_set.status, read_set.message = "PROCESSING_UPLOAD", None
            self.jobs[read_set.id] = 0

        self._once(account, "ReingestReadSet", store.id, request, make, CONFLICT)
        read_set = self._read_set(account, request)
        place = {"id": read_set.id, "sequenceStoreId": store.id}
        return {**place, "status": read_set.status, "sourceFileType": "FASTQ"}

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

    def is_there(self, thing: Id) -> bool:
        """Whether a thing that was made once is still there."""
        return thing in self.uploads or thing in self.read_sets or not getattr(self.stores.get(thing), "deleted", True)

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
