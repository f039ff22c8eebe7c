"""What runs by itself, ingest and the sweep, as actions of which anything can fail."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strandkeep.catalog import tables
from strandkeep.domain import times
from strandkeep.jobs.ingest import ingest, tell_read_set
from strandkeep.jobs.running import run_job
from strandkeep.jobs.sweep import sweep
from tests.faults.calls import SOUND, Members, World, checksum
from tests.formats.alignment_files import sorted_alignments
from tests.formats.fastq_files import gz, reads
from tests.formats.reference_files import GENOME
from tests.operations.conftest import with_settings
from tests.operations.imports import outcomes, reads_importer
from tests.operations.references import fasta, importer
from tests.operations.running import run_waiting


class Ingest:
    """One attempt of a job. The engine logs what it raises, and hands it over again."""

    def __str__(self) -> str:
        return "ingest"

    def prepare(self, world: World) -> Members:
        """An upload that was completed."""
        upload = world.upload()
        part = {"partSource": "SOURCE1", "partNumber": 1, "checksum": checksum(SOUND)}
        read_set = world.api.complete(*upload.values(), [part])
        (job,) = world.api.rows(tables.job, subject=read_set)
        return {"sequenceStoreId": upload["sequenceStoreId"], "id": read_set, "job": job.id}

    def attempt(self, world: World, members: Members) -> Any:
        """Run it; what it raises. It may also put itself off."""
        try:
            run_job(world.served.house, {"ingest": ingest}, tell_read_set, members["job"])
        except Exception as failure:
            return failure
        return None

    def again(self, world: World, _members: Members, _told: Any) -> None:
        """Run what is to be run until it has ended."""
        run_waiting(world.served.house)

    def check(self, world: World, members: Members, _outcome: Any) -> None:
        """The read set is ACTIVE, once, with its facts, its bytes and a manifest."""
        job = members.pop("job")
        found = world.client.get_read_set_metadata(**members)
        assert (found["status"], found.get("statusMessage")) == ("ACTIVE", None)
        assert found["sequenceInformation"]["totalReadCount"] == 20
        assert len(world.api.rows(tables.digest, holder_id=members["id"])) == 1
        assert world.api.events(members["id"]) == [(None, "PROCESSING_UPLOAD"), ("PROCESSING_UPLOAD", "ACTIVE")]
        assert world.api.rows(tables.job, id=job)[0].state == "COMPLETED"
        assert world.api.bytes_of(members["sequenceStoreId"], members["id"]) == SOUND
        assert list((world.disk.root / "manifests").glob(f"{members['id']}.*"))


class Import:
    """One attempt of a job that imports two references."""

    def __str__(self) -> str:
        return "import"

    def prepare(self, world: World) -> Members:
        """A job whose sources lie in a mapped folder."""
        mine = importer(world.api, _bucket(world))
        job = mine.start(*(mine.source(f"{n}.fa", fasta(seed=n)) for n in (1, 2)))["id"]
        return {"importer": mine, "job": job}

    def attempt(self, _world: World, members: Members) -> Any:
        """Run it; what it raises. It may also put itself off."""
        try:
            members["importer"].run(members["job"])
        except Exception as failure:
            return failure
        return None

    def again(self, world: World, members: Members, _told: Any) -> None:
        """Run what is to be run until it has ended."""
        run_waiting(members["importer"].api.house)

    def check(self, world: World, members: Members, _outcome: Any) -> None:
        """Both references are ACTIVE, once, with their bytes and manifests."""
        mine = members["importer"]
        done = mine.job(members["job"])
        assert [source["status"] for source in done["sources"]] == ["FINISHED", "FINISHED"]
        assert len(mine.api("ListReferences", referenceStoreId=mine.store)["references"]) == 2
        for number, source in enumerate(done["sources"], 1):
            assert mine.bytes_of(source["referenceId"]) == fasta(seed=number)
            assert (world.disk.root / "manifests" / f"{source['referenceId']}.1.json").exists()


class ImportReads:
    """One attempt of a job that imports a pair of FASTQ files, and a BAM with its reference."""

    def __init__(self) -> None:
        self._pair = SOUND, gz(reads(20, 100, mate=2))
        self._bam = sorted_alignments(50).bam()
        # The server → its reference, which the BAM lies on.
        self._references: dict[int, str] = {}

    def __str__(self) -> str:
        return "import of read sets"

    def prepare(self, world: World) -> Members:
        """A job whose sources lie in a mapped folder."""
        mine = reads_importer(world.api, _bucket(world))
        pair = mine.source(*self._pair)
        bam = mine.source(self._bam, key="b.bam", sourceFileType="BAM", referenceArn=self._reference(world))
        return {"importer": mine, "job": mine.start(pair, bam)["id"]}

    def attempt(self, _world: World, members: Members) -> Any:
        """Run it; what it raises. It may also put itself off."""
        try:
            members["importer"].run(members["job"])
        except Exception as failure:
            return failure
        return None

    def again(self, world: World, members: Members, _told: Any) -> None:
        """Run what is to be run until it has ended."""
        run_waiting(members["importer"].api.house)

    def check(self, world: World, members: Members, _outcome: Any) -> None:
        """Both read sets are ACTIVE, once, with their bytes and manifests; nothing is kept of how they came."""
        mine = members["importer"]
        done = mine.job(members["job"])
        assert outcomes(done) == [("FINISHED", "The source was imported.")] * 2
        pair, bam = (source["readSetId"] for source in done["sources"])
        assert {one["id"] for one in mine.api("ListReadSets", sequenceStoreId=mine.store)["readSets"]} == {pair, bam}
        assert (mine.bytes_of(pair), mine.bytes_of(pair, file="SOURCE2")) == self._pair
        assert (mine.bytes_of(bam), len(mine.bytes_of(bam, file="INDEX")) > 0) == (self._bam, True)
        assert {mine.metadata(one)["status"] for one in (pair, bam)} == {"ACTIVE"}
        assert all((world.disk.root / "manifests" / f"{one}.1.json").exists() for one in (pair, bam))
        assert mine.api.rows(tables.fetched) == []

    def _reference(self, world: World) -> str:
        if id(world.served) not in self._references:
            mine = importer(world.api, _bucket(world))
            self._references[id(world.served)] = mine.arn(mine.reference("genome.fa", GENOME.fasta()))
        return self._references[id(world.served)]


def _bucket(world: World) -> Path:
    """The folder that imports read from."""
    folder = world.disk.root.parent / "bucket"
    folder.mkdir(exist_ok=True)
    return folder


@dataclass(frozen=True)
class Swept:
    """What a sweep is to end, remove, and leave alone."""

    upload: str
    read_set: str
    gone: frozenset[str]
    kept: str


class Sweep:
    """One round of the sweep. The sweeper logs what it raises; the next round goes on."""

    def __str__(self) -> str:
        return "sweep"

    def prepare(self, world: World) -> Swept:
        """An upload that expires, a deleted read set whose time is over, a replaced part, an orphan; and a read set."""
        self._all(world)
        api, deleted, kept = world.api, world.read_set(b"deleted"), world.read_set(b"kept")
        api("BatchDeleteReadSet", sequenceStoreId=deleted["sequenceStoreId"], ids=[deleted["id"]])
        upload = world.upload()
        replaced = api.part_blobs(upload["uploadId"])["SOURCE1", 1]
        api.put_part(*upload.values(), 1, b"replaces it")
        blobs = [row.blob for row in api.rows(tables.segment, holder_id=deleted["id"])]
        orphan = world.orphan()
        world.served.house.catalog.clock.move(8 * times.DAY)
        (segment,) = api.rows(tables.segment, holder_id=kept["id"])
        return Swept(upload["uploadId"], deleted["id"], frozenset({replaced, orphan, *blobs}), segment.blob)

    def attempt(self, world: World, _swept: Swept) -> Any:
        """Sweep once; what it raises, a group of all that failed."""
        try:
            self._all(world)
        except Exception as failure:
            return failure
        return None

    def again(self, world: World, _swept: Swept, _told: Any) -> None:
        """Sweep again."""
        self._all(world)

    def check(self, world: World, swept: Swept, _outcome: Any) -> None:
        """What may go is gone, the rest is there."""
        api = world.api
        assert api.events(swept.upload) == [(None, "OPEN"), ("OPEN", "EXPIRED")]
        assert api.rows(tables.read_set, id=swept.read_set) == []
        stored = {name for names in world.served.house.blobs.orphans(0) for name in names}
        assert not stored & swept.gone
        assert swept.kept in stored

    def _all(self, world: World) -> None:
        sweep(with_settings(world.api, orphan_grace_s=0).house)
