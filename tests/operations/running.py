"""Work that the job engine would run, run by a test."""

from collections.abc import Collection

from strandkeep.catalog import Reader, items, jobs, tables
from strandkeep.domain import times
from strandkeep.domain.import_jobs import Waiting
from strandkeep.house import House
from strandkeep.jobs.ingest import tell_read_set
from strandkeep.jobs.kinds import KINDS, queues
from strandkeep.jobs.running import Kind, run_job
from strandkeep.jobs.sweep import sweep
from tests.operations.conftest import Api, with_settings

_MANY = 100_000


def waiting(house: House) -> list[Waiting]:
    """All that waits, what was put off included."""
    now = house.catalog.write(lambda tx: tx.now)

    def read(reader: Reader) -> list[Waiting]:
        return [work for queue in queues(house.settings) for work in queue.waiting(reader, now + times.DAY, _MANY)]

    return house.catalog.read(read)


def run_waiting(house: House, leave: Collection[str] = ()) -> None:
    """Run what waits until nothing does, but for jobs of the kinds to `leave`; pauses take no time."""
    kinds = {name: kind for name, kind in KINDS.items() if name not in leave}
    for _ in range(20):
        due = waiting(house)
        if not due:
            return
        for work in due:
            run_job(house, kinds, tell_read_set, work.id)
    raise AssertionError("a job does not end")


def run_items(house: House, job_id: str, work: Kind | None = None) -> None:
    """An attempt of each unfinished item of a job, one after the other; `work` in place of its kind's."""

    def read(reader: Reader) -> str:
        job = jobs.find(reader, job_id)
        assert job is not None
        return str(job.kind)

    kind = house.catalog.read(read)
    kinds = {kind: work} if work else KINDS
    for item in house.catalog.read(lambda reader: items.of(reader, job_id)):
        run_job(house, kinds, tell_read_set, f"{job_id}.{item.position}")


def blobs_without_use(api: Api) -> set[str]:
    """Names of stored blobs that nothing points at, once the sweep has been."""
    sweep(with_settings(api, orphan_grace_s=0).house)
    stored = {name for names in api.house.blobs.orphans(0) for name in names}
    return stored - {row.blob for table in (tables.segment, tables.fetched) for row in api.rows(table)}
