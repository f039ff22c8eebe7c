"""CRAM that is refused: what is told of it, and that nothing in it makes a worker open or take what it should not."""

import hashlib
import os
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strandkeep.formats import cram_layout, cram_slices
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.stored import StoredBytes

from .alignment_files import Alignments, aligned, placed, sorted_alignments
from .bam_records import UNMAPPED
from .cram_files import KINDS, VERSIONS, cram, cram_text
from .cram_mutants import boundaries, mutant, pieces
from .fastq_files import gz, reads
from .forked_worker import ForkedWorkers, Verdict
from .reference_files import GENOME, Reference, random_reference
from .samtools import Samtools
from .test_cram import dictionary

CUT = {"cram.truncated", "cram.end-container", "cram.not-cram"}


@pytest.fixture(scope="module")
def fasta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return GENOME.write(tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def crams(samtools: Samtools, fasta: Path) -> dict[tuple[str, str], bytes]:
    """A small file of each version and kind."""
    alignments = sorted_alignments(150)
    return {(version, kind): cram(samtools, alignments, fasta, version, kind) for version in VERSIONS for kind in KINDS}


def problem(found: Verdict) -> dict[str, Any]:
    assert found.status == 0
    assert found.facts is None
    assert found.problem is not None
    assert len(found.problem["text"]) <= 240
    return found.problem


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_cut_anywhere_is_refused(
    workers: ForkedWorkers, crams: dict[tuple[str, str], bytes], fasta: Path, version: str
) -> None:
    stored = crams[version, "small slices"]
    chance = random.Random(1)
    places = {*boundaries(stored)[:-1], *chance.sample(range(len(stored)), 100), len(stored) - 1, *range(1, 60)}
    for place in places:
        found = problem(workers.examine(stored[:place], "cram", fasta=str(fasta)))
        assert found["rule"] in CUT, place
        assert found["offset"] == place


@pytest.mark.parametrize("version", ["3.0", "3.1"])
def test_a_turned_bit_is_refused_or_in_what_nothing_depends_on(
    workers: ForkedWorkers, crams: dict[tuple[str, str], bytes], fasta: Path, version: str
) -> None:
    """From CRAM 3 on, all but the definition's own name of the file and the padding of the header is under a CRC."""
    stored = crams[version, "several contigs in a slice"]
    whole = workers.examine(stored, "cram", fasta=str(fasta))
    assert whole.facts
    chance = random.Random(2)
    for place in [*range(400), *chance.sample(range(len(stored)), 200)]:
        turned = stored[:place] + bytes([stored[place] ^ 1 << chance.randrange(8)]) + stored[place + 1 :]
        found = workers.examine(turned, "cram", fasta=str(fasta))
        assert found.status == 0
        assert found.problem or place < 26, place
        if found.facts:
            assert found.facts["text_digest"] == whole.facts["text_digest"], place
            assert found.outputs == whole.outputs, place


@pytest.mark.parametrize("first", range(0, 1200, 100))
def test_mutants_are_refused_or_told_as_samtools_tells_them(
    samtools: Samtools, workers: ForkedWorkers, crams: dict[tuple[str, str], bytes], fasta: Path, first: int
) -> None:
    check_mutants(samtools, workers, list(crams.values()), fasta, range(first, first + 100))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_many_mutants(
    samtools: Samtools, workers: ForkedWorkers, crams: dict[tuple[str, str], bytes], fasta: Path
) -> None:
    check_mutants(samtools, workers, list(crams.values()), fasta, range(10_000, 50_000))


def check_mutants(samtools: Samtools, workers: ForkedWorkers, sound: list[bytes], fasta: Path, seeds: range) -> None:
    """Their CRCs fit: what is wrong is wrong in what they say.

    htslib leaves a base as it finds it in memory when a damaged substitution does not say which: then the digest, as
    the text of samtools, differs from run to run.
    """
    unset = 0
    for seed in seeds:
        stored = mutant(sound[seed % len(sound)], seed)
        found = workers.examine(stored, "cram", fasta=str(fasta))
        assert found.status == 0, seed
        assert (found.problem is None) == (found.facts is not None), seed
        if found.facts:
            text = _text(samtools, stored, fasta)
            assert found.facts["text_length"] == len(text), seed
            unset += found.facts["text_digest"] != hashlib.md5(text).hexdigest()
            index = samtools.attempt_index(stored)
            assert index in (None, found.outputs.get("crai")) or not found.outputs, seed
    assert unset <= max(2, len(seeds) // 500)


def _text(samtools: Samtools, stored: bytes, fasta: Path) -> bytes:
    """samtools names reads without a name after the file."""
    lines = cram_text(samtools, stored, fasta).splitlines(keepends=True)
    return b"".join(b"-:" + line[7:] if line.startswith(b"stored:") else line for line in lines)


def test_what_is_no_cram_is_told_by_its_name(workers: ForkedWorkers) -> None:
    for stored, rule, words in (
        (b"", "cram.empty", "no bytes"),
        (aligned([placed(1, 0, 0)]).bam(), "cram.not-cram", "BAM"),
        (gz(reads(3)), "cram.not-cram", "gzip"),
        (b"@HD\tVN:1.6\n", "cram.not-cram", "SAM"),
        (b"anything", "cram.not-cram", "'CRAM'"),
        (b"CRAM\2\0" + bytes(20), "cram.version", "2.0"),
        (b"CRAM\4\0" + bytes(20), "cram.version", "4.0"),
    ):
        found = problem(workers.examine(stored, "cram"))
        assert found["rule"] == rule
        assert words in found["text"]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_follows_the_end(
    workers: ForkedWorkers, crams: dict[tuple[str, str], bytes], fasta: Path, version: str
) -> None:
    stored = crams[version, "external"]
    for more, rule in ((b"\0", "cram.trailing-garbage"), (stored, "cram.concatenated")):
        found = problem(workers.examine(stored + more, "cram", fasta=str(fasta)))
        assert (found["rule"], found["offset"]) == (rule, len(stored))
        assert str(len(stored)) in found["text"]
        assert "whole records came before" in found["text"]


def test_a_fault_is_told_by_its_place_in_the_uploaded_file(
    workers: ForkedWorkers, crams: dict[tuple[str, str], bytes], fasta: Path
) -> None:
    """Whether or not a line is added to the header."""
    stored = crams["3.0", "small slices"]
    block = pieces(stored)[-4]
    turned = stored[: block.end - 1] + bytes([stored[block.end - 1] ^ 1]) + stored[block.end :]
    for content in (turned, stored[:-3], stored + b"x"):
        found, without = (
            problem(workers.examine(content, "cram", fasta=str(fasta), provenance=line)) for line in ("@CO\tx", None)
        )
        assert found == without
    assert problem(workers.examine(turned, "cram", fasta=str(fasta)))["offset"] == block.start


def on_one_contig(m5: bool = False) -> Alignments:
    reads = [
        placed(number, 0, number * 7, bases=GENOME.contigs["chr1"][number * 7 :][:20].upper()) for number in range(50)
    ]
    return aligned(reads, m5=m5)


@pytest.mark.parametrize("kind", ["external", "several contigs in a slice"])
@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (random_reference(dict(GENOME.dictionary), seed=2), "'chr1', which is another sequence in the reference"),
        (Reference({name: bases for name, bases in GENOME.contigs.items() if name != "chr1"}),
         "'chr1', which the reference does not have"),
        (Reference({**GENOME.contigs, "chr1": GENOME.contigs["chr1"] + b"A"}),
         "'chr1', which has 20000 bases by the header but 20001 in the reference"),
    ],
    ids=["other bases", "not there", "longer"],
)  # fmt: skip
def test_another_reference(
    samtools: Samtools, workers: ForkedWorkers, fasta: Path, tmp_path: Path, kind: str, reference: Reference, words: str
) -> None:
    """Named by the contig, whether htslib noticed it or the dictionaries did."""
    stored = cram(samtools, on_one_contig(), fasta, kind=kind)
    other = reference.write(tmp_path)
    found = problem(workers.examine(stored, "cram", fasta=str(other), dictionary=dictionary(other, reference)))
    assert found["rule"] == "alignment.reference"
    assert words.split("'chr1', ")[1] in found["text"]
    assert "chr1" in found["text"]


