"""A house without a server, on either database, and short ways to call its operations."""

import asyncio
import dataclasses
import secrets
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from strandkeep.access.first_start import open_installation
from strandkeep.access.sealing import open_sealer
from strandkeep.blobs import LocalBlobs
from strandkeep.catalog import accounts, blobs, jobs, moves, open_catalog, stored_files, tables
from strandkeep.domain import states
from strandkeep.domain.blobs import StoredBlob
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import new_id
from strandkeep.domain.layout import Segment
from strandkeep.house import House
from strandkeep.operations.registry import OPERATIONS
from strandkeep.operations.streams import Incoming
from strandkeep.settings import Settings
from tests.databases import DATABASES, new_url

#: An id that nothing has.
NEVER = "1234567890123456"

#: State of a read set → the states on the way to it, from PROCESSING_UPLOAD.
PATHS = {
    "PROCESSING_UPLOAD": (),
    "UPLOAD_FAILED": ("UPLOAD_FAILED",),
    "ACTIVE": ("ACTIVE",),
    "ARCHIVED": ("ACTIVE", "ARCHIVED"),
    "ACTIVATING": ("ACTIVE", "ARCHIVED", "ACTIVATING"),
    "DELETED": ("ACTIVE", "DELETED"),
}


def incoming(content: bytes, chunk: int = 65_536) -> Incoming:
    """A body that streams in."""

    async def chunks():
        for at in range(0, len(content), chunk):
            yield content[at : at + chunk]

    return Incoming(len(content), chunks(), lambda sha256: None)


