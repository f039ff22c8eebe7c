"""Every operation as a client calls it, with a fresh thing to call it on, and how to see what became of it."""

import asyncio
import base64
import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, IncompleteReadError

from strandkeep.catalog import tables
from strandkeep.domain.layout import Segment
from tests.faults.disk import Disk
from tests.faults.in_process import InProcess
from tests.faults.whole import Wholeness
from tests.formats.fastq_files import gz, reads
from tests.operations.conftest import Api, incoming, root_of

MIB = 1024 * 1024

#: A block and a bit: several writes, several reads.
CONTENT = bytes(range(256)) * (MIB // 256) + b"tail"

SOUND = gz(reads(20, 100))

Members = dict[str, Any]


@dataclass
class World:
    """A server whose disk and database can fail, its client, and ways to prepare what a call needs."""

    served: InProcess
    disk: Disk
    client: Any
    whole: Wholeness
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def api(self) -> Api:
        """The operations without the edge, for what is not under test."""
        return root_of(self.served.house)

    def fresh(self) -> str:
        """A name that was never used before."""
        return f"n{next(self._numbers)}"

    def upload(self) -> Members:
        """An open upload with one part."""
        store = self.api.new_store()
        upload = self.api.new_upload(store)
        self.api.put_part(store, upload, 1, SOUND)
        return {"sequenceStoreId": store, "uploadId": upload}

    def orphan(self) -> str:
        """The name of bytes without a row."""
        return asyncio.run(self.served.house.blobs.put(incoming(b"orphan").chunks, 6)).name

    def read_set(self, content: bytes = CONTENT) -> Members:
        """A read set that is ACTIVE by its row."""
        store = self.api.new_store()
        name = self.api.insert_blob(content).name
        files = {"SOURCE1": [Segment(0, name, 0, len(content))]}
        return {"sequenceStoreId": store, "id": self.api.insert_read_set(store, files=files)}


@dataclass(frozen=True)
class Call:
    """An operation. `prepare` gives its members; `check` looks at what it did, given them and its answer.

    `gone` is what may be answered when it is sent again though it was done the first time.
    """

    operation: str
    prepare: Callable[[World], Members]
    check: Callable[[World, Members, Any], None]
    gone: str = ""
    what: str = ""

    def __str__(self) -> str:
        return f"{self.operation}{self.what}"

    def attempt(self, world: World, members: Members) -> Any:
        """The answer, or the error that the client was told; a body that ended short is one too."""
        try:
            return self._ask(world.client, members)
        except IncompleteReadError as short:
            return short
        except ClientError as error:
            return _as_told(error)

    def again(self, world: World, members: Members, told: Any) -> Any:
        """The answer to the same request sent again, unless it is that it was done already."""
        try:
            return self._ask(world.client, members)
        except ClientError as error:
            if error.response["Error"]["Code"] != self.gone:
                raise
            return told

    def _ask(self, client: Any, members: Members) -> Any:
        answer = getattr(client, self.operation)(**members)
        if "payload" in answer:
            answer["payload"] = _read(answer["payload"])
        return answer


def _as_told(error: ClientError) -> ClientError:
    """An error as it must be when something fails below: one that SDKs try again, and that tells a person to."""
    answer = error.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (500, "InternalServerException")
    assert "Send it again" in answer["Error"]["Message"]
    return error


def _read(payload: Any) -> bytes:
    """All of a body. What comes before it ends short is a beginning of what was stored."""
    got = b""
    try:
        for chunk in payload.iter_chunks():
            got += chunk
    except IncompleteReadError:
        assert CONTENT.startswith(got)
        raise
    return got


def checksum(content: bytes) -> str:
    """As UploadReadSetPart answers it."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _part(world: World) -> Members:
    return {**world.upload(), "partSource": "SOURCE1", "partNumber": 2, "payload": CONTENT}


def _replaced_part(world: World) -> Members:
    return {**_part(world), "partNumber": 1}


def _listing(world: World) -> Members:
    return {**world.upload(), "partSource": "SOURCE1"}


def _completion(world: World) -> Members:
    return {**world.upload(), "parts": [{"partSource": "SOURCE1", "partNumber": 1, "checksum": checksum(SOUND)}]}


def _new_upload(world: World) -> Members:
    given = {"sourceFileType": "FASTQ", "subjectId": "s", "sampleId": "p", "name": "n", "clientToken": world.fresh()}
    return {"sequenceStoreId": world.api.new_store(), **given}


def _store(world: World) -> Members:
    return {"id": world.api.new_store()}


def _arn(world: World) -> Members:
    return {"resourceArn": world.client.get_sequence_store(**_store(world))["arn"]}


def _tagged(world: World) -> Members:
    named = _arn(world)
    world.api("TagResource", **named, tags={"a": "1"})
    return named


def _check_store_made(world: World, members: Members, answer: Any) -> None:
    found = world.client.list_sequence_stores(filter={"name": members["name"]})["sequenceStores"]
    assert [store["id"] for store in found] == [answer["id"]]


def _check_store_gone(world: World, members: Members, _answer: Any) -> None:
    assert world.api.events(members["id"]) == [(None, "ACTIVE"), ("ACTIVE", "DELETED")]


def _check_upload_made(world: World, members: Members, answer: Any) -> None:
    found = world.client.list_multipart_read_set_uploads(sequenceStoreId=members["sequenceStoreId"])["uploads"]
    assert [upload["uploadId"] for upload in found] == [answer["uploadId"]]


def _check_part_stored(world: World, members: Members, answer: Any) -> None:
    key = {name: members[name] for name in ("sequenceStoreId", "uploadId", "partSource")}
    parts = {part["partNumber"]: part for part in world.client.list_read_set_upload_parts(**key)["parts"]}
    stored = parts[members["partNumber"]]
    assert answer["checksum"] == stored["checksum"] == checksum(CONTENT)
    assert stored["partSize"] == len(CONTENT)
    assert len(parts) == max(parts)


def _check_completed(world: World, members: Members, answer: Any) -> None:
    """One read set and one job, with the bytes that were sent."""
    store = members["sequenceStoreId"]
    found = world.client.list_read_sets(sequenceStoreId=store)["readSets"]
    assert [read_set["id"] for read_set in found] == [answer["readSetId"]]
    assert len(world.api.rows(tables.job, store_id=store)) == 1
    assert world.api.bytes_of(store, answer["readSetId"]) == SOUND


def _check_aborted(world: World, members: Members, _answer: Any) -> None:
    assert world.api.events(members["uploadId"]) == [(None, "OPEN"), ("OPEN", "ABORTED")]
    assert world.api.part_blobs(members["uploadId"]) == {}


def _check_deleted(world: World, members: Members, answer: Any) -> None:
    assert {error["code"] for error in answer.get("errors", [])} <= {"ResourceNotFoundException"}
    assert world.api.events(members["ids"][0])[-1] == ("ACTIVE", "DELETED")


def _deletion(world: World) -> Members:
    made = world.read_set(b"x")
    return {"sequenceStoreId": made["sequenceStoreId"], "ids": [made["id"]]}


def _answers(member: str, expected: Callable[[World, Members], Any]) -> Callable[[World, Members, Any], None]:
    def check(world: World, members: Members, answer: Any) -> None:
        assert answer[member] == expected(world, members)

    return check


def _check_tags(expected: Members) -> Callable[[World, Members, Any], None]:
    def check(world: World, members: Members, _answer: Any) -> None:
        assert world.client.list_tags_for_resource(resourceArn=members["resourceArn"])["tags"] == expected

    return check


def _counted(member: str) -> Callable[[World, Members, Any], None]:
    def check(_world: World, _members: Members, answer: Any) -> None:
        assert len(answer[member]) == 1

    return check


def _check_updated(world: World, members: Members, _answer: Any) -> None:
    assert world.client.get_sequence_store(id=members["id"])["name"] == members["name"]


#: Every operation that is built, but those of references and of imports; a test sees that none is missing.
CALLS = [
    Call(
        "create_sequence_store",
        lambda world: {"name": world.fresh(), "clientToken": world.fresh(), "tags": {"a": "1"}},
        _check_store_made,
    ),
    Call("get_sequence_store", _store, _answers("id", lambda _, members: members["id"])),
    Call(
        "list_sequence_stores",
        lambda world: {"filter": {"name": world.client.create_sequence_store(name=world.fresh())["name"]}},
        _counted("sequenceStores"),
    ),
    Call(
        "update_sequence_store",
        lambda world: {**_store(world), "name": world.fresh(), "clientToken": world.fresh()},
        _check_updated,
    ),
    Call("delete_sequence_store", _store, _check_store_gone, gone="ResourceNotFoundException"),
    Call("create_multipart_read_set_upload", _new_upload, _check_upload_made),
    Call("upload_read_set_part", _part, _check_part_stored),
    Call("upload_read_set_part", _replaced_part, _check_part_stored, what=" again"),
    Call("list_read_set_upload_parts", _listing, _counted("parts")),
    Call(
        "list_multipart_read_set_uploads",
        lambda world: {"sequenceStoreId": world.upload()["sequenceStoreId"]},
        _counted("uploads"),
    ),
    Call("complete_multipart_read_set_upload", _completion, _check_completed),
    Call("abort_multipart_read_set_upload", World.upload, _check_aborted, gone="ResourceNotFoundException"),
    Call(
        "list_read_sets",
        lambda world: {"sequenceStoreId": world.read_set(b"x")["sequenceStoreId"]},
        _counted("readSets"),
    ),
    Call("get_read_set_metadata", World.read_set, _answers("id", lambda _, members: members["id"])),
    Call("get_read_set", lambda world: {**world.read_set(), "partNumber": 1}, _answers("payload", lambda *_: CONTENT)),
    Call("batch_delete_read_set", _deletion, _check_deleted),
    Call("tag_resource", lambda world: {**_arn(world), "tags": {"b": "2"}}, _check_tags({"b": "2"})),
    Call("untag_resource", lambda world: {**_tagged(world), "tagKeys": ["a"]}, _check_tags({})),
    Call("list_tags_for_resource", _tagged, _answers("tags", lambda *_: {"a": "1"})),
]
