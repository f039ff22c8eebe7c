"""What an import fetches: each byte once, whatever ends its attempts, and nothing is left of what does not count."""

import gzip
from dataclasses import dataclass, field
from functools import cache

import pytest

from strandkeep.blobs import DamagedBlob, OutOfSpace
from strandkeep.blobs.blob_writer import BlobWriter
from strandkeep.buckets import BucketAway
from strandkeep.buckets.folder import FolderObject
from strandkeep.catalog import items, tables
from strandkeep.domain.file_names import manifest_name
from strandkeep.jobs import fetching
from strandkeep.jobs.fetching import Fetch, look_up
from strandkeep.jobs.import_read_sets import import_read_set
from strandkeep.jobs.import_references import import_reference
from strandkeep.jobs.sources import Refused, concluded
from tests.e2e.uploading import MIB, fastq
from tests.operations.conftest import with_settings
from tests.operations.imports import ReadsImporter, outcomes, reads_importer
from tests.operations.references import fasta, importer
from tests.operations.running import blobs_without_use

CHANGED = "The object changed while it was read. Start again when nobody writes to it any more."


@cache
def sound(mate: int = 1, seed: int = 1) -> bytes:
    """A FASTQ file of three and a bit MiB, hardly compressed, as it takes no time."""
    return gzip.compress(fastq(13_000, 100, mate, seed), 0, mtime=0)


@pytest.fixture
def mine(own, tmp_path, monkeypatch) -> ReadsImporter:
    """A caller with a mapped folder; what is fetched counts from MiB to MiB."""
    monkeypatch.setattr(fetching, "STRETCH", MIB)
    folder = tmp_path / "bucket"
    folder.mkdir()
    return reads_importer(own, folder)


@dataclass
class Asked:
    """What was asked of the folder: (from which byte, how many came) of each file, in order. `after` so many bytes of
    one, `then` is called.
    """

    reads: list[list[int]] = field(default_factory=list)
    after: int = -1
    then: object = None


@pytest.fixture
def asked(monkeypatch) -> Asked:
    """What is asked of the folder from now on."""
    noted, chunks = Asked(), FolderObject.chunks

    def watched(self, first=0):
        read = [first, 0]
        noted.reads.append(read)
        for chunk in chunks(self, first):
            if read[1] == noted.after:
                noted.after = -1
                noted.then()
            read[1] += len(chunk)
            yield chunk

    monkeypatch.setattr(FolderObject, "chunks", watched)
    return noted


def interrupt(monkeypatch, mine, job, point, times, then=None):
    """Run a job whose attempt ends when it reaches a point the nth time, by no fault of the source."""
    reached = []

    def reach(name):
        reached.append(name)
        if reached.count(point) == times and name == point:
            (then or fail)()

    with monkeypatch.context() as patched:
        patched.setattr(fetching, "reach", reach)
        mine.run(job)
    assert reached.count(point) >= times


def fail():
    raise OSError("the server's own trouble")


def fetched(mine, **where):
    """The blobs that count so far, in order."""
    rows = mine.api.rows(tables.fetched, **where)
    return [row.blob for row in sorted(rows, key=lambda row: (row.source, row.start))]


def segments(mine, holder):
    """The blobs of a file, in order."""
    return [row.blob for row in sorted(mine.api.rows(tables.segment, holder_id=holder), key=lambda row: row.start)]


def made(mine, job):
    """The one read set of a job that is COMPLETED."""
    done = mine.job(job)
    assert (done["status"], outcomes(done)) == ("COMPLETED", [("FINISHED", "The source was imported.")])
    return done["sources"][0]["readSetId"]


def left(mine):
    """What nobody uses, and temporaries."""
    root = mine.api.house.blobs._root
    return [*blobs_without_use(mine.api), *(path for path in root.glob("tmp/*/*") if path.name != "lock")]


@pytest.mark.parametrize("stretches", [1, 3, 4])
def test_after_each_stretch_the_next_attempt_asks_for_the_rest_alone(mine, asked, monkeypatch, stretches):
    content = sound()
    job = mine.start(mine.source(content))["id"]
    interrupt(monkeypatch, mine, job, "import.fetched", stretches)
    before = fetched(mine)
    assert outcomes(mine.job(job))[0][0] == "IN_PROGRESS"

    mine.run(job)

    read_set = made(mine, job)
    assert mine.bytes_of(read_set) == content
    assert (len(before), segments(mine, read_set)[:stretches]) == (stretches, before)
    assert len(segments(mine, read_set)) == 4
    assert asked.reads[1:] == ([[stretches * MIB, len(content) - stretches * MIB]] if stretches < 4 else [])
    assert (fetched(mine), left(mine)) == ([], [])


def test_a_reference_goes_on_where_it_was_too(mine, asked, monkeypatch):
    theirs = importer(mine.api, mine.folder)
    content = fasta(length=MIB)
    job = theirs.start(theirs.source("ref.fa", content))["id"]
    interrupt(monkeypatch, theirs, job, "import.fetched", 2)
    theirs.run(job)
    (source,) = theirs.job(job)["sources"]
    assert theirs.bytes_of(source["referenceId"]) == content
    assert asked.reads[1:] == [[2 * MIB, len(content) - 2 * MIB]]
    assert left(mine) == []


