"""Lists over 1,000,000 read sets and 10,000,000 parts, on SQLite and PostgreSQL: each filter, on any page.

The operation is timed as the server runs it, without the wire. The peer is the same rows by their ids through the bare
driver: what the database needs for rows that it does not have to look for. The catalogs take minutes to make and lie
in the folder that STRANDKEEP_BENCH_CATALOGS names, to be used again.
"""

import asyncio
import functools
import itertools
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from bench import big_catalog
from bench.figures import Figure, run_alone
from strandkeep.access.first_start import open_installation
from strandkeep.access.sealing import open_sealer
from strandkeep.blobs import LocalBlobs
from strandkeep.catalog import open_catalog, sqlite_url, tables
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext
from strandkeep.house import House
from strandkeep.operations.registry import OPERATIONS
from strandkeep.settings import Settings
from tests.postgres import running

_PAGE = 100
_DEEP = 5_000

#: The rounds go over everything, so that what else the machine does meets all alike.
_ROUNDS = 5
_CALLS = 5

_MOST_MS = 20
_MOST_DEEPER = 2

_SET = tables.read_set


@dataclass
class _Page:
    """A call, what it took in each round, and what its rows took by the bare driver: medians, in ms."""

    name: str
    ask: Callable[[], Any]
    fetch: Callable[[], Any] | None = None
    number: int = 1
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)

    def time(self) -> None:
        """One round."""
        self.ours.append(_median_ms(self.ask))
        if self.fetch:
            self.peer.append(_median_ms(self.fetch))


@dataclass(frozen=True)
class _Lists:
    """The operations on one database, and the rows by its bare driver."""

    database: str
    house: House
    context: RequestContext
    store: str
    fetch: Callable[[Sequence[str]], Any]
    runner: asyncio.Runner

    def run(self, operation: str, request: Mapping[str, Any]) -> Any:
        """One call."""
        return self.runner.run(OPERATIONS[operation].run(self.context, self.house, request))

    def rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        """Rows for the benchmark's own use."""
        return self.house.catalog.read(lambda reader: reader.all(query))

    def scalar(self, query: sa.Select[Any]) -> Any:
        """A value for the benchmark's own use."""
        return self.rows(query)[0][0]


def measure() -> list[Figure]:
    """The figures of all lists, on both databases."""
    print(f"lists: {big_catalog.READ_SETS:,} read sets, pages of {_PAGE}; {_ROUNDS} medians of {_CALLS} calls")
    with _folder() as folder:
        return [figure for opened in (_on_sqlite, _on_postgresql) for figure in _measure_on(opened, folder)]


def _measure_on(opened: Callable[[Path], Any], folder: Path) -> Iterator[Figure]:
    with opened(folder) as lists:
        questions = [_asked(lists, filters) for filters in _questions(lists)]
        others = [_Page(name, lambda call=call: lists.run(*call)) for name, call in _others(lists)]
        for _ in range(_ROUNDS):
            for page in itertools.chain(*questions, others):
                page.time()
        for pages in questions:
            worst = max(pages, key=lambda page: min(page.ours))
            yield Figure(f"{lists.database} {worst.name}", "ms", worst.ours, _MOST_MS, worst.peer, "the rows by id")
            for page in pages:
                if page.number == _DEEP:
                    deeper = (page.ours, _MOST_DEEPER, pages[0].ours, "page 1", True)
                    yield Figure("  its page 5,000", "ms", *deeper)
        yield from (Figure(f"{lists.database} {page.name}", "ms", page.ours, _MOST_MS) for page in others)


