"""References examined by real worker processes: plain and bgzip, sound and broken."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pysam
import pytest
import regex

from strandkeep.formats import examine
from strandkeep.formats.examine import examine_fasta
from strandkeep.formats.facts import FastaExamination, Limits, Progress, Sequence, WorkerTrouble

from . import fasta_parser
from .bgzf_files import END as BGZF_END
from .bgzf_files import bgzf
from .fastq_files import flipped, gz, reads, with_all_header_fields

STATUS_MESSAGE = regex.compile(r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]+")


def contigs(n: int, longest: int, seed: int = 1) -> bytes:
    """FASTA text: so many sequences of random length, 60 bases a line."""
    rng = random.Random(seed)
    lines = []
    for number in range(1, n + 1):
        bases = bytes(rng.choices(b"ACGTacgtN", k=rng.randint(1, longest)))
        lines += [b">chr%d of %d" % (number, n), *(bases[i : i + 60] for i in range(0, len(bases), 60))]
    return b"\n".join(lines) + b"\n"


TEXT = contigs(40, 5000)
BGZIP = bgzf(TEXT)

SOUND = {
    "plain": TEXT,
    "bgzip": BGZIP,
    "bgzip with small blocks": bgzf(TEXT[:20_000], size=100),
    "bgzip with blocks cut between lines": bgzf(b">a\nAC\n>b\nAC\n>c\nAC\n", size=6),
    "two bgzip files in one": bgzf(TEXT[:7000]) + bgzf(TEXT[7000:]),
    "empty blocks": BGZF_END + bgzf(b">a\n") + BGZF_END + bgzf(b"ACGT\n") + BGZF_END,
    "CRLF": TEXT.replace(b"\n", b"\r\n"),
    "no last newline": TEXT[:-1],
    "one byte more than a magic number": b">a\nACGT\n",
    "shorter than a magic number": b">a\nA",
}

BAD = {
    "no bytes": (b"", "fasta.empty", None),
    "bgzip of nothing": (BGZF_END, "fasta.empty", None),
    "bgzip without its end": (BGZIP[:-28], "bgzf.end-marker", None),
    "bgzip cut inside a block": (BGZIP[:-40], "bgzf.truncated", None),
    "bgzip cut in the first header": (BGZIP[:9], "bgzf.truncated", None),
    "bgzip with a bit turned": (flipped(BGZIP, 5000), "bgzf.damaged", None),
    "bgzip with a wrong CRC": (flipped(BGZIP, -28 - 6), "bgzf.damaged", None),
    "bytes after bgzip": (BGZIP + b"\n", "bgzf.trailing-garbage", None),
    "gzip": (gz(TEXT), "fasta.not-bgzip", None),
    "gzip with a name": (with_all_header_fields(TEXT), "fasta.not-bgzip", None),
    "bgzip in bgzip": (bgzf(BGZIP), "fasta.compressed-twice", None),
    "bad text in bgzip": (bgzf(TEXT + b">bad\nACGT\nACGTA\n"), "fasta.uneven-lines", 41),
    "FASTQ": (reads(3), "fasta.is-fastq", None),
    "FASTQ in bgzip": (bgzf(reads(3)), "fasta.is-fastq", None),
    "SAM": (b"@HD\tVN:1.6\n@SQ\tSN:1\tLN:10\n", "fasta.is-sam", None),
    "BAM": (bgzf(b"BAM\1\0\0\0\0\0\0\0\0"), "fasta.is-bam", None),
    "CRAM": (b"CRAM\x03\x00" + b"\0" * 50, "fasta.is-cram", None),
    "2bit": (b"\x43\x27\x41\x1a" + bytes(60), "fasta.is-2bit", None),
    "2bit of another machine": (b"\x1a\x41\x27\x43" + bytes(60), "fasta.is-2bit", None),
    "GenBank": (b"LOCUS       SCU49845     5028 bp    DNA\n", "fasta.is-genbank", None),
    "EMBL": (b"ID   X56734; SV 1; linear; mRNA; STD; PLN; 1859 BP.\n", "fasta.is-embl", None),
    "VCF": (b"##fileformat=VCFv4.2\n", "fasta.is-vcf", None),
    "GFF": (b"##gff-version 3\n", "fasta.is-gff", None),
    "an error page": (b"<!DOCTYPE html><html>", "fasta.is-html", None),
    "UTF-8 with a byte order mark": (b"\xef\xbb\xbf" + TEXT, "fasta.byte-order-mark", None),
    "UTF-16": (TEXT.decode().encode("utf-16"), "fasta.byte-order-mark", None),
    "zip": (b"PK\x03\x04" + TEXT, "fasta.compressed", None),
    "bzip2": (b"BZh91AY&SY" + TEXT, "fasta.compressed", None),
    "xz": (b"\xfd7zXZ\0" + bytes(50), "fasta.compressed", None),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(50), "fasta.compressed", None),
    "zeros": (bytes(100), "fasta.header", 1),
    "protein": (b">sp|P12345\nMKVLAAGIVGLLLAQ\n", "fasta.protein", 1),
}


def chunks(stored: bytes, rng: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(stored):
        n = rng.choice([1, 100, 5000, 1 << 20])
        yield stored[at : at + n]
        at += n


def examined(stored: bytes, seed: int = 1, **more) -> FastaExamination:
    return examine_fasta(chunks(stored, random.Random(seed)), **more)


@pytest.mark.parametrize("stored", SOUND.values(), ids=SOUND)
def test_examine_fasta_tells_all_of_a_sound_file(tmp_path: Path, stored: bytes) -> None:
    file = tmp_path / "reference.fa"
    file.write_bytes(stored)
    pysam.samtools.faidx(str(file))
    with pysam.BGZFile(str(file)) as opened:
        text = opened.read()
    gzi = tmp_path / "reference.fa.gzi"
    digests = fasta_parser.parse(text).digests
    assert examined(stored) == FastaExamination(
        problems=(),
        stored_length=len(stored),
        stored_sha256=hashlib.sha256(stored).hexdigest(),
        stored_md5=hashlib.md5(stored).hexdigest(),
        text_length=len(text),
        md5=hashlib.md5(text).hexdigest(),
        sequences=tuple(Sequence(*digest) for digest in digests),
        fai=(tmp_path / "reference.fa.fai").read_bytes(),
        gzi=gzi.read_bytes() if gzi.exists() else None,
    )
    assert gzi.exists() == stored.startswith(b"\x1f\x8b")


def test_the_digests_are_those_of_the_specifications() -> None:
    """M5: the bases of all lines in capitals. sha512t24u: the example in the text of GA4GH's refget."""
    found = examined(b">a\r\nac\r\ngt\r\n>b\nACGT\n")
    assert found.sequences[0].md5 == hashlib.md5(b"ACGT").hexdigest()
    assert {sequence.sha512t24u for sequence in found.sequences} == {"aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2"}


