"""Import jobs of both kinds: how far they are, how they are cancelled, and how what failed is taken up again."""

import asyncio
import dataclasses
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from strandkeep.buckets import BucketAway
from strandkeep.catalog import items, tables
from strandkeep.domain import times
from strandkeep.domain.eventbridge import as_eventbridge
from strandkeep.errors import ConflictException, ResourceNotFoundException, ServiceQuotaExceededException
from strandkeep.jobs import fetching, import_read_sets, import_references, sources
from strandkeep.jobs.kinds import KINDS, queues
from strandkeep.jobs.sweep import sweep
from tests.e2e.uploading import fastq
from tests.operations.conftest import NEVER, Api, with_settings
from tests.operations.imports import ReadsImporter, outcomes, reads_importer
from tests.operations.references import Importer, fasta, importer, insert_reference
from tests.operations.running import run_waiting, waiting

CANCELLED = "The job was cancelled before this source was imported."


@dataclass(frozen=True)
class Imports:
    """A caller of one kind of import: what differs between the two."""

    mine: ReadsImporter | Importer
    kind: str
    output: str
    made: Any
    module: Any
    examine: str

    @property
    def api(self) -> Api:
        """The caller's operations."""
        return self.mine.api

    def source(self, name: str, seed: int = 1, good: bool = True) -> dict[str, Any]:
        """A source that is in the folder; another `seed` gives other bytes, and one that is not `good` fails."""
        if isinstance(self.mine, Importer):
            return self.mine.source(name, fasta(seed=seed) if good else b"no sequence", name=name)
        content = gzip.compress(fastq(20, 50, seed, 7)) if good else b"no reads"
        return self.mine.source(content, key=f"{name}.fastq.gz", name=name)

    def start(self, *given: dict[str, Any]) -> str:
        """The id of a new job."""
        return str(self.mine.start(*given)["id"])

    def progress(self, job: str) -> dict[str, Any]:
        """The answer of GetJobProgress, without members that are not there."""
        answer = self.api("GetJobProgress", id=job)
        told = [{k: v for k, v in source.items() if v is not None} for source in answer["sources"]]
        return {**answer, "sources": told}

    def cancel(self, job: str) -> str:
        """The status that CancelJob answers."""
        answer = self.api("CancelJob", id=job)
        assert (answer["id"], answer["kind"]) == (job, self.kind)
        return str(answer["status"])

    def while_examined(self, monkeypatch: Any, happens: Callable[[], Any]) -> None:
        """Let something happen when a source was read to its end, before it is imported."""
        step = getattr(self.module, self.examine)

        def and_then(*args: Any, **options: Any) -> Any:
            found = step(*args, **options)
            happens()
            return found

        monkeypatch.setattr(self.module, self.examine, and_then)


def of_kind(kind: str, api: Api, folder) -> Imports:
    folder.mkdir(exist_ok=True)
    if kind == "readSetImportJob":
        mine = reads_importer(api, folder)
        return Imports(mine, kind, "readSetId", tables.read_set, import_read_sets, "examine")
    return Imports(importer(api, folder), kind, "referenceId", tables.reference, import_references, "examine_fasta")


KINDS_OF_JOBS = pytest.mark.parametrize("kind", ["readSetImportJob", "referenceImportJob"])


@pytest.fixture
def shared(kind, api, tmp_path) -> Imports:
    """A caller in the shared house."""
    return of_kind(kind, api, tmp_path / "bucket")


@pytest.fixture
def imports(kind, own, tmp_path) -> Imports:
    """A caller in a house of the test's own."""
    return of_kind(kind, own, tmp_path / "bucket")


def away(*args: Any, **options: Any) -> Any:
    raise BucketAway("The bucket does not answer.")