def test_of_mates_each_goes_on_where_it_was(mine, asked, monkeypatch):
    one, two = sound(1), sound(2)
    job = mine.start(mine.source(one, two))["id"]
    interrupt(monkeypatch, mine, job, "import.fetched", 3)
    before = {source: fetched(mine, source=source) for source in ("SOURCE1", "SOURCE2")}
    first, asked.reads[:] = list(asked.reads), []
    mine.run(job)
    read_set = made(mine, job)
    assert (mine.bytes_of(read_set), mine.bytes_of(read_set, file="SOURCE2")) == (one, two)
    kept = [len(blobs) * MIB for blobs in before.values()]
    assert len(first) == 2
    assert sorted(asked.reads) == sorted([n, len(c) - n] for n, c in zip(kept, (one, two), strict=True) if n < len(c))
    assert {*before["SOURCE1"], *before["SOURCE2"]} <= {row.blob for row in mine.api.rows(tables.segment)}
    assert left(mine) == []


def test_what_came_before_a_bucket_went_away_counts(mine, asked, monkeypatch):
    monkeypatch.setattr(fetching, "STRETCH", 256 * MIB)

    def away():
        raise BucketAway("It is silent.")

    content = sound()
    asked.after, asked.then = 2 * MIB, away
    job = mine.start(mine.source(content))["id"]
    mine.run(job)
    assert outcomes(mine.job(job)) == [("IN_PROGRESS", "It is silent. It is tried again.")]
    mine.run(job)
    assert mine.bytes_of(made(mine, job)) == content
    assert asked.reads == [[0, 2 * MIB], [2 * MIB, len(content) - 2 * MIB]]
    assert left(mine) == []


def test_an_object_that_changed_between_attempts_is_no_longer_what_was_asked_for(mine, monkeypatch):
    source = mine.source(sound())
    job = mine.start(source)["id"]
    interrupt(monkeypatch, mine, job, "import.fetched", 1)
    mine.put("reads.fastq.gz", sound(seed=2))
    mine.run(job)
    assert outcomes(mine.job(job)) == [("FAILED", CHANGED)]
    assert (fetched(mine), left(mine), mine.api.rows(tables.read_set)) == ([], [], [])
    assert mine.done(source)["status"] == "COMPLETED"


def test_an_object_that_is_written_to_while_it_is_read_fails(mine, asked):
    def grow():
        with (mine.folder / "reads.fastq.gz").open("ab") as growing:
            growing.write(b"more")

    asked.after, asked.then = 2 * MIB, grow
    assert outcomes(mine.done(mine.source(sound()))) == [("FAILED", CHANGED)]
    assert (fetched(mine), left(mine)) == ([], [])