def _questions(lists: _Lists) -> Iterator[dict[str, Any]]:
    """Each single filter, common and rare, and each with the status; then what many would ask together."""
    first, last = lists.rows(sa.select(sa.func.min(_SET.c.created), sa.func.max(_SET.c.created)))[0]
    third = (last - first) // 3
    bounds = {"createdAfter": times.to_datetime(first + third), "createdBefore": times.to_datetime(last - third)}
    singles = [{filter_: value} for filter_, (_, *values) in big_catalog.VALUES.items() for value in values]
    singles += [{name: bound} for name, bound in bounds.items()]
    yield from ({}, bounds, *singles)
    yield from ({"status": status} for status in (states.ACTIVE, states.DELETED, states.ACTIVATING))
    yield from ({**single, "status": states.ACTIVE} for single in ({}, bounds, *singles) if single)
    common = {filter_: values[1] for filter_, values in big_catalog.VALUES.items()}
    rare = {filter_: values[2] for filter_, values in big_catalog.VALUES.items()}
    yield {"subjectId": common["subjectId"], "sampleId": common["sampleId"]}
    yield {"sampleId": rare["sampleId"], "creationType": common["creationType"]}
    yield {"name": common["name"], "subjectId": rare["subjectId"], "status": states.ACTIVE}
    yield {"referenceArn": common["referenceArn"], "generatedFrom": rare["generatedFrom"]}