def test_without_a_reference(samtools: Samtools, workers: ForkedWorkers, fasta: Path) -> None:
    stored = cram(samtools, on_one_contig(), fasta)
    found = problem(workers.examine(stored, "cram"))
    assert found["rule"] == "cram.no-reference"
    assert "'chr1'" in found["text"]


def test_a_reference_that_is_away_is_no_fault_of_the_file(
    samtools: Samtools, workers: ForkedWorkers, fasta: Path, tmp_path: Path
) -> None:
    (tmp_path / "alone.fa").write_bytes(GENOME.fasta())
    for path in (tmp_path / "nothing.fa", tmp_path / "alone.fa"):
        found = workers.examine(cram(samtools, on_one_contig(), fasta), "cram", fasta=str(path))
        assert found.status != 0
        assert found.problem is None


def test_bases_that_no_m5_vouches_for_are_checked_by_the_slices(
    samtools: Samtools, workers: ForkedWorkers, fasta: Path, tmp_path: Path
) -> None:
    """The reference is as long and its dictionary is not asked: the MD5 of the slice's own bases tells."""
    other = random_reference(dict(GENOME.dictionary), seed=2).write(tmp_path)
    found = problem(workers.examine(cram(samtools, on_one_contig(), fasta), "cram", fasta=str(other)))
    assert found["rule"] == "alignment.reference"
    assert "chr1" in found["text"]
    assert "are not those of the reference" in found["text"]