@dataclass(frozen=True)
class Api:
    """The operations as one caller has them: `api("CreateSequenceStore", name="x")`."""

    house: House
    context: RequestContext

    def begin(self, operation: str, body: Incoming | None = None, /, **request: Any) -> Coroutine[Any, Any, Any]:
        """A call that the test runs itself, beside others."""
        payload = [] if body is None else [body]
        return OPERATIONS[operation].run(self.context, self.house, request, *payload)

    def __call__(self, operation: str, body: Incoming | None = None, /, **request: Any) -> Any:
        """A call, awaited; members that are None are left out, as on the wire."""
        answer = asyncio.run(self.begin(operation, body, **request))
        return {k: v for k, v in answer.items() if v is not None} if isinstance(answer, dict) else answer

    def new_store(self, **members: Any) -> str:
        """The id of a new sequence store."""
        return self("CreateSequenceStore", **{"name": "store", **members})["id"]

    def new_upload(self, store: str, **members: Any) -> str:
        """The id of a new upload."""
        given = {"sourceFileType": "FASTQ", "subjectId": "subject", "sampleId": "sample", "name": "name", **members}
        return self("CreateMultipartReadSetUpload", sequenceStoreId=store, **given)["uploadId"]

    def put_part(self, store: str, upload: str, number: int, content: bytes, source: str = "SOURCE1") -> dict[str, Any]:
        """Send a part; its entry in the list of a Complete."""
        place = {"partSource": source, "partNumber": number}
        answer = self("UploadReadSetPart", incoming(content), sequenceStoreId=store, uploadId=upload, **place)
        return {**place, "checksum": answer["checksum"]}

    def complete(self, store: str, upload: str, parts: list[dict[str, Any]]) -> str:
        """Complete an upload; the id of its read set."""
        return self("CompleteMultipartReadSetUpload", sequenceStoreId=store, uploadId=upload, parts=parts)["readSetId"]

    def pages(self, operation: str, member: str, **request: Any) -> list[list[Any]]:
        """All pages of a list."""
        found, token = [], None
        while True:
            answer = self(operation, **request, **({"nextToken": token} if token else {}))
            found.append(answer[member])
            token = answer.get("nextToken")
            if token is None:
                return found

    def bytes_of(self, store: str, read_set: str, number: int = 1, **members: Any) -> bytes:
        """What GetReadSet sends."""

        async def collect():
            request = {"sequenceStoreId": store, "id": read_set, "partNumber": number, **members}
            outgoing = await self.begin("GetReadSet", **request)
            content = b"".join([chunk async for chunk in outgoing.chunks])
            assert len(content) == outgoing.length
            return content

        return asyncio.run(collect())

    def rows(self, table: sa.Table, **where: Any) -> Any:
        """Rows of a table, for what no operation shows."""
        conditions = [table.c[name] == value for name, value in where.items()]
        return self.house.catalog.read(lambda reader: reader.all(sa.select(table).where(*conditions)))

    def events(self, thing: str) -> list[tuple[str | None, str]]:
        """The moves of a thing: (before, after), in order."""
        rows = sorted(self.rows(tables.event, resource_id=thing), key=lambda row: row.id)
        assert [row.version for row in rows] == list(range(1, len(rows) + 1))
        return [(row.before, row.after) for row in rows]

    def blob_state(self, name: str) -> str | None:
        """live, condemned, or None for a blob without a row."""
        return next((row.state for row in self.rows(tables.blob, name=name)), None)

    def part_blobs(self, upload: str) -> dict[tuple[str, int], str]:
        """(source, number) → blob of an upload's parts."""
        return {(row.source, row.number): row.blob for row in self.rows(tables.part, upload_id=upload)}

    def move_read_set(self, read_set: str, *path: str) -> None:
        """Take a read set along a path of states, as jobs that are not built yet would; ends its ingest."""

        def move(tx):
            for job in tx.all(sa.select(tables.job).where(tables.job.c.subject == read_set)):
                claimed = jobs.claim(tx, job.id)
                if claimed is not None:
                    assert jobs.end(tx, claimed, states.COMPLETED)
            upload = tx.one(sa.select(tables.upload).where(tables.upload.c.read_set_id == read_set))
            if upload is not None and upload.state == states.COMPLETING:
                moves.move(tx, self.context, "upload", upload.id, states.COMPLETING, states.COMPLETED)
                tx.run(sa.delete(tables.part).where(tables.part.c.upload_id == upload.id))
            for before, after in pairwise(path):
                assert self.move_one(tx, read_set, before, after)

        self.house.catalog.write(move)

    def insert_read_set(
        self, store: str, state: str = states.ACTIVE, files: dict[str, list[Segment]] | None = None, **columns: Any
    ) -> str:
        """The id of a read set made by rows, with the moves to `state` behind it."""
        read_set = new_id()
        path = (states.PROCESSING_UPLOAD, *PATHS[state])

        def insert(tx):
            row = {"id": read_set, "account": self.context.account, "store_id": store, "revision": 1, "name": "name"}
            row |= {"subject_id": "subject", "sample_id": "sample", "file_type": "FASTQ", "creation_type": "UPLOAD"}
            moves.begin(tx, self.context, "readSet", path[0], {**row, "created": tx.now, **columns})
            for source, segments in (files or {}).items():
                size = segments[-1].start + segments[-1].length
                values = {"holder_id": read_set, "source": source, "file_name": source, "size": size}
                stored_files.insert(tx, {**values, "media_type": "application/gzip"}, segments)
            for before, after in pairwise(path):
                self.move_one(tx, read_set, before, after)

        self.house.catalog.write(insert)
        return read_set

    def move_one(self, tx: Any, read_set: str, before: str, after: str) -> bool:
        """Move a read set; a deletion leaves the way back."""
        way_back = {"purge_after": tx.now + self.house.delete_after, "deleted_from": before}
        changes = way_back if after == states.DELETED else {}
        return moves.move(tx, self.context, "readSet", read_set, before, after, **changes)

    def insert_blob(self, content: bytes) -> StoredBlob:
        """A live blob."""
        blob = asyncio.run(self.house.blobs.put(incoming(content).chunks, len(content)))
        self.house.catalog.write(lambda tx: blobs.insert_live(tx, blob))
        return blob


