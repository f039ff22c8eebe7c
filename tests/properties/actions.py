"""What happens to a store: calls, jobs, sweeps and time. Each can be done to the model, and to the real operations."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError

from strandkeep.catalog import jobs, tables
from strandkeep.errors import ApiError
from strandkeep.jobs.ingest import ingest, tell_read_set
from strandkeep.jobs.running import run_job
from strandkeep.jobs.sweep import sweep
from strandkeep.operations.streams import Incoming, Outgoing
from tests.operations.conftest import Api, with_settings
from tests.properties.answers import Arn, Id, Names, Refused
from tests.properties.model import Model, Request

ACCOUNTS = ("root", "other")
KINDS = {"ingest": ingest}

#: Operations that answer in pages → the member that holds the items.
PAGED = {
    "ListSequenceStores": "sequenceStores",
    "ListMultipartReadSetUploads": "uploads",
    "ListReadSetUploadParts": "parts",
    "ListReadSets": "readSets",
}


#: What a part is answered whose bytes the sweep took for an orphan's: nothing has happened, send it again.
SEND_AGAIN = Refused("InternalServerException")


async def no_pause() -> None:
    """A body comes without a pause."""


@dataclass(frozen=True)
class Call:
    """A call of an operation. A list is read to its end, in pages of `page`; a body comes in halves."""

    account: str
    operation: str
    request: Request
    content: bytes | None = field(default=None, repr=False)
    page: int = 100
    pause: Callable[[], Awaitable[None]] = field(default=no_pause, repr=False)

    def on_model(self, model: Model) -> Any:
        return model.call(self.account, self.operation, self.request, self.content)

    async def on_real(self, apis: dict[str, Api], names: Names) -> Any:
        try:
            return await self._answer(apis[self.account], names.real(self.request))
        except ApiError as refusal:
            return Refused(refusal.code)
        except IntegrityError:
            return SEND_AGAIN

    async def _body(self) -> AsyncIterator[bytes]:
        half = len(self.content or b"") // 2
        yield (self.content or b"")[:half]
        await self.pause()
        yield (self.content or b"")[half:]

    async def _answer(self, api: Api, request: Request) -> Any:
        if self.operation in PAGED:
            return await self._pages(api, request)
        body = [] if self.content is None else [Incoming(len(self.content), self._body(), lambda sha256: None)]
        answer = await api.begin(self.operation, *body, **request)
        if isinstance(answer, Outgoing):
            return b"".join([chunk async for chunk in answer.chunks])
        return without_none(answer)

    async def _pages(self, api: Api, request: Request) -> Request:
        member, items, token = PAGED[self.operation], [], {}
        while True:
            answer = await api.begin(self.operation, **request, **token, maxResults=self.page)
            items += answer[member]
            if answer["nextToken"] is None:
                return {member: without_none(items)}
            assert len(answer[member]) == self.page
            token = {"nextToken": answer["nextToken"]}


@dataclass(frozen=True)
class RunJob:
    """An attempt of a read set's ingest: it comes to its end, is superseded by another one, or the server fails."""

    read_set: Id
    how: str = "ends"

    def on_model(self, model: Model) -> None:
        if self.how == "fails":
            model.fail_job(self.read_set)
        elif self.how != "is overtaken":
            model.run_job(self.read_set)

    async def on_real(self, apis: dict[str, Api], names: Names) -> None:
        api = apis["root"]
        for row in api.rows(tables.job, subject=names.real(self.read_set)):
            await asyncio.to_thread(
                run_job, api.house, {"ingest": getattr(self, KINDS_OF[self.how])}, tell_read_set, row.id
            )

    def _ends(self, house: Any, job: Any) -> Any:
        return ingest(house, job)

    def _fails(self, _house: Any, _job: Any) -> Any:
        raise MemoryError("the server's own trouble")

    def _another_ends(self, house: Any, job: Any) -> Any:
        conclusion = ingest(house, job)
        run_job(house, KINDS, tell_read_set, job.id)
        return conclusion

    def _another_begins(self, house: Any, job: Any) -> Any:
        conclusion = ingest(house, job)
        house.catalog.write(lambda tx: jobs.claim(tx, job.id))
        return conclusion


#: How an attempt goes → what does it.
KINDS_OF = {
    "ends": "_ends",
    "fails": "_fails",
    "another ends first": "_another_ends",
    "is overtaken": "_another_begins",
}


@dataclass(frozen=True)
class Sweep:
    """A round of the sweep, with or without grace for bytes that have no row."""

    grace: bool = False

    def on_model(self, model: Model) -> None:
        model.sweep()

    async def on_real(self, apis: dict[str, Api], _names: Names) -> None:
        api = apis["root"] if self.grace else with_settings(apis["root"], orphan_grace_s=0)
        await asyncio.to_thread(sweep, api.house)


Action = Call | RunJob | Sweep


def everything(model: Model) -> Iterator[Call]:
    """Calls that show all there is, and that nothing is left of what is gone."""
    for account in ACCOUNTS:
        yield Call(account, "ListSequenceStores", {}, page=2)
    for thing, home in model.homes.items():
        account, place = model.stores[home].account, {"sequenceStoreId": home}
        if thing.kind == "store":
            yield Call(account, "GetSequenceStore", {"id": thing})
            yield Call(account, "ListTagsForResource", {"resourceArn": Arn(thing)})
            yield Call(account, "ListMultipartReadSetUploads", place, page=3)
            yield Call(account, "ListReadSets", place, page=3)
            yield Call(account, "ListReadSets", {**place, "filter": {"status": "DELETED"}})
        elif thing.kind == "upload":
            for source in ("SOURCE1", "SOURCE2"):
                yield Call(
                    account, "ListReadSetUploadParts", {**place, "uploadId": thing, "partSource": source}, page=2
                )
        else:
            yield Call(account, "GetReadSetMetadata", {**place, "id": thing})
            yield Call(account, "ListTagsForResource", {"resourceArn": Arn(home, thing)})
            for source in ("SOURCE1", "SOURCE2"):
                yield Call(account, "GetReadSet", {**place, "id": thing, "partNumber": 1, "file": source})


def without_none(answer: Any) -> Any:
    """An answer as it goes over the wire: members that are None are left out."""
    if isinstance(answer, dict):
        return {name: without_none(member) for name, member in answer.items() if member is not None}
    return [without_none(member) for member in answer] if isinstance(answer, list) else answer