def nothing_is_left(imports: Imports) -> bool:
    """Whether neither bytes, rows nor manifests are left of what did not come to be."""
    api = imports.api
    for _ in range(2):
        sweep(with_settings(api, orphan_grace_s=0).house)
    stored = {name for names in api.house.blobs.orphans(0) for name in names}
    manifests = {f"{row.id}.1.json" for row in api.rows(imports.made)}
    written = {path.name for path in (api.house.blobs._root / "manifests").iterdir()}
    mine = {f"{row.output_id}.1.json" for row in api.rows(tables.item)}
    return (
        stored == {row.blob for row in api.rows(tables.segment)}
        and not api.rows(tables.fetched)
        and written & mine == manifests
    )


# CancelJob


@KINDS_OF_JOBS
def test_cancel_job_ends_one_that_waits_at_once(imports):
    job = imports.start(imports.source("a"), imports.source("b", seed=2))
    assert imports.cancel(job) == "CANCELLED"
    found = imports.mine.job(job)
    assert (found["status"], found["statusMessage"]) == (
        "CANCELLED",
        "The job was cancelled; 0 of 2 sources had finished.",
    )
    assert found["completionTime"] > found["creationTime"]
    assert outcomes(found) == [("FAILED", CANCELLED)] * 2
    assert waiting(imports.api.house) == []
    imports.mine.run(job)
    assert imports.api.rows(imports.made) == []


@KINDS_OF_JOBS
def test_cancel_job_lets_a_running_source_end_with_its_next_attempt_and_drops_what_was_fetched(imports, monkeypatch):
    job = imports.start(imports.source("a"), imports.source("b", seed=2), imports.source("c", seed=3))
    run_items_of(imports, job, 1)
    seen = []

    def cancelled() -> None:
        assert len(imports.api.rows(tables.fetched)) == 1
        seen.append(imports.cancel(job))
        seen.append(outcomes(imports.mine.job(job)))

    with monkeypatch.context() as patched:
        imports.while_examined(patched, cancelled)
        run_items_of(imports, job, 2)
    status, then = seen
    assert status == "CANCELLING"
    assert [state for state, _ in then] == ["FINISHED", "IN_PROGRESS", "FAILED"]
    found = imports.mine.job(job)
    assert (found["status"], found["sources"][1]["status"]) == ("CANCELLING", "IN_PROGRESS")
    assert "let go within seconds" in found["statusMessage"]

    run_waiting(imports.api.house)

    found = imports.mine.job(job)
    assert (found["status"], found["statusMessage"]) == (
        "CANCELLED",
        "The job was cancelled; 1 of 3 sources had finished.",
    )
    assert outcomes(found)[1:] == [("FAILED", CANCELLED)] * 2
    assert [source[imports.output] for source in found["sources"]][1:] == [None, None]
    (made,) = imports.api.rows(imports.made)
    assert made.id == found["sources"][0][imports.output]
    assert nothing_is_left(imports)


def run_items_of(imports: Imports, job: str, position: int) -> None:
    """An attempt of one item of a job."""
    from strandkeep.jobs.ingest import tell_read_set
    from strandkeep.jobs.running import run_job

    run_job(imports.api.house, KINDS, tell_read_set, f"{job}.{position}")


@KINDS_OF_JOBS
def test_cancel_job_is_noticed_by_a_source_that_is_still_being_read(imports, monkeypatch):
    """By what it notes of how far it is."""
    monkeypatch.setattr(sources, "PROGRESS_S", 0)
    job = imports.start(imports.source("a"))
    chunks = fetching.Fetch.chunks

    def slow(self):
        yield from chunks(self)
        imports.cancel(job)
        while True:
            yield b""

    monkeypatch.setattr(fetching.Fetch, "chunks", slow)
    imports.mine.run(job)
    assert imports.mine.job(job)["status"] == "CANCELLING"
    run_waiting(imports.api.house)
    assert imports.mine.job(job)["status"] == "CANCELLED"
    assert nothing_is_left(imports)