def _asked(lists: _Lists, filters: dict[str, Any]) -> list[_Page]:
    """The first page of an answer, one in its middle, page 5,000 and the last, each seen to hold what it should."""
    found = lists.scalar(sa.select(sa.func.count()).where(*_conditions(lists, filters)))
    last = max(1, -(-found // _PAGE))
    pages = []
    for number in sorted({1, (last + 1) // 2, last} | ({_DEEP} if last >= _DEEP else set())):
        request = _request(lists, filters, number)
        ids = [item["id"] for item in lists.run("ListReadSets", request)["readSets"]]
        if len(ids) != min(_PAGE, found - (number - 1) * _PAGE):
            raise RuntimeError(f"{filters}: page {number} has {len(ids)} of {found} read sets")
        name = f"{_in_words(filters)}: page {number:,} of {last:,}"
        ask = functools.partial(lists.run, "ListReadSets", request)
        pages.append(_Page(name, ask, functools.partial(lists.fetch, ids), number))
    return pages


def _others(lists: _Lists) -> Iterator[tuple[str, tuple[str, dict[str, Any]]]]:
    store, upload = {"sequenceStoreId": lists.store}, lists.scalar(sa.select(sa.func.max(tables.upload.c.id)))
    after = times.to_datetime(lists.scalar(sa.select(sa.func.max(tables.part.c.created))) - 60_000_000)
    parts = {**store, "uploadId": upload, "partSource": "SOURCE1"}
    read_set = lists.scalar(sa.select(sa.func.max(_SET.c.id)))
    yield "ListMultipartReadSetUploads", ("ListMultipartReadSetUploads", store)
    yield "ListReadSetUploadParts", ("ListReadSetUploadParts", parts)
    yield "ListReadSetUploadParts, the last", ("ListReadSetUploadParts", {**parts, "filter": {"createdAfter": after}})
    yield "ListSequenceStores", ("ListSequenceStores", {})
    yield "ListSequenceStores by name", ("ListSequenceStores", {"filter": {"name": "store"}})
    yield "GetReadSetMetadata", ("GetReadSetMetadata", {**store, "id": read_set})


def _in_words(filters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {str(value)[:14] or '(none)'}" for name, value in filters.items()) or "no filter"


def _conditions(lists: _Lists, filters: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    """The filter as one would write it by hand, to count and to find where a page begins."""
    found = [_SET.c.store_id == lists.store]
    found += [_SET.c.status == filters["status"] if "status" in filters else _SET.c.status != states.DELETED]
    found += [_SET.c[big_catalog.VALUES[n][0]] == (v or None) for n, v in filters.items() if n in big_catalog.VALUES]
    if "createdAfter" in filters:
        found.append(_SET.c.created >= times.first_after(filters["createdAfter"]))
    if "createdBefore" in filters:
        found.append(_SET.c.created < times.first_not_before(filters["createdBefore"]))
    return found


def _request(lists: _Lists, filters: dict[str, Any], page: int) -> dict[str, Any]:
    """A request for a page: with the token that the page before it gives."""
    request = {"sequenceStoreId": lists.store, "filter": filters, "maxResults": _PAGE}
    if page == 1:
        return request
    order = (_SET.c.created.desc(), _SET.c.id.desc())
    before = sa.select(_SET.c.created, _SET.c.id).where(*_conditions(lists, filters)).order_by(*order)
    position = lists.rows(before.offset((page - 1) * _PAGE - 1).limit(1))[0]
    pager = lists.house.pager(lists.context, "ListReadSets", store=lists.store, filter=filters)
    return {**request, "nextToken": pager.token(list(position))}


def _median_ms(work: Callable[[], Any]) -> float:
    took = []
    for _ in range(_CALLS):
        begun = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - begun))
    return statistics.median(took)


@contextmanager
def _folder() -> Iterator[Path]:
    kept = os.environ.get("STRANDKEEP_BENCH_CATALOGS")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield Path(kept)
        return
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def _on_sqlite(folder: Path) -> Iterator[_Lists]:
    path = folder / "catalog.sqlite"
    with (
        _house(sqlite_url(path), folder / "sqlite") as house,
        closing(sqlite3.connect(path)) as bare,
        _lists("SQLite", house, lambda ids: bare.execute(_by_id("?", ids), ids).fetchall()) as lists,
    ):
        yield lists


@contextmanager
def _on_postgresql(folder: Path) -> Iterator[_Lists]:
    place = folder / "postgresql"
    place.mkdir(exist_ok=True)
    with (
        running(place) as url,
        _house(url, folder / "postgresql-house") as house,
        psycopg.connect(url) as bare,
        _lists("PostgreSQL", house, lambda ids: bare.execute(_by_id("%s", ids), ids).fetchall()) as lists,
    ):
        yield lists


def _by_id(mark: str, ids: Sequence[str]) -> str:
    return f"SELECT * FROM read_set WHERE id IN ({', '.join([mark] * len(ids)) or 'NULL'})"


@contextmanager
def _lists(database: str, house: House, fetch: Callable[[Sequence[str]], Any]) -> Iterator[_Lists]:
    store = house.catalog.read(lambda reader: reader.all(sa.select(_SET.c.store_id).limit(1)))[0].store_id
    with asyncio.Runner() as runner:
        yield _Lists(database, house, _root(house), store, fetch, runner)


@contextmanager
def _house(url: str, folder: Path) -> Iterator[House]:
    """A house on a full catalog, which is filled first when it is empty."""
    folder.mkdir(exist_ok=True)
    house = _opened(url, folder)
    if not house.catalog.read(lambda reader: reader.all(sa.select(_SET.c.id).limit(1))):
        make = OPERATIONS["CreateSequenceStore"].run(_root(house), house, {"name": "large"})
        store = asyncio.run(make)["id"]
        house.catalog.close()
        begun = time.monotonic()
        big_catalog.fill(url, house.installation.account, store)
        print(f"{url.partition(':')[0]}: filled in {time.monotonic() - begun:.0f} s", flush=True)
        house = _opened(url, folder)
    yield house
    house.catalog.close()
    house.blobs.close()  # type: ignore[attr-defined]


def _opened(url: str, folder: Path) -> House:
    settings = Settings(data_dir=folder, min_free=0)
    catalog = open_catalog(url)
    installation, paging_key = open_installation(catalog, open_sealer(folder / "secret.key"), settings, lambda: False)
    return House(installation, settings, catalog, LocalBlobs(folder, 0), paging_key, lambda: None)


def _root(house: House) -> RequestContext:
    return RequestContext(house.installation.account, house.installation.root_arn(), "AKIAROOT", "127.0.0.1", "request")


if __name__ == "__main__":
    run_alone(measure)
