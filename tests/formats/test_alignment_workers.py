"""Whole examinations of alignments by real workers: what they may use, and that they reach for nothing."""

import hashlib
import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import psutil
import pytest

from strandkeep.formats.examine import examine_alignments
from strandkeep.formats.facts import Examination, Index, Limits, Progress, ReferenceFiles, Run, WorkerTrouble

from . import alignment_files as files
from .alignment_files import SOUND, aligned, placed, sorted_alignments
from .bam_records import header, tag
from .bgzf_files import END, around, bgzf, block, blocked
from .cram_files import VERSIONS, cram, cram_text
from .reference_files import GENOME, Reference
from .samtools import Samtools
from .test_process import nothing_is_left, workers  # noqa: F401
from .watched_folder import watched

FileType = Literal["BAM", "UBAM", "CRAM"]
MIB = 1 << 20


def examine(stored: bytes, file_type: FileType = "BAM", size: int = 100_000, **more: Any) -> Examination:
    pieces = (stored[at : at + size] for at in range(0, len(stored), size))
    given: dict[str, Any] = {"algorithm": "md5", "reference": None, **more}
    return examine_alignments(file_type, pieces, **given)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> ReferenceFiles:
    folder = tmp_path_factory.mktemp("reference")
    dictionary = folder / "dictionary.json"
    dictionary.write_text(json.dumps([(name, length, GENOME.m5(name)) for name, length in GENOME.dictionary]))
    return ReferenceFiles(dictionary, GENOME.write(folder))


@pytest.mark.parametrize("size", [1, 977, 1 << 20])
def test_the_outcome_is_the_same_in_whatever_chunks(samtools: Samtools, size: int) -> None:
    stored = sorted_alignments(30 if size == 1 else 300).bam()
    found = examine(stored, size=size)
    facts = found.sources["SOURCE1"]
    assert not found.problems
    assert not found.notes
    assert facts.text_digest == hashlib.md5(samtools.text(stored)).hexdigest()
    assert found.index == Index("bai", samtools.index(stored))
    assert found.run == Run("A00738", "12", "HXYZDSX2", 1)


def test_a_problem_names_the_source_and_the_record() -> None:
    found = examine(aligned([placed(1, 0, 3), placed(2, 9, 3)]).bam())
    (problem,) = found.problems
    assert (problem.source, problem.record, problem.rule) == ("SOURCE1", 2, "alignment.contig")
    assert problem.text.startswith("SOURCE1, record 2: 'r2' is on contig number 9")
    assert not found.sources
    assert found.index is None


@pytest.mark.parametrize("file_type", ["BAM", "UBAM"])
def test_a_bam_and_a_ubam_differ_by_the_index(samtools: Samtools, file_type: FileType) -> None:
    stored = SOUND["pairs"].bam()
    found = examine(stored, file_type)
    assert (found.index is None) == (file_type == "UBAM")
    assert bool(found.notes) == (file_type == "UBAM")
    assert found.sources["SOURCE1"].text_digest == hashlib.md5(samtools.text(stored)).hexdigest()


def test_progress_ends_with_everything() -> None:
    stored = sorted_alignments(300).bam()
    told: list[Progress] = []

    def chunks() -> Iterator[bytes]:
        yield stored[:20_000]
        time.sleep(0.4)
        yield stored[20_000:30_000]
        time.sleep(0.4)
        yield stored[30_000:]

    examine_alignments("BAM", chunks(), algorithm="md5", reference=None, progress=told.append)
    # It is told also while nothing comes.
    assert told[0].stored <= told[-1].stored <= len(stored)
    assert told[-1].stored > 0
    assert told == sorted(told, key=lambda progress: progress.text)