@KINDS_OF_JOBS
def test_cancel_job_does_not_wait_for_a_source_that_was_put_off(imports, monkeypatch):
    job = imports.start(imports.source("a"))
    with monkeypatch.context() as patched:
        patched.setattr(imports.module, "look_up", away)
        run_items_of(imports, job, 1)
    assert due(imports) == []
    assert imports.cancel(job) == "CANCELLING"
    (work,) = due(imports)
    assert work.id == f"{job}.1"
    imports.mine.run(job)
    assert imports.mine.job(job)["status"] == "CANCELLED"


def due(imports: Imports) -> list[Any]:
    """What may run at this moment."""
    house = imports.api.house
    now = house.catalog.write(lambda tx: tx.now)
    return [
        work
        for queue in queues(house.settings)
        for work in house.catalog.read(lambda reader, queue=queue: queue.waiting(reader, now, 100))
    ]


@KINDS_OF_JOBS
def test_cancel_job_ends_a_source_whose_attempt_died(imports):
    """Its job is taken by a queue in which nothing waits for a place."""
    job = imports.start(imports.source("a"))
    imports.api.house.catalog.write(lambda tx: items.claim(tx, f"{job}.1"))
    imports.cancel(job)
    house = imports.api.house
    now = house.catalog.write(lambda tx: tx.now)
    taken = {
        queue: [work.id for work in house.catalog.read(lambda reader, queue=queue: queue.waiting(reader, now, 9))]
        for queue in queues(house.settings)
    }
    assert [(queue.states, ids) for queue, ids in taken.items() if ids] == [(("CANCELLING",), [f"{job}.1"])]
    imports.mine.run(job)
    assert imports.mine.job(job)["status"] == "CANCELLED"


@KINDS_OF_JOBS
def test_cancel_job_answers_the_same_again_and_disturbs_nothing(imports):
    job = imports.start(imports.source("a"))
    imports.api.house.catalog.write(lambda tx: items.claim(tx, f"{job}.1"))
    assert imports.cancel(job) == "CANCELLING"
    before = imports.api.rows(tables.item)
    assert imports.cancel(job) == "CANCELLING"
    assert imports.api.rows(tables.item) == before
    imports.mine.run(job)
    assert imports.cancel(job) == imports.cancel(job) == "CANCELLED"
    assert imports.api.events(job)[-2:] == [("IN_PROGRESS", "CANCELLING"), ("CANCELLING", "CANCELLED")]


@KINDS_OF_JOBS
def test_cancel_job_called_many_times_at_once_cancels_once(imports):
    job = imports.start(*(imports.source(f"s{n}", seed=n) for n in range(5)))
    imports.api.house.catalog.write(lambda tx: items.claim(tx, f"{job}.3"))

    async def at_once():
        return await asyncio.gather(*(imports.api.begin("CancelJob", id=job) for _ in range(12)))

    answers = asyncio.run(at_once())
    assert {answer["status"] for answer in answers} == {"CANCELLING"}
    assert imports.api.events(job).count(("IN_PROGRESS", "CANCELLING")) == 1
    assert [row.attempt for row in sorted(imports.api.rows(tables.item), key=lambda row: row.position)] == [
        0,
        0,
        2,
        0,
        0,
    ]


@KINDS_OF_JOBS
@pytest.mark.parametrize(
    ("good", "state"),
    [((True,), "COMPLETED"), ((False,), "FAILED"), ((True, False), "COMPLETED_WITH_FAILURES")],
)
def test_cancel_job_of_one_that_has_ended_otherwise_is_a_conflict(shared, good, state):
    job = shared.start(*(shared.source(f"{n}", seed=n, good=one) for n, one in enumerate(good)))
    shared.mine.run(job)
    before = shared.mine.job(job)
    with pytest.raises(ConflictException, match=f"is {state}; it has ended already"):
        shared.cancel(job)
    assert shared.mine.job(job) == before
    assert before["status"] == state


