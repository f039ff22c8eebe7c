"""How each kill point is reached, on one data folder after the other.

The order matters: a server is armed with the next point while it puts right what the last kill left, and must not
reach it by that. So no point of a job comes after one that leaves a job, none of the sweep after one that leaves
bytes, and none of a Create or Complete after one whose answer is owed, for that is asked for again.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.uploading import fastq, gz
from tests.e2e.wire import UNSIGNED, Line, Wire, as_bytes
from tests.kills.client import Client
from tests.kills.model import ABSENT, Reads, Store
from tests.server import RunningServer

MIB = 1 << 20


@dataclass
class Scene:
    """A server that is armed, a client of it, a store, and the folder that imports read from."""

    server: RunningServer
    client: Client
    store: Store
    folder: Path
    chance: random.Random

    def bytes(self, length: int = 1000) -> bytes:
        """Bytes that no other part has."""
        return self.chance.randbytes(length)

    def bases(self, length: int = 5000) -> str:
        """Bases that no other reference has."""
        return "".join(self.chance.choices("ACGT", k=length))

    def open_upload(self, parts: int = 1) -> Reads:
        """An upload with some parts that are no FASTQ."""
        reads = self.client.new_upload(self.store, sound=False)
        for number in range(1, parts + 1):
            self.client.put(reads, number, self.bytes())
        return reads

    def sound_upload(self, parts: int = 1, records: int = 200) -> Reads:
        """An upload of a pair, each file in some parts."""
        reads = self.client.new_upload(self.store)
        for source, content in self.mates(records).items():
            size = -(-len(content) // parts)
            for number in range(1, parts + 1):
                self.client.put(reads, number, content[(number - 1) * size : number * size], source)
        return reads

    def mates(self, records: int = 200) -> dict[str, bytes]:
        """A pair of files that nobody else has."""
        seed = self.chance.randrange(10**6)
        return {source: gz(fastq(records, 100, mate, seed)) for mate, source in enumerate(("SOURCE1", "SOURCE2"), 1)}

    def read_set(self, parts: int = 1) -> Reads:
        """A read set that is ACTIVE."""
        reads = self.sound_upload(parts)
        self.client.complete(reads)
        assert self.client.checked(reads) == "ACTIVE"
        return reads


def put_part(scene: Scene) -> None:
    scene.open_upload()


def put_large_part(scene: Scene) -> None:
    reads = scene.open_upload(0)
    scene.client.put(reads, 1, scene.bytes(3 * MIB))


def replace_part(scene: Scene) -> None:
    reads = scene.open_upload(2)
    scene.client.put(reads, 1, scene.bytes())


def put_part_too_late(scene: Scene) -> None:
    reads = scene.open_upload()
    target = f"/sequencestore/{scene.store.id}/upload/{reads.upload_id}/part?partNumber=2&partSource=SOURCE1"
    headers = {**Wire(scene.server).signed("PUT", target, b"", UNSIGNED), "content-length": "1000"}
    with Line(scene.server.port) as line:
        line.send(as_bytes("PUT", target, headers, scene.bytes(999)))
        scene.client.abort(reads)
        line.send(b"x")
        assert line.closed()


def complete(scene: Scene) -> None:
    scene.client.complete(scene.sound_upload())


def complete_large(scene: Scene) -> None:
    scene.client.complete(scene.sound_upload(2, records=20_000))


def complete_unsound(scene: Scene) -> None:
    scene.client.complete(scene.open_upload())


def abort(scene: Scene) -> None:
    scene.client.abort(scene.open_upload(2))


def delete(scene: Scene) -> None:
    scene.client.delete(scene.read_set(3))


def undelete(scene: Scene) -> None:
    reads = scene.read_set()
    scene.client.delete(reads)
    scene.client.undelete(reads)


def reingest(scene: Scene) -> None:
    reads = scene.open_upload()
    scene.client.complete(reads)
    assert scene.client.checked(reads) == "UPLOAD_FAILED"
    scene.client.reingest(reads)


def fail_once(scene: Scene) -> None:
    """A block that cannot be vouched for is the server's trouble; it is whole again at the next attempt."""
    reads = scene.sound_upload()
    content = reads.stored()["SOURCE1", 1]
    (blob,) = (p for p in (scene.server.data_dir / "blobs").glob("*/*") if p.read_bytes() == content)
    blob.write_bytes(bytes(len(content)))
    try:
        scene.client.complete(reads)
        scene.server.process.wait(timeout=30)
    finally:
        blob.write_bytes(content)


def expire(scene: Scene) -> None:
    reads = scene.open_upload(2)
    reads.state.possible.add(ABSENT)


def leave_orphan(scene: Scene) -> None:
    (scene.server.data_dir / "blobs" / "abc" / ("abc" + "0" * 29)).write_bytes(b"left by a crash")


def make_store(scene: Scene) -> None:
    scene.client.new_store()


def delete_store(scene: Scene) -> None:
    scene.client.delete_store(scene.client.new_store())


def make_references(scene: Scene) -> None:
    scene.client.new_references()


def delete_references(scene: Scene) -> None:
    scene.client.delete_references(scene.client.new_references())


def import_pair(scene: Scene) -> None:
    scene.client.import_reads(scene.store, scene.folder, scene.mates())


