"""Model against server, for imports of read sets: each job that was asked for is there, once, and did its work."""

from strandkeep.domain import states
from tests.kills.bytes_check import Finding
from tests.kills.client import Client
from tests.kills.model import ABSENT, THERE, ReadsImport, Store


def differences_of_imports(client: Client, store: Store) -> list[Finding]:
    """What is wrong with the imports of a store, once all jobs have ended. The model knows then what they made."""
    listed = client.pages("list_read_set_import_jobs", "importJobs", sequenceStoreId=store.id)
    ids = [job["id"] for job in listed]
    answered = {job.id for job in store.imports}
    found = [finding for job_id in ids if job_id not in answered for finding in _meet(client, store, job_id)]
    for job in store.imports:
        if not job.over:
            found += _differences(client, job, THERE if job.id in ids else ABSENT)
    return found


def _meet(client: Client, store: Store, job_id: str) -> list[Finding]:
    """Find out which job it is whose answer never came."""
    sources = client.ask("get_read_set_import_job", sequenceStoreId=store.id, id=job_id)["sources"]
    names = {source["name"] for source in sources}
    owed = [job for job in store.imports if job.id is None and names == {reads.name for reads in job.reads}]
    if not owed:
        return [
            Finding("doubled", f"the import job {job_id} of {sorted(names)} was not asked for, or there is another")
        ]
    owed[0].id = job_id
    client.ask_for_reads(owed[0])
    return (
        [] if owed[0].id == job_id else [Finding("doubled", f"import job {job_id} is {owed[0].id} by its clientToken")]
    )


def _differences(client: Client, job: ReadsImport, seen: str) -> list[Finding]:
    expected = set(job.state.possible)
    if not job.state.settle(seen):
        return [Finding("lost", f"import job {job.id} is {seen}, not {expected}")]
    if seen == ABSENT:
        job.ended()
        return []
    outcomes = [source["status"] for source in client.reads_import(job)["sources"]]
    if outcomes != [states.FINISHED if reads.sound else states.FAILED for reads in job.reads]:
        return [Finding("half", f"the sources of import job {job.id} are {outcomes}")]
    return []