# What a worker reaches for


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def nobody_came(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False


def with_places(text: str, *places: str) -> str:
    """A header whose every @SQ names these places as where its reference is."""
    fields = "".join(f"\tUR:{place}" for place in places)
    return re.sub(r"(@SQ\t[^\n]*?)(\tM5:[^\n]*)?\n", rf"\1\2{fields}\n", text)


@pytest.mark.parametrize("given", ["the reference", "no reference", "one without the contig"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_places_of_a_header_are_never_opened(
    samtools: Samtools,
    reference: ReferenceFiles,
    listener: socket.socket,
    tmp_path: Path,
    version: str,
    given: str,
) -> None:
    """UR names the true reference, by path, as htslib writes it, and by URL."""
    canaries = tmp_path / "canaries"
    canaries.mkdir()
    canary = GENOME.write(canaries, "canary.fa")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/canary.fa"
    alignments = sorted_alignments(50, m5=True)
    told = replace(alignments, text=with_places(alignments.text, "replaced", f"file://{canary}", url))
    stored = cram(samtools, told, canary, version)
    told_at_last = samtools.text(stored, "-H").decode()
    assert told_at_last.count(f"\tUR:{canary}\tUR:file://{canary}\tUR:{url}") == len(GENOME.contigs)
    lacking = Reference({name: bases for name, bases in GENOME.contigs.items() if name != "chr1"})
    chosen = {
        "the reference": reference.fasta,
        "no reference": None,
        "one without the contig": lacking.write(tmp_path, "lacking.fa"),
    }[given]
    linked = ReferenceFiles(reference.dictionary, chosen)
    with watched(canaries) as opened:
        found = examine(stored, "CRAM", reference=linked)
    assert opened == []
    assert nobody_came(listener)
    assert bool(found.problems) == (given != "the reference")


def test_the_places_of_a_bams_header_are_never_opened(
    reference: ReferenceFiles, listener: socket.socket, tmp_path: Path
) -> None:
    canary = GENOME.write(tmp_path, "canary.fa")
    alignments = sorted_alignments(50)
    places = (str(canary), f"http://127.0.0.1:{listener.getsockname()[1]}/x")
    stored = replace(alignments, text=with_places(alignments.text, *places)).bam()
    with watched(tmp_path) as opened:
        assert not examine(stored, reference=reference).problems
    assert opened == []
    assert nobody_came(listener)


@pytest.mark.parametrize("file_type", ["BAM", "CRAM"])
def test_a_worker_that_reads_has_nothing_open_but_its_pipes(
    samtools: Samtools, reference: ReferenceFiles, file_type: FileType
) -> None:
    alignments = sorted_alignments(3000)
    stored = alignments.bam() if file_type == "BAM" else cram(samtools, alignments, GENOME, kind="small slices")
    seen: list[tuple[set[str], int]] = []

    def chunks() -> Iterator[bytes]:
        half = len(stored) // 2
        yield stored[:half]
        time.sleep(1)
        (worker,) = workers()
        seen.append(({file.path for file in worker.open_files()}, len(worker.net_connections())))
        yield stored[half:]

    found = examine_alignments(file_type, chunks(), algorithm="md5", reference=reference)
    assert not found.problems
    assert seen == [({str(reference.fasta)} if file_type == "CRAM" else set(), 0)]


# What a worker may use


def peak_of(stored: bytes, file_type: FileType = "BAM", **more: Any) -> tuple[float, Examination]:
    """The most resident memory of the worker, MiB, just before it has the last byte."""
    peaks: list[int] = []

    def chunks() -> Iterator[bytes]:
        for at in range(0, len(stored) - 1, MIB):
            yield stored[at : min(at + MIB, len(stored) - 1)]
        time.sleep(0.5)
        (worker,) = workers()
        status = Path(f"/proc/{worker.pid}/status").read_text()
        peaks.append(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]))  # type: ignore[index]
        yield stored[-1:]

    given: dict[str, Any] = {"algorithm": "md5", "reference": None, **more}
    found = examine_alignments(file_type, chunks(), **given)
    return peaks[0] / 1024, found


@pytest.mark.parametrize("count", [1000, 12_000])
def test_a_bams_worker_keeps_to_64_mib(count: int) -> None:
    peak, found = peak_of(sorted_alignments(count).bam())
    assert not found.problems
    assert peak <= 64


def test_a_block_that_inflates_to_far_more_takes_no_memory() -> None:
    """60 MiB in each of a hundred blocks that say 64 KiB; the first one is refused."""
    bomb = around(block(bytes(60 * MIB))[18:-8], 0, 65_536)
    stored = blocked([aligned([]).head], end=False) + bomb * 100 + END
    found = examine(stored, limits=Limits(address_space=400 * MIB))
    assert found.problems[0].rule == "bgzf.damaged"


def test_a_header_that_claims_much_takes_no_memory() -> None:
    """A text of 2 GiB less a byte, of which 30 MiB come."""
    stored = bgzf(b"BAM\1\xff\xff\xff\x7f" + b"@CO\t" + bytes(30 * MIB))
    found = examine(stored, limits=Limits(address_space=300 * MIB))
    assert found.problems[0].rule == "alignment.header"


@pytest.mark.parametrize("line", ["\n", "@CO\n"])
def test_a_header_of_millions_of_lines_takes_little_memory(line: str) -> None:
    stored = bgzf(header(line * (60 * MIB // len(line)), []))
    assert not examine(stored, "UBAM", limits=Limits(address_space=500 * MIB)).problems


def test_a_header_of_millions_of_contigs_is_refused() -> None:
    listed = b"".join(b"\x08\0\0\0%07d\0\1\0\0\0" % number for number in range(1_500_001))
    stored = bgzf(header("", [])[:-4] + struct.pack("<i", 1_500_001) + listed)
    (problem,) = examine(stored, limits=Limits(address_space=300 * MIB)).problems
    assert "more than 1500000 contigs" in problem.text


def test_a_record_that_claims_much_takes_no_memory() -> None:
    head = aligned([]).head
    stored = bgzf(head + b"\xff\xff\xff\x7f" + bytes(30 * MIB))
    found = examine(stored, limits=Limits(address_space=300 * MIB))
    assert found.problems[0].rule == "alignment.too-long"


def a_long_record(length: int) -> bytes:
    return files.Alignments("", [], [files.Read("long", tags=tag("XZ", "Z", "x" * length))]).bam()


def test_a_record_may_be_as_long_as_a_line() -> None:
    assert examine(a_long_record(60 * MIB), "UBAM").sources["SOURCE1"].text_length > 60 * MIB
    (problem,) = examine(a_long_record(64 * MIB), "UBAM").problems
    assert (problem.rule, problem.record) == ("alignment.too-long", 1)


@pytest.mark.parametrize("kind", ["c", "C", "s", "f"])
def test_an_array_that_is_far_longer_as_text_takes_no_memory(kind: str) -> None:
    """63 MiB of an array; as text -128 takes five times what it takes as a byte."""
    size = {"c": 1, "C": 1, "s": 2, "f": 4}[kind]
    array = b"XBB" + kind.encode() + struct.pack("<I", 63 * MIB // size) + b"\x80" * (63 * MIB)
    stored = files.Alignments("", [], [files.Read("long", tags=array)]).bam()
    (problem,) = examine(stored, "UBAM", limits=Limits(address_space=500 * MIB)).problems
    assert (problem.rule, problem.record) == ("alignment.too-long", 1)


def test_rule_11_too_little_memory_is_our_trouble() -> None:
    with pytest.raises(WorkerTrouble, match=r"ran out of memory|ended without a verdict"):
        examine(SOUND["pairs"].bam(), limits=Limits(address_space=MIB))


def test_rule_11_memory_that_ends_in_the_middle_is_our_trouble() -> None:
    """Enough to start, not enough for a record of 60 MiB."""
    with pytest.raises(WorkerTrouble, match=r"ran out of memory"):
        examine(a_long_record(60 * MIB), "UBAM", limits=Limits(address_space=180 * MIB))


def test_rule_11_too_much_cpu_is_our_trouble() -> None:
    head = blocked([aligned([]).head], end=False)
    body = b"".join(block(record) for record in aligned([placed(1, 0, 5)]).records * 3000)

    def forever() -> Iterator[bytes]:
        yield head
        while True:
            yield body

    with pytest.raises(WorkerTrouble, match="more CPU"):
        examine_alignments("BAM", forever(), algorithm="md5", reference=None, limits=Limits(cpu_s=1, cpu_s_per_gb=0))


def test_rule_11_a_worker_that_stands_still_is_our_trouble() -> None:
    stored = sorted_alignments(3000).bam()

    def chunks() -> Iterator[bytes]:
        yield stored[:100_000]
        time.sleep(0.5)
        for worker in workers():
            worker.suspend()
        yield from [stored[100_000:] + bytes(4 * MIB)] * 10

    with pytest.raises(WorkerTrouble, match=r"no progress for 0\.5 s"):
        examine_alignments("BAM", chunks(), algorithm="md5", reference=None, limits=Limits(stall_s=0.5))


def test_rule_11_an_index_that_is_too_long_is_our_trouble() -> None:
    with pytest.raises(WorkerTrouble):
        examine(SOUND["100,000 contigs"].bam(), limits=Limits(outputs=1000))


def test_nothing_leaks_in_many_runs() -> None:
    before = psutil.Process().memory_info().rss
    for _ in range(20):
        examine(SOUND["one read"].bam())
        examine(SOUND["one read"].bam()[:-1])
    assert psutil.Process().memory_info().rss - before < 20 * MIB


def test_the_digest_of_a_cram_is_that_of_its_text(
    samtools: Samtools, reference: ReferenceFiles, tmp_path: Path
) -> None:
    stored = cram(samtools, SOUND["pairs"], GENOME)
    found = examine(stored, "CRAM", reference=reference)
    assert not found.problems
    text = cram_text(samtools, stored, GENOME.write(tmp_path))
    assert found.sources["SOURCE1"].text_digest == hashlib.md5(text).hexdigest()
    assert found.index == Index("crai", samtools.index(stored))