def import_several(scene: Scene) -> None:
    single = {"SOURCE1": scene.mates()["SOURCE1"]}
    scene.client.import_reads(scene.store, scene.folder, scene.mates(), single, scene.mates())


def import_unsound(scene: Scene) -> None:
    scene.client.import_reads(scene.store, scene.folder, {"SOURCE1": scene.bytes()}, sound=False)


def fail_import_once(scene: Scene) -> None:
    """A worker that is killed is the server's trouble: what it was given has been fetched for good."""
    scene.client.import_reads(scene.store, scene.folder, scene.mates(20_000))
    deadline = time.monotonic() + 20
    while len(pids := scene.server.processes()) < 3 and time.monotonic() < deadline:
        time.sleep(0.002)
    for pid in pids[2:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def import_two(scene: Scene) -> None:
    contents = [f">chr1\n{scene.bases()}\n".encode() for _ in range(2)]
    store = scene.client.new_references()
    scene.client.start_import(store, scene.folder, *contents)


def delete_reference(scene: Scene) -> None:
    import_two(scene)
    store = scene.client.model.references[-1]
    scene.client.import_ended(store)
    scene.client.delete_reference(store, store.imported[0])


def tag(scene: Scene) -> None:
    scene.client.tag(scene.store, a="1", b="2")


def untag(scene: Scene) -> None:
    scene.client.tag(scene.store, c="1", d="2", e="3")
    scene.client.untag(scene.store, "c", "d")


def keep_failed(scene: Scene) -> None:
    """Two parts that are no FASTQ, in a store of their own."""
    store = scene.client.new_store()
    scene.client.keep_failed(store, scene.folder)
    reads = scene.client.new_upload(store, sound=False)
    for number in (1, 2):
        scene.client.put(reads, number, scene.bytes())
    scene.client.complete(reads)


@dataclass(frozen=True)
class Scenario:
    """A kill point, which time it is reached, the calls that reach it, and the settings that they need."""

    point: str
    run: Callable[[Scene], None]
    time: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.point}-{self.run.__name__}"


_EXPIRE = {"upload_expiry_s": "2"}
_KEEP = {"delete_after_s": "3600"}

SCENARIOS = [
    Scenario("import.submitted", import_pair),
    Scenario("expiry.committed", expire, settings=_EXPIRE),
    Scenario("import.fetched", import_pair),
    Scenario("expiry.in_transaction", expire, settings=_EXPIRE),
    Scenario("blob.named", import_pair, 2),
    Scenario("blob.streaming", put_large_part, 2),
    Scenario("job.handed_over", complete),
    Scenario("purge.in_transaction", delete),
    Scenario("blob.written", put_part),
    Scenario("job.claimed", complete),
    Scenario("sweep.removed", delete),
    Scenario("blob.named", put_part),
    Scenario("ingest.streaming", complete_large, 3),
    Scenario("purge.committed", delete),
    Scenario("part.stored", put_part),
    Scenario("ingest.examined", complete),
    Scenario("sweep.removing", delete, 4),
    Scenario("part.in_transaction", put_part),
    Scenario("ingest.stored", complete),
    Scenario("sweep.condemned", leave_orphan),
    Scenario("ingest.manifest", complete),
    Scenario("replace.in_transaction", replace_part),
    Scenario("job.in_transaction", complete),
    Scenario("complete.in_transaction", complete),
    Scenario("job.in_transaction", complete_unsound),
    Scenario("abort.in_transaction", abort),
    Scenario("job.committed", complete),
    Scenario("upload.committed", put_part),
    Scenario("job.put_off", fail_once),
    Scenario("part.committed", put_part),
    Scenario("complete.committed", complete),
    Scenario("part.committed", replace_part, 3),
    Scenario("complete.woken", complete),
    Scenario("part.too_late", put_part_too_late),
    Scenario("import.submitted", import_two),
    Scenario("delete.in_transaction", delete),
    Scenario("import.begun", import_two),
    Scenario("reingest.in_transaction", reingest),
    Scenario("import.stored", import_two, 2),
    Scenario("abort.committed", abort),
    Scenario("import.examined", import_two),
    Scenario("undelete.in_transaction", undelete, settings=_KEEP),
    Scenario("import.manifest", import_two),
    Scenario("reingest.committed", reingest),
    Scenario("import.in_transaction", import_two, 2),
    Scenario("undelete.committed", undelete, settings=_KEEP),
    Scenario("import.fetched", import_two, 2),
    Scenario("delete.committed", delete),
    Scenario("import.stored", import_pair, 2),
    Scenario("audit.recorded", make_store),
    Scenario("import.examined", import_pair),
    Scenario("tag.committed", tag),
    Scenario("job.put_off", fail_import_once),
    Scenario("store.deleted", delete_store),
    Scenario("ingest.stored", import_several),
    Scenario("reference_store.committed", make_references),
    Scenario("import.manifest", import_several, 2),
    Scenario("untag.committed", untag),
    Scenario("import.in_transaction", import_several, 2),
    Scenario("reference_store.deleted", delete_references),
    Scenario("job.in_transaction", import_unsound),
    Scenario("reference.deleted", delete_reference),
    Scenario("job.committed", import_several),
    Scenario("store.committed", make_store),
    Scenario("import.fetched", import_several, 3),
    Scenario("fallback.part", keep_failed),
    Scenario("tag.committed", tag),
    Scenario("fallback.told", keep_failed),
]