@pytest.mark.parametrize("operation", ["CancelJob", "GetJobProgress", "RetryFailedItems"])
@KINDS_OF_JOBS
def test_the_job_must_be_an_import_of_the_callers(shared, other, operation):
    job = shared.start(shared.source("a"))
    verification = shared.api("StartVerification")["id"]
    for caller, wrong in ((shared.api, NEVER), (shared.api, "0123456789"), (shared.api, verification), (other, job)):
        with pytest.raises(ResourceNotFoundException, match=wrong):
            caller(operation, id=wrong)
    shared.api("CancelVerification", id=verification)
    assert shared.mine.job(job)["status"] == "SUBMITTED"


@KINDS_OF_JOBS
def test_a_cancelled_job_leaves_events_in_the_form_of_eventbridge_too(imports):
    job = imports.start(imports.source("a"))
    canceller = dataclasses.replace(imports.api.context, request_id="that-cancels")
    dataclasses.replace(imports.api, context=canceller)("CancelJob", id=job)
    told = imports.api("ListEvents", afterId=0, filter={"resourceKind": imports.kind})["events"]
    assert [(event["before"], event["after"], event["requestId"]) for event in told] == [
        (None, "SUBMITTED", "request"),
        ("SUBMITTED", "CANCELLING", "that-cancels"),
        ("CANCELLING", "CANCELLED", "request"),
    ]
    given = [as_eventbridge(event)["detail"] for event in told]
    assert [detail["status"] for detail in given] == ["SUBMITTED", "CANCELLING", "CANCELLED"]
    assert given[-1]["statusMessage"] == "The job was cancelled; 0 of 1 sources had finished."


# GetJobProgress


@KINDS_OF_JOBS
def test_get_job_progress_follows_a_job_from_its_start_to_its_end(shared, monkeypatch):
    job = shared.start(shared.source("a"), shared.source("b", good=False))

    waits = shared.progress(job)
    assert (waits["id"], waits["kind"], waits["status"]) == (job, shared.kind, "SUBMITTED")
    assert waits["roleArn"] == shared.mine.role
    store = {"readSetImportJob": "sequenceStoreId", "referenceImportJob": "referenceStoreId"}[shared.kind]
    assert waits[store] == shared.mine.store
    assert waits["totals"] == {
        **{"sources": 2, "notStarted": 2, "inProgress": 0, "finished": 0, "failed": 0},
        **{"bytesDone": 0, "bytesTotal": None, "bytesPerSecond": 0, "reads": 0, "percent": 0},
    }
    assert waits["sources"][0] == {
        **{"position": 1, "name": "a", "status": "NOT_STARTED", "statusMessage": "The source is queued for the job."},
        **{"bytesDone": 0, "bytesPerSecond": 0, "reads": 0, "percent": 0, "attempt": 0, "failures": 0},
    }

    seen = []
    with monkeypatch.context() as patched:
        shared.while_examined(patched, lambda: seen.append(shared.progress(job)))
        run_items_of(shared, job, 1)
    (during,) = seen
    size = (shared.mine.folder / ("a" if shared.kind == "referenceImportJob" else "a.fastq.gz")).stat().st_size
    first = during["sources"][0]
    assert (first["status"], first["bytesDone"], first["bytesTotal"], first["percent"]) == (
        "IN_PROGRESS",
        size,
        size,
        100,
    )
    assert first["reads"] == (3 if shared.kind == "referenceImportJob" else 20)
    assert first["bytesPerSecond"] > 0
    assert first["statusMessage"].startswith("100 % done: ")
    assert (first["attempt"], first["failures"]) == (1, 0)
    assert during["totals"]["inProgress"] == during["totals"]["notStarted"] == 1
    assert during["totals"]["percent"] == 50

    shared.mine.run(job)

    done = shared.progress(job)
    assert (done["status"], done["statusMessage"]) == (
        "COMPLETED_WITH_FAILURES",
        "1 of 2 sources failed; each says why.",
    )
    assert done["completionTime"] == shared.mine.job(job)["completionTime"]
    good, bad = done["sources"]
    assert (good["bytesDone"], good["bytesTotal"], good["percent"], good["bytesPerSecond"]) == (size, size, 100, 0)
    assert good["reads"] == first["reads"]
    assert good[shared.output] == shared.mine.job(job)["sources"][0][shared.output]
    assert bad["status"] == "FAILED"
    assert shared.output not in bad
    totals = done["totals"]
    assert (totals["finished"], totals["failed"], totals["percent"], totals["bytesPerSecond"]) == (1, 1, 100, 0)


