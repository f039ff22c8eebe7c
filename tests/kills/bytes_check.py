"""Rows against bytes: what is lost, and what lies there for nothing."""

import hashlib
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from strandkeep.catalog import sqlite_url, tables
from strandkeep.catalog.database import reading_engine
from strandkeep.catalog.stored_files import HOLDERS
from strandkeep.domain import states
from strandkeep.domain.blobs import LIVE
from strandkeep.domain.file_names import manifest_name


@dataclass(frozen=True)
class Finding:
    """Something that may not be: `kind` is lost, half, doubled, stuck, orphan or again."""

    kind: str
    what: str


class Fetched(NamedTuple):
    """A blob that an unfinished source of an import job, at a `position` of it, has fetched."""

    blob: str
    job_id: str
    position: int


class Keeping:
    """A data folder and its catalog, read as an operator could beside the running server."""

    def __init__(self, data_dir: Path, database_url: str = "") -> None:
        self._data_dir = data_dir
        self._url = database_url or sqlite_url(data_dir / "catalog.sqlite")

    def rows(self, query: sa.Select[Any]) -> list[Any]:
        """What a query finds."""
        engine = reading_engine(self._url)
        try:
            with engine.connect() as connection:
                return list(connection.execute(query).all())
        finally:
            engine.dispose()

    def unfinished_jobs(self) -> list[Finding]:
        """Jobs that have not ended."""
        job = tables.job
        query = sa.select(job.c.id, job.c.state, job.c.attempt).where(job.c.state.not_in(states.ENDED_JOBS))
        return [Finding("stuck", f"job {row.id} is {row.state}, attempt {row.attempt}") for row in self.rows(query)]

    def unrecorded(self, request_ids: list[str]) -> list[Finding]:
        """Answered changes without exactly one audit record."""
        audit = tables.audit.c.request_id
        found = [row.request_id for row in self.rows(sa.select(audit).where(audit.in_(request_ids)))]
        times = {request_id: found.count(request_id) for request_id in request_ids}
        return [Finding("lost", f"request {i} has {n} audit records") for i, n in times.items() if n != 1]

    def fetched(self) -> list[Fetched]:
        """What counts of imports that have not ended."""
        table = tables.fetched
        return [Fetched(*row) for row in self.rows(sa.select(table.c.blob, table.c.job_id, table.c.position))]

    def fetched_again(self, before: Collection[Fetched]) -> list[Finding]:
        """Blobs that counted before, of sources that are finished now, without being what was made of them."""
        item = tables.item
        query = sa.select(item.c.job_id, item.c.position).where(item.c.state == states.FINISHED)
        finished = {(row.job_id, row.position) for row in self.rows(query)} if before else set()
        used = {row.blob for row in self.rows(sa.select(tables.segment.c.blob))} if before else set()
        again = [one for one in before if (one.job_id, one.position) in finished and one.blob not in used]
        return [Finding("again", f"what source {one.position} of job {one.job_id} had fetched") for one in again]

    def faults(self) -> list[Finding]:
        """What is wrong between rows and bytes, in a server that has nothing to do but to sweep."""
        left = [Finding("orphan", f"{one} was left") for one in self.fetched()]
        return [*left, *self._faults_of_blobs(), *self._left_temporaries(), *self._faults_of_manifests()]

    def _faults_of_blobs(self) -> list[Finding]:
        files = {path.name: path for path in (self._data_dir / "blobs").glob("*/*")}
        blobs = {row.name: row for row in self.rows(sa.select(tables.blob))}
        used = {row.blob for table in (tables.part, tables.segment) for row in self.rows(sa.select(table.c.blob))}
        found = [Finding("orphan", f"blob {name} has bytes and no row") for name in files.keys() - blobs.keys()]
        for name, row in blobs.items():
            if row.state == LIVE:
                found += _fault_of_live(row, files.get(name), name in used)
            else:
                found += _fault_of_condemned(row, name in files, name in used)
        return found

    def _left_temporaries(self) -> list[Finding]:
        folders = list((self._data_dir / "tmp").iterdir())
        left = [path for folder in folders for path in folder.iterdir() if path.name != "lock"]
        return [Finding("orphan", f"{path} was left") for path in (*folders[1:], *left)]

    def _faults_of_manifests(self) -> list[Finding]:
        holders = [table.c for table in HOLDERS.values()]
        rows = [row for of in holders for row in self.rows(sa.select(of.id, of.revision, of.status))]
        stored = {path.name for path in (self._data_dir / "manifests").iterdir()}
        known = {manifest_name(row.id, row.revision): row.status == states.ACTIVE for row in rows}
        missing = [name for name, active in known.items() if active and name not in stored]
        found = [Finding("lost", f"manifest {name} is missing") for name in missing]
        return found + [Finding("orphan", f"manifest {name} is of nothing") for name in stored - known.keys()]


def _fault_of_live(row: Any, path: Path | None, used: bool) -> list[Finding]:
    if not used:
        return [Finding("orphan", f"nothing points at the live blob {row.name}")]
    if path is None or not path.exists():
        return [Finding("lost", f"the live blob {row.name} has no bytes")]
    if hashlib.sha256(path.read_bytes()).hexdigest() != row.sha256:
        return [Finding("lost", f"the live blob {row.name} has other bytes")]
    return []


def _fault_of_condemned(row: Any, has_bytes: bool, used: bool) -> list[Finding]:
    if used:
        return [Finding("lost", f"the blob {row.name} is condemned, and something points at it")]
    # The name of an orphan stays condemned for good, without a time.
    due = row.delete_after is None or row.delete_after < time.time() * 1e6
    if has_bytes and due:
        return [Finding("orphan", f"the condemned blob {row.name} still has its bytes")]
    return [Finding("orphan", f"the row of blob {row.name} was left")] if due and row.delete_after is not None else []