def list_ids(api: Api, store: str, **filters: Any) -> list[str]:
    """The ids that ListReadSets shows."""
    return [item["id"] for item in api("ListReadSets", sequenceStoreId=store, filter=filters)["readSets"]]


def file_of(api: Api, *contents: bytes) -> tuple[list[Segment], bytes]:
    """A file made of a blob for each content: its segments and its bytes."""
    segments: list[Segment] = []
    start = 0
    for content in contents:
        segments.append(Segment(start, api.insert_blob(content).name, 0, len(content)))
        start += len(content)
    return segments, b"".join(contents)


def new_account(house: House) -> Api:
    """Another account of the installation, with a key of its own, as it calls."""
    account = str(10**11 + secrets.randbelow(9 * 10**11))
    principal, key = f"arn:aws:iam::{account}:root", f"AKIA{account}"

    def create(tx):
        accounts.create_account(tx, account)
        accounts.create_access_key(tx, key, account, principal, b"sealed")

    house.catalog.write(create)
    return Api(house, RequestContext(account, principal, key, "127.0.0.1", "request-of-another"))


def open_house(url: str, folder: Path, blobs: LocalBlobs) -> House:
    """A house as `strandkeep serve` makes it, without what runs by itself."""
    settings = Settings(data_dir=folder, min_free=0)
    catalog = open_catalog(url)
    installation, paging_key = open_installation(catalog, open_sealer(folder / "secret.key"), settings, lambda: False)
    return House(installation, settings, catalog, blobs, paging_key, lambda: None)


def root_of(house: House) -> Api:
    """The operations as the installation's root calls them."""
    account, root = house.installation.account, house.installation.root_arn()
    return Api(house, RequestContext(account, root, "AKIAROOT", "127.0.0.1", "request"))


@pytest.fixture(scope="session", params=DATABASES)
def shared_house(request, tmp_path_factory) -> Iterator[House]:
    """One house for tests that keep to a store of their own."""
    folder = tmp_path_factory.mktemp("house")
    house = open_house(new_url(request, request.param, folder), folder, LocalBlobs(folder, 0))
    yield house
    house.catalog.close()
    house.blobs.close()


@pytest.fixture(scope="session")
def api(shared_house) -> Api:
    """The installation's root."""
    return root_of(shared_house)


@pytest.fixture
def other(shared_house) -> Api:
    """The root of an account of the test's own."""
    return new_account(shared_house)


@pytest.fixture
def store(api) -> str:
    """A sequence store of the test's own."""
    return api.new_store()


@pytest.fixture(scope="session")
def blobs_place(tmp_path_factory) -> Iterator[LocalBlobs]:
    """A place for bytes that houses use one after the other: its 4,096 folders take longer than a test."""
    place = LocalBlobs(tmp_path_factory.mktemp("blobs"), 0)
    yield place
    place.close()


@pytest.fixture(params=DATABASES)
def own_house(request, tmp_path, blobs_place) -> Iterator[House]:
    """A house of the test's own, for what moves the clock or sweeps."""
    house = open_house(new_url(request, request.param, tmp_path), tmp_path, blobs_place)
    yield house
    house.catalog.close()
    for names in blobs_place.orphans(0):
        for name in names:
            blobs_place.remove(name)


@pytest.fixture
def own(own_house) -> Api:
    """The root of a house of the test's own."""
    return root_of(own_house)


def with_settings(api: Api, **changed: Any) -> Api:
    """The same caller in a house with other settings."""
    settings = dataclasses.replace(api.house.settings, **changed)
    return dataclasses.replace(api, house=dataclasses.replace(api.house, settings=settings))


@pytest.fixture
def database_kind(own_house) -> str:
    """The database of the test's own house: sqlite or postgresql."""
    return "postgresql" if "Postgresql" in type(own_house.catalog).__name__ else "sqlite"