@pytest.mark.parametrize(("stored", "rule", "record"), BAD.values(), ids=BAD)
def test_examine_fasta_refuses_a_bad_file_for_the_right_reason(stored: bytes, rule: str, record: int | None) -> None:
    found = examined(stored)
    (problem,) = found.problems
    assert (problem.source, problem.rule, problem.record) == ("SOURCE", rule, record)
    assert found == FastaExamination(found.problems)
    assert STATUS_MESSAGE.fullmatch(problem.text)
    assert problem.text.startswith("SOURCE")


def test_progress_ends_with_everything() -> None:
    told: list[Progress] = []
    examined(BGZIP, progress=told.append)
    assert told[-1] == Progress(len(BGZIP), len(TEXT), 40)


def test_a_hundred_thousand_sequences() -> None:
    text = b"".join(b">contig_%d\n%s\n" % (number, b"ACGT"[number & 3 :] * 20) for number in range(100_000))
    found = examined(text)
    assert [sequence.name for sequence in found.sequences] == [f"contig_{number}" for number in range(100_000)]
    assert found.fai.count(b"\n") == 100_000


@pytest.mark.parametrize("pack", [bytes, bgzf])
def test_indexes_are_no_longer_than_they_may_be(pack) -> None:
    text = b"".join(b">%d\nA\n" % number for number in range(20_000))
    (problem,) = examined(pack(text), limits=Limits(outputs=1 << 20)).problems
    assert problem.rule == "fasta.index-too-long"


def test_blocks_are_no_more_than_an_index_may_hold() -> None:
    (problem,) = examined(bgzf(b">a\n" + b"A" * 5000, size=1), limits=Limits(outputs=10_000)).problems
    assert problem.rule == "fasta.index-too-long"


def test_rule_11_a_worker_that_sends_more_than_it_may_is_our_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server does not rely on what the worker was told."""

    class Gathering(examine.Gathering):
        def __init__(self, workers, *more) -> None:
            super().__init__(workers, *more)
            for worker in workers:
                worker.limits = Limits(outputs=100)

    monkeypatch.setattr(examine, "Gathering", Gathering)
    with pytest.raises(WorkerTrouble, match="said what no worker says"):
        examined(TEXT)


def test_a_chromosome_on_one_line_takes_no_memory() -> None:
    """200 MB of bases within 90 MiB of address space, of which the interpreter has most."""
    pieces = [b">chr1\n", *[b"ACGT" * 250_000] * 200, b"\n"]
    found = examine_fasta(pieces, limits=Limits(address_space=90 << 20))
    assert [sequence.length for sequence in found.sequences] == [200_000_000]


def test_whatever_is_broken_no_worker_crashes() -> None:
    """Bytes changed and ends cut off, in the text, in bgzip, and in text that was blocked again."""
    rng = random.Random(3)
    small = contigs(6, 700)
    for turn in range(120):
        stored = bytearray([small, bgzf(small, size=1000)][turn % 2])
        for _ in range(rng.randint(0, 3)):
            stored[rng.randrange(len(stored))] = rng.randrange(256)
        if rng.random() < 0.3:
            del stored[rng.randrange(len(stored)) :]
        if turn % 2 == 0 and rng.random() < 0.5:
            stored = bytearray(bgzf(bytes(stored), size=rng.choice([1, 50, 3000])))
        found = examined(bytes(stored), turn)
        assert bool(found.problems) != bool(found.sequences)