def test_only_contigs_that_records_are_mapped_to_must_be_in_the_reference(
    samtools: Samtools, workers: ForkedWorkers, fasta: Path, tmp_path: Path
) -> None:
    reads = [*on_one_contig().reads, placed(90, 1, 5, flag=UNMAPPED, cigar="")]
    stored = cram(samtools, aligned(reads), fasta, kind="none")
    fewer = Reference({"chr1": GENOME.contigs["chr1"]})
    path = fewer.write(tmp_path)
    assert workers.examine(stored, "cram", fasta=str(path), dictionary=dictionary(path, fewer)).facts


@pytest.fixture
def listener() -> Iterator[tuple[str, list[object]]]:
    """The address of a web server, and who called it."""
    calls: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    calls.append(server.accept())
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", calls
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("m5", [True, False])
@pytest.mark.parametrize("kind", ["external", "several contigs in a slice"])
@pytest.mark.parametrize("given", ["nothing", "a reference without the contig"])
def test_no_name_in_a_file_opens_anything(
    samtools: Samtools,
    workers: ForkedWorkers,
    fasta: Path,
    tmp_path: Path,
    listener: tuple[str, list[object]],
    given: str,
    kind: str,
    m5: bool,
) -> None:
    """A FIFO would make whoever opens it wait for ever, and a file would tell by its time of access."""
    url, calls = listener
    secret, fifo = tmp_path / "secret.fa", tmp_path / "fifo.fa"
    secret.write_bytes(GENOME.fasta())
    os.utime(secret, (1, 1))
    os.mkfifo(fifo)
    fewer = Reference({"chr2": GENOME.contigs["chr2"]}).write(tmp_path, "fewer.fa")
    for place in (str(secret), f"file://{secret}", str(fifo), f"{url}/x.fa", f"{url.replace('http', 'ftp')}/x.fa"):
        text = on_one_contig(m5).text.replace("\tLN:20000", f"\tLN:20000\tUR:{place}")
        stored = with_header(cram(samtools, on_one_contig(m5), fasta, kind=kind), text)
        assert place.encode() in samtools.text(stored, "-H")
        found = problem(workers.examine(stored, "cram", fasta=str(fewer) if given != "nothing" else None))
        assert found["rule"] in ("cram.no-reference", "alignment.reference")
        assert "chr1" in found["text"]
    assert secret.stat().st_atime == 1
    assert calls == []


def with_header(stored: bytes, text: str) -> bytes:
    tail = next(piece.start for piece in pieces(stored)[1:] if piece.is_header)
    head = cram_layout.header_container(text.encode(), cram_layout.Version(stored[4], stored[5]))
    return stored[:26] + head + stored[tail:]


@pytest.mark.parametrize(("limit", "most"), [("MOST_RECORDS", 49), ("MOST_BYTES", 500)])
def test_a_slice_that_is_too_large_is_refused_before_it_is_decoded(
    samtools: Samtools, fasta: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    stored = StoredBytes(iter([cram(samtools, on_one_contig(), fasta)]))
    version = cram_layout.definition(stored)
    stored.take(cram_layout.DEFINITION)
    cram_layout.header_text(stored, version)
    start = stored.offset
    monkeypatch.setattr(cram_slices, limit, most)
    with pytest.raises(Refusal, match="smaller slices") as refused:
        cram_slices.Slices(stored, version, lambda found: None, lambda piece: None).run()
    assert refused.value.rule == "cram.slice-too-large"
    assert refused.value.offset is not None
    assert refused.value.offset > start