def damage(mine, name):
    """Let one byte of a blob be another."""
    path = next(mine.api.house.blobs._root.glob(f"blobs/*/{name}"))
    content = bytearray(path.read_bytes())
    content[MIB // 2] ^= 1
    path.write_bytes(content)


def test_a_stretch_that_is_damaged_here_is_fetched_again(mine, asked, monkeypatch):
    content = sound()
    job = mine.start(mine.source(content))["id"]
    interrupt(monkeypatch, mine, job, "import.fetched", 2)
    (damaged, _) = fetched(mine)
    damage(mine, damaged)
    mine.run(job)
    assert fetched(mine) == []
    ((status, message),) = outcomes(mine.job(job))
    assert status == "IN_PROGRESS"
    assert "by its own fault, not the file's" in message
    mine.run(job)
    read_set = made(mine, job)
    assert mine.bytes_of(read_set) == content
    assert damaged not in segments(mine, read_set)
    assert asked.reads[-1] == [0, len(content)]
    assert left(mine) == []


def claim(mine, job):
    """The row of the next attempt of the first source."""
    return mine.api.house.catalog.write(lambda tx: items.claim(tx, f"{job}.1"))


def test_rule_5_an_older_attempt_adds_nothing_to_what_was_fetched(mine, monkeypatch):
    content = sound()
    job = mine.start(mine.source(content))["id"]
    interrupt(monkeypatch, mine, job, "import.stored", 2, then=lambda: claim(mine, job))
    before = fetched(mine)
    assert len(before) == 1
    assert (outcomes(mine.job(job))[0][0], mine.api.rows(tables.item)[0].failures) == ("IN_PROGRESS", 0)
    mine.run(job)
    read_set = made(mine, job)
    assert (mine.bytes_of(read_set), segments(mine, read_set)[:1]) == (content, before)
    assert left(mine) == []


def test_rule_5_an_older_attempt_drops_nothing_of_what_was_fetched(mine, monkeypatch):
    """The newer one may be making a file of it at this moment."""
    source = mine.source(sound())
    job = mine.start(source)["id"]
    interrupt(monkeypatch, mine, job, "import.fetched", 2)
    damage(mine, fetched(mine)[0])
    older, newer = claim(mine, job), claim(mine, job)

    def read_all(attempt):
        house = mine.api.house
        fetch = Fetch(house, attempt, "SOURCE1", look_up(house, attempt, [source["sourceFiles"]["source1"]]))
        with pytest.raises(DamagedBlob):
            list(fetch.chunks())

    read_all(older)
    assert len(fetched(mine)) == 2
    read_all(newer)
    assert fetched(mine) == []


def test_rule_5_an_older_attempt_that_fails_leaves_the_manifest_of_what_another_made(mine):
    house = mine.api.house
    job = mine.start(mine.source(sound()))["id"]
    older = claim(mine, job)

    def refuse():
        raise Refused("not this one")

    conclusion = concluded(house, older, refuse)
    mine.run(job)
    read_set = made(mine, job)
    house.catalog.write(conclusion)
    assert (house.blobs._root / "manifests" / manifest_name(read_set, 1)).exists()


def test_rule_5_a_store_that_is_full_of_what_another_attempt_made_takes_no_manifest_from_it(mine):
    """The name and the place that an older attempt finds taken are those of what it was to make itself."""
    full = ReadsImporter(with_settings(mine.api, quota_read_sets_per_store=1), mine.folder, mine.store)
    theirs, house = importer(mine.api, mine.folder), full.api.house
    jobs = [full.start(full.source(sound()))["id"], theirs.start(theirs.source("ref.fa", fasta()))["id"]]
    kinds = (import_read_set, house), (import_reference, theirs.api.house)
    late = [kind(its, claim(mine, job)) for (kind, its), job in zip(kinds, jobs, strict=True)]
    full.run(jobs[0])
    theirs.run(jobs[1])
    ids = [made(full, jobs[0]), theirs.job(jobs[1])["sources"][0]["referenceId"]]
    assert [house.catalog.write(conclusion).state for conclusion in late] == ["FAILED", "FAILED"]
    assert all((house.blobs._root / "manifests" / manifest_name(one, 1)).exists() for one in ids)


@pytest.mark.parametrize("trouble", [OutOfSpace("the disk is full"), OSError("the disk is broken")], ids=["full", "io"])
def test_rule_6_a_disk_that_takes_no_more_is_no_fault_of_the_source(mine, asked, monkeypatch, trouble):
    content, write = sound(), BlobWriter.write_all

    def failing(self, chunks):
        if len(fetched(mine)) == 2:
            raise trouble
        write(self, chunks)

    job = mine.start(mine.source(content))["id"]
    with monkeypatch.context() as patched:
        patched.setattr(BlobWriter, "write_all", failing)
        mine.run(job)
    ((status, message),) = outcomes(mine.job(job))
    assert (status, "no room" in message) == ("IN_PROGRESS", isinstance(trouble, OutOfSpace))
    assert (len(fetched(mine)), left(mine)) == (2, [])
    mine.run(job)
    assert mine.bytes_of(made(mine, job)) == content
    assert asked.reads[-1] == [2 * MIB, len(content) - 2 * MIB]


def test_a_server_that_stops_in_the_middle_leaves_what_counts_and_no_temporaries(mine, asked):
    content, stopping = sound(), mine.api.house.stopping
    asked.after, asked.then = 2 * MIB, stopping.set
    job = mine.start(mine.source(content))["id"]
    mine.run(job)
    stopping.clear()
    assert (len(fetched(mine)), left(mine), mine.api.rows(tables.item)[0].failures) == (2, [], 0)
    mine.run(job)
    assert mine.bytes_of(made(mine, job)) == content
    assert asked.reads[1:] == [[2 * MIB, len(content) - 2 * MIB]]


def test_an_object_of_exactly_one_stretch_is_one_blob(mine, monkeypatch):
    content = sound()
    monkeypatch.setattr(fetching, "STRETCH", len(content))
    read_set = mine.done(mine.source(content))["sources"][0]["readSetId"]
    assert mine.bytes_of(read_set) == content
    assert len(segments(mine, read_set)) == 1


def test_an_empty_object_fails_and_nothing_is_stored_of_it(mine, asked):
    ((status, message),) = outcomes(mine.done(mine.source(b"")))
    assert status == "FAILED"
    assert "SOURCE1" in message
    assert (asked.reads, left(mine)) == ([], [])


def test_of_files_that_are_one_source_those_that_are_here_are_not_opened_again(mine, asked, monkeypatch):
    uris, contents = mine.lanes(4)
    source = {"sourceFiles": {"source1": uris}, "sourceFileType": "FASTQ", "subjectId": "s", "sampleId": "s"}
    job = mine.start_many(source)["id"]
    interrupt(monkeypatch, mine, job, "import.fetched", 2)
    before = fetched(mine)
    mine.run(job)
    read_set = made(mine, job)
    assert mine.bytes_of(read_set) == b"".join(contents)
    assert segments(mine, read_set)[:2] == before
    assert asked.reads == [[0, len(content)] for content in contents]
    assert left(mine) == []