@KINDS_OF_JOBS
def test_get_job_progress_tells_when_a_source_is_tried_again_and_shows_no_rate_meanwhile(imports, monkeypatch):
    job = imports.start(imports.source("a"))
    noted = {"stored": 40, "size": 100, "text": 1, "reads": 2, "rate": 9}
    clock = imports.api.house.catalog.clock

    def breaks_off(house, item, *_):
        house.catalog.write(lambda tx: items.put_progress(tx, item, {**noted, "at": clock.reading()}))
        assert imports.progress(job)["sources"][0]["bytesPerSecond"] == 9
        raise BucketAway("The bucket does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(imports.module, "look_up", breaks_off)
        run_items_of(imports, job, 1)
    (source,) = imports.progress(job)["sources"]
    assert source["statusMessage"] == "The bucket does not answer. It is tried again."
    assert (source["bytesDone"], source["percent"], source["failures"], source["attempt"]) == (40, 40, 1, 1)
    (row,) = imports.api.rows(tables.item)
    assert source["nextAttemptTime"] == times.to_datetime(row.run_after)
    assert source["bytesPerSecond"] == 0

    clock.move(3 * times.SECOND)
    assert "nextAttemptTime" not in imports.progress(job)["sources"][0]
    imports.mine.run(job)
    done = imports.progress(job)["sources"][0]
    assert (done["status"], done["percent"], done["failures"], done["attempt"]) == ("FINISHED", 100, 1, 2)


@KINDS_OF_JOBS
def test_get_job_progress_shows_no_rate_of_a_source_whose_attempt_died(imports):
    job = imports.start(imports.source("a"))
    clock = imports.api.house.catalog.clock
    noted = {"stored": 40, "size": 100, "text": 1, "reads": 2, "rate": 9, "at": clock.reading()}
    item = imports.api.house.catalog.write(lambda tx: items.claim(tx, f"{job}.1"))
    imports.api.house.catalog.write(lambda tx: items.put_progress(tx, item, noted))
    assert imports.progress(job)["totals"]["bytesPerSecond"] == 9
    assert outcomes(imports.mine.job(job)) == [("IN_PROGRESS", "40 % done: 40 of 100 bytes, at 9 bytes/s.")]
    clock.move(11 * times.SECOND)
    assert imports.progress(job)["totals"]["bytesPerSecond"] == 0
    assert outcomes(imports.mine.job(job)) == [("IN_PROGRESS", "40 % done: 40 of 100 bytes.")]


# RetryFailedItems


def retry(imports: Imports, job: str, **members: Any) -> dict[str, Any]:
    return dict(imports.api("RetryFailedItems", id=job, **members))


@KINDS_OF_JOBS
def test_retry_failed_items_starts_a_job_with_what_failed(shared):
    given = [shared.source("a"), shared.source("b", good=False), shared.source("c", seed=3, good=False)]
    given[1] |= {"description": "kept", "tags": {"k": "v"}}
    first = shared.start(*given)
    shared.mine.run(first)
    before = shared.mine.job(first)
    shared.source("b", seed=2)

    answer = retry(shared, first)

    assert (answer["retryOf"], answer["sources"], answer["status"]) == (first, 2, "SUBMITTED")
    assert (answer["kind"], answer["roleArn"]) == (shared.kind, shared.mine.role)
    assert {answer.get("sequenceStoreId"), answer.get("referenceStoreId")} == {shared.mine.store, None}
    second = shared.mine.job(answer["id"])
    assert second["creationTime"] == answer["creationTime"]
    asked = [{name: source.get(name) for name in one} for one, source in zip(given[1:], second["sources"], strict=True)]
    assert asked == given[1:]
    shared.mine.run(answer["id"])
    done = shared.mine.job(answer["id"])
    assert [source["status"] for source in done["sources"]] == ["FINISHED", "FAILED"]
    assert shared.progress(answer["id"])["retryOf"] == first
    assert "retryOf" not in {name for name, value in shared.progress(first).items() if value is not None}
    assert shared.mine.job(first) == before

    third = retry(shared, answer["id"])
    assert (third["retryOf"], third["sources"]) == (answer["id"], 1)


@KINDS_OF_JOBS
def test_retry_failed_items_takes_up_what_was_cancelled(imports):
    job = imports.start(imports.source("a"), imports.source("b", seed=2))
    imports.cancel(job)
    again = retry(imports, job)
    assert again["sources"] == 2
    imports.mine.run(again["id"])
    assert imports.mine.job(again["id"])["status"] == "COMPLETED"
    assert imports.mine.job(job)["status"] == "CANCELLED"


@KINDS_OF_JOBS
def test_retry_failed_items_is_by_its_callers_context(shared):
    job = shared.start(shared.source("a", good=False))
    shared.mine.run(job)
    caller = dataclasses.replace(shared.api.context, request_id="that-retries")
    again = dataclasses.replace(shared.api, context=caller)("RetryFailedItems", id=job)["id"]
    (row,) = shared.api.rows(tables.job, id=again)
    assert row.context["request_id"] == "that-retries"


@KINDS_OF_JOBS
def test_retry_failed_items_with_the_same_token_starts_one_job_even_at_once(shared):
    job = shared.start(shared.source("a", good=False))
    shared.mine.run(job)

    async def at_once():
        calls = [shared.api.begin("RetryFailedItems", id=job, clientToken="t") for _ in range(12)]
        return await asyncio.gather(*calls)

    answers = asyncio.run(at_once())
    assert all(answer == answers[0] for answer in answers)
    shared.mine.run(answers[0]["id"])
    assert retry(shared, job, clientToken="t") == {k: v for k, v in answers[0].items() if v is not None}
    assert retry(shared, job, clientToken="u")["id"] != answers[0]["id"]
    with pytest.raises(ConflictException, match="clientToken"):
        retry(shared, answers[0]["id"], clientToken="t")


@KINDS_OF_JOBS
def test_retry_failed_items_is_a_conflict_before_the_end_and_when_nothing_failed(imports):
    job = imports.start(imports.source("a"))
    with pytest.raises(ConflictException, match="is SUBMITTED; its failed sources can be retried once it has ended"):
        retry(imports, job)
    imports.mine.run(job)
    with pytest.raises(ConflictException, match="is COMPLETED; none of its sources failed"):
        retry(imports, job)
    assert len(imports.api.rows(tables.job)) == 1


@KINDS_OF_JOBS
def test_retry_failed_items_checks_quotas_as_a_start_does(shared):
    job = shared.start(shared.source("a", good=False))
    shared.mine.run(job)
    shared.start(shared.source("b"))
    full = with_settings(shared.api, quota_concurrent_import_jobs=1)
    with pytest.raises(ServiceQuotaExceededException, match="concurrent_import_jobs"):
        full("RetryFailedItems", id=job)


@pytest.mark.parametrize("kind", ["readSetImportJob"])
def test_retry_failed_items_checks_the_references_that_its_sources_name(shared):
    references = importer(shared.api, shared.mine.folder)
    named = references.arn(insert_reference(shared.api, references.store))
    source = {**shared.source("a"), "sourceFileType": "BAM", "referenceArn": named}
    (shared.mine.folder / "a.fastq.gz").unlink()
    job = shared.start(source)
    shared.mine.run(job)
    references.delete(named.rpartition("/")[2])
    with pytest.raises(ResourceNotFoundException, match="referenceArn"):
        retry(shared, job)
